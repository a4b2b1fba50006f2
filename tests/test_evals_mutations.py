"""Changed sentences, and what the support check and its stand-ins make of them."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from assistant.errors import UsageError
from evals.mutate import KINDS, joined, mutations
from evals.mutations import (
    all_mutations,
    by_check,
    by_fuzzy_match,
    by_overlap,
    changed_quotes,
    load_paraphrases,
    quotable_sentences,
    render_mutations,
    write_mutations,
)

# Held on the sentences and the dev half of the paraphrases, which the check was built on; what the
# test half says stands in the README.
LET_THROUGH = 0.03
NEVER = ("negate", "number", "side")
KEPT = 0.8


@pytest.mark.parametrize(
    ("kind", "text", "part"),
    [
        ("negate", "The muscle helps keep the pelvis level.", "helps"),
        ("number", "Hold it there for 5 seconds.", "seconds"),
        ("unit", "Hold it there for 5 seconds.", "minutes"),
        ("side", "The left hip drops a little.", "right"),
        ("direction", "The knee turns inward when landing.", "outward"),
        ("certainty", "Weak hips may cause knee pain.", "will"),
        ("amount", "Some runners have knee pain.", "All runners"),
        ("source", "The muscle helps keep the pelvis level.", "muscle helps keep"),
        ("condition", "If the hip is weak, the knee takes more stress.", "The knee takes"),
        ("cause", "Weak hips can cause knee pain in runners.", "weak hips"),
    ],
)
def test_a_mutation_changes_one_thing(kind: str, text: str, part: str) -> None:
    found = mutations(text, kind)
    assert found
    assert text not in found
    assert any(part in changed for changed in found)


def test_the_same_sentence_gives_the_same_mutations_and_at_most_two_a_kind() -> None:
    for sentence in quotable_sentences()[:40]:
        for kind in set(KINDS) - {"joined"}:
            assert mutations(sentence, kind) == mutations(sentence, kind)
            assert len(mutations(sentence, kind)) <= 2


def test_a_source_is_not_invented_where_there_is_one() -> None:
    assert not mutations("The study shows that the muscle is weak.", "source")


def test_swapping_what_stands_beside_its_opposite_says_nothing() -> None:
    assert not mutations("It may be left or right in the body.", "side")


def test_two_sentences_are_joined_in_two_ways() -> None:
    spliced, glued = joined("The calf is a muscle.", "The fascia can pull the kneecap.")
    assert spliced == "The calf can pull the kneecap."
    assert "calf is a muscle," in glued


def test_all_kinds_occur_in_the_articles() -> None:
    assert {c.kind for c in changed_quotes(quotable_sentences())} == set(KINDS)


def test_the_generator_and_the_check_share_no_file() -> None:
    root = Path(__file__).parent.parent
    source = (root / "evals" / "mutate.py").read_text("utf-8")
    assert "assistant" not in source
    tables = tomllib.loads((root / "evals/mutations/tables.toml").read_text("utf-8"))
    assert set(tables) == set(KINDS)


def test_there_are_enough_paraphrases_of_both_splits() -> None:
    retold = load_paraphrases()
    assert len(retold) >= 300
    assert min(sum(p.split == s for p in retold) for s in ("dev", "test")) >= 150


def test_a_line_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text('{"quotes": ["a"], "paraphrase": "b", "split": "train"}\n', "utf-8")
    with pytest.raises(UsageError, match=r"own.jsonl:1.*split"):
        load_paraphrases(path)


def test_the_check_meets_its_promises_on_what_may_be_read() -> None:
    """A net under the figures of `python -m evals mutations`: the quotes and the dev half."""
    changed = [c for c in all_mutations() if c.split != "test"]
    passed = [by_check(c.text, c.quotes) for c in changed]
    assert sum(passed) <= LET_THROUGH * len(passed)
    for kind in NEVER:
        assert not [c.text for c, p in zip(changed, passed, strict=True) if p and c.kind == kind]
    retold = [p for p in load_paraphrases() if p.split == "dev"]
    assert sum(by_check(p.text, p.quotes) for p in retold) >= KEPT * len(retold)


def test_the_stand_ins_judge_by_likeness_alone() -> None:
    quote = "A weak gluteus medius muscle can cause pain around the knee in many runners."
    negated = quote.replace("can cause", "can't cause")
    assert by_fuzzy_match(negated, [quote])
    assert by_overlap(negated, [quote])
    assert not by_check(negated, [quote])
    assert not by_fuzzy_match("Sleep well and drink enough water.", [quote])
    assert not by_overlap("Sleep well and drink enough water.", [quote])


def test_the_table_has_every_kind() -> None:
    figure = {"value": 0.1, "n": 10, "low": 0.0, "high": 0.2}
    row = {"all": figure, "quote": figure}
    kinds = {kind: row for kind in (*KINDS, "all")}
    one = {"let_through": kinds, "kept": {"dev": figure, "test": figure}}
    table = render_mutations({"support check": one, "fuzzy match": one})
    assert all(name in table for name in KINDS.values())


def test_no_test_sentence_is_written(tmp_path: Path) -> None:
    path = tmp_path / "mutations.jsonl"
    write_mutations(all_mutations(), path)
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    by_split = {
        split: {changed.text for changed in all_mutations() if changed.split == split}
        for split in ("dev", "test")
    }
    assert rows
    assert by_split["test"] - by_split["dev"]
    assert not (by_split["test"] - by_split["dev"]) & {row["text"] for row in rows}
