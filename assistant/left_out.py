"""Rules that recognise what in anybody's article is not the article (``data/left_out.toml``).

The words are data, the reach of a match is decided here. Nothing that is found is carried out,
changed or removed from the file; it is only kept out of what can be quoted.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from assistant.screening.normalise import find_encoded, normalise
from assistant.text import iter_sentences, squeeze, trim
from assistant.types import LeftOut, Span

_STRAIGHT: Final = str.maketrans("’‘“”", "''\"\"")
_WORD: Final = re.compile(r"[a-z]+")
_ENTRY_WORDS: Final = 14
_HEADING_WORDS: Final = 10
_SENTENCE_END: Final = (".", "!", ":", ";", "…")
_NO_HEADING_END: Final = (*_SENTENCE_END, ",", "?", '"', "”")
_ATTRIBUTION: Final = re.compile(r"\s*[-–—~]")
_LEET_WORD: Final = re.compile(r"[a-z@$!]*[0-9@$!][a-z][a-z0-9@$!]*|[a-z]+[0-9@$!]+[a-z0-9@$!]*")
_LEET: Final = str.maketrans("013457@$!", "oieastasi")
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
    disguised: bool

    def fits(self, text: str, words: Collection[str]) -> bool:
        """Whether the rule takes `text`, a sentence or line, which has the words `words`."""
        if self.words and self.words.isdisjoint(words):
            return False
        return bool(self.pattern.search(text)) and not (self.unless and self.unless.search(text))


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    end: int
    text: str
    after_blank: bool


@cache
def load_rules() -> tuple[Rule, ...]:
    """All rules, in the file's order; of two that take the same words the first one counts."""
    data = resources.files("assistant").joinpath("data/left_out.toml").read_text("utf-8")
    return tuple(
        Rule(
            kind=row["kind"],
            scope=row["scope"],
            why=row["why"],
            pattern=_either(row["patterns"]),
            unless=_either(row["unless"]) if "unless" in row else None,
            words=frozenset(row.get("words", "").split()),
            disguised=row.get("disguised", False),
        )
        for row in tomllib.loads(data)["rule"]
    )


def _either(patterns: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.I | re.M)


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
    by_line = [rule for rule in rules if rule.scope in ("paragraph", "list", "section")]
    by_sentence = [rule for rule in rules if rule.scope in ("sentence", "onwards")]
    found: list[tuple[int, int, Rule]] = list(_iter_whole(text, whole))
    lines = _split_lines(text)
    for number, line in enumerate(lines):
        said = line.text.translate(_STRAIGHT)
        words = set(_WORD.findall(said.lower()))
        for rule in by_line:
            if rule.fits(said, words):
                found.append((line.start, lines[_last_line(lines, number, rule.scope)].end, rule))
        for start, end in iter_sentences(text, line.start, line.end):
            for rule in _fitting(by_sentence, text[start:end]):
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


def _fitting(rules: Sequence[Rule], sentence: str) -> Iterator[Rule]:
    said = squeeze(sentence).translate(_STRAIGHT)
    words = set(_WORD.findall(said.lower()))
    forms = [(form, set(_WORD.findall(form))) for form in _without_disguise(sentence)]
    for rule in rules:
        if rule.fits(said, words) or (
            rule.disguised and any(rule.fits(form, within) for form, within in forms)
        ):
            yield rule


def _without_disguise(sentence: str) -> Iterator[str]:
    """A sentence in lower case without look-alikes, then what it may say in leet or encoded."""
    form = squeeze(normalise(sentence))
    yield form
    leet = _LEET_WORD.sub(lambda match: match.group().translate(_LEET), form)
    if leet != form:
        yield leet
    if _MAY_HIDE.search(sentence):
        yield from (squeeze(normalise(piece)) for piece in find_encoded(sentence))


def _split_lines(text: str) -> list[_Line]:
    """The lines that say something; one that goes on in lower case is one with the next."""
    lines: list[_Line] = []
    at, blank = 0, True
    for raw in text.split("\n"):
        start, end = trim(text, at, at + len(raw))
        at += len(raw) + 1
        if start == end:
            blank = True
        elif lines and not blank and text[start].islower():
            begin = lines[-1].start
            lines[-1] = _Line(begin, end, squeeze(text[begin:end]), lines[-1].after_blank)
        else:
            lines.append(_Line(start, end, squeeze(text[start:end]), blank))
            blank = False
    return lines


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
