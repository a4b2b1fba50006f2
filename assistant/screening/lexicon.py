"""Word lists → a matcher that names the concepts in a text.

A concept ("numb", "chest") is a list of patterns over words. A pattern is words separated by
blanks; ``swell*`` matches by its beginning, ``(a|b)`` either, ``(a|b)?`` maybe, ``~`` stands
for up to three words of any kind. Filler words (the, my, really) in a text are passed over,
unless the pattern names them. No pattern can make matching slower than linear.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from assistant.errors import SettingsError

_MAX_GAP: Final = 3
_NO_GAP: Final = frozenset("no not without isnt arent wasnt werent never nor denies".split())
_MAX_PATHS: Final = 5000
_LEET: Final = str.maketrans("013457@$!", "oieastasi")
_LEET_L: Final = str.maketrans("013457@$!", "oleastasl")
_ITEM: Final = re.compile(r"\(|\)\??|\||[^\s()|]+")
_MAYBE_JOINED: Final = re.compile(r"([\w*]+) \?([\w*]+)")
_TRIPLE: Final = re.compile(r"(.)\1{2,}")
_DOUBLE: Final = re.compile(r"(.)\1+")
_LEET_SIGN: Final = re.compile(r"[a-z][0134578@$!]|[0134578@$!][a-z]")
_NUMBERED: Final = re.compile(r"\d+[a-z]{1,4}|[a-z]\d{1,2}|\d+x\d+")
_MIN_TYPO_LETTERS: Final = 5
_MAX_TYPO_LETTERS: Final = 16

FILLER: Final = frozenset(
    "a an the my his her our your their this that these those really very so just quite pretty "
    "totally completely absolutely actually literally kinda sorta like also even some own whole "
    "entire fucking fuckin freaking damn left extremely incredibly rather slightly somewhat "
    "basically definitely honestly seriously super well sort kind bit little".split()
)


def load_toml(path: Path) -> dict[str, Any]:
    """The file's tables.

    Raises:
        SettingsError: the file is missing or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path.name}: {error}; restore the file or mend it") from error


def expand(pattern: str) -> list[tuple[str, ...]]:
    """Every plain word sequence that a pattern stands for.

    Raises:
        SettingsError: a bracket is not closed.
    """
    tokens = _ITEM.findall(_MAYBE_JOINED.sub(r"(\1\2|\1 \2)", pattern))
    sequences, rest = _alternatives(tokens, 0)
    if rest != len(tokens) or "*" in tokens:
        raise SettingsError(f"pattern {pattern!r}: brackets do not match")
    return [words for words in dict.fromkeys(sequences) if words]


def _alternatives(tokens: Sequence[str], at: int) -> tuple[list[tuple[str, ...]], int]:
    done: list[tuple[str, ...]] = []
    current: list[tuple[str, ...]] = [()]
    while at < len(tokens):
        token = tokens[at]
        at += 1
        if token == "|":
            done.extend(current)
            current = [()]
        elif token in (")", ")?"):
            return done + current, at - 1
        elif token == "(":
            inner, at = _alternatives(tokens, at)
            if at >= len(tokens):
                return [], -1
            if tokens[at] == ")?":
                inner = [*(i for i in inner if any(w not in FILLER for w in i)), ()]
            at += 1
            current = [c + i for c in current for i in inner]
        else:
            current = [(*c, token) for c in current]
    return done + current, at


@dataclass(slots=True)
class _Node:
    next: dict[str, _Node] = field(default_factory=dict)
    gap: _Node | None = None
    fillers: dict[str, _Node] = field(default_factory=dict)
    ends: tuple[str, ...] = ()


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
        self._root = _Node()
        self._prefixes: set[str] = set()
        self.vocabulary: set[str] = set()
        for concept, patterns in concepts.items():
            for pattern in patterns:
                self._add(concept, pattern)
        self._prefix_lengths = tuple(sorted({len(p) for p in self._prefixes}))
        self._not_typos = frozenset(not_typos)
        self._misspellings = dict(misspellings or {})
        self._deletes: dict[str, str] = {}
        for word in typo_words:
            self.vocabulary.add(word)
            for shorter in (word, *_deletes(word)):
                self._deletes.setdefault(shorter, word)
        self._keys: dict[str, tuple[str, ...]] = {}
        self._starts: dict[str, tuple[_Node, ...]] = {}

    def _add(self, concept: str, pattern: str) -> None:
        paths = expand(pattern)
        if not 0 < len(paths) <= _MAX_PATHS:
            raise SettingsError(f"{concept}: {pattern!r} has {len(paths)} paths; split it")
        for words in paths:
            node = self._root
            for word in words:
                if word == "~":
                    if node.gap is None:
                        node.gap = _Node()
                    node = node.gap
                    continue
                if word in FILLER:
                    node = node.fillers.setdefault(word, _Node())
                    continue
                if word.endswith("*"):
                    self._prefixes.add(word[:-1])
                else:
                    self.vocabulary.add(word)
                node = node.next.setdefault(word, _Node())
            if concept not in node.ends:
                node.ends += (concept,)

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
        root = self._root
        found: list[Match] = []
        for start, word in enumerate(words):
            for node in self._first_nodes(word):
                self._reach(node, keyed, skipped, start, start + 1, stops[start], found)
            for filler in skipped.get(start, ()):
                inner = root.fillers.get(filler)
                if inner is not None:
                    self._walk(inner, keyed, skipped, start, start, stops[start], found)
        return found

    def _first_nodes(self, word: str) -> tuple[_Node, ...]:
        nodes = self._starts.get(word)
        if nodes is None:
            if len(self._starts) > 50_000:
                self._starts.clear()
            following = self._root.next
            nodes = tuple(following[k] for k in self.keys(word) if k in following)
            self._starts[word] = nodes
        return nodes

    def _reach(
        self,
        node: _Node,
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
        node: _Node,
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
