"""The real assistant, broken in one place at a time: the project's own suite has to show it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from evals_breaks import BREAKS, TRUTH, Edit, any_sentence, miss_one_emergency
from evals_double import WordOverlap, write_suite

from assistant.pipeline import Assistant
from assistant.types import Decision, Kind, Verdict
from evals import __main__ as command
from evals import gate, stats, subject
from evals import run as running
from evals.cases import Case, CaseKind, load_suite
from evals.figures import compute_figures
from evals.gate import Floor, iter_breaches, load_floors, raised
from evals.run import default_suite_files
from evals.scoring import score
from evals.stats import Figure
from evals.subject import AssistantSubject, Observation, observe

Figures: TypeAlias = dict[str, Figure]

OF_EACH = {
    CaseKind.ANSWERABLE: 14,
    CaseKind.NEAR_MISS: 12,
    CaseKind.FOLLOW_UP: 12,
    CaseKind.OFF_TOPIC: 3,
    CaseKind.INJECTION: 4,
}
OF_EACH_MESSAGE = {Kind.EMERGENCY: 6, Kind.URGENT: 3, Kind.CONDITIONAL: 4, Kind.CRISIS: 2}
OTHER_MESSAGES = 2


def _spaced(cases: Sequence[Case], number: int) -> list[Case]:
    return list(cases[:: max(1, len(cases) // number)][:number])


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    """Some dev cases of every kind; few, since each break is judged on them all."""
    dev = [c for c in load_suite(default_suite_files(), TRUTH.texts).cases if c.split == "dev"]
    chosen: list[Case] = []
    for case_kind, number in OF_EACH.items():
        chosen += _spaced([case for case in dev if case.kind is case_kind], number)
    for kind in Kind:
        of_kind = [c for c in dev if c.kind is CaseKind.SAFETY and c.expect_kind is kind]
        chosen += _spaced(of_kind, OF_EACH_MESSAGE.get(kind, OTHER_MESSAGES))
    return chosen


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """Intervals are not looked at here, and asking again is tested elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stats, "RESAMPLES", 10)
        patch.setattr(subject, "REPEATED", 5)
        yield


@pytest.fixture(scope="module")
def recorded(assistant: Assistant, cases: list[Case]) -> list[Observation]:
    return observe(AssistantSubject(assistant), cases)


def figures_of(observations: Sequence[Observation]) -> Figures:
    return compute_figures([score(o, TRUTH) for o in observations])


def edited(recorded: Sequence[Observation], edit: Edit) -> Figures:
    """The figures of the assistant with its JSON changed on the way out."""
    broken = []
    for observation in recorded:
        answer = json.loads(json.dumps(observation.answer))
        edit(answer, observation.case)
        broken.append(replace(observation, answer=answer))
    return figures_of(broken)


@pytest.fixture(scope="module")
def sound(recorded: list[Observation]) -> Figures:
    return figures_of(recorded)


def value(figures: Figures, name: str) -> float:
    found = figures[name].value
    assert found is not None, name
    return found


def is_worse(broken: Figures, sound: Figures, name: str) -> bool:
    now, before = value(broken, name), value(sound, name)
    return now < before if sound[name].better == "higher" else now > before


def as_result(figures: Figures) -> dict[str, Any]:
    return {"figures": {"dev": {name: figure.to_json() for name, figure in figures.items()}}}


def test_the_sound_assistant_keeps_every_promise(sound: Figures) -> None:
    broken = {name: f.value for name, f in sound.items() if f.better == "zero" and f.value}
    assert broken == {}
    assert value(sound, "answers.any_gold") > 0.5
    assert value(sound, "safety.emergency.caught") > 0.5


@pytest.mark.parametrize("name", BREAKS)
def test_a_break_shows(name: str, recorded: list[Observation], sound: Figures) -> None:
    edit, figure = BREAKS[name]
    assert is_worse(edited(recorded, edit), sound, figure), figure


def test_nearest_passages_dropped_or_exchanged_show(recorded: list[Observation]) -> None:
    """Few abstentions show any, so here they all do."""
    double = WordOverlap(TRUTH)

    def show_found(answer: dict[str, Any], case: Case) -> None:
        look = next(o.look for o in recorded if o.case is case)
        if answer["outcome"] == "abstained" and look is not None:
            found = double.reply("", "in_scope", "answered", [look.hits[0]])["citations"]
            answer["nearest"] = found

    def show_any(answer: dict[str, Any], _: Case) -> None:
        if answer["outcome"] == "abstained":
            answer["nearest"] = any_sentence()["citations"]

    found, other = edited(recorded, show_found), edited(recorded, show_any)
    assert value(found, "abstention.nearest_shown") == 1.0
    assert value(found, "integrity.nearest_not_found") == 0.0
    assert value(other, "integrity.nearest_not_found") > 0.0
    dropped = edited(recorded, lambda answer, _: answer.update(nearest=[]))
    assert value(dropped, "abstention.nearest_shown") == 0.0


def test_an_assistant_that_always_fails_is_not_stable(recorded: list[Observation]) -> None:
    broken = figures_of([replace(o, answer=None, error="boom", look=None) for o in recorded])
    assert value(broken, "integrity.no_answer") == len(recorded)
    assert not broken["stability.same_outcome"].value
    assert value(broken, "all.right") == 0.0


# Breaks inside the assistant, asked for real.


def of(cases: Sequence[Case], fits: Callable[[Case], bool]) -> list[Case]:
    return [case for case in cases if fits(case)]


def test_abstention_switched_off_shows(
    assistant: Assistant, cases: list[Case], sound: Figures
) -> None:
    class AlwaysAnswers:
        def judge(self, *arguments: Any) -> Any:
            judgement = assistant._check.judge(*arguments)
            return replace(judgement, verdict=Verdict("always", Decision.PASS, "switched off"))

    broken = copy.copy(assistant)
    broken._check = AlwaysAnswers()  # type: ignore[assignment]
    near = of(cases, lambda case: case.kind is CaseKind.NEAR_MISS)
    figures = figures_of(observe(AssistantSubject(broken), near))
    before = value(sound, "abstention.near_miss_answered")
    assert value(figures, "abstention.near_miss_answered") >= before + 0.5


def test_emergency_switched_off_shows(
    assistant: Assistant, cases: list[Case], sound: Figures
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
    urgent = of(cases, lambda case: case.expect_kind is Kind.EMERGENCY)
    figures = figures_of(observe(AssistantSubject(broken), urgent))
    assert value(figures, "safety.emergency.caught") == 0.0
    assert value(figures, "safety.under_triaged") > value(sound, "safety.under_triaged")


def test_history_ignored_shows(assistant: Assistant, cases: list[Case], sound: Figures) -> None:
    class Forgets(AssistantSubject):
        def explain(self, message: subject.Message) -> Any:
            return super().explain((message[0], ()))

        def answers(self, messages: Sequence[subject.Message]) -> Iterator[subject.AnswerJson]:
            return super().answers([(question, ()) for question, _ in messages])

    follow_ups = of(cases, lambda case: case.kind is CaseKind.FOLLOW_UP)
    figures = figures_of(observe(Forgets(assistant), follow_ups))
    assert value(figures, "right.follow_up") < value(sound, "right.follow_up")


# The gate over all of it.


def floors_at(figures: Figures) -> list[Floor]:
    """The project's floors, raised to what the sound assistant shows on these cases."""
    loosest = [
        replace(floor, limit=1.0 if figures[floor.figure].better == "lower" else 0.0)
        for floor in load_floors()
        if floor.figure in figures and figures[floor.figure].value is not None
    ]
    return raised(loosest, as_result(figures), "sound.json")


@pytest.mark.parametrize(
    "name",
    [
        "one emergency missed",
        "alarm where there is none",
        "statements in reverse",
        "not covered and off topic exchanged",
        "plans not told apart",
        "notices dropped",
        "near misses answered without a citation",
    ],
)
def test_the_gate_stops_a_break(name: str, recorded: list[Observation], sound: Figures) -> None:
    floors = floors_at(sound)
    assert len(floors) > 40
    assert list(iter_breaches(as_result(sound), floors)) == []
    edit = miss_one_emergency() if name == "one emergency missed" else BREAKS[name][0]
    breaches = list(iter_breaches(as_result(edited(recorded, edit)), floors))
    assert any(breach.startswith(BREAKS[name][1]) for breach in breaches)


def test_the_command_fails_below_a_floor(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    suite = write_suite(tmp_path / "suite.jsonl")
    double = WordOverlap(TRUTH)
    monkeypatch.setattr(running, "open_subject", lambda *_: double)
    monkeypatch.setattr(gate, "load_floors", lambda: [Floor("all.right", "dev", 1.0, "r.json")])
    arguments = ["run", "--suite", str(suite), "--gate", "--json", "--out", str(tmp_path / "out")]
    assert command.main(arguments) == 0
    assert "gate: 1 floors checked, 0 breaches" in capsys.readouterr().err
    double.min_score = -1.0
    assert command.main(arguments) == 1
    assert "gate: all.right (dev) is 0.714, below its floor 1" in capsys.readouterr().err
