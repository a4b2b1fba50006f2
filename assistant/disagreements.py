"""Where the articles of a corpus differ (``disagreements.toml``): optional data.

Either from one another, or a sentence from the source that its own article names for it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from assistant.beside import read_toml, rows_of
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


def load_disagreements(
    folder: Path, articles: Mapping[str, Article], missing: Collection[str] = ()
) -> tuple[Disagreement, ...]:
    """All disagreements in the file's order; none where there is no file.

    Those with a side in an article that is `missing` are passed over.

    Raises:
        CorpusError: names the file, the disagreement and what is wrong.
    """
    path = folder / DISAGREEMENTS_FILE
    found = []
    for row in rows_of(read_toml(path), "disagreement", path):
        try:
            if any(side["article"] in missing for side in row["side"]):
                continue
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


def load_findings(
    folder: Path, articles: Mapping[str, Article], missing: Collection[str] = ()
) -> dict[Span, Span]:
    """Sentence that says more than its source → what the source found, in the article's words.

    Raises:
        CorpusError: as `load_disagreements`.
    """
    path = folder / DISAGREEMENTS_FILE
    found = {}
    for row in rows_of(read_toml(path), "beyond", path):
        try:
            if row["article"] in missing:
                continue
            claim, finding = (
                _sentence(articles, row["article"], row[key]) for key in ("starts", "finding")
            )
            found[claim] = finding
        except (KeyError, ValueError, TypeError) as error:
            raise CorpusError(
                f"{path}: beyond {row.get('starts', '?')!r}: {error}; correct it"
            ) from error
    return found


def _sentence(articles: Mapping[str, Article], article_id: str, start: str) -> Span:
    article = articles[article_id]
    spans = [s.span for s in article.sentences if article.quote(s.span).startswith(start)]
    if len(spans) != 1:
        raise ValueError(f"{len(spans)} sentences of {article_id} start with {start!r}, not one")
    return spans[0]
