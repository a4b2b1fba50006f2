"""A text as the support check reads it: tokens with what each means, sentences and clauses."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from assistant.support.lexicon import Mark, WordTables, stem_of, word_tables
from assistant.support.quantities import Quantity, ordinals, quantities
from assistant.text import iter_sentences

# How many content words after it a denial reaches.
SCOPE: Final = 3
_TOKEN: Final = re.compile(r"\d+(?:[.,]\d+)*(?:st|nd|rd|th)?|[^\W\d_]+(?:['’][^\W\d_]+)*|[^\w\s]|_")
_CLAUSE_MARKS: Final = frozenset(",;:()[]—–")
_CLAUSE_WORDS: Final = frozenset(
    "but because if when whenever while which so although though unless whereas until once".split()
)
_JUDGED: Final = (
    "relation negations conditions duty advice certainty amounts future only shown sources acts"
).split()
_BACK: Final = frozenset("this that these those it they them its their such".split())
_CONTRACTED: Final = (
    (re.compile(r"\bcan['’]t\b"), "can not"),
    (re.compile(r"\bwon['’]t\b"), "will not"),
    (re.compile(r"\bshan['’]t\b"), "shall not"),
)
_ENDINGS: Final = (
    (re.compile(r"\b(\w+)[-‐‑]free\b|\b(pain) free\b"), r"without \1\2"),
    (re.compile(r"\bfree (?:of|from)\b"), "without"),
    (re.compile(r"(?<=[^\W\d])[-‐‑](?=[^\W\d])"), " "),
    (re.compile(r"n['’]t\b"), " not"),
    (re.compile(r"['’](?:ll)\b"), " will"),
    (re.compile(r"['’](?:re)\b"), " are"),
    (re.compile(r"['’](?:ve)\b"), " have"),
    (re.compile(r"\bcannot\b"), "can not"),
    (re.compile(r"\b24/7\b|\b24 hours a day(?:,? (?:7|seven) days a week)?"), "constantly"),
    (re.compile(r"['’]s\b"), ""),
    (re.compile(r"°"), " degrees "),
    (re.compile(r"%"), " percent "),
    (re.compile(r"½"), " half "),
)


@dataclass(frozen=True, slots=True)
class Token:
    """One word, number or sign; `ids` are its meanings, empty where it carries none."""

    word: str
    stem: str
    sentence: int
    clause: int
    ids: frozenset[str]


class Reading:
    """A text read once.

    Attributes:
        tokens: all tokens in order.
        marks: what the tables found, by kind.
        quantities: numbers with their units.
        ordinals: place → ordinal number.
    """

    def __init__(self, texts: Sequence[str], tables: WordTables | None = None) -> None:
        self.tables: Final = tables or word_tables()
        words_, sentences, clauses, self.originals = _tokenize(texts)
        stems = [stem_of(w) if w[0].isalpha() else w for w in words_]
        self.marks: Final[dict[str, list[Mark]]] = defaultdict(list)
        for mark in self.tables.find(words_, stems):
            if len(set(sentences[mark.start : mark.end])) == 1:
                self.marks[mark.kind].append(mark)
        self._add_poles_beside()
        self.quantities: Final = quantities(words_)
        self.ordinals: Final = ordinals(words_)
        ids = self._meanings(words_, stems)
        self.tokens: Final = tuple(
            Token(*row) for row in zip(words_, stems, sentences, clauses, ids, strict=True)
        )
        self._drop_false_negations()

    def _meanings(self, tokens: Sequence[str], stems: Sequence[str]) -> list[frozenset[str]]:
        numbers = {at for q in self.quantities for at in range(q.start, q.end)}
        meanings: list[set[str]] = [
            set() if word in self.tables.stop or not word[0].isalnum() or at in numbers else {stem}
            for at, (word, stem) in enumerate(zip(tokens, stems, strict=True))
        ]
        for mark in self.marks["names"]:
            for at in range(mark.start, mark.end):
                if at not in numbers:
                    meanings[at] = {f"name {mark.value}"}
        for mark in self.marks["synonym"]:
            for at in range(mark.start, mark.end):
                if meanings[at]:
                    meanings[at].add(f"synonym {mark.value}")
        return [frozenset(found) for found in meanings]

    def _add_poles_beside(self) -> None:
        """A word such as “right” is a side in a text that names a side anyway."""
        for axis in range(len(self.tables.axis_names)):
            sure = self.marks.get(f"axis{axis}", [])
            more = [
                replace(mark, kind=f"axis{axis}")
                for mark in self.marks.get(f"beside{axis}", ())
                if not any(m.start <= mark.start < m.end for m in sure)
            ]
            if sure and more:
                self.marks[f"axis{axis}"] = sorted([*sure, *more], key=lambda m: m.start)

    def _drop_false_negations(self) -> None:
        """“Not only” denies nothing; inside a longer cue a shorter one is no second denial."""
        harmless = self.marks["no_negation"]
        self.marks["negations"] = [
            m
            for m in self.marks["negations"]
            if not any(h.start <= m.start and m.end <= h.end for h in harmless)
            and not (self.tokens[m.start].word == "no" and self._asks(m.end))
        ]

    def _asks(self, at: int) -> bool:
        """Whether a question mark stands at a place (“…, no?”)."""
        return at < len(self.tokens) and self.tokens[at].word == "?"

    @cached_property
    def ids(self) -> frozenset[str]:
        """All meanings in the text."""
        return frozenset().union(*(token.ids for token in self.tokens))

    @cached_property
    def judged(self) -> frozenset[int]:
        """Places of words that have a check of their own, and so are no new words."""
        return frozenset(
            at for kind in _JUDGED for m in self.marks.get(kind, ()) for at in range(m.start, m.end)
        )

    @cached_property
    def denied(self) -> frozenset[int]:
        """Places of the content words that a denial reaches."""
        cues = self.marks["negations"]
        return frozenset(at for cue in cues for at in self.after(cue.end, SCOPE))

    @cached_property
    def reached(self) -> frozenset[int]:
        """All places that a denial reaches, those of words without a meaning too."""
        found: set[int] = set()
        for cue in self.marks["negations"]:
            content = self.after(cue.end, SCOPE)
            found.update(range(cue.end, content[-1] + 1) if content else self.rest(cue.end))
        return frozenset(found)

    def rest(self, end: int) -> list[int]:
        """All places from `end` to the end of the clause that the token before it is in."""
        last = self.tokens[end - 1]
        found = []
        for at in range(end, len(self.tokens)):
            if (self.tokens[at].sentence, self.tokens[at].clause) != (last.sentence, last.clause):
                break
            found.append(at)
        return found

    @cached_property
    def stems(self) -> frozenset[str]:
        """The stems of all words, those that say little too."""
        return frozenset(token.stem for token in self.tokens)

    @cached_property
    def sentence_count(self) -> int:
        """How many sentences the text has."""
        return self.tokens[-1].sentence + 1 if self.tokens else 0

    @cached_property
    def sentence_ids(self) -> tuple[frozenset[str], ...]:
        """The meanings of each sentence."""
        found: list[set[str]] = [set() for _ in range(self.sentence_count)]
        for token in self.tokens:
            found[token.sentence].update(token.ids)
        return tuple(map(frozenset, found))

    def refers_back(self, sentence: int) -> bool:
        """Whether a sentence opens with a word that stands for something before it."""
        for token in self.tokens:
            if token.sentence == sentence and token.word.isalpha():
                return token.word in _BACK
        return False

    def text(self, start: int, end: int) -> str:
        """The words of a range, for a reason."""
        return " ".join(self.tokens[at].word for at in range(start, end))

    def content(self, places: Iterable[int]) -> list[int]:
        """Those of `places` that carry a meaning, each name once."""
        found: list[int] = []
        for at in places:
            if not 0 <= at < len(self.tokens) or not self.tokens[at].ids:
                continue
            if (
                found
                and abs(found[-1] - at) == 1
                and self.tokens[found[-1]].ids == self.tokens[at].ids
            ):
                continue
            found.append(at)
        return found

    def after(self, end: int, count: int, *, same_clause: bool = True) -> list[int]:
        """Places of the next `count` content words of the sentence from `end` on."""
        if end >= len(self.tokens) or end < 1:
            return []
        first = self.tokens[end - 1]
        places = []
        for at in range(end, len(self.tokens)):
            token = self.tokens[at]
            if token.sentence != first.sentence or (same_clause and token.clause != first.clause):
                break
            places.append(at)
        return self.content(places)[:count]

    def before(self, start: int, count: int, *, same_clause: bool = True) -> list[int]:
        """Places of the `count` content words of the sentence before `start`, nearest first."""
        if start >= len(self.tokens) or start < 1:
            return []
        own = self.tokens[start]
        places = []
        for at in range(start - 1, -1, -1):
            token = self.tokens[at]
            if token.sentence != own.sentence or (same_clause and token.clause != own.clause):
                break
            places.append(at)
        return self.content(places)[:count]

    def meanings(self, places: Iterable[int]) -> frozenset[str]:
        """The meanings at `places`."""
        return frozenset().union(*(self.tokens[at].ids for at in places))


def _tokenize(texts: Sequence[str]) -> tuple[list[str], list[int], list[int], frozenset[str]]:
    words_: list[str] = []
    sentences: list[int] = []
    clauses: list[int] = []
    capitals: set[str] = set()
    sentence = clause = 0
    for text in texts:
        plain = unicodedata.normalize("NFKC", text)
        for start, end in iter_sentences(plain, 0, len(plain)):
            piece = plain[start:end]
            capitals.update(w.casefold() for w in re.findall(r"(?<=[a-z,;] )[A-Z][\w’'-]+", piece))
            clause += 1
            for match in _TOKEN.finditer(_expand(piece.casefold())):
                word = match.group().replace("’", "'")
                opens = word in _CLAUSE_WORDS or (
                    word in _CLAUSE_MARKS and not _between_digits(match)
                )
                clause += opens
                words_.append(word)
                sentences.append(sentence)
                clauses.append(clause)
            sentence += 1
    return words_, sentences, clauses, frozenset(capitals)


def _between_digits(match: re.Match[str]) -> bool:
    text = match.string
    return (
        match.start() > 0
        and match.end() < len(text)
        and text[match.start() - 1].isdigit()
        and text[match.end()].isdigit()
    )


def _expand(text: str) -> str:
    for pattern, whole in (*_CONTRACTED, *_ENDINGS):
        text = pattern.sub(whole, text)
    return text


__all__ = ["Mark", "Quantity", "Reading", "Token"]
