"""How much rules and network count in each decision: logistic weights that are never negative.

Fitted on messages that the network had not met. The biases are then set so that a chosen share of
the harmless messages is taken for more than it is: that share is a decision, not a measurement.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from assistant.reader import KINDS, URGENCIES
from assistant.screening.reading import RuleReader
from assistant.screening.weigh import FIRED, LEVELS, MILD, READ_AS, SEVERE

Scores = NDArray[np.float32]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
# The levels and kinds of the rules that fired on a message.
Fired = frozenset[str]

# Of the written harmless messages, most of which are meant to be mistaken, this share is taken for
# a red flag; of plain ones far fewer are.
FALSE_ALARMS: Final = 0.05
# Of the emergencies and crises, this share is called less than one.
UNDER_TRIAGED: Final = 0.03
# A message may be called another kind than it is about so often; a notice and a refusal hang on it.
FALSE_KINDS: Final = 0.004
# Of these only a notice hangs on it, with the answer below.
FALSE_NOTICES: Final = 0.015
_NOTICES: Final = ("diagnosis", "personal_plan", "medication", "safety_net")
_LEVELS: Final = tuple(level.value for level in LEVELS)
# How strongly weights are held near 0: as much as one message in doubt would hold them.
_PENALTY: Final = 0.5
_MAX_RULE: Final = 8.0
# That a rule fired counts at least so much, more than fits best: in the middle of text that is like
# none that was met, rules read better than the network. For an order or a bad request it suffices.
_LEAST_FLAG: Final = 2.0
_LEAST_KIND: Final[Mapping[str, float]] = {"injection": 8.0, "harmful": 8.0}


def fired_on(rules: RuleReader, text: str) -> Fired:
    """What the rules find in a message as it was typed."""
    reading = rules.read_message(text)
    return frozenset(rule.level for rule in (*reading.urgent, *reading.messages))


def fit_urgency(scores: Scores, urgency: Sequence[str], fired: Sequence[Fired]) -> dict[str, Any]:
    """The decisions of `Weighing.level`.

    Args:
        scores: log-probabilities of `URGENCIES`, shape (messages, 5).
        urgency: what each message is.
        fired: what the rules found on each.
    """
    of = {name: scores[:, n].astype(float) for n, name in enumerate(URGENCIES)}
    truth = np.array(urgency)

    def odds(yes: Collection[str], no: Collection[str]) -> Floats:
        sums = [np.logaddexp.reduce([of[name] for name in names]) for names in (yes, no)]
        return np.asarray(sums[0] - sums[1], np.float64)

    def fit(
        yes: Collection[str], no: Collection[str], of_levels: Collection[str]
    ) -> dict[str, Any]:
        among = np.isin(truth, [*yes, *no])
        levels = [f for f, own in zip(fired, among, strict=True) if own]
        return _fit(odds(yes, no)[among], levels, np.isin(truth[among], [*yes]), of_levels)

    any_rule = [frozenset({FIRED} if f & {*_LEVELS} else ()) for f in fired]
    flagged = _fit(odds(_LEVELS, ["none"]), any_rule, truth != "none", [FIRED], _LEAST_FLAG)
    margins = _margins(flagged, odds(_LEVELS, ["none"]), any_rule)
    flagged["bias"] -= float(np.quantile(margins[truth == "none"], 1 - FALSE_ALARMS))
    severe = fit(SEVERE, MILD, SEVERE)
    margins = _margins(severe, odds(SEVERE, MILD), fired)
    emergencies = np.isin(truth, SEVERE)
    severe["bias"] -= float(np.quantile(margins[emergencies], UNDER_TRIAGED))
    return {
        "flagged": flagged,
        "severe": severe,
        "crisis": fit(["crisis"], ["emergency"], ["crisis"]),
        "urgent": fit(["urgent"], ["conditional"], ["urgent"]),
    }


def fit_kinds(
    scores: Scores, kinds: Sequence[str], fired: Sequence[Fired]
) -> dict[str, dict[str, Any]]:
    """The decisions of `Weighing.other_kinds`; arguments as for `fit_urgency`."""
    truth = np.array(kinds)
    found = {}
    for name, kind in READ_AS.items():
        log_p = np.minimum(scores[:, KINDS.index(name)].astype(float), np.log(1 - 1e-6))
        odds = np.asarray(log_p - np.log1p(-np.exp(log_p)), np.float64)
        rule = [frozenset({FIRED} if kind.value in f else ()) for f in fired]
        balance = _fit(odds, rule, truth == name, [FIRED], _LEAST_KIND.get(name, 0.0))
        others = _margins(balance, odds, rule)[truth != name]
        share = FALSE_NOTICES if name in _NOTICES else FALSE_KINDS
        balance["bias"] -= max(0.0, float(np.quantile(others, 1 - share)))
        found[name] = balance
    return found


def _fit(
    odds: Floats,
    fired: Sequence[Collection[str]],
    truth: Flags,
    names: Collection[str],
    least: float = 0.0,
) -> dict[str, Any]:
    """Bias, weight of the odds and weight of each rule, by maximum likelihood."""
    from scipy.optimize import minimize

    rules = np.array([[name in found for name in names] for found in fired], float)
    rules = rules.reshape(len(odds), len(names))
    table = np.column_stack([np.ones(len(odds)), odds, rules])
    signs = np.where(truth, 1.0, -1.0)
    held = np.full(table.shape[1], _PENALTY / len(table))
    held[0] = 0.0

    def loss(weights: Floats) -> tuple[float, Floats]:
        margin = signs * (table @ weights)
        value = np.logaddexp(0, -margin).mean() + (held * weights**2).sum()
        slope = -(signs / (1 + np.exp(margin))) @ table / len(table) + 2 * held * weights
        return float(value), np.asarray(slope, np.float64)

    bounds = [(None, None), (0.0, None), *([(least, _MAX_RULE)] * len(names))]
    start = np.array([0.0, 1.0, *([max(0.5, least)] * len(names))])
    best = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B").x
    weights = {name: round(float(w), 4) for name, w in zip(names, best[2:], strict=True)}
    return {"bias": float(best[0]), "reader": float(best[1]), "rules": weights}


def _margins(balance: Mapping[str, Any], odds: Floats, fired: Sequence[Collection[str]]) -> Floats:
    """As `Balance.weigh`: of the rules that fired the strongest counts."""
    rules = [
        max((balance["rules"].get(name, 0.0) for name in found), default=0.0) for found in fired
    ]
    return np.asarray(balance["bias"] + balance["reader"] * odds + np.array(rules), np.float64)
