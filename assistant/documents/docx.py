"""Word's .docx → text, by python-docx. Comments, deleted words, headers, footers, text boxes and
hidden words are left out.
"""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from assistant.documents.files import DAMAGED
from assistant.documents.writer import BULLET, Document, Writer
from assistant.errors import CorpusError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from docx.document import Document as WordDocument
    from lxml.etree import _Element

MAX_UNPACKED_BYTES: Final = 400_000_000
MAX_XML_BYTES: Final = 60_000_000
MAX_RATIO: Final = 200
"""Of a part's unpacked size to its packed one; Word's own XML has 10 to 30."""
_LARGE: Final = 5_000_000

_W: Final = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_LEFT_OUT: Final = frozenset(
    {f"{_W}{name}" for name in ("del", "moveFrom", "pPr", "rPr", "txbxContent", "tbl", "instrText")}
    | {"{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"}
)
_MAX_STYLES: Final = 20
_MIN_HALF_POINTS: Final = 4
_NOT_IN_COLOUR: Final = {"FFFFFF"}
_OLE_MARK: Final = b"\xd0\xcf\x11\xe0"


def read_docx(raw: bytes) -> Document:
    """The document of a .docx file.

    Raises:
        CorpusError: no .docx, damaged, protected by a password or a zip bomb; does not name the
            file.
    """
    if raw.startswith(_OLE_MARK):
        raise CorpusError("an old .doc, or protected by a password; save it as a plain .docx")
    from docx import Document as open_docx
    from docx.exceptions import PythonDocxError
    from lxml.etree import LxmlError

    try:
        _check_sizes(raw)
        word = open_docx(BytesIO(raw))
        writer = Writer()
        _Reader(word, writer).blocks(word.element.body)
        facts = word.core_properties
        title = facts.title or writer.title
        created = facts.created.date().isoformat() if facts.created else ""
        return writer.finish(structured=True, title=title, author=facts.author, date=created)
    except (zipfile.BadZipFile, PythonDocxError, LxmlError, *DAMAGED) as error:
        raise CorpusError(
            f"no .docx that can be read ({type(error).__name__}); open it and save it anew as .docx"
        ) from error


def _check_sizes(raw: bytes) -> None:
    """Refuse what would unpack to more than a document needs; nothing is unpacked for it."""
    with zipfile.ZipFile(BytesIO(raw)) as package:
        parts = package.infolist()
    total = sum(part.file_size for part in parts)
    for part in parts:
        large = part.file_size > _LARGE and part.file_size > MAX_RATIO * part.compress_size
        is_xml = part.filename.lower().endswith((".xml", ".rels"))
        if large or total > MAX_UNPACKED_BYTES or (is_xml and part.file_size > MAX_XML_BYTES):
            raise CorpusError(
                f"unpacks to {total} bytes, more than a document needs; save its text as .txt"
            )


class _Reader:
    """Hands the blocks of a document's body to a writer."""

    def __init__(self, word: WordDocument, writer: Writer) -> None:
        self._writer = writer
        self._styles = {style.style_id: style.element for style in word.styles}
        self._formats = _number_formats(word)
        self._counts: Counter[tuple[str, int]] = Counter()

    def blocks(self, parent: _Element) -> None:
        """The blocks inside of an element, in order."""
        for element in parent:
            if element.tag == f"{_W}p":
                self._paragraph(element)
            elif element.tag == f"{_W}tbl":
                self._table(element)
            elif element.tag in (f"{_W}sdt", f"{_W}sdtContent", f"{_W}ins", f"{_W}moveTo"):
                self.blocks(element)

    def _paragraph(self, paragraph: _Element) -> None:
        words = self._words(paragraph)
        if not words.strip():
            return
        style = self._style_of(paragraph)
        names = [_value(s, "name").lower() for s in style if s.tag == f"{_W}style"]
        if level := _heading_level(style, names):
            self._writer.heading(words.replace("\n", " "), level)
        elif marker := self._marker(style, names):
            self._writer.item(words.replace("\n", " "), marker)
        else:
            self._writer.paragraph(words)

    def _style_of(self, paragraph: _Element) -> list[_Element]:
        """The paragraph and its styles, from the nearest to what that one is based on."""
        found = [paragraph]
        name = _value(paragraph, "pPr", "pStyle")
        while name in self._styles and len(found) < _MAX_STYLES:
            found.append(self._styles[name])
            name = _value(found[-1], "basedOn")
        return found

    def _marker(self, style: list[_Element], names: list[str]) -> str:
        """What stands before a list item; ``""`` where the paragraph is none."""
        number = next(filter(None, (_value(s, "pPr", "numPr", "numId") for s in style)), "")
        if number and number != "0":
            depth = int(next(filter(None, (_value(s, "pPr", "numPr", "ilvl") for s in style)), "0"))
            kind = self._formats.get((number, depth), "none")
            if kind == "none":
                return ""
            if kind == "bullet":
                return BULLET
            for deeper in [key for key in self._counts if key[0] == number and key[1] > depth]:
                del self._counts[deeper]
            self._counts[number, depth] += 1
            return f"{self._counts[number, depth]}. "
        return BULLET if number != "0" and any(n.startswith("list bullet") for n in names) else ""

    def _table(self, table: _Element) -> None:
        rows = [
            [
                " ".join(self._words(p) for p in cell.iter(f"{_W}p")).replace("\n", " ")
                for cell in row.iterchildren(f"{_W}tc")
            ]
            for row in table.iterchildren(f"{_W}tr")
        ]
        self._writer.table(rows)

    def _words(self, element: _Element) -> str:
        """The words that a reader sees in a paragraph, with a line end for each break."""
        return "".join(self._pieces(element))

    def _pieces(self, element: _Element) -> Iterator[str]:
        for child in element:
            if child.tag in _LEFT_OUT or not isinstance(child.tag, str):
                continue
            if child.tag == f"{_W}r" and _is_hidden(child):
                continue
            match child.tag.removeprefix(_W):
                case "t":
                    yield child.text or ""
                case "tab":
                    yield " "
                case "noBreakHyphen":
                    yield "-"
                case "br" | "cr":
                    yield " " if child.get(f"{_W}type") in ("page", "column") else "\n"
                case _:
                    yield from self._pieces(child)


def _is_hidden(run: _Element) -> bool:
    """Whether a run is marked as hidden, too small to be seen, or white on nothing."""
    vanish = run.find(f"{_W}rPr/{_W}vanish")
    if vanish is not None and vanish.get(f"{_W}val", "1") not in ("0", "false", "off"):
        return True
    size = _value(run, "rPr", "sz")
    if size.isdecimal() and int(size) <= _MIN_HALF_POINTS:
        return True
    shaded = run.find(f"{_W}rPr/{_W}shd") is not None
    return _value(run, "rPr", "color").upper() in _NOT_IN_COLOUR and not shaded


def _heading_level(style: list[_Element], names: list[str]) -> int:
    """1 to 6 for a heading or title, 0 for any other paragraph."""
    for name in names:
        if match := re.fullmatch(r"heading (\d)", name):
            return min(int(match[1]), 6)
        if name == "title":
            return 1
    outline = next(filter(None, (_value(s, "pPr", "outlineLvl") for s in style)), "")
    return int(outline) + 1 if outline.isdecimal() and int(outline) < 6 else 0


def _number_formats(word: WordDocument) -> Mapping[tuple[str, int], str]:
    """How each level of each list is numbered: ``decimal``, ``bullet``, ``none``."""
    from docx.opc.constants import RELATIONSHIP_TYPE

    related: list[Any] = [
        r.target_part
        for r in word.part.rels.values()
        if r.reltype == RELATIONSHIP_TYPE.NUMBERING and not r.is_external
    ]
    found: dict[tuple[str, int], str] = {}
    for numbering in (part.element for part in related):
        abstract = {a.get(f"{_W}abstractNumId"): a for a in numbering.iter(f"{_W}abstractNum")}
        for number in numbering.iter(f"{_W}num"):
            levels = abstract.get(_value(number, "abstractNumId"))
            for level in () if levels is None else levels.iter(f"{_W}lvl"):
                depth = int(level.get(f"{_W}ilvl", "0"))
                found[number.get(f"{_W}numId", ""), depth] = _value(level, "numFmt")
    return found


def _value(element: _Element, *path: str) -> str:
    """The ``w:val`` of the element at the path below; ``""`` where there is none."""
    below = element.find("/".join(f"{_W}{name}" for name in path))
    return "" if below is None else below.get(f"{_W}val", "")
