"""Result files, the page, the README's table and comparisons: what a run leaves behind."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from evals_double import QUESTIONS, WordOverlap, write_suite
from rich.console import Console

from assistant.errors import UsageError
from assistant.settings import DEFAULT_CORPUS
from evals import __main__ as command
from evals import readme, results
from evals.cases import SuiteError
from evals.compare import compare, print_comparison
from evals.figures import compute_figures
from evals.report import print_figures
from evals.results import load_result, result_name
from evals.run import RunOptions, run
from evals.truth import Truth, load_truth

QUIET = Console(quiet=True)


@pytest.fixture(scope="module")
def truth() -> Truth:
    return load_truth(DEFAULT_CORPUS)


@pytest.fixture
def suite_file(tmp_path: Path) -> Path:
    return write_suite(tmp_path / "suite.jsonl")


def result_of(truth: Truth, suite: Path, out: Path, **options: Any) -> tuple[dict[str, Any], Path]:
    return run(RunOptions(DEFAULT_CORPUS, (suite,), out=out, **options), QUIET, WordOverlap(truth))


def test_a_run_writes_a_result_and_a_page_that_needs_nothing_else(
    truth: Truth, suite_file: Path, tmp_path: Path
) -> None:
    hostile = {
        "id": "hostile",
        "group": "hostile",
        "kind": "off_topic",
        "split": "dev",
        "question": "<script>alert(1)</script> {{ 7*7 }} pizza",
        "expect": ("abstained", "off_topic"),
    }
    write_suite(suite_file, [*QUESTIONS, hostile])
    result, path = result_of(truth, suite_file, tmp_path / "out")
    assert load_result(path) == result
    page = path.with_suffix(".html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "{{ 7*7 }}" in page
    assert not re.search(r"(?:src|href)\s*=|url\(|@import", page.split("<body>")[1])
    assert page.count('role="img"') == page.count("as a table</summary>") == 5


def test_test_cases_are_counted_but_nothing_is_kept_of_each(
    truth: Truth, suite_file: Path, tmp_path: Path
) -> None:
    result, path = result_of(truth, suite_file, tmp_path)
    assert result["figures"]["test"]["all.right"]["n"] == 2
    assert {row["split"] for row in result["cases"]} == {"dev"}
    assert "marks" not in result
    for text in (path.read_text("utf-8"), path.with_suffix(".html").read_text("utf-8")):
        assert "insurance" not in text
        assert "turmeric" in text
    shown, _ = result_of(truth, suite_file, tmp_path, show_test=True)
    assert "insurance" in {row["id"] for row in shown["cases"]}


def test_the_page_draws_the_confusion_from_listed_cases_alone(
    truth: Truth, suite_file: Path, tmp_path: Path
) -> None:
    _, path = result_of(truth, suite_file, tmp_path)
    page = path.with_suffix(".html").read_text("utf-8")
    table = page.split('class="confusion"')[1].split("</table>")[0]
    assert sum(map(int, re.findall(r">(\d+)</td>", table))) == 7
    _, path = result_of(truth, suite_file, tmp_path, split="test")
    assert 'class="confusion"' not in path.with_suffix(".html").read_text("utf-8")


def test_a_run_of_one_split_has_no_figures_of_the_other(
    truth: Truth, suite_file: Path, tmp_path: Path
) -> None:
    result, path = result_of(truth, suite_file, tmp_path, split="dev")
    assert set(result["figures"]) == {"dev"}
    assert path.stem.endswith("-suite-dev")


def test_no_result_is_replaced(truth: Truth, suite_file: Path, tmp_path: Path) -> None:
    _, first = result_of(truth, suite_file, tmp_path)
    kept = first.read_bytes()
    _, second = result_of(truth, suite_file, tmp_path)
    assert first.read_bytes() == kept
    assert second.name == f"{first.stem}-2.json"
    assert second.with_suffix(".html").exists()


def test_a_name_says_what_is_not_the_whole_suite_of_our_own() -> None:
    whole = full_result()
    assert result_name(whole) == "2026-01-01-abc"
    whole["suite"] |= {"default": False, "files": ["their cases.jsonl", "b.jsonl"], "split": "dev"}
    assert result_name(whole) == "2026-01-01-abc-their_cases+b-dev"


def test_a_refused_suite_leaves_no_folder(suite_file: Path, truth: Truth, tmp_path: Path) -> None:
    suite_file.write_text("{oops")
    with pytest.raises(SuiteError):
        result_of(truth, suite_file, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_place_that_cannot_be_written_is_named_before_anything_is_asked(
    truth: Truth, suite_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"cannot be written.*choose another --out"):
        result_of(truth, suite_file, tmp_path / "file" / "out")


def full_result(made: str = "2026-01-01T00:00:00+00:00", **changes: Any) -> dict[str, Any]:
    figure = {"value": 0.5, "n": 10, "low": 0.2, "high": 0.8, "better": "higher"}
    return {
        "format": 2,
        "made": made,
        "commit": "abc",
        "tree_changed": False,
        "seconds": 1.0,
        "suite": {
            "files": [],
            "default": True,
            "split": "all",
            "cases": 2,
            "dev": 1,
            "test": 1,
            "sha256": {"dev": "d", "test": "t"},
        },
        "corpus": {"a.txt": "1"},
        "figures": {split: {"all.right": figure} for split in ("dev", "test", "all")},
        "cases": [],
        **changes,
    }


def row(case_id: str = "q", status: str = "pass", **changes: Any) -> dict[str, Any]:
    return {
        "id": case_id,
        "sha256": "1",
        "split": "dev",
        "question": "q?",
        "status": status,
        "got": {},
        "cited": [],
        "reasons": [] if status == "pass" else ["outcome is abstained"],
        "answered": True,
        "precision": 1.0 if status == "pass" else 0.5,
        **changes,
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"format": 2}', "made is missing"),
        ('{"format": 0}', "its format is 0"),
        ("[1]", "not an object"),
        ("[" * 100_000, "nested too deeply"),
        ('{"format": 2', "not JSON"),
        (json.dumps(full_result(suite={"default": True})), r"suite\.split is missing"),
        (json.dumps(full_result(cases=[{"id": "q"}])), r"cases\[0\]\.split is missing"),
        (json.dumps(full_result(cases=[row(status="odd")])), r"cases\[0\]\.status is 'odd'"),
        (json.dumps(full_result(figures={"dev": {"x": 1}})), r"figures\.dev\.x is not an object"),
    ],
)
def test_a_file_that_is_no_result_is_told_in_one_line(
    text: str, words: str, tmp_path: Path
) -> None:
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(UsageError, match=rf"r\.json: not a result file: {words}") as raised:
        load_result(tmp_path / "r.json")
    assert "\n" not in str(raised.value)
    with pytest.raises(UsageError, match="not a result file"):
        results.newest_published([tmp_path / "r.json"])


def test_an_older_result_is_read_without_its_marks_of_the_test_split(tmp_path: Path) -> None:
    old = full_result(format=1, cases=[row()])
    mark = {"answered": old["cases"][0].pop("answered"), "precision": None}
    del old["cases"][0]["precision"], old["suite"]["sha256"], old["corpus"]
    old["marks"] = {"8e35c2cd3bf6": mark, "000000000000": {"split": "test"}}
    (tmp_path / "r.json").write_text(json.dumps(old))
    read = load_result(tmp_path / "r.json")
    assert (read["cases"][0]["answered"], read["cases"][0]["precision"]) == (True, None)
    assert "marks" not in read


def test_every_published_result_can_be_read() -> None:
    for path in results.RESULTS.glob("*.json"):
        load_result(path)


@pytest.mark.parametrize(
    "change", [{"tree_changed": True}, {"split": "dev"}, {"default": False}], ids=str
)
def test_floors_come_from_a_whole_run_at_a_commit(
    change: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    part = full_result()
    (part if "tree_changed" in change else part["suite"]).update(change)
    (tmp_path / "r.json").write_text(json.dumps(part))
    assert command.main(["floors", str(tmp_path / "r.json")]) == 1
    assert "floors come from a whole run at a commit" in capsys.readouterr().err


def test_the_readme_table_comes_from_the_newest_whole_run(tmp_path: Path) -> None:
    for name, made in (("a.json", "2026-01-01"), ("b.json", "2026-03-01"), ("c.json", "2026-02")):
        (tmp_path / name).write_text(json.dumps(full_result(made)))
    partial = full_result("2027-01-01")
    partial["suite"]["split"] = "dev"
    (tmp_path / "d.json").write_text(json.dumps(partial))
    (tmp_path / "e.json").write_text(json.dumps(full_result("2027-01-01", tree_changed=True)))
    page = tmp_path / "README.md"
    others = (
        f"{readme.ALARMS_BEGIN}\n{readme.ALARMS_END}\n"
        f"{readme.MUTATIONS_BEGIN}\n{readme.MUTATIONS_END}"
    )
    page.write_text(
        f"# X\n\n{readme.BEGIN}\nyesterday\n{readme.END}\n\n{others}\n\nrest\n", encoding="utf-8"
    )
    assert readme.update_readme(page, tmp_path).name == "b.json"
    written = page.read_text(encoding="utf-8")
    assert "`evals/results/b.json`" in written
    assert "0.500 [0.200, 0.800] 10" in written
    assert "yesterday" not in written
    assert "| minimiser |" in written
    assert "| another number |" in written
    assert written.startswith("# X\n")
    assert written.endswith("\nrest\n")
    page.write_text("no markers")
    with pytest.raises(UsageError, match="no table's place"):
        readme.update_readme(page, tmp_path)
    with pytest.raises(UsageError, match="cannot be read"):
        readme.update_readme(tmp_path / "none.md", tmp_path)


def test_the_readme_table_is_up_to_date(tmp_path: Path) -> None:
    text = (results.PROJECT / "README.md").read_text(encoding="utf-8")
    copy = tmp_path / "README.md"
    copy.write_text(text, encoding="utf-8")
    readme.update_readme(copy)
    assert copy.read_text(encoding="utf-8") == text, "run `python -m evals readme`"


def rows(*right: bool) -> list[dict[str, Any]]:
    return [row(str(n), "pass" if r else "fail") for n, r in enumerate(right)]


def test_a_comparison_pairs_the_cases(capsys: pytest.CaptureFixture[str]) -> None:
    first = full_result(cases=rows(*[True] * 8, False))
    second = full_result(cases=rows(*[False] * 7, True, True))
    comparison = compare(first, second)
    right = comparison["splits"]["dev"]["right"]
    assert (right["won"], right["lost"], right["n"]) == (1, 7, 9)
    assert right["p"] == pytest.approx(0.0703, abs=1e-4)
    assert [change["to"] for change in comparison["changed"]] == ["fail"] * 7 + ["pass"]
    assert comparison["splits"]["test"]["all.right"] == {"first": 0.5, "second": 0.5, "n": 10}
    assert comparison["warnings"] == []
    print_comparison(comparison, Console(width=120))
    printed = capsys.readouterr().out
    assert "pass → fail  0: outcome is abstained" in printed
    assert "not paired" in printed


def test_results_of_different_suites_are_not_compared() -> None:
    first, second = full_result(cases=rows(True)), full_result(cases=[row("other")])
    second["suite"]["sha256"] = {"dev": "e", "test": "u"}
    with pytest.raises(UsageError, match="no case in common"):
        compare(first, second)


def test_one_id_with_two_questions_is_told_and_not_paired() -> None:
    other = [row("0", sha256="2", status="fail"), row("1")]
    comparison = compare(full_result(cases=rows(True, True)), full_result(cases=other))
    assert comparison["splits"]["dev"]["right"]["n"] == 1
    assert comparison["changed"] == []
    assert comparison["warnings"] == [
        "1 cases are asked or labelled differently and not compared: 0"
    ]


def test_a_comparison_tells_what_else_differs() -> None:
    first, second = full_result(cases=rows(True)), full_result(cases=rows(True))
    second |= {"corpus": {"a.txt": "2"}, "tree_changed": True}
    second["suite"]["sha256"] = {"dev": "d", "test": "u"}
    comparison = compare(first, second)
    assert comparison["warnings"] == [
        "the second result was measured with changes that are not committed",
        "the cases of the test split are not the same",
        "the corpora differ in a.txt",
    ]
    assert "test" not in comparison["splits"]


def test_the_report_shows_what_a_judge_said(capsys: pytest.CaptureFixture[str]) -> None:
    score = {"value": 0.75, "n": 3, "low": None, "high": None, "better": "higher"}
    judge = {"model": "a:b", "figures": {"dev": {"relevance": score}}, "cases": {}}
    print_figures(full_result(judge=judge), Console(width=150))
    printed = capsys.readouterr().out
    assert "judge.relevance" in printed
    assert "0.750 3" in printed
    assert compute_figures([]).keys().isdisjoint({"judge.relevance"})
