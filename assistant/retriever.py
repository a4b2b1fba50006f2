"""Query → ranked passages: five scores, each scaled to 0–1 for this query, and fused.

The nearest written question that a passage answers (cosine), what all written questions together
say (the regression in ``known``), what a head that was learned from them says (``finder``), the
passage itself (cosine) and words (BM25). Nothing here decides whether what is found is an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from assistant.encoder import Encoder, PackagedEncoder, Vectors
from assistant.finder import Finder, Finding
from assistant.index import Index
from assistant.known import Known, Resemblance
from assistant.minilm import Array
from assistant.reranker import Reranker
from assistant.text import plain
from assistant.types import Evidence, Hit
from assistant.words import WordIndex

if TYPE_CHECKING:
    from langchain_core.retrievers import BaseRetriever

Weights: TypeAlias = tuple[float, float, float, float, float]

# Weights with a written index and a head, with the index alone, and without either, chosen on the
# dev split: `python -m evals ablation` (DESIGN.md, 3).
WITH_FINDER: Final = (0.05, 0.35, 0.4, 0.05, 0.15)
WITH_QUESTIONS: Final = (0.3, 0.4, 0.0, 0.1, 0.2)
WITHOUT_QUESTIONS: Final = (0.0, 0.0, 0.0, 0.6, 0.4)
DEFAULT_K: Final = 20
# Cosine at which a written question counts as the same question, and how much less near than the
# nearest one another may be to have its say in what belongs together.
NEAR_QUESTIONS: Final = 6
SAME_QUESTION: Final = 0.7
NEARLY_AS_NEAR: Final = 0.05
# A sentence is often completed by the one beside it (`python -m evals ablation`). At most two
# blanks stand between sentences of one paragraph.
NEIGHBOUR: Final = 0.1
SAME_PARAGRAPH: Final = 2
CANDIDATES: Final = 200
RERANKED: Final = 20


@dataclass(frozen=True, slots=True)
class Query:
    """A query with what is computed for many at once; `Retriever.prepare` makes it.

    Attributes:
        vector: its unit vector, shape (dimensions,).
        question_similarities: its cosine with each written question, shape (questions,).
        resemblance: what the known texts say of it.
    """

    text: str
    vector: Vectors
    question_similarities: Vectors
    resemblance: Resemblance

    @property
    def nearest_question(self) -> float:
        """Cosine with the nearest written question, answered or not; 0 where there is none."""
        return float(self.question_similarities.max(initial=0.0))


@dataclass(frozen=True, slots=True)
class Search:
    """One search: what was found, and what the check of answers reads beside it.

    Attributes:
        finding: what the corpus's head says of the query, None where there is none.
    """

    query: Query
    evidence: Evidence
    finding: Finding | None


class Retriever:
    """Finds passages of one index.

    Args:
        weights: of the nearest written question, of all of them, of the head, of passages and of
            words; they sum to 1. None takes those measured for what there is.
        finder: the corpus's head, with `hidden`, which gives the vectors that it reads.
        neighbour: how much a passage gains from the one beside it, as a share of that one's score.
        reranker: scores the first `RERANKED` once more; its score counts as much as the fused one.
        mend: undoes slips of the finger in lower-case text before it is encoded. Letters that the
            model has not met together move a question further than other words for it do.
    """

    def __init__(
        self,
        index: Index,
        encoder: Encoder,
        words: WordIndex | None = None,
        weights: Weights | None = None,
        finder: Finder | None = None,
        hidden: Callable[[Sequence[str]], Sequence[Array]] | None = None,
        neighbour: float = NEIGHBOUR,
        reranker: Reranker | None = None,
        mend: Callable[[str], str] | None = None,
    ) -> None:
        self.index = index
        self.encoder = encoder
        self.words = words or WordIndex.load(index.generation, len(index.passages))
        self.known = Known.load(index.generation)
        self.finder = finder if hidden else None
        self.hidden = hidden
        with_index = WITH_FINDER if self.finder else WITH_QUESTIONS
        self.weights = weights or (with_index if index.questions else WITHOUT_QUESTIONS)
        self.neighbour = neighbour
        self.reranker = reranker
        self._mend = mend

    def encode(self, queries: Sequence[str]) -> Vectors:
        """The vectors that queries are searched by, shape (queries, dimensions)."""
        return self.encoder.encode(self._as_encoded(queries))

    def ahead(self, queries: Sequence[str]) -> list[str]:
        """What the network that the encoder shares with the reader may read of queries at once.

        Nothing where the encoder is another one.
        """
        shared = isinstance(self.encoder, PackagedEncoder)
        return self._as_encoded([plain(query) for query in queries]) if shared else []

    def _as_encoded(self, queries: Sequence[str]) -> list[str]:
        mend = self._mend
        return [mend(query.lower()) for query in queries] if mend else list(queries)

    def prepare(self, queries: Sequence[str]) -> list[Query]:
        """Queries ready to be searched for; many at once take much less time than one by one."""
        if not queries:
            return []
        texts = [plain(query) for query in queries]
        vectors = self.encode(texts)
        similarities = np.asarray(vectors @ self.index.question_vectors.T, np.float32)
        resemblances = self.known.resemble(vectors, similarities)
        return [
            Query(*parts) for parts in zip(texts, vectors, similarities, resemblances, strict=True)
        ]

    def retrieve(self, query: str, k: int = DEFAULT_K) -> Evidence:
        """At most `k` passages for `query`, the best first; none for a query without words."""
        return self.search(self.prepare([query])[0], k).evidence

    def search(self, query: Query, k: int = DEFAULT_K) -> Search:
        """As `retrieve`, with what is behind it."""
        word_scores = self.words.scores(query.text)
        finding = self._find(query.text)
        of_finder = finding.passages if finding else np.zeros_like(word_scores)
        rows = self._candidates(query, word_scores)
        similarities = self.index.similarities(query.vector, rows)
        asked = self._best_question(query.question_similarities)[rows]
        of_known = query.resemblance.passages[rows]
        scores = fuse(
            (asked, of_known, of_finder[rows], similarities, word_scores[rows]), self.weights
        )
        scores = self._reranked(query.text, rows, self._with_neighbours(rows, scores))
        order = np.lexsort((rows, -scores))[:k] if query.text else np.zeros(0, np.int64)
        hits = tuple(
            Hit(self.index.passages[rows[i]], rank, float(similarities[i]), float(scores[i]))
            for rank, i in enumerate(order, start=1)
        )
        together, disagreement = self._asked_before(query.question_similarities, hits)
        return Search(query, Evidence(query.text, hits, together, disagreement), finding)

    def as_langchain(self, k: int = 4) -> BaseRetriever:
        """This retriever as LangChain's; see `assistant.langchain_retriever`."""
        from assistant.langchain_retriever import PassageRetriever

        return PassageRetriever(retriever=self, k=k)

    def _find(self, query: str) -> Finding | None:
        if self.finder is None or self.hidden is None:
            return None
        return self.finder.find(self.hidden([query])[0])

    def _candidates(self, query: Query, word_scores: NDArray[np.float32]) -> NDArray[np.int64]:
        """Rows worth scoring: near the query or a written question like it, or sharing words."""
        near = set(self.index.candidates(query.vector, CANDIDATES).tolist())
        near.update(_largest(word_scores, CANDIDATES))
        for question in _largest(query.question_similarities, CANDIDATES):
            near.update(self._answers[question])
        return np.array(sorted(near), dtype=np.int64)

    @cached_property
    def _answers(self) -> Sequence[tuple[int, ...]]:
        """Rows of the passages that each written question is answered by."""
        rows = self.index.rows
        return [tuple(rows[id_] for id_ in q.passage_ids) for q in self.index.questions]

    @cached_property
    def _pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        pairs = [(q, row) for q, rows in enumerate(self._answers) for row in rows]
        table = np.array(pairs, dtype=np.int64).reshape(-1, 2)
        return table[:, 0], table[:, 1]

    def _with_neighbours(
        self, rows: NDArray[np.int64], scores: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Scores in [0, 1] in which a passage gains from a better neighbour in its paragraph."""
        whole = np.zeros(len(self.index.passages) + 2, np.float32)
        whole[rows + 1] = scores
        joined = self._joined
        before = np.where(joined[rows], whole[rows], 0)
        after = np.where(joined[rows + 1], whole[rows + 2], 0)
        boosted = scores + self.neighbour * np.maximum(before, after)
        return np.asarray(boosted / (1 + self.neighbour), np.float32)

    def _reranked(
        self, query: str, rows: NDArray[np.int64], scores: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Scores in which the first few passages follow the reranker too; they stay the first."""
        if self.reranker is None or not query or not len(rows):
            return scores
        first = np.argsort(-scores, kind="stable")[:RERANKED]
        passages = self.index.passages
        again = self.reranker.score(query, [passages[rows[n]].embedded_text for n in first])
        fused = scores.copy()
        floor = float(np.delete(scores, first).max(initial=0.0))
        both = fuse((scores[first], again), (0.5, 0.5))
        fused[first] = floor + (1 - floor) * both
        return fused

    @cached_property
    def _joined(self) -> NDArray[np.bool_]:
        """Whether row n stands in the same paragraph as row n - 1, shape (passages + 1,)."""
        passages = self.index.passages
        joined = np.zeros(len(passages) + 1, bool)
        for n, (first, second) in enumerate(pairwise(passages), start=1):
            same_article = first.span.article_id == second.span.article_id
            joined[n] = same_article and 0 <= second.span.start - first.span.end <= SAME_PARAGRAPH
        return joined

    def _asked_before(
        self, similarities: Vectors, hits: Sequence[Hit]
    ) -> tuple[tuple[str, ...], str]:
        """What the nearest written questions say belongs to the first hit's answer.

        Returns:
            Ids of passages, and the disagreement that the nearest question is about or ``""``.
        """
        if not hits or not len(similarities):
            return (), ""
        near = sorted(_largest(similarities, NEAR_QUESTIONS), key=lambda n: (-similarities[n], n))
        if not near:
            return (), ""
        questions = self.index.questions
        nearest = similarities[near[0]]
        disagreement = next(
            (
                questions[n].disagreement
                for n in near
                if questions[n].disagreement
                and similarities[n] >= max(SAME_QUESTION, nearest - NEARLY_AS_NEAR)
            ),
            "",
        )
        together = [
            id_
            for n in near
            if similarities[n] >= nearest - NEARLY_AS_NEAR
            and hits[0].passage.id in questions[n].passage_ids
            and not questions[n].disagreement
            for id_ in questions[n].passage_ids
        ]
        return tuple(dict.fromkeys(together)), disagreement

    def _best_question(self, similarities: Vectors) -> Vectors:
        """For each passage the similarity of the nearest question it answers; 0 for none."""
        best = np.zeros(len(self.index.passages), np.float32)
        questions, rows = self._pairs
        np.maximum.at(best, rows, similarities[questions])
        return best


def fuse(scores: Sequence[NDArray[np.float32]], weights: Sequence[float]) -> NDArray[np.float32]:
    """The weighted sum of scores, each scaled to 0–1 over the candidates of this query.

    Args:
        scores: arrays of the same shape (candidates,), higher is better.
        weights: one for each array; they sum to 1.

    Returns:
        Shape (candidates,), in [0, 1]. An array whose values are all alike counts as 0.
    """
    fused = np.zeros_like(scores[0], dtype=np.float32)
    for values, weight in zip(scores, weights, strict=True):
        if len(values) and (spread := values.max() - values.min()) > 0:
            fused += weight * (values - values.min()) / spread
    return fused


def _largest(values: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Positions of the `k` largest values above 0, in no order."""
    values_at = np.argpartition(values, -k)[-k:] if len(values) > k else np.arange(len(values))
    return values_at[values[values_at] > 0]
