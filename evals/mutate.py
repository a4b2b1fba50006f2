"""One change to a sentence that makes it say something else: one generator a kind.

The words come from ``mutations/tables.toml``, which shares nothing with the check's own tables.
Everything is deterministic: the same sentence gives the same mutations.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

TABLES: Final = Path(__file__).parent / "mutations" / "tables.toml"
# Mutations of one kind of one sentence at most.
MOST: Final = 2
_MIN_WORDS: Final = 4
_SMALL_WORDS: Final = frozenset("the a an of your this that these it they is".split())
_BROKEN: Final = re.compile(
    r"\b(?:and|but|or|if|at|even|was|then|as|a|the|which|means|that|by)\W*\Z|\A(?:and|but|because|though|whose)\b|\b(?:and|but|if|then|it),",
    re.I,
)

Mutator = Callable[[str, Mapping[str, Any]], Iterator[str]]


@cache
def _tables() -> Mapping[str, Any]:
    return tomllib.loads(TABLES.read_text("utf-8"))


def mutations(text: str, kind: str) -> list[str]:
    """At most `MOST` mutations of one kind, each changed in one place; empty where none fits.

    Args:
        kind: One of `KINDS` but “joined”, which needs two sentences (`joined`).
    """
    if len(text.split()) < _MIN_WORDS:
        return []
    found = dict.fromkeys(
        _tidy(changed) for changed in _MUTATORS[kind](text, _tables()[kind]) if changed
    )
    found.pop(_tidy(text), None)
    changed = [c for c in found if _words(c) != _words(text)]
    return sorted(changed, key=lambda c: _number(text, kind, c))[:MOST]


def joined(first: str, second: str) -> list[str]:
    """What two sentences say, made into one claim that neither makes."""
    table = _tables()["joined"]
    verbs = "|".join(map(re.escape, table["verbs"]))
    found = []
    parts = [
        re.split(rf"\b(?={verbs}\b)(?:(?<=\w\s))", s.rstrip(".!"), maxsplit=1)
        for s in (first, second)
    ]
    if (
        not re.match(table["subordinate"], first)
        and all(len(p) == 2 and len(p[0].split()) >= 2 and len(p[1].split()) >= 3 for p in parts)
        and not set(_words(parts[0][0])) & set(_words(parts[1][0])) - _SMALL_WORDS
    ):
        found.append(f"{parts[0][0].strip()} {parts[1][1].strip()}.")
    if len(first.split()) >= _MIN_WORDS and len(second.split()) >= _MIN_WORDS:
        found.append(first.rstrip(".!") + _pick(table["glue"], first, second) + _lower(second))
    return [_tidy(f) for f in found]


def _swaps(text: str, table: Mapping[str, Any]) -> Iterator[str]:
    for old, new in table["swaps"]:
        for match in re.finditer(rf"(?<![\w-]){re.escape(old)}(?![\w-])", text, re.I):
            if not _in_pair(text, match, new):
                yield _put(text, match, new)


def _in_pair(text: str, match: re.Match[str], new: str) -> bool:
    """Whether the other word stands beside it (“left or right”), so that swapping says nothing."""
    around = text[max(0, match.start() - 25) : match.end() + 25]
    return bool(re.search(rf"\b{re.escape(new)}\b", around, re.I)) and " or " in around


def _negate(text: str, table: Mapping[str, Any]) -> Iterator[str]:
    for old, new in table["drops"]:
        for match in re.finditer(
            rf"(?<!\w){re.escape(old)}(?!\w)(?! (?:just|only|merely|simply))", text, re.I
        ):
            yield _put(text, match, new)
    helpers = "|".join(table["helpers"])
    for match in re.finditer(rf"\b(?:{helpers})\b(?! not\b|n[’']t)", text):
        yield text[: match.end()] + " not" + text[match.end() :]
    for verb in table["verbs"]:
        for match in re.finditer(rf"\b{verb}\b", text):
            yield (
                text[: match.start()]
                + _pick(table["before_verbs"], text, verb)
                + " "
                + text[match.start() :]
            )
    for old, new in table["fails"]:
        for match in re.finditer(rf"(?<![\w-]){old}(?![\w-])", text):
            yield _put(text, match, new)
    if not text.rstrip().endswith("?"):
        yield _pick(table["prefixes"], text, "") + _lower(text)


def _numbers(text: str, table: Mapping[str, Any]) -> Iterator[str]:
    for match in re.finditer(r"(?<![\w.])\d+(?![\w.]*\w)", text):
        value = int(match.group()[:12])
        for other in (value + 1 + _number(text, "n") % 5, max(2, value * 2), max(1, value - 1)):
            if str(other) != match.group():
                yield _put(text, match, str(other))
    words = table["words"]
    for at, word in enumerate(words):
        for match in re.finditer(rf"\b{word}\b", text, re.I):
            yield _put(text, match, words[(at + 1 + _number(text, word) % 6) % len(words)])
    for old, new in table["once"]:
        for match in re.finditer(rf"(?<!\w){re.escape(old)}(?!\w)", text, re.I):
            yield _put(text, match, new)


def _names(text: str, table: Mapping[str, Any]) -> Iterator[str]:
    taken: list[tuple[int, int]] = []
    for name in sorted(table["names"], key=len, reverse=True):
        for match in re.finditer(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text):
            if any(a <= match.start() < b for a, b in taken):
                continue
            taken.append(match.span())
            others = [o for o in table["others"] if o.casefold() not in text.casefold()]
            yield _put(text, match, _pick(others, text, name))


def _populations(text: str, table: Mapping[str, Any]) -> Iterator[str]:
    yield from _names(text, table)
    yield _pick(table["leads"], text, "") + _lower(text)


def _source(text: str, table: Mapping[str, Any]) -> Iterator[str]:
    if re.search(table["already"], text, re.I) or not _states(text):
        return
    yield _pick(table["leads"], text, "") + _lower(text)
    yield text.rstrip(".!") + _pick(table["tails"], text, "") + "."


def _drop_condition(text: str, table: Mapping[str, Any]) -> Iterator[str]:
    leads, tails = "|".join(table["leads"]), "|".join(table["tails"])
    if match := re.match(rf"(?:{leads})\b[^,]{{8,}}, (?=\w)", text):
        rest = text[match.end() :]
        if not _BROKEN.search(rest):
            yield rest[0].upper() + rest[1:]
    for match in re.finditer(rf",? \b(?:{tails})\b[^,;—–().]*(?=[.,;—–]|\Z)", text):
        rest = text[: match.start()] + text[match.end() :]
        if len(rest.split()) >= _MIN_WORDS and not _BROKEN.search(rest):
            yield rest


def _reverse_cause(text: str, table: Mapping[str, Any]) -> Iterator[str]:
    if re.search(table["symmetric"], text, re.I):
        return
    body = text.rstrip(".!")
    for cue in sorted(table["cues"], key=len, reverse=True):
        match = re.search(rf"(?:, | )\b{re.escape(cue)} ", body)
        if match:
            left, right = body[: match.start()], body[match.end() :]
            left, head = left[left.rfind(",") + 1 :].strip(), left[: left.rfind(",") + 1]
            stop = re.search(r",|;| —|—| – | and | when | if ", right)
            right, tail = (right[: stop.start()], right[stop.start() :]) if stop else (right, "")
            if (
                _BROKEN.search(left)
                or re.match(r"(?:that|as|of|it|this|to)\b", right)
                or re.search(r"\b(?:the|a|an|root|likely|primary|good|often|to|of)\Z", left)
            ):
                return
            if (
                len(left.split()) >= 2
                and len(right.split()) >= 2
                and not re.match(r"(?:it|this|that|they|these|which|you|we)\b", left, re.I)
            ):
                yield f"{head} {right}{match.group()}{_lower(left)}{tail}."
            return


def _compare(text: str, table: Mapping[str, Any]) -> Iterator[str]:
    yield from _swaps(text, table)
    for cue in ("rather than", "instead of"):
        match = re.search(rf"(\w+) ([\w ]{{3,40}}?) {cue} ([\w ]{{3,40}})(?=[.,;]|\Z)", text)
        if match:
            yield text[: match.start(2)] + f"{match[3]} {cue} {match[2]}" + text[match.end() :]


def _states(text: str) -> bool:
    """Whether it states something, not tells the reader to do it."""
    return bool(
        re.match(
            r"(?:[A-Z][a-z’']+s?|The|A|An|This|It|These|Your|If|When)\b.* (?:is|are|can|may|will|helps|\w+s)\b",  # noqa: E501
            text,
        )
    )


_MUTATORS: Final[Mapping[str, Mutator]] = {
    "negate": _negate,
    "number": _numbers,
    "unit": _swaps,
    "side": _swaps,
    "direction": _swaps,
    "certainty": _swaps,
    "amount": _swaps,
    "comparison": _compare,
    "muscle": _names,
    "diagnosis": _names,
    "population": _populations,
    "source": _source,
    "condition": _drop_condition,
    "cause": _reverse_cause,
}
KINDS: Final[Mapping[str, str]] = {
    "negate": "negated, or its denial taken away",
    "number": "another number",
    "unit": "another unit",
    "side": "another side",
    "direction": "another direction",
    "certainty": "may → will, often → always",
    "amount": "some → all",
    "comparison": "comparison reversed",
    "muscle": "another muscle or bone",
    "diagnosis": "another condition",
    "population": "other people",
    "source": "an invented source",
    "condition": "a condition dropped",
    "cause": "cause and effect exchanged",
    "joined": "two sentences joined",
}


def _put(text: str, match: re.Match[str], new: str) -> str:
    if match.group()[:1].isupper() and new:
        new = new[0].upper() + new[1:]
    return text[: match.start()] + new + text[match.end() :]


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def _tidy(text: str) -> str:
    return re.sub(r"\s+([.,;])", r"\1", " ".join(text.split()))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _number(*parts: str) -> int:
    return int.from_bytes(blake2b("\n".join(parts).encode(), digest_size=4).digest(), "big")


def _pick(choices: Sequence[str], *parts: str) -> str:
    return choices[_number(*parts) % len(choices)]
