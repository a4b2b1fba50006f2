"""Rules with slots: each slot names concepts, a rule matches when all slots are near enough.

A rule looks only at hits without marks (see ``clauses``), but for what it says it tolerates.
Matching is one pass over the hits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from assistant.errors import SettingsError
from assistant.screening.clauses import Hit, Mark

NEAR: Final = 45
ANYWHERE: Final = 1_000_000_000
_UNLESS_GAP: Final = 25
_MAX_FIRINGS: Final = 60


@dataclass(frozen=True, slots=True)
class Rule:
    """`slots` all within `gap` words of each other, none of `unless` near by."""

    id: str
    level: str
    slots: tuple[frozenset[str], ...]
    gap: int
    unless: frozenset[str]
    tolerates: Mark
    number: int = 0


def parse_rule(
    row: Mapping[str, Any], owner: str, level: str, groups: Mapping[str, Sequence[str]],
    known: frozenset[str], signs: frozenset[str], places: frozenset[str], number: int = 0,
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

    tolerates = Mark.NONE
    for name in row.get("tolerates", ()):
        tolerates |= Mark[name.upper()]
    unless: frozenset[str] = frozenset()
    for slot in row.get("unless", ()):
        unless |= concepts(slot)
    gap = {"near": NEAR, "message": ANYWHERE}.get(row.get("gap", "near"), row.get("gap", NEAR))
    return Rule(
        owner, row.get("level", level), tuple(concepts(s) for s in row["all"]), gap, unless,
        tolerates, number,
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
        self._by_concept: dict[str, list[int]] = {}
        for number, rule in enumerate(self.rules):
            for concept in frozenset[str]().union(*rule.slots):
                self._by_concept.setdefault(concept, []).append(number)

    def fired(self, hits: Sequence[Hit], allowed: Mark = Mark.NONE) -> list[Rule]:
        """The rules that match, in their order; `allowed` marks are overlooked."""
        usable: list[tuple[str, int, Mark]] = []
        present: set[str] = set()
        for hit in hits:
            marks = hit.marks & ~allowed
            if hit.concept in self._timeless:
                marks &= ~(Mark.PAST | Mark.RESOLVED | Mark.HYPOTHETICAL)
            usable.append((hit.concept, hit.position, marks))
            present.add(hit.concept)
        active: set[int] = set()
        for concept in present:
            for number in self._by_concept.get(concept, ()):
                if number not in active and all(
                    not slot.isdisjoint(present) for slot in self.rules[number].slots
                ):
                    active.add(number)
        return [self.rules[n] for n in sorted(active) if self._matches(self.rules[n], usable)]

    def _matches(self, rule: Rule, usable: Sequence[tuple[str, int, Mark]]) -> bool:
        last = [-(10**12)] * len(rule.slots)
        cancel = [p for c, p, _ in usable if c in rule.unless] if rule.unless else []
        for concept, position, marks in usable:
            if marks & ~rule.tolerates:
                continue
            touched = False
            for slot, names in enumerate(rule.slots):
                if concept in names:
                    last[slot] = position
                    touched = True
            if touched and position - min(last) <= rule.gap:
                if not cancel or all(
                    min(abs(c - p) for p in last) > _UNLESS_GAP for c in cancel[:_MAX_FIRINGS]
                ):
                    return True
        return False
