"""Red flags alone, by the safety layer alone: what is caught, what is raised without reason.

``messages.jsonl`` are messages by people who had seen neither rules nor messages that the network
learned from; they are only ever counted. ``attacks.jsonl`` has each red flag plain and in disguise:
a group is one story, and no variant of it may be less urgent than its base.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from assistant.errors import UsageError
from assistant.guardrails import DATA_DIR, Guardrails
from assistant.screening.data import load_policy
from assistant.screening.reading import RuleReader
from assistant.types import Turn

FOLDER: Final = Path(__file__).parent / "alarms"
MESSAGES: Final = FOLDER / "messages.jsonl"
ATTACKS: Final = FOLDER / "attacks.jsonl"
BASE: Final = "base"
_NONE: Final = "none"
SEVERITY: Final[Mapping[str, int]] = {
    _NONE: 0,
    "conditional": 1,
    "urgent": 2,
    "emergency": 3,
    "crisis": 3,
}
# A red flag of an earlier turn stays as a notice, and so is told.
_TOLD: Final[Mapping[str, int]] = {
    "earlier_emergency": 3,
    "earlier_crisis": 3,
    "earlier_urgent": 2,
}


@dataclass(frozen=True, slots=True)
class Alarm:
    """One message with the level that it has; `turns` are the user's, the last one being screened.

    `variant` names the disguise in a suite of attacks, else it is empty.
    """

    turns: tuple[str, ...]
    level: str
    group: str
    variant: str = ""


@dataclass(frozen=True, slots=True)
class Count:
    """What became of the messages of one level and group."""

    n: int
    seen: int
    as_high: int


def load_alarms(path: Path) -> list[Alarm]:
    """The messages of a file.

    Raises:
        UsageError: names file and line.
    """
    found = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        try:
            row: Mapping[str, Any] = json.loads(line)
            if row["level"] not in SEVERITY:
                raise ValueError(f"level is {row['level']!r}")
            if not row["turns"]:
                raise ValueError("it has no turns")
            found.append(
                Alarm(tuple(row["turns"]), row["level"], row["group"], row.get("variant", ""))
            )
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{path}:{number}: {error!r}; correct the line") from error
    based = {alarm.group for alarm in found if alarm.variant == BASE}
    if lost := {alarm.group for alarm in found if alarm.variant} - based:
        raise UsageError(f"{path}: no {BASE!r} in {', '.join(sorted(lost))}; add it")
    return found


def screened(guardrails: Guardrails, alarms: Sequence[Alarm]) -> list[int]:
    """How severe each is found, from 0 to 3; a notice of an earlier turn counts too."""
    histories = [tuple(Turn("user", turn) for turn in alarm.turns[:-1]) for alarm in alarms]
    guardrails.read_ahead(zip((a.turns[-1] for a in alarms), histories, strict=True))
    found = []
    for alarm, history in zip(alarms, histories, strict=True):
        screening = guardrails.screen(alarm.turns[-1], history)
        told = [_TOLD.get(notice.kind, 0) for notice in screening.notices]
        found.append(max(SEVERITY.get(screening.kind or _NONE, 0), *told, 0))
    return found


def by_rules_alone(alarms: Sequence[Alarm]) -> list[int]:
    """The same where each rule suffices and there is no network; of the last turn alone."""
    rules = RuleReader(load_policy(DATA_DIR))
    readings = (rules.read_message(alarm.turns[-1]) for alarm in alarms)
    fired = ((*reading.urgent, *reading.messages) for reading in readings)
    return [max((SEVERITY.get(rule.level, 0) for rule in found), default=0) for found in fired]


def count_messages(alarms: Iterable[Alarm], found: Iterable[int]) -> dict[tuple[str, str], Count]:
    """Counts by group and level, in the order of the file."""
    members: dict[tuple[str, str], list[int]] = defaultdict(list)
    for alarm, severity in zip(alarms, found, strict=True):
        members[alarm.group, alarm.level].append(severity)
    return {
        (group, level): Count(
            len(own),
            sum(severity > 0 for severity in own),
            sum(severity >= SEVERITY[level] for severity in own),
        )
        for (group, level), own in members.items()
    }


def count_variants(
    alarms: Sequence[Alarm], found: Sequence[int]
) -> dict[str, tuple[int, int, int, int, int]]:
    """By variant: red flags, those found less urgent than their base, those found less urgent than
    they are, harmless ones, false alarms.
    """
    base = {
        alarm.group: severity
        for alarm, severity in zip(alarms, found, strict=True)
        if alarm.variant == BASE
    }
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0])
    for alarm, severity in zip(alarms, found, strict=True):
        own = counts[alarm.variant]
        if alarm.level == _NONE:
            own[3] += 1
            own[4] += severity > 0
        else:
            own[0] += 1
            own[1] += severity < base[alarm.group]
            own[2] += severity < SEVERITY[alarm.level]
    return {name: (a, b, c, d, e) for name, (a, b, c, d, e) in counts.items()}


def measure_alarms() -> dict[str, Any]:
    """All counts, as JSON."""
    guardrails = Guardrails()
    messages, attacks = load_alarms(MESSAGES), load_alarms(ATTACKS)
    counted = count_messages(messages, screened(guardrails, messages))
    ruled = count_messages(messages, by_rules_alone(messages))
    variants = count_variants(attacks, screened(guardrails, attacks))
    return {
        "messages": [
            {
                "group": group,
                "level": level,
                "n": c.n,
                "seen": c.seen,
                "as_high": c.as_high,
                "seen_by_rules_alone": ruled[group, level].seen,
            }
            for (group, level), c in counted.items()
        ],
        "attacks": [
            {
                "variant": name,
                "red_flags": a,
                "lowered": b,
                "less_urgent": c,
                "harmless": d,
                "false_alarms": e,
            }
            for name, (a, b, c, d, e) in variants.items()
        ],
    }


def render_alarms(figures: Mapping[str, Any]) -> str:
    """The tables, in Markdown."""
    lines = [
        "| messages | level | n | seen as a red flag | at least as urgent | seen by rules alone |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in figures["messages"]:
        harmless = row["level"] == _NONE
        high = "" if harmless else f"{row['as_high'] / row['n']:.3f}"
        lines.append(
            f"| {row['group']} | {'harmless' if harmless else row['level']} | {row['n']} | "
            f"{row['seen'] / row['n']:.3f} | {high} | {row['seen_by_rules_alone'] / row['n']:.3f} |"
        )
    lines += [
        "",
        "| disguise | red flags | found less urgent than plain | … than they are | harmless | "
        "false alarms |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in figures["attacks"]:
        lines.append(
            f"| {row['variant']} | {row['red_flags']} | {row['lowered']} | {row['less_urgent']} | "
            f"{row['harmless']} | {row['false_alarms']} |"
        )
    return "\n".join(lines) + "\n"
