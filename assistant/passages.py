"""Article → passages: what is searched, and what may be quoted.

A passage is one sentence, or neighbouring sentences of one block, and never holds left-out text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from assistant.text import squeeze
from assistant.types import Article, Passage, Sentence, Span


def iter_passages(article: Article, passage_chars: int) -> Iterator[Passage]:
    """The passages of an article, in order.

    Args:
        passage_chars: neighbouring sentences of one block are joined while the passage stays
            within so many characters; 0 makes each sentence a passage.
    """
    group: list[Sentence] = []
    for sentence in (s for s in article.sentences if s.quotable):
        if group and (
            sentence.block != group[0].block
            or sentence.span.end - group[0].span.start > passage_chars
            or not _adjacent(article, group[-1].span, sentence.span)
        ):
            yield _passage(article, group)
            group = []
        group.append(sentence)
    if group:
        yield _passage(article, group)


def _adjacent(article: Article, first: Span, second: Span) -> bool:
    """Whether only white space stands between; left-out text must never come into a passage."""
    return not article.text[first.end : second.start].strip()


def _passage(article: Article, sentences: Sequence[Sentence]) -> Passage:
    first = sentences[0]
    span = Span(article.id, first.span.start, sentences[-1].span.end)
    quote = article.quote(span)
    context = " › ".join(part for part in (*first.section, first.owner) if part)
    return Passage(span, first.section, quote, f"{context}: {squeeze(quote)}")
