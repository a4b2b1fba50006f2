"""Thumbs from the chat become cases to be labelled; what cannot be used is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assistant.errors import UsageError
from assistant.settings import DEFAULT_CORPUS
from assistant.text import sha256_text
from evals import __main__ as command
from evals.feedback import import_feedback, write_cases
from evals.truth import load_truth

TEXTS = {"a": "Hips help. Knees hurt."}


def imported(*entries: Any) -> tuple[list[dict[str, Any]], list[str]]:
    lines = [entry if isinstance(entry, str) else json.dumps(entry) for entry in entries]
    return import_feedback([(f"f:{n}", line) for n, line in enumerate(lines, 1)], TEXTS)


def up(**more: Any) -> dict[str, Any]:
    return {"question": "q", "rating": "up", **more}


def test_feedback_becomes_cases_to_be_labelled(tmp_path: Path) -> None:
    truth = load_truth(DEFAULT_CORPUS)
    start = truth.texts["fix-the-hip"].index("There is so much data")
    cited = f"fix-the-hip:{start}-{start + 79}"
    answer = {"outcome": "answered", "kind": "in_scope", "citations": [{"id": cited}]}
    entries = [
        {"question": "Is there data on glutes?", "rating": "up", "answer": answer},
        {"question": "is there data on glutes?", "rating": "down", "comment": "meh"},
    ]
    lines = [(f"f:{n}", json.dumps(entry)) for n, entry in enumerate(entries)]
    rows, faults = import_feedback(lines, truth.texts)
    assert len(rows) == 1
    assert len(rows[0]["feedback"]) == 2
    assert rows[0]["gold"][0]["quote"] == truth.texts["fix-the-hip"][start : start + 79]
    assert faults == []
    write_cases(rows, tmp_path / "cases.jsonl")
    with pytest.raises(UsageError, match="is there already"):
        write_cases(rows, tmp_path / "cases.jsonl")


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("nonsense", "not JSON"),
        ("[1]", "not an object but list"),
        ("[" * 100_000, "nested too deeply"),
        ({"question": "", "rating": "up"}, "it needs a question and a rating"),
        ({"question": "q", "rating": {}}, "it needs a question and a rating"),
        (up(question="q \ud800"), "holds half a character"),
        (up(history="abc"), "history is 'abc'"),
        (up(answer=[1]), r"answer is \[1\]"),
        (up(answer={"citations": None}), "answer.citations is None"),
        (up(answer={"citations": ["a:0-10"]}), "expected a list of citations"),
        (up(citation=7), "citation is 7"),
    ],
)
def test_a_line_that_cannot_be_used_is_named(entry: Any, words: str) -> None:
    rows, faults = imported(entry)
    assert rows == []
    assert len(faults) == 1
    assert faults[0].startswith("f:1: ")
    assert words.replace("\\", "") in faults[0]


@pytest.mark.parametrize("first", ["up", "down"])
def test_a_sentence_that_was_called_wrong_is_not_proposed(first: str) -> None:
    wrong = {"question": "q", "rating": "down", "citation": "a:0-10"}
    praise = up(answer={"citations": [{"id": "a:0-10"}, {"id": "a:11-22"}]})
    rows, faults = imported(*((praise, wrong) if first == "up" else (wrong, praise)))
    assert rows[0]["gold"] == [{"article": "a", "quote": "Knees hurt."}]
    assert faults == []


def test_a_citation_of_another_version_is_named_and_not_proposed() -> None:
    rows, faults = imported(up(citation="a:0-10@00000000"), up(citation="a:0-99"))
    assert rows[0]["gold"] == []
    assert "another version" in faults[0]
    assert "not in the corpus" in faults[1]
    rows, faults = imported(up(citation=f"a:0-10@{sha256_text(TEXTS['a'])[:8]}"))
    assert rows[0]["gold"] == [{"article": "a", "quote": "Hips help."}]
    assert faults == []


def test_imported_cases_do_not_run_before_they_are_labelled(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "thumbs.jsonl"
    line = json.dumps({"question": "why\u2028so", "rating": "down"}, ensure_ascii=False)
    path.write_text(line + "\n", encoding="utf-8")
    assert command.main(["import", str(path)]) == 0
    cases = tmp_path / "thumbs.cases.jsonl"
    assert command.main(["run", "--suite", str(cases), "--out", str(tmp_path)]) == 1
    assert "imported and not labelled yet" in capsys.readouterr().err
