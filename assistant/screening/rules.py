"""Rules with slots: each slot names concepts, a rule matches when all slots are near enough.

A rule looks only at hits without marks (see ``marks``), but for what it says it tolerates.
Matching is one pass over the hits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from assistant.errors import SettingsError
from assistant.screening.hits import Hit
from assistant.screening.marks import Mark

NEAR: Final = 45
ANYWHERE: Final = 1_000_000_000
MARKS: Final = {
    "negated": Mark.NEGATED,
    "past": Mark.PAST,
    "resolved": Mark.RESOLVED,
    "general": Mark.GENERAL,
    "hypothetical": Mark.HYPOTHETICAL,
    "other": Mark.OTHER,
}
_UNLESS_GAP: Final = 25
_MAX_CANCELS: Final = 60
_NEVER: Final = -(10**12)
_NOT_TIMELESS: Final = ~(Mark.PAST | Mark.RESOLVED | Mark.HYPOTHETICAL)


@dataclass(frozen=True, slots=True)
class Rule:
    """`slots` all within `gap` words of each other, none of `unless` near by."""

    id: str
    level: str
    slots: tuple[frozenset[str], ...]
    gap: int
    unless: frozenset[str]
    tolerates: int
    number: int = 0
    flag: bool = True


def parse_rule(
    row: Mapping[str, Any],
    owner: str,
    level: str,
    groups: Mapping[str, Sequence[str]],
    known: frozenset[str],
    signs: frozenset[str],
    places: frozenset[str],
    number: int = 0,
    flag: bool = True,
) -> Rule:
    """Build a rule from its row and check that every concept in it exists.

    Raises:
        SettingsError: a concept is unknown or a slot is empty.
    """

    def concepts(slot: str) -> frozenset[str]:
        out: set[str] = set()
        for name in slot.replace("|", " ").split():
            if name in groups:
                for inner in groups[name]:
                    out |= concepts(inner)
                continue
            sign, _, place = name.partition("@")
            if place:
                inner_signs = groups.get(sign, [sign])
                inner_places = groups.get(place, [place])
                for s in inner_signs:
                    for p in inner_places:
                        if s not in signs or p not in places:
                            raise SettingsError(f"{owner}: {s}@{p} is no sign and place")
                        out.add(f"{s}@{p}")
            elif name in known:
                out.add(name)
            else:
                raise SettingsError(f"{owner}: unknown concept {name!r}; add it to a lexicon")
        if not out:
            raise SettingsError(f"{owner}: an empty slot")
        return frozenset(out)

    tolerates: int = Mark.NONE
    for name in row.get("tolerates", ()):
        tolerates |= MARKS[name]
    unless: frozenset[str] = frozenset()
    for slot in row.get("unless", ()):
        unless |= concepts(slot)
    gap = {"near": NEAR, "message": ANYWHERE}.get(row.get("gap", "near"), row.get("gap", NEAR))
    return Rule(
        owner,
        row.get("level", level),
        tuple(concepts(s) for s in row["all"]),
        gap,
        unless,
        tolerates,
        number,
        flag,
    )


class RuleSet:
    """Rules indexed by concept.

    Args:
        rules: in the order in which firings of one message are reported.
        timeless: concepts that count although long past (cancer, an operation).
    """

    def __init__(self, rules: Iterable[Rule], timeless: frozenset[str]) -> None:
        self.rules = tuple(rules)
        self._timeless = timeless
        self._by_concept: dict[str, list[tuple[int, int]]] = {}
        self._full = [(1 << len(rule.slots)) - 1 for rule in self.rules]
        for number, rule in enumerate(self.rules):
            for slot, names in enumerate(rule.slots):
                for concept in names:
                    self._by_concept.setdefault(concept, []).append((number, 1 << slot))

    def fired(self, hits: Sequence[Hit], allowed: int = Mark.NONE) -> list[Rule]:
        """The rules that match, in their order; `allowed` marks are overlooked."""
        said: dict[str, list[tuple[int, int]]] = {}
        for concept, position, marks, _ in hits:
            if marks:
                marks &= ~allowed
                if concept in self._timeless:
                    marks &= _NOT_TIMELESS
            said.setdefault(concept, []).append((position, marks))
        count: dict[int, int] = {}
        for concept in said:
            for number, slot in self._by_concept.get(concept, ()):
                count[number] = count.get(number, 0) | slot
        return [
            self.rules[number]
            for number in sorted(count)
            if count[number] == self._full[number] and _matches(self.rules[number], said)
        ]


def _matches(rule: Rule, said: Mapping[str, Sequence[tuple[int, int]]]) -> bool:
    """One sweep over the positions of the rule's concepts."""
    strict = ~rule.tolerates
    cancel = [
        position
        for concept in rule.unless
        for position, marks in said.get(concept, ())
        if not marks & strict
    ][:_MAX_CANCELS]
    events = sorted(
        (position, slot)
        for slot, names in enumerate(rule.slots)
        for concept in names
        if concept in said
        for position, marks in said[concept]
        if not marks & strict
    )
    last = [_NEVER] * len(rule.slots)
    for position, slot in events:
        last[slot] = position
        if position - min(last) <= rule.gap and (
            not cancel or all(abs(c - p) > _UNLESS_GAP for c in cancel for p in last)
        ):
            return True
    return False
