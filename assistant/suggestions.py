"""Questions to click on, each of them run through the whole path when the index was built.

They are the corpus's own examples (``examples.toml``) and written questions, chosen here; which of
them are answered is found out by whoever builds the index, and kept in its generation.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from assistant.errors import StoreError
from assistant.index import IndexedQuestion
from assistant.retriever import Search
from assistant.text import words

SHOWN: Final = 3
_FILE: Final = "suggestions.json"
_LOOKED_AT: Final = 12
_TOO_ALIKE: Final = 0.6
# As many written questions about one passage are tried; short ones, that read like questions.
_TRIED: Final = 3
_MAX_CHARS: Final = 90
_MIN_WORDS: Final = 4


class Suggestions:
    """What may be offered to click on.

    Args:
        questions: the written questions, in the index's order.
        known: texts of those questions that are known to be answered.
        examples: the corpus's example questions that are.
    """

    def __init__(
        self, questions: Sequence[IndexedQuestion], known: Sequence[str], examples: Sequence[str]
    ) -> None:
        self.examples = tuple(examples)
        self._questions = questions
        offered = frozenset(known)
        self._offered = np.array([question.text in offered for question in questions], dtype=bool)

    def near(self, search: Search) -> tuple[str, ...]:
        """Answered written questions near to what was searched for, each about something else."""
        similarities = np.where(self._offered, search.question_similarities, -1.0)
        nearest = np.argsort(-similarities, kind="stable")[:_LOOKED_AT]
        found: list[str] = []
        said = [set(words(search.evidence.query))]
        for row in nearest[self._offered[nearest]]:
            text = self._questions[row].text
            asks = set(words(text))
            if all(len(asks & other) < _TOO_ALIKE * len(asks | other) for other in said):
                found.append(text)
                said.append(asks)
            if len(found) == SHOWN:
                break
        return tuple(found)


def iter_candidates(questions: Sequence[IndexedQuestion]) -> Iterator[str]:
    """Written questions that would look well to click on, a few about each passage."""
    tried: Counter[str] = Counter()
    for question in questions:
        text = question.text
        if not question.passage_ids or not text[:1].isupper() or not text.endswith("?"):
            continue
        if len(text) > _MAX_CHARS or len(words(text)) < _MIN_WORDS:
            continue
        first = question.passage_ids[0]
        tried[first] += 1
        if tried[first] <= _TRIED:
            yield text


def save_suggestions(generation: Path, known: Sequence[str], examples: Sequence[str]) -> None:
    """Write into a generation's folder what is known to be answered."""
    text = json.dumps({"known": list(known), "examples": list(examples)}, ensure_ascii=False)
    (generation / _FILE).write_text(text, "utf-8")


def load_suggestions(generation: Path, questions: Sequence[IndexedQuestion]) -> Suggestions:
    """What `save_suggestions` wrote; nothing to click on while the generation is being built.

    Raises:
        StoreError: it is damaged.
    """
    path = generation / _FILE
    if not path.exists():
        return Suggestions(questions, (), ())
    try:
        rows = json.loads(path.read_text("utf-8"))
        return Suggestions(questions, rows["known"], rows["examples"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{path}: cannot be read ({error}); run `knee-hip ingest --force`"
        ) from error
