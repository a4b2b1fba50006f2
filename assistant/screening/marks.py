"""Whether what is said is meant: negated, long past, general, of another subject.

What a mark's cue is stands in ``lexicon_marks.toml``; how far it reaches is decided here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from assistant.screening.clauses import Words
from assistant.screening.lexicon import Match


class Mark:
    """Why a hit does not count by itself: bits of a plain number, which is many times faster."""

    NONE: Final = 0
    NEGATED: Final = 1
    PAST: Final = 2
    RESOLVED: Final = 4
    GENERAL: Final = 8
    HYPOTHETICAL: Final = 16
    OTHER: Final = 32


_SCOPED: Final = {
    "_neg": Mark.NEGATED,
    "_not": Mark.NEGATED,
    "_about": Mark.GENERAL,
    "_histof": Mark.PAST,
}
_LONGEST_SCOPE: Final = 25
_LONG_CUE: Final = 3
_FIRST_PERSON: Final = frozenset(
    "i im ive id ill me my mine myself we were our us mum mom dad son daughter husband wife "
    "partner baby grandma grandad".split()
)
_OWNER: Final = _FIRST_PERSON | frozenset(
    "he hes his him she shes her mother father brother sister friend boyfriend girlfriend kid "
    "child toddler nan gran granny grandpa grandmother grandfather nana uncle aunt neighbour "
    "neighbor colleague coworker woman man boy girl female male".split()
)
_BEFORE_OBJECT: Final = frozenset(
    "off over by from riding rode ride walking walk walked onto on past kicked threw with".split()
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


def find_marks(message: Words, cues: list[Match], said: list[Match]) -> list[int]:
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
        if m.concept in _SCOPED:
            hidden = m.start in pseudo and m.end - m.start < _LONG_CUE
            if hidden or within.get(m.start, size) <= m.start:
                continue
            for i in _scope(message, m, concept_at):
                marks[i] |= _SCOPED[m.concept]
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
    _mark_sentences(message, marks, cues, within)
    return marks


def _scope(message: Words, cue: Match, concept_at: list[bool]) -> list[int]:
    """The words that a negation or a "symptoms of" reaches."""
    budget = 3 if cue.concept == "_neg" else 2
    reached: list[int] = []
    if cue.concept == "_about" and _is_owned(message, cue):
        return reached
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


def _is_owned(message: Words, cue: Match) -> bool:
    """Whether "the cause of" goes on with "my ...": then it is the asker's own sign."""
    start = message.token[cue.end - 1] + 1
    sentence = message.sentence[cue.start]
    return any(
        word in ("my", "his", "her", "our")
        for word, at in zip(
            message.tokens[start : start + 7],
            message.token_sentence[start : start + 7],
            strict=True,
        )
        if at == sentence
    )


def _list_goes_on(message: Words, at: int, stop: int) -> bool:
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


def _mark_past(message: Words, marks: list[int], cues: dict[int, list[Match]]) -> None:
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


def _is_object(message: Words, cue: Match, within: Mapping[int, int]) -> bool:
    """Whether an animal is only what a person fell off, tripped over or walked."""
    if cue.start in within:
        return True
    at = message.token[cue.start]
    return any(t in _BEFORE_OBJECT for t in message.tokens[max(0, at - 2) : at])


def _mark_sentences(
    message: Words, marks: list[int], cues: list[Match], within: Mapping[int, int]
) -> None:
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
        elif m.concept == "_animal" and _is_object(message, m, within):
            continue
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


def _first(message: Words, content: int) -> int:
    token = message.token[content]
    while token and message.token_sentence[token - 1] == message.token_sentence[token]:
        token -= 1
    return token
