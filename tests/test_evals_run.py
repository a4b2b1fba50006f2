"""Measuring a small assistant that behaves, and ones broken on purpose."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from evals_double import WordOverlap, write_suite

from assistant.settings import DEFAULT_CORPUS
from assistant.types import Span
from evals.cases import load_suite
from evals.figures import compute_figures
from evals.scoring import score
from evals.stats import Figure
from evals.subject import observe
from evals.truth import Truth, load_truth


@pytest.fixture(scope="module")
def truth() -> Truth:
    return load_truth(DEFAULT_CORPUS)


@pytest.fixture
def suite_file(tmp_path: Path) -> Path:
    return write_suite(tmp_path / "suite.jsonl")


def figures_of(subject: WordOverlap, suite_file: Path) -> dict[str, Figure]:
    suite = load_suite([suite_file], subject.truth.texts)
    results = [score(o, subject.truth) for o in observe(subject, suite.cases)]
    return compute_figures(results)


def broken_counts(figures: dict[str, Figure]) -> dict[str, float]:
    return {
        name.removeprefix("integrity."): figure.value
        for name, figure in figures.items()
        if figure.better == "zero" and figure.value
    }


def test_a_sound_assistant_has_good_figures_and_no_fault(truth: Truth, suite_file: Path) -> None:
    figures = figures_of(WordOverlap(truth), suite_file)
    assert broken_counts(figures) == {}
    assert figures["all.right"].value == 1.0
    assert figures["answers.any_gold"].n == 5
    assert figures["abstention.AUROC"].value == 1.0
    assert figures["safety.emergency.caught"].value == 1.0
    assert figures["stability.minimal_pairs"].value == 1.0
    assert figures["stability.same_lead"].value == 1.0


Break = Callable[[WordOverlap], None]


def _edit(subject: WordOverlap, edit: Callable[[dict[str, Any]], object]) -> None:
    sound = subject.answer

    def answer(question: str) -> dict[str, Any]:
        given = json.loads(json.dumps(sound(question)))
        edit(given)
        return dict(given)

    subject.answer = answer  # type: ignore[method-assign]


def shift_offsets(subject: WordOverlap) -> None:
    def edit(answer: dict[str, Any]) -> None:
        for citation in answer["citations"]:
            citation["start"] += 1
            citation["end"] += 1

    _edit(subject, edit)


def shift_offsets_and_quotes(subject: WordOverlap) -> None:
    sound = subject.reply
    subject.reply = lambda question, kind, outcome, spans: sound(  # type: ignore[method-assign]
        question, kind, outcome, [Span(s.article_id, s.start + 1, s.end + 1) for s in spans]
    )


def drop_disclaimer(subject: WordOverlap) -> None:
    _edit(subject, lambda answer: answer.pop("disclaimer"))


def weaken_disclaimer(subject: WordOverlap) -> None:
    _edit(subject, lambda answer: answer.update(disclaimer="Not medical advice."))


def cite_comments(subject: WordOverlap) -> None:
    comment = next(s for s in subject.truth.left_out if s.article_id == "fix-the-hip")
    words = subject.truth.texts["fix-the-hip"][comment.start : comment.end]
    place = {"article": "fix-the-hip", "start": comment.start, "end": comment.end, "quote": words}

    def edit(answer: dict[str, Any]) -> None:
        for citation in answer["citations"]:
            citation.update(place, id=comment.id)
        for statement in answer["statements"]:
            statement.update(text=words, citations=[comment.id])

    _edit(subject, edit)


def cite_on_abstention(subject: WordOverlap) -> None:
    _edit(subject, lambda answer: answer.update(outcome="abstained", kind="not_covered"))


def forge_hash(subject: WordOverlap) -> None:
    _edit(subject, lambda answer: [c.update(sha256="0" * 64) for c in answer["citations"]])


def swap_words(subject: WordOverlap) -> None:
    _edit(
        subject, lambda answer: [s.update(text="Massage cures it.") for s in answer["statements"]]
    )


def list_more_than_named(subject: WordOverlap) -> None:
    _edit(subject, lambda answer: [s["citations"].clear() for s in answer["statements"]])


def change_its_mind(subject: WordOverlap) -> None:
    asked: list[str] = []

    def edit(answer: dict[str, Any]) -> None:
        asked.append(answer["question"])
        answer["suggestions"] = [str(len(asked))]

    _edit(subject, edit)


def lose_a_key(subject: WordOverlap) -> None:
    _edit(subject, lambda answer: answer.pop("citations"))


def crash(subject: WordOverlap) -> None:
    sound = subject.answer

    def answer(question: str) -> dict[str, Any]:
        if "turmeric" in question:
            raise ZeroDivisionError("no spice")
        return sound(question)

    subject.answer = answer  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("break_it", "fault"),
    [
        (shift_offsets, "quote_not_exact"),
        (shift_offsets_and_quotes, "quote_cuts_word"),
        (drop_disclaimer, "disclaimer_missing"),
        (weaken_disclaimer, "disclaimer_missing"),
        (cite_comments, "left_out_cited"),
        (cite_on_abstention, "cited_without_answer"),
        (forge_hash, "hash_wrong"),
        (swap_words, "words_not_in_quote"),
        (list_more_than_named, "statement_without_citation"),
        (list_more_than_named, "citations_not_those_named"),
        (change_its_mind, "not_repeatable"),
        (lose_a_key, "answer_not_readable"),
        (crash, "no_answer"),
    ],
)
def test_a_broken_promise_is_counted(
    break_it: Break, fault: str, truth: Truth, suite_file: Path
) -> None:
    subject = WordOverlap(truth)
    break_it(subject)
    figures = figures_of(subject, suite_file)
    assert broken_counts(figures).get(fault, 0) > 0
    right = figures["all.right"].value
    assert right is not None
    assert right < 1.0


def test_abstention_switched_off_shows_in_the_false_answers(truth: Truth, suite_file: Path) -> None:
    subject = WordOverlap(truth)
    subject.min_score = -1.0
    figures = figures_of(subject, suite_file)
    assert figures["abstention.near_miss_answered"].value == 1.0
    assert figures["abstention.off_topic_answered"].value == 1.0
    assert figures["abstention.wrongly_refused"].value == 0.0


def test_emergency_switched_off_shows_in_what_is_caught(truth: Truth, suite_file: Path) -> None:
    subject = WordOverlap(truth)
    sound = subject.answer
    subject.answer = lambda question: sound(  # type: ignore[method-assign]
        question.replace("urine", "water")
    )
    figures = figures_of(subject, suite_file)
    assert figures["safety.emergency.caught"].value == 0.0
    assert figures["safety.under_triaged"].value == 1.0
    assert figures["stability.minimal_pairs"].value == 0.0


def test_citing_the_next_sentence_shows_in_the_gold_found(truth: Truth, suite_file: Path) -> None:
    subject = WordOverlap(truth)
    every = [s.span for s in subject.sentences]
    sound = subject.reply
    subject.reply = lambda question, kind, outcome, spans: sound(  # type: ignore[method-assign]
        question, kind, outcome, [every[every.index(s) - 1] for s in spans]
    )
    figures = figures_of(subject, suite_file)
    assert broken_counts(figures) == {}
    assert figures["answers.any_gold"].value == 0.0
    assert figures["answers.citation_precision"].value == 0.0
