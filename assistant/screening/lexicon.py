"""Word lists → a matcher that names the concepts in a text.

A concept ("numb", "chest") is a list of patterns over words (``patterns``). Filler words (the, my,
really) in a text are passed over, unless the pattern names them. No pattern can make matching
slower than linear.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from assistant.errors import SettingsError
from assistant.screening.patterns import FILLER, Automaton, Node

_MAX_GAP: Final = 3
_NO_GAP: Final = frozenset("no not without isnt arent wasnt werent never nor denies".split())
_LEET: Final = str.maketrans("013457@$!", "oieastasi")
_LEET_L: Final = str.maketrans("013457@$!", "oleastasl")
_TRIPLE: Final = re.compile(r"(.)\1{2,}")
_DOUBLE: Final = re.compile(r"(.)\1+")
_LEET_SIGN: Final = re.compile(r"[a-z][0134578@$!]|[0134578@$!][a-z]")
_NUMBERED: Final = re.compile(r"\d+[a-z]{1,4}|[a-z]\d{1,2}|\d+x\d+")
_MIN_TYPO_LETTERS: Final = 5
_MAX_TYPO_LETTERS: Final = 16


def load_toml(path: Path) -> dict[str, Any]:
    """The file's tables.

    Raises:
        SettingsError: the file is missing or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path.name}: {error}; restore the file or mend it") from error


class Match(NamedTuple):
    """`concept` found at content words ``start:end``."""

    concept: str
    start: int
    end: int


class Lexicon:
    """All concepts of a set of word lists, matched in one pass.

    Args:
        concepts: concept → patterns.
        not_typos: real words that must not be read as a misspelling of a lexicon word.
        typo_words: words worth recognising when misspelt (one edit, from five letters on;
            two for ten letters and more).
    """

    def __init__(
        self,
        concepts: Mapping[str, Sequence[str]],
        not_typos: Iterable[str] = (),
        typo_words: Iterable[str] = (),
        misspellings: Mapping[str, str] | None = None,
    ) -> None:
        self._automaton = Automaton()
        for concept, patterns in concepts.items():
            for pattern in patterns:
                self._automaton.add(concept, pattern)
        self._prefixes = frozenset(self._automaton.prefixes)
        self.vocabulary = self._automaton.words
        self._prefix_lengths = tuple(sorted({len(p) for p in self._prefixes}))
        self._not_typos = frozenset(not_typos)
        self._misspellings = dict(misspellings or {})
        self._deletes: dict[str, str] = {}
        for word in typo_words:
            self.vocabulary.add(word)
            for shorter in (word, *_deletes(word)):
                self._deletes.setdefault(shorter, word)
        self._keys: dict[str, tuple[str, ...]] = {}
        self._starts: dict[str, tuple[Node, ...]] = {}

    def keys(self, word: str) -> tuple[str, ...]:
        """The lexicon words that `word` may stand for: itself, beginnings, a mended typo."""
        known = self._keys.get(word)
        if known is None:
            if len(self._keys) > 50_000:
                self._keys.clear()
            known = self._keys[word] = self._find_keys(word)
        return known

    def _find_keys(self, word: str) -> tuple[str, ...]:
        keys = self._exact_keys(word)
        if len(word) > 4 and word.endswith("in"):
            keys += tuple(k for k in self._exact_keys(word + "g") if k not in keys)
        if keys:
            return keys
        mended = self.mend(word)
        return self._exact_keys(mended) if mended != word else ()

    def _exact_keys(self, word: str) -> tuple[str, ...]:
        keys = [word] if word in self.vocabulary else []
        if word[0].isdigit() and word.isdigit():
            keys.append("#")
        for length in self._prefix_lengths:
            if length > len(word):
                break
            if word[:length] in self._prefixes:
                keys.append(word[:length] + "*")
        return tuple(keys)

    def mend(self, word: str) -> str:
        """The word meant, when `word` is a known misspelling, leet or drawn-out; else `word`."""
        meant = self._misspellings.get(word)
        if meant is not None:
            return meant
        if word in self._not_typos or len(word) > 40:
            return word
        if not word.isalpha():
            if _LEET_SIGN.search(word) and not _NUMBERED.fullmatch(word):
                for table in (_LEET, _LEET_L):
                    plain = word.translate(table)
                    if plain in self.vocabulary or self._exact_keys(plain):
                        return plain
            return word
        if _TRIPLE.search(word):
            for shorter in (_TRIPLE.sub(r"\1", word), _TRIPLE.sub(r"\1\1", word)):
                if shorter in self.vocabulary or self._exact_keys(shorter):
                    return shorter
            word = _DOUBLE.sub(r"\1", word)
        if len(word) + 1 < _MIN_TYPO_LETTERS or len(word) > _MAX_TYPO_LETTERS:
            return word
        return self._nearest(word)

    def _nearest(self, word: str) -> str:
        for shorter in (word, *_deletes(word)):
            target = self._deletes.get(shorter)
            if target is not None and target[0] == word[0] and _one_edit(word, target):
                return target
        return word

    def segment(self, joined: str) -> str:
        """``icantbreathe`` → ``i cant breathe`` when lexicon words fill it; else unchanged."""
        if len(joined) > 200:
            return joined
        best: list[tuple[int, int] | None] = [(0, 0)] + [None] * len(joined)
        for end in range(1, len(joined) + 1):
            for start in range(max(0, end - 16), end):
                here = best[start]
                word = joined[start:end]
                if here is None or (len(word) < 2 and word not in ("i", "a")):
                    continue
                if word in self.vocabulary or word in FILLER or word in ("i", "a", "is", "me"):
                    cost = here[0] + 1
                    found = best[end]
                    if found is None or cost < found[0]:
                        best[end] = (cost, start)
        if best[-1] is None:
            return joined
        words: list[str] = []
        end = len(joined)
        while end:
            step = best[end]
            assert step is not None
            words.append(joined[step[1] : end])
            end = step[1]
        return " ".join(reversed(words))

    def find(
        self, words: Sequence[str], stops: Sequence[int], skipped: Mapping[int, Sequence[str]]
    ) -> list[Match]:
        """All concepts in the content words, by start.

        Args:
            words: content words, fillers already dropped.
            stops: for each word, the index where its sentence ends; no match crosses it.
            skipped: the fillers that stood before a content word, by its index; those at a
                sentence's end belong to the next content word.
        """
        keyed = [self.keys(w) for w in words]
        fillers = self._automaton.fillers
        found: list[Match] = []
        for start, word in enumerate(words):
            for node in self._first_nodes(word):
                self._reach(node, keyed, skipped, start, start + 1, stops[start], found)
            for filler in skipped.get(start, ()):
                inner = fillers.get(filler)
                if inner is not None:
                    self._walk(inner, keyed, skipped, start, start, stops[start], found)
        return found

    def _first_nodes(self, word: str) -> tuple[Node, ...]:
        nodes = self._starts.get(word)
        if nodes is None:
            if len(self._starts) > 50_000:
                self._starts.clear()
            following = self._automaton.next
            nodes = tuple(following[k] for k in self.keys(word) if k in following)
            self._starts[word] = nodes
        return nodes

    def _reach(
        self,
        node: Node,
        keyed: Sequence[tuple[str, ...]],
        skipped: Mapping[int, Sequence[str]],
        start: int,
        at: int,
        stop: int,
        found: list[Match],
    ) -> None:
        for concept in node.ends:
            found.append(Match(concept, start, at))
        if node.next or node.gap or node.fillers:
            self._walk(node, keyed, skipped, start, at, stop, found)

    def _walk(
        self,
        node: Node,
        keyed: Sequence[tuple[str, ...]],
        skipped: Mapping[int, Sequence[str]],
        start: int,
        at: int,
        stop: int,
        found: list[Match],
    ) -> None:
        if node.fillers and at in skipped:
            for filler in skipped[at]:
                following = node.fillers.get(filler)
                if following is not None:
                    self._reach(following, keyed, skipped, start, at, stop, found)
        if at >= stop:
            return
        for key in keyed[at]:
            following = node.next.get(key)
            if following is not None:
                self._reach(following, keyed, skipped, start, at + 1, stop, found)
        if node.gap is not None:
            for skip in range(min(_MAX_GAP + 1, stop - at)):
                for key in keyed[at + skip]:
                    following = node.gap.next.get(key)
                    if following is not None:
                        self._reach(following, keyed, skipped, start, at + skip + 1, stop, found)
                if not _NO_GAP.isdisjoint(keyed[at + skip]):
                    break


def _deletes(word: str) -> Iterator[str]:
    for i in range(len(word)):
        yield word[:i] + word[i + 1 :]


def _one_edit(a: str, b: str) -> bool:
    """Whether one insertion, deletion, change or swap of neighbours turns `a` into `b`."""
    if a == b:
        return True
    if abs(len(a) - len(b)) > 1:
        return False
    i = 0
    while i < min(len(a), len(b)) and a[i] == b[i]:
        i += 1
    if len(a) == len(b):
        swapped = a[i : i + 2] == b[i : i + 2][::-1] and a[i + 2 :] == b[i + 2 :]
        return a[i + 1 :] == b[i + 1 :] or swapped
    if len(a) > len(b):
        return a[i + 1 :] == b[i:]
    return a[i:] == b[i + 1 :]
