"""Red flags that no rule knows: what a message resembles among hand-written descriptions.

The rules of ``guardrails`` come first and alone suffice. This only raises: a message that no rule
calls a red flag, but that is like descriptions of one (``data/triage.jsonl``), becomes one. A
kernel ridge regression learns it from these, from the topic examples and from written questions.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from assistant.errors import StoreError
from assistant.index import Vectors
from assistant.known import gaussian, ridge
from assistant.types import Decision, Kind, Verdict

KINDS: Final = (Kind.EMERGENCY, Kind.CRISIS, Kind.URGENT, Kind.CONDITIONAL)
# Limits of the scores, which are about -1 for no and 1 for yes. Chosen on leave-one-out scores over
# the descriptions, the topic examples and the written questions, so that at most about one in 150
# of the last two is taken for a red flag.
CRISIS_LIMIT: Final = -0.35
EMERGENCY_LIMIT: Final = -0.3
RED_FLAG_LIMIT: Final = 0.05
_RED_FLAG: Final = len(KINDS)
_RIDGE: Final = 0.3
# Of the written questions every third is enough to say what is none.
_EVERY: Final = 3
_FILE: Final = "triage.npz"


@dataclass(frozen=True, slots=True)
class TriageExample:
    """A description of a red flag, or of none (`kind` is None), and the criterion it meets."""

    text: str
    kind: Kind | None
    criterion: str


@cache
def load_triage() -> tuple[TriageExample, ...]:
    """All examples, in the file's order."""
    data = resources.files("assistant").joinpath("data/triage.jsonl").read_text("utf-8")
    rows = (json.loads(line) for line in data.splitlines() if line.strip())
    return tuple(
        TriageExample(
            row["text"], None if row["kind"] == "none" else Kind(row["kind"]), row["criterion"]
        )
        for row in rows
    )


@dataclass(frozen=True, slots=True)
class Triage:
    """The regression.

    Attributes:
        vectors: unit vectors of the texts it learned from, shape (texts, dimensions).
        alphas: coefficients, shape (texts, 5): one column for each of `KINDS`, then any of them.
        biases: shape (5,).
        examples: how many of the first texts are the triage examples.
    """

    vectors: Vectors
    alphas: Vectors
    biases: Vectors
    examples: int

    def judge(self, vectors: Vectors) -> tuple[Kind, Verdict] | None:
        """The red flag that a message resembles, with the reason; None for none.

        Args:
            vectors: of the message and of the questions inside it, shape (n, dimensions).
        """
        scores = (gaussian(vectors @ self.vectors.T) @ self.alphas + self.biases).max(axis=0)
        limits = (
            (Kind.CRISIS, scores[KINDS.index(Kind.CRISIS)], CRISIS_LIMIT),
            (Kind.EMERGENCY, scores[KINDS.index(Kind.EMERGENCY)], EMERGENCY_LIMIT),
            (self._milder(scores), scores[_RED_FLAG], RED_FLAG_LIMIT),
        )
        for kind, score, limit in limits:
            if score >= limit:
                reason = f"resembles descriptions of it: {score:.2f} (limit {limit})"
                return kind, Verdict(f"triage.{kind}", Decision.FAIL, f"{kind}: {reason}")
        return None

    @staticmethod
    def _milder(scores: NDArray[np.float32]) -> Kind:
        urgent, conditional = (scores[KINDS.index(k)] for k in (Kind.URGENT, Kind.CONDITIONAL))
        return Kind.URGENT if urgent >= conditional else Kind.CONDITIONAL

    def save(self, generation: Path) -> None:
        """Write it into a generation's folder."""
        np.savez(
            generation / _FILE,
            vectors=self.vectors,
            alphas=self.alphas,
            biases=self.biases,
            examples=np.array(self.examples),
        )

    @classmethod
    def load(cls, generation: Path) -> Triage:
        """What `save` wrote.

        Raises:
            StoreError: it is missing or damaged.
        """
        path = generation / _FILE
        try:
            with np.load(path, allow_pickle=False) as arrays:
                values = {name: arrays[name] for name in arrays.files}
            return cls(**{**values, "examples": int(values["examples"])})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"{path}: cannot be read ({error}); run `knee-hip ingest --force`"
            ) from error


def train_triage(
    examples: Sequence[TriageExample],
    example_vectors: Vectors,
    topic_vectors: Vectors,
    question_vectors: Vectors,
) -> Triage:
    """Learn from examples of red flags and of none; topics and written questions are none.

    Args:
        example_vectors: unit vectors, shape (examples, dimensions), as the others.
    """
    vectors = np.vstack([example_vectors, topic_vectors, question_vectors[::_EVERY]])
    targets = np.full((len(vectors), len(KINDS) + 1), -1.0, np.float32)
    for row, example in enumerate(examples):
        if example.kind is not None:
            targets[row, [KINDS.index(example.kind), _RED_FLAG]] = 1.0
    alphas, _, biases = ridge(gaussian(vectors @ vectors.T), targets, _RIDGE)
    return Triage(vectors, alphas, biases, len(examples))
