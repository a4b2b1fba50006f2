"""Rules that recognise what in anybody's article is not the article (``data/left_out.toml``).

The words are data, the reach of a match is decided here. Nothing that is found is carried out,
changed or removed from the file; it is only kept out of what can be quoted.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from assistant.screening.normalise import find_encoded, normalise
from assistant.text import iter_sentences, sha256_text, squeeze, trim
from assistant.types import LeftOut, Span

_RULES: Final = "data/left_out.toml"
_STRAIGHT: Final = str.maketrans("’‘“”", "''\"\"")
_WORD: Final = re.compile(r"[a-z]+")
_ENTRY_WORDS: Final = 14
_HEADING_WORDS: Final = 10
_SENTENCE_END: Final = (".", "!", ":", ";", "…")
_NO_HEADING_END: Final = (*_SENTENCE_END, ",", "?", '"', "”")
_ATTRIBUTION: Final = re.compile(r"\s*[-–—~]")
_LEET_WORD: Final = re.compile(r"[a-z0-9@$!]+")
_LEET: Final = str.maketrans("013457@$!", "oieastasi")
_LEET_SIGNS: Final = frozenset("013457@$!")
_MAY_BE_SPACED: Final = re.compile(r"\b[A-Za-z][ .*_|/~-]{1,4}[A-Za-z]\b|[a-z][*_|~][a-z]")
_MAY_HIDE: Final = re.compile(r"[A-Za-z0-9+/_-]{24}|%[0-9A-Fa-f]{2}|&#|(?:[0-9a-fA-F]{2} ){12}")


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of ``left_out.toml``; the file's head says what its keys mean."""

    kind: str
    scope: str
    why: str
    pattern: re.Pattern[str]
    unless: re.Pattern[str] | None
    words: frozenset[str]
    signs: frozenset[str]
    disguised: bool
    at_start: bool

    def fits(self, said: _Said) -> bool:
        """Whether the rule takes a sentence or line that has one of its words."""
        if self.signs and self.signs.isdisjoint(said.signs):
            return False
        look = self.pattern.match if self.at_start else self.pattern.search
        return bool(look(said.text)) and not (self.unless and self.unless.search(said.text))


class _Rules:
    """Rules of one kind of scope, found by the words of a sentence or line."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = tuple(rules)
        self._always = {n for n, rule in enumerate(self._rules) if not rule.words}
        self._by_word: dict[str, set[int]] = {}
        for number, rule in enumerate(self._rules):
            for word in rule.words:
                self._by_word.setdefault(word, set()).add(number)

    def fitting(self, said: _Said) -> Iterator[Rule]:
        """The rules that take it, in their order."""
        numbers = self._always.union(
            *(self._by_word[word] for word in said.words & self._by_word.keys())
        )
        for number in sorted(numbers):
            if self._rules[number].fits(said):
                yield self._rules[number]


class _Said:
    """A sentence or line as rules read it: squeezed, with straight quotation marks."""

    __slots__ = ("signs", "text", "words")

    def __init__(self, text: str) -> None:
        self.text = squeeze(text).translate(_STRAIGHT)
        self.words = set(_WORD.findall(self.text.lower()))
        self.signs = set(self.text)


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    end: int
    text: str
    after_blank: bool


@cache
def load_rules() -> tuple[Rule, ...]:
    """All rules, in the file's order; of two that take the same words the first one counts."""
    data = resources.files("assistant").joinpath(_RULES).read_text("utf-8")
    return tuple(
        Rule(
            kind=row["kind"],
            scope=row["scope"],
            why=row["why"],
            pattern=_either(row["patterns"]),
            unless=_either(row["unless"]) if "unless" in row else None,
            words=frozenset(row.get("words", "").split()),
            signs=frozenset(row.get("signs", "")),
            disguised=row.get("disguised", False),
            at_start=all(pattern.startswith("^") for pattern in row["patterns"]),
        )
        for row in tomllib.loads(data)["rule"]
    )


def _either(patterns: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.I | re.M)


def rules_sha256() -> str:
    """The rules' hash: articles read by other rules have other sentences."""
    return sha256_text(resources.files("assistant").joinpath(_RULES).read_text("utf-8"))


def known_kinds() -> tuple[str, ...]:
    """The kinds that rules know, each once, in the file's order."""
    return tuple(dict.fromkeys(rule.kind for rule in load_rules()))


def find_by_rules(article_id: str, text: str, without: Collection[str] = ()) -> list[LeftOut]:
    """What the rules take of `text`; stretches may overlap.

    Args:
        article_id: for the spans.
        text: the file's text.
        without: kinds that are switched off.
    """
    rules = [rule for rule in load_rules() if rule.kind not in without]
    whole = [rule for rule in rules if rule.scope in ("rest", "match")]
    by_line = _Rules(rule for rule in rules if rule.scope in ("paragraph", "list", "section"))
    in_sentences = [rule for rule in rules if rule.scope in ("sentence", "onwards")]
    by_sentence = _Rules(in_sentences)
    disguised = _Rules(rule for rule in in_sentences if rule.disguised)
    found: list[tuple[int, int, Rule]] = list(_iter_whole(text, whole))
    lines = _split_lines(text)
    taken = -1
    for number, line in enumerate(lines):
        said = _Said(line.text)
        for rule in by_line.fitting(said):
            if rule.scope == "paragraph":
                found.append((line.start, line.end, rule))
            elif number > taken:
                taken = _last_line(lines, number, rule.scope)
                found.append((line.start, lines[taken].end, rule))
        for start, end in iter_sentences(text, line.start, line.end):
            whole_line = (start, end) == (line.start, line.end)
            said = said if whole_line else _Said(text[start:end])
            fitting = [*by_sentence.fitting(said)]
            for form in _without_disguise(text[start:end], said):
                fitting += disguised.fitting(_Said(form))
            for rule in fitting:
                found.append((start, line.end if rule.scope == "onwards" else end, rule))
    order = {rule: number for number, rule in enumerate(rules)}
    found.sort(key=lambda item: order[item[2]])
    return [
        LeftOut(Span(article_id, *trim(text, start, end)), rule.kind, rule.why)
        for start, end, rule in found
    ]


def _iter_whole(text: str, rules: Sequence[Rule]) -> Iterator[tuple[int, int, Rule]]:
    words = set(_WORD.findall(text.lower()))
    for rule in rules:
        if rule.words and rule.words.isdisjoint(words):
            continue
        for match in rule.pattern.finditer(text):
            yield match.start(), len(text) if rule.scope == "rest" else match.end(), rule
            if rule.scope == "rest":
                break


def _without_disguise(sentence: str, said: _Said) -> Iterator[str]:
    """A sentence without look-alikes where it has any, and what it may say in leet or encoded."""
    form = said.text.lower()
    if not said.text.isascii() or _MAY_BE_SPACED.search(said.text):
        form = squeeze(normalise(sentence))
        yield form
    if not _LEET_SIGNS.isdisjoint(said.signs):
        leet = _LEET_WORD.sub(_undo_leet, form)
        if leet != form:
            yield leet
    if _MAY_HIDE.search(sentence):
        yield from (squeeze(normalise(piece)) for piece in find_encoded(sentence))


def _undo_leet(match: re.Match[str]) -> str:
    word = match.group()
    return word.translate(_LEET) if _WORD.search(word) else word


def _split_lines(text: str) -> list[_Line]:
    """The lines that say something; one that goes on in lower case is one with the next."""
    places: list[tuple[int, int, bool]] = []
    at, blank = 0, True
    for raw in text.split("\n"):
        start, end = trim(text, at, at + len(raw))
        at += len(raw) + 1
        if start == end:
            blank = True
        elif places and not blank and text[start].islower():
            begin, _, after_blank = places[-1]
            places[-1] = begin, end, after_blank
        else:
            places.append((start, end, blank))
            blank = False
    return [_Line(start, end, squeeze(text[start:end]), blank) for start, end, blank in places]


def _last_line(lines: Sequence[_Line], first: int, scope: str) -> int:
    """The number of the last line that a match in line `first` takes.

    A list goes on while lines are short and end no sentence; a heading that stands between it
    and the text below is the text's. A section goes on to the next heading.
    """
    last = first
    if scope == "list":
        while last + 1 < len(lines) and _is_entry(lines[last + 1]):
            last += 1
        if first < last < len(lines) - 1 and lines[last].after_blank:
            last -= 1
    elif scope == "section":
        while last + 1 < len(lines) and not _is_heading(lines[last + 1]):
            last += 1
    return last


def _is_entry(line: _Line) -> bool:
    return len(line.text.split()) <= _ENTRY_WORDS and not line.text.endswith(_SENTENCE_END)


def _is_heading(line: _Line) -> bool:
    return (
        line.after_blank
        and len(line.text.split()) <= _HEADING_WORDS
        and not line.text.endswith(_NO_HEADING_END)
        and not _ATTRIBUTION.match(line.text)
    )
