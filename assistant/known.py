"""What is known before a question comes: written questions, answered or not, and example messages.

One kernel ridge regression over their vectors says of a new message whether it is answered, whether
it is about something else altogether, and which passages answer it. It serves both the search and
the check of answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from assistant.encoder import Vectors
from assistant.errors import StoreError
from assistant.index import IndexedQuestion
from assistant.topics import Topic, TopicExample

Array = NDArray[np.float32]

# Leave-one-out area under the curve over the training questions is flat around both.
_GAMMA: Final = 1.0
_RIDGE: Final = 0.3
_FILE: Final = "known.npz"
_ANSWERED, _OTHER, _PASSAGES = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Resemblance:
    """What the known texts say of a message.

    `answered` and `other`, both in about [-1, 1], are higher the more the message is like what the
    articles answer, and like what has nothing to do with health. `passages` has one score for each
    of the index's passages, shape (passages,), about 1 where it answers and about 0 where not.
    """

    answered: float
    other: float
    passages: Vectors


@dataclass(frozen=True, slots=True)
class Known:
    """The regression. Its texts are the index's written questions, then the topic examples.

    Attributes:
        topic_vectors: unit vectors of the topic examples, shape (topics, dimensions).
        alphas: coefficients, shape (texts, 2 + answering passages), after each other for
            `answered`, `other` and the passages whose rows are in `rows`.
        biases: shape (2 + answering passages,).
        size: how many passages the index has.
    """

    topic_vectors: Vectors
    alphas: Vectors
    biases: Vectors
    rows: NDArray[np.int64]
    size: int

    def resemble(self, vectors: Vectors, question_similarities: Vectors) -> list[Resemblance]:
        """What the known texts say of each of the messages with these unit vectors.

        Args:
            vectors: shape (messages, dimensions).
            question_similarities: their cosines with every written question, in the index's order,
                shape (messages, questions).
        """
        topics = np.asarray(vectors @ self.topic_vectors.T, np.float32)
        kernel = gaussian(np.hstack([question_similarities, topics]))
        scores = kernel @ self.alphas + self.biases
        passages = np.zeros((len(vectors), self.size), np.float32)
        passages[:, self.rows] = scores[:, _PASSAGES:]
        return [
            Resemblance(float(row[_ANSWERED]), float(row[_OTHER]), own)
            for row, own in zip(scores, passages, strict=True)
        ]

    def save(self, generation: Path) -> None:
        """Write it into a generation's folder."""
        np.savez(
            generation / _FILE,
            topic_vectors=self.topic_vectors,
            alphas=self.alphas,
            biases=self.biases,
            rows=self.rows,
            size=np.array(self.size),
        )

    @classmethod
    def load(cls, generation: Path) -> Known:
        """What `save` wrote.

        Raises:
            StoreError: it is missing or damaged.
        """
        path = generation / _FILE
        try:
            with np.load(path, allow_pickle=False) as arrays:
                values = {name: arrays[name] for name in arrays.files}
            return cls(**{**values, "size": int(values["size"])})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"{path}: cannot be read ({error}); run `knee-hip ingest --force`"
            ) from error


def learn(
    passage_rows: dict[str, int],
    questions: Sequence[IndexedQuestion],
    question_vectors: Vectors,
    topics: Sequence[TopicExample],
    topic_vectors: Vectors,
) -> tuple[Known, Array]:
    """The regression, and its `answered` score of every text as if that text had been left out.

    Takes about 10 s for 10,000 texts, and a square matrix of 4 bytes a pair of texts.

    Args:
        passage_rows: row of each passage by its id.
        question_vectors: unit vectors, shape (questions, dimensions), as `topic_vectors`.

    Returns:
        The regression, and shape (questions + topics,).
    """
    answering = sorted({passage_rows[id_] for q in questions for id_ in q.passage_ids})
    column = {row: n for n, row in enumerate(answering, start=_PASSAGES)}
    targets = np.zeros((len(questions) + len(topics), _PASSAGES + len(answering)), np.float32)
    targets[:, :_PASSAGES] = -1.0
    for n, question in enumerate(questions):
        if question.passage_ids:
            targets[n, _ANSWERED] = 1.0
        for id_ in question.passage_ids:
            targets[n, column[passage_rows[id_]]] = 1.0
    for n, topic in enumerate(topics, start=len(questions)):
        if topic.topic is Topic.OTHER:
            targets[n, _OTHER] = 1.0
    vectors = np.vstack([question_vectors, topic_vectors])
    alphas, left_out, biases = ridge(gaussian(vectors @ vectors.T), targets, _RIDGE)
    known = Known(
        topic_vectors,
        alphas,
        biases,
        np.array(answering, np.int64),
        len(passage_rows),
    )
    return known, left_out[:, _ANSWERED]


def gaussian(similarities: NDArray[Any]) -> Array:
    """The Gaussian kernel of unit vectors from their cosine similarities.

    What is given in single precision is overwritten, as by `ridge`.
    """
    kernel = np.asarray(similarities, np.float32)
    kernel -= 1
    kernel *= 2 * _GAMMA
    return np.asarray(np.exp(kernel, out=kernel))


def ridge(kernel: Array, targets: Array, penalty: float) -> tuple[Array, Array, Array]:
    """Kernel ridge regression: coefficients, leave-one-out scores, and the targets' means.

    The leave-one-out score of row i is ``y[i] - alpha[i] / inverse[i, i]`` (Rifkin and Lippert,
    "Notes on regularized least squares", 2007). `kernel` is overwritten, to hold it only once;
    single precision is enough for scores that are read to two digits.

    Args:
        kernel: symmetric, shape (n, n).
        targets: shape (n, outputs).
    """
    from scipy.linalg.lapack import spotrf, spotrs, strtri

    biases = targets.mean(axis=0)
    kernel.flat[:: len(kernel) + 1] += penalty
    factor, _ = spotrf(kernel.T, lower=1, overwrite_a=1)  # symmetric: .T is in Fortran's order
    alphas, _ = spotrs(factor, targets - biases, lower=1)
    # The factor's inverse is enough, in a third of the time: the diagonal of the whole inverse is
    # the sum of squares of each of its columns.
    inverse, _ = strtri(factor, lower=1, overwrite_c=1)
    diagonal = np.einsum("ij,ij->j", inverse, inverse)
    return alphas, targets - alphas / diagonal[:, None], biases
