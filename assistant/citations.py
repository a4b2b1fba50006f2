"""Citations are made here and nowhere else: quote ↔ span, look-up by id, and who says a claim.

`make_citation` is the only place that builds a `Citation`, from the article's own text, so that
its quote can't be anything else than ``text[start:end]``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from assistant.errors import CitationError
from assistant.types import (
    Article,
    BlockKind,
    Citation,
    CitationContext,
    EvidenceTag,
    Sentence,
    Span,
)

_ID: Final = re.compile(
    r"(?P<article>[^:@\s]+):(?P<start>\d{1,9})-(?P<end>\d{1,9})"
    r"(?:@(?P<hash>[0-9a-fA-F]{8}))?"
)


def make_citation(article: Article, span: Span) -> Citation:
    """The citation of exactly the words at `span`.

    Raises:
        CitationError: the span is not in the article, or touches what was left out of it.
    """
    if span.article_id != article.id or span.end > len(article.text):
        raise CitationError(
            f"{span.id}: not in {article.id}, which has {len(article.text)} "
            "characters; ask for an id that an answer has given"
        )
    for item in article.left_out:
        if item.span.overlaps(span):
            raise CitationError(
                f"{span.id}: touches text that is not the article ({item.kind}) "
                "and is never shown; ask for an id that an answer has given"
            )
    sentences = [s for s in article.sentences if s.span.overlaps(span)]
    if not article.quote(span).strip():
        raise CitationError(
            f"{span.id}: only white space stands there; ask for an id that an answer has given"
        )
    block = next((b for b in article.blocks if b.span.overlaps(span)), None)
    return Citation(
        span=span,
        quote=article.quote(span),
        title=article.title,
        section=block.section if block else (article.title,),
        sha256=article.sha256,
        evidence_tag=_weakest(sentences),
    )


def _weakest(sentences: list[Sentence]) -> EvidenceTag:
    """The tag of a citation that spans several sentences: what the least supported rests on."""
    order = (EvidenceTag.THEORY, EvidenceTag.UNSOURCED, EvidenceTag.INSTRUCTION, EvidenceTag.REVIEW)
    tags = {sentence.evidence_tag for sentence in sentences}
    return next((tag for tag in order if tag in tags), EvidenceTag.UNSOURCED)


def parse_citation_id(citation_id: str) -> tuple[Span, str]:
    """The span an id names, and the first 8 digits of the file's hash if it carries them.

    Raises:
        CitationError: it is not of the form ``article:start-end`` or ``article:start-end@hash``.
    """
    match = _ID.fullmatch(citation_id.strip())
    if not match or int(match["start"]) >= int(match["end"]):
        raise CitationError(
            f"{citation_id[:80]!r}: not a citation id; it looks like gluteus-medius-rehab:763-851"
        )
    return Span(match["article"], int(match["start"]), int(match["end"])), (
        match["hash"] or ""
    ).lower()


def cite(articles: Mapping[str, Article], citation_id: str) -> CitationContext:
    """The citation an id names, in its place.

    Raises:
        CitationError: the id is malformed, names no article or no quotable words of it, or the
            article has changed since the id was given.
    """
    span, digits = parse_citation_id(citation_id)
    article = articles.get(span.article_id)
    if article is None:
        raise CitationError(
            f"{span.id}: no article {span.article_id!r}; there are {', '.join(articles)}"
        )
    if digits and not article.sha256.startswith(digits):
        raise CitationError(
            f"{citation_id.strip()}: {article.id} has changed since this id was "
            f"given (its hash now starts with {article.sha256[:8]}); "
            "ask the question again"
        )
    citation = make_citation(article, span)
    touched = [n for n, s in enumerate(article.sentences) if s.span.overlaps(span)]
    if not touched:
        return CitationContext(citation, "", "", citation.quote)
    before = article.sentences[touched[0] - 1 : touched[0]] if touched[0] else ()
    after = article.sentences[touched[-1] + 1 : touched[-1] + 2]
    return CitationContext(
        citation,
        article.quote(before[0].span) if before else "",
        article.quote(after[0].span) if after else "",
        _paragraph(article, article.sentences[touched[0]]),
        tuple(_references(article, [article.sentences[n] for n in touched])),
    )


def _paragraph(article: Article, sentence: Sentence) -> str:
    """The sentences of one block, as they stand, with what was left out between them cut."""
    return " ".join(
        article.quote(other.span) for other in article.sentences if other.block == sentence.block
    )


def _references(article: Article, sentences: Sequence[Sentence]) -> Iterator[Citation]:
    """The article's own references that the sentences name by number."""
    for number in dict.fromkeys(n for sentence in sentences for n in sentence.references):
        for block in article.blocks:
            if block.kind is BlockKind.REFERENCE and block.marker.rstrip(".)") == str(number):
                yield make_citation(article, block.span)
