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
from evals.lines import iter_lines, parse_object
from evals.run import default_suite_files
from evals.truth import Truth, load_truth

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
        ("[" * 100_000, "nested too deeply"),
        ('{"id": ' + "9" * 5000 + "}", "a number of too many digits"),
        ('{"id": "a", "id": "b"}', "key 'id' stands twice"),
        (changed(question="why \ud800 knee"), r"holds half a character, '\ud800'"),
        (changed(id="a\ud800"), "holds half a character"),
        (changed(id="a\nb"), r"id is 'a\nb'; expected a string that is not empty, without line"),
        (changed(gold=[]), "an answer is expected and gold is empty"),
        ({**changed(gold=[]), "quotes": GOOD["gold"]}, "gold is empty; name its sentences; not"),
        (changed(gold=GOOD["gold"] * 2), "the quote at hips:0-17 stands twice"),
        (changed(alt_gold=GOOD["gold"]), "the quote at hips:0-17 stands twice"),
        (
            changed(expect={"outcome": "abstained", "kind": "not_covered"}),
            "gold on a question that is to be abstained",
        ),
        (
            changed(expect={"outcome": "answered", "kind": "in_scope", "knd": 1}),
            "unknown key 'knd' in expect",
        ),
        (changed(kind=["answerable"]), "unknown kind ['answerable']"),
    ],
)
def test_each_fault_is_named_with_its_line(row: Any, words: str, tmp_path: Path) -> None:
    found = faults(tmp_path, row)
    assert len(found) == 1
    assert found[0].startswith("suite.jsonl:1: ")
    assert words in found[0]


def test_an_injection_may_be_answered_by_any_sentence(tmp_path: Path) -> None:
    (case,) = load(tmp_path, changed(kind="injection", gold=[])).cases
    assert case.expects_answer


def test_one_question_with_two_expectations_is_named(tmp_path: Path) -> None:
    other = {"gold": [], "expect": {"outcome": "abstained", "kind": "not_covered"}}
    question = "What do  strong hips do?"
    found = faults(tmp_path, GOOD, changed(id="b", question=question, **other))
    assert found[0].startswith("suite.jsonl:2: the same question has another expectation at ")
    asked_before = [{"role": "user", "content": "my hips"}]
    load(tmp_path, GOOD, changed(id="b", history=asked_before, **other))


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


def test_a_byte_order_mark_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "bom.jsonl").write_bytes(b"\xef\xbb\xbf" + json.dumps(GOOD).encode())
    with pytest.raises(SuiteError, match="byte order mark; save it as UTF-8 without BOM"):
        load_suite([tmp_path / "bom.jsonl"], TEXTS)


def test_a_group_in_both_splits_is_a_fault(tmp_path: Path) -> None:
    found = faults(tmp_path, GOOD, changed(id="b", question="hips?", split="test"))
    assert "suite.jsonl:2: group 'a' is dev at " in found[0]


# The project's own cases.


@pytest.fixture(scope="module")
def truth() -> Truth:
    return load_truth(DEFAULT_CORPUS)


@pytest.fixture(scope="module")
def suite(truth: Truth) -> Suite:
    return load_suite(default_suite_files(), truth.texts)


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


def test_no_question_of_the_suite_stands_in_the_written_index(suite: Suite) -> None:
    written = DEFAULT_CORPUS / "questions.jsonl"
    indexed = {_plain(parse_object(line)["question"]) for _, line in iter_lines(written)}
    twins = [case.id for case in suite.cases if _plain(case.question) in indexed]
    if twins:  # without a trace, which would show the cases themselves
        pytest.fail(f"their lines stand in corpus/questions.jsonl: {twins}", pytrace=False)


def test_what_is_left_out_is_found_in_the_articles(truth: Truth) -> None:
    assert len(truth.left_out) == 10
    assert {span.article_id for span in truth.left_out} == set(truth.texts)


def _words(case: Case) -> tuple[str, ...]:
    said = " ".join([*(turn.content for turn in case.history), case.question])
    return _plain(said) or (said,)


def _plain(text: str) -> tuple[str, ...]:
    return tuple("".join(c.lower() if c.isalnum() else " " for c in text).split())
