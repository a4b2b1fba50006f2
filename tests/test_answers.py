"""What an answer is made of: whole quotes, a review's own finding, each question of a message."""

from __future__ import annotations

import pytest

from assistant.coverage import Coverage
from assistant.index import IndexedQuestion
from assistant.pipeline import Assistant
from assistant.types import Kind, Outcome, Passage, Span, StatementRole
from assistant.words import WordIndex


def test_a_pronoun_stands_in_one_quote_with_what_it_refers_to(assistant: Assistant) -> None:
    answer = assistant.ask("what comes after the basic glute exercises, any progression?")
    quotes = [citation.quote for citation in answer.citations]
    assert any("Bulgarian split squats" in q and "They hit the glute med hard" in q for q in quotes)
    assert not any(quote.startswith("They ") for quote in quotes)


def test_a_strong_claim_stands_beside_what_its_review_found(assistant: Assistant) -> None:
    answer = assistant.ask("what motions are a primary cause of knee pain?")
    at = next(
        n for n, s in enumerate(answer.statements) if "These motions are a primary cause" in s.text
    )
    beside = answer.statements[at + 1]
    assert beside.role is StatementRole.QUALIFIES
    assert "moderate to strong evidence" in beside.text
    assert len(answer.statements) <= 4


def _lead(assistant: Assistant, question: str) -> str:
    return assistant.ask(question).statements[0].text


def test_of_sentences_that_answer_as_well_the_first_leads_however_it_is_asked(
    assistant: Assistant,
) -> None:
    asked = ("how are monster walks done", "Instructions for banded lateral walks?")
    assert {_lead(assistant, question)[:25] for question in asked} == {"How: Place a resistance b"}


def test_the_sentence_that_answers_leads_though_others_of_its_list_stand_before_it(
    assistant: Assistant,
) -> None:
    assert _lead(assistant, "why bother with the side plank leg lift").startswith("Why: ")


def test_a_side_of_a_difference_is_no_pronoun_without_what_it_refers_to(
    assistant: Assistant,
) -> None:
    answer = assistant.ask("is the gluteus medius an internal or external rotator")
    sides = [s.text for s in answer.statements if s.role is StatementRole.DIFFERS]
    assert len(sides) > 1
    assert not any(side.startswith(("It ", "They ", "This ")) for side in sides)


def test_two_questions_are_both_answered(assistant: Assistant) -> None:
    answer = assistant.ask("How do I do a hip airplane? What are lazy glutes?")
    quoted = " ".join(s.text for s in answer.statements)
    assert "stopped firing on command" in quoted
    assert "Stand tall on one leg" in quoted


def test_the_part_that_is_not_answered_is_named(assistant: Assistant) -> None:
    answer = assistant.ask("How do I do a hip airplane? And will my insurance pay for physio?")
    assert answer.outcome is Outcome.ANSWERED
    named = [n.text for n in answer.notices if n.kind == "part_not_covered"]
    assert len(named) == 1
    assert "insurance" in named[0]


def test_what_no_article_mentions_is_named(assistant: Assistant) -> None:
    answer = assistant.ask("does turmeric help my knees")
    assert answer.outcome is Outcome.ABSTAINED
    assert any("“turmeric”" in n.text for n in answer.notices if n.kind == "not_named")
    assert not answer.citations


def test_the_overview_names_every_article(assistant: Assistant) -> None:
    answer = assistant.ask("what do you know?")
    text = " ".join(n.text for n in answer.notices if n.kind == "overview")
    assert all(article.title in text for article in assistant.articles.values())


def test_only_subjects_that_are_nowhere_count_as_missing() -> None:
    span = Span("a", 0, 20)
    passages = [Passage(span, ("A",), "The hip holds the leg.", "The hip holds the leg.")]
    asked = [IndexedQuestion("recommend a hip", (span.id,)), IndexedQuestion("recommend turmeric")]
    coverage = Coverage(passages, asked)
    assert coverage.missing("would you recommend turmeric for hips or zinc") == ("turmeric",)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("glutteus", "gluteus"), ("excercises", "exercises"), ("trendelenberg", "trendelenburg")],
)
def test_a_typo_finds_what_the_word_finds(typed: str, meant: str) -> None:
    texts = ["the gluteus medius", "exercises at home", "the trendelenburg gait", "a cold pack"]
    words = WordIndex.build_texts(texts)
    assert words.scores(typed).argmax() == words.scores(meant).argmax()
    assert words.scores(typed).max() > 0


def test_a_short_or_strange_word_is_not_bent() -> None:
    words = WordIndex.build_texts(["hip hop hat", "knee need seed"])
    assert not words.scores("hup").any()
    assert not words.scores("qwertyuiop").any()


def test_suggestions_are_plain_and_answered(assistant: Assistant) -> None:
    for question in ("does turmeric help my knees", "what is trendelenburg gait"):
        chips = assistant.ask(question).suggestions
        assert chips
        for chip in chips:
            answer = assistant.ask(chip)
            assert answer.outcome is Outcome.ANSWERED, chip
            assert answer.kind is Kind.IN_SCOPE, chip
