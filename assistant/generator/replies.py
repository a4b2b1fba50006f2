"""A model's reply → what it says, read leniently: JSON somewhere in it, numbers perhaps as text.

For models without tool calling. What it says is not believed; see ``writer``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

MAX_OBJECTS: Final = 30
MAX_LISTED: Final = 50
_THOUGHTS: Final = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.I)


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _as_number(value: Any) -> Any:
    """``"[3]"`` and ``"3."`` as 3; what is no number stays, and is refused."""
    if isinstance(value, str) and (found := re.fullmatch(r"\W*(\d{1,4})\W*", value, re.ASCII)):
        return int(found[1])
    return value


Number = Annotated[int, BeforeValidator(_as_number), Field(ge=-9999, le=9999)]
Numbers = Annotated[list[Number], BeforeValidator(_as_list), Field(max_length=MAX_LISTED)]


class Arranged(BaseModel):
    """The numbers of the sentences, in the order that they are to be read."""

    sentences: Numbers


class Said(BaseModel):
    """One statement in the model's words, and what it rests on."""

    text: str
    sentences: Numbers
    words: Annotated[list[str], BeforeValidator(_as_list), Field(max_length=MAX_LISTED)]


class Rephrased(BaseModel):
    """Statements, the one that answers first."""

    statements: Annotated[list[Said], Field(max_length=MAX_LISTED)]


class Rewritten(BaseModel):
    """A follow-up as a question of its own."""

    query: str


class Asked(BaseModel):
    """A question that a sentence answers, and the words of it that do."""

    text: str
    sentence: Number
    words: Annotated[list[str], BeforeValidator(_as_list), Field(max_length=MAX_LISTED)]


class Missed(BaseModel):
    """A question on the topic that no sentence answers, and what is missing."""

    text: str
    missing: str = ""


class Questions(BaseModel):
    """Questions about numbered sentences."""

    questions: Annotated[list[Asked], Field(max_length=4 * MAX_LISTED)]
    near_misses: Annotated[list[Missed], Field(max_length=MAX_LISTED)] = []


Reply = TypeVar("Reply", bound=BaseModel)


def parse_reply(text: str, kind: type[Reply]) -> Reply | None:
    """The first JSON object in `text` that is one; None where there is none."""
    for value in _iter_objects(_THOUGHTS.sub(" ", text)):
        try:
            return kind.model_validate(value)
        except (ValidationError, RecursionError):
            continue
    return None


def _iter_objects(text: str) -> Iterator[Any]:
    decoder = json.JSONDecoder()
    at = text.find("{")
    for _ in range(MAX_OBJECTS):
        if at < 0:
            return
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = at + 1
        else:
            yield value
        at = text.find("{", end)
