"""Patterns over words → one automaton, in which what patterns have in common is held once.

A pattern is words separated by blanks; ``swell*`` matches by its beginning, ``(a|b)`` either,
``(a|b)?`` maybe, ``~`` stands for up to three words of any kind, ``a ?b`` for ``a b`` or ``ab``.
What may be left out never consists of filler words alone: those are passed over anyway.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Final, TypeAlias

from assistant.errors import SettingsError

GAP: Final = "~"
FILLER: Final = frozenset(
    "a an the my his her our your their this that these those really very so just quite pretty "
    "totally completely absolutely actually literally kinda sorta like also even some own whole "
    "entire fucking fuckin freaking damn left extremely incredibly rather slightly somewhat "
    "basically definitely honestly seriously super well sort kind bit little".split()
)
_ITEM: Final = re.compile(r"\(|\)\??|\||[^\s()|]+")
_MAYBE_JOINED: Final = re.compile(r"([\w*]+) \?([\w*]+)")
_SIGNS: Final = frozenset({"(", ")", ")?", "|", GAP})
_NONE: Final[Mapping[str, Node]] = {}

Parsed: TypeAlias = "list[list[str | Group]]"


@dataclass(frozen=True, slots=True)
class Group:
    """Alternatives, each a sequence of words and groups."""

    alternatives: Parsed
    optional: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """What may follow: words, fillers, or a gap; `ends` are the concepts that are complete here."""

    next: Mapping[str, Node] = field(default_factory=lambda: _NONE)
    fillers: Mapping[str, Node] = field(default_factory=lambda: _NONE)
    gap: Node | None = None
    ends: tuple[str, ...] = ()


@dataclass(slots=True)
class Automaton:
    """All patterns of many concepts. `words` and `prefixes` are those that stand in them."""

    next: dict[str, Node] = field(default_factory=dict)
    fillers: dict[str, Node] = field(default_factory=dict)
    words: set[str] = field(default_factory=set)
    prefixes: set[str] = field(default_factory=set)

    def add(self, concept: str, pattern: str) -> None:
        """Have `pattern` mean `concept`.

        Raises:
            SettingsError: its brackets do not match, or it matches nothing.
        """
        tokens = _ITEM.findall(_MAYBE_JOINED.sub(r"(\1\2|\1 \2)", pattern))
        group, rest = _parse(tokens, 0)
        if rest != len(tokens) or "*" in tokens:
            raise SettingsError(f"{concept}: {pattern!r}: brackets do not match; mend it")
        start, _ = _before([group], Node(ends=(concept,)), None)
        if not start or not (start.next or start.fillers):
            raise SettingsError(f"{concept}: {pattern!r} matches nothing; mend or remove it")
        joined: _Joined = {}
        for ours, theirs in ((self.next, start.next), (self.fillers, start.fillers)):
            for word, node in theirs.items():
                ours[word] = _join(ours[word], node, joined) if word in ours else node
        for token in tokens:
            if token in _SIGNS or token in FILLER:
                continue
            if token.endswith("*"):
                self.prefixes.add(token[:-1])
            else:
                self.words.add(token)


def _parse(tokens: Sequence[str], at: int) -> tuple[Group, int]:
    """The alternatives from `at` on, and where the bracket that closes them stands."""
    alternatives: Parsed = [[]]
    while at < len(tokens):
        token = tokens[at]
        at += 1
        if token == "|":
            alternatives.append([])
        elif token in (")", ")?"):
            return Group(alternatives), at - 1
        elif token == "(":
            inner, at = _parse(tokens, at)
            if not 0 <= at < len(tokens):
                return inner, -1
            alternatives[-1].append(Group(inner.alternatives, tokens[at] == ")?"))
            at += 1
        else:
            alternatives[-1].append(token)
    return Group(alternatives), at


def _before(
    sequence: Sequence[str | Group], rest: Node, wordy: Node | None
) -> tuple[Node, Node | None]:
    """The node from which all of a sequence leads to `rest`.

    Args:
        wordy: where a way leads on that has had no word yet but fillers, None where none may.

    Returns:
        It, and the one from which only those ways lead there that have a word of their own.
    """
    for item in reversed(sequence):
        if isinstance(item, str):
            step = _step(item, rest)
            wordy = step if item not in FILLER else wordy and _step(item, wordy)
            rest = step
        elif item.optional:
            inner = _any_of([_before(way, rest, None)[1] for way in item.alternatives])
            found = _any_of([inner, rest])
            wordy = _any_of([inner, wordy])
            rest = found or rest
        else:
            ways = [_before(way, rest, wordy) for way in item.alternatives]
            rest = _any_of([one for one, _ in ways]) or rest
            wordy = _any_of([one for _, one in ways])
    return rest, wordy


def _step(word: str, to: Node) -> Node:
    if word == GAP:
        return Node(gap=to)
    return Node(fillers={word: to}) if word in FILLER else Node(next={word: to})


# By the identity of two nodes, which are held so that it stays theirs, what both are together.
_Joined: TypeAlias = "dict[tuple[int, int], tuple[Node, Node, Node]]"


def _any_of(nodes: Iterable[Node | None]) -> Node | None:
    """The node from which what follows any of them follows; None for none."""
    joined: _Joined = {}
    some = [node for node in nodes if node]
    return reduce(lambda a, b: _join(a, b, joined), some) if some else None


def _join(a: Node, b: Node, joined: _Joined) -> Node:
    if a is b:
        return a
    known = joined.get((id(a), id(b)))
    if known:
        return known[2]
    both = Node(
        _join_all(a.next, b.next, joined),
        _join_all(a.fillers, b.fillers, joined),
        _join(a.gap, b.gap, joined) if a.gap and b.gap else a.gap or b.gap,
        (*a.ends, *(end for end in b.ends if end not in a.ends)),
    )
    joined[id(a), id(b)] = a, b, both
    return both


def _join_all(a: Mapping[str, Node], b: Mapping[str, Node], joined: _Joined) -> Mapping[str, Node]:
    if not a or not b:
        return a or b
    common = {word: _join(a[word], b[word], joined) for word in a.keys() & b.keys()}
    return {**a, **b, **common}
