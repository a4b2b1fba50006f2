"""The learned head over the corpus's passages, and a reranker of the operator's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from assistant.corpus import load_corpus
from assistant.encoder import PackagedEncoder
from assistant.errors import CorpusError, ModelError
from assistant.finder import FINDER_FILE, load_finder, question_key, save_finder
from assistant.passages import iter_passages
from assistant.pipeline import Assistant
from assistant.questions import load_questions
from assistant.reader import load_reader
from assistant.reranker import CrossEncoderReranker
from assistant.retriever import Retriever
from assistant.settings import DEFAULT_CORPUS
from assistant.types import Passage, Span

READER = "ab" * 32


def passages(*quotes: str) -> list[Passage]:
    return [Passage(Span("a", n * 50, n * 50 + 40), ("A",), q, q) for n, q in enumerate(quotes)]


def written(folder: Path, known: Sequence[Passage]) -> Path:
    weight = np.eye(len(known) + 1, 384, dtype=np.float32) * 10
    bias = np.zeros(len(known) + 1, np.float32)
    save_finder(
        folder / FINDER_FILE, (weight, bias), known, READER, {question_key("why?"): (1.0, -0.5)}
    )
    return folder


def test_passages_are_known_by_their_words_wherever_they_stand(tmp_path: Path) -> None:
    more = [f"Sentence {n}." for n in range(6)]
    written(tmp_path, passages("Hips are weak.", "Knees hurt.", *more))
    moved = passages("Something new.", "Knees hurt.", "Hips are weak.", *more)
    finder = load_finder(tmp_path, moved, READER)
    assert finder is not None
    hidden = np.zeros(384, np.float32)
    hidden[0] = 1.0  # what the head takes for its first passage
    finding = finder.find(hidden)
    assert finding.passages.argmax() == 2
    assert finding.passages[0] == finding.passages.min()
    assert finding.answered > 5
    hidden[:] = 0
    hidden[8] = 1.0  # none of them
    assert finder.find(hidden).answered < -5
    assert finder.left_out[question_key("why?")] == (1.0, -0.5)


def test_a_head_of_another_reader_or_none_is_done_without(tmp_path: Path) -> None:
    known = passages("Hips are weak.")
    assert load_finder(tmp_path, known, READER) is None
    written(tmp_path, known)
    assert load_finder(tmp_path, known, "cd" * 32) is None
    assert load_finder(tmp_path, passages("Hips.", "Other.", "Words."), READER) is None


def test_a_damaged_head_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / FINDER_FILE).write_bytes(b"nonsense")
    with pytest.raises(CorpusError, match="delete it to do without"):
        load_finder(tmp_path, passages("Hips are weak."), READER)


def test_the_corpuss_own_head_knows_every_passage_and_question() -> None:
    articles = load_corpus(DEFAULT_CORPUS)
    own = [p for article in articles.values() for p in iter_passages(article, 0)]
    finder = load_finder(DEFAULT_CORPUS, own, load_reader().sha256)
    assert finder is not None, "run `python -m training`: the head is not the reader's"
    assert sorted(finder.rows) == list(range(len(own)))
    asked = [q.text for q in load_questions(DEFAULT_CORPUS, articles)]
    assert {question_key(text) for text in asked} <= finder.left_out.keys()


def test_a_reranker_puts_first_what_it_likes(
    assistant: Assistant, real_encoder: PackagedEncoder
) -> None:
    class LikesShort:
        def score(self, query: str, passages: Sequence[str]) -> np.ndarray:
            return -np.array([len(p) for p in passages], np.float32)

    plain = assistant.retriever.retrieve("Why does my knee hurt?").hits
    short = Retriever(assistant.retriever.index, real_encoder, reranker=LikesShort())
    found = short.retrieve("Why does my knee hurt?").hits
    assert len(found) == len(plain)
    lengths = [len(hit.passage.embedded_text) for hit in found[:5]]
    assert np.mean(lengths) < np.mean([len(h.passage.embedded_text) for h in plain])


def test_a_folder_without_a_reranker_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="ASSISTANT_RERANKER"):
        CrossEncoderReranker(tmp_path)
