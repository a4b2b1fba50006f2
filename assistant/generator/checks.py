"""What one statement of a model has to stand before it is shown; each check is code.

The numbers that it names exist, the words that it leans on stand in those sentences, they carry it
(``support``), and it is plain text. Whoever asks adds the check of every answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from assistant.support import Entailment, check_support
from assistant.text import squeeze, words
from assistant.types import Citation, Decision, Statement

MAX_CHARS: Final = 400
# With more sentences than these behind it, a statement joins what the articles keep apart.
MAX_SENTENCES: Final = 2
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
    said: Claimed, sentences: Sequence[Citation], entailment: Entailment | None = None
) -> tuple[Statement | None, str]:
    """The statement with its citations and an empty string; or None and why not.

    Args:
        sentences: what was numbered, from 1.
        entailment: an inference model that may stop it.
    """
    numbers = tuple(dict.fromkeys(said.numbers))
    if not numbers or not all(0 < number <= len(sentences) for number in numbers):
        return None, "it names a sentence that is not there, or none"
    if len(numbers) > MAX_SENTENCES:
        return None, f"it rests on more than {MAX_SENTENCES} sentences"
    text = squeeze(said.text)
    if not is_plain_text(text, MAX_CHARS):
        return None, "it is empty, too long or no plain text"
    leaning = [stretch for stretch in said.words if stretch.strip()]
    if not leaning or not all(len(words(stretch)) >= MIN_WORDS for stretch in leaning):
        return None, f"it leans on no words, or on fewer than {MIN_WORDS}"
    named = [sentences[number - 1] for number in numbers]
    if not all(any(holds(c.quote, stretch) for c in named) for stretch in leaning):
        return None, "it leans on words that are not in its sentences"
    cited = tuple(c for c in named if any(holds(c.quote, stretch) for stretch in leaning))
    # The whole sentence has to carry it: a stretch of one may have lost its "not".
    quotes = [citation.quote for citation in cited]
    verdict = check_support(text, quotes, entailment=entailment)
    if verdict.decision is not Decision.PASS:
        return None, verdict.reason
    return Statement(text, cited), ""


def is_plain_text(text: str, max_chars: int) -> bool:
    """Whether a model's text is no longer than that, and neither empty nor HTML nor Markdown."""
    return bool(text) and len(text) <= max_chars and not _MARKUP.search(text) and text.isprintable()


def holds(quote: str, stretch: str) -> bool:
    """Whether `stretch` stands in `quote` word for word; kinds of quotation marks are one."""
    found = re.escape(_plain(stretch))
    return bool(re.search(rf"(?<!\w){found}(?!\w)", _plain(quote)))


def _plain(text: str) -> str:
    return squeeze(text.translate(_SAME)).strip(" .…").casefold()
