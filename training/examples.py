"""Messages and written questions as one set of examples, and how they are varied while learning."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from assistant.questions import WrittenQuestion
from assistant.topics import TopicExample
from assistant.types import Passage
from training.messages import Carrier, Message

# How often an example is varied. Each variation leaves its meaning as it is.
TYPOS: Final = 0.25
LETTERS_A_TYPO: Final = 30
NO_PUNCTUATION: Final = 0.15
CARRIED: Final = 0.25
JOINED: Final = 0.18
MOST_JOINED: Final = 3
JOINED_WORDS: Final = 150
_PUNCTUATION: Final = re.compile(r"[.,!?;:'’]")


@dataclass(frozen=True, slots=True)
class Example:
    """A message with the passages that answer it.

    `rows` are those of the passages; empty for "no passage answers it", None for "not known".
    """

    message: Message
    rows: tuple[int, ...] | None = None


def examples_of(
    messages: Sequence[Message],
    topics: Sequence[TopicExample],
    questions: Sequence[WrittenQuestion],
    passages: Sequence[Passage],
) -> tuple[Example, ...]:
    """Everything that is learned from; a written question is no red flag.

    Questions are numbered one by one, so that rewordings may fall on both sides when they are
    parted: what is then measured of them is for the join of the answer check, no forecast.
    """
    found = [Example(message, () if message.kind != "question" else None) for message in messages]
    last = max((message.block for message in messages), default=0) + 1
    for number, topic in enumerate(topics):
        message = Message(
            topic.text, "none", "question", topic.topic.value, "", "topics", last + number
        )
        found.append(Example(message, ()))
    last += len(topics)
    for number, question in enumerate(questions):
        rows = tuple(
            row
            for row, passage in enumerate(passages)
            if any(passage.span.overlaps(span) for span in question.spans)
        )
        message = Message(
            question.text, "none", None, "musculoskeletal", "", "questions", last + number
        )
        found.append(Example(message, rows))
    return tuple(found)


class Varied:
    """Examples as they are met in one pass: with typos, without punctuation, carried, joined."""

    def __init__(
        self, examples: Sequence[Example], carriers: Sequence[Carrier], random: np.random.Generator
    ) -> None:
        self._examples = examples
        self._carriers = carriers
        self._random = random
        self._harmless = [e.message.text for e in examples if e.message.urgency == "none"]

    def once(self) -> list[Example]:
        """Every example once, in order, each perhaps varied."""
        return [self._vary(example) for example in self._examples]

    def _vary(self, example: Example) -> Example:
        random, text = self._random, example.message.text
        if random.random() < NO_PUNCTUATION:
            text = _PUNCTUATION.sub("", text)
        if random.random() < TYPOS:
            text = with_typos(text, random)
        if self._carriers and random.random() < CARRIED:
            carrier = self._carriers[int(random.integers(len(self._carriers)))]
            text = f"{carrier.text} {text}" if carrier.before else f"{text} {carrier.text}"
        if random.random() >= JOINED:
            return replace(example, message=replace(example.message, text=text))
        # Beside harmless messages only the urgency stays what it was.
        parts = [text]
        for _ in range(int(random.integers(1, MOST_JOINED + 1))):
            other = self._harmless[int(random.integers(len(self._harmless)))]
            if sum(len(part.split()) for part in (*parts, other)) > JOINED_WORDS:
                break
            parts.insert(int(random.integers(len(parts) + 1)), other)
        joint = "\n" if random.random() < 0.5 else " "
        message = replace(example.message, text=joint.join(parts), kind=None, about=None)
        return Example(message)


def with_typos(text: str, random: np.random.Generator) -> str:
    """The text with about one slip in `LETTERS_A_TYPO` characters: lost, swapped, doubled, hit."""
    letters = list(text)
    if not letters:
        return text
    for _ in range(max(1, len(letters) // LETTERS_A_TYPO)):
        at = int(random.integers(len(letters)))
        if not letters[at].isalpha():
            continue
        slip = random.integers(4)
        if slip == 0:
            letters[at] = ""
        elif slip == 1 and at + 1 < len(letters):
            letters[at], letters[at + 1] = letters[at + 1], letters[at]
        elif slip == 2:
            letters[at] *= 2
        else:
            letters[at] = string.ascii_lowercase[random.integers(26)]
    return "".join(letters)
