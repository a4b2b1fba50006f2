"""File → article → posts, sections and sentences with exact offsets, without what is no article.

The files are plain text as pages give it when copied: a heading is a short line without a full
stop, a list item starts with a bullet or a number, `How:`, `Tips:`, `Why:` and `Note:` lines belong
to the heading above them. Offsets count code points of the decoded file. Nothing here is
searched, ranked or shown.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from assistant.errors import CorpusError
from assistant.sources import SOURCES_FILE, Source, find_left_out
from assistant.text import is_question, iter_sentences, sha256_text, squeeze, trim
from assistant.types import (
    NOT_STATED,
    Article,
    Block,
    BlockKind,
    EvidenceTag,
    LeftOut,
    Original,
    Sentence,
    Span,
)

if TYPE_CHECKING:
    from assistant.documents import Document

SPLITTER_VERSION: Final = "2"
MIN_WORDS_BESIDE_LEFT_OUT: Final = 4

_BULLET: Final = re.compile(r"[ \t]*(?P<marker>[•·*\-–▪◦])[ \t]+(?=\S)")
_NUMBER: Final = re.compile(r"[ \t]*(?P<marker>\d{1,3}[.)])[ \t]+(?=\S)")
_LABEL: Final = re.compile(r"(?P<marker>How|Tips?|Why|Note|Warning):(?=\s|$)")
_REFERENCE: Final = re.compile(r"\b(?:19|20)\d\d\s*;\s*\d+")
_REFERENCE_MARK: Final = re.compile(r"\((\d{1,2})\)")
_KEYCAP: Final = re.compile(r"\d\ufe0f?\u20e3")
_HEADING_END: Final = (".", "!", ",", ";", ":", "…", "”", "*")
_ASKING: Final = frozenset({"what", "why", "how", "when", "where", "who"})
_INSTRUCTION_MARKERS: Final = frozenset({"How", "Tip", "Tips"})


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    end: int
    text: str


@dataclass(slots=True)
class _Outline:
    """The headings above the line being read."""

    post: str
    levels: list[str] = field(default_factory=list)
    numbered: str = ""

    def section(self) -> tuple[str, ...]:
        return (self.post, *self.levels)

    def open(self, heading: str, level: int) -> None:
        del self.levels[level - 1 :]
        self.levels.append(heading)


def parse_article(
    article_id: str,
    text: str,
    source: Source | None = None,
    document: Document | None = None,
    original: Original | None = None,
) -> Article:
    """`text` as an article, with its blocks, its sentences and what is left out.

    Args:
        source: what ``sources.toml`` says of it; what it states counts more than the file itself.
        document: what the file's format says of the text: headings, pages, author.
        original: the file that the text was read from.

    Raises:
        CorpusError: words that ``sources.toml`` names are not in the text, or not exactly once.
    """
    source = source or Source()
    left_out = find_left_out(article_id, text, source)
    lines = [line for line in _iter_lines(text) if line.text.strip()]
    kept = (_kept_words(text, left_out, line.start, line.end) for line in lines)
    stated = document.title if document else ""
    title = source.title or squeeze(stated) or next((words for words in kept if words), article_id)
    for named in (title, *source.posts):
        if source.title and not any(squeeze(line.text) == named for line in lines):
            raise CorpusError(f"no line is {named!r}, which {SOURCES_FILE} names; correct it")
    article = Article(
        id=article_id,
        title=title,
        text=text,
        sha256=sha256_text(text),
        source_kind=source.kind,
        claims_rest_on=source.claims_rest_on,
        author=_stated(source.author, document.author if document else ""),
        date=_stated(source.date, document.date if document else ""),
        address=_stated(source.address, document.address if document else ""),
        left_out=left_out,
        original=original,
        pages=document.pages if document else (),
    )
    marked = dict(document.headings) if document and document.structured else None
    blocks, owners = _split_blocks(article, (title, *source.posts), marked)
    sentences = tuple(_iter_article_sentences(article, blocks, owners, source))
    for tag, starts in source.tags:
        for start in starts:
            if not any(article.quote(s.span).startswith(start) for s in sentences):
                raise CorpusError(
                    f"no sentence starts with {start!r}, which {SOURCES_FILE} tags "
                    f"as {tag.value!r}; correct it"
                )
    if source.shown_by and source.shown_by not in text:
        raise CorpusError(f"the words {source.shown_by!r} of {SOURCES_FILE} are not in the text")
    return replace(article, blocks=blocks, sentences=sentences)


def _stated(said: str, by_the_file: str) -> str:
    return said if said != NOT_STATED else squeeze(by_the_file) or NOT_STATED


def _kept_words(text: str, left_out: tuple[LeftOut, ...], start: int, end: int) -> str:
    """The words of a line, squeezed, without those that are left out."""
    kept = list(text[start:end])
    for item in left_out:
        for at in range(max(item.span.start, start), min(item.span.end, end)):
            kept[at - start] = " "
    return squeeze("".join(kept))


def _iter_lines(text: str) -> Iterator[_Line]:
    start = 0
    for raw in text.splitlines(keepends=True):
        yield _Line(start, start + len(raw.rstrip("\r\n")), raw.rstrip("\r\n"))
        start += len(raw)


def _split_blocks(
    article: Article, posts: tuple[str, ...], marked: Mapping[int, int] | None
) -> tuple[tuple[Block, ...], tuple[str, ...]]:
    """The blocks of an article, and for each the numbered heading that owns it or ``""``.

    Args:
        marked: level of each heading by its offset, where the file's format marks headings.
    """
    outline = _Outline(post=article.title)
    blocks: list[Block] = []
    owners: list[str] = []
    label = ""
    paragraphs = _iter_paragraphs(article)
    for paragraph in paragraphs:
        at = 0
        while at < len(paragraph):
            line = paragraph[at]
            followed = at + 1 < len(paragraph)
            words = _kept_words(article.text, article.left_out, line.start, line.end)
            if words in posts and not (words == article.title and blocks):
                outline = _Outline(post=words)
                blocks.append(_block(article, BlockKind.TITLE, line, outline))
                owners.append("")
                at, label = at + 1, ""
                continue
            heading = (
                _parse_heading(line, followed, outline)
                if marked is None
                else _marked_heading(line, len(paragraph) == 1, marked, outline)
            )
            if heading:
                level, marker, start = heading
                name = _kept_words(article.text, article.left_out, start, line.end)
                outline.open(name, level)
                outline.numbered = name if marker else ""
                block = _block(article, BlockKind.HEADING, line, outline, marker, start)
                blocks.append(replace(block, level=level))
                owners.append("")
                at, label = at + 1, ""
                continue
            kind, marker, start = _parse_item(line)
            if (
                kind is BlockKind.LABELLED
                and article.text[start : line.end].strip() == marker + ":"
            ):
                label = marker
            elif kind is not BlockKind.BULLET:
                label = ""
            end = _paragraph_end(paragraph, at) if kind is BlockKind.PARAGRAPH else at + 1
            last = paragraph[end - 1]
            whole = _Line(line.start, last.end, article.text[line.start : last.end])
            shown = label if kind is BlockKind.BULLET and label else marker
            blocks.append(_block(article, kind, whole, outline, shown, start))
            owners.append(outline.numbered)
            at = end
    return tuple(blocks), tuple(owners)


def _block(
    article: Article,
    kind: BlockKind,
    line: _Line,
    outline: _Outline,
    marker: str = "",
    start: int | None = None,
) -> Block:
    first, last = trim(article.text, line.start if start is None else start, line.end)
    return Block(kind, Span(article.id, first, last), outline.section(), marker)


def _iter_paragraphs(article: Article) -> Iterator[list[_Line]]:
    """Runs of lines between blank lines, without lines that are wholly left out."""
    run: list[_Line] = []
    for line in _iter_lines(article.text):
        first, last = trim(article.text, line.start, line.end)
        if first == last:
            if run:
                yield run
            run = []
        elif not any(
            item.span.start <= first and last <= item.span.end for item in article.left_out
        ):
            run.append(line)
    if run:
        yield run


def _paragraph_end(lines: list[_Line], first: int) -> int:
    """The line behind a paragraph that starts at `first`: the next list item or labelled line."""
    for number in range(first + 1, len(lines)):
        if _parse_item(lines[number])[0] is not BlockKind.PARAGRAPH:
            return number
    return len(lines)


def _parse_item(line: _Line) -> tuple[BlockKind, str, int]:
    """What a line that is no heading is, its marker, and where its own words start."""
    if match := _BULLET.match(line.text):
        return BlockKind.BULLET, match["marker"], line.start + match.end()
    if match := _NUMBER.match(line.text):
        kind = BlockKind.REFERENCE if _REFERENCE.search(line.text) else BlockKind.NUMBERED
        return kind, match["marker"], line.start + match.end()
    if match := _LABEL.match(line.text):
        return BlockKind.LABELLED, match["marker"], line.start
    return BlockKind.PARAGRAPH, "", line.start


def _parse_heading(line: _Line, followed: bool, outline: _Outline) -> tuple[int, str, int] | None:
    """A heading's level, its number if it has one, and where its words start; else None.

    A heading is a line of at most 16 words that ends without a full stop and stands alone, or
    that is written in title case above its text; “What this means for you:” alone is one too.
    Its level follows from how it is written: numbered, directly above its text, or in sentence
    case below a title-case heading → 2, else 1.
    """
    words = line.text.strip()
    asks = words.endswith(":") and words.split()[0].casefold() in _ASKING and not followed
    if len(words.split()) > 16 or (words.endswith(_HEADING_END) and not asks):
        return None
    if _BULLET.match(line.text) or _LABEL.match(words) or line.text[:1].isspace():
        return None
    marker, start = "", line.start
    if match := _NUMBER.match(line.text):
        marker, start = match["marker"], line.start + match.end()
    title_case = _is_title_case(words)
    if followed:
        return (2 if outline.levels else 1, marker, start) if title_case else None
    if marker or _KEYCAP.match(words):
        return (2 if outline.levels else 1, marker, start)
    below_title_case = bool(outline.levels) and _is_title_case(outline.levels[0])
    return (2 if below_title_case and not title_case else 1, "", start)


def _marked_heading(
    line: _Line, alone: bool, marked: Mapping[int, int], outline: _Outline
) -> tuple[int, str, int] | None:
    """As `_parse_heading`, for a line that the file's format marks; levels never skip one.

    A numbered name that stands alone, with its own paragraphs below it, is one too.
    """
    match = _NUMBER.match(line.text)
    if line.start not in marked:
        named = alone and match and not line.text.rstrip().endswith(_HEADING_END)
        return _parse_heading(line, False, outline) if named else None
    marker, start = (match["marker"], line.start + match.end()) if match else ("", line.start)
    return min(marked[line.start], len(outline.levels) + 1), marker, start


def _is_title_case(words: str) -> bool:
    bare = re.sub(r"\([^)]*\)", "", words)
    found: list[str] = re.findall(r"[^\W\d_]+", bare)
    long_words = [word for word in found if len(word) > 3]
    if not long_words:
        return words[:1].isupper()
    capitals = sum(word[0].isupper() for word in long_words)
    if len(long_words) == 1:
        return capitals == 1
    return capitals / len(long_words) > 0.6


def _iter_article_sentences(
    article: Article, blocks: tuple[Block, ...], owners: tuple[str, ...], source: Source
) -> Iterator[Sentence]:
    starts = [item.span.start for item in article.left_out]
    for number, (block, owner) in enumerate(zip(blocks, owners, strict=True)):
        is_exercise = block.kind is BlockKind.HEADING and block.marker
        if block.kind in (BlockKind.TITLE, BlockKind.HEADING) and not is_exercise:
            continue
        pieces: Iterator[tuple[int, int]]
        if block.kind is BlockKind.REFERENCE or is_exercise:
            pieces = iter([(block.span.start, block.span.end)])
        else:
            pieces = iter_sentences(article.text, block.span.start, block.span.end)
        for start, end in pieces:
            marks = tuple(int(n) for n in _REFERENCE_MARK.findall(article.text[start:end]))
            kept = _without_left_out(article, starts, start, end)
            if kept is None:
                continue
            span = Span(article.id, *kept)
            quote = article.quote(span)
            announces = quote.endswith(":") and (start, end) == (block.span.start, block.span.end)
            yield Sentence(
                span=span,
                block=number,
                section=block.section,
                evidence_tag=_evidence_tag(quote, block, source),
                owner="" if is_exercise else owner,
                references=marks,
                quotable=not announces and not is_question(quote),
            )


def _without_left_out(
    article: Article, starts: list[int], start: int, end: int
) -> tuple[int, int] | None:
    """The longest stretch of the sentence beside left-out text; None where too little is left."""
    at = max(bisect_right(starts, start) - 1, 0)
    cuts = [
        item.span
        for item in article.left_out[at:]
        if item.span.start < end and start < item.span.end
    ]
    if not cuts:
        return start, end
    edges = [start, *(edge for cut in cuts for edge in (cut.start, cut.end)), end]
    pieces = [
        trim(article.text, first, last)
        for first, last in zip(edges[::2], edges[1::2], strict=True)
        if first < last
    ]
    first, last = max(pieces, key=lambda piece: piece[1] - piece[0], default=(start, start))
    if len(article.text[first:last].split()) < MIN_WORDS_BESIDE_LEFT_OUT:
        return None
    return first, last


def _evidence_tag(quote: str, block: Block, source: Source) -> EvidenceTag:
    for tag, starts in source.tags:
        if quote.startswith(starts):
            return tag
    if block.marker in _INSTRUCTION_MARKERS or set(block.section) & set(
        source.instruction_sections
    ):
        return EvidenceTag.INSTRUCTION
    return source.default_tag
