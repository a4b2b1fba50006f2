"""Questions to click on: written ones near to what was asked, and the corpus's own examples.

Written ones are known to be answered since the index was built; examples go the whole path.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from assistant.errors import CorpusError
from assistant.index import IndexedQuestion
from assistant.retriever import Search
from assistant.text import words

EXAMPLES_FILE: Final = "examples.toml"
SHOWN: Final = 3
_LOOKED_AT: Final = 12
_TOO_ALIKE: Final = 0.6


class Suggestions:
    """What may be offered to click on.

    Args:
        corpus: its folder, for ``examples.toml``.
        questions: the written questions, in the index's order.
        offered: which of them are surely answered, shape (questions,).
        is_plain: whether a question is one to search for, and no other kind of message.
        is_answered: whether the whole path answers a question.
    """

    def __init__(
        self,
        corpus: Path,
        questions: Sequence[IndexedQuestion],
        offered: NDArray[np.bool_],
        is_plain: Callable[[str], bool],
        is_answered: Callable[[str], bool],
    ) -> None:
        self._corpus = corpus
        self._questions = questions
        self._offered = offered
        self._is_plain = is_plain
        self._is_answered = is_answered

    @cached_property
    def examples(self) -> tuple[str, ...]:
        """The corpus's example questions that are answered.

        Raises:
            CorpusError: the file of examples cannot be read.
        """
        path = self._corpus / EXAMPLES_FILE
        if path.exists():
            try:
                asked = tuple(tomllib.loads(path.read_text("utf-8"))["questions"])
            except (OSError, ValueError, KeyError) as error:
                raise CorpusError(f"{path}: cannot be read ({error}); correct it") from error
        else:
            asked = tuple(q.text for q in self._questions[:50:10])
        return tuple(question for question in asked if self._is_answered(question))

    def near(self, search: Search) -> tuple[str, ...]:
        """Answered written questions near to what was searched for, each about something else."""
        similarities = np.where(self._offered, search.question_similarities, -1.0)
        nearest = np.argsort(-similarities, kind="stable")[:_LOOKED_AT]
        found: list[str] = []
        said = [set(words(search.evidence.query))]
        for row in nearest[self._offered[nearest]]:
            text = self._questions[row].text
            asks = set(words(text))
            new = all(len(asks & other) < _TOO_ALIKE * len(asks | other) for other in said)
            if new and self._is_plain(text):
                found.append(text)
                said.append(asks)
            if len(found) == SHOWN:
                break
        return tuple(found)
