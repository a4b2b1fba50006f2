"""What the rules have found and what the network makes of a message, weighed together.

Each decision is a logistic one: a bias, the network's log-odds, and a weight for the strongest rule
that fired. No weight is negative: one more rule, or a network that is surer, never lowers a level.
The weights are learned with the network (``training/balance.py``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from assistant.errors import ModelError
from assistant.minilm import Array
from assistant.reader import KINDS, URGENCIES, Impression
from assistant.screening.rules import Rule
from assistant.types import Kind

FIRED: Final = "fired"
SEVERE: Final = ("emergency", "crisis")
MILD: Final = ("urgent", "conditional")
LEVELS: Final = (Kind.EMERGENCY, Kind.CRISIS, Kind.URGENT, Kind.CONDITIONAL)
# What the network calls a question is none of the policy's kinds; another language is unclear.
READ_AS: Final[Mapping[str, Kind]] = {
    name: Kind.UNCLEAR if name == "foreign" else Kind(name) for name in KINDS if name != "question"
}
_AT: Final = {name: n for n, name in enumerate(URGENCIES)}


@dataclass(frozen=True, slots=True)
class Balance:
    """One decision.

    `rules` has the weight of a rule that fired, by its level or by ``fired`` for whichever.
    """

    bias: float
    reader: float
    rules: Mapping[str, float]

    def __post_init__(self) -> None:
        if min(self.reader, *self.rules.values(), 0.0) < 0:
            raise ValueError("a weight is negative")

    def weigh(self, log_odds: float, fired: Collection[str]) -> float:
        """The log-odds of yes; above 0 it is decided so."""
        rule = max((self.rules.get(name, 0.0) for name in fired), default=0.0)
        return self.bias + self.reader * log_odds + rule


@dataclass(frozen=True, slots=True)
class Weighing:
    """All decisions: is it a red flag at all, which one, and what else it is."""

    flagged: Balance
    severe: Balance
    crisis: Balance
    urgent: Balance
    kinds: Mapping[str, Balance]

    def level(self, impression: Impression, fired: Collection[Rule]) -> Kind | None:
        """The red flag of a message, None for none.

        Args:
            fired: the rules for red flags that fired.
        """
        levels = {rule.level for rule in fired}
        any_rule = {FIRED} if levels else set()
        if self.flagged.weigh(flag_odds(impression), any_rule) <= 0:
            return None
        if self.severe.weigh(_odds(impression, SEVERE, MILD), levels) > 0:
            odds = _odds(impression, ("crisis",), ("emergency",))
            return Kind.CRISIS if self.crisis.weigh(odds, levels) > 0 else Kind.EMERGENCY
        odds = _odds(impression, ("urgent",), ("conditional",))
        return Kind.URGENT if self.urgent.weigh(odds, levels) > 0 else Kind.CONDITIONAL

    def other_kinds(self, kind: Array, fired: Collection[Kind]) -> list[str]:
        """Which of the network's kinds it is, besides any urgency; none for a plain question.

        Args:
            kind: log-probabilities of `KINDS`.
        """
        found = []
        for n, name in enumerate(KINDS):
            balance = self.kinds.get(name)
            if balance is None:
                continue
            odds = log_odds(kind[n])
            own = {FIRED} if READ_AS[name] in fired else set()
            if balance.weigh(odds, own) > 0:
                found.append(name)
        return found


def flag_odds(impression: Impression) -> float:
    """The log-odds that a message is a red flag of whatever level."""
    return _odds(impression, (*SEVERE, *MILD), ("none",))


def _odds(impression: Impression, yes: Collection[str], no: Collection[str]) -> float:
    either = [
        float(np.logaddexp.reduce([impression.urgency[_AT[name]] for name in names]))
        for names in (yes, no)
    ]
    return either[0] - either[1]


def log_odds(log_probability: float) -> float:
    """The log-odds of a log-probability, kept finite."""
    probability = min(float(np.exp(log_probability)), 1 - 1e-6)
    return float(log_probability) - float(np.log1p(-probability))


def parse_weighing(facts: Mapping[str, Any]) -> Weighing:
    """The weights as the facts of the reader hold them.

    Raises:
        ModelError: they are missing or of another form.
    """
    try:
        weights = facts["weighing"]
        decisions = {
            name: _balance(weights[name]) for name in ("flagged", "severe", "crisis", "urgent")
        }
        kinds = {name: _balance(weights["kinds"][name]) for name in READ_AS}
        return Weighing(**decisions, kinds=kinds)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"reader.json: the weights cannot be used ({error!r}); restore the file, or run "
            "`python -m training`"
        ) from error


def _balance(row: Mapping[str, Any]) -> Balance:
    rules = {level: float(weight) for level, weight in row["rules"].items()}
    return Balance(float(row["bias"]), float(row["reader"]), rules)
