"""A message read by the rules and by the network, and what both together make of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from assistant.minilm import Array
from assistant.reader import CRITERIA, KINDS, Impression, Reader
from assistant.screening.data import Policy, word_rule
from assistant.screening.hits import Hit
from assistant.screening.normalise import drop_repeats, find_encoded
from assistant.screening.reading import RuleReader
from assistant.screening.rules import Rule
from assistant.screening.weigh import (
    LEVELS,
    READ_AS,
    flag_odds,
    log_odds,
    parse_weighing,
)
from assistant.screening.windows import kind_of, most_alarming, windows
from assistant.types import Kind

SEVERE: Final[tuple[Kind, ...]] = (Kind.EMERGENCY, Kind.CRISIS)
FOREIGN: Final = "READ-foreign"
# Rows of the red-flag table whose text is kept under the name of an emergency rule.
_TEXT_OF_ROW: Final = {"WB": "WB-E", "PED": "PED-E"}
# Signs may be split over this many turns.
_TURNS_JOINED: Final = 4
# Sentences of one message that the network is asked about one by one.
MAX_SENTENCES: Final = 40
# Pieces of one message that are read where they are dense and have to be parted again.
_MAX_PARTS: Final = 16
# What the network reads at once is cut here; it reads about 1,000 characters.
_MAX_CHARS: Final = 2_000


@dataclass(frozen=True)
class Look:
    """What rules and network see in one message.

    `text` is what was typed, normalised; `read` has what the network makes of each piece, `kind`
    the log-probabilities of `reader.KINDS` for the whole.
    """

    text: str
    rules: tuple[Rule, ...]
    hits: tuple[Hit, ...]
    read: tuple[Impression, ...]
    kind: Array

    @cached_property
    def fired(self) -> dict[Kind, list[Rule]]:
        """The rules that fired, by their kinds."""
        found: dict[Kind, list[Rule]] = {}
        for rule in self.rules:
            found.setdefault(Kind(rule.level), []).append(rule)
        return found

    @property
    def red_flags(self) -> list[Rule]:
        """The rules for red flags that fired."""
        return [rule for rule in self.rules if Kind(rule.level) in LEVELS]


class JointReader:
    """Reads messages by the rules of a policy and by a network.

    Raises:
        ModelError: the network's weights of the decisions cannot be used.
    """

    def __init__(self, policy: Policy, reader: Reader) -> None:
        self.rules = RuleReader(policy)
        self._reader = reader
        self._weighing = parse_weighing(reader.facts)

    def prepare(self, text: str) -> str:
        """The text as rules and network read it: normalised, disguises removed."""
        return self.rules.prepare(text)

    def impressions(self, texts: Sequence[str], ahead: Sequence[str] = ()) -> list[Impression]:
        """What the network makes of each text by itself, in order; of a long one, its beginning.

        Args:
            ahead: as `Reader.read` has it.
        """
        return self._reader.read([self.prepare(text)[:_MAX_CHARS] for text in texts], ahead)

    def read_ahead(
        self, messages: Iterable[tuple[str, Sequence[str]]], ahead: Sequence[str] = ()
    ) -> None:
        """Have the network read many messages, each with its earlier turns, in one go."""
        pieces: list[str] = []
        for text, earlier in messages:
            pieces += self._windows(self.prepare(text))
            if hidden := self._hidden(text):
                pieces += self._windows(hidden)
            if earlier:
                pieces += self._windows(self._joined(text, earlier))
                for turn in earlier:
                    pieces += self._windows(self.prepare(turn))
                    if hidden := self._hidden(turn):
                        pieces += self._windows(hidden)
        self._reader.read(pieces, ahead)

    def look(self, text: str, ahead: Sequence[str] = ()) -> Look:
        """One message, and whatever is encoded in it."""
        prepared, hidden = self.prepare(text), self._hidden(text)
        reading = self.rules.read_prepared([prepared, hidden] if hidden else [prepared])
        typed, encoded = self._windows(prepared), self._windows(hidden) if hidden else []
        read = self._reader.read([*typed, *encoded], ahead)
        kind = kind_of(read[: len(typed)], read[len(typed) :])
        rules = (*reading.urgent, *reading.messages)
        return Look(prepared, rules, tuple(reading.hits), tuple(read), kind)

    def look_at_all(self, text: str, earlier: Sequence[str]) -> Look:
        """A message together with the turns before it.

        Its rules are those that fire across the turns, where the message itself adds a sign to
        them: its "it" may be an earlier turn's hip, and is no sign by itself.
        """
        turns = [self.prepare(turn) for turn in (*earlier, text)]
        reading = self.rules.read_prepared(turns)
        adds = any(hit.turn == len(earlier) and not hit.marks for hit in reading.hits)
        rules = (*reading.urgent, *reading.messages) if adds else ()
        joined = self._joined(text, earlier)
        read = self._reader.read(self._windows(joined))
        return Look(joined, rules, tuple(reading.hits), tuple(read), kind_of(read, []))

    def level(self, look: Look, more: Sequence[Rule] = ()) -> tuple[Kind, Rule] | None:
        """The most severe level of all pieces, and the row of the table that the network thinks of.

        Args:
            more: rules that are to count besides those that fired.
        """
        fired = [*look.red_flags, *more]
        levels = [(level, one) for one in look.read if (level := self._weighing.level(one, fired))]
        found = min(levels, key=lambda pair: LEVELS.index(pair[0]), default=None)
        return (found[0], _row_of(found[1], found[0])) if found else None

    def kinds(self, look: Look) -> dict[Kind, list[Rule]]:
        """The kinds of a message, each with what spoke for it; of the red flags the level first."""
        kinds: dict[Kind, list[Rule]] = {}
        fired = look.fired
        if found := self.level(look):
            level, row = found
            kinds[level] = [*fired.get(level, ()), row]
            for other in SEVERE:
                if level in SEVERE and other in fired:
                    kinds.setdefault(other, fired[other])
        for name in self._weighing.other_kinds(look.kind, fired):
            kind = READ_AS[name]
            odds = log_odds(look.kind[KINDS.index(name)])
            rule = word_rule(f"READ-{name}", kind, f"reads like {name}, log-odds {odds:.1f}")
            kinds.setdefault(kind, []).extend([*fired.get(kind, ()), rule])
        return kinds

    def are_orders(self, texts: Sequence[str]) -> list[bool]:
        """Whether each text speaks to the assistant, by the rules or by the network.

        Where there are many texts, by the rules alone.
        """
        found = [self.rules.is_instruction(text) for text in texts]
        if len(texts) > MAX_SENTENCES:
            return found
        read = self.impressions(texts)
        return [
            rule or "injection" in self._weighing.other_kinds(one.kind, ())
            for rule, one in zip(found, read, strict=True)
        ]

    def _hidden(self, text: str) -> str:
        encoded = find_encoded(text)
        return self.prepare("\n".join(encoded)) if encoded else ""

    def _joined(self, text: str, earlier: Sequence[str]) -> str:
        return self.prepare("\n".join([*earlier, text][-_TURNS_JOINED:]))

    def _windows(self, prepared: str) -> list[str]:
        if len(prepared) > _MAX_CHARS:
            prepared = drop_repeats(prepared)
        pieces = windows(prepared, self._reader.alarm)
        parts = [part for piece in pieces for part in self._reader.parts(piece)]
        return most_alarming(parts, self._reader.alarm, _MAX_PARTS)


def is_foreign(kinds: Mapping[Kind, Sequence[Rule]]) -> bool:
    """Whether a message is unclear because it is in another language."""
    return any(rule.id == FOREIGN for rule in kinds.get(Kind.UNCLEAR, ()))


def _row_of(impression: Impression, level: Kind) -> Rule:
    """The row of the red-flag table that the network thinks of, in the form of a rule."""
    row = CRITERIA[int(impression.criterion.argmax())]
    name = _TEXT_OF_ROW.get(row, row) if level is Kind.EMERGENCY else row
    reason = f"reads like {row}, log-odds of a red flag {flag_odds(impression):.1f}"
    return word_rule(name, level, reason)
