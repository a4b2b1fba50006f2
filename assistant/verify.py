"""Replay an exported conversation: every quote in it against the files as they are now."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from assistant.citations import cite, make_citation, parse_citation_id
from assistant.errors import CitationError, StoreError, UsageError
from assistant.support import check_support
from assistant.texts import TextStore
from assistant.types import REPHRASE, Article, Decision, Span

_NEEDED: Final = ("id", "quote", "sha256")
EXPORT_FORMAT: Final = "knee-hip-conversation"
MAX_EXPORT_BYTES: Final = 100_000_000


@dataclass(frozen=True, slots=True)
class Replayed:
    """A quote of the export; `problem` is empty where the file still says exactly this."""

    id: str
    quote: str
    problem: str


def verify_export(
    path: Path, articles: Mapping[str, Article], texts: TextStore | None = None
) -> tuple[Replayed, ...]:
    """Every citation in an export, wherever it stands in it, in order.

    None where the page has exported a conversation in which nothing is quoted.

    Args:
        texts: earlier texts of the articles, to say what has become of a quote that has changed.

    Raises:
        UsageError: the file can't be read as JSON, or is no export and holds no citation.
    """
    try:
        if path.stat().st_size > MAX_EXPORT_BYTES:
            raise UsageError(f"{path}: over {MAX_EXPORT_BYTES} bytes; export fewer answers")
        data = _parse(path.read_text("utf-8-sig"))
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be read ({error.strerror}); name an exported file"
        ) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not JSON ({error}); export the conversation again") from error
    replayed = tuple(_replay(row, articles, texts) for row in _iter_citations(data))
    exported = isinstance(data, dict) and data.get("format") == EXPORT_FORMAT
    if not replayed and not exported:
        raise UsageError(
            f"{path}: no citation in it; name a file that `ask --json` or the page has exported"
        )
    return replayed


def _parse(text: str) -> Any:
    """JSON, or JSON lines as `ask --batch` prints them."""
    try:
        return json.loads(text)
    except ValueError:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2:
            raise
        return [json.loads(line) for line in lines]


def _iter_citations(data: Any) -> Iterator[Mapping[str, Any]]:
    """Every object that cites, in order; the statements of an answer count as such.

    A statement has the words of each of the citations it names, so it is replayed as them; one in
    a language model's words has to be carried by them.
    """
    pending = [data]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            if "id" in value and ("quote" in value or "sha256" in value):
                yield value
            yield from _iter_statements(value)
            pending.extend(reversed(value.values()))
        elif isinstance(value, list):
            pending.extend(reversed(value))


def _iter_statements(answer: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    statements, citations = answer.get("statements"), answer.get("citations")
    if not isinstance(statements, list):
        return
    known = {
        row["id"]: row
        for row in (citations if isinstance(citations, list) else [])
        if isinstance(row, dict) and isinstance(row.get("id"), str)
    }
    for row in statements:
        named = row.get("citations") if isinstance(row, dict) else None
        ids = [id_ for id_ in named if isinstance(id_, str)] if isinstance(named, list) else []
        if _is_carried(answer, row, [known[id_] for id_ in ids if id_ in known]):
            continue
        for id_ in ids or [""]:
            text = row.get("text") if isinstance(row, dict) else None
            if id_ not in known or text != known[id_].get("quote"):
                yield {"id": id_ or "a statement", "quote": text, "sha256": None}


def _is_carried(
    answer: Mapping[str, Any], statement: Any, cited: Sequence[Mapping[str, Any]]
) -> bool:
    """Whether it is a model's statement, and its quotes, replayed by themselves, carry it."""
    reworded = str(answer.get("generator")).startswith(f"{REPHRASE}: ")
    if not reworded or not isinstance(statement, dict):
        return False
    quotes = [quote for row in cited if isinstance(quote := row.get("quote"), str)]
    text, named = statement.get("text"), statement.get("citations")
    if not isinstance(text, str) or not isinstance(named, list) or len(quotes) != len(named):
        return False
    return check_support(text, quotes).decision is Decision.PASS


def _replay(
    row: Mapping[str, Any], articles: Mapping[str, Article], texts: TextStore | None
) -> Replayed:
    def result(problem: str) -> Replayed:
        return Replayed(str(row.get("id")), str(row.get("quote")), problem)

    if not all(isinstance(row.get(key), str) for key in _NEEDED):
        return result("it does not say exactly what its citation says, or lacks its hash")
    try:
        span, digits = parse_citation_id(row["id"])
    except CitationError as error:
        return result(str(error))
    article = articles.get(span.article_id)
    if article is None:
        return result(f"no article {span.article_id!r}")
    if article.sha256 != row["sha256"] or not article.sha256.startswith(digits):
        return result(_what_became_of(row, span, articles, texts))
    try:
        quote = make_citation(article, span).quote
    except CitationError as error:
        return result(str(error))
    return result("" if quote == row["quote"] else f"the article says {quote[:80]!r} there")


def _what_became_of(
    row: Mapping[str, Any],
    span: Span,
    articles: Mapping[str, Article],
    texts: TextStore | None,
) -> str:
    """What is wrong with a quote from a text that has changed since, or that never was."""
    try:
        earlier = texts.earlier(span.article_id, row["sha256"][:8]) if texts else None
    except StoreError as error:
        return str(error)
    if earlier is None or earlier.sha256 != row["sha256"]:
        still = row["quote"] in articles[span.article_id].text
        return (
            f"{span.article_id} has changed since, and no text of that time is kept; "
            f"{'the words are still in it' if still else 'the words are not in it'}"
        )
    if earlier.quote(span) != row["quote"]:
        return f"{span.article_id} did not say that, in the text that it names either"
    try:
        now = cite(articles, f"{span.id}@{row['sha256'][:8]}", texts).citation
    except CitationError as error:
        return str(error)
    return f"{span.article_id} has changed since; the same words now stand at {now.id}"
