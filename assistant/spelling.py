"""Slips of the finger undone: an unknown word is read as the likeliest one that is near it.

A word is known that was met in the messages which the reader learned from (``data/words.txt``),
that is a token of the embedding model, or that stands in pyspellchecker's English dictionary.
"""

from __future__ import annotations

import gzip
import pkgutil
import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Collection, Container, Iterable, Mapping
from functools import cache, lru_cache
from hashlib import blake2b
from typing import Final

import numpy as np

from assistant.errors import ModelError

# Words of fewer or of more letters are left alone.
MIN_LETTERS: Final = 3
MAX_LETTERS: Final = 20
# In shorter ones, mostly abbreviations, letters may only be swapped; in long ones there may be two
# slips.
MIN_LETTERS_CHANGED: Final = 4
LONG_WORD: Final = 9
# Where fewer of the words are known, it is no slip but another language.
MOSTLY_KNOWN: Final = 0.4
# A word counts from so many times on; one that the dictionary lacks from more.
MET: Final = 2
MET_UNKNOWN: Final = 12
_REMEMBERED: Final = 4096
_ENTRY: Final = re.compile(rb'"([^"\\]+)":')
_WORD: Final = re.compile(r"[a-z]+(?:'[a-z]+)?")


class Spelling:
    """Mends words.

    Args:
        counts: how often each word was met; the words that a slip may stand for.
        tokens: other words that are right as they are.
    """

    def __init__(self, counts: Mapping[str, int], tokens: Collection[str] = ()) -> None:
        self._counts = dict(counts)
        self._tokens = frozenset(tokens)
        self._by_start: dict[str, list[str]] = defaultdict(list)
        for word in sorted(self._counts, key=lambda w: -self._counts[w]):
            if len(word) >= MIN_LETTERS:
                self._by_start[word[0]].append(word)
        self._nearest = lru_cache(_REMEMBERED)(self._find_nearest)

    def mend(self, text: str) -> str:
        """Lower-case text with its unknown words mended; nothing else changes."""
        words = _WORD.findall(text)
        unknown = {word for word in words if not self._is_known(word)}
        if not unknown or sum(word in unknown for word in words) > len(words) * (1 - MOSTLY_KNOWN):
            return text
        mended = {word: self._nearest(word) for word in unknown}
        return _WORD.sub(lambda match: mended.get(match.group(), match.group()), text)

    def _is_known(self, word: str) -> bool:
        if "'" in word or not MIN_LETTERS <= len(word) <= MAX_LETTERS:
            return True
        return word in self._counts or word in self._tokens or word in dictionary()

    def _find_nearest(self, word: str) -> str:
        """The nearest word by letters lost, added, changed or swapped; the commoner of two.

        The first letter is taken to be right, or swapped with the second.
        """
        from rapidfuzz import distance, process

        slips = 1 if len(word) < LONG_WORD else 2
        best, of_best = word, (slips + 1, 0)
        for start in dict.fromkeys((word[0], word[1])):
            for near, away, _ in process.extract(
                word,
                self._by_start.get(start, ()),
                scorer=distance.OSA.distance,
                score_cutoff=slips,
                limit=None,
            ):
                rank = (int(away), -self._counts[near])
                swapped = sorted(near) == sorted(word)
                if rank < of_best and (swapped or len(word) >= MIN_LETTERS_CHANGED):
                    best, of_best = near, rank
        return best


class WordSet:
    """Words of which only a hash of 8 bytes each is kept; a set of them takes ten times that.

    That another word has the hash of one of 160,000 happens once in 10**14 words.
    """

    def __init__(self, words: Iterable[bytes]) -> None:
        self._hashes = np.unique(np.fromiter(map(_hash, words), np.uint64))

    def __contains__(self, word: object) -> bool:
        key = np.uint64(_hash(str(word).encode()))
        at = int(np.searchsorted(self._hashes, key))
        return at < len(self._hashes) and bool(self._hashes[at] == key)


def _hash(word: bytes) -> int:
    return int.from_bytes(blake2b(word, digest_size=8).digest(), "little")


@cache
def dictionary() -> Container[str]:
    """English words as pyspellchecker has them, about 160,000.

    Raises:
        ModelError: they cannot be read.
    """
    # Its own class would hold all of them with their counts, in 30 MB, while they are hashed.
    try:
        packed = pkgutil.get_data("spellchecker", "resources/en.json.gz") or b""
        listed = gzip.decompress(packed)
    except (OSError, EOFError, zlib.error) as error:
        raise ModelError(
            f"pyspellchecker's English words cannot be read ({error}); install it again"
        ) from error
    return WordSet(match[1] for match in _ENTRY.finditer(listed))


def count_words(texts: Iterable[str]) -> dict[str, int]:
    """How often each word was met, without what is more likely a slip or a name."""
    met = Counter(word for text in texts for word in words_of(text))
    return {
        word: count
        for word, count in met.most_common()
        if count >= (MET if word in dictionary() else MET_UNKNOWN)
    }


def words_of(text: str) -> list[str]:
    """The words of lower-case text that may be mended, in order."""
    return [word for word in _WORD.findall(text) if "'" not in word]
