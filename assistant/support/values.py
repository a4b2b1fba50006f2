"""Checks of what a statement names: numbers, sides and directions, names, people, sources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from assistant.support.quantities import Quantity
from assistant.support.reading import Mark, Reading

_NEAR: Final = 3
# How many words on each side of a number say what it counts.
_COUNTED: Final = 4
_PARTS: Final = frozenset((",", ";", "and", "but", "or", "while", "–", "—", "(", ")", "→"))
# Letters of a word that its forms share (“lower”, “lowering”).
_ROOT: Final = 6
# Numbers that a retelling may add (“one possible sign”, “both traumatic and acute”).
_LOOSE: Final = frozenset("one single both pair couple".split())


def check_numbers(claim: Reading, quote: Reading) -> str:
    """Every number of the claim stands in the quote, as often, with its unit and bound."""
    used: Counter[tuple[tuple[float, float, str], str]] = Counter()
    for number in claim.quantities:
        if claim.tokens[number.start].word in _LOOSE and not number.unit:
            if fault := _wrong_one(number, claim, quote):
                return fault
            continue
        same = [q for q in quote.quantities if number.says(q)]
        if not same:
            return _number_fault(number, claim, quote)
        said = number.key, number.unit
        used[said] += 1
        if used[said] > len(same) and any(
            not any(q.says(own) for own in claim.quantities) for q in quote.quantities
        ):
            return _number_fault(number, claim, quote)
        others = [q for q in quote.quantities if not number.says(q) and q.unit == number.unit]
        if others and _counts_other_things(claim, number, quote, same, others):
            return _number_fault(number, claim, quote)
    for place, value in claim.ordinals.items():
        if _is_unit(claim, place):
            continue
        theirs_at = {p for p, v in quote.ordinals.items() if v == value and not _is_unit(quote, p)}
        begins = value == 1 and bool(_BEGINS & quote.stems)
        if not theirs_at and not begins and not claim.tokens[place].ids & quote.ids:
            return f"“{claim.tokens[place].word}” is not in the quote"
        others_at = {p for p, v in quote.ordinals.items() if v != value and not _is_unit(quote, p)}
        if others_at and _contested(
            claim, (place, place + 1), quote, _spans(theirs_at), _spans(others_at)
        ):
            return f"“{claim.tokens[place].word}” belongs to something else in the quote"
    return ""


_BEGINS: Final = frozenset("befor start begin then next initi".split())


def _spans(places: set[int]) -> list[tuple[int, int]]:
    return [(at, at + 1) for at in sorted(places)]


def _is_unit(reading: Reading, place: int) -> bool:
    return any(q.start <= place < q.end for q in reading.quantities)


def _wrong_one(number: Quantity, claim: Reading, quote: Reading) -> str:
    """“One” or “both” is wrong where the quote counts the same thing otherwise."""
    if any(number.says(q) for q in quote.quantities):
        return ""
    counted = claim.meanings(claim.after(number.end, 2))
    for other in quote.quantities:
        if counted & quote.meanings(quote.after(other.end, 2)):
            return _number_fault(number, claim, quote)
    return ""


def _number_fault(number: Quantity, claim: Reading, quote: Reading) -> str:
    said = ", ".join(f"“{quote.text(q.start, q.end)}”" for q in quote.quantities)
    own = claim.text(number.start, number.end)
    return f"“{own}” is not in the quote" + (f", which says {said}" if said else "")


def _contested(
    claim: Reading,
    own: tuple[int, int],
    quote: Reading,
    same: Sequence[tuple[int, int]],
    others: Sequence[tuple[int, int]],
) -> bool:
    """Whether what stands around `own` stands in the quote around another value."""
    around = _around(claim, *own)
    best = max((len(around & _around(quote, *place)) for place in same), default=0)
    rival = max((len(around & _around(quote, *place)) for place in others), default=0)
    return rival > best + 1 or (best == 0 and rival >= 2)


def _counts_other_things(
    claim: Reading,
    number: Quantity,
    quote: Reading,
    same: Sequence[Quantity],
    others: Sequence[Quantity],
) -> bool:
    """Whether the quote says of another number what the claim says of this one."""
    own = _told_of(claim, number)

    def likeness(other: Quantity) -> int:
        theirs = [_very_words(quote, places) for places in _told_of(quote, other)]
        found = 0
        for side, places in enumerate(own):
            for ids in (_very_words(claim, [at]) for at in places):
                found += 2 if ids & theirs[side] else bool(ids & theirs[1 - side])
        return found

    return max(map(likeness, others)) > max(map(likeness, same))


def _told_of(reading: Reading, number: Quantity) -> tuple[list[int], list[int]]:
    """The words before and after a number, up to what parts it from the next one."""
    start = max((q.end for q in reading.quantities if q.end <= number.start), default=0)
    end = min(
        (q.start for q in reading.quantities if q.start >= number.end), default=len(reading.tokens)
    )
    parted = [at for at, t in enumerate(reading.tokens) if t.word in _PARTS]
    if start:
        start = max((at for at in parted if start <= at < number.start), default=start)
    if end < len(reading.tokens):
        end = min((at for at in parted if number.end <= at < end), default=end)
    before = reading.before(number.start, _COUNTED, same_clause=False)
    after = reading.after(number.end, _COUNTED, same_clause=False)
    return [at for at in before if at >= start], [at for at in after if at < end]


def _around(reading: Reading, start: int, end: int, *, alike: bool = False) -> frozenset[str]:
    before = reading.before(start, _NEAR - 1, same_clause=False)
    places = before + reading.after(end, _NEAR, same_clause=False)
    return reading.meanings(places) if alike else _very_words(reading, places)


def _very_words(reading: Reading, places: list[int]) -> frozenset[str]:
    return frozenset(i for i in reading.meanings(places) if not i.startswith("synonym"))


def iter_poles(reading: Reading, axis: int) -> Iterator[tuple[Mark, bool]]:
    """The words of an axis, each with whether it is denied; none within a name (“lower back”)."""
    for mark in reading.marks.get(f"axis{axis}", ()):
        if any(
            n.start <= mark.start and mark.end <= n.end and n.end - n.start > mark.end - mark.start
            for n in (*reading.marks["names"], *reading.marks["no_pole"])
        ) or _is_verb(reading, mark):
            continue
        yield mark, mark.start in reading.reached


def _side_of_a_lost_name(claim: Reading, quote: Reading, axis: int) -> Mark | None:
    """The side in a name of the quote (“steps sideways”) that the claim does not have."""
    kept = {m.value for m in claim.marks["names"]}
    for mark in quote.marks.get(f"axis{axis}", ()):
        for name in quote.marks["names"]:
            if name.value not in kept and name.start <= mark.start and mark.end <= name.end:
                return mark
    return None


def _places(claim: Reading, mark: Mark) -> bool:
    """“Below the knee” says where; “the exercises below” what follows."""
    after = claim.tokens[mark.end].word if mark.end < len(claim.tokens) else "."
    return (
        any(m.start == mark.start for m in claim.marks["placing"])
        and after[0].isalnum()
        and after not in _BE
    )


_BE: Final = frozenset("is are was were can may will".split())


def _is_verb(reading: Reading, mark: Mark) -> bool:
    """“Lower the leg” says what to do, “the lower leg” which one."""
    if reading.tokens[mark.start].word != "lower" or mark.end - mark.start > 1:
        return False
    after = reading.tokens[mark.end].word if mark.end < len(reading.tokens) else "it"
    return after in ("the", "your", "yourself", "it", "them", "slowly", ".", ",")


def check_poles(claim: Reading, quote: Reading) -> tuple[str, str]:
    """No side, direction or comparison of the claim is the opposite of the quote's.

    A denied word counts as the opposite of itself; where only one text denies, `check_negation`
    judges.

    Returns:
        The rule (side, direction, comparison) and the reason; both empty where all fit.
    """
    for axis, name in enumerate(quote.tables.axis_names):
        if f"axis{axis}" not in claim.marks:
            continue
        strict = str(axis) in quote.tables.strict_axes
        theirs = list(iter_poles(quote, axis))
        plain = strict or (
            len(claim.marks["negations"]) == len(quote.marks["negations"])
            and bool(claim.meanings(claim.denied) & quote.meanings(quote.denied))
        )
        if plain:
            theirs = [(m, False) for m, _ in theirs]
        for mark, is_denied in iter_poles(claim, axis):
            denied = is_denied and not plain
            word = claim.text(mark.start, mark.end)
            others = [(m.start, m.end) for m, d in theirs if m.value != mark.value and d == denied]
            same = [(m.start, m.end) for m, d in theirs if m.value == mark.value or d != denied]
            if not theirs and name == "side":
                lost = _side_of_a_lost_name(claim, quote, axis)
                if lost and lost.value != mark.value and not denied:
                    their = quote.text(lost.start, lost.end)
                    return name, f"“{word}” is the opposite of the quote's “{their}”"
            said = ", ".join(f"“{quote.text(*place)}”" for place in others)
            if others and not same and not _said_alike(claim, mark, quote, others):
                both = any(m.value != mark.value and not d for m, d in iter_poles(claim, axis))
                if strict or (both and not denied) or _touch(claim, mark, quote, others):
                    return name, f"“{word}” is the opposite of the quote's {said}"
            if same and others:
                if _contested(claim, (mark.start, mark.end), quote, same, others):
                    return name, f"“{word}” belongs to something else than the quote's {said}"
                if _too_often(claim, mark, quote):
                    return name, f"“{word}” stands for the quote's {said}"
            if not theirs and (strict or _places(claim, mark)):
                if not {t.stem for t in claim.tokens[mark.start : mark.end]} <= quote.stems:
                    return name, f"“{word}” is not in the quote"
    return "", ""


def _touch(claim: Reading, mark: Mark, quote: Reading, others: Sequence[tuple[int, int]]) -> bool:
    """Whether the same things stand around the claim's word and one of the quote's."""
    around = _around(claim, mark.start, mark.end, alike=True)
    return any(around & _around(quote, *place, alike=True) for place in others)


def _too_often(claim: Reading, mark: Mark, quote: Reading) -> bool:
    """Whether the claim has this pole more often than the quote, and the other one less often."""
    ours = Counter(m.value for m in claim.marks[mark.kind])
    theirs = Counter(m.value for m in quote.marks[mark.kind])
    other = "other" if mark.value == "one" else "one"
    return ours[mark.value] > theirs[mark.value] > 0 and ours[other] < theirs[other]


def _said_alike(
    claim: Reading, mark: Mark, quote: Reading, others: Sequence[tuple[int, int]]
) -> bool:
    """Whether the very word of the claim stands in the quote outside its opposites."""
    stems = {claim.tokens[at].stem[:_ROOT] for at in range(mark.start, mark.end)}
    inside = {at for start, end in others for at in range(start, end)}
    return any(
        t.stem[:_ROOT] in stems for at, t in enumerate(quote.tokens) if at not in inside and t.ids
    )


def check_names(claim: Reading, quote: Reading) -> str:
    """Every muscle, bone, condition, exercise and aid of the claim is one of the quote."""
    theirs = {m.value for m in quote.marks["names"]}
    words = {t.stem for t in quote.tokens}
    for mark in claim.marks["names"]:
        own = claim.tokens[mark.start : mark.end]
        if mark.value in theirs or all(t.stem in words for t in own):
            continue
        if theirs & claim.tables.parts_of(mark.value):
            continue
        if all(t.ids & quote.ids or not t.ids for t in own) or _in_said_pole(claim, mark, quote):
            continue
        return f"“{claim.text(mark.start, mark.end)}” is not in the quote"
    for token in claim.tokens:
        long = len(token.word) > 5 and token.word.endswith(claim.tables.medical_endings)
        if long and token.ids and not token.ids & quote.ids:
            return f"“{token.word}” is not in the quote"
    for token in claim.tokens:
        if token.word in claim.originals and token.ids and not token.ids & quote.ids:
            if token.stem not in quote.stems:
                return f"the name “{token.word}” is not in the quote"
    return ""


def _in_said_pole(claim: Reading, name: Mark, quote: Reading) -> bool:
    """Whether a name is part of a side that the quote has in other words (“on two legs”)."""
    return any(
        mark.start <= name.start and name.end <= mark.end
        for axis in range(len(quote.tables.axis_names))
        for mark in claim.marks.get(f"axis{axis}", ())
        if mark.value in {m.value for m, denied in iter_poles(quote, axis) if not denied}
    )


def check_population(claim: Reading, quote: Reading) -> str:
    """The claim is about nobody but those that the quote is about."""
    theirs = {m.value for m in quote.marks["populations"]}
    for mark in claim.marks["populations"]:
        if mark.value not in theirs:
            if not all(t.stem in quote.stems for t in claim.tokens[mark.start : mark.end]):
                return f"“{claim.text(mark.start, mark.end)}” are not in the quote"
    if claim.marks["everyone"] and not quote.marks["everyone"]:
        mark = claim.marks["everyone"][0]
        return f"“{claim.text(mark.start, mark.end)}” is not in the quote"
    lost = theirs - {m.value for m in claim.marks["populations"]}
    general = [m for m in claim.marks["anyone"] if claim.tokens[m.start].word not in _OWN]
    if lost and general and not quote.marks["anyone"]:
        mark = next(m for m in quote.marks["populations"] if m.value in lost)
        word = quote.text(mark.start, mark.end)
        own = claim.tokens[general[0].start].word
        return f"the quote speaks of “{word}”, the statement of “{own}”"
    return ""


_OWN: Final = frozenset("one we us our those".split())


def check_source(claim: Reading, quote: Reading) -> str:
    """No study, expert or proof is named that the quote does not name."""
    theirs = {m.value for m in quote.marks["sources"]}
    named = " ".join(t.word for t in claim.tokens)
    if "according to" in named and not theirs and "accord" not in quote.stems:
        return "invented source: “according to” is not in the quote"
    for mark in claim.marks["sources"]:
        own = range(mark.start, mark.end)
        if quote.marks["first_person"] and any(m.start in own for m in claim.marks["tellers"]):
            continue
        if mark.value not in theirs and claim.tokens[mark.start].stem not in quote.stems:
            return f"invented source: “{claim.text(mark.start, mark.end)}” is not in the quote"
    for kind, enough in (("proven", ("proven",)), ("shown", ("shown", "proven", "sources"))):
        if claim.marks[kind] and not any(quote.marks[k] for k in enough):
            mark = claim.marks[kind][0]
            if not claim.meanings(range(mark.start, mark.end)) & quote.ids:
                return f"“{claim.text(mark.start, mark.end)}”: the quote does not say it is shown"
    return ""
