"""Replay an exported conversation: every quote in it against the files as they are now."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from assistant.citations import make_citation, parse_citation_id
from assistant.errors import CitationError, UsageError
from assistant.types import Article

_NEEDED: Final = ("id", "quote", "sha256")
MAX_EXPORT_BYTES: Final = 100_000_000


@dataclass(frozen=True, slots=True)
class Replayed:
    """A quote of the export; `problem` is empty where the file still says exactly this."""

    id: str
    quote: str
    problem: str


def verify_export(path: Path, articles: Mapping[str, Article]) -> tuple[Replayed, ...]:
    """Every citation in an export, wherever it stands in it, in order.

    Raises:
        UsageError: the file can't be read as JSON, or holds no citation.
    """
    try:
        if path.stat().st_size > MAX_EXPORT_BYTES:
            raise UsageError(f"{path}: over {MAX_EXPORT_BYTES} bytes; export fewer answers")
        data = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be read ({error.strerror}); name an exported file"
        ) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not JSON ({error}); export the conversation again") from error
    replayed = tuple(_replay(row, articles) for row in _iter_citations(data))
    if not replayed:
        raise UsageError(
            f"{path}: no citation in it; name a file that `ask --json` or the page has exported"
        )
    return replayed


def _iter_citations(data: Any) -> Iterator[Mapping[str, Any]]:
    pending = [data]
    while pending:
        value = pending.pop(0)
        if isinstance(value, dict):
            if all(isinstance(value.get(key), str) for key in _NEEDED):
                yield value
            pending[:0] = value.values()
        elif isinstance(value, list):
            pending[:0] = value


def _replay(row: Mapping[str, Any], articles: Mapping[str, Article]) -> Replayed:
    def result(problem: str) -> Replayed:
        return Replayed(row["id"], row["quote"], problem)

    try:
        span, digits = parse_citation_id(row["id"])
    except CitationError as error:
        return result(str(error))
    article = articles.get(span.article_id)
    if article is None:
        return result(f"no article {span.article_id!r}")
    if article.sha256 != row["sha256"] or not article.sha256.startswith(digits):
        still = (
            "the words are still in it" if row["quote"] in article.text else "the words are gone"
        )
        return result(f"{article.id} has changed since; {still}")
    try:
        quote = make_citation(article, span).quote
    except CitationError as error:
        return result(str(error))
    return result("" if quote == row["quote"] else f"the article says {quote[:80]!r} there")
