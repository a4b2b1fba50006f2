"""What must hold in every answer, checked against the files themselves.

Reads the articles, their hashes and the left-out stretches (`left_out.jsonl`, taken from the
corpus description) on its own, so that a fault in the assistant's reading of them cannot hide.
Each fault has a name that is counted, and the count must be 0.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from assistant.errors import CorpusError
from assistant.types import DISCLAIMER, Kind, Outcome, Span
from evals.cases import OUTCOMES_OF

LEFT_OUT_FILE: Final = Path(__file__).resolve().parent / "left_out.jsonl"

FAULTS: Final[Mapping[str, str]] = {
    "no_answer": "an exception instead of an answer",
    "answer_not_readable": "keys missing, or an unknown kind or outcome",
    "disclaimer_missing": "without the disclaimer, or with other words",
    "quote_not_exact": "a quote is not the article's text at its offsets",
    "quote_cuts_word": "a quote begins or ends inside a word",
    "hash_wrong": "a citation's SHA-256 is not the file's",
    "left_out_cited": "a citation touches promotion, comments or what else is left out",
    "cited_without_answer": "statements or citations on an abstention, refusal or emergency",
    "statement_without_citation": "a statement names no citation",
    "citations_not_those_named": "the list is not exactly what statements name",
    "words_not_in_quote": "an extractive statement is not the words of its quotes",
    "nearest_elsewhere": "nearest passages outside an abstention, or among the citations",
    "outcome_not_of_kind": "the outcome does not follow from the kind",
    "not_repeatable": "asked again, the answer was another",
}


_CITATION_KEYS: Final = frozenset({"id", "article", "start", "end", "quote", "sha256"})


@dataclass(frozen=True, slots=True)
class Truth:
    """The corpus as its files are: texts, hashes, and what may never be shown."""

    texts: Mapping[str, str]
    sha256: Mapping[str, str]
    left_out: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """One broken promise; `name` is a key of `FAULTS`."""

    name: str
    detail: str


def load_truth(corpus: Path, left_out_file: Path = LEFT_OUT_FILE) -> Truth:
    """Reads every article of a corpus folder as it is.

    Left-out stretches of articles that this corpus does not have are passed over.

    Raises:
        CorpusError: The folder has no article, or one is not UTF-8.
    """
    texts: dict[str, str] = {}
    sha256: dict[str, str] = {}
    for path in sorted(corpus.glob("*.txt")):
        data = path.read_bytes()
        try:
            texts[path.stem] = data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise CorpusError(
                f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8"
            ) from error
        sha256[path.stem] = hashlib.sha256(data).hexdigest()
    if not texts:
        raise CorpusError(f"{corpus}: holds no .txt article; name a corpus folder with --corpus")
    return Truth(texts, sha256, tuple(_iter_left_out(left_out_file, texts)))


def _iter_left_out(path: Path, texts: Mapping[str, str]) -> Iterator[Span]:
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        text = texts.get(row["article"], "")
        start = text.find(row["from"])
        if start < 0:
            continue
        found = text.find(row["to"], start) if row["to"] else -1
        end = found + len(row["to"]) if found >= 0 else len(text)
        yield Span(row["article"], start, end)


def parse_citation_span(citation_id: str) -> Span | None:
    """The span that an id ``article:start-end[@hash]`` names; None if it is no such id."""
    article, _, offsets = citation_id.split("@")[0].rpartition(":")
    start, _, end = offsets.partition("-")
    if not article or not start.isdigit() or not end.isdigit() or int(start) >= int(end):
        return None
    return Span(article, int(start), int(end))


def iter_faults(answer: Mapping[str, Any], truth: Truth) -> Iterator[Fault]:
    """Every broken promise of one answer in its JSON form; nothing for a sound one."""
    if answer.get("disclaimer") != DISCLAIMER:
        yield Fault("disclaimer_missing", f"disclaimer is {answer.get('disclaimer')!r:.80}")
    try:
        kind, outcome = Kind(answer["kind"]), Outcome(answer["outcome"])
        statements, citations = answer["statements"], answer["citations"]
        named = [cited for statement in statements for cited in statement["citations"]]
        listed = {citation["id"]: citation for citation in citations}
        nearest = answer.get("nearest") or []
        lacking = [c for c in (*citations, *nearest) if not set(c) >= _CITATION_KEYS]
        if lacking:
            raise KeyError(f"a citation lacks {sorted(_CITATION_KEYS - set(lacking[0]))}")
    except (KeyError, ValueError, TypeError) as error:
        yield Fault("answer_not_readable", repr(error))
        return
    yield from _iter_quote_faults([*citations, *nearest], truth)
    if outcome not in OUTCOMES_OF[kind]:
        yield Fault("outcome_not_of_kind", f"{kind} with {outcome}")
    silent = outcome in (Outcome.ABSTAINED, Outcome.REFUSED)
    if (silent or kind in (Kind.EMERGENCY, Kind.CRISIS)) and (statements or citations):
        yield Fault("cited_without_answer", f"{kind}, {outcome}: {len(citations)} citations")
    if len(listed) != len(citations) or set(listed) != set(named):
        yield Fault("citations_not_those_named", f"listed {sorted(listed)}, named {sorted(named)}")
    if nearest and outcome is not Outcome.ABSTAINED:
        yield Fault("nearest_elsewhere", f"{len(nearest)} nearest passages, {outcome}")
    for statement in statements:
        if not statement["citations"]:
            yield Fault("statement_without_citation", statement["text"][:80])
            continue
        quotes = [listed[cited]["quote"] for cited in statement["citations"] if cited in listed]
        extractive = answer.get("generator", "extractive") == "extractive"
        if extractive and not any(statement["text"] in quote for quote in quotes):
            yield Fault("words_not_in_quote", statement["text"][:80])


def _iter_quote_faults(citations: list[Mapping[str, Any]], truth: Truth) -> Iterator[Fault]:
    for citation in citations:
        article, start, end = citation["article"], citation["start"], citation["end"]
        text = truth.texts.get(article)
        quote = citation["quote"]
        if text is None or not quote or text[start:end] != quote:
            yield Fault("quote_not_exact", f"{article}:{start}-{end}: {quote[:60]!r}")
            continue
        span = Span(article, start, end)
        if parse_citation_span(citation["id"]) != span:
            yield Fault("quote_not_exact", f"id {citation['id']!r} is not {span.id}")
        if _cuts_word(span, text, truth):
            yield Fault("quote_cuts_word", f"{span.id}: {quote[:60]!r}")
        if citation["sha256"] != truth.sha256[article]:
            yield Fault("hash_wrong", f"{span.id}: {citation['sha256']!r}")
        if any(span.overlaps(left) for left in truth.left_out):
            yield Fault("left_out_cited", f"{span.id}: {quote[:60]!r}")


def _cuts_word(span: Span, text: str, truth: Truth) -> bool:
    """Whether a quote's edge lies inside a word; an edge at left-out words fused on may."""
    for edge in (span.start, span.end):
        inside = 0 < edge < len(text) and text[edge - 1].isalnum() and text[edge].isalnum()
        beside = any(
            left.article_id == span.article_id and edge in (left.start, left.end)
            for left in truth.left_out
        )
        if inside and not beside:
            return True
    return False
