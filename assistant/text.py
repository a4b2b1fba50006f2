"""String functions: words, hashes and sentences with exact offsets. Knows nothing of articles."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from typing import Final

_WORD: Final = re.compile(r"[^\W_]+(?:[’'][^\W_]+)*")
# Not from the middle of a run: a million of dots would be tried from each of them.
_TERMINAL: Final = re.compile(r"(?:(?<![.!?])[.!?]+|…)[\"”’')\]]*(?=\s)")
_ABBREVIATIONS: Final = frozenset(
    "dr mr mrs ms prof vs e.g i.e approx fig dept inc jr sr cf a.k.a".split()
)
_OPENS_SENTENCE: Final = re.compile(r"\s*[\"“‘'(\[]*[A-Z0-9\U0001F300-\U0001FAFF]")
_LONGEST_ABBREVIATION: Final = 12
QUESTION_OPENERS: Final = frozenset(
    "what why how who when where which is are do does did can could would will should have has so "
    "am was were may might".split()
)


def sha256_text(text: str) -> str:
    """SHA-256 of the UTF-8 bytes of `text`, 64 hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def words(text: str) -> list[str]:
    """The words of `text`, case folded and in order; apostrophes inside a word are kept."""
    return [match.group().casefold() for match in _WORD.finditer(text)]


def squeeze(text: str) -> str:
    """`text` with every run of white space as one blank, none at the ends."""
    return " ".join(text.split())


def plain(text: str) -> str:
    """`text` as it is searched: NFKC, without control and format characters, squeezed.

    Line breaks and tabs count as blanks. A lone surrogate, which UTF-8 cannot hold, is dropped.
    """
    kept = []
    for char in unicodedata.normalize("NFKC", text):
        category = unicodedata.category(char)
        if char.isspace():
            kept.append(" ")
        elif category not in ("Cc", "Cf", "Cs", "Co", "Cn"):
            kept.append(char)
    return squeeze("".join(kept))


def trim(text: str, start: int, end: int) -> tuple[int, int]:
    """The range without white space at its ends; empty (`start == end`) where nothing is left."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def iter_sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Offsets of the sentences of ``text[start:end]``, trimmed, in order, without overlap.

    A sentence ends at ``. ! ? …`` (closing quotes and brackets included) before white space and
    something that can open a sentence; not after an abbreviation or a single initial.
    Together the sentences cover every character of the range that is not white space.
    """
    begin = start
    for match in _TERMINAL.finditer(text, start, end):
        stop = match.end()
        if not _OPENS_SENTENCE.match(text, stop, end):
            continue
        dot = match.start()
        before = text[max(begin, dot - _LONGEST_ABBREVIATION) : dot]
        if match.group() == "." and _is_abbreviation(before):
            continue
        first, last = trim(text, begin, stop)
        if first < last:
            yield first, last
        begin = stop
    first, last = trim(text, begin, end)
    if first < last:
        yield first, last


def _is_abbreviation(before: str) -> bool:
    last = before.split()[-1] if before.split() else ""
    last = last.lstrip("(“\"'")
    return last.casefold() in _ABBREVIATIONS or (len(last) == 1 and last.isupper())


def is_question(sentence: str) -> bool:
    """Whether a sentence asks and so states nothing; a tag question (“…, no?”) states something."""
    if not sentence.rstrip().rstrip("”\"')").endswith("?"):
        return False
    first = words(sentence)[:1]
    return bool(first) and first[0] in QUESTION_OPENERS
