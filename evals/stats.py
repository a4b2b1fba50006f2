"""Figures with their number of cases and a 95 % interval.

Wilson's interval for proportions, a percentile bootstrap with a fixed seed for means and for the
area under the ROC curve. The computing is scipy's, scikit-learn's and ir-measures'; this module
only gives every figure the same form. A figure without a case has the value None, never NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

SEED: Final = 20130301
RESAMPLES: Final = 2000
CONFIDENCE: Final = 0.95

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


def proportion(hits: Sequence[bool], better: Better = "higher") -> Figure:
    """The share of True with Wilson's interval."""
    from scipy.stats import binomtest

    if not hits:
        return Figure(None, 0, better=better)
    true = sum(map(bool, hits))
    interval = binomtest(true, len(hits)).proportion_ci(CONFIDENCE, method="wilson")
    return Figure(true / len(hits), len(hits), float(interval.low), float(interval.high), better)


def mean(values: Sequence[float], better: Better = "higher") -> Figure:
    """The mean with a bootstrap interval; no interval for fewer than two values."""
    from scipy.stats import bootstrap

    data = np.asarray(values, dtype=np.float64)
    if not len(data):
        return Figure(None, 0, better=better)
    average = float(data.mean())
    if len(data) < 2:
        return Figure(average, 1, better=better)
    if np.ptp(data) == 0:
        return Figure(average, len(data), average, average, better)
    found = bootstrap(
        (data,),
        np.mean,
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(SEED),
    ).confidence_interval
    return Figure(average, len(data), float(found.low), float(found.high), better)


def percentile(values: Sequence[float], percent: float, better: Better = "lower") -> Figure:
    """A percentile, without an interval."""
    if not values:
        return Figure(None, 0, better=better)
    return Figure(float(np.percentile(values, percent)), len(values), better=better)


def auroc(positive: Sequence[float], negative: Sequence[float]) -> Figure:
    """Area under the ROC curve of a score that should be higher for `positive`.

    The interval resamples both classes apart from each other.
    """
    from sklearn.metrics import roc_auc_score

    if not positive or not negative:
        return Figure(None, 0)
    truth = [1] * len(positive) + [0] * len(negative)
    value = float(roc_auc_score(truth, [*positive, *negative]))
    wins = np.asarray(positive)[:, None] > np.asarray(negative)[None, :]
    ties = np.asarray(positive)[:, None] == np.asarray(negative)[None, :]
    chance = wins + 0.5 * ties
    rng = np.random.default_rng(SEED)
    drawn_positive = _draws(rng, len(positive))
    drawn_negative = _draws(rng, len(negative))
    resampled = np.einsum("ri,ij,rj->r", drawn_positive, chance, drawn_negative, optimize=True)
    low, high = np.percentile(resampled, [2.5, 97.5])
    return Figure(value, len(truth), float(low), float(high))


def _draws(rng: np.random.Generator, size: int) -> NDArray[np.float64]:
    """Bootstrap weights: one row a resample, each row adding up to 1."""
    drawn = rng.multinomial(size, np.full(size, 1 / size), size=RESAMPLES)
    return np.asarray(drawn / size, dtype=np.float64)


def _dropped(size: int, share: float) -> int:
    """How many of `size` sorted scores may fall below a limit that keeps `share`."""
    return int(np.floor((1 - share) * size + 1e-9))


def false_at_kept(
    positive: Sequence[float], negative: Sequence[float], share: float = 0.95
) -> Figure:
    """The share of `negative` that passes the highest limit keeping `share` of `positive`.

    A score passes that is not below the limit.

    The interval resamples both classes, so it also carries that the limit is not known exactly.
    """
    if not positive or not negative:
        return Figure(None, 0, better="lower")
    high_scores = np.sort(np.asarray(positive, dtype=np.float64))
    low_scores = np.asarray(negative, dtype=np.float64)
    dropped = _dropped(len(high_scores), share)
    value = float(np.mean(low_scores >= high_scores[dropped]))
    rng = np.random.default_rng(SEED)
    picked = np.sort(rng.integers(0, len(high_scores), (RESAMPLES, len(high_scores))), axis=1)
    limits = high_scores[picked[:, dropped]]
    against = low_scores[rng.integers(0, len(low_scores), (RESAMPLES, len(low_scores)))]
    resampled = np.mean(against >= limits[:, None], axis=1)
    low, high = np.percentile(resampled, [2.5, 97.5])
    return Figure(value, len(negative), float(low), float(high), "lower")


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
