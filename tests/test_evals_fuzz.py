"""Generated messages: the same for a seed, of every kind, and what is broken is counted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import pytest
from evals_double import WordOverlap, write_suite

from assistant.settings import DEFAULT_CORPUS
from evals.cases import Case, load_suite
from evals.fuzz import iter_messages, render_findings, run_fuzz
from evals.subject import AnswerJson, Message
from evals.truth import Truth, load_truth


@pytest.fixture(scope="module")
def truth() -> Truth:
    return load_truth(DEFAULT_CORPUS)


@pytest.fixture(scope="module")
def cases(truth: Truth, tmp_path_factory: pytest.TempPathFactory) -> Sequence[Case]:
    path = write_suite(tmp_path_factory.mktemp("suite") / "suite.jsonl")
    return load_suite([path], truth.texts).cases


def test_messages_are_those_of_their_seed_and_of_every_kind(cases: Sequence[Case]) -> None:
    def first(seed: int) -> list[Any]:
        return list(islice(iter_messages(cases, seed), 400))

    assert first(1) == first(1) != first(2)
    assert len({way for way, _ in first(1)}) == 8
    assert any(history for _, (_, history) in first(1))
    assert any("\ud800" <= char <= "\udfff" for _, (text, _) in first(1) for char in text)


def test_no_question_of_the_test_split_is_used(cases: Sequence[Case]) -> None:
    hidden = {case.question for case in cases if case.split == "test"}
    assert hidden
    asked = {text for _, (text, _) in islice(iter_messages(cases, 1), 1000)}
    assert not any(question in text for question in hidden for text in asked)


class Changed(WordOverlap):
    """A small assistant whose answers are changed by the test."""

    change: Callable[[dict[str, Any]], object]

    def answers(self, messages: Sequence[Message]) -> Iterator[AnswerJson]:
        for message in messages:
            answer = json.loads(json.dumps(next(iter(super().answers([message])))))
            self.change(answer)
            yield answer


def without_disclaimer(answer: dict[str, Any]) -> None:
    del answer["disclaimer"]


def other_each_time(answer: dict[str, Any]) -> None:
    answer["query"] = str(id(answer)) + str(len(SEEN))
    SEEN.append(answer)


def raises_on_a_mark(answer: dict[str, Any]) -> None:
    if "\u200b" in answer["question"]:
        raise ValueError("a mark")


SEEN: list[dict[str, Any]] = []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (without_disclaimer, "disclaimer_missing"),
        (other_each_time, "not_repeatable"),
        (raises_on_a_mark, "no_answer"),
    ],
)
def test_what_is_broken_is_counted_and_shown(
    truth: Truth, cases: Sequence[Case], change: Callable[[dict[str, Any]], object], fault: str
) -> None:
    subject = Changed(truth)
    subject.change = change
    findings = run_fuzz(subject, cases, truth, number=200, seed=3)
    assert findings.asked == 200
    assert findings.faults[fault] > 0
    assert (
        any(example["fault"] == fault for example in findings.examples)
        or len(findings.examples) == 20
    )
    assert fault in render_findings(findings)
    json.dumps(findings.to_json())


def test_it_stops_when_the_time_is_over(truth: Truth, cases: Sequence[Case]) -> None:
    subject = Changed(truth)
    subject.change = lambda _: None
    assert 0 < run_fuzz(subject, cases, truth, number=10**9, max_seconds=1e-9).asked < 1000
