"""What a corpus says of its articles (``sources.toml``), and what in a file is not the article.

`sources.toml` is optional: without it every fact is "not stated" and only the general rules of
``data/left_out.toml`` leave something out.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

from assistant.errors import CorpusError
from assistant.text import iter_sentences, trim
from assistant.types import NOT_STATED, EvidenceTag, LeftOut, Span

SOURCES_FILE: Final = "sources.toml"
LEFT_OUT_RULES: Final = "data/left_out.toml"
MAX_ABOUT_CHARS: Final = 120
_LISTS: Final = {"posts": str, "instruction_sections": str, "leave_out": dict, "tags": dict}


@dataclass(frozen=True, slots=True)
class Source:
    """An article's entry in ``sources.toml``; every field may be missing."""

    title: str = ""
    sha256: str = ""
    kind: str = NOT_STATED
    claims_rest_on: str = NOT_STATED
    author: str = NOT_STATED
    date: str = NOT_STATED
    address: str = NOT_STATED
    default_tag: EvidenceTag = EvidenceTag.UNSOURCED
    shown_by: str = ""
    posts: tuple[str, ...] = ()
    instruction_sections: tuple[str, ...] = ()
    leave_out: tuple[Mapping[str, str], ...] = ()
    tags: tuple[tuple[EvidenceTag, tuple[str, ...]], ...] = ()


def load_sources(folder: Path) -> dict[str, Source]:
    """What ``sources.toml`` says of each article; empty where there is no such file."""
    path = folder / SOURCES_FILE
    if not path.exists():
        return {}
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CorpusError(f"{path}: cannot be read ({error}); correct it") from error
    entries = data.get("articles", {})
    if not isinstance(entries, dict) or not all(isinstance(e, dict) for e in entries.values()):
        raise CorpusError(f"{path}: an article needs a table of its own, [articles.NAME]")
    return {name: _parse_source(path, name, entry) for name, entry in entries.items()}


@dataclass(frozen=True, slots=True)
class About:
    """What a corpus says of itself, ``[corpus]``: what its articles are about, in a few words."""

    about: str = ""


def load_about(folder: Path) -> About:
    """The ``[corpus]`` table of ``sources.toml``; empty where there is none."""
    path = folder / SOURCES_FILE
    if not path.exists():
        return About()
    try:
        table = tomllib.loads(path.read_text("utf-8")).get("corpus", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CorpusError(f"{path}: cannot be read ({error}); correct it") from error
    about = table.get("about", "") if isinstance(table, dict) else None
    if not isinstance(about, str) or set(about) & set("<>\n") or len(about) > MAX_ABOUT_CHARS:
        raise CorpusError(
            f'{path}: [corpus] needs about = "a few words", at most {MAX_ABOUT_CHARS} characters '
            "on one line without < and >; correct it"
        )
    return About(about.strip())


def _parse_source(path: Path, name: str, entry: Mapping[str, Any]) -> Source:
    known = set(Source.__dataclass_fields__)
    if unknown := sorted(set(entry) - known):
        raise CorpusError(
            f"{path}: {name} has the unknown key {unknown[0]!r}; use one of "
            f"{', '.join(sorted(known))}"
        )
    for key, value in entry.items():
        kind = _LISTS.get(key)
        fits = (
            isinstance(value, list) and all(isinstance(item, kind) for item in value)
            if kind
            else isinstance(value, str)
        )
        if not fits:
            raise CorpusError(f"{path}: {name} has {key} = {value!r}; see the corpus's README")
    values = dict(entry)
    try:
        values["default_tag"] = EvidenceTag(entry.get("default_tag", EvidenceTag.UNSOURCED))
        values["tags"] = tuple(
            (EvidenceTag(row["tag"]), tuple(row["starts"])) for row in entry.get("tags", ())
        )
    except (KeyError, ValueError, TypeError) as error:
        raise CorpusError(
            f"{path}: {name} has a tag that is not known ({error}); use one of "
            f"{', '.join(repr(tag.value) for tag in EvidenceTag)}"
        ) from error
    for row in entry.get("leave_out", ()):
        words = [row.get(key) for key in ("kind", "from", "to") if key in row]
        if not {"kind", "from"} <= set(row) or not all(
            isinstance(word, str) and word.strip() for word in words
        ):
            raise CorpusError(
                f"{path}: {name} leaves something out without the words for `kind` and `from` "
                "(and `to`, if given); give them"
            )
    values["leave_out"] = tuple(entry.get("leave_out", ()))
    values["posts"] = tuple(entry.get("posts", ()))
    values["instruction_sections"] = tuple(entry.get("instruction_sections", ()))
    return Source(**values)


@cache
def _left_out_rules() -> tuple[tuple[str, str, str, re.Pattern[str]], ...]:
    data = resources.files("assistant").joinpath(LEFT_OUT_RULES).read_text("utf-8")
    return tuple(
        (rule["kind"], rule["scope"], rule["why"], re.compile(rule["pattern"], re.I | re.M))
        for rule in tomllib.loads(data)["rule"]
    )


def find_left_out(article_id: str, text: str, source: Source) -> tuple[LeftOut, ...]:
    """Stretches that are not the article, in order, merged where they overlap."""
    found: list[LeftOut] = []
    for row in source.leave_out:
        first = row["from"]
        if text.count(first) != 1:
            raise CorpusError(
                f"{SOURCES_FILE} leaves out {first!r}, which occurs "
                f"{text.count(first)} times in the text and must occur once"
            )
        start = text.index(first)
        end = len(text)
        if "to" in row:
            at = text.find(row["to"], start)
            if at < 0:
                raise CorpusError(
                    f"{SOURCES_FILE} leaves out up to {row['to']!r}, which does "
                    f"not follow {first!r}; correct it"
                )
            end = at + len(row["to"])
        start, end = trim(text, start, end)
        found.append(LeftOut(Span(article_id, start, end), row["kind"], f"named in {SOURCES_FILE}"))
    for kind, scope, why, pattern in _left_out_rules():
        for match in pattern.finditer(text):
            start, end = trim(text, *_scope_of(text, scope, match.start(), match.end()))
            found.append(LeftOut(Span(article_id, start, end), kind, why))
    return _merged(found)


def _merged(found: list[LeftOut]) -> tuple[LeftOut, ...]:
    """Disjoint stretches that cover the same text, in order; the first one's kind counts."""
    merged: list[LeftOut] = []
    for item in sorted(found, key=lambda item: (item.span.start, -item.span.end)):
        last = merged[-1].span if merged else None
        if last and item.span.start < last.end:
            longer = Span(last.article_id, last.start, max(last.end, item.span.end))
            merged[-1] = replace(merged[-1], span=longer)
        else:
            merged.append(item)
    return tuple(merged)


def _scope_of(text: str, scope: str, start: int, end: int) -> tuple[int, int]:
    if scope == "rest":
        return start, len(text)
    first = text.rfind("\n", 0, start) + 1
    last = text.find("\n", end)
    last = len(text) if last < 0 else last
    if scope == "sentence":
        for sentence in iter_sentences(text, first, last):
            if sentence[0] <= start < sentence[1]:
                return sentence
    return first, last
