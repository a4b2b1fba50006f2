"""The fixed texts of an answer, held against the policy's own texts.

Which text belongs to which kind of message stands here, after SAFETY.md; the words stand in
`assistant/data/texts.toml`, which `truth` reads as data.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from assistant.types import Kind, Outcome

URGENCY: Final[Mapping[str, int]] = {
    Kind.EMERGENCY: 3,
    Kind.CRISIS: 3,
    Kind.URGENT: 2,
    Kind.CONDITIONAL: 1,
}
"""How urgent a kind is; every other kind is 0."""

OWN_TEXTS: Final[Mapping[Kind, str]] = {
    Kind.EMERGENCY: r"emergency(_(?!line).+)?|earlier_emergency",
    Kind.CRISIS: r"crisis(_.+)?|earlier_crisis",
    Kind.URGENT: r"urgent(_.+)?",
    Kind.CONDITIONAL: r"conditional(_.+)?",
    Kind.INJECTION: "injection",
    Kind.HARMFUL: "harmful",
    Kind.DIAGNOSIS: "diagnosis(_alone)?",
    Kind.MEDICATION: "medication",
    Kind.PERSONAL_PLAN: "personal_plan(_alone)?",
    Kind.SAFETY_NET: "safety_net",
    Kind.NOT_COVERED: "not_covered|safe_answer",
    Kind.OFF_TOPIC: "off_topic",
    Kind.ABOUT_ASSISTANT: "about_assistant",
    Kind.UNCLEAR: "unclear|empty|foreign",
    Kind.DISTRESS: "distress",
}
"""Names of the texts of which a message of a kind needs one. An answer in scope needs none."""

PROMISES_QUOTES: Final = frozenset({"diagnosis", "personal_plan"})
"""Texts that point to quotes below them."""

_GAP: Final = re.compile(r"\{[a-z]+\}")
_NEVER_SHOWN: Final = frozenset({"emergency_line", "error"})
_OTHER_NAMES: Final = frozenset(
    {("unclear", "empty"), ("unclear", "foreign"), ("error", "safe_answer")}
)


def iter_notice_faults(
    kind: Kind, outcome: Outcome, answer: Mapping[str, Any], texts: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """`notice_missing` and `notice_wrong`, each with what was found.

    Args:
        texts: Every fixed text as it is shown → its name.
    """
    names = []
    for notice in answer["notices"]:
        name = _name_of(notice["text"], texts)
        if name is None or name in _NEVER_SHOWN:
            yield "notice_wrong", f"no fixed text of the policy: {notice['text'][:60]!r}"
            continue
        names.append(name)
        if wrong := _misplaced(notice["kind"], name, kind, bool(answer["statements"])):
            yield "notice_wrong", wrong
    if kind in OWN_TEXTS and not any(re.fullmatch(OWN_TEXTS[kind], name) for name in names):
        yield "notice_missing", f"{kind} has no text of its own, only {names}"
    silent = kind in (Kind.IN_SCOPE, Kind.PERSONAL_PLAN) and outcome is Outcome.ABSTAINED
    if silent and "not_covered" not in names:
        yield "notice_missing", f"{kind}, {outcome} does not say that the articles do not say"


def _name_of(shown: str, texts: Mapping[str, str]) -> str | None:
    """The name of the fixed text that is shown, whatever words fill its gaps."""
    if shown in texts:
        return texts[shown]
    with_gaps = ((text, name) for text, name in texts.items() if _GAP.search(text))
    return next(
        (
            name
            for text, name in with_gaps
            if re.fullmatch(r"[^<>\n]{1,500}".join(map(re.escape, _GAP.split(text))), shown)
        ),
        None,
    )


def _misplaced(called: str, name: str, kind: Kind, has_statements: bool) -> str:
    """Why the text `name` may not stand on this answer; empty if it may."""
    if not (name == called or name.startswith(called + "_") or (called, name) in _OTHER_NAMES):
        return f"the text {name!r} goes under the name {called!r}"
    # One of an earlier turn says so and is no alarm about this message.
    if URGENCY.get(name.split("_")[0], 0) > URGENCY.get(kind, 0):
        return f"the text {name!r} is more urgent than the kind {kind}"
    if name in PROMISES_QUOTES and not has_statements:
        return f"the text {name!r} promises quotes, and there are none"
    return ""
