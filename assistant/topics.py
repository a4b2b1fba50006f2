"""Hand-written example messages by topic (``data/topics.jsonl``): what a message is about."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources


class Topic(StrEnum):
    """What a message is about, whatever a corpus covers."""

    MUSCULOSKELETAL = "musculoskeletal"
    HEALTH = "health"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class TopicExample:
    """A message and its topic."""

    text: str
    topic: Topic


@cache
def load_topics() -> tuple[TopicExample, ...]:
    """All examples, in the file's order."""
    data = resources.files("assistant").joinpath("data/topics.jsonl").read_text("utf-8")
    rows = (json.loads(line) for line in data.splitlines() if line.strip())
    return tuple(TopicExample(row["text"], Topic(row["topic"])) for row in rows)
