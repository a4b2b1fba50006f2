"""Gate, README table, comparison, feedback, judge, BEIR folder: the tools around a run."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from assistant.errors import ModelError, UsageError
from assistant.settings import DEFAULT_CORPUS
from assistant.types import Kind, Outcome, Span
from evals import __main__ as command
from evals import readme, results
from evals.beir import load_beir
from evals.cases import Case, CaseKind
from evals.compare import compare, print_comparison
from evals.feedback import import_feedback, write_cases
from evals.gate import FLOORS, Floor, iter_breaches, load_floors
from evals.integrity import load_truth
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
    assert list(iter_breaches(measured, [])) == ["integrity.hash_wrong (dev) is 2, must be 0"]


def test_every_floor_names_a_result_that_is_there() -> None:
    for floor in load_floors():
        path = FLOORS.parent / "results" / floor.set_by
        held = results.load_result(path)["figures"][floor.split][floor.figure]
        better = (
            held["value"] <= floor.limit
            if held["better"] == "lower"
            else (held["value"] >= floor.limit)
        )
        assert better, f"{floor.figure}: {floor.set_by} itself is beyond the floor"


def test_a_damaged_floors_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "floors.toml"
    path.write_text("[[floor]]\nfigure = 'x'\n")
    with pytest.raises(UsageError, match=r"floor 1.*each needs figure, split, limit and set_by"):
        load_floors(path)
    path.write_text("[[floor")
    with pytest.raises(UsageError, match="not TOML"):
        load_floors(path)


def full_result(made: str = "2026-01-01T00:00:00+00:00", **changes: Any) -> dict[str, Any]:
    figure = {"value": 0.5, "n": 10, "low": 0.2, "high": 0.8, "better": "higher"}
    figures = {split: {"all.right": figure} for split in ("dev", "test", "all")}
    return {
        "format": 1,
        "made": made,
        "commit": "abc",
        "tree_changed": False,
        "seconds": 1.0,
        "suite": {"files": [], "default": True, "split": "all", "cases": 2, "dev": 1, "test": 1},
        "figures": figures,
        "cases": [],
        "marks": {},
        **changes,
    }


def test_the_readme_table_comes_from_the_newest_whole_run(tmp_path: Path) -> None:
    for name, made in (("a.json", "2026-01-01"), ("b.json", "2026-03-01"), ("c.json", "2026-02")):
        (tmp_path / name).write_text(json.dumps(full_result(made)))
    partial = full_result("2027-01-01")
    partial["suite"]["split"] = "dev"
    (tmp_path / "d.json").write_text(json.dumps(partial))
    page = tmp_path / "README.md"
    page.write_text(f"# X\n\n{readme.BEGIN}\nyesterday\n{readme.END}\n\nrest\n", encoding="utf-8")
    assert readme.update_readme(page, tmp_path).name == "b.json"
    written = page.read_text(encoding="utf-8")
    assert readme.source_of(written) == "b.json"
    assert "0.500 [0.200, 0.800] 10" in written
    assert "yesterday" not in written
    assert written.startswith("# X\n")
    assert written.endswith("\nrest\n")
    page.write_text("no markers")
    with pytest.raises(UsageError, match="no table's place"):
        readme.update_readme(page, tmp_path)


def test_the_readme_table_is_up_to_date() -> None:
    text = (results.PROJECT / "README.md").read_text(encoding="utf-8")
    source = readme.source_of(text)
    assert source is not None, "README has no results; run `python -m evals readme`"
    table = readme.render_table(results.load_result(results.RESULTS / source), source)
    assert readme.with_table(text, table) == text, "run `python -m evals readme`"
    newest = results.newest_published(results.tracked_results())
    assert newest is None or newest.name == source, "run `python -m evals readme`"


def marks(*right: bool) -> dict[str, Any]:
    return {
        str(i): {"split": "dev", "right": r, "complete": r, "answered": True, "precision": float(r)}
        for i, r in enumerate(right)
    }


def test_a_comparison_pairs_the_cases(capsys: pytest.CaptureFixture[str]) -> None:
    row = {"id": "q", "question": "q?", "status": "pass", "got": {}, "cited": [], "reasons": []}
    lost = {**row, "status": "fail", "reasons": ["outcome is abstained"]}
    first = full_result(marks=marks(*[True] * 8, False), cases=[row])
    second = full_result(marks=marks(*[False] * 7, True, True), cases=[lost])
    comparison = compare(first, second)
    right = comparison["splits"]["dev"]["right"]
    assert (right["won"], right["lost"], right["n"]) == (1, 7, 9)
    assert right["p"] == pytest.approx(0.0703, abs=1e-4)
    assert [change["to"] for change in comparison["changed"]] == ["fail"]
    print_comparison(comparison, Console(width=120))
    assert "pass → fail  q: outcome is abstained" in capsys.readouterr().out


def test_feedback_becomes_cases_to_be_labelled(tmp_path: Path) -> None:
    truth = load_truth(DEFAULT_CORPUS)
    start = truth.texts["fix-the-hip"].index("There is so much data")
    cited = f"fix-the-hip:{start}-{start + 79}"
    lines = [
        json.dumps(
            {
                "question": "Is there data on glutes?",
                "rating": "up",
                "answer": {"outcome": "answered", "kind": "in_scope", "citations": [{"id": cited}]},
            }
        ),
        json.dumps({"question": "is there data on glutes?", "rating": "down", "comment": "meh"}),
        json.dumps({"question": "", "rating": "up"}),
        "nonsense",
    ]
    rows, faults = import_feedback(lines, truth.texts, "f.jsonl")
    assert len(rows) == 1
    assert len(rows[0]["feedback"]) == 2
    assert rows[0]["gold"][0]["quote"] == truth.texts["fix-the-hip"][start : start + 79]
    assert [fault.split(": ")[0] for fault in faults] == ["f.jsonl:3", "f.jsonl:4"]
    write_cases(rows, tmp_path / "cases.jsonl")
    with pytest.raises(UsageError, match="is there already"):
        write_cases(rows, tmp_path / "cases.jsonl")


def test_a_sentence_that_was_called_wrong_is_not_proposed() -> None:
    texts = {"a": "Hips help. Knees hurt."}
    lines = [
        json.dumps({"question": "q", "rating": rating, "citation": "a:0-10"})
        for rating in ("up", "down")
    ]
    rows, _ = import_feedback(lines, texts, "f")
    assert rows[0]["gold"] == []


def test_imported_cases_do_not_run_before_they_are_labelled(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "thumbs.jsonl"
    path.write_text(json.dumps({"question": "why", "rating": "down"}) + "\n")
    assert command.main(["import", str(path)]) == 0
    cases = tmp_path / "thumbs.cases.jsonl"
    assert command.main(["run", "--suite", str(cases), "--out", str(tmp_path)]) == 1
    assert "imported and not labelled yet" in capsys.readouterr().err


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
    assert judged["figures"]["faithfulness"]["value"] == 0.75
    assert judged["figures"]["relevance"]["n"] == 1
    assert "Hips {help}." in read[0]
    assert "q?" in read[1]


def beir_folder(home: Path, qrels: str) -> Path:
    (home / "qrels").mkdir()
    (home / "corpus.jsonl").write_text('{"_id": "d1", "title": "T", "text": "x"}\n')
    (home / "queries.jsonl").write_text('{"_id": "q1", "text": "x?"}\n{"_id": "q2", "text": ""}\n')
    (home / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + qrels)
    return home


def test_a_beir_folder_keeps_title_and_judged_queries(tmp_path: Path) -> None:
    data = load_beir(beir_folder(tmp_path, "q1\td1\t1\nq2\td1\t0\n"))
    assert data.documents == {"d1": "T x"}
    assert data.queries == {"q1": "x?"}


@pytest.mark.parametrize("line", ["q1 d1 1", "q1\td1\tmuch", "q9\td1\t1"])
def test_a_bad_judgement_is_named(tmp_path: Path, line: str) -> None:
    with pytest.raises(UsageError, match=r"test\.tsv:2"):
        load_beir(beir_folder(tmp_path, line + "\n"))


def test_a_folder_that_is_no_beir_folder_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["beir", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert "corpus.jsonl" in error
    assert error.count("\n") == 1
