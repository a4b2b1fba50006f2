"""The check of what a statement denies."""

from __future__ import annotations

from collections import Counter
from typing import Final

from assistant.support.reading import SCOPE, Mark, Reading
from assistant.support.values import iter_poles

# So many words before a denial say what it is about.
_SUBJECT: Final = 2
_OF_VERBS: Final = frozenset(("not", "never"))


def check_negation(claim: Reading, quote: Reading) -> str:
    """What the quote denies the claim denies, and nothing else; each denial counts once."""
    theirs = list(quote.marks["negations"])
    for mark in claim.marks["wholly"]:
        word = claim.text(mark.start, mark.end)
        if word not in {quote.text(m.start, m.end) for m in quote.marks["wholly"]}:
            return f"“{word}” denies what the quote does not"
    unmatched = []
    for mark in claim.marks["negations"]:
        same = [m for m in theirs if _one_cue(claim, mark, quote, m)]
        if same:
            theirs.remove(max(same, key=lambda m: _shared(claim, mark, quote, m)))
        else:
            unmatched.append(mark)
    for mark in unmatched:
        instead = _opposite_there(claim, _first_told(claim, _reach(claim, mark)), quote)
        # A denial that stands for the quote's opposite word is none of its “without it”.
        left = [m for m in theirs if not instead or quote.after(m.end, SCOPE)]
        fitting = [m for m in left if _denies_the_same(claim, mark, quote, m)]
        if fitting:
            theirs.remove(max(fitting, key=lambda m: _shared(claim, mark, quote, m)))
        elif not instead:
            return f"“{claim.text(mark.start, mark.end)}” denies what the quote does not"
    if quote.marks["only"] and not quote.marks["no_negation"] and claim.marks["no_negation"]:
        mark = claim.marks["no_negation"][0]
        return f"“{claim.text(mark.start, mark.end)}” denies what the quote does not"
    for mark in theirs:
        if reason := _lost(mark, quote, claim):
            return reason
    return ""


def _lost(mark: Mark, quote: Reading, claim: Reading) -> str:
    """Why a denial of the quote that none of the claim stands for changes what the claim says."""
    places = quote.after(mark.end, SCOPE)
    words = quote.text(mark.start, places[0] + 1 if places else mark.end)
    said = [at for at in places if _said_free(quote, at, claim)]
    first = places[:1] == said[:1] or 2 * len(said) > len(places) or not claim.marks["negations"]
    bare = not places and bool(set(_near(quote, mark)) & claim.ids)
    if not (said and first) and not bare and not _counted(mark, quote, claim):
        if said or not _told_of(mark, quote, claim):
            return ""
    if _opposite_there(quote, places, claim) or _same_words(quote, mark, claim):
        return ""
    return f"the quote's “{words}” is lost"


def _said_free(quote: Reading, at: int, claim: Reading) -> bool:
    """Whether the claim says undenied what the quote denies at a place.

    It does if it has the word, or its pole, more often than the quote says it undenied, or has it
    among the words that stand around the denied one.
    """
    ids = quote.tokens[at].ids
    ours = [c for c, t in enumerate(claim.tokens) if t.ids & ids and c not in claim.denied]
    theirs = [p for p, t in enumerate(quote.tokens) if t.ids & ids and p not in quote.denied]
    free = Counter(i for c in ours for i in claim.tokens[c].ids)
    granted = Counter(i for p in theirs for i in quote.tokens[p].ids)
    if any(free[i] > granted[i] for i in ids):
        return True
    for place in ours:
        rival = max((_common(claim, place, quote, p) for p in theirs), default=0)
        if _common(claim, place, quote, at) > rival:
            return True
    for axis in range(len(quote.tables.axis_names)):
        poles = {m.value for m in quote.marks.get(f"axis{axis}", ()) if m.start <= at < m.end}
        for pole in poles:
            if _free_poles(claim, axis, pole) > _free_poles(quote, axis, pole):
                return True
    return False


def _free_poles(reading: Reading, axis: int, pole: str) -> int:
    return sum(m.value == pole and not denied for m, denied in iter_poles(reading, axis))


def _common(claim: Reading, at: int, quote: Reading, other: int) -> int:
    """How many of the words around a place of the claim stand around one of the quote."""
    there = quote.meanings([*quote.before(other, 2), *quote.after(other + 1, 2)])
    here = [*claim.before(at, 2), *claim.after(at + 1, 2)]
    return sum(bool(claim.tokens[p].ids & there) for p in here)


def _counted(mark: Mark, quote: Reading, claim: Reading) -> bool:
    """Whether the claim gives undenied a number that the quote denies (“instead of both”)."""
    for denied in (q for q in quote.quantities if mark.end <= q.start <= mark.end + 1):
        for own in claim.quantities:
            cues = range(own.start - 1, own.start + 1)
            if own.says(denied) and not any(m.end in cues for m in claim.marks["negations"]):
                return True
    return False


def _told_of(mark: Mark, quote: Reading, claim: Reading) -> bool:
    """Whether a claim that denies nothing says something of what the quote denies something of."""
    about = quote.before(mark.start, SCOPE)
    return (
        not claim.marks["negations"]
        and len(about) >= _SUBJECT
        and all(quote.tokens[at].ids & claim.ids for at in about)
    )


def _first_told(reading: Reading, places: list[int]) -> list[int]:
    """`places` up to the first word that is not light."""
    for number, at in enumerate(places):
        if reading.tokens[at].ids and reading.tokens[at].stem not in reading.tables.light:
            return places[: number + 1]
    return places


def _reach(reading: Reading, mark: Mark) -> list[int]:
    """What a denial reaches before the next one."""
    following = [m.start for m in reading.marks["negations"] if m.start >= mark.end]
    stop = min(following, default=len(reading.tokens))
    content = reading.after(mark.end, SCOPE)
    return [at for at in content or reading.rest(mark.end) if at < stop]


def _one_cue(claim: Reading, mark: Mark, quote: Reading, other: Mark) -> bool:
    """The same word of denial, about something that both deny."""
    if claim.tokens[mark.start].stem != quote.tokens[other.start].stem:
        return False
    return bool(_shared(claim, mark, quote, other)) or not claim.after(mark.end, SCOPE)


def _granted(claim: Reading, mark: Mark, quote: Reading) -> bool:
    """Whether the quote says undenied what the claim denies first."""
    first = claim.meanings(claim.after(mark.end, 1))
    return any(t.ids & first for at, t in enumerate(quote.tokens) if at not in quote.denied)


def _denies_the_same(claim: Reading, mark: Mark, quote: Reading, other: Mark) -> bool:
    """Another word of denial about the same; “not” is one for “prevents” only right before it."""
    ours, theirs = claim.after(mark.end, SCOPE), quote.after(other.end, SCOPE)
    if not ours and _is_act(claim, mark) and _is_act(quote, other):
        # “What it protects against”: the object stands before.
        objects = claim.before(mark.start, 2 * SCOPE, same_clause=False)
        return bool(claim.meanings(objects) & quote.meanings(theirs))
    if not ours or not theirs:
        # “Without it” denies a thing, which a verb's “not” does only where nothing else says it.
        verb = claim.text(mark.start, mark.end) in _OF_VERBS and bool(ours)
        return not theirs and not (verb and _granted(claim, mark, quote))
    leads = bool(claim.tokens[ours[0]].ids & quote.meanings(theirs))
    around = claim.meanings([*ours, *claim.before(mark.start, SCOPE)])
    if quote.text(other.start, other.end) == claim.text(mark.start, mark.end):
        leads = leads or bool(
            claim.tokens[ours[0]].ids & quote.meanings(quote.before(other.start, SCOPE))
            and around & quote.meanings(theirs)
        )
    if _is_act(claim, mark) != _is_act(quote, other):
        return leads
    return leads or bool(quote.tokens[theirs[0]].ids & claim.meanings(ours))


def _is_act(reading: Reading, mark: Mark) -> bool:
    return any(m.start == mark.start for m in reading.marks["acts"])


def _shared(claim: Reading, mark: Mark, quote: Reading, other: Mark) -> int:
    ours = claim.meanings(claim.after(mark.end, SCOPE))
    return len(ours & quote.meanings(quote.after(other.end, SCOPE)))


def _near(quote: Reading, mark: Mark) -> frozenset[str]:
    """What stands behind a cue that denies only a pronoun (“without it, …”)."""
    return quote.meanings(quote.after(mark.end, SCOPE, same_clause=False))


def _opposite_there(denying: Reading, places: list[int], other: Reading) -> bool:
    """Whether `other` says undenied the opposite of a word that is denied at `places`."""
    free = {t.stem for at, t in enumerate(other.tokens) if at not in other.denied}
    for axis, name in enumerate(other.tables.axis_names):
        if name == "side":
            continue
        ours = [m for m, _ in iter_poles(denying, axis) if m.start in places]
        theirs = {m.value for m, denied in iter_poles(other, axis) if not denied}
        for mark in ours:
            both = len({m.value for m in ours}) > 1
            if (
                theirs
                and not both
                and mark.value not in theirs
                and denying.tokens[mark.start].stem not in free
            ):
                return True
    return False


def _same_words(own: Reading, mark: Mark, other: Reading) -> bool:
    """Whether the cue is a word of weight that the other text has in another form."""
    ids = own.meanings(range(mark.start, mark.end))
    return bool(ids) and bool(ids & other.ids)
