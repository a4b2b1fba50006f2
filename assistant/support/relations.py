"""Checks of how a statement joins things: what causes what, and what was swapped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

from assistant.support.reading import Mark, Reading

_SPAN: Final = 7
_STATED: Final = 2
# How far into a sentence “This … causes” may stand.
_OPENING: Final = 6
# Share of both sides that one sentence must have.
_ENOUGH: Final = 0.5
_NOT_VERBS: Final = ("er", "ers", "or", "ors", "ly", "ion", "ions", "ity", "ment", "al", "ive")
_CUTS: Final = frozenset("; then but whereas which while if when — –".split())
# Words that as often say what for as what follows; `check_glue` looks at them.
_PURPOSE: Final = ("so", "so that", "and so")
_BE: Final = frozenset("is are was were be been being get gets".split())
# From this likeness on a statement counts as the quote with something changed in it.
VERBATIM: Final = 0.6
# … and from this on a new word in it stands for the one that it replaces.
OWN_WORDING: Final = 0.82
# … and a name that the quote has too for another one.
NEARLY: Final = 0.75


@dataclass(frozen=True, slots=True)
class Link:
    """One relation: what stands on its cause's and on its effect's side, and how strong it is.

    `level` is 3 for bringing about, 2 for having a part in, 1 for going together, 0 for an
    action of one thing on another, where the cause's side is the one that acts.
    """

    mark: Mark
    cause: frozenset[str]
    effect: frozenset[str]
    level: int


def iter_links(reading: Reading) -> Iterator[Link]:
    """The relations of a text in order of their kind."""
    for mark in reading.marks["relation"]:
        yield _link(reading, mark, int(mark.value[0]), backward=mark.value.endswith("backward"))
    for mark in reading.marks["action"]:
        if reading.tokens[mark.start].word.endswith(_NOT_VERBS):
            continue
        passive = mark.start > 0 and any(
            reading.tokens[at].word in _BE for at in range(max(0, mark.start - 2), mark.start)
        )
        by = any(t.word == "by" for t in reading.tokens[mark.end : mark.end + 4])
        yield _link(reading, mark, 0, backward=passive and by)


def iter_conditions(reading: Reading) -> Iterator[Link]:
    """“If A, B” as a relation from A to B."""
    for mark in reading.marks["conditions"]:
        yield _link(reading, mark, 3, backward=True)


def _link(reading: Reading, mark: Mark, level: int, *, backward: bool) -> Link:
    before = _uncut(reading, reading.before(mark.start, _SPAN, same_clause=not level), mark.start)
    after = _uncut(reading, reading.after(mark.end, _SPAN, same_clause=not level), mark.end)
    if backward and not before:
        first = _to_comma(reading, mark.end)
        rest = [
            at for at in reading.after(mark.end, 3 * _SPAN, same_clause=False) if at not in first
        ]
        after, before = first, rest[:_SPAN]
    left, right = _plain(reading, before), _plain(reading, after)
    left, right = left - right, right - left
    return Link(mark, right, left, level) if backward else Link(mark, left, right, level)


def _uncut(reading: Reading, places: list[int], edge: int) -> list[int]:
    """`places` up to where another clause begins, but for what stands right beside the mark."""
    found: list[int] = []
    for at in places:
        if found and reading.tokens[at].word == "and" and reading.tokens[at - 1].word == ",":
            break
        between = range(min(at, (found or [edge])[-1]), max(at, (found or [edge])[-1]))
        if found and any(reading.tokens[b].word in _CUTS for b in between):
            break
        found.append(at)
    return found


def _to_comma(reading: Reading, start: int) -> list[int]:
    places: list[int] = []
    for at in range(start, len(reading.tokens)):
        if reading.tokens[at].word in ",;:—–" and places:
            break
        places.append(at)
    return reading.content(places)[: 2 * _SPAN]


def _plain(reading: Reading, places: list[int]) -> frozenset[str]:
    light = reading.tables.light
    return reading.meanings(at for at in places if reading.tokens[at].stem not in light)


def check_cause(claim: Reading, quote: Reading) -> str:
    """The claim lets nothing be brought about that the quote does not, nor the other way round."""
    theirs = list(iter_links(quote))
    conditions = list(iter_conditions(quote))
    strongest = max((link.level for link in theirs if link.level), default=0)
    for link in iter_links(claim):
        word = claim.text(link.mark.start, link.mark.end)
        alike = claim.tokens[link.mark.start].stem in quote.stems
        if link.level >= _STATED and not alike and word not in _PURPOSE:
            if not strongest and not conditions and not any(x.level == 0 for x in theirs):
                return f"“{word}”: the quote says of nothing that it brings about something"
            if 0 < strongest < link.level and not conditions:
                return f"“{word}” is stronger than what the quote says of the connection"
        fitting = [
            x
            for x in theirs
            if bool(x.level) == bool(link.level)
            and link.level != 1
            and (link.level or _one_action(claim, link, quote, x))
        ]
        if link.level:
            fitting += conditions
        if fault := _turned(link, fitting):
            return f"“{word}”: {fault}"
    return ""


def _one_action(claim: Reading, link: Link, quote: Reading, other: Link) -> bool:
    """The same verb in a form that acts: “strengthen(s)”, not “strengthening” or “stabilizer”."""
    own = claim.tokens[link.mark.start].word
    their = quote.tokens[other.mark.start].word
    return own.rstrip("s") == their.rstrip("s")


def _turned(link: Link, others: list[Link]) -> str:
    """Why `link` is none of `others`; empty where it fits one, or nothing can be said."""
    crossed = [o for o in others if link.cause & o.effect and link.effect & o.cause]
    if not crossed:
        return ""
    same = max(len(link.cause & o.cause) + len(link.effect & o.effect) for o in others)
    swapped = max(len(link.cause & o.effect) + len(link.effect & o.cause) for o in crossed)
    return "in the quote it is the other way round" if swapped > same + 1 else ""


def check_glue(claim: Reading, quote: Reading) -> str:
    """Where the claim lets one thing follow from another, one sentence of the quotes has both.

    Or the second of two neighbours says so of the first (“This causes …”).
    """
    if quote.sentence_count < 2:
        return ""
    for link in iter_links(claim):
        if link.level < _STATED or not link.cause or not link.effect:
            continue
        shares = [
            (len(link.cause & ids) / len(link.cause), len(link.effect & ids) / len(link.effect))
            for ids in quote.sentence_ids
        ]
        first = max(range(len(shares)), key=lambda n: shares[n][0])
        second = max(range(len(shares)), key=lambda n: shares[n][1])
        own = claim.tokens[link.mark.start].stem
        told = [
            n for n, ids in enumerate(quote.sentence_ids) if own in ids and shares[n][1] >= _ENOUGH
        ]
        if any(shares[n][0] for n in told):
            continue
        if first == second or max(min(pair) for pair in shares) >= _ENOUGH:
            continue
        later = max(first, second)
        joins = (
            first == second - 1 and quote.refers_back(later) and _opens_with_relation(quote, later)
        )
        if not joins:
            return f"“{claim.text(link.mark.start, link.mark.end)}” joins what the quotes say apart"
    return ""


def _opens_with_relation(quote: Reading, sentence: int) -> bool:
    start = next(at for at, t in enumerate(quote.tokens) if t.sentence == sentence)
    return any(start <= m.start <= start + _OPENING for m in quote.marks["relation"])


def check_changed(claim: Reading, quote: Reading) -> str:
    """A claim that is a quoted sentence but for a few words changes none that carries weight."""
    ours = [at for at, t in enumerate(claim.tokens) if t.word[0].isalnum()]
    for number in range(quote.sentence_count):
        theirs = [
            at for at, t in enumerate(quote.tokens) if t.sentence == number and t.word[0].isalnum()
        ]
        matcher = SequenceMatcher(
            None,
            [claim.tokens[at].stem for at in ours],
            [quote.tokens[at].stem for at in theirs],
            autojunk=False,
        )
        if not theirs or matcher.real_quick_ratio() < VERBATIM or matcher.ratio() < VERBATIM:
            continue
        close = matcher.ratio() >= OWN_WORDING
        for kind, a, b, c, d in matcher.get_opcodes():
            if kind != "replace":
                continue
            new, old = ours[a:b], theirs[c:d]
            if close and (word := _new_in(claim, new, quote, old)):
                return f"“{word}” stands where the quote says “{quote.text(old[0], old[-1] + 1)}”"
            if fault := _exchanged(claim, new, quote, old, close=matcher.ratio() >= NEARLY):
                return fault
    return ""


def _new_in(claim: Reading, new: list[int], quote: Reading, old: list[int]) -> str:
    """The first word put in the place of telling ones that means none of the quote's."""
    if not quote.content(old):
        return ""
    for at in claim.content(new):
        token = claim.tokens[at]
        if at not in claim.judged and not token.ids & quote.ids:
            if token.stem not in claim.tables.light:
                return token.word
    return ""


def _exchanged(
    claim: Reading, new: list[int], quote: Reading, old: list[int], *, close: bool
) -> str:
    own = " ".join(claim.tokens[a].word for a in new)
    said = " ".join(quote.tokens[a].word for a in old)
    fault = f"“{own}” stands where the quote says “{said}”"
    names, were = _values(claim, "names", new), _values(quote, "names", old)
    if close and names and were and not names & were:
        return fault
    for axis in range(len(quote.tables.axis_names)):
        poles, had = _values(claim, f"axis{axis}", new), _values(quote, f"axis{axis}", old)
        if len(poles) == len(had) == 1 and poles != had:
            return fault
    hedged = _values(quote, "certainty", old) - {"5"}
    if hedged and not _values(claim, "certainty", new) and _values(claim, "future", new):
        return fault
    return ""


def _values(reading: Reading, kind: str, places: list[int]) -> set[str]:
    return {
        m.value for m in reading.marks.get(kind, ()) if any(m.start <= at < m.end for at in places)
    }
