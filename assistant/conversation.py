"""A follow-up → a query that can be searched by itself, from the turns before it; no model.

What cannot be resolved is returned as it is; the answer's check then finds no evidence for it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from assistant.text import squeeze, words
from assistant.types import Turn

_OPENERS: Final = re.compile(
    r"(and|but|so|or|also|ok(ay)?|what about|how about|what if|why( not| is that)?\s*\??$|how so"
    r"|then|really|yes|yeah|yep|sure|please|go on|tell me more|more|what else|any others?)\b",
    re.I,
)
_POINTERS: Final = frozenset(
    "it its that this those these they them one ones he she former latter same other".split()
)
_ORDINALS: Final = {
    "first": 0,
    "1st": 0,
    "second": 1,
    "2nd": 1,
    "third": 2,
    "3rd": 2,
    "fourth": 3,
    "4th": 3,
    "last": -1,
}
_STOP: Final = frozenset(
    "a an and are about any at be but by can could do does for from go had has have how i if in is "
    "it me more my not of ok okay on one or other please really same should so sure tell than that "
    "the them then there these they this those to too was what when where which who why will with "
    "would yeah yep yes you your else others".split()
)
_MAX_WORDS: Final = 12
_AFFIRMED: Final = frozenset("yes yeah yep sure ok okay please go on more".split())
_OFFER: Final = re.compile(r"(?:would you like|do you want|shall i|want me)\b[^?]*\?", re.I)
_QUOTED_ITEM: Final = re.compile(r"^\s*(?:\d+[.)]|[•\-*–])\s*(.+)$", re.M)


def resolve_follow_up(question: str, history: Sequence[Turn]) -> str:
    """The query to search for `question`, which may lean on earlier turns.

    A question that can stand alone is returned unchanged.
    """
    asked = [squeeze(turn.content) for turn in history if turn.role == "user"]
    if not asked or not leans_back(question):
        return question
    own = words(question)
    said = next((turn.content for turn in reversed(history) if turn.role == "assistant"), "")
    if set(own) <= _AFFIRMED and (offer := _OFFER.search(said)):
        return squeeze(f"{asked[-1]} {offer.group()}")
    if item := _pointed_at(own, said):
        return squeeze(f"{question} {item}")
    topic = next((turn for turn in reversed(asked) if not leans_back(turn)), asked[-1])
    return squeeze(f"{topic} {question}")


def leans_back(question: str) -> bool:
    """Whether a message makes little sense without what was said before."""
    own = words(question)
    if not own or len(own) > _MAX_WORDS:
        return False
    content = [word for word in own if word not in _STOP]
    if len(content) <= 1 or _OPENERS.match(question.strip()):
        return True
    return bool(_POINTERS & set(own)) and len(content) <= 4


def _pointed_at(own: Sequence[str], said: str) -> str:
    """The list item of the last answer that an ordinal names, or ``""``."""
    numbers = [_ORDINALS[word] for word in own if word in _ORDINALS]
    items = _QUOTED_ITEM.findall(said)
    if not numbers or not items or numbers[0] >= len(items):
        return ""
    return squeeze(str(items[numbers[0]]))[:120]
