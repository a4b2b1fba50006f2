"""Citations are made here and nowhere else: quote ↔ span, look-up by id, and who says a claim.

`make_citation` is the only place that builds a `Citation`, from the article's own text, so that
its quote can't be anything else than ``text[start:end]``.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from assistant.errors import CitationChangedError, CitationError
from assistant.sources import Source, find_left_out
from assistant.text import squeeze, words
from assistant.texts import TextStore
from assistant.types import (
    Article,
    BlockKind,
    Citation,
    CitationContext,
    EvidenceTag,
    Sentence,
    Span,
)

CITATION_ID: Final = r"([^:@\s\x00-\x1f\x7f-\x9f]+):([0-9]{1,9})-([0-9]{1,9})(?:@([0-9a-fA-F]{8}))?"
"""The form of an id. The API's schema shows it, so JavaScript has to read it likewise, whose white
space is not Python's; no control character gets into an article's id."""

_ID: Final = re.compile(CITATION_ID)

_ALIKE: Final = 0.3


def make_citation(article: Article, span: Span) -> Citation:
    """The citation of exactly the words at `span`.

    Raises:
        CitationError: the span is not in the article, or touches what was left out of it.
    """
    if span.article_id != article.id or span.end > len(article.text):
        raise CitationError(
            f"{span.id}: not in {article.id}, which has {len(article.text)} "
            "characters; ask for an id that an answer has given"
        )
    for item in article.left_out:
        if item.span.overlaps(span):
            raise CitationError(
                f"{span.id}: touches text that is not the article ({item.kind}) "
                "and is never shown; ask for an id that an answer has given"
            )
    sentences = [article.sentences[n] for n in article.touched(span)]
    if not article.quote(span).strip():
        raise CitationError(
            f"{span.id}: only white space stands there; ask for an id that an answer has given"
        )
    block = next((b for b in article.blocks if b.span.overlaps(span)), None)
    return Citation(
        span=span,
        quote=article.quote(span),
        title=article.title,
        section=block.section if block else (article.title,),
        sha256=article.sha256,
        evidence_tag=_weakest(sentences),
        page=bisect_right(article.pages, span.start) or None,
    )


def _weakest(sentences: list[Sentence]) -> EvidenceTag:
    """The tag of a citation that spans several sentences: what the least supported rests on."""
    order = (EvidenceTag.THEORY, EvidenceTag.UNSOURCED, EvidenceTag.INSTRUCTION, EvidenceTag.REVIEW)
    tags = {sentence.evidence_tag for sentence in sentences}
    return next((tag for tag in order if tag in tags), EvidenceTag.UNSOURCED)


def is_citation_id(text: str) -> bool:
    """Whether `text` has the form of an id; it may still name no words."""
    return _ID.fullmatch(text.strip()) is not None


def parse_citation_id(citation_id: str) -> tuple[Span, str]:
    """The span an id names, and the first 8 digits of the file's hash if it carries them.

    Raises:
        CitationError: it is not of the form ``article:start-end`` or ``article:start-end@hash``, or
            ends where it starts or before.
    """
    match = _ID.fullmatch(citation_id.strip())
    if not match or int(match[2]) >= int(match[3]):
        raise CitationError(
            f"{citation_id[:80]!r}: not a citation id; it looks like gluteus-medius-rehab:763-851"
        )
    return Span(match[1], int(match[2]), int(match[3])), (match[4] or "").lower()


def cite(
    articles: Mapping[str, Article], citation_id: str, texts: TextStore | None = None
) -> CitationContext:
    """The citation an id names, in its place.

    Args:
        texts: earlier texts of the articles: an id with the hash of one of them is resolved to the
            same words at their new place.

    Raises:
        CitationError: the id is malformed, names no article or no quotable words of it, or the
            article has changed since the id was given and its text of that time is not kept.
        CitationChangedError: the words that the id named do not stand in the article any more.
    """
    span, digits = parse_citation_id(citation_id)
    article = articles.get(span.article_id)
    if article is None:
        raise CitationError(
            f"{span.id}: no article {span.article_id!r}; there are {', '.join(articles)}"
        )
    moved_from = ""
    if digits and not article.sha256.startswith(digits):
        moved_from = f"{span.id}@{digits}"
        span = _where_now(article, span, digits, texts)
    return _in_place(article, make_citation(article, span), moved_from)


def _where_now(article: Article, span: Span, digits: str, texts: TextStore | None) -> Span:
    """Where the words that stood at `span` in an earlier text stand in the article now."""
    asked = f"{span.id}@{digits}"
    earlier = texts.earlier(article.id, digits) if texts else None
    said = earlier.quote(span) if earlier else None
    earlier_text = earlier.document.text if earlier else ""
    if said is None or not said.strip():
        raise CitationError(
            f"{asked}: {article.id} has changed since this id was given (its hash now starts with "
            f"{article.sha256[:8]}), and no text of that time is kept; ask the question again"
        )
    places = [Span(article.id, at, at + len(said)) for at in _iter_places(article.text, said)]
    today = [*article.left_out, *find_left_out(article.id, earlier_text, Source())]
    if any(item.span.overlaps(place) for item in article.left_out for place in places) or any(
        item.span.overlaps(span) for item in today[len(article.left_out) :]
    ):
        raise CitationError(
            f"{asked}: the words are not the article's and are never shown; ask the question again"
        )
    whole = [place for place in places if _is_whole(article, place)]
    if whole:
        return min(whole, key=lambda place: abs(place.start - span.start))
    likest = _likest(article, said)
    now, now_id = (article.quote(likest), likest.id) if likest else ("", "")
    raise CitationChangedError(
        f"{asked}: {article.id} has changed since; it said “{squeeze(said)}”, "
        + (f"now “{squeeze(now)}” ({now_id})" if likest else "which is gone")
        + "; ask the question again",
        said,
        now,
        now_id,
    )


def _is_whole(article: Article, place: Span) -> bool:
    """Whether sentences start and end there: part of a longer one may say something else."""
    touched = [article.sentences[n].span for n in article.touched(place)]
    return bool(touched) and (touched[0].start, touched[-1].end) == (place.start, place.end)


def _iter_places(text: str, said: str) -> Iterator[int]:
    at = text.find(said)
    while at >= 0:
        yield at
        at = text.find(said, at + 1)


def _likest(article: Article, said: str) -> Span | None:
    """The sentence that shares the most words with what was said; None where few are shared."""
    before = set(words(said))
    best, likeness = None, _ALIKE
    for sentence in article.sentences:
        now = set(words(article.quote(sentence.span)))
        if before and len(before & now) / len(before | now) > likeness:
            best, likeness = sentence.span, len(before & now) / len(before | now)
    return best


def _in_place(article: Article, citation: Citation, moved_from: str) -> CitationContext:
    span = citation.span
    touched = article.touched(span)
    if not touched:
        return CitationContext(citation, "", "", citation.quote, moved_from=moved_from)
    before = article.sentences[touched[0] - 1 : touched[0]] if touched[0] else ()
    after = article.sentences[touched[-1] + 1 : touched[-1] + 2]
    return CitationContext(
        citation,
        article.quote(before[0].span) if before else "",
        article.quote(after[0].span) if after else "",
        _paragraph(article, article.sentences[touched[0]]),
        tuple(_references(article, [article.sentences[n] for n in touched])),
        moved_from,
    )


def _paragraph(article: Article, sentence: Sentence) -> str:
    """The sentences of one block, as they stand, with what was left out between them cut."""
    return " ".join(
        article.quote(other.span) for other in article.sentences if other.block == sentence.block
    )


def _references(article: Article, sentences: Sequence[Sentence]) -> Iterator[Citation]:
    """The article's own references that the sentences name by number."""
    for number in dict.fromkeys(n for sentence in sentences for n in sentence.references):
        for block in article.blocks:
            if block.kind is BlockKind.REFERENCE and block.marker.rstrip(".)") == str(number):
                yield make_citation(article, block.span)
