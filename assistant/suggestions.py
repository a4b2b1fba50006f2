"""Questions to click on, each of them run through the whole path when the index was built.

They are the corpus's own examples (``examples.toml``) and written questions, chosen here, or, where
a corpus has neither, its titles and headings put as questions. Which of them are answered is found
out by whoever builds the index, and kept in its generation.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from assistant.claims import few_words
from assistant.errors import StoreError
from assistant.index import IndexedQuestion
from assistant.retriever import Search
from assistant.text import squeeze, words
from assistant.types import Article, Block, BlockKind, Span

SHOWN: Final = 3
_FILE: Final = "suggestions.json"
_LOOKED_AT: Final = 12
_TOO_ALIKE: Final = 0.6
# As many written questions about one passage are tried; short ones, that read like questions.
_TRIED: Final = 3
_MAX_CHARS: Final = 90
_MIN_WORDS: Final = 4
# So many questions found in a corpus's own headings are offered.
MAX_FOUND: Final = 6
_MAX_IDEAS: Final = 200
_CLAUSE: Final = ("how", "what", "when", "where", "which", "who", "why")
_TIME: Final = ("after", "before", "during")
# A heading with one of these cannot be understood without what stands above it.
_POINTS_BACK: Final = frozenset({"it", "its", "they", "them", "their", "this", "these", "that"})
# A title with one of these is a sentence and cannot be asked about as a thing.
_VERBS: Final = frozenset("is are was were be can could may might should will does do has".split())
_NUMBERS: Final = frozenset("two three four five six seven eight nine ten".split())
# A word with a capital after one without, in running text, is a name.
_NAME: Final = re.compile(r"(?<=[a-z,] )[A-Z][\w’'-]*(?= [a-z])")
_WORD: Final = re.compile(r"\w[\w’'-]*")
_EXPLAINED: Final = re.compile(r"\s+(?:explained|a guide|an overview|overview)$", re.I)


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
        similarities = np.where(self._offered, search.query.question_similarities, -1.0)
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


@dataclass(frozen=True, slots=True)
class Idea:
    """A question made of a title or heading; `home` is the stretch that has to answer it."""

    question: str
    home: Span


def iter_ideas(articles: Mapping[str, Article]) -> Iterator[Idea]:
    """Titles and headings put as questions, those that are questions already first.

    “Why It Matters” becomes “Can you tell me why …?”, any other title “What should I know about
    …?”. What cannot be understood by itself is left out.
    """
    ideas: list[tuple[int, Idea]] = []
    names = frozenset(
        name
        for article in articles.values()
        for sentence in article.sentences
        for name in _NAME.findall(article.quote(sentence.span))
    )
    for article in articles.values():
        whole = Span(article.id, 0, len(article.text))
        ideas += ((n, Idea(q, whole)) for n, q in _iter_put(article.title, names, True))
        headings = [block for block in article.blocks if block.kind is BlockKind.HEADING]
        for block in headings:
            home = Span(article.id, block.span.start, _end_of(block, headings, article))
            heading = article.quote(block.span)
            ideas += ((n, Idea(q, home)) for n, q in _iter_put(heading, names, False))
    ideas.sort(key=lambda pair: pair[0])
    yield from (idea for _, idea in ideas[:_MAX_IDEAS])


def _end_of(heading: Block, headings: Sequence[Block], article: Article) -> int:
    """Where the section below a heading ends: at the next of its own level or above."""
    after = (b.span.start for b in headings if b.span.start > heading.span.start)
    levels = {b.span.start: b.level for b in headings}
    return next((at for at in after if levels[at] <= heading.level), len(article.text))


def _iter_put(line: str, names: frozenset[str], is_title: bool) -> Iterator[tuple[int, str]]:
    """A title's or heading's words as questions, each with its rank; both halves at a colon."""
    for part in re.split(r":\s+|\s+[–—|]\s+", squeeze(line)) if is_title else [squeeze(line)]:
        text = _EXPLAINED.sub("", part)
        own = words(text)
        if (
            len(own) < 2
            or len(text) > _MAX_CHARS
            or _POINTS_BACK & {word.partition("’")[0] for word in own}
        ):
            continue
        plain = _WORD.sub(lambda word: _lowered(word.group(), names), text)
        if text.endswith("?"):
            if len(own) >= _MIN_WORDS:
                yield 0, plain[:1].upper() + plain[1:]
        elif own[0] in _CLAUSE:
            if len(own) >= _MIN_WORDS:
                yield 1, f"Can you tell me {plain}?"
        elif is_title and own[0] in _TIME:
            yield 2, f"What should I know {plain}?"
        elif is_title and own[0] not in _NUMBERS and not _VERBS & set(own) and text[-1].isalpha():
            yield 2, f"What should I know about {plain}?"


def _lowered(word: str, names: frozenset[str]) -> str:
    """The word as it stands within a sentence; names and abbreviations keep their capitals."""
    if word == "I":
        return word
    if word.lower() in few_words():
        return word.lower()
    return word if word in names or word[1:] != word[1:].lower() else word.lower()


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
