"""`python -m evals import`: thumbs from the chat become cases to be labelled.

A feedback line says what somebody thought of an answer or of one citation. What the right answer
would have been it does not say, so a person has to: every case comes out with `"todo"`, which the
suite loader refuses, until gold quotes and expectation are checked.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from assistant.errors import UsageError
from assistant.text import sha256_text
from assistant.types import Kind, Outcome, Span
from evals.lines import LineError, parse_object, shown
from evals.results import write_text
from evals.truth import parse_citation_span

UNLABELLED: Final = "label me"
_MAX_QUESTION: Final = 4000


def import_feedback(
    lines: Iterable[tuple[str, str]], texts: Mapping[str, str]
) -> tuple[list[dict[str, Any]], list[str]]:
    """Feedback lines → rows in the suite format, one a question, still to be labelled.

    A line has `question`, `rating` ("up" or "down"), and may have `history`, `answer` (the JSON of
    DESIGN section 5), `citation` (the id that was rated) and `comment`. Sentences of a praised
    answer are proposed as gold; those of a citation called wrong never are, whatever came first.
    A line without a question is from somebody who did not agree to have it kept: it is counted.

    Args:
        lines: Place and text of each line.
        texts: Each article's text by its id.

    Returns:
        The rows, and what was wrong with lines or citations that were passed over.
    """
    entries: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    faults: list[str] = []
    wordless: Counter[str] = Counter()
    for where, line in lines:
        try:
            entry = parse_object(line)
            if "question" not in entry and entry.get("rating") in ("up", "down"):
                wordless[str(entry.get("comment") or entry["rating"])] += 1
                continue
            _check_entry(entry)
        except LineError as error:
            faults.append(f"{where}: {error}")
            continue
        asked = [" ".join(entry["question"].casefold().split()), entry.get("history") or []]
        entries.setdefault(json.dumps(asked, sort_keys=True), []).append((where, entry))
    if wordless:
        counts = ", ".join(f"{reason} {count}" for reason, count in wordless.most_common())
        faults.append(f"{wordless.total()} without a question, which make no case: {counts}")
    rows = []
    for number, of_question in enumerate(entries.values(), 1):
        row = _new_row(of_question[0][1], number)
        row["gold"] = _proposed(of_question, texts, faults)
        row["feedback"] = [
            {key: entry[key] for key in ("rating", "citation", "comment") if entry.get(key)}
            for _, entry in of_question
        ]
        rows.append(row)
    return rows, faults


def _check_entry(entry: Mapping[str, Any]) -> None:
    question, rating = entry.get("question"), entry.get("rating")
    if not isinstance(question, str) or not question.strip() or rating not in ("up", "down"):
        raise LineError("not a feedback line; it needs a question and a rating, up or down")
    citation = entry.get("citation")
    if citation is not None and not isinstance(citation, str):
        raise LineError(f"citation is {shown(citation)}; expected an id")
    turns = entry.get("history") or []
    if not isinstance(turns, list) or not all(map(_is_turn, turns)):
        raise LineError(f"history is {shown(turns)}; expected turns of role and content")
    answer = entry.get("answer")
    if answer is None:
        return
    if not isinstance(answer, dict):
        raise LineError(f"answer is {shown(answer)}; expected an object")
    cited = answer.get("citations", [])
    if not isinstance(cited, list) or not all(
        isinstance(c, dict) and isinstance(c.get("id"), str) for c in cited
    ):
        raise LineError(f"answer.citations is {shown(cited)}; expected a list of citations")


def _is_turn(turn: object) -> bool:
    return (
        isinstance(turn, dict)
        and turn.get("role") in ("user", "assistant")
        and isinstance(turn.get("content"), str)
    )


def _new_row(entry: Mapping[str, Any], number: int) -> dict[str, Any]:
    question, answer = entry["question"], entry.get("answer") or {}
    words = re.findall(r"[a-z0-9]+", question.lower())[:5]
    name = "-".join(["feedback", *words, str(number)])
    outcome, kind = answer.get("outcome"), answer.get("kind")
    known = outcome in list(Outcome) and kind in list(Kind)
    return {
        "id": name,
        "group": name,
        "question": question[:_MAX_QUESTION],
        "kind": "follow_up" if entry.get("history") else "answerable",
        "gold": [],
        "alt_gold": [],
        "history": entry.get("history") or [],
        "expect": {
            "outcome": outcome if known else Outcome.ABSTAINED.value,
            "kind": kind if known else Kind.NOT_COVERED.value,
        },
        "split": "dev",
        "todo": UNLABELLED,
        "feedback": [],
    }


def _proposed(
    entries: Sequence[tuple[str, Mapping[str, Any]]], texts: Mapping[str, str], faults: list[str]
) -> list[dict[str, str]]:
    """What was praised and never called wrong, in order of first praise."""
    praised: dict[Span, None] = {}
    wrong: list[Span] = []
    for where, entry in entries:
        for citation_id in _iter_rated(entry):
            try:
                span = _locate(citation_id, texts)
            except LineError as error:
                faults.append(f"{where}: {error}")
                continue
            if entry["rating"] == "up":
                praised[span] = None
            else:
                wrong.append(span)
    return [
        {"article": span.article_id, "quote": texts[span.article_id][span.start : span.end]}
        for span in praised
        if not any(span.overlaps(other) for other in wrong)
    ]


def _iter_rated(entry: Mapping[str, Any]) -> Iterator[str]:
    """The citations that a thumb speaks of; a thumb down on an answer speaks of none alone."""
    if entry.get("citation"):
        yield entry["citation"]
    elif entry["rating"] == "up":
        yield from (cited["id"] for cited in (entry.get("answer") or {}).get("citations", []))


def _locate(citation_id: str, texts: Mapping[str, str]) -> Span:
    span = parse_citation_span(citation_id)
    if span is None or span.end > len(texts.get(span.article_id, "")):
        raise LineError(f"citation {shown(citation_id)} is not in the corpus; passed over")
    digits = citation_id.partition("@")[2]
    if digits and not sha256_text(texts[span.article_id]).startswith(digits.lower()):
        raise LineError(f"citation {citation_id} is of another version of its article; passed over")
    return span


def write_cases(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Writes the rows as JSON lines.

    Raises:
        UsageError: The file is there already; labels in it are not to be lost.
    """
    if path.exists():
        raise UsageError(f"{path}: is there already; choose another --out")
    write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
