"""The figures of a load: what is counted, what is a ratio to what, what has to hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final

import numpy as np

from evals.load_clients import Reply
from evals.load_messages import Key, Messages

MEMORY_MARGIN: Final = 0.05
"""So much may it differ after the last question."""
EARLY: Final = 100
"""Memory is compared with that after so many questions."""
MANY: Final = 1_000
"""With fewer questions nothing is said about memory."""
GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "page": ("page",),
    "ask": ("ask",),
    "look_up": ("cite", "read", "claim"),
}


@dataclass(slots=True)
class Tally:
    """The replies of one stage.

    Attributes:
        differ: answers that were other ones than alone.
        why: what failed, by its kind.
    """

    states: Counter[str] = field(default_factory=Counter)
    differ: int = 0
    why: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def note(self, key: Key | None, reply: Reply, messages: Messages) -> None:
        """Count a reply; with its key, compare it with the one given alone."""
        self.states[reply.state] += 1
        if reply.state == "answered":
            group = next(name for name, ways in GROUPS.items() if reply.way in ways)
            self.seconds.setdefault(group, []).append(reply.seconds)
        elif reply.state == "failed":
            self.why[f"{reply.way}: {reply.why}"] += 1
        if key is not None and messages.differs(key, reply):
            self.differ += 1
            self.why[f"{reply.way}: differs"] += 1

    def to_json(self) -> dict[str, Any]:
        """The counts."""
        return {
            "requests": self.states.total(),
            "answers": self.states["answered"],
            "busy": self.states["busy"],
            "errors": self.states["failed"],
            "differ": self.differ,
            **({"why": dict(self.why)} if self.why else {}),
        }

    def over(self, lone: Tally) -> dict[str, Any]:
        """Median and 95th percentile of the answers' times over the median of `lone`'s."""
        rows = {}
        for group, seconds in self.seconds.items():
            if base := lone.seconds.get(group):
                rows[group] = {
                    "n": len(seconds),
                    "median": round(median(seconds) / median(base), 2),
                    "p95": round(float(np.percentile(seconds, 95)) / median(base), 2),
                }
        return rows


def fairness_of(small: Tally, alone: Tally, flood: Tally) -> dict[str, Any]:
    """How one who asks one at a time fares while another floods."""
    asked = small.states.total()
    return {
        "small": {**small.to_json(), "busy_share": round(small.states["busy"] / max(1, asked), 4)},
        "over_alone": small.over(alone),
        "flood": flood.to_json(),
    }


def memory_of(asked: int, after: Mapping[int, float], last_mb: float) -> dict[str, Any]:
    """Memory after the first hundred questions and after all.

    Args:
        after: what the process held after so many questions, the first hundred among them.
    """
    early_mb = after.get(EARLY, last_mb)
    return {
        "asked": asked,
        "after_mb": {str(number): round(mb) for number, mb in after.items() if number},
        "last_mb": round(last_mb),
        "last_over_early": round(last_mb / early_mb, 3),
    }


def iter_breaches(figures: Mapping[str, Any]) -> Iterator[str]:
    """Every bar of issue 9 that was missed, in a line."""
    fairness = figures["fairness"]
    counted = {f"users {name}": row for name, row in figures["stages"].items()}
    counted |= {"the small client": fairness["small"], "the flood": fairness["flood"]}
    for name, row in counted.items():
        for fault in ("errors", "differ"):
            if row[fault]:
                yield f"{name}: {row[fault]} {fault}"
    memory = figures["memory"]
    if memory["asked"] >= MANY and abs(memory["last_over_early"] - 1) > MEMORY_MARGIN:
        yield f"memory after {memory['asked']} questions ÷ after 100: {memory['last_over_early']}"


def render_load(figures: Mapping[str, Any]) -> str:
    """As lines."""
    lines = [
        f"{figures['minutes']:g} minutes, time compressed {figures['compressed']:g} times; "
        f"{figures['alone']} things asked alone first"
    ]
    for name, row in figures["stages"].items():
        lines += [f"users {name}: {_counts(row)}, {row['rss_mb']} MB", *_times(row["over_lone"])]
    fairness, memory = figures["fairness"], figures["memory"]
    lines += [
        f"one who floods: {_counts(fairness['flood'])}",
        f"beside it one who asks one at a time: {_counts(fairness['small'])}",
        *_times(fairness["over_alone"]),
        "memory: " + ", ".join(f"{mb} MB after {n}" for n, mb in memory["after_mb"].items()),
        f"after all {memory['asked']} questions {memory['last_mb']} MB, "
        f"{memory['last_over_early']} of that after {EARLY}",
    ]
    return "\n".join([*lines, *(f"missed: {breach}" for breach in iter_breaches(figures))])


def _counts(row: Mapping[str, Any]) -> str:
    said = ", ".join(f"{row[name]} {name}" for name in ("requests", "answers", "busy", "errors"))
    why = f" {row['why']}" if "why" in row else ""
    return f"{said}, {row['differ']} other answers than alone{why}"


def _times(rows: Mapping[str, Mapping[str, Any]]) -> Sequence[str]:
    return [
        f"  {group}: median {row['median']} × alone, p95 {row['p95']} (n {row['n']})"
        for group, row in rows.items()
    ]
