"""`python -m evals ablation`: what each part of finding brings, on the dev split."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console

from assistant.retriever import (
    NEIGHBOUR,
    WITH_FINDER,
    WITH_QUESTIONS,
    WITHOUT_QUESTIONS,
    Query,
    Retriever,
    Weights,
)
from assistant.words import WordIndex
from evals.cases import Case, CaseKind
from evals.run import RunOptions, load_chosen_suite
from evals.stats import Figure, proportion
from evals.truth import load_truth

if TYPE_CHECKING:
    from assistant.pipeline import Assistant

SHOWN: Final = 4
_ANSWERED: Final = (CaseKind.ANSWERABLE, CaseKind.MULTI_ARTICLE)


def run_ablation(corpus: Path, console: Console) -> dict[str, dict[str, Figure]]:
    """Variant → a gold sentence first, a gold one among four, all gold ones among four."""
    from assistant.pipeline import build_assistant
    from assistant.settings import Settings

    suite = load_chosen_suite(RunOptions(corpus, split="dev"), load_truth(corpus))
    cases = [case for case in suite.cases if case.kind in _ANSWERED]
    assistant = build_assistant(Settings.from_environment(corpus=corpus))
    queries = assistant.retriever.prepare([case.question for case in cases])
    figures = {}
    for name, retriever in _variants(assistant):
        console.print(name, style="dim")
        figures[name] = _measure(retriever, cases, queries)
    return figures


def _variants(assistant: Assistant) -> Iterator[tuple[str, Retriever]]:
    index, encoder = assistant.retriever.index, assistant.retriever.encoder
    bare = WordIndex.build(index.passages)

    def variant(
        weights: Weights, words: WordIndex | None = None, neighbour: float = 0.0
    ) -> Retriever:
        own = assistant.retriever
        return Retriever(index, encoder, words, weights, own.finder, own.hidden, neighbour)

    yield "passages: MiniLM", variant((0.0, 0.0, 0.0, 1.0, 0.0))
    yield "passages: BM25", variant((0.0, 0.0, 0.0, 0.0, 1.0), bare)
    yield "passages: both fused (no written index)", variant(WITHOUT_QUESTIONS, bare)
    yield "nearest written question: MiniLM", variant((1.0, 0.0, 0.0, 0.0, 0.0))
    yield "all written questions: regression", variant((0.0, 1.0, 0.0, 0.0, 0.0))
    yield "all written questions: learned head", variant((0.0, 0.0, 1.0, 0.0, 0.0))
    yield "passages and questions: BM25", variant((0.0, 0.0, 0.0, 0.0, 1.0))
    yield "all fused but head and regression", variant((0.5, 0.0, 0.0, 0.2, 0.3))
    yield "all fused but the head", variant(WITH_QUESTIONS)
    yield "all fused", variant(WITH_FINDER)
    yield "all fused, with neighbours (in use)", variant(WITH_FINDER, None, NEIGHBOUR)


def _measure(
    retriever: Retriever, cases: Sequence[Case], queries: Sequence[Query]
) -> dict[str, Figure]:
    first, some, every = [], [], []
    for case, query in zip(cases, queries, strict=True):
        hits = retriever.search(query, SHOWN).evidence.hits
        spans = [hit.passage.span for hit in hits]
        found = [any(gold.overlaps(span) for span in spans) for gold in case.gold]
        first.append(bool(spans) and any(gold.overlaps(spans[0]) for gold in case.gold))
        some.append(any(found))
        every.append(all(found))
    return {
        "first": proportion(first),
        f"any in {SHOWN}": proportion(some),
        f"all in {SHOWN}": proportion(every),
    }
