"""What one statement of a model has to stand before it is shown; each check is code.

The numbers that it names exist, the words that it leans on stand in those quotes, the quotes carry
it (``support``), and it is plain text. Whoever asks adds the check of every answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from assistant.support import check_support
from assistant.text import squeeze, words
from assistant.types import Choice, Decision, Statement, Verdict

MAX_CHARS: Final = 400
# More quotes than these behind one sentence, and it joins what the articles keep apart.
MAX_QUOTES: Final = 2
MIN_WORDS: Final = 2
# HTML, Markdown, addresses and what is no plain sentence.
_MARKUP: Final = re.compile(r"[<>{}\[\]|\\`*_#~^=]|://|\bwww\.|&\w+;", re.I)
_SAME: Final = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "‑": "-"})


@dataclass(frozen=True, slots=True)
class Claimed:
    """A statement as the model gave it: its text, and what it says it rests on."""

    text: str
    numbers: tuple[int, ...]
    words: tuple[str, ...]


def check_statement(
    said: Claimed, choices: Sequence[Choice]
) -> tuple[Statement | None, tuple[Choice, ...], Verdict]:
    """The statement with its citations, or None with the quotes that may stand in its place.

    The quotes are those that it names and that are there, in its order; perhaps none.
    """
    named = tuple(
        choices[number - 1] for number in dict.fromkeys(said.numbers) if 0 < number <= len(choices)
    )

    def failed(rule: str, reason: str) -> tuple[None, tuple[Choice, ...], Verdict]:
        return None, named, Verdict(rule, Decision.FAIL, reason)

    if not named or len(named) != len(set(said.numbers)):
        return failed("number", "it names a sentence that is not there, or none")
    if len(named) > MAX_QUOTES:
        return failed("number", f"it rests on more than {MAX_QUOTES} sentences")
    text = squeeze(said.text)
    if not text or len(text) > MAX_CHARS or _MARKUP.search(text) or not text.isprintable():
        return failed("text", "it is empty, too long or no plain text")
    quotes = [choice.statement.text for choice in named]
    leaning = [w for w in said.words if w.strip()]
    if not leaning or not all(len(words(w)) >= MIN_WORDS for w in leaning):
        return failed("words", f"it leans on no words, or on fewer than {MIN_WORDS}")
    if not all(any(_holds(quote, w) for quote in quotes) for w in leaning):
        return failed("words", "it leans on words that are not in its sentences")
    kept = tuple(c for c in named if any(_holds(c.statement.text, w) for w in leaning))
    # The whole quote has to carry it: a stretch of one may have lost its "not".
    verdict = check_support(text, [choice.statement.text for choice in kept])
    if verdict.decision is not Decision.PASS:
        return failed(verdict.rule, verdict.reason)
    citations = tuple(c for choice in kept for c in choice.statement.citations)
    return Statement(text, citations), kept, verdict


def _holds(quote: str, stretch: str) -> bool:
    """Whether `stretch` stands in `quote` word for word; kinds of quotation marks are one."""
    found = re.escape(_plain(stretch))
    return bool(re.search(rf"(?<!\w){found}(?!\w)", _plain(quote)))


def _plain(text: str) -> str:
    return squeeze(text.translate(_SAME)).strip(" .…").casefold()
