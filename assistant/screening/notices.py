"""Which fixed texts a message gets, by what it was found to be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from assistant.screening.data import Policy
from assistant.screening.hits import Hit
from assistant.screening.joint import SEVERE, is_foreign
from assistant.screening.marks import Mark
from assistant.screening.rules import Rule
from assistant.types import Kind

Named = tuple[str, str]
_HOPELESS = ("MH-HOPELESS", "MH")
# The order in which they are shown.
_PLAIN = (
    Kind.ABOUT_ASSISTANT,
    Kind.SAFETY_NET,
    Kind.DIAGNOSIS,
    Kind.MEDICATION,
    Kind.PERSONAL_PLAN,
    Kind.DISTRESS,
)


def iter_texts(
    policy: Policy,
    kind: Kind | None,
    kinds: Mapping[Kind, Sequence[Rule]],
    hits: Sequence[Hit],
    is_empty: bool,
    hypothetical: bool,
) -> Iterator[Named]:
    """The kind of each notice and the name of its text, in the order in which they are shown.

    Args:
        kind: what the message is above all.
        kinds: everything that it is, with what spoke for it.
        hypothetical: an emergency was only asked about, as one that may come.
    """
    yield from _iter_severe(policy, kinds)
    if kind not in SEVERE:
        yield from _iter_milder(kinds, hypothetical)
    if Kind.INJECTION in kinds:
        yield "injection", "injection"
    if kind in SEVERE:
        return
    if Kind.HARMFUL in kinds:
        yield "harmful", "harmful"
        return
    for plain in _PLAIN:
        if plain in kinds:
            yield plain.value, plain.value
    if Kind.IN_SCOPE in kinds:
        yield "distress", "distress"
    if Kind.UNCLEAR in kinds:
        yield "unclear", "empty" if is_empty else "foreign" if is_foreign(kinds) else "unclear"
    yield from _iter_special(policy, hits)


def _iter_severe(policy: Policy, kinds: Mapping[Kind, Sequence[Rule]]) -> Iterator[Named]:
    if Kind.EMERGENCY in kinds:
        name = f"emergency_{kinds[Kind.EMERGENCY][0].id}"
        yield "emergency", name if policy.has_text(name) else "emergency"
    if Kind.CRISIS in kinds:
        rules = [rule for rule in kinds[Kind.CRISIS] if rule.gap]
        other = bool(rules) and all("suicide_other" in rule.slots[0] for rule in rules)
        yield "crisis", "crisis_other" if other else "crisis"


def _iter_milder(kinds: Mapping[Kind, Sequence[Rule]], hypothetical: bool) -> Iterator[Named]:
    if Kind.URGENT in kinds:
        hopeless = [rule for rule in kinds[Kind.URGENT] if rule.id in _HOPELESS]
        if len(hopeless) < len(kinds[Kind.URGENT]):
            yield "urgent", "urgent"
        if hopeless:
            yield "urgent", "urgent_hopeless"
    elif Kind.CONDITIONAL in kinds:
        yield "conditional", "conditional_if" if hypothetical else "conditional"


def _iter_special(policy: Policy, hits: Sequence[Hit]) -> Iterator[Named]:
    """People to whom the articles do not speak."""
    adult = any(hit.concept == "adult" for hit in hits)
    for concept, name in policy.special_groups:
        said = any(hit.concept == concept and not hit.marks & ~Mark.PAST for hit in hits)
        if said and not (name == "child" and adult):
            yield name, name
