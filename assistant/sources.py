"""What a corpus says of its articles (``sources.toml``), and what in a file is not the article.

`sources.toml` is optional: without it every fact is "not stated" and only the general rules
(`left_out`) leave something out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from assistant.beside import read_toml
from assistant.errors import CorpusError
from assistant.left_out import find_by_rules, known_kinds
from assistant.text import trim
from assistant.types import NOT_STATED, EvidenceTag, LeftOut, Span

SOURCES_FILE: Final = "sources.toml"
MAX_ABOUT_CHARS: Final = 120
_LISTS: Final = {
    "posts": str,
    "instruction_sections": str,
    "leave_out": dict,
    "keep": dict,
    "rules_off": str,
    "tags": dict,
}
_STRETCH_KEYS: Final = {"leave_out": ("kind", "from", "to"), "keep": ("from", "to")}


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
    keep: tuple[Mapping[str, str], ...] = ()
    rules_off: tuple[str, ...] = ()
    tags: tuple[tuple[EvidenceTag, tuple[str, ...]], ...] = ()


def load_sources(folder: Path) -> dict[str, Source]:
    """What ``sources.toml`` says of each article; empty where there is no such file."""
    path = folder / SOURCES_FILE
    entries = read_toml(path).get("articles", {})
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
    table = read_toml(path).get("corpus", {})
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
    for key, words in _STRETCH_KEYS.items():
        for row in entry.get(key, ()):
            _check_stretch(path, name, key, words, row)
    for kind in entry.get("rules_off", ()):
        if kind not in known_kinds():
            raise CorpusError(
                f"{path}: {name} switches off {kind!r}, which no rule has; use one of "
                f"{', '.join(map(repr, known_kinds()))}"
            )
    for key in ("leave_out", "keep", "rules_off", "posts", "instruction_sections"):
        values[key] = tuple(entry.get(key, ()))
    return Source(**values)


def _check_stretch(
    path: Path, name: str, key: str, words: Sequence[str], row: Mapping[str, Any]
) -> None:
    if unknown := sorted(set(row) - set(words)):
        raise CorpusError(
            f"{path}: {name} has {unknown[0]!r} in a row of `{key}`; use {', '.join(words)}"
        )
    needed = set(words) - {"to"}
    if not needed <= set(row) or not all(
        isinstance(word, str) and word.strip() for word in row.values()
    ):
        raise CorpusError(
            f"{path}: {name} has a row of `{key}` without the words for "
            f"{' and '.join(f'`{word}`' for word in words if word in needed)} "
            "(and `to`, if given); give them"
        )


def find_left_out(article_id: str, text: str, source: Source) -> tuple[LeftOut, ...]:
    """Stretches that are not the article, in order, merged where they overlap.

    What `source` keeps is kept from the rules, not from what `source` itself leaves out.

    Raises:
        CorpusError: words that `source` names are not in the text, or not exactly once.
    """
    found = [
        LeftOut(
            Span(article_id, *_locate(text, row, "leaves out")),
            row["kind"],
            f"named in {SOURCES_FILE}",
        )
        for row in source.leave_out
    ]
    kept = sorted(_locate(text, row, "keeps") for row in source.keep)
    for item in find_by_rules(article_id, text, source.rules_off):
        found.extend(_without_kept(text, item, kept))
    return _merged(found)


def _locate(text: str, row: Mapping[str, str], verb: str) -> tuple[int, int]:
    """Where the words of a row stand, from `from` to `to` or, without it, to the end."""
    first = row["from"]
    if text.count(first) != 1:
        raise CorpusError(
            f"{SOURCES_FILE} {verb} {first!r}, which occurs {text.count(first)} times in the text "
            "and must occur once; correct it"
        )
    start, end = text.index(first), len(text)
    if "to" in row:
        at = text.find(row["to"], start)
        if at < 0:
            raise CorpusError(
                f"{SOURCES_FILE} {verb} up to {row['to']!r}, which does not follow {first!r}; "
                "correct it"
            )
        end = at + len(row["to"])
    return trim(text, start, end)


def _without_kept(text: str, item: LeftOut, kept: Iterable[tuple[int, int]]) -> Iterable[LeftOut]:
    """The parts of a stretch beside what is kept; `kept` is in order."""
    begin, end = item.span.start, item.span.end
    for first, last in kept:
        if last <= begin or end <= first:
            continue
        yield from _part(text, item, begin, first)
        begin = max(begin, last)
    yield from _part(text, item, begin, end)


def _part(text: str, item: LeftOut, start: int, end: int) -> Iterable[LeftOut]:
    start, end = trim(text, start, end)
    if start < end:
        yield replace(item, span=Span(item.span.article_id, start, end))


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
