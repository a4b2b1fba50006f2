"""`docs/safety.md`: the safety layer for clinicians to check, written from its own data."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from assistant.guardrails import DATA_DIR
from assistant.reader import FACTS_FILE
from assistant.screening.weigh import FIRED
from evals.alarms import SEVERITY
from evals.results import PROJECT, write_text

PAGE: Final = PROJECT / "docs" / "safety.md"
LEVELS: Final[Mapping[str, str]] = {
    "emergency": "call the emergency number now",
    "crisis": "crisis line, and the emergency number in danger",
    "urgent": "to be seen the same day",
    "conditional": "go now if one of the deciding signs is there",
}
_LEXICONS: Final = ("lexicon_body.toml", "lexicon_signs.toml", "lexicon_marks.toml")
_KINDS: Final = ("place", "sign", "concept", "mark")
# Not messages but plain questions.
_PLAIN_FILES: Final = ("questions", "topics")
_HEAD: Final = """# The safety layer, for clinicians to check

Written by `python -m evals safety` from `assistant/data/`; do not edit. To correct a criterion,
edit its row in `assistant/data/redflags.toml` (and, where the network has to learn it, the messages
in `training/messages/`), and run the tests.

**No clinician has reviewed this.** The criteria come from the named public sources. The messages
that the network learned from, and those it is measured on, were written and labelled by people who
are not clinicians, each by one person. The phone numbers {verified}. It reads English only.

## How a message is read

1. It is normalised (disguised letters, spacing, encodings), and slips of the finger are mended.
2. Rules look for place × symptom × time, clause by clause; what is denied, long past, about
   somebody or something else, or only asked in general does not count.
3. A small network, learned from {messages} written messages and questions, gives the probability
   of each level.
4. Both are weighed: that a rule fired adds {rule:g} to the network's log-odds, and nothing takes
   any away; but where the network is sure that there is none, a rule does not suffice. Levels are
   decided for the message, for what earlier turns said, and for all of them together. The limit
   was chosen on the messages below, so that {false:.0%} of the harmless ones, most of which are
   meant to be mistaken, are taken for more.

## What people are told

| level | meaning |
| --- | --- |
"""


def render_page(data: Path = DATA_DIR) -> str:
    """The page's text."""
    facts = json.loads((data / FACTS_FILE).read_text("utf-8"))
    measured = facts["measured"]
    lines = _load(data / "helplines.toml")
    checked = lines["verified"]
    rows: Mapping[str, Any] = measured["rows"]
    total = sum(n for levels in rows.values() for found in levels.values() for n in found.values())
    harmless = [found for name, found in measured["files"].items() if name not in _PLAIN_FILES]
    all_harmless = sum(sum(found.values()) for found in harmless)
    parts = [
        _HEAD.format(
            verified=f"were checked on {checked}" if checked else "have not been checked yet",
            messages=f"{total:,}",
            rule=facts["weighing"]["flagged"]["rules"][FIRED],
            false=1 - sum(found.get("none", 0) for found in harmless) / all_harmless,
        ),
        *(f"| {level} | {meaning} |\n" for level, meaning in LEVELS.items()),
        "\n",
        _measured(measured),
        "\n## Criteria\n\nThe words of a slot stand in the lexicons; the first of each are shown. "
        "A slot written `sign@place` wants the sign said of the place.\n",
    ]
    patterns = _patterns(data)
    for criterion in _load(data / "redflags.toml")["criterion"]:
        parts.append(_criterion(criterion, patterns))
    parts.append(_helplines(lines))
    return "".join(parts)


def write_page() -> Path:
    """Write it where it belongs; its path."""
    write_text(PAGE, render_page())
    return PAGE


def _measured(measured: Mapping[str, Any]) -> str:
    lines = [
        "## Measured\n\nOn the written messages, each read by a network that had not met it (the "
        "one in use has met them all). *Seen*: some red flag was. *As high*: the level was at "
        "least the written one. *False*: harmless messages that come near this criterion, most of "
        "them written to be mistaken, and were taken for a red flag. How it does on messages by "
        "other people stands in the README.\n\n",
        "| criterion | level | messages | seen | as high |\n| --- | --- | --- | --- | --- |\n",
    ]
    false = []
    for row, levels in sorted(measured["rows"].items()):
        for level, found in sorted(levels.items(), key=lambda item: -SEVERITY[item[0]]):
            n = sum(found.values())
            seen = n - found.get("none", 0)
            if level == "none":
                false.append((row, n, seen))
                continue
            high = sum(c for name, c in found.items() if SEVERITY[name] >= SEVERITY[level])
            lines.append(f"| {row} | {level} | {n} | {_share(seen, n)} | {_share(high, n)} |\n")
    lines.append("\n| near criterion | harmless messages | false |\n| --- | --- | --- |\n")
    lines += [f"| {row} | {n} | {_share(seen, n)} |\n" for row, n, seen in false]
    lines.append(
        "\n| harmless messages by file | messages | false |\n| --- | --- | --- |\n",
    )
    for name, found in sorted(measured["files"].items()):
        n = sum(found.values())
        lines.append(f"| {name} | {n} | {_share(n - found.get('none', 0), n)} |\n")
    return "".join(lines)


def _criterion(
    criterion: Mapping[str, Any],
    patterns: Mapping[str, Sequence[str]],
) -> str:
    lines = [
        f"\n### {criterion['id']}: {criterion['title']}\n\n",
        f"Level: **{criterion['level']}**. Source: {criterion['source']}.\n\n",
        "Rules, each slot filled by one of its words:\n\n",
    ]
    for rule in criterion["rules"]:
        slots = " **and** ".join(_slot(slot, patterns) for slot in rule["all"])
        unless = ", ".join(f"`{name}`" for name in rule.get("unless", ()))
        level = f"**{rule['level']}**: " if "level" in rule else ""
        lines.append(f"- {level}{slots}{f'; unless {unless}' if unless else ''}\n")
    for title, key in (("Fires on", "fires"), ("Stays quiet on", "quiet")):
        lines.append(f"\n{title}:\n\n")
        lines += [f"- {sentence}\n" for sentence in criterion[key]]
    return "".join(lines)


def _slot(slot: str, patterns: Mapping[str, Sequence[str]]) -> str:
    names = slot.split("|")
    words = list(dict.fromkeys(word for name in names for word in _words(name, patterns)))[:6]
    shown = "|".join(f"{name}" for name in names)
    return f"`{shown}`" + (f" ({', '.join(words)} …)" if words else "")


def _words(name: str, patterns: Mapping[str, Sequence[str]]) -> Sequence[str]:
    return patterns.get(name.split("@")[0], ())[:3]


def _patterns(data: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in _LEXICONS:
        lexicon = _load(data / name)
        for kind in _KINDS:
            for concept, patterns in lexicon.get(kind, {}).items():
                found.setdefault(concept, []).extend(patterns)
    return found


def _helplines(lines: Mapping[str, Any]) -> str:
    rows = {"elsewhere": lines["general"], **lines["country"]}
    table = [
        "\n## Help lines\n\nBy the operator's setting `ASSISTANT_COUNTRY`.\n\n",
        "| country | emergency | text | where to check it |\n| --- | --- | --- | --- |\n",
    ]
    for country, row in rows.items():
        table.append(f"| {country} | {row['emergency']} | {row['text']} | {row['source']} |\n")
    return "".join(table)


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.3f}" if whole else "-"


def _load(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return tomllib.load(file)
