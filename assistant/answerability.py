"""Is what was found an answer to *this* question? A small model trained when the index is built.

Being on the topic is not being an answer: the model learns the difference from the corpus's own
written questions, answerable and not, and from examples of other topics. It joins three views by
a logistic regression: a kernel ridge regression over the question's vector (``known``), one over
its words, and how near the known answerable and unanswerable questions and the passages are. Both
ridge regressions give each training question its score as if it had been left out (in closed form),
so the join never sees a score of a question that was learned by heart.

Without written questions there is nothing to learn from; then ``unaided`` decides.
"""

from __future__ import annotations

import itertools
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from assistant.encoder import Vectors
from assistant.finder import Finding
from assistant.index import IndexedQuestion
from assistant.known import Resemblance, ridge
from assistant.topics import TopicExample
from assistant.types import Decision, Passage, Verdict
from assistant.words import stems

Array = NDArray[np.float64]

# Chosen on the dev split, between what is answered wrongly and what is wrongly not answered. Above
# OTHER_TOPIC a message must be SURE to be answered, or nearly be a question that is.
ANSWERS: Final = 0.35
COMES_NEAR: Final = 0.10
OTHER_TOPIC: Final = -0.5
SURE: Final = 0.7
SAME_QUESTION: Final = 0.7
# What is nearly an answered question, and nearer to it than to any that is not, need not be sure.
REWORDED: Final = 0.9
# A message that resembles no answered question and no passage is not answered, however sure the
# regressions are: they have nothing near to go by. It costs about one answer in a hundred and
# spares two thirds of those to questions about other illnesses.
NEAR_QUESTION: Final = 0.5
NEAR_PASSAGE: Final = 0.4
_WORD_RIDGE: Final = 0.3
_MIN_TRAINING: Final = 50
_NEAREST: Final = 5
_VOTERS: Final = 10
_ROWS_AT_ONCE: Final = 1024
_FILE: Final = "answerability"


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether the evidence answers the question.

    `probability` in [0, 1] is calibrated on the training questions, higher is more likely an
    answer. `other` in about [-1, 1] is higher the less the message has to do with health.
    `similarity` in [-1, 1] is the cosine of the nearest passage.
    """

    probability: float
    other: float
    verdict: Verdict
    similarity: float = 0.0

    @property
    def answers(self) -> bool:
        """Whether the evidence is to be shown as an answer."""
        return self.verdict.decision is Decision.PASS

    @property
    def comes_near(self) -> bool:
        """Whether the nearest passages are worth showing, as no answer."""
        near = self.probability >= COMES_NEAR or self.similarity >= NEAR_PASSAGE
        return self.answers or (near and not self.off_topic)

    @property
    def off_topic(self) -> bool:
        """Whether the message has nothing to do with health."""
        return self.other > OTHER_TOPIC and not self.answers


@dataclass(frozen=True, slots=True)
class AnswerCheck:
    """The trained check.

    Attributes:
        answered: which written questions some passage answers, shape (questions,).
        terms: idf and weight of each word and pair of words.
        mean, scale, weights: of the features of the logistic regression.
    """

    answered: NDArray[np.bool_]
    word_bias: float
    terms: Mapping[str, tuple[float, float]]
    mean: Array
    scale: Array
    weights: Array
    intercept: float

    @property
    def trained(self) -> bool:
        """Whether there were written questions to learn from."""
        return len(self.weights) > 0

    def judge(
        self,
        query: str,
        resemblance: Resemblance,
        finding: Finding | None,
        question_similarities: Vectors,
        passage_similarities: Vectors,
        best: Passage | None,
    ) -> Judgement:
        """Judge one question; only where `trained`.

        Args:
            resemblance: what the known texts say of it.
            finding: what the corpus's head says of it; there is one if there was in training.
            question_similarities: with every written question, in the index's order.
            passage_similarities: with the passages found, in any order.
            best: the passage found first.
        """
        other = resemblance.other
        if best is None:
            return Judgement(0.0, other, Verdict("answerable", Decision.FAIL, "nothing was found"))
        by_words = _word_score(query, self.terms) + self.word_bias
        near = _similarity_features(
            question_similarities[None], self.answered, passage_similarities[None]
        )[0]
        if max(near[0], near[3]) >= SAME_QUESTION:
            # Every written question is on the topic, whether an article answers it or not.
            other = min(other, OTHER_TOPIC)
        found = [finding.answered, float(finding.passages.max())] if finding else []
        views = np.concatenate([[resemblance.answered, by_words], near, found])[: len(self.mean)]
        features = (views - self.mean) / self.scale
        probability = 1 / (1 + math.exp(-float(features @ self.weights + self.intercept)))
        verdict = _verdict(probability, other, near)
        return Judgement(probability, other, verdict, float(passage_similarities.max()))

    def save(self, generation: Path) -> None:
        """Write it into a generation's folder."""
        np.savez(
            generation / f"{_FILE}.npz",
            answered=self.answered,
            mean=self.mean,
            scale=self.scale,
            weights=self.weights,
            word_bias=np.array(self.word_bias),
            intercept=np.array(self.intercept),
        )
        terms = json.dumps(dict(self.terms), ensure_ascii=False)
        (generation / f"{_FILE}.json").write_text(terms, "utf-8")

    @classmethod
    def load(cls, generation: Path) -> AnswerCheck:
        """The check that `save` wrote."""
        with np.load(generation / f"{_FILE}.npz", allow_pickle=False) as arrays:
            values = {name: arrays[name] for name in arrays.files}
        values.update({name: float(values[name]) for name in ("word_bias", "intercept")})
        terms = json.loads((generation / f"{_FILE}.json").read_text("utf-8"))
        return cls(terms={term: (idf, weight) for term, (idf, weight) in terms.items()}, **values)


def train(
    passage_vectors: Vectors,
    questions: Sequence[IndexedQuestion],
    question_vectors: Vectors,
    topics: Sequence[TopicExample],
    topic_vectors: Vectors,
    resembled: NDArray[np.float32],
    found: Array | None = None,
) -> AnswerCheck:
    """Learn from written questions (answerable or not) and examples of other topics (not).

    Args:
        passage_vectors: shape (passages, dimensions), as `question_vectors` and `topic_vectors`
            unit vectors in the order of what they embed.
        resembled: the `answered` score of each question and topic as if it had been left out,
            shape (questions + topics,).
        found: what the corpus's head says of each, again as if it had been left out: log-odds that
            it is answered and log-probability of the best passage, shape (questions + topics, 2);
            not a number for texts that it was not learned from.
    """
    answered = np.array([bool(q.passage_ids) for q in questions], dtype=bool)
    labels = np.concatenate([answered, np.zeros(len(topics), bool)])
    if not _enough(answered):
        none = np.zeros(0)
        return AnswerCheck(answered, 0.0, {}, none, none, none, 0.0)

    texts = [q.text for q in questions] + [t.text for t in topics]
    terms, by_words, word_bias = _train_words(texts, labels)
    near = np.vstack(list(_iter_near(question_vectors, topic_vectors, passage_vectors, answered)))
    columns: list[NDArray[Any]] = [resembled, by_words, near]
    if found is not None and _enough(labels[np.isfinite(found).all(axis=1)]):
        columns.append(found)
    features = np.column_stack(columns)
    known = np.isfinite(features).all(axis=1)
    mean, scale = features[known].mean(axis=0), features[known].std(axis=0) + 1e-9

    from sklearn.linear_model import LogisticRegression

    joined = LogisticRegression(C=0.1, max_iter=1000)
    joined.fit((features[known] - mean) / scale, labels[known])
    return AnswerCheck(
        answered,
        word_bias,
        terms,
        mean,
        scale,
        joined.coef_[0],
        float(joined.intercept_[0]),
    )


def _enough(labels: NDArray[np.bool_]) -> bool:
    """Whether there are enough texts of both sides to learn from."""
    return bool(min(labels.sum(), (~labels).sum()) >= _MIN_TRAINING)


def _iter_near(
    questions: Vectors, topics: Vectors, passages: Vectors, answered: NDArray[np.bool_]
) -> Iterator[Array]:
    """The similarity features of the training texts, some rows at a time; none is its own near."""
    every = np.vstack([questions, topics])
    for first in range(0, len(every), _ROWS_AT_ONCE):
        rows = every[first : first + _ROWS_AT_ONCE]
        similarities = rows @ questions.T
        own = np.arange(len(rows))[: max(0, len(questions) - first)]
        similarities[own, first + own] = -1.0
        yield _similarity_features(similarities, answered, rows @ passages.T)


def _train_words(
    texts: Sequence[str], labels: NDArray[np.bool_]
) -> tuple[dict[str, tuple[float, float]], NDArray[np.float32], float]:
    """A ridge regression on words and pairs of words: idf and weight of each term."""
    from scipy.sparse import dok_array

    counts = [Counter(_iter_terms(text)) for text in texts]
    spread = Counter(term for count in counts for term in count)
    vocabulary = {term: n for n, term in enumerate(t for t, seen in spread.items() if seen > 1)}
    idf = {term: math.log((1 + len(texts)) / (1 + spread[term])) + 1 for term in vocabulary}
    table = dok_array((len(texts), len(vocabulary)))
    for row, count in enumerate(counts):
        for term, value in _weigh(count, idf).items():
            table[row, vocabulary[term]] = value
    sparse = table.tocsr()
    targets = np.where(labels, 1.0, -1.0)[:, None].astype(np.float32)
    # Some rows at a time: the whole product is three times the memory of the kernel.
    kernel = np.empty((len(texts), len(texts)), np.float32)
    for first in range(0, len(texts), _ROWS_AT_ONCE):
        rows = slice(first, first + _ROWS_AT_ONCE)
        kernel[rows] = (sparse[rows] @ sparse.T).toarray()
    alphas, left_out, biases = ridge(kernel, targets, _WORD_RIDGE)
    weights = sparse.T @ alphas[:, 0]
    terms = {term: (idf[term], float(weights[n])) for term, n in vocabulary.items()}
    return terms, left_out[:, 0], float(biases[0])


def _iter_terms(text: str) -> Iterable[str]:
    own = stems(text)
    yield from own
    yield from (f"{first} {second}" for first, second in itertools.pairwise(own))


def _weigh(count: Mapping[str, int], idf: Mapping[str, float]) -> dict[str, float]:
    """Each term's (1 + ln count) · idf, scaled to length 1."""
    raw = {t: (1 + math.log(n)) * idf[t] for t, n in count.items() if t in idf}
    length = math.sqrt(sum(value * value for value in raw.values())) or 1.0
    return {term: value / length for term, value in raw.items()}


def _word_score(query: str, terms: Mapping[str, tuple[float, float]]) -> float:
    count = Counter(term for term in _iter_terms(query) if term in terms)
    weighed = _weigh(count, {term: terms[term][0] for term in count})
    return sum(value * terms[term][1] for term, value in weighed.items())


def _similarity_features(
    questions: NDArray[Any], answered: NDArray[np.bool_], passages: NDArray[Any]
) -> Array:
    """How near the known questions and the passages are, one row a text.

    Columns: nearest, mean of 3 and of 5 nearest answerable questions; the same of unanswerable
    ones; the two first differences; nearest and mean of 3 nearest passages; the share of
    answerable ones among the 10 nearest questions.
    """
    yes, no = _nearest(questions[:, answered]), _nearest(questions[:, ~answered])
    near = np.argpartition(-questions, min(_VOTERS, questions.shape[1]) - 1, axis=1)[:, :_VOTERS]
    found = _nearest(passages)
    columns = [
        yes[:, 0],
        yes[:, :3].mean(axis=1),
        yes.mean(axis=1),
        no[:, 0],
        no[:, :3].mean(axis=1),
        no.mean(axis=1),
        yes[:, 0] - no[:, 0],
        yes[:, :3].mean(axis=1) - no[:, :3].mean(axis=1),
        found[:, 0],
        found[:, :3].mean(axis=1),
        answered[near].mean(axis=1),
    ]
    return np.stack(columns, axis=1).astype(np.float64)


def _nearest(similarities: NDArray[Any]) -> NDArray[Any]:
    """The `_NEAREST` largest of each row, largest first."""
    k = min(_NEAREST, similarities.shape[1])
    top = np.partition(similarities, similarities.shape[1] - k, axis=1)[:, -k:]
    return np.sort(top, axis=1)[:, ::-1]


def _verdict(probability: float, other: float, near: Array) -> Verdict:
    limit = SURE if other > OTHER_TOPIC else ANSWERS
    if near[0] >= REWORDED and near[0] > near[3]:
        limit = COMES_NEAR
    far = near[0] < NEAR_QUESTION and near[8] < NEAR_PASSAGE
    return Verdict(
        "answerable",
        Decision.PASS if probability >= limit and not far else Decision.FAIL,
        f"{probability:.2f} that this is answered (limit {limit}); nearest answerable question "
        f"{near[0]:.2f} and passage {near[8]:.2f} (one of them at least {NEAR_QUESTION} or "
        f"{NEAR_PASSAGE}), nearest unanswerable {near[3]:.2f}, {other:.2f} that it is about "
        f"something else (limit {OTHER_TOPIC})",
    )
