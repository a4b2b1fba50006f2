"""What the support check knows of words: ``data/support*.toml``, ready to be searched."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any, Final

from assistant.text import words
from assistant.words import stems

# Two words of one stem that mean different things.
_OWN_STEM: Final = {
    "later": "later",
    "lateral": "lateral",
    "laterally": "lateral",
    "hardly": "hardly",
    "likely": "likely",
    "university": "university",
    "universal": "universal",
    "nearly": "nearly",
    "mostly": "mostly",
    "mainly": "mainly",
    "majority": "majority",
    "minority": "minority",
    "largely": "largely",
    "authority": "authority",
    "medially": "medial",
    "adductor": "adductor",
    "rotators": "rotat",
    "lowered": "lowered",
    "lowers": "lowered",
    "lowering": "lowered",
    "rotator": "rotat",
}
_NEGATING: Final = frozenset("not no without never cannot lack".split())
_TABLES: Final = ("support.toml", "support_synonyms.toml")


@dataclass(frozen=True, slots=True)
class Mark:
    """One entry of a table found in a text: the tokens ``[start, end)`` mean `value` of `kind`."""

    kind: str
    value: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Entry:
    parts: tuple[str, ...]
    kind: str
    value: str
    exact: bool


def stem_of(word: str) -> str:
    """The English stem of one case-folded word; two meanings of one stem are kept apart."""
    return _stem(word.replace("isation", "ization").replace("ise", "ize"))


@cache
def _stem(word: str) -> str:
    own = _OWN_STEM.get(word)
    return own if own else (stems(word) or [word])[0]


class WordTables:
    """Finds the entries of all tables in a text, the longest of each kind where they overlap."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.stop: Final = frozenset(data["stop"].split())
        self.light: Final = frozenset(stem_of(word) for word in data["light"].split())
        self.asserting: Final = frozenset(data["asserting"].split())
        self.medical_endings: Final = tuple(data["medical_endings"])
        self.strict_axes: Final = frozenset(
            str(number) for number, axis in enumerate(data["axes"]) if axis.get("strict")
        )
        self.modal: Final = frozenset(
            entry for row in data["certainty"] if row.get("modal") for entry in row["words"]
        )
        self._known: Final = {stem for entries in _everyday(data) for stem in entries}
        numbers = {word: str(n) for n, row in enumerate(data["names"]) for word in row}
        self._parts: Final = {
            numbers[whole]: frozenset(numbers[part] for part in parts)
            for whole, parts in data["parts"].items()
        }
        self.axis_names: Final = tuple(axis["name"] for axis in data["axes"])
        self._entries: dict[str, list[_Entry]] = defaultdict(list)
        for kind, value, entry, exact in _iter_entries(data):
            self._add(kind, value, entry, exact)

    def knows(self, stem: str) -> bool:
        """Whether a word is an everyday one that some table of meanings has."""
        return stem in self._known

    def parts_of(self, name: str) -> frozenset[str]:
        """The names of which `name` is the wider one (a leg has a thigh, a knee and a calf)."""
        return self._parts.get(name, frozenset())

    def _add(self, kind: str, value: str, entry: str, exact: bool) -> None:
        plain = tuple(words(entry.replace("-", " ")))
        parts = plain if exact else tuple(stem_of(word) for word in plain)
        self._entries[parts[0]].append(_Entry(parts, kind, value, exact))

    def find(self, tokens: Sequence[str], token_stems: Sequence[str]) -> list[Mark]:
        """All marks in order of their start; of one kind none lies inside a longer one."""
        found: list[Mark] = []
        size = len(tokens)
        for start in range(size):
            longest: dict[tuple[str, str], int] = {}
            for first in {tokens[start], token_stems[start]}:
                for entry in self._entries.get(first, ()):
                    end = start + len(entry.parts)
                    text = tokens if entry.exact else token_stems
                    if end <= size and tuple(text[start:end]) == entry.parts:
                        key = (entry.kind, entry.value)
                        longest[key] = max(end, longest.get(key, 0))
            found.extend(Mark(kind, value, start, end) for (kind, value), end in longest.items())
        return _without_covered(found)


def _without_covered(marks: Iterable[Mark]) -> list[Mark]:
    """Leave out marks that lie inside a longer one of the same kind; synonyms may overlap.

    Two that overlap on one pole (“on the right” and “right leg”) are one.
    """
    kept: list[Mark] = []
    last: dict[tuple[str, str], int] = {}
    reach: dict[str, tuple[int, int]] = {}
    for mark in sorted(marks, key=lambda m: (m.start, -m.end)):
        start, end = reach.get(mark.kind, (-1, -1))
        inside = start <= mark.start and mark.end <= end
        if mark.kind != "synonym" and inside and mark.end - mark.start < end - start:
            continue
        if mark.end > end:
            reach[mark.kind] = (mark.start, mark.end)
        pole = mark.kind, mark.value
        if mark.kind.startswith("axis") and pole in last and mark.start < kept[last[pole]].end:
            one = kept[last[pole]]
            kept[last[pole]] = replace(one, end=max(one.end, mark.end))
            continue
        last[pole] = len(kept)
        kept.append(mark)
    return kept


def _everyday(data: Mapping[str, Any]) -> Iterable[list[str]]:
    """The stems of all words that have a place in some table of meanings."""
    yield [stem_of(word) for word in data["everyday"].split()]
    for row in data["rows"]:
        yield [stem_of(word) for word in words(row)]
    for axis in data["axes"]:
        yield [stem_of(word) for pole in ("one", "other") for e in axis[pole] for word in words(e)]


def _iter_entries(data: Mapping[str, Any]) -> Iterable[tuple[str, str, str, bool]]:
    """Kind, value, entry, and whether the very form counts and not the stem."""
    for kind in ("names", "populations", "sources"):
        for number, row in enumerate(data[kind]):
            for entry in row:
                yield kind, str(number), entry, False
    for number, row in enumerate(data["rows"]):
        for entry in row.split(", "):
            if not _NEGATING & set(words(entry)):
                yield "synonym", str(number), entry, False
    denying = _NEGATING | {entry for entry in data["negations"] if " " not in entry}
    for number, axis in enumerate(data["axes"]):
        for pole in ("one", "other"):
            for entry in axis[pole]:
                denied = denying if " " in entry else _NEGATING
                if not denied & set(words(entry)):
                    yield f"axis{number}", pole, entry, False
            for entry in axis.get(f"{pole}_beside", ()):
                yield f"beside{number}", pole, entry, True
    for kind in ("certainty", "amounts"):
        for row in data[kind]:
            for entry in row["words"]:
                yield kind, str(row["level"]), entry, True
    for row in data["relations"]["rows"]:
        for way in ("forward", "backward"):
            for entry in row[way]:
                yield "relation", f"{row['level']}{way}", entry, True
    for kind in ("anyone", "everyone", "negations", "no_negation", "shown", "proven"):
        for entry in data[kind]:
            yield kind, kind, entry, True
    for entry in data["actions"]["words"]:
        yield "action", stem_of(entry), entry, False
    for kind, entries in data["words"].items():
        for entry in entries:
            yield kind, kind, entry, True


@cache
def word_tables() -> WordTables:
    """The packaged tables."""
    data: dict[str, Any] = {}
    for name in _TABLES:
        data |= tomllib.loads(
            resources.files("assistant").joinpath("data", name).read_text("utf-8")
        )
    return WordTables(data)
