"""JSON lines from other people: each line an object, or told with its place why not."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from assistant.errors import UsageError


class LineError(ValueError):
    """What is wrong with some JSON; whoever reads it adds the place."""


def read_text(path: Path) -> str:
    """A file's text exactly as it is, line ends too.

    Raises:
        UsageError: It cannot be read, is not UTF-8 or begins with a byte order mark.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}; name another") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from error
    if text.startswith("\ufeff"):
        raise UsageError(f"{path}: begins with a byte order mark; save it as UTF-8 without BOM")
    return text


def iter_lines(path: Path) -> Iterator[tuple[str, str]]:
    """``file:line`` and text of every line that is not empty.

    Only a line feed ends a line: other breaks, such as U+2028, may stand inside a text.

    Raises:
        UsageError: As `read_text`.
    """
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if line.strip():
            yield f"{path}:{number}", line.removesuffix("\r")


def parse_object(text: str) -> dict[str, Any]:
    """The JSON object that `text` holds.

    Raises:
        LineError: It holds none, a key stands twice, or a string in it is not Unicode text.
    """
    try:
        value = json.loads(text, object_pairs_hook=_without_twins)
        if "\\ud" in text.lower():
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as error:
        line = f"line {error.lineno}, " if error.lineno > 1 else ""
        what = error.msg.removesuffix(" at")
        raise LineError(f"not JSON: {what} at {line}column {error.colno}") from error
    except RecursionError as error:
        raise LineError("nested too deeply; give plain JSON") from error
    except UnicodeEncodeError as error:
        raise LineError(
            f"holds half a character, {error.object[error.start]!r}; write the whole one"
        ) from error
    except LineError:
        raise
    except ValueError as error:
        raise LineError("holds a number of too many digits; shorten it") from error
    if not isinstance(value, dict):
        raise LineError(f"not an object but {type(value).__name__}")
    return value


def _without_twins(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        keys = [key for key, _ in pairs]
        twin = next(key for key in keys if keys.count(key) > 1)
        raise LineError(f"key {twin!r:.80} stands twice; keep one")
    return row


def shown(value: object, length: int = 80) -> str:
    """A value for a message, cut to `length`."""
    words = repr(value)
    return words if len(words) <= length else words[: length - 1] + "…"
