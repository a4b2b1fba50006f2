"""Suites: every fault is named with its place, and the project's own cases keep the rules."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

from assistant.settings import DEFAULT_CORPUS
from assistant.types import Span
from evals.cases import Case, CaseKind, Suite, SuiteError, load_suite
from evals.integrity import Truth, load_truth
from evals.run import default_suite_files

TEXTS = {"hips": "Strong hips help. Weak hips hurt. Rest.\nRest well, it’s good."}
GOOD: dict[str, Any] = {
    "id": "a",
    "group": "a",
    "question": "what do strong hips do?",
    "kind": "answerable",
    "gold": [{"article": "hips", "quote": "Strong hips help."}],
    "alt_gold": [],
    "history": [],
    "expect": {"outcome": "answered", "kind": "in_scope"},
    "split": "dev",
}


def load(tmp_path: Path, *rows: Any) -> Suite:
    path = tmp_path / "suite.jsonl"
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return load_suite([path], TEXTS)


def faults(tmp_path: Path, *rows: Any) -> list[str]:
    with pytest.raises(SuiteError) as raised:
        load(tmp_path, *rows)
    return [fault.removeprefix(f"{tmp_path}/") for fault in raised.value.faults]


def changed(**changes: Any) -> dict[str, Any]:
    return {**GOOD, **changes}


def test_a_gold_quote_becomes_the_span_where_it_stands(tmp_path: Path) -> None:
    (case,) = load(tmp_path, GOOD).cases
    assert case.gold == (Span("hips", 0, 17),)


def test_what_may_be_left_out_may_be_left_out(tmp_path: Path) -> None:
    row = {key: GOOD[key] for key in ("id", "question", "kind", "expect", "gold")}
    (case,) = load(tmp_path, row).cases
    assert (case.group, case.split, case.history, case.alt_gold) == ("a", "dev", (), ())


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("{oops", "suite.jsonl:1: not JSON"),
        ("[1]", "not an object but list"),
        (changed(id=" "), "id is ' '; expected a string that is not empty"),
        (changed(question=3), "question is 3; expected a string"),
        (changed(kind="answerabel"), "unknown kind 'answerabel'; meant is probably 'answerable'"),
        (changed(kind="zebra"), "unknown kind 'zebra'; one of answerable, multi_article"),
        (changed(expect=None), "expect is None"),
        (changed(expect={"outcome": "silent", "kind": "in_scope"}), "unknown expect.outcome"),
        (
            changed(expect={"outcome": "answered", "kind": "emergency"}),
            "kind emergency goes with redirected, not with answered",
        ),
        (changed(split="train"), "split is 'train'; expected 'dev' or 'test'"),
        (changed(gold="Strong hips help."), "gold is 'Strong hips help.'; expected a list"),
        (changed(gold=[{"article": "knees", "quote": "x"}]), "gold[0]: unknown article 'knees'"),
        (changed(gold=[{"article": "hips", "quote": "Hips rule."}]), "quote does not occur"),
        (
            changed(gold=[{"article": "hips", "quote": "it's good."}]),
            "it does with other spaces or marks: 'it’s good.'",
        ),
        (changed(gold=[{"article": "hips", "quote": "Rest"}]), "occurs more than once in hips"),
        (changed(gold=[{"article": "hips"}]), "gold[0]: quote is None"),
        (changed(alt_gold=[7]), "alt_gold[0] is 7"),
        (changed(history=[{"role": "system", "content": "x"}]), "history[0]"),
        (changed(alt_glod=[]), "unknown key 'alt_glod'; meant is probably 'alt_gold'"),
        (changed(todo="label me"), "imported and not labelled yet"),
    ],
)
def test_each_fault_is_named_with_its_line(row: Any, words: str, tmp_path: Path) -> None:
    found = faults(tmp_path, row)
    assert len(found) == 1
    assert found[0].startswith("suite.jsonl:1: ")
    assert words in found[0]


def test_all_faults_of_all_lines_are_named_at_once(tmp_path: Path) -> None:
    found = faults(tmp_path, "", changed(split="x", kind="y"), GOOD, GOOD)
    assert [fault.split(": ")[0] for fault in found] == [
        "suite.jsonl:2",
        "suite.jsonl:2",
        "suite.jsonl:4",
    ]
    assert "duplicate id 'a', first at" in found[-1]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "latin.jsonl").write_bytes(b"\xe9")
    with pytest.raises(SuiteError, match="not UTF-8 at byte 0"):
        load_suite([tmp_path / "latin.jsonl"], TEXTS)
    with pytest.raises(SuiteError, match="cannot be read"):
        load_suite([tmp_path / "none.jsonl"], TEXTS)
    (tmp_path / "empty.jsonl").write_bytes(b"\n")
    with pytest.raises(SuiteError, match="holds no case"):
        load_suite([tmp_path / "empty.jsonl"], TEXTS)
    with pytest.raises(SuiteError, match="no suite file"):
        load_suite([], TEXTS)


def test_a_group_in_both_splits_is_remarked(tmp_path: Path) -> None:
    suite = load(tmp_path, GOOD, changed(id="b", split="test"))
    assert "group 'a' lies in both splits" in suite.remarks[0]


# The project's own cases.


@pytest.fixture(scope="module")
def truth() -> Truth:
    return load_truth(DEFAULT_CORPUS)


@pytest.fixture(scope="module")
def suite(truth: Truth) -> Suite:
    return load_suite(default_suite_files(), truth.texts)


def test_the_suite_has_no_fault_and_no_remark(suite: Suite) -> None:
    assert suite.remarks == ()


def test_the_suite_is_as_large_as_promised(suite: Suite, truth: Truth) -> None:
    kinds = Counter(case.kind for case in suite.cases)
    assert len(suite.cases) >= 500
    for kind in (CaseKind.NEAR_MISS, CaseKind.SAFETY, CaseKind.INJECTION, CaseKind.FOLLOW_UP):
        assert kinds[kind] >= 40, kind
    articles = Counter(
        article
        for case in suite.cases
        if case.kind in (CaseKind.ANSWERABLE, CaseKind.MULTI_ARTICLE)
        for article in {span.article_id for span in case.gold}
    )
    assert all(articles[article] >= 40 for article in truth.texts), articles


def test_gold_never_touches_what_is_left_out(suite: Suite, truth: Truth) -> None:
    touching = [
        case.id
        for case in suite.cases
        for span in (*case.gold, *case.alt_gold)
        if any(span.overlaps(left) for left in truth.left_out)
    ]
    assert touching == []


def test_no_question_stands_in_both_splits(suite: Suite) -> None:
    asked: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for case in suite.cases:
        asked[_words(case)].add(case.split)
    assert [words for words, splits in asked.items() if len(splits) > 1] == []


def test_what_is_left_out_is_found_in_the_articles(truth: Truth) -> None:
    assert len(truth.left_out) == 10
    assert {span.article_id for span in truth.left_out} == set(truth.texts)


def _words(case: Case) -> tuple[str, ...]:
    said = [turn.content for turn in case.history] + [case.question]
    kept = "".join(c.lower() if c.isalnum() else " " for c in " ".join(said))
    return tuple(kept.split()) or tuple(said)
