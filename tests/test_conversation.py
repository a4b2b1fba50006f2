"""Follow-ups become queries that stand alone; what stands alone is left as it is."""

from __future__ import annotations

import pytest

from assistant.conversation import Conversation, split_questions
from assistant.lexicon import load_lexicon
from assistant.settings import DEFAULT_CORPUS
from assistant.types import Article, Turn

LIST = (
    "“Side Plank with Hip Abduction (Hold Variation)” “Banded Lateral Walks (a.k.a. Monster Walks "
    "/ Side Steps)” “Single-Leg Glute Bridge / Hip Thrust”"
)


@pytest.fixture(scope="module")
def conversation(articles: dict[str, Article]) -> Conversation:
    return Conversation(articles, load_lexicon(DEFAULT_CORPUS))


def said(user: str, assistant: str = "") -> tuple[Turn, ...]:
    return (Turn("user", user), Turn("assistant", assistant))


@pytest.mark.parametrize(
    ("history", "question", "holds"),
    [
        (said("which exercises are best", LIST), "how do I do the second one?", "Monster Walks"),
        (said("which exercises are best", LIST), "tips for the last one", "Glute Bridge"),
        (said("what is the gluteus medius"), "which way does it rotate the leg?", "gluteus medius"),
        (said("do weak hips cause muscle knots"), "how are they treated", "muscle knots"),
        (said("does a weak hip cause knee pain"), "why?", "knee pain why"),
        (said("what helps an it band"), "and for runners?", "it band and for runners"),
        (said("tell me of clamshells"), "what are its benefits", "clamshells"),
        (
            said("can a weak hip hurt my back", "“Yes.” There is also a test for a weak gluteus "
                 "medius. Would you like to see it?"),
            "yes please",
            "test for a weak gluteus medius",
        ),
    ],
)  # fmt: skip
def test_a_follow_up_takes_up_what_it_leans_on(
    conversation: Conversation, history: tuple[Turn, ...], question: str, holds: str
) -> None:
    assert holds.casefold() in conversation.resolve(question, history).casefold()


@pytest.mark.parametrize(
    "question",
    [
        "How do I do a hip airplane?",
        "what causes pain on the outside of the knee when running downhill",
        "is the gluteus medius important",
        "",
    ],
)
def test_a_question_that_stands_alone_is_left_as_it_is(
    conversation: Conversation, question: str
) -> None:
    assert conversation.resolve(question, said("what is the it band")) == question


def test_without_a_history_nothing_is_added(conversation: Conversation) -> None:
    assert conversation.resolve("why?", ()) == "why?"


def test_an_item_that_is_not_there_is_not_invented(conversation: Conversation) -> None:
    query = conversation.resolve("how do I do the fifth one", said("which exercises", LIST))
    assert "Bridge" not in query


@pytest.mark.parametrize(
    ("message", "questions"),
    [
        ("How do I do clams?", ()),
        (
            "I am 40 and I run. No falls. What makes the inside of a knee hurt? Thanks!",
            ("What makes the inside of a knee hurt?",),
        ),
        ("My leg is sore. It was worse.", ()),
        (
            "Hello. How do I do a bridge? And does a weak hip drop?",
            ("How do I do a bridge?", "And does a weak hip drop?"),
        ),
    ],
)
def test_the_questions_inside_a_longer_message_are_found(
    message: str, questions: tuple[str, ...]
) -> None:
    assert split_questions(message) == questions
