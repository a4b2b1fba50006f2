"""What the weighing makes of messages that the network had not met: catching and false alarms."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from assistant.reader import Impression
from assistant.screening.rules import Rule
from assistant.screening.weigh import LEVELS, parse_weighing
from assistant.types import Kind
from training.balance import Fired
from training.examples import Example
from training.learn import Scores

NONE = "none"


def measure(
    examples: Sequence[Example],
    scores: Scores,
    fired: Sequence[Fired],
    weighing: Mapping[str, Any],
) -> dict[str, Any]:
    """For each row of the table, each level and each file: how many, and what became of them.

    Returns:
        ``rows``: criterion → level → level found → count; ``none`` stands for no red flag;
        ``files``: the same of harmless messages by file; ``kinds``: kind → kind found → count.
    """
    weigh = parse_weighing({"weighing": weighing})
    rows: dict[str, Any] = defaultdict(lambda: defaultdict(lambda: defaultdict(int)))
    files: dict[str, Any] = defaultdict(lambda: defaultdict(int))
    kinds: dict[str, Any] = defaultdict(lambda: defaultdict(int))
    for n, (example, found) in enumerate(zip(examples, fired, strict=True)):
        message = example.message
        impression = Impression(
            scores["urgency"][n],
            scores["kind"][n],
            scores["about"][n],
            scores["criterion"][n],
            np.zeros(0, np.float32),
        )
        if message.urgency is not None:
            level = weigh.level(impression, list(_as_rules(found)))
            name = level.value if level else NONE
            rows[message.criterion or "-"][message.urgency][name] += 1
            if message.urgency == NONE:
                files[message.source][name] += 1
        if message.kind is not None:
            others = weigh.other_kinds(impression.kind, {Kind(x) for x in found})
            kinds[message.kind][others[0] if others else "question"] += 1
    return {"rows": rows, "files": files, "kinds": kinds}


def _as_rules(fired: Fired) -> Iterator[Rule]:
    """Rules for red flags of these levels; nothing else of them is read."""
    for level in fired & {*LEVELS}:
        yield Rule("", level, (), 0, frozenset(), 0)
