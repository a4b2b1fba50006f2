"""What the reader learns from, and the balance that is fitted; learning itself takes too long."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest

from assistant.guardrails import DATA_DIR
from assistant.reader import CRITERIA, HEADS, URGENCIES, load_reader
from assistant.screening.data import load_policy
from assistant.settings import DEFAULT_CORPUS
from evals.alarms import ATTACKS, load_alarms
from evals.alarms import MESSAGES as MESSAGES_FILE
from evals.cases import load_suite
from evals.run import default_suite_files
from evals.truth import load_truth
from training.balance import FALSE_ALARMS, fit_urgency
from training.examples import Varied, examples_of, with_typos
from training.measure import measure
from training.messages import Message, load_carriers, load_messages, messages_of_policy

MESSAGES = load_messages()


def plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def test_no_message_is_one_of_the_evals() -> None:
    cases = load_suite(default_suite_files(), load_truth(DEFAULT_CORPUS).texts).cases
    asked = {plain(case.question) for case in cases}
    asked |= {plain(" ".join(a.turns)) for f in (MESSAGES_FILE, ATTACKS) for a in load_alarms(f)}
    assert not [m.text for m in MESSAGES if plain(m.text) in asked]


def test_every_row_of_the_table_has_messages_of_both_sides() -> None:
    flags = Counter(m.criterion for m in MESSAGES if m.urgency not in (None, "none"))
    near = Counter(m.criterion for m in MESSAGES if m.urgency == "none")
    assert min(flags[row] for row in CRITERIA) >= 40
    assert min(near[row] for row in CRITERIA) >= 20


def test_the_policys_own_sentences_are_among_what_is_learned() -> None:
    sentences = load_policy(DATA_DIR).examples
    messages = messages_of_policy(sentences, 0)
    assert [m.text for m in messages] == [s.text for s in sentences]
    assert all(m.criterion in CRITERIA for m in messages if m.urgency != "none")
    quiet = [m for m, s in zip(messages, sentences, strict=True) if not s.fires]
    assert {m.urgency for m in quiet} == {"none"}


def test_a_variation_keeps_the_urgency() -> None:
    examples = examples_of(MESSAGES[:300], (), (), ())
    varied = Varied(examples, load_carriers(), np.random.default_rng(0)).once()
    assert [v.message.urgency for v in varied] == [e.message.urgency for e in examples]
    changed = sum(e.message != v.message for e, v in zip(examples, varied, strict=True))
    assert changed > len(examples) / 4


def test_what_is_joined_with_other_messages_has_only_its_urgency_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("training.examples.JOINED", 1.0)
    of_a_kind = [m for m in MESSAGES if m.kind == "harmful"][:50]
    examples = examples_of(of_a_kind, (), (), ())
    joined = Varied(examples, (), np.random.default_rng(0)).once()
    assert all(
        len(j.message.text) > len(e.message.text) for j, e in zip(joined, examples, strict=False)
    )
    assert {(j.message.kind, j.message.about, j.rows) for j in joined} == {(None, None, None)}


def test_typos_leave_most_letters() -> None:
    text = "my knee hurts on the outside when I walk down the stairs at home"
    typed = with_typos(text, np.random.default_rng(1))
    assert typed != text
    assert abs(len(typed) - len(text)) <= 3


def test_the_balance_lets_through_the_chosen_share_of_harmless_messages() -> None:
    random = np.random.default_rng(0)
    urgency = ["none"] * 600 + ["emergency"] * 150 + ["urgent"] * 100 + ["conditional"] * 50
    urgency += ["crisis"] * 50
    truth = np.array([URGENCIES.index(name) for name in urgency])
    scores = random.normal(size=(len(urgency), 5)).astype(np.float32)
    scores[np.arange(len(urgency)), truth] += 3
    scores -= np.logaddexp.reduce(scores, axis=1, keepdims=True)
    fired = [
        frozenset({"emergency"}) if name == "emergency" and random.random() < 0.7 else frozenset()
        for name in urgency
    ]
    weights = fit_urgency(scores, urgency, fired)["flagged"]
    assert weights["rules"]["fired"] > 0
    odds = np.logaddexp.reduce(scores[:, 1:], axis=1) - scores[:, 0]
    rule = np.array([weights["rules"]["fired"] if f else 0.0 for f in fired])
    flagged = weights["bias"] + weights["reader"] * odds + rule > 0
    assert flagged[:600].mean() == pytest.approx(FALSE_ALARMS, abs=0.005)
    assert flagged[600:].mean() > 0.9


def test_what_is_measured_is_what_the_decisions_say() -> None:
    """A red flag that a rule and the network see, one that neither does, a harmless message."""
    messages = [
        Message("a", "emergency", None, None, "CES", "file", 0),
        Message("b", "urgent", None, None, "DVT", "file", 1),
        Message("c", "none", None, None, "CES", "file", 2),
    ]
    scores = {
        name: np.full((3, len(labels)), -np.log(len(labels)), np.float32)
        for name, labels in HEADS.items()
    }
    scores["urgency"] = np.log(
        np.array([[0.1, 0.1, 0.1, 0.6, 0.1], [0.96, 0.01, 0.01, 0.01, 0.01], [0.5] + [0.125] * 4])
    ).astype(np.float32)
    fired = [
        frozenset({"emergency", "medication"}),
        frozenset({"medication"}),
        frozenset({"medication"}),
    ]
    weighing = load_reader().facts["weighing"]
    found = measure(examples_of(messages, (), (), ()), scores, fired, weighing)
    assert found["rows"]["CES"]["emergency"] == {"emergency": 1}
    assert found["rows"]["DVT"]["urgent"] == {"none": 1}
    assert found["files"]["file"] == {"none": 1}
