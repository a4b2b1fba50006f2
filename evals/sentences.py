"""Where sentences begin and end in a file, read from the file alone.

A sentence begins where a line or a list item does, or after the end of another; it ends with its
line, or at `. ! ? …` before something that can begin one. Where left-out text cuts a sentence, the
cut is an edge too. More edges than the assistant's own splitter may have, never fewer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from assistant.types import Span

_LINE: Final = re.compile(r"[^\r\n]+")
_MARKER: Final = re.compile(r"\s*(?:[•·*▪◦–-]|\d{1,3}[.)])[ \t]+")
_STOP: Final = re.compile(r"[.!?…]+[\"”’')\]]*(?=\s)")
_ABBREVIATION: Final = re.compile(
    r"(?:\b(?:dr|mrs?|ms|prof|vs|e\.g|i\.e|approx|cf)|\b[a-z])$", re.I
)
_NEW_PARAGRAPH: Final = re.compile(rf"\n\s*\n|\n{_MARKER.pattern}")


@dataclass(frozen=True, slots=True)
class Edges:
    """Offsets of one article at which a quote may begin and end."""

    starts: frozenset[int]
    ends: frozenset[int]

    def fits(self, text: str, start: int, end: int) -> bool:
        """Whether these are whole sentences of one paragraph of `text`."""
        whole = start in self.starts and end in self.ends
        return whole and not _NEW_PARAGRAPH.search(text, start, end)


def find_edges(text: str, left_out: Iterable[Span]) -> Edges:
    """The edges of one article's sentences.

    Args:
        left_out: The stretches of this article that are never shown.
    """
    starts: set[int] = set()
    ends: set[int] = set()
    for line in _LINE.finditer(text):
        starts.add(_skip_blanks(text, line.start()))
        ends.add(_back_over_blanks(text, line.end()))
        if marker := _MARKER.match(text, line.start(), line.end()):
            starts.add(marker.end())
        for stop in _STOP.finditer(text, line.start(), line.end()):
            following = _skip_blanks(text, stop.end())
            if text[following : following + 1].islower():
                continue
            if stop[0] == "." and _ABBREVIATION.search(text, line.start(), stop.start()):
                continue
            ends.add(stop.end())
            starts.add(following)
    for left in left_out:
        ends.add(_back_over_blanks(text, left.start))
        starts.add(_skip_blanks(text, left.end))
    return Edges(frozenset(starts), frozenset(ends))


def _skip_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _back_over_blanks(text: str, at: int) -> int:
    while at > 0 and text[at - 1].isspace():
        at -= 1
    return at
