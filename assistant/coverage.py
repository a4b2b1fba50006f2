"""Which words of a question no article has: what can be said of a question that is not answered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from assistant.index import IndexedQuestion
from assistant.text import words
from assistant.types import Passage
from assistant.unaided import Vocabulary
from assistant.words import stems

MIN_LETTERS: Final = 4
MAX_NAMED: Final = 3


class Coverage:
    """Tells the subjects that a corpus does not have from the words that say nothing.

    A word is missing if no passage has it and no answered question, but some unanswered one: so
    “turmeric” is, and “recommend” is not. Without written questions the vocabulary tells which
    words name something.
    """

    def __init__(
        self,
        passages: Iterable[Passage],
        questions: Sequence[IndexedQuestion],
        vocabulary: Vocabulary | None = None,
    ) -> None:
        self._vocabulary = None if questions else vocabulary
        had = {stem for passage in passages for stem in stems(passage.embedded_text)}
        asked: set[str] = set()
        for question in questions:
            (had if question.passage_ids else asked).update(stems(question.text))
        self._missing = asked - had

    def missing(self, query: str) -> tuple[str, ...]:
        """The words of `query` that no article has, in order, at most `MAX_NAMED`."""
        if self._vocabulary:
            named = [w for w in self._vocabulary.missing(query) if len(w) >= MIN_LETTERS]
            return tuple(named[:MAX_NAMED])
        own = dict.fromkeys(w for w in words(query) if len(w) >= MIN_LETTERS and w.isalpha())
        found = [word for word in own if stems(word)[0] in self._missing]
        return tuple(found[:MAX_NAMED])
