"""A document's text as it is put together: blocks, their headings and how their words are cleaned.

The text is written for `assistant.articles`: a heading is a line by itself, list items stand
together, one a line, blank lines part everything else.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

BULLET: Final = "• "
MAX_HEADER_WORDS: Final = 6
"""A table's first row names its columns only if no cell of it has more words."""

_PAGE: Final = "\f"
_LIGATURES: Final = {
    code: unicodedata.normalize("NFKC", chr(code)) for code in range(0xFB00, 0xFB07)
}
_OWN_LINE: Final = re.compile(r"[•·▪◦*–-] |\d{1,3}[.)] |(?:How|Tips?|Why|Note|Warning):")
_CLOSES: Final = tuple(".!?…:;”")


@dataclass(frozen=True, slots=True)
class Document:
    """A file's text and what the file itself states of it; ``""`` where it states nothing.

    Attributes:
        text: what citations' offsets refer to.
        date: as stated, ISO 8601 where it could be read so.
        headings: offset of a heading line's first character and its level from 1 to 6, in order;
            only where the format states its headings.
        pages: offset at which each page starts, page 1 first; only of a PDF. The offset of a page
            without text is that of the next page, or the text's length.
        structured: whether the format itself says what a heading is: then no other line is one.
    """

    text: str
    title: str = ""
    author: str = ""
    date: str = ""
    address: str = ""
    headings: tuple[tuple[int, int], ...] = ()
    pages: tuple[int, ...] = ()
    structured: bool = False


@dataclass(slots=True)
class Writer:
    """Takes a document's blocks in reading order."""

    _blocks: list[tuple[str, int, bool]] = field(default_factory=list)

    def heading(self, words: str, level: int) -> None:
        """A heading; `level` below 1 counts as 1, above 6 as 6."""
        if words := clean(words):
            self._blocks.append((words, min(max(level, 1), 6), False))

    def paragraph(self, words: str) -> None:
        """A paragraph; a line break in it is kept only where both its sides read as lines."""
        pieces: list[str] = []
        for line in map(clean, words.split("\n")):
            if line and pieces and not (pieces[-1].endswith(_CLOSES) or _OWN_LINE.match(line)):
                pieces[-1] += " " + line
            elif line:
                pieces.append(line)
        self._blocks += [(piece, 0, False) for piece in pieces]

    def item(self, words: str, marker: str = BULLET) -> None:
        """A list item; `marker` with its blank."""
        if words := clean(words):
            self._blocks.append((marker + words, 0, True))

    def table(self, rows: Sequence[Sequence[str]], has_header: bool = False) -> None:
        """A table: a sentence a row where its columns have names, else a paragraph a cell."""
        cleaned = [[clean(cell) for cell in row] for row in rows]
        filled = [row for row in cleaned if any(row)]
        if not filled:
            return
        names, *others = filled
        named = others and len(names) > 1 and all(len(row) == len(names) for row in others)
        if named and (has_header or _are_names(names)):
            for row in others:
                cells = [
                    f"{name.rstrip(':')}: {cell.rstrip('.')}" if name else cell.rstrip(".")
                    for name, cell in zip(names, row, strict=True)
                    if cell
                ]
                self._blocks.append(("; ".join(cells) + ".", 0, False))
        else:
            self._blocks += [(cell, 0, False) for row in filled for cell in row if cell]

    def pages(self, count: int) -> None:
        """So many pages without text at the end."""
        self._blocks.append((_PAGE * count, 0, False))

    @property
    def has_title(self) -> bool:
        """Whether a heading of the first level has been taken."""
        return any(level == 1 for _, level, _ in self._blocks)

    @property
    def title(self) -> str:
        """The first heading of the first level, or ``""``."""
        return next((words for words, level, _ in self._blocks if level == 1), "")

    def put_title_first(self, words: str) -> None:
        """A title that stands outside of what was taken so far."""
        if words := clean(words):
            self._blocks.insert(0, (words, 1, False))

    def finish(
        self,
        structured: bool,
        title: str = "",
        author: str = "",
        date: str = "",
        address: str = "",
    ) -> Document:
        """The document; a page's start is where a form feed stood in the words."""
        parts: list[str] = []
        headings: list[tuple[int, int]] = []
        pages: list[int] = []
        length, was_item = 0, False
        for words, level, is_item in self._blocks:
            if not words.strip(_PAGE + " "):
                pages += [length] * words.count(_PAGE)
                continue
            if parts:
                parts.append("\n" if is_item and was_item else "\n\n")
                length += len(parts[-1])
            if level:
                headings.append((length, level))
            before, *after = words.split(_PAGE)
            parts.append(before)
            length += len(before)
            for piece in after:
                pages.append(length)
                parts.append(piece)
                length += len(piece)
            was_item = is_item
        text = "".join(parts) + "\n" if parts else ""
        return Document(
            text,
            clean(title),
            clean(author),
            clean(date),
            address if is_address(address) else "",
            tuple(headings),
            tuple(min(page, len(text)) for page in pages),
            structured,
        )


def _are_names(row: Sequence[str]) -> bool:
    return all(
        cell and len(cell.split()) <= MAX_HEADER_WORDS and not cell.endswith((".", "!", "?"))
        for cell in row
    )


def clean(text: str) -> str:
    """`text` in form NFC with plain blanks, without invisible characters; form feeds stay."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip(" ")
    kept = []
    for char in text.translate(_LIGATURES):
        category = unicodedata.category(char)
        if char == _PAGE:
            kept.append(char)
        elif char.isspace():
            kept.append(" ")
        elif category not in ("Cc", "Cf", "Cs", "Co", "Cn"):
            kept.append(char)
    joined = unicodedata.normalize("NFC", "".join(kept))
    return re.sub(r" ?\f[\f ]*", lambda found: _pages(found.group()), _squeeze(joined)).strip(" ")


def _squeeze(text: str) -> str:
    return re.sub(" {2,}", " ", text)


def _pages(found: str) -> str:
    """Form feeds behind the blank that stood among them."""
    return (" " if " " in found else "") + _PAGE * found.count(_PAGE)


def is_address(words: str) -> bool:
    """Whether this is a web address that may be shown: no blank, script or file."""
    return bool(re.fullmatch(r"https?://[^\s<>\"]{1,2000}", words))
