"""Statistics, retrieval measures and curves, held by worked examples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from assistant.types import Span
from evals import stats
from evals.plots import bars, histograms, risk_coverage
from evals.retrieval import per_query, ranking_over_gold
from evals.stats import Figure, Scores
from evals.vectors import encode_cached


def test_a_proportion_has_wilsons_interval() -> None:
    figure = stats.proportion([True] * 8 + [False] * 2)
    assert (figure.value, figure.n) == (0.8, 10)
    assert figure.low == pytest.approx(0.4902, abs=1e-4)
    assert figure.high == pytest.approx(0.9433, abs=1e-4)


def test_cases_of_one_group_tell_less_than_as_many_apart() -> None:
    hits = [True, True, True, False, False, False] * 5
    alike = [str(i // 3) for i in range(30)]
    mixed = [str(i % 3) for i in range(30)]
    apart, together = stats.proportion(hits), stats.proportion(hits, groups=alike)
    assert (apart.value, apart.n) == (together.value, together.n)
    assert width(together) > 1.5 * width(apart)
    assert stats.proportion(hits, groups=mixed) == apart
    assert stats.proportion(hits, groups=[str(i) for i in range(30)]) == apart
    values = [float(hit) for hit in hits]
    assert width(stats.mean(values, groups=alike)) > 1.5 * width(stats.mean(values))


def test_where_all_are_right_a_group_counts_as_one_case() -> None:
    of_ten = stats.proportion([True] * 10)
    grouped = stats.proportion([True] * 30, groups=[str(i // 3) for i in range(30)])
    assert grouped.low == pytest.approx(of_ten.low)
    assert grouped.n == 30


def width(figure: Figure) -> float:
    assert figure.low is not None
    assert figure.high is not None
    return figure.high - figure.low


def test_nothing_measured_is_none_and_never_nan() -> None:
    none, one = Scores([]), Scores([0.1])
    for figure in (
        stats.proportion([]),
        stats.mean([]),
        stats.auroc(none, one),
        stats.false_at_kept(one, none),
        stats.percentile([], 50),
    ):
        assert figure.value is None
        assert figure.n == 0


def test_a_mean_has_a_repeatable_interval_around_it() -> None:
    values = list(np.random.default_rng(1).random(80))
    first, second = stats.mean(values), stats.mean(values)
    assert first == second
    assert first.low is not None
    assert first.high is not None
    assert first.value is not None
    assert first.low < first.value < first.high


def test_a_mean_of_values_that_are_all_alike_claims_no_interval() -> None:
    assert stats.mean([0.5, 0.5, 0.5]) == Figure(0.5, 3)


def test_auroc_counts_pairs_in_the_right_order() -> None:
    figure = stats.auroc(Scores([0.9, 0.8, 0.3]), Scores([0.5, 0.1]))
    assert figure.value == pytest.approx(5 / 6)
    assert figure.low is not None
    assert figure.low <= 5 / 6
    assert stats.auroc(Scores([0.5]), Scores([0.5])).value == 0.5


def test_false_answers_at_95_percent_kept() -> None:
    positive = Scores([i / 100 for i in range(1, 101)])
    figure = stats.false_at_kept(positive, Scores([0.01, 0.05, 0.06, 0.5]))
    # 95 of 100 are kept by the limit .06.
    assert figure.value == 0.5
    assert figure.low is not None
    assert figure.high is not None
    assert figure.low <= 0.5 <= figure.high


def test_no_false_answer_among_few_still_has_an_upper_limit() -> None:
    figure = stats.false_at_kept(Scores([0.8, 0.9]), Scores([0.1, 0.2, 0.1]))
    assert figure.value == 0.0
    assert figure.high == pytest.approx(stats.proportion([False] * 3).high)


def test_mcnemar_is_the_exact_binomial_test() -> None:
    assert stats.mcnemar(0, 0) == 1.0
    assert stats.mcnemar(0, 6) == pytest.approx(2 * 0.5**6)
    assert stats.mcnemar(3, 3) == 1.0


GOLD = [Span("a", 0, 10), Span("a", 20, 30)]


def test_a_passage_over_two_gold_sentences_stands_for_both() -> None:
    assert ranking_over_gold(GOLD, [Span("a", 0, 30)]) == ["a:0-10", "a:20-30"]


def test_gold_found_again_is_neither_good_nor_bad() -> None:
    hits = [Span("a", 0, 5), Span("a", 5, 10), Span("b", 0, 5), Span("a", 25, 40)]
    assert ranking_over_gold(GOLD, hits) == ["a:0-10", "no-gold b:0-5", "a:20-30"]


def test_retrieval_measures_are_the_literatures() -> None:
    relevant = {"q1": {"d1": 1, "d2": 1}, "q2": {"d9": 1}, "q3": {"d5": 1}}
    rankings = {"q1": ["x", "d1", "d2"], "q2": ["d9"]}
    found = per_query(relevant, rankings)
    assert found["Success@1"] == [0, 1, 0]
    assert found["R@5"] == [1, 1, 0]
    assert found["RR"] == [0.5, 1, 0]
    gained = 1 / math.log2(3) + 1 / math.log2(4)
    ideal = 1 + 1 / math.log2(3)
    assert found["nDCG@10"] == pytest.approx([gained / ideal, 1, 0])


def test_risk_falls_with_the_sure_half() -> None:
    points = risk_coverage([(0.9, True), (0.8, True), (0.2, False), (0.2, True)])
    assert points == [(0.25, 0.0), (0.5, 0.0), (1.0, 0.25)]


def test_drawings_escape_their_words() -> None:
    drawn = bars("<b>", [("<i>&", [Figure(0.5, 4, 0.2, 0.8)])], ["x"]).svg
    assert "<b>" not in drawn
    assert "<i>" not in drawn
    assert "&lt;i&gt;&amp;" in drawn
    assert histograms("h", [("a", []), ("b", [0.2])], 0, 1, "x").svg.startswith("<svg")


class Counting:
    """An encoder by letters that counts what it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += len(texts)
        rows = [np.random.default_rng(list(text.encode())).random(4) for text in texts]
        return np.asarray(rows, dtype=np.float32)


def test_vectors_are_encoded_once_for_each_model_and_text(tmp_path: Path) -> None:
    texts = [f"text {i}" for i in range(300)]
    encoder = Counting()
    first = encode_cached(texts, encoder, "a" * 64, tmp_path)
    again = encode_cached(texts, encoder, "a" * 64, tmp_path)
    assert np.array_equal(first, again)
    assert first.shape == (300, 4)
    assert encoder.asked == 300
    encode_cached(texts, encoder, "b" * 64, tmp_path)
    assert encoder.asked == 600
    encode_cached([*texts[:299], "another"], encoder, "a" * 64, tmp_path)
    assert encoder.asked == 600 + 44


def test_a_damaged_vector_file_is_encoded_again(tmp_path: Path) -> None:
    encoder = Counting()
    encode_cached(["x"], encoder, "a" * 64, tmp_path)
    for path in tmp_path.rglob("*.npy"):
        path.write_bytes(b"no array")
    assert encode_cached(["x"], encoder, "a" * 64, tmp_path).shape == (1, 4)
    assert encoder.asked == 2
