"""Normalised turns → hits: which concepts are said, of whom, and whether they are meant.

Each hit carries marks: negated, long past, resolved, general, hypothetical, about another
subject (an animal, a film). Rules ask only for hits without marks. What a mark's cue is stands
in ``lexicon_marks.toml``; how far it reaches is decided here.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from assistant.screening.lexicon import FILLER, Lexicon, Match
from assistant.screening.numbers import find_numbers


class Mark:
    """Why a hit does not count by itself: bits of a plain number, which is many times faster."""

    NONE: Final = 0
    NEGATED: Final = 1
    PAST: Final = 2
    RESOLVED: Final = 4
    GENERAL: Final = 8
    HYPOTHETICAL: Final = 16
    OTHER: Final = 32


class Hit(NamedTuple):
    """A concept said at `position` (words from the start, breaks counted extra)."""

    concept: str
    position: int
    marks: int
    turn: int


@dataclass(frozen=True, slots=True)
class Concepts:
    """What kind of concept a name is: `bodily` ones can be masked by an idiom."""

    places: frozenset[str]
    signs: frozenset[str]
    bodily: frozenset[str]


_TOKEN: Final = re.compile(
    r"\d+(?:[.,]\d+)*(?=\D|$)|[^\W_](?:[\w@$']*[\w@$])?|[.!?;\n]+|[,:()\[\]\"{}]|(?<=\s)-+(?=\s)"
)
_CANT: Final = re.compile(
    r"\b(?:can ?not|can'?nt|unable to|not able to|could ?n[o']?t|could not|carn'?t|cann'?t|"
    r"can;t|can t|struggl\w* to|hard to|difficult to|impossible to|wasn'?t able to|"
    r"isn'?t able to|aren'?t able to|not been able to|too weak to|not managing to)(?!\w)"
)
_LONGEST_SCOPE: Final = 25
_ENDS: Final = frozenset(".!?;\n")
_STRONG: Final = frozenset(
    "but however although though because whereas except yet plus until while despite since "
    "which when so then".split()
)
_WEAK: Final = frozenset("and or nor with as after".split())
_FIRST_PERSON: Final = frozenset(
    "i im ive id ill me my mine myself we were our us mum mom dad son daughter husband wife "
    "partner baby grandma grandad".split()
)
_OWNER: Final = _FIRST_PERSON | frozenset(
    "he hes his him she shes her mother father brother sister friend boyfriend girlfriend kid "
    "child toddler nan gran granny grandpa grandmother grandfather nana uncle aunt neighbour "
    "neighbor colleague coworker woman man boy girl female male".split()
)
_THIRD: Final = frozenset("he she it his her its they their him hes shes theyre".split())
_STARTERS: Final = frozenset(
    "i im ive id it its he hes she shes they we there theres cant wont is was are were has have "
    "had feels felt hurts started started began now today suddenly only my the his her this "
    "got gets keeps looks became becomes comes".split()
)
_NEG_FREE: Final = frozenset(
    "have has had having any been be being feel feeling felt feels notice noticed noticing "
    "experience experienced experiencing see seen get getting got at all much more of in on to "
    "from sign signs evidence hint obvious visible major significant real new other recent "
    "symptoms issues problems problem trouble with or and nor area around near is was are it "
    "look looks looking seem seems swollen severe serious signs change changes loss".split()
)
_AFTER_NOT: Final = _NEG_FREE - {"it"}


@dataclass(slots=True)
class _Words:
    """The message as content words with what surrounds them."""

    words: list[str]
    token: list[int]
    clause: list[int]
    strong: list[int]
    sentence: list[int]
    turn: list[int]
    position: list[int]
    stop: list[int]
    tokens: list[str]
    token_sentence: list[int]
    comma_before: list[bool]
    question: set[int]
    skipped: dict[int, list[str]]


def split_words(texts: Sequence[str]) -> _Words:
    """Cut turns into content words, clauses, segments and sentences."""
    out = _Words([], [], [], [], [], [], [], [], [], [], [], set(), {})
    clause = strong = sentence = position = 0
    comma = False
    for turn, text in enumerate(texts):
        for token in _TOKEN.findall(_CANT.sub("cant", text)):
            first = token[0]
            if first in _ENDS:
                if "?" in token:
                    out.question.add(sentence)
                clause, strong, sentence = clause + 1, strong + 1, sentence + 1
                position += 4
                comma = False
                continue
            if first in ',:()[]"{}-' and not token[0].isalnum():
                clause += 1
                position += 1
                comma = True
                continue
            word = token.replace("'", "") if "'" in token else token
            if word in _STRONG:
                clause, strong = clause + 1, strong + 1
            elif word in _WEAK:
                clause += 1
            out.tokens.append(word)
            out.token_sentence.append(sentence)
            position += 1
            if word in FILLER:
                out.skipped.setdefault(len(out.words), []).append(word)
            else:
                out.words.append(word)
                out.token.append(len(out.tokens) - 1)
                out.clause.append(clause)
                out.strong.append(strong)
                out.sentence.append(sentence)
                out.turn.append(turn)
                out.position.append(position)
                out.comma_before.append(comma)
                comma = False
        clause, strong, sentence = clause + 1, strong + 1, sentence + 1
        position += 8
    stop = len(out.words)
    out.stop = [0] * stop
    for i in range(len(out.words) - 1, -1, -1):
        if i + 1 < len(out.words) and out.sentence[i + 1] != out.sentence[i]:
            stop = i + 1
        out.stop[i] = stop
    return out


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
    marks = _mark(message, cues, said)
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


def _mark(message: _Words, cues: list[Match], said: list[Match]) -> list[int]:
    size = len(message.words)
    marks = [Mark.NONE] * size
    concept_at = [False] * size
    within: dict[int, int] = {}
    for m in said:
        for i in range(m.start, m.end):
            concept_at[i] = True
        if m.end - m.start > 1:
            for i in range(m.start, m.end):
                within[i] = m.start
    pseudo: set[int] = set()
    not_if: set[int] = set()
    by_strong: dict[int, list[Match]] = {}
    for m in cues:
        if m.concept == "_pseudo":
            pseudo.update(range(m.start, m.end))
        elif m.concept == "_notif":
            not_if.update(range(m.start, m.end))
        elif m.concept in ("_past", "_now"):
            by_strong.setdefault(message.strong[m.start], []).append(m)
    for m in cues:
        if m.concept in ("_neg", "_not", "_about"):
            if m.start in pseudo or within.get(m.start, size) <= m.start:
                continue
            flag = Mark.GENERAL if m.concept == "_about" else Mark.NEGATED
            for i in _scope(message, m, concept_at):
                marks[i] |= flag
        elif m.concept == "_if" and m.start not in not_if:
            _spread(marks, message.strong, m.start, size, Mark.HYPOTHETICAL)
        elif m.concept == "_resolved":
            if any(i in pseudo for i in range(m.start, m.end)):
                continue
            for i in range(m.start - 1, max(-1, m.start - 10), -1):
                if message.strong[i] != message.strong[m.start]:
                    break
                marks[i] |= Mark.RESOLVED
    _mark_past(message, marks, by_strong)
    _mark_sentences(message, marks, cues)
    return marks


def _scope(message: _Words, cue: Match, concept_at: list[bool]) -> list[int]:
    """The words that a negation or a "symptoms of" reaches."""
    budget = 3 if cue.concept == "_neg" else 2
    reached: list[int] = []
    stop = min(message.stop[cue.start], cue.end + _LONGEST_SCOPE)
    for i in range(cue.end, stop):
        word = message.words[i]
        before = message.tokens[message.token[i] - 1] if message.token[i] else ""
        fresh = word in _STARTERS or before in _STARTERS
        if message.strong[i] != message.strong[cue.start]:
            break
        if message.comma_before[i] and (fresh or not _list_goes_on(message, i, stop)):
            break
        if i > cue.end and fresh and before in ("my", "the", "his", "her", "this"):
            if message.tokens[max(0, message.token[i] - 2)] in ("and", "or", "nor"):
                break
        elif i > cue.end and word in _STARTERS and word not in _NEG_FREE:
            break
        if not concept_at[i] and word not in _NEG_FREE:
            budget -= 1
            if budget < 0:
                break
        reached.append(i)
    return reached


def _list_goes_on(message: _Words, at: int, stop: int) -> bool:
    """Whether an "or"/"nor" closes the list that the comma before `at` continues."""
    for i in range(at, min(stop, at + 12)):
        if message.words[i] in ("or", "nor"):
            return True
        if message.words[i] in _STARTERS and message.words[i] not in _NEG_FREE:
            return False
    return False


def _spread(marks: list[int], strong: list[int], start: int, size: int, mark: int) -> None:
    for i in range(start, size):
        if strong[i] != strong[start]:
            return
        marks[i] |= mark


def _mark_past(message: _Words, marks: list[int], cues: dict[int, list[Match]]) -> None:
    segments: dict[int, list[int]] = {}
    for i, segment in enumerate(message.strong):
        if segment in cues:
            segments.setdefault(segment, []).append(i)
    for segment, found in cues.items():
        past = [m for m in found if m.concept == "_past"]
        if not past:
            continue
        clauses = {message.clause[m.start] for m in past}
        now = {message.clause[m.start] for m in found if m.concept == "_now"}
        for i in segments.get(segment, ()):
            if not now or message.clause[i] in clauses - now:
                marks[i] |= Mark.PAST


def _mark_sentences(message: _Words, marks: list[int], cues: list[Match]) -> None:
    """General sentences and those about animals or stories."""
    owners: set[int] = set()
    first_person: dict[int, list[int]] = {}
    for t, word in enumerate(message.tokens):
        if word in _OWNER:
            owners.add(message.token_sentence[t])
        if word in _FIRST_PERSON:
            first_person.setdefault(message.token_sentence[t], []).append(t)
    members: dict[int, list[int]] = {}
    for i, sentence in enumerate(message.sentence):
        members.setdefault(sentence, []).append(i)
    general: set[int] = set()
    others: dict[int, int] = {}
    for m in cues:
        sentence = message.sentence[m.start]
        if m.concept == "_general" and sentence not in owners:
            general.add(sentence)
        elif m.concept == "_ask" and sentence not in owners:
            if members[sentence][0] == m.start:
                general.add(sentence)
        elif m.concept in ("_animal", "_fiction"):
            others.setdefault(sentence, m.start)
    previous = -2
    for sentence, inside in members.items():
        if sentence in general:
            for i in inside:
                marks[i] |= Mark.GENERAL
        start = others.get(sentence)
        own = first_person.get(sentence, [])
        if start is not None:
            later = [t for t in own if t > message.token[start]]
            begin = start if own and own[0] < message.token[start] - 1 else inside[0]
            limit = later[0] if later else len(message.tokens)
            for i in inside:
                if i >= begin and message.token[i] < limit:
                    marks[i] |= Mark.OTHER
            owned = message.tokens[max(0, message.token[start] - 1)] in ("my", "our")
            if owned and not later:
                previous = sentence
        elif previous >= 0 and not own and message.tokens[_first(message, inside[0])] in _THIRD:
            for i in inside:
                marks[i] |= Mark.OTHER
            previous = sentence
        else:
            previous = -2


def _first(message: _Words, content: int) -> int:
    token = message.token[content]
    while token and message.token_sentence[token - 1] == message.token_sentence[token]:
        token -= 1
    return token


def _join(
    found: list[tuple[int, int, str, int]],
    message: _Words,
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
                    if 0 <= message.position[sign[0]] - message.position[place[0] - 1] <= 16:
                        join(sign, place)
        elif here:
            for place in here:
                for sign in before_signs:
                    gap = message.position[place[0] - 1] - message.position[sign[0]]
                    same = message.sentence[place[0] - 1] == message.sentence[sign[0]]
                    if same and 0 <= gap <= 8:
                        join(sign, place)
        before_places = here or before_places
        before_signs = said
    return joined
