"""What the assistant's fixed texts say of a corpus: how many articles, about what, what to ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from assistant.types import Article

_NUMBERS: Final = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_MAX_TITLE_CHARS: Final = 120


def gaps_of(articles: Mapping[str, Article], about: str, examples: Sequence[str]) -> dict[str, str]:
    """The words for the gaps `articles` and `example` of the fixed texts.

    Args:
        about: what the corpus says that its articles are about; may be empty.
        examples: questions that are known to be answered; may be empty.
    """
    count = len(articles)
    number = _NUMBERS[count] if count < len(_NUMBERS) else str(count)
    noun = "article" if count == 1 else "articles"
    named = f"{number} {noun} about {about}" if about else f"the {number} {noun} here"
    title = next((article.title for article in articles.values()), "")
    title = " ".join(title.translate({ord("<"): " ", ord(">"): " "}).split())[:_MAX_TITLE_CHARS]
    asked = f"What does “{title}” say?" if title else "What do the articles say?"
    return {"articles": named, "example": examples[0] if examples else asked}
