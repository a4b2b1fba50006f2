"""A file of any supported format → the plain text that citations refer to, with its structure.

Each format has a module of its own; `writer` holds what their texts have in common, `files` what
any file has to be. Nothing is fetched, and nothing that a page hides is read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from assistant.documents.apart import read_pdf_apart
from assistant.documents.docx import read_docx
from assistant.documents.files import (
    MAX_FILE_BYTES,
    MAX_ORIGINAL_BYTES,
    check_bytes,
    read_bytes,
    read_text,
)
from assistant.documents.html import read_html
from assistant.documents.markdown import read_markdown
from assistant.documents.writer import Document
from assistant.errors import CorpusError

__all__ = [
    "EXTRACTOR_VERSION",
    "MAX_ORIGINAL_BYTES",
    "SUFFIXES",
    "Document",
    "read_document",
]

EXTRACTOR_VERSION: Final = "1"
"""A part of a stored text's identity: raised when the text of any format changes."""

SUFFIXES: Final = (".txt", ".md", ".html", ".htm", ".pdf", ".docx")


def read_document(path: Path) -> Document:
    """The file's text, and what the file itself says of it.

    A ``.txt`` file is its own text, unchanged. Of any other format the text has one line a
    paragraph, heading, list item or table row, blank lines between all but list items, plain
    blanks, no invisible characters, and is in Unicode's form NFC.

    Raises:
        CorpusError: the file cannot be read or holds no text; the message names it and says what
            to do. Whatever bytes a file holds, nothing else is raised for them.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise CorpusError(
            f"{path}: {suffix or 'no suffix'} is no format that is read; save it as one of "
            f"{', '.join(SUFFIXES)}"
        )
    if suffix == ".txt":
        return Document(read_text(path))
    raw = read_bytes(path, MAX_ORIGINAL_BYTES if suffix in (".pdf", ".docx") else MAX_FILE_BYTES)
    try:
        if suffix == ".pdf":
            document = read_pdf_apart(raw)
        elif suffix == ".docx":
            document = read_docx(raw)
        elif suffix == ".md":
            document = read_markdown(check_bytes(raw))
        else:
            document = read_html(raw)
        if not document.text.strip():
            raise CorpusError("no text in it; remove the file or put the text in a .txt")
        size = len(document.text.encode("utf-8"))
        if size > MAX_FILE_BYTES:
            raise CorpusError(
                f"{size} bytes of text; an article has at most {MAX_FILE_BYTES}, split the file"
            )
    except CorpusError as error:
        raise CorpusError(f"{path}: {error}") from error
    return document
