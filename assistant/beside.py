"""The TOML files beside a corpus's articles, whatever somebody has put into them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assistant.errors import CorpusError


def read_toml(path: Path) -> dict[str, Any]:
    """The file's tables; empty where there is no such file.

    Raises:
        CorpusError: it cannot be read.
    """
    try:
        return tomllib.loads(path.read_text("utf-8")) if path.exists() else {}
    except (OSError, ValueError, RecursionError) as error:  # A number may have too many digits.
        raise CorpusError(f"{path}: cannot be read ({error}); correct it") from error


def rows_of(data: Mapping[str, Any], key: str, path: Path) -> list[dict[str, Any]]:
    """The tables ``[[key]]``; none where the file has none.

    Raises:
        CorpusError: there is something else under that name.
    """
    rows = data.get(key, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise CorpusError(f"{path}: {key} is no list of tables, [[{key}]]; correct it")
    return rows
