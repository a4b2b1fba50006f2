"""Whether a statement in a model's words is carried by its quotes."""

from assistant.support.check import check_support
from assistant.support.entailment import Entailment, Inference

__all__ = ["Entailment", "Inference", "check_support"]
