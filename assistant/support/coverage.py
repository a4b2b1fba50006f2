"""Checks of what a statement adds: words the quotes have not, sentences joined to a new claim."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from assistant.support.lexicon import stem_of
from assistant.support.reading import Reading

# How many telling words of a sentence may be new, and which share of them.
MAX_NEW: Final = 3
MAX_NEW_SHARE: Final = 0.3
# Which share of a clause one sentence must hold, and from how many words on it is asked.
MIN_IN_ONE: Final = 0.75
MIN_CLAUSE: Final = 3
_PREFIXES: Final = ("un", "in", "im", "dis", "non", "de", "mis", "ir", "hypo", "hyper")
_MIN_STEM: Final = 4


def new_words(claim: Reading, quote: Reading) -> list[int]:
    """Places of the telling words of the claim that no word of the quote carries."""
    light = claim.tables.light
    return [
        at
        for at, token in enumerate(claim.tokens)
        if token.ids
        and at not in claim.judged
        and not token.ids & quote.ids
        and token.stem not in light
        and token.stem not in quote.stems
        and not _derived(token.stem, quote)
    ]


def _derived(stem: str, quote: Reading) -> bool:
    """Whether the quote has a word of the same root (“activation”, “active”)."""
    size = max(_MIN_STEM + 1, len(stem) - 3)
    return len(stem) > _MIN_STEM and any(
        len(other) > _MIN_STEM and other[:size] == stem[:size] for other in quote.stems
    )


def check_opposite_forms(claim: Reading, quote: Reading) -> str:
    """No word of the claim is a word of the quote with or without “un-”, “in-”, “dis-”."""
    for own, other in ((claim, quote), (quote, claim)):
        for at, token in enumerate(own.tokens):
            if not token.ids or token.stem in other.stems or token.ids & other.ids:
                continue
            for prefix in _PREFIXES:
                rest = token.word.removeprefix(prefix)
                base = stem_of(rest)
                if rest != token.word and len(base) >= _MIN_STEM:
                    denied = at in own.reached
                    if not _has(base, other, denied=denied) or _has(base, own, denied=denied):
                        continue
                    return f"“{token.word}” turns “{base}…” round"
    return ""


def _has(base: str, other: Reading, *, denied: bool) -> bool:
    """Whether `other` has the word, denied or not as asked."""
    return any(
        t.stem[: len(base)] == base
        and len(t.stem) <= len(base) + 3
        and (at in other.reached) == denied
        for at, t in enumerate(other.tokens)
    )


def check_new(claim: Reading, quote: Reading) -> str:
    """No more than `MAX_NEW` words of the claim, and few of them, are new."""
    new = new_words(claim, quote)
    told = [at for at, t in enumerate(claim.tokens) if t.ids]
    if not told:
        return ""
    odd = [at for at in new if not claim.tables.knows(claim.tokens[at].stem)]
    if odd:
        return f"“{claim.tokens[odd[0]].word}” is not in the quote"
    if len(new) > MAX_NEW or len(new) > max(1, MAX_NEW_SHARE * len(told)):
        words = ", ".join(f"“{claim.tokens[at].word}”" for at in new[:5])
        return f"{words} not in the quote"
    return ""


def check_joined(claim: Reading, quote: Reading) -> str:
    """Each clause of the claim rests on one sentence of the quotes, not on pieces of several."""
    if quote.sentence_count < 2:
        return ""
    held = [
        ids | quote.sentence_ids[n - 1] if n and quote.refers_back(n) else ids
        for n, ids in enumerate(quote.sentence_ids)
    ]
    for places in _iter_clauses(claim, quote):
        if len(places) < MIN_CLAUSE:
            continue
        shares = [
            sum(bool(claim.tokens[at].ids & ids) for at in places) / len(places) for ids in held
        ]
        if max(shares) < MIN_IN_ONE:
            words = " ".join(claim.tokens[at].word for at in places[:4])
            return f"“{words} …” is put together from several sentences"
    return ""


def _iter_clauses(claim: Reading, quote: Reading) -> Iterator[list[int]]:
    """Telling words of the claim that the quotes have, by clause; “and” parts clauses too."""
    clause: list[int] = []
    number = -1
    for at, token in enumerate(claim.tokens):
        if token.clause != number or token.word == "and":
            yield clause
            clause, number = [], token.clause
        if token.ids & quote.ids and token.stem not in claim.tables.light:
            clause.append(at)
    yield clause
