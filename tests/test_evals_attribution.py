"""Public claims: read rightly or told why not, and what the check brings to held-back ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assistant.errors import UsageError
from evals import __main__ as command
from evals.attribution import PARTS, load_claims, measure_attribution

EVIDENCE = "The weak hip let the left knee turn inwards in 12 of 40 runners."
SAME = "The weak hip let the left knee turn inwards."
TURNED = "The weak hip let the right knee turn outwards."


def line(number: int, supported: bool) -> str:
    claim, label = (SAME, "supported") if supported else (TURNED, "unsupported")
    row = {"id": f"c{number}", "claim": claim, "evidence": EVIDENCE, "label": label}
    return json.dumps(row) + "\n"


@pytest.fixture
def claims(tmp_path: Path) -> Path:
    path = tmp_path / "claims.jsonl"
    path.write_text("".join(line(n, n % 2 == 0) for n in range(60)), encoding="utf-8")
    return path


def test_what_words_cannot_tell_the_check_can(claims: Path) -> None:
    figures = measure_attribution(load_claims(claims))
    assert figures["n"] == 60
    assert figures["the check by itself"]["macro_f1"] == 1.0
    assert figures["the check by itself"]["passed"] == 0.5
    assert figures["the same and the check"]["macro_f1"] == 1.0
    assert len(figures["words, cosine, numbers"]["parts"]) == PARTS


def test_the_command_prints_each_way(claims: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["attribution", str(claims)]) == 0
    printed = capsys.readouterr().out
    assert "60 claims" in printed
    assert "of these are supported: 1.000" in printed
    assert command.main(["attribution", str(claims), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n"] == 60


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("no json", "line 2|:2"),
        (json.dumps({"id": "a", "claim": 3, "evidence": "x", "label": "supported"}), "claim is"),
        (json.dumps({"id": "a", "claim": "x", "evidence": "x", "label": "yes"}), "label is"),
    ],
)
def test_a_line_that_cannot_be_used_is_named(broken: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "claims.jsonl"
    path.write_text(line(0, True) + broken + "\n", encoding="utf-8")
    with pytest.raises(UsageError, match=said):
        load_claims(path)


def test_a_set_of_one_label_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "claims.jsonl"
    path.write_text("".join(line(n, True) for n in range(20)), encoding="utf-8")
    with pytest.raises(UsageError, match="too few"):
        load_claims(path)
