"""Words → hits: which concepts are said, of which place, and whether they are meant.

Each hit carries marks: negated, long past, resolved, general, hypothetical, about another
subject (an animal, a film). Rules ask only for hits without marks.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from assistant.screening.clauses import Words, split_words
from assistant.screening.lexicon import Lexicon, Match
from assistant.screening.marks import Mark, find_marks
from assistant.screening.numbers import find_numbers

_REACH: Final = 16
_REACH_OF_TURN: Final = 60
_LOOSE_PLACES: Final = frozenset({"one_side", "skin"})


class Hit(NamedTuple):
    """A concept said at `position` (words from the start, breaks counted extra)."""

    concept: str
    position: int
    marks: int
    turn: int


@dataclass(frozen=True, slots=True)
class Concepts:
    """What kind of concept a name is: `bodily` ones can be masked by an idiom.

    `shadows` names, for a concept, those that are not said where its words are: who writes
    "no accident" has told of none.
    """

    places: frozenset[str]
    signs: frozenset[str]
    bodily: frozenset[str]
    shadows: Mapping[str, frozenset[str]]


def read(texts: Sequence[str], lexicon: Lexicon, words: Concepts) -> list[Hit]:
    """All hits of normalised `texts` (one a turn), in order, joined signs included.

    A sign and the body place that it is said of give one more hit, ``sign@place``.
    """
    message = split_words(texts)
    if not message.words:
        return []
    matches = lexicon.find(message.words, message.stop, message.skipped)
    cues = [m for m in matches if m.concept[0] == "_"]
    said = [m for m in matches if m.concept[0] != "_"]
    said = _unmask(said, [m for m in cues if m.concept == "_mask"], words.bodily)
    said = _unshadow(said, words.shadows)
    marks = find_marks(message, cues, said)
    found: list[tuple[int, int, str, int]] = []
    for m in said:
        first = marks[m.start]
        found.append((m.start, m.end, m.concept, first))
    for concept, token in find_numbers(message.tokens):
        index = min(bisect_right(message.token, token), len(message.words)) - 1
        index = max(index, 0)
        found.append((index, index + 1, concept, marks[index] & ~Mark.RESOLVED))
    found.sort()
    hits = [
        Hit(concept, message.position[start], mark, message.turn[start])
        for start, _, concept, mark in found
    ]
    hits.extend(_join(found, message, words.places, words.signs))
    hits.sort(key=lambda h: h.position)
    return hits


def _unmask(said: list[Match], masks: list[Match], bodily: frozenset[str]) -> list[Match]:
    """Leave out what stands inside an idiom or an exercise's name."""
    if not masks:
        return said
    covered: dict[int, int] = {}
    for m in masks:
        for i in range(m.start, m.end):
            covered[i] = max(covered.get(i, 0), m.end)
    return [
        m
        for m in said
        if m.concept not in bodily or not (m.start in covered and m.end <= covered[m.start])
    ]


def _unshadow(said: list[Match], shadows: Mapping[str, frozenset[str]]) -> list[Match]:
    """Leave out the concepts whose words another concept needs for itself."""
    covered: dict[tuple[str, int], int] = {}
    for m in said:
        for name in shadows.get(m.concept, ()):
            for i in range(m.start, m.end):
                covered[name, i] = max(covered.get((name, i), 0), m.end)
    if not covered:
        return said
    return [m for m in said if covered.get((m.concept, m.start), 0) < m.end]


def _join(
    found: list[tuple[int, int, str, int]],
    message: Words,
    places: frozenset[str],
    signs: frozenset[str],
) -> list[Hit]:
    """``sign@place`` for each sign and the place it is said of.

    The place stands in the sign's own clause; where there is none, in the clause before it, or
    just after it. A place without a sign takes the sign of the clause before ("pain in my back
    and groin").
    """
    by_clause: dict[int, tuple[list[tuple[int, str, int]], list[tuple[int, str, int]]]] = {}
    for start, end, concept, mark in found:
        if concept in places:
            by_clause.setdefault(message.clause[start], ([], []))[0].append((end, concept, mark))
        elif concept in signs:
            by_clause.setdefault(message.clause[start], ([], []))[1].append((start, concept, mark))
    joined: list[Hit] = []
    seen: set[tuple[str, int]] = set()

    def join(sign: tuple[int, str, int], place: tuple[int, str, int]) -> None:
        at = max(sign[0], place[0] - 1)
        name = f"{sign[1]}@{place[1]}"
        if (name, at) in seen:
            return
        seen.add((name, at))
        mark = sign[2] | (place[2] & ~Mark.NEGATED & ~Mark.RESOLVED)
        joined.append(Hit(name, message.position[at], mark, message.turn[at]))

    before_places: list[tuple[int, str, int]] = []
    before_signs: list[tuple[int, str, int]] = []
    for _, (here, said) in sorted(by_clause.items()):
        here, said = here[:40], said[:40]
        if here and said:
            for sign in said:
                for place in here:
                    if abs(sign[0] - place[0]) <= 10:
                        join(sign, place)
        elif said:
            for sign in said:
                for place in before_places:
                    apart = message.turn[sign[0]] != message.turn[place[0] - 1]
                    reach = _REACH_OF_TURN if apart else _REACH
                    if 0 <= message.position[sign[0]] - message.position[place[0] - 1] <= reach:
                        join(sign, place)
        elif here:
            for place in here:
                for sign in before_signs:
                    gap = message.position[place[0] - 1] - message.position[sign[0]]
                    same = message.sentence[place[0] - 1] == message.sentence[sign[0]]
                    if same and 0 <= gap <= 8:
                        join(sign, place)
        if here and not (before_places and all(name in _LOOSE_PLACES for _, name, _ in here)):
            before_places = here
        before_signs = said
    return joined
