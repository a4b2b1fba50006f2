"""Retrieval measures as ir-measures computes them, over gold spans or documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from assistant.types import Span

if TYPE_CHECKING:
    from ir_measures import Measure, Qrel, ScoredDoc

MEASURES: Final = ("Success@1", "R@5", "R@10", "RR", "nDCG@10")


def ranking_over_gold(gold: Sequence[Span], hits: Iterable[Span]) -> list[str]:
    """A ranking of gold ids and of hits that are none.

    A hit stands for every gold sentence that it overlaps and that no earlier hit stood for, so a
    passage of several sentences counts for each; a hit on gold already found is passed over. So
    cutting the articles differently does not change what is right.
    """
    ranking: list[str] = []
    for hit in hits:
        touched = [span.id for span in gold if span.overlaps(hit)]
        new = [gold_id for gold_id in touched if gold_id not in ranking]
        if new:
            ranking.extend(new)
        elif not touched and (other := f"no-gold {hit.id}") not in ranking:
            ranking.append(other)
    return ranking


def per_query(
    relevant: Mapping[str, Mapping[str, int]],
    rankings: Mapping[str, Sequence[str]],
    measures: Sequence[str] = MEASURES,
) -> dict[str, list[float]]:
    """Each measure's value for every query that has something relevant.

    Args:
        relevant: Query id → document id → grade (1 or more is relevant).
        rankings: Query id → document ids, best first; a missing query counts as zero.
        measures: Names as in the literature and in ir-measures.

    Returns:
        Measure → values in the order of `relevant`.
    """
    import ir_measures

    wanted: dict[Measure, str] = {ir_measures.parse_measure(name): name for name in measures}
    qrels: list[Qrel] = [
        ir_measures.Qrel(query, document, grade)
        for query, documents in relevant.items()
        for document, grade in documents.items()
    ]
    # Scores fall with the rank: trec_eval orders by score and breaks ties by document id.
    run: list[ScoredDoc] = [
        ir_measures.ScoredDoc(query, document, float(len(ranking) - place))
        for query, ranking in rankings.items()
        for place, document in enumerate(ranking)
    ]
    found = {name: dict.fromkeys(relevant, 0.0) for name in measures}
    for metric in ir_measures.iter_calc(list(wanted), qrels, run):
        found[wanted[metric.measure]][metric.query_id] = float(metric.value)
    return {name: list(values.values()) for name, values in found.items()}
