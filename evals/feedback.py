"""`python -m evals import`: thumbs from the chat become cases to be labelled.

A feedback line says what somebody thought of an answer or of one citation. What the right answer
would have been it does not say, so a person has to: every case comes out with `"todo"`, which the
suite loader refuses, until gold quotes and expectation are checked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from assistant.errors import UsageError
from evals.integrity import parse_citation_span

TODO: Final = "label me"
_MAX_QUESTION: Final = 4000


def import_feedback(
    lines: Iterable[str], texts: Mapping[str, str], source: str
) -> tuple[list[dict[str, Any]], list[str]]:
    """Feedback lines → rows in the suite format, one a question, still to be labelled.

    A line has `question`, `rating` ("up" or "down"), and may have `history`, `answer` (the JSON of
    DESIGN section 5), `citation` (the id that was rated) and `comment`. Sentences of a praised
    answer are proposed as gold, those of a citation called wrong never are.

    Args:
        texts: Each article's text by its id.
        source: Name of the file, for the faults.

    Returns:
        The rows, and what was wrong with lines that were passed over.
    """
    rows: dict[str, dict[str, Any]] = {}
    faults: list[str] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            question, rating = entry["question"], entry["rating"]
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            faults.append(f"{source}:{number}: not a feedback line ({error!r})")
            continue
        if not isinstance(question, str) or not question.strip() or rating not in ("up", "down"):
            faults.append(f"{source}:{number}: needs a question and a rating, up or down")
            continue
        history = entry.get("history") or []
        key = json.dumps([question.strip().lower(), history], sort_keys=True)
        row = rows.setdefault(key, _new_row(question, history, entry, len(rows) + 1))
        _add_rating(row, entry, texts)
    return list(rows.values()), faults


def _new_row(question: str, history: Any, entry: Mapping[str, Any], number: int) -> dict[str, Any]:
    answer = entry.get("answer") if isinstance(entry.get("answer"), dict) else {}
    assert isinstance(answer, dict)
    words = re.findall(r"[a-z0-9]+", question.lower())[:5]
    name = "-".join(["feedback", *words, str(number)])
    return {
        "id": name,
        "group": name,
        "question": question[:_MAX_QUESTION],
        "kind": "follow_up" if history else "answerable",
        "gold": [],
        "alt_gold": [],
        "history": history,
        "expect": {
            "outcome": answer.get("outcome", "abstained"),
            "kind": answer.get("kind", "not_covered"),
        },
        "split": "dev",
        "todo": TODO,
        "feedback": [],
    }


def _add_rating(row: dict[str, Any], entry: Mapping[str, Any], texts: Mapping[str, str]) -> None:
    rated = entry.get("citation")
    note = {key: entry[key] for key in ("rating", "citation", "comment") if entry.get(key)}
    row["feedback"].append(note)
    if entry["rating"] == "down":
        row["gold"] = [g for g in row["gold"] if g != _quote(str(rated), texts)]
        return
    answer = entry.get("answer")
    listed = answer.get("citations", []) if isinstance(answer, dict) else []
    ids: Sequence[str] = [rated] if rated else [c.get("id", "") for c in listed]
    for citation_id in ids:
        quote = _quote(str(citation_id), texts)
        if quote and quote not in row["gold"]:
            row["gold"].append(quote)


def _quote(citation_id: str, texts: Mapping[str, str]) -> dict[str, str] | None:
    span = parse_citation_span(citation_id)
    if span is None or span.end > len(texts.get(span.article_id, "")):
        return None
    return {"article": span.article_id, "quote": texts[span.article_id][span.start : span.end]}


def write_cases(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Writes the rows as JSON lines.

    Raises:
        UsageError: The file is there already; labels in it are not to be lost.
    """
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            for row in rows:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
    except FileExistsError as error:
        raise UsageError(f"{path}: is there already; choose another --out") from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error
