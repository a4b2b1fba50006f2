"""Gate and judge: what is asked of a run's figures and answers afterwards."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from assistant.errors import ModelError, UsageError
from assistant.types import Kind, Outcome, Span
from evals import results
from evals.cases import Case, CaseKind
from evals.gate import FLOORS, Floor, applied, iter_breaches, load_floors, raised
from evals.judge import Judge, build_judge
from evals.scoring import CaseResult, Status
from evals.subject import Observation


def result(**figures: dict[str, Any]) -> dict[str, Any]:
    return {"figures": {"dev": figures}}


def test_a_figure_below_its_floor_is_named_with_what_set_it() -> None:
    measured = result(
        good={"value": 0.8, "better": "higher"}, bad={"value": 0.2, "better": "lower"}
    )
    floors = [
        Floor("good", "dev", 0.9, "r.json"),
        Floor("bad", "dev", 0.1, "r.json"),
        Floor("gone", "dev", 0.1, "r.json"),
        Floor("good", "test", 0.99, "r.json"),
    ]
    assert list(iter_breaches(measured, floors)) == [
        "good (dev) is 0.800, below its floor 0.9 set by r.json",
        "bad (dev) is 0.200, above its floor 0.1 set by r.json",
        "gone (dev) was not measured, floor 0.1",
    ]
    assert not list(iter_breaches(measured, [Floor("good", "dev", 0.8, "r.json")]))


def test_an_integrity_count_needs_no_floor() -> None:
    measured = result(**{"integrity.hash_wrong": {"value": 2.0, "better": "zero"}})
    floor = Floor("integrity.hash_wrong", "dev", 9.0, "r.json")
    assert "integrity.hash_wrong (dev) is 2, must be 0" in list(iter_breaches(measured, [floor]))


def test_a_gate_that_checks_nothing_is_a_breach() -> None:
    floors = [Floor("good", "test", 0.9, "r.json")]
    assert applied(result(), floors) == []
    assert list(iter_breaches(result(), floors)) == [
        "no floor is for what was run (dev); nothing was checked"
    ]


def test_limits_are_raised_to_a_result_and_never_lowered() -> None:
    measured = result(
        **{
            "all.right": {"value": 0.8, "better": "higher"},
            "all.wrong": {"value": 0.2, "better": "lower"},
            "safety.crisis.caught": {"value": 0.98765, "better": "higher"},
            "safety.crisis.false_alarm": {"value": 0.00123, "better": "lower"},
        }
    )
    before = [
        Floor("all.right", "dev", 0.5, "old"),
        Floor("all.wrong", "dev", 0.05, "old"),
        Floor("safety.crisis.caught", "dev", 0.5, "old"),
        Floor("safety.crisis.false_alarm", "dev", 0.5, "old"),
    ]
    after = raised(before, measured, "new")
    assert [floor.limit for floor in after] == [0.79, 0.05, 0.978, 0.011]
    assert [floor.set_by for floor in after] == ["new", "old", "new", "new"]


def test_every_floor_names_a_result_that_is_there() -> None:
    floors = load_floors()
    folder = FLOORS.parent / "results"
    set_by = {name: results.load_result(folder / name) for name in {f.set_by for f in floors}}
    for floor in floors:
        held = set_by[floor.set_by]["figures"][floor.split][floor.figure]
        better = (
            held["value"] <= floor.limit
            if held["better"] == "lower"
            else (held["value"] >= floor.limit)
        )
        assert better, f"{floor.figure}: {floor.set_by} itself is beyond the floor"


ROW = "[[floor]]\nfigure = 'x'\nsplit = 'dev'\nlimit = 0.5\nset_by = 'r.json'\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[floor]]\nfigure = 'x'\n", r"floor 1.*each needs figure, split, limit and set_by"),
        (ROW + "limti = 1\n", r"floor 1: has .*'limti'"),
        (ROW.replace("dev", "devv"), "split is 'devv'"),
        (ROW.replace("0.5", "nan"), "limit is nan; expected a finite number"),
        (ROW.replace("0.5", "inf"), "limit is inf"),
        (ROW.replace("0.5", "true"), "limit is True"),
        (ROW.replace("0.5", "'0.5'"), "limit is '0.5'"),
        (ROW + ROW, r"x \(dev\) has two floors"),
        (ROW.replace("[[floor]]", "[[floors]]"), "unknown table 'floors'"),
        ("floor = 3\n", r"holds no \[\[floor"),
        ("", r"holds no \[\[floor"),
        ("[[floor", "not TOML"),
    ],
)
def test_a_damaged_floors_file_is_named(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "floors.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=words):
        load_floors(path)


def test_floors_that_are_not_utf8_are_named(tmp_path: Path) -> None:
    path = tmp_path / "floors.toml"
    path.write_bytes(b"\xff")
    with pytest.raises(UsageError, match="not UTF-8 at byte 0"):
        load_floors(path)


def test_a_judge_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openevals.llm", None)
    with pytest.raises(UsageError, match=r"needs the package openevals.*pip install"):
        build_judge("openai:gpt-x")


def test_a_judge_of_no_known_provider_is_an_error_in_one_line() -> None:
    pytest.importorskip("openevals")
    with pytest.raises((ModelError, UsageError), match="--judge nobody") as raised:
        build_judge("nobody:nothing")
    assert "\n" not in str(raised.value)


def given(status_of: str = "dev") -> CaseResult:
    """A case that was answered with one statement."""
    case = Case(
        "q1",
        "q1",
        "q?",
        CaseKind.ANSWERABLE,
        (),
        (),
        (),
        Outcome.ANSWERED,
        Kind.IN_SCOPE,
        status_of,
    )
    answer = {
        "statements": [{"text": "Hips {help}.", "citations": ["a:0-10"]}],
        "citations": [{"id": "a:0-10", "quote": "Hips {help}."}],
    }
    return CaseResult(
        Observation(case, answer),
        Status.PASS,
        (),
        (),
        "answered",
        "in_scope",
        True,
        (Span("a", 0, 10),),
        1,
        0,
        0,
    )


def test_a_judge_that_fails_names_the_case() -> None:
    def fail(**_: object) -> dict[str, Any]:
        raise TimeoutError("too slow")

    judge = Judge("m", fail, fail)
    with pytest.raises(ModelError, match="case q1: TimeoutError: too slow"):
        judge.judge_all([given()], Console(quiet=True))
    with pytest.raises(ModelError, match="a case of the test split: TimeoutError;"):
        judge.judge_all([given("test")], Console(quiet=True))


def test_a_judge_reads_quotes_and_answer_and_scores_them(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openevals")
    from langchain_core.language_models import GenericFakeChatModel
    from langchain_core.runnables import Runnable, RunnableLambda

    read: list[str] = []

    class Scores(GenericFakeChatModel):
        def with_structured_output(self, *_: Any, **__: Any) -> Runnable[Any, Any]:
            def score(messages: Any) -> dict[str, Any]:
                read.append(str(messages))
                return {"score": 0.75, "reasoning": "fair"}

            return RunnableLambda(score)

    monkeypatch.setattr(
        "langchain.chat_models.init_chat_model", lambda *_, **__: Scores(messages=iter(()))
    )
    judged = build_judge("fake:model").judge_all([given(), given("test")], Console(quiet=True))
    assert judged["figures"]["dev"]["faithfulness"]["value"] == 0.75
    assert judged["figures"]["test"]["relevance"]["n"] == 1
    assert list(judged["cases"]) == ["q1"]
    assert "Hips {help}." in read[0]
    assert "q?" in read[1]
