"""The network that reads messages, its files, and how it is weighed with the rules."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.encoder import packaged_folder
from assistant.errors import ModelError
from assistant.reader import (
    DATA,
    HEADS,
    KINDS,
    URGENCIES,
    Impression,
    Reader,
    load_reader,
)
from assistant.screening.rules import Rule
from assistant.screening.weigh import READ_AS, Balance, parse_weighing
from assistant.screening.windows import MAX_WINDOWS, WINDOW_WORDS, kind_of, windows
from assistant.types import Kind

FILES = ("reader.safetensors", "reader.json", "words.txt")
RANK = {None: 0, Kind.CONDITIONAL: 1, Kind.URGENT: 2, Kind.EMERGENCY: 3, Kind.CRISIS: 3}


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    for name in FILES:
        shutil.copy(DATA / name, tmp_path / name)
    return tmp_path


def impression(**of: float) -> Impression:
    """Log-odds by label; all others are even."""

    def head(labels: Collection[str]) -> np.ndarray:
        scores = np.array([of.get(label, 0.0) for label in labels], np.float32)
        return scores - np.logaddexp.reduce(scores)

    return Impression(*(head(labels) for labels in HEADS.values()), np.zeros(384, np.float32))


def test_every_head_gives_log_probabilities() -> None:
    read = load_reader().read(["my knee hurts", "", "x" * 10_000])
    assert len(read) == 3
    for one in read:
        for head in (one.urgency, one.kind, one.about, one.criterion):
            assert np.isclose(np.exp(head).sum(), 1, atol=1e-4)


def test_a_text_reads_the_same_alone_and_in_company() -> None:
    texts = ["chest pain since noon", "how do i do a clamshell", "i want to die"]
    first = Reader(packaged_folder()).read(texts)
    alone = [Reader(packaged_folder()).read([text])[0] for text in texts]
    for a, b in zip(first, alone, strict=True):
        assert np.allclose(a.urgency, b.urgency, atol=1e-4)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named_with_what_to_do(copied: Path, name: str) -> None:
    (copied / name).unlink()
    with pytest.raises(ModelError, match="restore"):
        Reader(packaged_folder(), copied)


def test_weights_that_are_not_those_of_the_facts_are_refused(copied: Path) -> None:
    path = copied / "reader.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(ModelError, match="SHA-256"):
        Reader(packaged_folder(), copied)


def test_labels_that_are_not_those_of_the_code_are_refused(copied: Path) -> None:
    path = copied / "reader.json"
    facts = json.loads(path.read_text("utf-8"))
    facts["heads"]["urgency"].reverse()
    path.write_text(json.dumps(facts), "utf-8")
    with pytest.raises(ModelError, match="other labels"):
        Reader(packaged_folder(), copied)


def test_many_threads_may_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant.reader._REMEMBERED", 3)
    reader = Reader(packaged_folder())
    texts = ["my knee hurts", "my hip", "chest pain", "why", "how do i squat"]
    expected = [read.urgency.argmax() for read in reader.read(texts)]

    def read(n: int) -> list[int]:
        return [reader.read([texts[(n + k) % 5]])[0].urgency.argmax() for k in range(5)]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(read, range(40)))
    assert all(row == [expected[(n + k) % 5] for k in range(5)] for n, row in enumerate(found))


def test_the_weights_of_the_decisions_are_never_negative() -> None:
    with pytest.raises(ValueError, match="negative"):
        Balance(0.0, 1.0, {"CES": -0.1})
    facts = json.loads((DATA / "reader.json").read_text("utf-8"))
    parse_weighing(facts)
    facts["weighing"]["flagged"]["reader"] = -1
    with pytest.raises(ModelError, match="negative"):
        parse_weighing(facts)
    del facts["weighing"]["flagged"]
    with pytest.raises(ModelError, match="flagged"):
        parse_weighing(facts)


ODDS = st.floats(-12, 12, allow_nan=False, width=32)
RULES = st.lists(
    st.sampled_from([("CES", "emergency"), ("DVT", "urgent"), ("MAYBE-CES", "conditional")]),
    max_size=3,
)


@given(st.lists(ODDS, min_size=5, max_size=5), RULES, RULES)
def test_one_more_rule_never_lowers_the_level(
    odds: list[float], some: list[tuple[str, str]], more: list[tuple[str, str]]
) -> None:
    weighing = parse_weighing(load_reader().facts)
    read = impression(**dict(zip(URGENCIES, odds, strict=True)))

    def level(pairs: list[tuple[str, str]]) -> int:
        rules = [Rule(name, own, (), 0, frozenset(), 0) for name, own in pairs]
        return RANK[weighing.level(read, rules)]

    assert level([*some, *more]) >= level(some)


def test_kinds_are_those_of_the_policy() -> None:
    assert set(READ_AS) == set(KINDS) - {"question"}
    assert READ_AS["foreign"] is Kind.UNCLEAR
    weighing = parse_weighing(load_reader().facts)
    assert weighing.other_kinds(impression(injection=15.0).kind, ()) == ["injection"]
    assert weighing.other_kinds(impression(question=15.0).kind, ()) == []


def test_a_long_message_is_read_in_pieces_that_the_network_takes() -> None:
    chat = "at the same time we looked for the right place to play ball outside. "
    text = chat * 60 + "tonight i am going to kill myself, i have saved the pills. " + chat * 60
    pieces = windows(text, load_reader().alarm)
    assert len(pieces) == MAX_WINDOWS
    assert all(len(piece.split()) <= WINDOW_WORDS for piece in pieces)
    assert any("kill myself" in piece for piece in pieces)
    assert windows("", {}) == [""]
    assert windows("one two", {}) == ["one two"]
    assert all(len(piece) < 4000 for piece in windows("x " * 100_000, {}))


def test_every_word_of_a_message_is_in_a_piece_and_a_sentence_is_kept_whole() -> None:
    sentences = [f"this is the sentence {n} of many that i wrote." for n in range(40)]
    pieces = windows(" ".join(sentences), {})
    assert 1 < len(pieces) < MAX_WINDOWS
    assert all(any(sentence in piece for piece in pieces) for sentence in sentences)


def test_an_order_in_any_piece_counts_and_hidden_text_has_no_other_kind() -> None:
    calm, order = impression(question=9.0), impression(injection=9.0)
    assert kind_of([calm, order], [])[KINDS.index("injection")] > -0.1
    assert kind_of([calm], [order])[KINDS.index("injection")] > -0.1
    strange = impression(unclear=9.0)
    assert kind_of([calm], [strange])[KINDS.index("unclear")] < -5
