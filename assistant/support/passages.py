"""Whether a long passage carries a statement: a logistic regression over what the checks find.

Held against many sentences, a single check says less than against one quote: much that a statement
needs stands elsewhere in the passage. So the checks vote here. The weights are learned by
``python -m training.support`` and lie in ``data/support_passages.toml``.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Final

from assistant.support.coverage import new_words
from assistant.support.reading import Reading, Token

WEIGHTS: Final = "support_passages.toml"
# Words of one run that the passage must have as they stand.
_RUN: Final = 3


def passage_features(
    claim: Reading, near: Reading, whole: Reading, faults: frozenset[str]
) -> dict[str, float]:
    """What is known of a statement and a passage, by name.

    Args:
        claim: The statement.
        near: The sentences of the passage nearest to it.
        whole: All of the passage.
        faults: The rules of the checks that fail against `near`.
    """
    told = [t for t in claim.tokens if t.ids]
    size = max(1, len(told))
    here = [bool(t.ids & near.ids) for t in told]
    there = [bool(t.ids & whole.ids) for t in told]
    numbers = [q.key for q in claim.quantities]
    known = {q.key for q in whole.quantities}
    ours = [t.word for t in claim.tokens if t.word[0].isalnum()]
    theirs = [t.word for t in whole.tokens if t.word[0].isalnum()]
    names = [t for t in told if t.word in claim.originals]
    return {
        "near": sum(here) / size,
        "whole": sum(there) / size,
        "one sentence": max((_share(told, ids) for ids in whole.sentence_ids), default=0.0),
        "runs": _runs(ours, theirs, _RUN),
        "pairs": _runs(ours, theirs, 2),
        "new": min(4, len(new_words(claim, whole))) / 4,
        "numbers missing": min(2, sum(n not in known for n in numbers)) / 2,
        "names missing": min(2, sum(not t.ids & whole.ids for t in names)) / 2,
        "long statement": math.log1p(len(ours)) / 4,
        "long passage": math.log1p(len(theirs)) / 6,
        **{f"fails {rule}": float(rule in faults) for rule in _RULES},
    }


_RULES: Final = (
    "number negation name population source modality quantity cause condition joined side "
    "direction comparison new"
).split()


def _share(told: Sequence[Token], ids: frozenset[str]) -> float:
    return sum(bool(t.ids & ids) for t in told) / max(1, len(told))


def _runs(ours: Sequence[str], theirs: Sequence[str], length: int) -> float:
    """The share of the statement's runs of words that the passage has."""
    have = {tuple(theirs[at : at + length]) for at in range(len(theirs) - length + 1)}
    runs = [tuple(ours[at : at + length]) for at in range(len(ours) - length + 1)]
    return sum(run in have for run in runs) / len(runs) if runs else 0.0


def passage_score(features: Mapping[str, float]) -> float:
    """How likely the passage carries the statement, in [0, 1]."""
    weights = _weights()
    total = weights["bias"] + sum(weights.get(n, 0.0) * v for n, v in features.items())
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, total))))


@cache
def _weights() -> Mapping[str, float]:
    text = resources.files("assistant").joinpath("data", WEIGHTS).read_text("utf-8")
    weights: Mapping[str, float] = tomllib.loads(text)["weights"]
    return weights
