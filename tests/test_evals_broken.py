"""The real assistant, broken in one place at a time: the project's own suite has to show it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from assistant.pipeline import Assistant
from assistant.settings import DEFAULT_CORPUS
from assistant.types import Decision, Kind, Verdict
from evals.cases import Case, CaseKind, load_suite
from evals.figures import compute_figures
from evals.integrity import Truth, load_truth
from evals.run import default_suite_files
from evals.scoring import score
from evals.stats import Figure
from evals.subject import AnswerJson, AssistantSubject, Look, Message, Subject, observe

TRUTH = load_truth(DEFAULT_CORPUS)


def _cases() -> list[Case]:
    """Some dev cases of three kinds; few, since each break asks them all."""
    suite = load_suite(default_suite_files(), TRUTH.texts)
    dev = [case for case in suite.cases if case.split == "dev"]
    wanted: list[Callable[[Case], bool]] = [
        lambda case: case.kind is CaseKind.ANSWERABLE,
        lambda case: case.kind is CaseKind.NEAR_MISS,
        lambda case: case.expect_kind is Kind.EMERGENCY,
    ]
    chosen: list[Case] = []
    for fits in wanted:
        of_kind = [case for case in dev if fits(case)]
        chosen += of_kind[:: max(1, len(of_kind) // 12)][:12]
    return chosen


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return _cases()


def figures_of(subject: Subject, cases: Sequence[Case]) -> dict[str, Figure]:
    return compute_figures([score(o, TRUTH) for o in observe(subject, cases)])


def value(figures: dict[str, Figure], name: str) -> float:
    found = figures[name].value
    assert found is not None, name
    return found


@pytest.fixture(scope="module")
def sound(assistant: Assistant, cases: list[Case]) -> dict[str, Figure]:
    return figures_of(AssistantSubject(assistant), cases)


class Rewritten(AssistantSubject):
    """The assistant with its JSON changed on the way out."""

    def __init__(self, assistant: Assistant, edit: Callable[[dict[str, Any], Truth], None]) -> None:
        super().__init__(assistant)
        self.edit = edit

    def _edited(self, answer: AnswerJson) -> AnswerJson:
        changed: dict[str, Any] = json.loads(json.dumps(answer))
        self.edit(changed, TRUTH)
        return changed

    def answers(self, messages: Sequence[Message]) -> Iterator[AnswerJson]:
        return map(self._edited, super().answers(messages))

    def explain(self, message: Message) -> tuple[AnswerJson, Look]:
        answer, look = super().explain(message)
        return self._edited(answer), look


def test_the_sound_assistant_keeps_every_promise(sound: dict[str, Figure]) -> None:
    broken = {name: f.value for name, f in sound.items() if f.better == "zero" and f.value}
    assert broken == {}
    assert value(sound, "answers.any_gold") > 0.5
    assert value(sound, "safety.emergency.caught") > 0.5


def test_offsets_shifted_by_one_are_counted(assistant: Assistant, cases: list[Case]) -> None:
    def shift(answer: dict[str, Any], _: Truth) -> None:
        for citation in answer["citations"]:
            citation["start"] += 1
            citation["end"] += 1

    figures = figures_of(Rewritten(assistant, shift), cases)
    assert value(figures, "integrity.quote_not_exact") > 0


def test_offsets_and_quotes_shifted_by_one_are_counted(
    assistant: Assistant, cases: list[Case]
) -> None:
    def shift(answer: dict[str, Any], truth: Truth) -> None:
        renamed = {}
        for citation in answer["citations"]:
            start, end = citation["start"] + 1, citation["end"] + 1
            renamed[citation["id"]] = f"{citation['article']}:{start}-{end}"
            citation.update(
                id=renamed[citation["id"]],
                start=start,
                end=end,
                quote=truth.texts[citation["article"]][start:end],
            )
        for statement in answer["statements"]:
            statement["citations"] = [renamed[cited] for cited in statement["citations"]]

    figures = figures_of(Rewritten(assistant, shift), cases)
    assert value(figures, "integrity.quote_cuts_word") > 0
    assert value(figures, "integrity.words_not_in_quote") > 0


def test_citations_moved_to_the_next_statement_are_counted(
    assistant: Assistant, cases: list[Case]
) -> None:
    def rotate(answer: dict[str, Any], _: Truth) -> None:
        cited = [statement["citations"] for statement in answer["statements"]]
        for statement, other in zip(answer["statements"], cited[1:] + cited[:1], strict=True):
            statement["citations"] = other

    figures = figures_of(Rewritten(assistant, rotate), cases)
    assert value(figures, "integrity.words_not_in_quote") > 0


def test_a_dropped_disclaimer_is_counted(assistant: Assistant, cases: list[Case]) -> None:
    subject = Rewritten(assistant, lambda answer, _: answer.pop("disclaimer"))
    assert value(figures_of(subject, cases), "integrity.disclaimer_missing") == len(cases)


def test_abstention_switched_off_shows(
    assistant: Assistant, cases: list[Case], sound: dict[str, Figure]
) -> None:
    class AlwaysAnswers:
        def judge(self, *arguments: Any) -> Any:
            judgement = assistant._check.judge(*arguments)
            return replace(judgement, verdict=Verdict("always", Decision.PASS, "switched off"))

    broken = copy.copy(assistant)
    broken._check = AlwaysAnswers()  # type: ignore[assignment]
    figures = figures_of(AssistantSubject(broken), cases)
    before = value(sound, "abstention.near_miss_answered")
    assert value(figures, "abstention.near_miss_answered") >= before + 0.5


def test_emergency_switched_off_shows(
    assistant: Assistant, cases: list[Case], sound: dict[str, Figure]
) -> None:
    guardrails = assistant._guardrails

    class NoEmergency:
        def screen(self, *arguments: Any) -> Any:
            screening = guardrails.screen(*arguments)
            if screening.kind is not Kind.EMERGENCY:
                return screening
            return replace(screening, kind=None, notices=(), rest=arguments[0])

        def __getattr__(self, name: str) -> Any:
            return getattr(guardrails, name)

    broken = copy.copy(assistant)
    broken._guardrails = NoEmergency()  # type: ignore[assignment]
    figures = figures_of(AssistantSubject(broken), cases)
    assert value(figures, "safety.emergency.caught") == 0.0
    assert value(figures, "safety.under_triaged") > value(sound, "safety.under_triaged")
