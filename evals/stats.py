"""Figures with their number of cases and a 95 % interval.

Wilson's interval for proportions, a percentile bootstrap with a fixed seed for means and for the
area under the ROC curve; both take whole groups of cases that belong together (Wilson's through
the design effect, Kish 1965), for which no library has them. A figure without a case has the
value None, never NaN.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

SEED: Final = 20130301
RESAMPLES: Final = 2000
CONFIDENCE: Final = 0.95
_Z: Final = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)

Better = Literal["higher", "lower", "zero", "neither"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number.

    Attributes:
        value: None where there was no case to measure.
        n: How many cases it rests on; for AUROC both classes together.
        low: Lower end of the 95 % interval, None for plain counts.
        high: Upper end.
        better: Which direction is good; "zero" must be 0, "neither" only describes.
    """

    value: float | None
    n: int
    low: float | None = None
    high: float | None = None
    better: Better = "higher"

    def to_json(self) -> dict[str, float | int | str | None]:
        def rounded(number: float | None) -> float | None:
            return None if number is None else round(number, 5)

        return {
            "value": rounded(self.value),
            "n": self.n,
            "low": rounded(self.low),
            "high": rounded(self.high),
            "better": self.better,
        }


def count(number: int, n: int) -> Figure:
    """A count that has to be 0."""
    return Figure(float(number), n, better="zero")


def proportion(
    hits: Sequence[bool], better: Better = "higher", groups: Sequence[str] | None = None
) -> Figure:
    """The share of True with Wilson's interval.

    Args:
        groups: Which cases belong together (rewordings of one question), by a name each. Cases of
            a group are alike, so they tell less than as many apart: the interval is that of
            n ÷ design effect.
    """
    if not hits:
        return Figure(None, 0, better=better)
    size = len(hits)
    share = sum(map(bool, hits)) / size
    n = size / _design_effect(np.asarray(hits, dtype=np.float64), _numbers(groups, size))
    middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2)) / (1 + _Z**2 / n)
    return Figure(share, size, max(0.0, middle - half), min(1.0, middle + half), better)


def _design_effect(values: NDArray[np.float64], groups: NDArray[np.int64]) -> float:
    """How many times the variance of the mean of independent cases; at least 1.

    Where all values are alike it cannot be estimated, and a group counts as one case.
    """
    size = len(values)
    as_one = float(np.sum(np.bincount(groups) ** 2)) / size
    spread = float(values.var())
    number = int(groups.max()) + 1
    if spread == 0 or number < 2:
        return as_one
    of_groups = np.bincount(groups, weights=values - values.mean())
    variance = number / (number - 1) * float(np.sum(of_groups**2)) / size**2
    return max(1.0, variance / (spread / (size - 1)))


def mean(
    values: Sequence[float], better: Better = "higher", groups: Sequence[str] | None = None
) -> Figure:
    """The mean with a bootstrap interval; none where all values are alike.

    Args:
        groups: As for `proportion`; whole groups are drawn.
    """
    data = np.asarray(values, dtype=np.float64)
    if not len(data):
        return Figure(None, 0, better=better)
    average = float(data.mean())
    if np.ptp(data) == 0:
        return Figure(average, len(data), better=better)
    weights = _draws(np.random.default_rng(SEED), _numbers(groups, len(data)))
    low, high = _percentiles(weights @ data / weights.sum(axis=1))
    return Figure(average, len(data), low, high, better)


def _numbers(groups: Sequence[str] | None, size: int) -> NDArray[np.int64]:
    """Groups as numbers from 0 on; each case its own where there are none."""
    if groups is None:
        return np.arange(size)
    return np.asarray(np.unique(np.asarray(groups), return_inverse=True)[1], dtype=np.int64)


def _draws(rng: np.random.Generator, groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """How often each case is drawn, one row a resample: groups are drawn as a whole."""
    number = int(groups.max()) + 1
    drawn = rng.multinomial(number, np.full(number, 1 / number), size=RESAMPLES)
    return np.asarray(drawn[:, groups], dtype=np.float64)


def _percentiles(resampled: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.percentile(resampled, [2.5, 97.5])
    return float(low), float(high)


def percentile(values: Sequence[float], percent: float, better: Better = "lower") -> Figure:
    """A percentile, without an interval."""
    if not values:
        return Figure(None, 0, better=better)
    return Figure(float(np.percentile(values, percent)), len(values), better=better)


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of some cases, and which of them belong together (None: each is by itself)."""

    values: Sequence[float]
    groups: Sequence[str] | None = None

    def draws(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """Bootstrap weights, shape (resamples, cases)."""
        return _draws(rng, _numbers(self.groups, len(self.values)))


def auroc(positive: Scores, negative: Scores) -> Figure:
    """Area under the ROC curve of a score that should be higher for `positive`.

    The interval resamples both classes apart from each other.
    """
    from sklearn.metrics import roc_auc_score

    if not positive.values or not negative.values:
        return Figure(None, 0)
    truth = [1] * len(positive.values) + [0] * len(negative.values)
    value = float(roc_auc_score(truth, [*positive.values, *negative.values]))
    high, low = np.asarray(positive.values)[:, None], np.asarray(negative.values)[None, :]
    chance = (high > low) + 0.5 * (high == low)
    rng = np.random.default_rng(SEED)
    ups, downs = positive.draws(rng), negative.draws(rng)
    ups, downs = ups / ups.sum(axis=1)[:, None], downs / downs.sum(axis=1)[:, None]
    resampled = np.einsum("ri,ij,rj->r", ups, chance, downs, optimize=True)
    return Figure(value, len(truth), *_percentiles(resampled))


def false_at_kept(positive: Scores, negative: Scores, share: float = 0.95) -> Figure:
    """The share of `negative` that passes the highest limit keeping `share` of `positive`.

    A score passes that is not below the limit. The interval is Wilson's for this limit, widened
    to a bootstrap of both classes, which also carries that the limit is not known exactly.
    """
    if not positive.values or not negative.values:
        return Figure(None, 0, better="lower")
    scores = np.sort(np.asarray(positive.values, dtype=np.float64))
    against = np.asarray(negative.values, dtype=np.float64)
    limit = scores[_dropped(len(scores), share)]
    figure = proportion((against >= limit).tolist(), "lower", negative.groups)
    rng = np.random.default_rng(SEED)
    order = np.argsort(np.asarray(positive.values), kind="stable")
    upto = positive.draws(rng)[:, order].cumsum(axis=1)
    dropped = np.floor((1 - share) * upto[:, -1] + 1e-9)
    limits = scores[np.argmax(upto > dropped[:, None], axis=1)]
    weights = negative.draws(rng)
    passed = np.sum(weights * (against >= limits[:, None]), axis=1) / weights.sum(axis=1)
    low, high = _percentiles(passed)
    assert figure.low is not None
    assert figure.high is not None
    return replace(figure, low=min(low, figure.low), high=max(high, figure.high))


def _dropped(size: int, share: float) -> int:
    """How many of `size` sorted scores may fall below a limit that keeps `share`."""
    return int(np.floor((1 - share) * size + 1e-9))


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact two-sided McNemar test; 1.0 where nothing changed.

    Args:
        only_first: Cases right only in the first run.
        only_second: Cases right only in the second run.

    Returns:
        The probability of a split at least as uneven if neither run were better.
    """
    from scipy.stats import binomtest

    changed = only_first + only_second
    return float(binomtest(only_first, changed, 0.5).pvalue) if changed else 1.0
