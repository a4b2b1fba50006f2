"""Whether a statement in a model's words is carried by the quotes that it cites.

Word tables and code, no model: a statement passes where nothing in it differs from its quotes in
number, side, direction, denial, certainty, amount, people, comparison, cause, condition or name,
and nothing of substance is new. Each check is on the strict side: a statement that cannot be judged
is not carried, and the quote itself is there to be shown instead. It judges English only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Final

from assistant.support.coverage import check_joined, check_new, check_opposite_forms
from assistant.support.entailment import Entailment
from assistant.support.force import (
    check_amounts,
    check_certainty,
    check_conditions,
    check_only,
)
from assistant.support.negation import check_negation
from assistant.support.reading import Reading
from assistant.support.relations import check_cause, check_changed, check_glue
from assistant.support.values import (
    check_names,
    check_numbers,
    check_poles,
    check_population,
    check_source,
)
from assistant.text import iter_sentences, plain, words
from assistant.types import Decision, Verdict

MAX_STATEMENT: Final = 2_000
MAX_QUOTES: Final = 60_000
# Sentences of the quotes that one sentence of a statement is held against.
NEAREST: Final = 3

Check = Callable[[Reading, Reading], str]
_CHECKS: Final[tuple[tuple[str, Check], ...]] = (
    ("number", check_numbers),
    ("negation", check_negation),
    ("source", check_source),
    ("name", check_names),
    ("population", check_population),
    ("negation", check_opposite_forms),
    ("modality", check_certainty),
    ("quantity", check_amounts),
    ("cause", check_cause),
    ("condition", check_conditions),
    ("name", check_changed),
    ("joined", check_glue),
    ("joined", check_joined),
)


def check_support(
    statement: str,
    quotes: Sequence[str],
    *,
    entailment: Entailment | None = None,
) -> Verdict:
    """Whether `quotes` carry `statement`.

    Args:
        statement: One or a few sentences; any string.
        quotes: The exact words that it cites; their order does not matter.
        entailment: A model that may find a contradiction or a gap the tables miss; it never lets
            anything pass that they stop.

    Returns:
        The check that failed as `rule`, with its words in `reason`; rule ``"support"`` where it
        passes. Cannot decide, to be treated as failed, where there is nothing to judge: no word,
        no quote, or more than `MAX_STATEMENT` or `MAX_QUOTES` characters.
    """
    size = sum(map(len, quotes))
    if len(statement) > MAX_STATEMENT or size > MAX_QUOTES:
        return _undecided(f"{len(statement)} characters on {size} are too many to judge")
    ours = [_sentence_words(s) for s in _sentences(statement)]
    if not any(ours):
        return _undecided("the statement has no words")
    if not any(words(q) for q in quotes):
        return _undecided("there are no quotes")
    theirs = tuple(s for quote in quotes for s in _sentences(quote))
    known = {_sentence_words(s) for s in theirs} | {_sentence_words(q) for q in quotes}
    if all(sentence in known for sentence in ours if sentence):
        return Verdict("support", Decision.PASS, "the quotes' own sentences")
    if _sentence_words(statement) in known:
        return Verdict("support", Decision.PASS, "the quote's own words")
    for sentence in _sentences(statement):
        claim = Reading([sentence])
        if not any(token.ids for token in claim.tokens):
            return _undecided(f"“{sentence[:60]}” says too little to be judged")
        quote = Reading(_nearest(claim, theirs))
        for rule, reason in iter_faults(claim, quote):
            return Verdict(rule, Decision.FAIL, f"{rule}: {reason}")
    if entailment is not None:
        inference = entailment.infer(" ".join(quotes), statement)
        if inference.entails < max(inference.neutral, inference.contradicts):
            said = "contradicted" if inference.contradicts > inference.neutral else "left open"
            return Verdict("entailment", Decision.FAIL, f"entailment: {said} by the quotes")
    return Verdict("support", Decision.PASS, "nothing in it that the quotes do not say")


def iter_faults(claim: Reading, quote: Reading) -> Iterator[tuple[str, str]]:
    """Rule and reason of each check that fails, in order."""
    for two_ruled in (check_poles, check_only):
        rule, reason = two_ruled(claim, quote)
        if rule:
            yield rule, reason
    for name, check in _CHECKS:
        if reason := check(claim, quote):
            yield name, reason
    if reason := check_new(claim, quote):
        yield "new", reason


def _undecided(reason: str) -> Verdict:
    return Verdict("support", Decision.UNDECIDED, reason)


def _sentences(text: str) -> list[str]:
    tidy = plain(text)
    return [tidy[a:b] for a, b in iter_sentences(tidy, 0, len(tidy))]


def _sentence_words(sentence: str) -> tuple[str, ...]:
    return tuple(words(sentence.replace("’", "'")))


def _nearest(claim: Reading, sentences: Sequence[str]) -> list[str]:
    """The few sentences that together hold most of the claim's words, in their own order."""
    if len(sentences) <= NEAREST:
        return list(sentences)
    ids = [_ids(sentence) for sentence in sentences]
    open_ids = {i for token in claim.tokens for i in token.ids}
    chosen: list[int] = []
    for _ in range(NEAREST):
        gains = [len(open_ids & found) if at not in chosen else -1 for at, found in enumerate(ids)]
        best = max(range(len(gains)), key=gains.__getitem__)
        if chosen and gains[best] <= 0:
            break
        chosen.append(best)
        open_ids -= ids[best]
    return [sentences[at] for at in sorted(chosen)]


@lru_cache(maxsize=4096)
def _ids(sentence: str) -> frozenset[str]:
    return Reading([sentence]).ids
