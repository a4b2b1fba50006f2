"""PDF with a text layer → text, by pdfium. Lines come with their places; here they become
paragraphs, headings and list items, without what runs along the edge of most pages.

pdfium rather than pypdf or pdfminer.six: it reads a justified column as single words with single
blanks where the other two give doubled blanks or pull words out of their line, takes a tenth of
their time, and is hardened against hostile files as the reader of a browser.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from assistant.documents.files import DAMAGED, MAX_FILE_BYTES
from assistant.documents.writer import BULLET, Document, Writer
from assistant.errors import CorpusError
from assistant.spelling import dictionary

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfTextPage

MAX_PAGES: Final = 5_000
EDGE_LINES: Final = 2
"""How many lines at the top and at the bottom of a page may be running headers or footers."""
HEADING_SIZE: Final = 1.12
"""A heading's letters are at least so many times as high as the text's."""
MAX_HEADING_WORDS: Final = 16
_GAP: Final = 1.5  # of the usual distance of lines: a larger one parts paragraphs
_WIDE: Final = 1.6  # of the letters' height: a wider gap in a line parts columns
_LINES_BACK: Final = 8  # that show how far lines go to the right
_SMALLEST: Final = 2.5  # points; letters below it are not meant to be read
_ERR_PASSWORD: Final = 4
_HYPHEN: Final = 2  # what pdfium puts for the hyphen at a line's end, without a line end
_BULLETS: Final = re.compile(r"[•●▪■◦○‣⁃∙➢➤✓✔❖\uf0b7\uf0a7\uf0d8\uf0fc·] *(?=\S)")
_NUMBERED: Final = re.compile(r"(\d{1,3}[.)]) +(?=\S)")
_LETTERS: Final = re.compile(r"[^\W\d_]+")
_LAST_LETTERS: Final = re.compile(r"(?<![^\W\d_])[^\W\d_]+$")
_LABEL: Final = re.compile(r"(?:How|Tips?|Why|Note|Warning):")
_PAGE_NUMBER: Final = re.compile(r"(?:page )?[-–— ]*\d{1,4}[-–— ]*(?:(?:of|/) ?\d{1,4})?", re.I)
_ENDS: Final = tuple(".!?…:;”)")
_TOOL_TITLE: Final = re.compile(
    r"microsoft word|untitled|unnamed|document\d*$|.*\.(?:docx?|pdf|indd|qxd|tex|rtf|odt|pptx?)$",
    re.I,
)


@dataclass(slots=True)
class _Line:
    """Words at a place, in points from the page's lower left corner."""

    words: str
    left: float
    right: float
    bottom: float
    height: float
    page: int


def read_pdf(raw: bytes) -> Document:
    """The document of a PDF file.

    Raises:
        CorpusError: damaged, protected by a password, or without a text layer; does not name the
            file.
    """
    from pypdfium2 import PdfDocument, PdfiumError

    try:
        pdf = PdfDocument(raw)
        try:
            facts = pdf.get_metadata_dict()
            count = len(pdf)
            pages = list(_iter_pages(pdf))
        finally:
            pdf.close()
    except PdfiumError as error:
        if error.err_code == _ERR_PASSWORD:
            raise CorpusError("protected by a password; save it without one") from error
        raise CorpusError("no PDF that can be read; print it to PDF anew") from error
    except DAMAGED as error:
        raise CorpusError(
            f"no PDF that can be read ({type(error).__name__}); print it to PDF anew"
        ) from error
    if not any(pages):
        raise CorpusError(
            f"no text layer in its {count} pages; run OCR on it (ocrmypdf, for instance) and put "
            "the result here"
        )
    title = facts.get("Title", "").strip()
    return _write(_without_edges(pages)).finish(
        structured=False,
        title="" if _TOOL_TITLE.match(title) else title,
        author=facts.get("Author", ""),
        date=_day(facts.get("CreationDate", "")),
    )


def _day(stated: str) -> str:
    """A PDF's date as ISO 8601, without the time."""
    match = re.match(r"D:(\d{4})(\d\d)(\d\d)", stated)
    return "-".join(match.groups()) if match else ""


def _iter_pages(pdf: PdfDocument) -> Iterator[list[_Line]]:
    if len(pdf) > MAX_PAGES:
        raise CorpusError(f"{len(pdf)} pages; an article has at most {MAX_PAGES}, split the file")
    size = 0
    for number in range(len(pdf)):
        page = pdf[number]
        text = page.get_textpage()
        left, bottom, right, top = page.get_bbox()
        lines = [
            line
            for line in _iter_lines(text, number)
            if left <= line.left <= right
            and bottom <= line.bottom <= top
            and line.height >= _SMALLEST
        ]
        text.close()
        page.close()
        size += sum(len(line.words) for line in lines)
        if size > MAX_FILE_BYTES:
            raise CorpusError(f"more than {MAX_FILE_BYTES} bytes of text; split the file")
        yield _in_reading_order(lines)


def _iter_lines(text: PdfTextPage, page: int) -> Iterator[_Line]:
    """The lines of a page as pdfium orders them, parted where a wide gap is in them."""
    from pypdfium2.raw import FPDFText_GetUnicode

    start = 0
    codes = [FPDFText_GetUnicode(text, at) for at in range(text.count_chars())]
    for at, code in enumerate([*codes, 10]):
        wide = code == 32 and start < at < len(codes) - 1 and _is_gap(text, at)
        if code not in (10, 13, _HYPHEN) and not wide:
            continue
        if line := _line(text, codes, start, at, page):
            if code == _HYPHEN:
                line.words += "-"
            yield line
        start = at + 1


def _is_gap(text: PdfTextPage, at: int) -> bool:
    before = text.get_charbox(at - 1, loose=True)
    after = text.get_charbox(at + 1, loose=True)
    return bool(after[0] - before[2] > _WIDE * (before[3] - before[1]) > 0)


def _line(text: PdfTextPage, codes: list[int], start: int, end: int, page: int) -> _Line | None:
    while start < end and codes[start] <= 32:
        start += 1
    while end > start and codes[end - 1] <= 32:
        end -= 1
    if start == end:
        return None
    first: Any = text.get_charbox(start, loose=True)
    last: Any = text.get_charbox(end - 1, loose=True)
    # Of letters spread over the line: a bracket may come from another font.
    spread = sorted({start + (end - 1 - start) * part // 4 for part in range(5)})
    boxes = [text.get_charbox(at, loose=True) for at in spread if codes[at] > 32]
    height = median(box[3] - box[1] for box in boxes)
    words = "".join(chr(c) if 0 < c < 0x110000 else " " for c in codes[start:end])
    return _Line(words, first[0], last[2], first[1], height, page)


def _in_reading_order(lines: list[_Line]) -> list[_Line]:
    """The page's lines, one column after the other where the file writes across columns.

    pdfium keeps the file's own order, which is the reading order in most files. It is changed
    only where it goes back and forth between a left and a right half of prose.
    """
    right_edges = Counter(round(line.left) for line in lines if len(line.words.split()) > 2)
    widest = max((line.right for line in lines), default=0.0)
    starts = [(n, x) for x, n in right_edges.items() if 0.3 * widest < x < 0.7 * widest and n > 4]
    if not starts:
        return lines
    gutter = max(starts)[1] - 2
    sides = [(line.left >= gutter) - (line.right <= gutter) for line in lines]
    switches = sum(a * b < 0 for a, b in pairwise(sides))
    lefts = [n for n, side in zip(lines, sides, strict=True) if side < 0]
    if switches < 5 or len(lefts) < 5 or median(len(n.words.split()) for n in lefts) < 3:
        return lines
    ordered: list[_Line] = []
    band: list[tuple[int, float, _Line]] = []
    for line, side in sorted(zip(lines, sides, strict=True), key=lambda row: -row[0].bottom):
        if side == 0:
            ordered += [row[2] for row in sorted(band, key=lambda row: row[:2])]
            ordered.append(line)
            band = []
        else:
            band.append((side, -line.bottom, line))
    return ordered + [row[2] for row in sorted(band, key=lambda row: row[:2])]


def _without_edges(pages: list[list[_Line]]) -> list[list[_Line]]:
    """The pages without the lines at their edges that at least half of them repeat."""
    edges = []
    for lines in pages:
        by_height = sorted(lines, key=lambda line: line.bottom)
        edges.append({id(n): n for n in (*by_height[:EDGE_LINES], *by_height[-EDGE_LINES:])})
    met = Counter(key for edge in edges for key in {_key(line) for line in edge.values()})
    repeated = {key for key, n in met.items() if n > 1 and 2 * n >= len(pages)}
    return [
        [
            line
            for line in lines
            if id(line) not in edge
            or not (_key(line) in repeated or _PAGE_NUMBER.fullmatch(line.words.strip()))
        ]
        for lines, edge in zip(pages, edges, strict=True)
    ]


def _key(line: _Line) -> str:
    return re.sub(r"\d+", "#", line.words.casefold())


def _write(pages: list[list[_Line]]) -> Writer:
    """The blocks of all pages; a form feed stands where a page starts."""
    writer = Writer()
    lines = [line for page in pages for line in page]
    text_height = _usual(line.height for line in lines for _ in line.words)
    heights = sorted({round(n.height) for n in lines if _is_large(n, text_height)}, reverse=True)
    known = {word.casefold() for line in lines for word in _LETTERS.findall(line.words)}
    page = -1
    for block in _iter_blocks(lines):
        words = ""
        for line in block:
            words = _join(words, line, known) if words else line.words
            if line.page > page:
                at = len(words) - len(line.words)
                words = words[:at] + "\f" * (line.page - page) + words[at:]
                page = line.page
        marks, bare = re.fullmatch(r"(\f*)(.*)", words, re.S).groups()  # type: ignore[union-attr]
        if match := _BULLETS.match(bare):
            writer.item(marks + bare[match.end() :], BULLET)
        elif _is_heading(bare, block[0], text_height):
            writer.heading(words, heights.index(round(block[0].height)) + 1)
        elif match := _NUMBERED.match(bare):
            writer.item(marks + bare[match.end() :], f"{match[1]} ")
        else:
            writer.paragraph(words)
    writer.pages(len(pages) - 1 - page)
    return writer


def _join(words: str, line: _Line, known: Collection[str]) -> str:
    """A paragraph's words with its next line, a hyphen between them mended where that is sure.

    It is dropped where the word without it is in the dictionary or elsewhere in the document.
    """
    if not words.endswith("-") or not line.words[:1].islower():
        return f"{words} {line.words}"
    before, after = _LAST_LETTERS.search(words[:-1]), _LETTERS.match(line.words)
    whole = (before[0] + after[0]).casefold() if before and after else ""
    if whole and (whole in known or whole in dictionary()):
        return words[:-1] + line.words
    return words + line.words


def _usual(numbers: Iterable[float]) -> float:
    """The commonest of positive numbers, to a half; 0 where there is none."""
    counts = Counter(round(2 * number) / 2 for number in numbers if number > 0.5)
    return max(counts, key=lambda number: (counts[number], number), default=0.0)


def _is_large(line: _Line, text_height: float) -> bool:
    return line.height >= HEADING_SIZE * text_height


def _is_heading(words: str, line: _Line, text_height: float) -> bool:
    short = len(words.split()) <= MAX_HEADING_WORDS and not words.endswith((".", ",", ";"))
    return short and _is_large(line, text_height)


def _iter_blocks(lines: Sequence[_Line]) -> Iterator[list[_Line]]:
    """Runs of lines that are one paragraph, heading or list item."""
    distance = _usual(a.bottom - b.bottom for a, b in pairwise(lines))
    block: list[_Line] = []
    for line in lines:
        if block and _starts_anew(block, line, distance):
            yield block
            block = []
        block.append(line)
    if block:
        yield block


def _starts_anew(block: Sequence[_Line], line: _Line, distance: float) -> bool:
    """Whether a line is not of one block with the lines before it."""
    last = block[-1]
    if any(pattern.match(line.words) for pattern in (_BULLETS, _NUMBERED, _LABEL)):
        return True
    if abs(line.height - last.height) > 0.1 * last.height:
        return True
    down = last.bottom - line.bottom
    if line.page != last.page or down < -last.height:  # another page or column
        return last.words.endswith(_ENDS)
    if down > _GAP * max(distance, last.height):
        return True
    # A writer's line break: the next word would have fitted.
    right = max(line.right, *(before.right for before in block[-_LINES_BACK:]))
    word = line.words.split()[0]
    needed = (len(word) + 2) * (line.right - line.left) / len(line.words)
    return last.right + needed < right and not last.words.endswith("-")
