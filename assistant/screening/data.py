"""The data files, read and checked once: lexicon, rules, texts, help lines."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from assistant.errors import SettingsError
from assistant.screening.hits import Concepts
from assistant.screening.lexicon import Lexicon, load_toml
from assistant.screening.marks import Mark
from assistant.screening.rules import Rule, RuleSet, parse_rule
from assistant.types import Kind

_LEXICONS: Final = (
    "lexicon_body.toml",
    "lexicon_signs.toml",
    "lexicon_marks.toml",
    "lexicon_messages.toml",
    "lexicon_languages.toml",
)
_BODILY: Final = frozenset({"lexicon_body.toml", "lexicon_signs.toml", "lexicon_languages.toml"})
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_JOINED: Final = re.compile(r"(?<![a-z])[a-z]{9,200}(?![a-z])")
_GAP: Final = re.compile(r"\{([a-z]+)\}")
_SHORTEST_OF_TWO: Final = 4
_SPECIAL_GROUPS: Final = (
    ("group_child", "child"),
    ("child", "child"),
    ("pregnant", "pregnant"),
    ("group_surgery", "surgery"),
    ("cancer", "cancer"),
    ("thinner", "thinner"),
    ("weak_immune_strong", "weak_immune"),
)
_REQUIRED_TEXTS: Final = (
    "emergency crisis crisis_other urgent urgent_hopeless conditional conditional_if injection "
    "earlier_emergency earlier_crisis earlier_urgent harmful diagnosis medication personal_plan "
    "safety_net not_covered off_topic about_assistant unclear foreign empty distress error "
    "safe_answer child pregnant surgery cancer thinner weak_immune older not_named "
    "part_not_covered overview"
).split()


@dataclass(frozen=True, slots=True)
class Helpline:
    """Where to turn in one country."""

    emergency: str
    text: str


@dataclass(frozen=True, slots=True)
class Example:
    """A test sentence of the data itself: `rule` must fire, or must not."""

    rule: str
    level: str
    text: str
    fires: bool


@dataclass(frozen=True, slots=True)
class Policy:
    """All data of the safety layer, checked."""

    lexicon: Lexicon
    concepts: Concepts
    flags: RuleSet
    messages: RuleSet
    examples: tuple[Example, ...]
    texts: Mapping[str, str]
    helplines: Mapping[str, Helpline]
    general: Helpline
    guess: Helpline
    unclear_rule: Rule
    greeting_rule: Rule

    @property
    def special_groups(self) -> tuple[tuple[str, str], ...]:
        """Concept → name of the notice for people to whom the articles do not speak."""
        return _SPECIAL_GROUPS

    def helpline(self, country: str | None) -> Helpline:
        """The country's lines, the general ones where it is unknown."""
        return self.helplines.get((country or "").strip().upper(), self.general)

    def guessed(self, country: str) -> Helpline | None:
        """The lines of a country that a reader may be in, and of any other; None if unknown."""
        own = self.helplines.get(country.strip().upper())
        if own is None:
            return None
        return Helpline(
            self.guess.emergency.replace("{own}", own.emergency),
            self.guess.text.replace("{own}", own.text),
        )

    def has_text(self, name: str) -> bool:
        """Whether there is a text of that name."""
        return name in self.texts

    def text(self, name: str, helpline: Helpline, **words: str) -> str:
        """The text called `name`, with numbers and `words` filled in."""
        try:
            text = self.texts[name]
        except KeyError:
            raise SettingsError(f"texts.toml: no text {name!r}; add it") from None
        filled = {"emergency": helpline.emergency, "helplines": helpline.text, **words}
        return _GAP.sub(lambda gap: filled.get(gap[1], gap[0]), text)

    def fixed_texts(self, helpline: Helpline) -> re.Pattern[str]:
        """Matches a fixed text as it is shown, whatever words fill its gaps."""
        shown = (_GAP.split(self.text(name, helpline)) for name in self.texts)
        texts = (r"[^<>\n]{1,500}".join(map(re.escape, pieces[::2])) for pieces in shown)
        return re.compile("|".join(texts))

    def segment(self, joined: str) -> str:
        """Letters that stood apart, as words; short words are kept whole."""
        return joined if self.lexicon.keys(joined) else _segment(self.lexicon, joined)

    def respace(self, text: str) -> str:
        """Words run together from lexicon words parted again (``icantbreathe``)."""

        def part(match: re.Match[str]) -> str:
            word = match.group()
            if self.lexicon.keys(word):
                return word
            parts = _segment(self.lexicon, word)
            count = parts.count(" ") + 1
            short = min(map(len, parts.split())) < _SHORTEST_OF_TWO
            return word if (count == 2 and short) or len(word) < 3 * count else parts

        return _JOINED.sub(part, text)


@lru_cache(maxsize=20_000)
def _segment(lexicon: Lexicon, word: str) -> str:
    return lexicon.segment(word)


def load_policy(folder: Path) -> Policy:
    """Read and check every data file.

    Raises:
        SettingsError: a file is missing, a row lacks its source or names an unknown concept.
    """
    concepts: dict[str, list[str]] = {}
    places: set[str] = set()
    signs: set[str] = set()
    bodily: set[str] = set()
    groups: dict[str, list[str]] = {}
    shadows: dict[str, frozenset[str]] = {}
    timeless: list[str] = []
    for name in _LEXICONS:
        data = load_toml(folder / name)
        if not data.get("source"):
            raise SettingsError(f"{name}: no source; say where the words come from")
        for kind in ("place", "sign", "concept", "mark"):
            for concept, patterns in data.get(kind, {}).items():
                if not isinstance(patterns, list) or not all(isinstance(p, str) for p in patterns):
                    raise SettingsError(f"{name}: {concept} is not a list of patterns")
                concepts.setdefault(concept, []).extend(patterns)
                if name in _BODILY:
                    bodily.add(concept)
                if kind == "place":
                    places.add(concept)
                elif kind == "sign":
                    signs.add(concept)
        groups.update(data.get("group", {}))
        shadows.update({k: frozenset(v) for k, v in data.get("shadow", {}).items()})
        timeless.extend(data.get("timeless", {}).get("concepts", ()))
    known = frozenset(concepts)
    for concept in timeless:
        if concept not in known:
            raise SettingsError(f"timeless concept {concept!r} is in no lexicon")
    typos = load_toml(folder / "lexicon_typos.toml")
    lexicon = Lexicon(
        concepts,
        not_typos=typos["mend"]["leave"],
        typo_words=typos["mend"]["words"],
        misspellings=typos["misspellings"],
    )
    examples: list[Example] = []
    build = _Builder(groups, known, frozenset(signs), frozenset(places), examples)
    flags = build.rules("redflags.toml", "criterion", "level", load_toml(folder / "redflags.toml"))
    messages = build.rules("messages.toml", "message", "kind", load_toml(folder / "messages.toml"))
    texts = load_toml(folder / "texts.toml").get("text", {})
    for required in _REQUIRED_TEXTS:
        if not texts.get(required):
            raise SettingsError(f"texts.toml: {required} is missing; add it")
    helplines, general, guess = _load_helplines(load_toml(folder / "helplines.toml"))
    return Policy(
        lexicon=lexicon,
        concepts=Concepts(frozenset(places), frozenset(signs), frozenset(bodily), shadows),
        flags=RuleSet(flags, frozenset(timeless)),
        messages=RuleSet(messages, frozenset(timeless)),
        examples=tuple(examples),
        texts=texts,
        helplines=helplines,
        general=general,
        guess=guess,
        unclear_rule=word_rule("UNCLEAR", Kind.UNCLEAR, "no words"),
        greeting_rule=word_rule("GREETING", Kind.ABOUT_ASSISTANT, "only a greeting"),
    )


def word_rule(name: str, kind: Kind, reason: str) -> Rule:
    """What stands for a rule where something else than slots has decided."""
    return Rule(name, kind.value, (frozenset({reason}),), 0, frozenset(), Mark.NONE)


@dataclass(slots=True)
class _Builder:
    groups: Mapping[str, Sequence[str]]
    known: frozenset[str]
    signs: frozenset[str]
    places: frozenset[str]
    examples: list[Example]
    count: int = 0

    def rules(self, name: str, table: str, level_key: str, data: Mapping[str, Any]) -> list[Rule]:
        rules: list[Rule] = []
        for row in data.get(table, ()):
            owner = row.get("id", "?")
            for key in ("id", "source", level_key, "rules", "fires", "quiet"):
                if not row.get(key):
                    raise SettingsError(f"{name}: {owner} has no {key}; add it")
            level = Kind(row[level_key]).value
            for rule in row["rules"]:
                rules.append(
                    parse_rule(
                        {"tolerates": row.get("tolerates", ()), **rule},
                        owner,
                        level,
                        self.groups,
                        self.known,
                        self.signs,
                        self.places,
                        self.count,
                        table == "criterion",
                    )
                )
                self.count += 1
            self.examples.extend(Example(owner, level, t, True) for t in row["fires"])
            self.examples.extend(Example(owner, level, t, False) for t in row["quiet"])
        if not rules:
            raise SettingsError(f"{name}: no rules; restore the file")
        return rules


def _load_helplines(data: Mapping[str, Any]) -> tuple[dict[str, Helpline], Helpline, Helpline]:
    if data.get("verified") is not False and not _DATE.fullmatch(str(data.get("verified"))):
        raise SettingsError(
            "helplines.toml: `verified` must be the date of the last check (YYYY-MM-DD), or false"
        )
    rows = {"general": data.get("general", {}), **data.get("country", {})}
    for country, row in rows.items():
        for key in ("emergency", "text", "source"):
            if not row.get(key):
                raise SettingsError(f"helplines.toml: {country} has no {key}; add it")
    lines = {c: Helpline(r["emergency"], r["text"]) for c, r in rows.items()}
    guess = data.get("guess", {})
    if not all("{own}" in str(guess.get(key)) for key in ("emergency", "text")):
        raise SettingsError("helplines.toml: guess has no emergency and text with {own}; add them")
    return lines, lines.pop("general"), Helpline(guess["emergency"], guess["text"])
