"""The command line as a program calls it: stdout, stderr, exit codes, one line a line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from assistant import cli
from assistant.pipeline import Assistant
from assistant.settings import Settings
from assistant.types import DISCLAIMER

ROOT = Path(__file__).resolve().parent.parent
KEYS = {
    "question",
    "query",
    "kind",
    "outcome",
    "notices",
    "statements",
    "citations",
    "nearest",
    "suggestions",
    "disclaimer",
    "generator",
    "timings_ms",
}
CITATION_KEYS = {
    "id",
    "article",
    "title",
    "section",
    "start",
    "end",
    "quote",
    "sha256",
    "evidence_tag",
}


@pytest.fixture
def run(
    assistant: Assistant,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):  # type: ignore[no-untyped-def]
    """Call the command line in this process, with the session's index and assistant."""
    monkeypatch.setenv("ASSISTANT_DATA", str(settings.data))
    monkeypatch.setattr("assistant.pipeline.build_assistant", lambda *_: assistant)

    def call(*argv: str) -> tuple[int, str, str]:
        code = cli.main(argv)
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_ask_prints_an_answer_with_its_disclaimer(run) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = run("ask", "what is trendelenburg gait")
    assert code == 0
    assert "Without it, your pelvis would “drop” on the unsupported side" in out
    assert DISCLAIMER in out


def test_ask_json_has_the_keys_that_stay(run) -> None:  # type: ignore[no-untyped-def]
    _, out, _ = run("ask", "what is trendelenburg gait", "--json")
    answer = json.loads(out)
    assert set(answer) >= KEYS
    assert all(set(c) >= CITATION_KEYS for c in answer["citations"])
    named = [id_ for s in answer["statements"] for id_ in s["citations"]]
    assert [c["id"] for c in answer["citations"]] == list(dict.fromkeys(named))


def test_batch_prints_one_line_a_line_in_order(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    questions = [
        "why?",
        "",
        "x" * 100_000,
        "\ud800\u2028",
        "my knee hurts",
        "line\nbreak",
        "💥" * 50,
    ]
    file = tmp_path / "in.jsonl"
    rows = [
        {"id": n, "question": q, "history": [{"role": "user", "content": "hip?"}]}
        for n, q in enumerate(questions)
    ]
    file.write_text("\n".join(map(json.dumps, rows)) + "\n", "utf-8")
    code, out, _ = run("ask", "--batch", str(file), "--json")
    answers = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [a["id"] for a in answers] == list(range(len(questions)))
    assert [a["question"] for a in answers] == questions
    assert all(a["disclaimer"] == DISCLAIMER for a in answers)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "in.jsonl:2"),
        ('{"id": 1}', "question"),
        ('{"id": 1, "question": 5}', "not a string"),
        ('{"id": 1, "question": "a", "history": [{"role": "boss", "content": ""}]}', "history"),
        ("[1]", "in.jsonl:2"),
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_answered(
    run,
    tmp_path: Path,
    line: str,
    said: str,  # type: ignore[no-untyped-def]
) -> None:
    file = tmp_path / "in.jsonl"
    file.write_text('{"id": 0, "question": "hip?"}\n' + line + "\n", "utf-8")
    code, out, err = run("ask", "--batch", str(file), "--json")
    assert (code, out) == (1, "")
    assert said in err
    assert err.count("\n") == 1


def test_misuse_exits_with_2(run) -> None:  # type: ignore[no-untyped-def]
    for argv in ([], ["ask"], ["ask", "a", "--batch", "b"], ["ask", "--batch", "b"], ["dance"]):
        with pytest.raises(SystemExit) as stop:
            run(*argv)
        assert stop.value.code == 2


def test_cite_and_claim_and_verify(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    _, out, _ = run("ask", "what is trendelenburg gait", "--json")
    (tmp_path / "a.json").write_text(out, "utf-8")
    assert run("verify", str(tmp_path / "a.json"))[0] == 0
    citation = json.loads(out)["citations"][0]
    code, shown, _ = run("cite", citation["id"], "--json")
    assert code == 0
    assert json.loads(shown)["quote"] == citation["quote"]
    code, shown, _ = run("claim", citation["quote"], "--json")
    says = json.loads(shown)["says"][0]
    assert says["article"] == citation["article"]
    assert citation["start"] <= says["start"] < says["end"] <= citation["end"]
    code, out, err = run("cite", "fix-the-hip:1-99999")
    assert (code, out) == (1, "")
    assert err.startswith("knee-hip: fix-the-hip:1-99999")


def test_doctor_says_that_all_fits_and_nothing_goes_out(run) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = run("doctor", "--json")
    facts = json.loads(out)
    assert code == 0
    assert facts["problems"] == []
    assert facts["network"].startswith("nothing")


def test_what_is_left_out_is_listed_with_its_reason(run) -> None:  # type: ignore[no-untyped-def]
    _, out, _ = run("ingest", "--explain")
    for kind in ("promotion", "legal disclaimer", "comments", "phone number", "image", "sales"):
        assert kind in out


def test_a_folder_that_is_not_there_is_one_sentence(run) -> None:  # type: ignore[no-untyped-def]
    code, out, err = run("ingest", "/nowhere/at/all")
    assert (code, out) == (1, "")
    assert "no such folder" in err


def test_a_folder_without_write_permission_is_one_sentence(small_corpus: Path) -> None:
    environment = {**os.environ, "ASSISTANT_DATA": "/proc/nobody"}
    done = subprocess.run(
        [sys.executable, "-m", "assistant", "ingest", str(small_corpus)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "ASSISTANT_DATA" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_readmes_exchange_is_what_is_really_printed(run) -> None:  # type: ignore[no-untyped-def]
    readme = (ROOT / "README.md").read_text("utf-8")
    _, _, shown = readme.partition('$ knee-hip ask "')
    question, _, rest = shown.partition('"\n')
    _, out, _ = run("ask", question)
    expected = [line for line in rest.partition("```")[0].splitlines() if "“" in line]
    printed = [line for line in out.splitlines() if line.startswith(("  “", "Also in"))]
    assert expected == printed
