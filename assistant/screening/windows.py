"""A long message in pieces that the network can read, each as a message of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from heapq import nlargest
from typing import Final

import numpy as np

from assistant.minilm import Array
from assistant.reader import KINDS, Impression

# The network reads 256 tokens: most texts of 100 words. Neighbouring pieces share a few sentences,
# so that what belongs together stands together in one of them.
WINDOW_WORDS: Final = 100
OVERLAP_WORDS: Final = 25
MAX_WINDOWS: Final = 8
_MAX_LETTERS: Final = 30
_WEIGHED_WORDS: Final = 6
_SENTENCE: Final = re.compile(r"[^.!?\n]+[.!?\n]*|[.!?\n]+")
_WORD: Final = re.compile(r"[a-z]+")
# One piece suffices to make a message one of these.
_ANYWHERE: Final = [KINDS.index(kind) for kind in ("injection", "harmful")]


def windows(text: str, alarm: Mapping[str, float], most: int = MAX_WINDOWS) -> list[str]:
    """The pieces of a normalised message that are to be read, in order; at least one.

    Args:
        alarm: how much more often a word stands in red flags than in harmless messages, as the log
            of that; where there are too many pieces, those with such words are read.
        most: how many pieces may be read.
    """
    return most_alarming(list(_iter_pieces(text)) or [""], alarm, most)


def most_alarming(pieces: list[str], alarm: Mapping[str, float], most: int) -> list[str]:
    """At most `most` of the pieces, in their order; arguments as for `windows`."""
    if len(pieces) <= most:
        return pieces
    weights = [_alarm_of(piece, alarm) for piece in pieces]
    best = sorted(range(len(pieces)), key=lambda n: (-weights[n], n))[:most]
    return [pieces[n] for n in sorted(best)]


def _alarm_of(piece: str, alarm: Mapping[str, float]) -> float:
    return sum(nlargest(_WEIGHED_WORDS, (alarm.get(w, 0.0) for w in set(_WORD.findall(piece)))))


def _iter_pieces(text: str) -> Iterator[str]:
    """Whole sentences together while they are short enough; a longer sentence is cut."""
    piece: list[str] = []
    own = 0
    for sentence in _SENTENCE.findall(text):
        words = [word[:_MAX_LETTERS] for word in sentence.split()]
        for first in range(0, len(words), WINDOW_WORDS):
            part = words[first : first + WINDOW_WORDS]
            if own and len(piece) + len(part) > WINDOW_WORDS:
                yield " ".join(piece)
                room = min(OVERLAP_WORDS, WINDOW_WORDS - len(part))
                piece, own = piece[len(piece) - room :], 0
            piece = [*piece, *part]
            own += len(part)
    if own:
        yield " ".join(piece)


def kind_of(typed: Sequence[Impression], hidden: Sequence[Impression]) -> Array:
    """Log-probabilities of the kinds of a whole message.

    Args:
        typed: of the pieces that stand in it; they are averaged, but for kinds that one piece
            suffices for.
        hidden: of those that were encoded in it; only these kinds count there.
    """
    if len(typed) == 1 and not hidden:
        return typed[0].kind
    kind = np.log(np.exp(np.stack([read.kind for read in typed])).mean(axis=0))
    every = np.stack([read.kind for read in (*typed, *hidden)])
    kind[_ANYWHERE] = every[:, _ANYWHERE].max(axis=0)
    return np.asarray(kind, np.float32)
