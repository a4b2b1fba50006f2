"""The written messages that the reader learns from, one JSON object a line.

``text`` (or ``turns``, what the user wrote in one conversation), and whatever is known of it:
``urgency``, ``kind``, ``about``. ``criterion`` names the row of the red-flag table that an urgent
message meets, or that a harmless one comes near. Where nothing is known, nothing is learned.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from assistant.reader import ABOUTS, CRITERIA, KINDS, URGENCIES
from assistant.screening.data import Example as PolicySentence

FOLDER: Final = Path(__file__).parent / "messages"
CARRIERS: Final = Path(__file__).parent / "carriers.jsonl"
# Neighbouring lines often are a pair that differs in one detail: they stay on one side.
BLOCK: Final = 12
# The rows of the table that rules of other names belong to.
_ROWS: Final = {"CLOT": "DVT", "FALL": "FRX-U", "HIP-E": "HIP", "WB-E": "WB"}
_GROUPS: Final = ("GEN", "MH", "PED")


@dataclass(frozen=True, slots=True)
class Message:
    """A message and its labels, None where one is not known.

    `criterion` may be a row that is only near, or ``""``. `block` numbers the neighbours that have
    to stay together when messages are parted into those learned from and those measured on.
    """

    text: str
    urgency: str | None = None
    kind: str | None = None
    about: str | None = None
    criterion: str = ""
    source: str = ""
    block: int = 0


@dataclass(frozen=True, slots=True)
class Carrier:
    """Words without a sign of illness that may stand before or after any message."""

    text: str
    before: bool


def load_messages(folder: Path = FOLDER) -> tuple[Message, ...]:
    """All messages in the order of files and lines, each text once.

    Raises:
        ValueError: names file, line and what is wrong with it.
    """
    messages: dict[str, Message] = {}
    for number, path in enumerate(sorted(folder.glob("*.jsonl"))):
        for message in _iter_file(path, first_block=number * 1000):
            messages.setdefault(message.text, message)
    return tuple(messages.values())


def _iter_file(path: Path, first_block: int) -> Iterator[Message]:
    for number, line in enumerate(path.read_text("utf-8").splitlines()):
        try:
            row = json.loads(line)
            text = row["text"] if "text" in row else "\n".join(row["turns"])
            if not text.strip():
                raise ValueError("it has no words")
            yield Message(
                text,
                _one_of(row.get("urgency"), URGENCIES),
                _one_of(row.get("kind"), KINDS),
                _one_of(row.get("about"), ABOUTS),
                _one_of(row.get("criterion"), CRITERIA) or "",
                path.stem,
                first_block + number // BLOCK,
            )
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path}:{number + 1}: {error}") from error


def _one_of(value: str | None, allowed: Sequence[str]) -> str | None:
    if value is not None and value not in allowed:
        raise ValueError(f"{value!r} is none of {', '.join(allowed)}")
    return value


def load_carriers(path: Path = CARRIERS) -> tuple[Carrier, ...]:
    """All carriers in the file's order."""
    rows = (json.loads(line) for line in path.read_text("utf-8").splitlines())
    return tuple(Carrier(row["text"], row["place"] == "before") for row in rows)


def messages_of_policy(sentences: Sequence[PolicySentence], first_block: int) -> list[Message]:
    """The rules' own test sentences as messages; where a rule is quiet there is no red flag."""
    found = []
    for number, sentence in enumerate(sentences):
        level = sentence.level if sentence.fires else "none"
        is_flag = level in URGENCIES[1:]
        found.append(
            Message(
                sentence.text,
                level if is_flag else "none",
                level if level in KINDS else None,
                criterion=_row(sentence.rule) if is_flag else "",
                source="policy",
                block=first_block + number // BLOCK,
            )
        )
    return found


def _row(rule: str) -> str:
    name = rule.removeprefix("MAYBE-")
    name = _ROWS.get(name, name)
    group = name.split("-")[0]
    return group if group in _GROUPS else name
