"""What a natural-language-inference model says, where the operator has one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Inference:
    """Probabilities in [0, 1] that sum to 1."""

    entails: float
    neutral: float
    contradicts: float


class Entailment(Protocol):
    """A model that judges whether a text carries a statement."""

    def infer(self, premise: str, hypothesis: str) -> Inference:
        """How likely `premise` entails, leaves open or contradicts `hypothesis`."""
        ...
