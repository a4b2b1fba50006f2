"""What any file has to be before its format matters: there, readable, not empty, not too large."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Final

from assistant.errors import CorpusError

MAX_FILE_BYTES: Final = 20_000_000
"""Of a text, UTF-8; of a file that is text itself too."""
MAX_ORIGINAL_BYTES: Final = 200_000_000
"""Of a file in which the text lies packed among pictures and fonts."""

# What libraries raise on a damaged file besides errors of their own: their code trusts what the
# file says of itself.
DAMAGED: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


def read_text(path: Path) -> str:
    """The file's text, decoded as UTF-8 with line ends as they are.

    Raises:
        CorpusError: it cannot be read, is empty, too large, binary or not UTF-8.
    """
    raw = read_bytes(path, MAX_FILE_BYTES)
    try:
        text = check_bytes(raw)
        if text.startswith("\ufeff"):
            raise CorpusError("starts with a byte order mark; save it as UTF-8 without one")
    except CorpusError as error:
        raise CorpusError(f"{path}: {error}") from error
    return text


def read_bytes(path: Path, max_bytes: int) -> bytes:
    """What the file holds.

    Raises:
        CorpusError: it cannot be read, is empty or larger than `max_bytes`.
    """
    try:
        size = path.stat().st_size
        if size > max_bytes:
            raise CorpusError(
                f"{path}: {size} bytes; an article has at most {max_bytes}, split the file"
            )
        raw = path.read_bytes()
    except OSError as error:
        raise CorpusError(
            f"{path}: cannot be read ({error.strerror}); check that it is there "
            "and that you may read it"
        ) from error
    if not raw:
        raise CorpusError(f"{path}: empty; put the article's text in it or remove the file")
    return raw


def check_bytes(raw: bytes, encoding: str = "utf-8") -> str:
    """The bytes as text.

    Raises:
        CorpusError: not in this encoding, binary, or without a word; does not name the file.
    """
    name = encoding.upper()
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise CorpusError(f"not {name} at byte {error.start}; save it as UTF-8") from error
    if "\0" in text:
        raise CorpusError(f"binary (a null byte at {text.index(chr(0))}); save it as text")
    if not text.strip():
        raise CorpusError("empty; put the article's text in it or remove the file")
    return text
