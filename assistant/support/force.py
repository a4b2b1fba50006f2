"""Checks of how a statement is put: hedged, how many, how often, on what condition."""

from __future__ import annotations

from collections import Counter
from typing import Final

from assistant.support.reading import SCOPE, Mark, Reading

_WINDOW: Final = 5
_CERTAIN: Final = 5
_MODALS: Final = frozenset("may might could can".split())
# How far before “all” the end of a list may stand (“a, b and c all use it”).
_LISTED: Final = 4
# Amounts that say nothing of how often.
_OTHERS: Final = frozenset(("other", "others", "one of", "particular", "specific", "various"))
# “Some kind of” says nothing of how many.
_KINDS: Final = frozenset("kind sort type form".split())
_FLOATING: Final = frozenset("they these which that can we you".split())
# Share of a condition's words that a claim has to keep, and of a sentence's other words from which
# on it says that sentence.
KEPT_CONDITION: Final = 0.5
SAID_REST: Final = 0.5


def check_certainty(claim: Reading, quote: Reading) -> str:
    """The claim is no surer, and nothing happens in it more often, than in the quote."""
    hedges = [
        m
        for m in quote.marks["certainty"]
        if m.value != str(_CERTAIN)
        and quote.text(m.end, min(m.end + 1, len(quote.tokens))) != "not"
    ]
    strong = [*claim.marks["future"], *claim.marks["duty"], *claim.marks["advice"]]
    for hedge in hedges:
        said = quote.text(hedge.start, hedge.end)
        modal = said in quote.tables.modal
        ours = [m for m in claim.marks["certainty"] if modal or not _explained(claim, m, quote)]
        if not modal or said not in _MODALS:
            ours += [m for m in claim.marks["amounts"] if claim.text(m.start, m.end) not in _OTHERS]
        after = quote.after(hedge.end, SCOPE + 1)
        scope = quote.meanings((_telling(quote, after) or after)[:2] + quote.before(hedge.start, 1))
        if not scope & claim.ids:
            continue
        enough = len(claim.marks["certainty"]) >= len(hedges)
        loose = not modal or said not in _MODALS or enough
        near = [m for m in ours if loose or scope & _window(claim, m)]
        fitting = [m for m in near if int(m.value) <= int(hedge.value)]
        stronger = [
            m for m in strong if scope & _ahead(claim, m) and not _kept_strong(m, quote, claim)
        ]
        if stronger and not any(scope & _ahead(claim, m) for m in fitting):
            return _stronger(claim, stronger[0], quote, hedge)
        asks = said == "can" and _orders(claim)
        if (
            not fitting
            and _matters(quote, hedge, claim)
            and not _is_ability(quote, hedge)
            and not asks
        ):
            if near:
                return _stronger(claim, near[0], quote, hedge)
            return f"the quote says “{said}”, the statement says it without"
    for mark in claim.marks["certainty"]:
        if mark.value == str(_CERTAIN):
            there = [m for m in quote.marks["certainty"] if m.value == mark.value]
            alike = claim.meanings(range(mark.start, mark.end)) & quote.ids
            if not there and not alike:
                return f"“{claim.text(mark.start, mark.end)}” is not in the quote"
    return ""


def _explained(claim: Reading, mark: Mark, quote: Reading) -> bool:
    """Whether the claim's “can” is the quote's own, and so stands for no other hedge."""
    word = claim.text(mark.start, mark.end)
    return word in _MODALS and any(
        word == quote.text(m.start, m.end) for m in quote.marks["certainty"]
    )


def _is_ability(quote: Reading, hedge: Mark) -> bool:
    """“You can” allows something, and says no “perhaps”."""
    return (
        quote.tokens[hedge.start].word in ("can", "could")
        and hedge.start > 0
        and quote.tokens[hedge.start - 1].word == "you"
    )


def _matters(quote: Reading, hedge: Mark, claim: Reading) -> bool:
    """Whether the claim says what is hedged, not only a word of it."""
    first = quote.after(hedge.end, 3)
    covered = [at for at in first if quote.tokens[at].ids & claim.ids]
    return len(covered) * 2 >= len(first) if first else True


def _kept_strong(mark: Mark, quote: Reading, claim: Reading) -> bool:
    word = claim.text(mark.start, mark.end)
    return any(quote.text(m.start, m.end) == word for m in quote.marks[mark.kind])


def _stronger(claim: Reading, mark: Mark, quote: Reading, hedge: Mark) -> str:
    own, said = claim.text(mark.start, mark.end), quote.text(hedge.start, hedge.end)
    return f"“{own}” is stronger than the quote's “{said}”"


def _ahead(reading: Reading, mark: Mark) -> frozenset[str]:
    return reading.meanings(reading.after(mark.end, 2))


def _window(reading: Reading, mark: Mark) -> frozenset[str]:
    own = range(mark.start, mark.end)
    before = reading.before(mark.start, _WINDOW, same_clause=False)
    return reading.meanings([*own, *before, *reading.after(mark.end, _WINDOW, same_clause=False)])


def check_amounts(claim: Reading, quote: Reading) -> str:
    """The claim speaks of no more of them than the quote: some is not many, not most, not all."""
    theirs = [*quote.marks["amounts"], *quote.marks["certainty"]]
    top = max((int(m.value) for m in theirs), default=0)
    for mark in claim.marks["amounts"]:
        level, word = int(mark.value), claim.text(mark.start, mark.end)
        if any(_inside(mark, m) and _is_said(m, quote) for m in claim.marks["synonym"]):
            continue  # “all the time”: how often, not how many
        alike = word in {t.word for t in quote.tokens}
        before = {t.word for t in claim.tokens[max(0, mark.start - _LISTED) : mark.start]}
        last = claim.tokens[mark.start - 1].word if mark.start else ""
        if word == "all" and (last in _FLOATING or ("and" in before and last not in ("and", ","))):
            continue
        alike = alike or bool(claim.meanings(range(mark.start, mark.end)) & quote.ids)
        if (
            level >= 3
            and level > top
            and not alike
            and not (word == "most" and quote.marks["superlative"])
        ):
            return f"“{word}” is more than the quote says"
        if word == "most" and quote.marks["superlative"]:
            continue
        scope = claim.meanings(claim.after(mark.end, 2))
        rivals = [m for m in theirs if scope & quote.meanings(quote.after(m.end, 2))]
        most = max((int(m.value) for m in rivals), default=level)
        if level > most and not alike:
            said = quote.text(rivals[0].start, rivals[0].end)
            return f"“{word}” is more than the quote's “{said}”"
    for mark in quote.marks["restricting"]:
        scope = quote.meanings(quote.after(mark.end, 1))
        if quote.text(mark.end, min(mark.end + 1, len(quote.tokens))) in _KINDS:
            continue
        if scope & claim.ids and not claim.marks["amounts"] and not claim.marks["certainty"]:
            return (
                f"the quote says “{quote.text(mark.start, mark.end)}”, the statement says it of all"
            )
    return ""


def _is_said(phrase: Mark, quote: Reading) -> bool:
    """Whether the quote has another word for a whole phrase."""
    return any(m.value == phrase.value for m in quote.marks["synonym"])


def _inside(mark: Mark, longer: Mark) -> bool:
    return (
        longer.start <= mark.start
        and mark.end <= longer.end
        and longer.end - longer.start > mark.end - mark.start
    )


def check_only(claim: Reading, quote: Reading) -> tuple[str, str]:
    """“Only”, “must” and “the most” stand in the claim where they stand in the quote.

    Returns:
        The rule (quantity, modality, comparison) and the reason; both empty where all fit.
    """
    for kind, rule in (("only", "quantity"), ("duty", "modality"), ("superlative", "comparison")):
        for mark in claim.marks[kind]:
            same = claim.meanings(range(mark.start, mark.end)) & quote.ids
            stems = {claim.tokens[at].stem for at in range(mark.start, mark.end)}
            if claim.text(mark.end, min(mark.end + 1, len(claim.tokens))) == "then":
                continue
            the = mark.start > 0 and claim.tokens[mark.start - 1].word == "the"
            if kind == "only" and quote.marks["just"] and not the:
                continue
            if quote.marks[kind] or (kind == "duty" and _presses(quote)):
                continue
            if same or stems <= quote.stems:
                continue
            return rule, f"“{claim.text(mark.start, mark.end)}” is not in the quote"
    for mark in claim.marks["enough"]:
        if mark.start not in claim.reached and not quote.marks["enough"]:
            return "quantity", f"“{claim.text(mark.start, mark.end)}” is not in the quote"
    for mark in quote.marks["only"]:
        places = quote.after(mark.end, 2)
        scope = quote.meanings(places)
        if (
            scope
            and not claim.marks["only"]
            and not claim.marks["just"]
            and all(quote.tokens[p].ids & claim.ids for p in places)
        ):
            if mark.start and quote.tokens[mark.start - 1].word == "not":
                continue
            return "quantity", f"the quote's “{quote.text(mark.start, mark.end)}” is lost"
    return "", ""


def _presses(quote: Reading) -> bool:
    """Whether the quote says “need” or “make sure”, or tells the reader what to do."""
    return bool(quote.marks["pressing"]) or _orders(quote)


def _orders(reading: Reading) -> bool:
    """Whether a sentence opens with an order (“Keep …”, “How: Lie …”)."""
    opens = [
        next(at for at, t in enumerate(reading.tokens) if t.sentence == number)
        for number in range(reading.sentence_count)
    ]
    orders = {m.start for m in reading.marks["imperatives"]}
    return bool(orders & {at + label for at in opens for label in (0, 2)})


def check_conditions(claim: Reading, quote: Reading) -> str:
    """A condition that restricts what the claim takes from a sentence is kept."""
    told = Counter(i for token in claim.tokens for i in token.ids)
    for mark in quote.marks["conditions"]:
        number = quote.tokens[mark.start].sentence
        inner = _condition_places(quote, mark)
        outer = [
            at
            for at, token in enumerate(quote.tokens)
            if token.sentence == number and token.ids and at not in inner
        ]
        inner = _telling(quote, inner) or inner
        outer = _telling(quote, outer)
        if not inner or not outer:
            continue
        said = [at for at in outer if quote.tokens[at].ids & claim.ids]
        elsewhere = Counter(i for at in outer for i in quote.tokens[at].ids)
        kept = [
            at
            for at in inner
            if any(told[i] > elsewhere[i] for i in quote.tokens[at].ids if told[i])
        ]
        if len(said) < SAID_REST * len(outer) and len(said) < 4:
            continue
        fact = _opening_fact(quote, number)
        if mark.start not in fact and all(at in fact for at in said):
            continue  # “Because this is so, do that when …”: this is so at any time
        if quote.text(mark.start, mark.end) == "while" and _opens(quote, mark):
            continue  # “While this is so, that is”: no condition
        if len(kept) < KEPT_CONDITION * len(inner):
            words = quote.text(mark.start, inner[-1] + 1)
            return f"the condition “{words}” is lost"
    return ""


def _opening_fact(quote: Reading, number: int) -> range:
    """The clause before a sentence's first comma where a word opens it that states a fact."""
    own = [at for at, token in enumerate(quote.tokens) if token.sentence == number]
    comma = next((at for at in own if quote.tokens[at].word == ","), own[0])
    opens = quote.tokens[own[0]].word in quote.tables.asserting
    return range(own[0], comma if opens else own[0])


def _opens(quote: Reading, mark: Mark) -> bool:
    """Whether a cue is the first word of its sentence."""
    before = quote.tokens[mark.start - 1] if mark.start else None
    return before is None or before.sentence != quote.tokens[mark.start].sentence


def _telling(quote: Reading, places: list[int]) -> list[int]:
    return [at for at in places if quote.tokens[at].stem not in quote.tables.light]


def _condition_places(quote: Reading, mark: Mark) -> list[int]:
    """Content words of the condition: up to the next sign or clause."""
    own = quote.tokens[mark.start]
    places: list[int] = []
    for at in range(mark.end, len(quote.tokens)):
        token = quote.tokens[at]
        if token.sentence != own.sentence or token.word in ",;:()—–.":
            if places or token.sentence != own.sentence:
                break
        places.append(at)
    return quote.content(places)
