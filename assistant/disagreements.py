"""Where the articles of a corpus differ (``disagreements.toml``): optional data."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from assistant.errors import CorpusError
from assistant.types import Article, Span

DISAGREEMENTS_FILE: Final = "disagreements.toml"


@dataclass(frozen=True, slots=True)
class Disagreement:
    """What the articles differ about, ways to ask about it, and each side's sentences."""

    id: str
    about: str
    questions: tuple[str, ...]
    sides: tuple[tuple[Span, ...], ...]

    @property
    def spans(self) -> tuple[Span, ...]:
        """The sentences of all sides."""
        return tuple(span for side in self.sides for span in side)


def load_disagreements(folder: Path, articles: Mapping[str, Article]) -> tuple[Disagreement, ...]:
    """All disagreements in the file's order; none where there is no file.

    Raises:
        CorpusError: names the file, the disagreement and what is wrong.
    """
    path = folder / DISAGREEMENTS_FILE
    if not path.exists():
        return ()
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CorpusError(f"{path}: cannot be read ({error}); correct it") from error
    found = []
    for row in data.get("disagreement", ()):
        try:
            sides = tuple(
                tuple(_sentence(articles, side["article"], start) for start in side["starts"])
                for side in row["side"]
            )
            if len(sides) < 2:
                raise ValueError("it has one side only")
            found.append(Disagreement(row["id"], row["about"], tuple(row["questions"]), sides))
        except (KeyError, ValueError, TypeError) as error:
            raise CorpusError(f"{path}: {row.get('id', '?')}: {error}; correct it") from error
    return tuple(found)


def _sentence(articles: Mapping[str, Article], article_id: str, start: str) -> Span:
    article = articles[article_id]
    spans = [s.span for s in article.sentences if article.quote(s.span).startswith(start)]
    if len(spans) != 1:
        raise ValueError(f"{len(spans)} sentences of {article_id} start with {start!r}, not one")
    return spans[0]
