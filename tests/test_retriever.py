"""What is found: exact passages with their places, by words, meaning and written questions."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from assistant.pipeline import Assistant
from assistant.retriever import fuse


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("how do i know if my outer hip muscle is weak", "gluteus medius weakness"),
        ("what does the side hip muscle do when i stand on one leg", "level"),
        ("who wrote the review about glute activity", "Barton"),
        ("how many reps of hip airplanes", "3–5 reps"),
    ],
)
def test_a_lay_question_finds_its_sentence_among_the_first_four(
    assistant: Assistant, question: str, words: str
) -> None:
    assert any(words in h.passage.quote for h in assistant.retriever.retrieve(question, 4).hits)


def test_hits_are_ranked_exact_slices_with_bounded_scores(assistant: Assistant) -> None:
    hits = assistant.retriever.retrieve("knee pain when running", 20).hits
    assert [h.rank for h in hits] == list(range(1, 21))
    assert all(a.score >= b.score for a, b in itertools.pairwise(hits))
    for hit in hits:
        article = assistant.articles[hit.passage.span.article_id]
        assert hit.passage.quote == article.quote(hit.passage.span)
        assert -1 <= hit.similarity <= 1
        assert 0 <= hit.score <= 1


def test_the_same_query_finds_the_same(assistant: Assistant) -> None:
    first = assistant.retriever.retrieve("it band pain", 20)
    assert first == assistant.retriever.retrieve("it band pain", 20)


def test_no_words_find_nothing(assistant: Assistant) -> None:
    assert assistant.retriever.retrieve("\u200b \t", 5).hits == ()


def test_headings_and_rhetorical_questions_are_not_found(assistant: Assistant) -> None:
    quotes = [p.quote for p in assistant.retriever.index.passages]
    assert not any(
        quote.startswith(("Why is this", "Have you", "Are you ready")) for quote in quotes
    )
    assert "🔑 Key Functions" not in quotes


def test_langchain_gets_documents_that_know_where_they_lie(assistant: Assistant) -> None:
    documents = assistant.retriever.as_langchain(k=3).invoke("what is trendelenburg gait")
    assert len(documents) == 3
    for document in documents:
        at = document.metadata
        text = assistant.articles[at["article"]].text
        assert text[at["start"] : at["end"]] == document.page_content


def test_fusing_scales_each_score_to_its_own_range() -> None:
    low = np.array([0.0, 5.0, 10.0], np.float32)
    flat = np.array([3.0, 3.0, 3.0], np.float32)
    assert fuse((low, flat), (0.5, 0.5)).tolist() == [0.0, 0.25, 0.5]
    assert fuse((np.zeros(0, np.float32),), (1.0,)).tolist() == []
