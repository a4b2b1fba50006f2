"""Word search over passages and their written questions: BM25 by bm25s, with English stems.

A word that occurs nowhere counts as the most similar one that does, so that a typo is no loss.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from assistant.index import IndexedQuestion
from assistant.text import words
from assistant.types import Passage

_FOLDER: Final = "words"
# Shorter words have too many neighbours; a longer word may have two slips.
MIN_LETTERS: Final = 5
LONG_WORD: Final = 8
MAX_LETTERS: Final = 30


def stems(text: str) -> list[str]:
    """The words of `text` in order, each cut to its English stem."""
    return list(_stemmer().stemWords(words(text)))


@cache
def _stemmer() -> Any:
    import Stemmer

    return Stemmer.Stemmer("english")


def _tokenize(texts: Sequence[str]) -> Any:
    import bm25s

    return bm25s.tokenize(
        list(texts),
        stopwords="en",
        stemmer=_stemmer(),
        return_ids=False,
        show_progress=False,
    )


class WordIndex:
    """BM25 scores of every passage for a query."""

    def __init__(self, bm25: Any, size: int) -> None:
        self._bm25 = bm25
        self._size = size

    @classmethod
    def build(
        cls, passages: Sequence[Passage], questions: Sequence[IndexedQuestion] = ()
    ) -> WordIndex:
        """Index each passage's embedded text together with the questions it answers."""
        asked: dict[str, list[str]] = defaultdict(list)
        for question in questions:
            for passage_id in question.passage_ids:
                asked[passage_id].append(question.text)
        return cls.build_texts([" ".join((p.embedded_text, *asked[p.id])) for p in passages])

    @classmethod
    def build_texts(cls, texts: Sequence[str]) -> WordIndex:
        """Index plain texts."""
        import bm25s

        bm25 = bm25s.BM25()
        bm25.index(_tokenize(texts), show_progress=False)
        return cls(bm25, len(texts))

    @classmethod
    def load(cls, generation: Path, size: int) -> WordIndex:
        """The index that `save` wrote, for `size` passages."""
        import bm25s

        return cls(bm25s.BM25.load(generation / _FOLDER, mmap=True), size)

    def save(self, generation: Path) -> None:
        """Write it into a generation's folder."""
        self._bm25.save(generation / _FOLDER, show_progress=False)

    def scores(self, query: str) -> NDArray[np.float32]:
        """BM25 score of every passage, shape (passages,), at least 0; 0 shares no word."""
        tokens = [known for t in _tokenize([query])[0] if (known := self._known(t))]
        if not tokens:
            return np.zeros(self._size, np.float32)
        return np.asarray(self._bm25.get_scores(tokens), np.float32)

    def _known(self, token: str) -> str:
        """The token, or the one in the index that it is a slip of; empty if there is none."""
        if token in self._bm25.vocab_dict:
            return token
        if not MIN_LETTERS <= len(token) <= MAX_LETTERS:
            return ""
        from rapidfuzz import distance, process

        slips = 1 if len(token) < LONG_WORD else 2
        found = process.extractOne(
            token, self._vocabulary, scorer=distance.OSA.distance, score_cutoff=slips
        )
        return found[0] if found else ""

    @cached_property
    def _vocabulary(self) -> list[str]:
        return [token for token in self._bm25.vocab_dict if len(token) >= MIN_LETTERS - 1]
