"""A message read whole: its hits and the rules that fire, however long or disguised it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from assistant.screening.data import Policy
from assistant.screening.hits import Hit, read
from assistant.screening.normalise import drop_repeats, find_encoded, normalise
from assistant.screening.rules import Rule, RuleSet
from assistant.types import Kind

_TAG: Final = re.compile(
    r"(?:<\|?|\[|\{|##|%%|==|--)/?[ \t]{0,3}"
    r"(?:system|assistant|developer|admin|sys|inst|im_start|im_end|end_?system|instructions?|"
    r"system[ _]override|system[ _]prompt|new instructions?)\b",
    re.IGNORECASE,
)
_SYSTEM_LINE: Final = re.compile(r"^[ \t]{0,9}(?:system|developer|assistant) ?:", re.I | re.M)
_BLOCK_CHARS: Final = 4_000
_OVERLAP_CHARS: Final = 400
_REMEMBERED: Final = 4096


@dataclass(frozen=True, slots=True)
class Reading:
    """What stands in a message; `urgent` are red flags, `messages` the other kinds' rules."""

    hits: list[Hit]
    urgent: list[Rule]
    messages: list[Rule]


class RuleReader:
    """Reads messages by the rules of one policy."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        orders = [r for r in policy.messages.rules if r.level == Kind.INJECTION.value]
        self._orders = RuleSet(orders, frozenset())
        # Every answer's sentences are checked, and most are the articles' own, met before.
        self._speaks_to_it = lru_cache(_REMEMBERED)(self._read_order)

    def is_instruction(self, text: str) -> bool:
        """Whether `text` (a sentence, as typed) speaks to an assistant."""
        return self._speaks_to_it(text)

    def _read_order(self, text: str) -> bool:
        prepared = self.prepare(text)
        if len(prepared) > _BLOCK_CHARS:
            levels = {r.level for r in self._read_long([prepared]).messages}
            return Kind.INJECTION.value in levels
        hits = read([prepared], self._policy.lexicon, self._policy.concepts)
        return bool(self._orders.fired(hits))

    def read_message(self, question: str, decode: bool = True) -> Reading:
        """One message with whatever is encoded in it."""
        texts = [question]
        if decode:
            texts.extend(find_encoded(question))
        return self.read_prepared([self.prepare(t) for t in texts])

    def read_prepared(self, texts: Sequence[str]) -> Reading:
        """Turns that `prepare` has normalised, in order."""
        policy = self._policy
        if sum(map(len, texts)) <= _BLOCK_CHARS:
            hits = read(texts, policy.lexicon, policy.concepts)
            return Reading(hits, policy.flags.fired(hits), policy.messages.fired(hits))
        return self._read_long(texts)

    def _read_long(self, texts: Sequence[str]) -> Reading:
        """The same in overlapping blocks."""
        policy = self._policy
        hits: list[Hit] = []
        fired: dict[int, Rule] = {}
        base = 0
        for turn, text in enumerate(texts):
            for block in _blocks(drop_repeats(text)):
                here = read([block], policy.lexicon, policy.concepts)
                for rule in policy.flags.fired(here) + policy.messages.fired(here):
                    fired.setdefault(rule.number, rule)
                ends = {(h.concept, h.marks): h for h in here}
                starts = {(h.concept, h.marks): h for h in reversed(here)}
                kept = sorted({*ends.values(), *starts.values()}, key=lambda h: h.position)
                hits.extend(Hit(h.concept, h.position + base, h.marks, turn) for h in kept)
                base = (hits[-1].position if hits else base) + 8
        fired.update({r.number: r for r in policy.flags.fired(hits)})
        fired.update({r.number: r for r in policy.messages.fired(hits)})
        return _sorted_reading(hits, fired)

    def prepare(self, text: str) -> str:
        """`text` normalised, with role markers made into words."""
        return _tagged(self._policy.respace(normalise(text, self._policy.segment)))


def _sorted_reading(hits: list[Hit], fired: Mapping[int, Rule]) -> Reading:
    rules = [fired[number] for number in sorted(fired)]
    urgent = [r for r in rules if r.flag]
    return Reading(hits, urgent, [r for r in rules if not r.flag])


def _blocks(text: str) -> Iterator[str]:
    """Pieces that overlap, cut at blanks where there are any."""
    start = 0
    while start < len(text):
        end = start + _BLOCK_CHARS
        if end < len(text):
            blank = text.rfind(" ", end - 200, end)
            end = blank if blank > 0 else end
        yield text[start:end]
        if end >= len(text):
            return
        blank = text.rfind(" ", end - _OVERLAP_CHARS - 100, end - _OVERLAP_CHARS)
        start = blank if blank > start else end - _OVERLAP_CHARS


def _tagged(text: str) -> str:
    return _SYSTEM_LINE.sub(" tag_system ", _TAG.sub(" tag_system ", text))
