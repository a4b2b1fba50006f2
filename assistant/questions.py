"""Questions beside a corpus, optional and never quoted: the written index, and examples to click.

A line of ``questions.jsonl``, which people write, or of ``questions-by-model.jsonl``, which the
command ``ingest --questions`` adds to and people correct, is a lay question with the exact quote,
or quotes of one article, that answer it, or with ``"article": null`` and ``why``: on the topic, but
no article answers it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from assistant.beside import read_toml
from assistant.errors import CorpusError
from assistant.text import squeeze, words
from assistant.types import Article, Span

QUESTIONS_FILE: Final = "questions.jsonl"
MODEL_FILE: Final = "questions-by-model.jsonl"
EXAMPLES_FILE: Final = "examples.toml"


@dataclass(frozen=True, slots=True)
class WrittenQuestion:
    """A question and the spans that answer it together; no spans: no article answers it."""

    text: str
    spans: tuple[Span, ...]


def load_questions(
    folder: Path, articles: Mapping[str, Article], missing: Collection[str] = ()
) -> tuple[WrittenQuestion, ...]:
    """All written questions in the files' order, people's first; none where there is no file.

    Lines with the same question (answered by several articles) become one. Those about articles
    that are `missing` are passed over.

    Raises:
        CorpusError: names file, line and what is wrong with it.
    """
    merged: dict[str, tuple[str, list[Span]]] = {}
    for place, line in (*_lines(folder / QUESTIONS_FILE), *_lines(folder / MODEL_FILE)):
        try:
            row = json.loads(line)
            if isinstance(row, dict) and row.get("article") in missing:
                continue
            question, spans = _parse_line(row, articles)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise CorpusError(f"{place}: {error}; correct the line") from error
        _, known = merged.setdefault(normal_question(question), (question, []))
        known.extend(span for span in spans if span not in known)
    return tuple(WrittenQuestion(text, tuple(spans)) for text, spans in merged.values())


def normal_question(text: str) -> str:
    """What two spellings of one question have in common."""
    return " ".join(words(text))


def _lines(path: Path) -> list[tuple[str, str]]:
    """Place and text of each line that is not empty; none where there is no file."""
    if not path.exists():
        return []
    try:
        lines = path.read_text("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"{path}: cannot be read ({error}); save it as UTF-8") from error
    return [(f"{path}:{n}", line) for n, line in enumerate(lines, start=1) if line.strip()]


def load_examples(corpus: Path) -> tuple[str, ...]:
    """The corpus's own example questions; none where it has no file of them.

    Raises:
        CorpusError: the file cannot be read.
    """
    path = corpus / EXAMPLES_FILE
    if not path.exists():
        return ()
    found = read_toml(path).get("questions")
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise CorpusError(f"{path}: has questions = {found!r:.80}; give a list of questions")
    return tuple(found)


def _parse_line(
    row: Mapping[str, Any], articles: Mapping[str, Article]
) -> tuple[str, Sequence[Span]]:
    question = squeeze(str(row["question"]))
    if not words(question):
        raise ValueError("the question has no words")
    question.encode("utf-8")  # Half a character cannot be written into an index.
    article_id = row["article"]
    if article_id is None:
        if not row.get("why"):
            raise ValueError("no article answers it, but `why` does not say what is missing")
        return question, ()
    if article_id not in articles:
        raise ValueError(f"no article has the id {article_id!r}")
    quotes = row["quotes"] if "quotes" in row else [row["quote"]]
    article = articles[article_id]
    spans = []
    for quote in quotes:
        if article.text.count(quote) != 1:
            raise ValueError(
                f"the quote {quote[:60]!r} occurs {article.text.count(quote)} times in "
                f"{article_id} and must occur once"
            )
        start = article.text.index(quote)
        spans.append(Span(article_id, start, start + len(quote)))
    return question, spans
