"""Evidence → statements: a few of the articles' sentences, chosen and ordered to read as an answer.

The sentence that answers stands first, in one quote with what it refers back to; what qualifies it
comes along; then other articles that say the same or otherwise. Every statement is a quote; the
only other words are fixed leads.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from assistant.citations import make_citation
from assistant.disagreements import Disagreement
from assistant.text import words
from assistant.types import (
    Article,
    BlockKind,
    Choice,
    Evidence,
    Hit,
    Passage,
    Sentence,
    Span,
    Statement,
    StatementRole,
)

# A passage is shown while its score is at least this share of the best one's; from .5 to .7 on the
# dev split more of the citations are relevant and fewer gold sentences are shown. One of another
# article is let in earlier.
MIN_SHARE: Final = 0.6
ELSEWHERE_SHARE: Final = 0.45
# A sentence before the best one in its paragraph leads where it scores at least this share, so that
# the lead hangs less on the wording. On the dev split .8 lets sentences lead that do not answer.
AS_GOOD: Final = 0.9
MAX_LIST_ITEMS: Final = 8
FINDING_LEAD: Final = "What the review behind it found"
MAX_SIDES: Final = 4
MAX_OFFERED: Final = 8
SAME_WORDS: Final = 0.8

_QUALIFIER: Final = re.compile(
    r"(but|however|although|though|unless|except|if so|alternatively)\b", re.I
)
_REFERS_BACK: Final = re.compile(
    r"this (?!type|exercise|article|means)|these (?!exercises)|the(?:y|ir)\b|its\b|without it\b"
    r"|that’s\b|the same (?:is|goes|applies)\b"
    r"|it\b(?!’s (?:important|possible|entirely))",
    re.I,
)
_LISTED: Final = (BlockKind.NUMBERED, BlockKind.BULLET, BlockKind.HEADING, BlockKind.LABELLED)


@dataclass(frozen=True, slots=True)
class _Pick:
    passage: Passage
    role: StatementRole = StatementRole.ANSWER


def compose(
    evidence: Evidence,
    articles: Mapping[str, Article],
    disagreements: Sequence[Disagreement] = (),
    findings: Mapping[Span, Span] | None = None,
    max_statements: int = 4,
) -> tuple[Statement, ...]:
    """The statements of an extractive answer; empty without evidence.

    Args:
        findings: what the source of a sentence found, where the sentence says more than that.
        max_statements: lists and steps may take up to `MAX_LIST_ITEMS`.
    """
    if not evidence.hits:
        return ()
    differs = next((d for d in disagreements if d.id == evidence.disagreement), None)
    if differs:
        statements = _both_sides(differs, evidence, articles)
    else:
        statements = _sentences(evidence, articles, max_statements)
    # An article may say the same twice, at two places.
    once = tuple({statement.text: statement for statement in reversed(statements)}.values())[::-1]
    return _with_findings(once, articles, findings or {})


def _sentences(
    evidence: Evidence, articles: Mapping[str, Article], max_statements: int
) -> tuple[Statement, ...]:
    """The best sentences, the one that answers first."""
    evidence = _in_whole_quotes(evidence, articles)
    chosen = _choose(evidence, articles, max_statements)
    whole_list = len(chosen) > max_statements
    ordered = _order(chosen, _lead(chosen, evidence, articles), articles, whole_list)
    return tuple(_statement(pick, articles, ordered[0].passage) for pick in ordered)


def _with_findings(
    statements: Sequence[Statement], articles: Mapping[str, Article], findings: Mapping[Span, Span]
) -> tuple[Statement, ...]:
    """The statements, with its source's own finding right after one that says more than it."""
    for statement in statements:
        cited = statement.citations[0].span
        finding = next((f for claim, f in findings.items() if claim.overlaps(cited)), None)
        if finding is None:
            continue
        article = articles[finding.article_id]
        others = [s for s in statements if not s.citations[0].span.overlaps(finding)]
        if statement not in others:
            continue
        found = Statement(
            article.quote(finding),
            (make_citation(article, finding),),
            StatementRole.QUALIFIES,
            FINDING_LEAD,
        )
        fixed = (StatementRole.ITEM, StatementRole.DIFFERS)
        last = next(
            (s for s in reversed(others[1:]) if s != statement and s.role not in fixed), None
        )
        if last and len(others) >= MAX_SIDES:
            others.remove(last)
        at = others.index(statement) + 1
        return (*others[:at], found, *others[at:])
    return tuple(statements)


def _in_whole_quotes(evidence: Evidence, articles: Mapping[str, Article]) -> Evidence:
    """The evidence with each sentence and those it leans on as one passage, each once."""
    ids: dict[str, str] = {}
    hits: dict[str, Hit] = {}
    for hit in evidence.hits:
        whole = _whole_quote(hit.passage, articles)
        ids[hit.passage.id] = whole.id
        if not any(whole.span.overlaps(known.passage.span) for known in hits.values()):
            hits[whole.id] = replace(hit, passage=whole)
    together = dict.fromkeys(ids.get(id_, id_) for id_ in evidence.together)
    return replace(evidence, hits=tuple(hits.values()), together=tuple(together))


def _whole_quote(passage: Passage, articles: Mapping[str, Article]) -> Passage:
    """The passage with the sentences that it cannot be read without; see `_whole_span`."""
    span = whole_span(passage.span, articles)
    if span == passage.span:
        return passage
    return replace(passage, span=span, quote=articles[span.article_id].quote(span))


def whole_span(span: Span, articles: Mapping[str, Article], after: bool = True) -> Span:
    """The span with the sentences before it that it refers to, and those after that refer to it.

    They stand in one paragraph with nothing left out between them, so they are one exact quote.
    Without `after` only those before it are taken.
    """
    article = articles[span.article_id]
    touched = article.touched(span)
    if not touched:
        return span
    first, last = touched[0], touched[-1]
    while _refers_back(article, first):
        first -= 1
    while after and _refers_back(article, last + 1):
        last += 1
    start = min(span.start, article.sentences[first].span.start)
    return Span(article.id, start, max(span.end, article.sentences[last].span.end))


def _refers_back(article: Article, n: int) -> bool:
    """Whether the article's sentence `n` starts with a pronoun for what the one before it says."""
    if not 0 < n < len(article.sentences):
        return False
    before, own = article.sentences[n - 1], article.sentences[n]
    between = article.text[before.span.end : own.span.start]
    return (
        before.block == own.block
        and before.quotable
        and own.quotable
        and not between.strip()
        and bool(_REFERS_BACK.match(article.quote(own.span)))
    )


def _both_sides(
    differs: Disagreement, evidence: Evidence, articles: Mapping[str, Article]
) -> tuple[Statement, ...]:
    """One sentence of each side, the side that the question is nearest to first.

    Each stands in one quote with what it refers back to. Where the best hit is on no side it
    answers first, and fewer sides follow.
    """
    rank = {hit.passage.id: hit.rank for hit in evidence.hits}

    def ranked(span: Span) -> int:
        return rank.get(span.id, len(rank) + 1)

    best = sorted((min(side, key=ranked) for side in differs.sides), key=ranked)
    lead = evidence.hits[0].passage
    if any(lead.span.overlaps(span) for span in differs.spans):
        leads = []
    else:
        leads = [_statement(_Pick(_whole_quote(lead, articles)), articles, lead)]
    shown = (whole_span(side, articles, after=False) for side in best[: MAX_SIDES - len(leads)])
    sides = (
        Statement(
            article.quote(span),
            (make_citation(article, span),),
            StatementRole.DIFFERS,
            article.title,
        )
        for span in shown
        if (article := articles[span.article_id])
    )
    return (*leads, *sides)


def _choose(
    evidence: Evidence, articles: Mapping[str, Article], max_statements: int
) -> list[Passage]:
    """The passages to show, the best first."""
    top = evidence.hits[0]
    by_id = {hit.passage.id: hit.passage for hit in evidence.hits}
    chosen = [top.passage]
    together = [by_id[id_] for id_ in evidence.together if id_ in by_id]
    if len(together) > max_statements and _is_list(together, articles):
        chosen = _without_twins([*together[:MAX_LIST_ITEMS]])
        return chosen
    if qualifier := _qualifier(top.passage, articles):
        chosen.append(qualifier)
    ranked = [h.passage for h in evidence.hits if h.score >= MIN_SHARE * top.score]
    for passage in [*ranked[:max_statements], *together[:max_statements]]:
        known = any(passage.span.overlaps(other.span) for other in chosen)
        if len(chosen) < max_statements and not known:
            chosen.append(passage)
    if len(chosen) < max_statements and (other := _elsewhere(evidence)):
        if all(p.span.article_id == top.passage.span.article_id for p in chosen):
            chosen.append(other)
    return _without_twins(chosen)


def _elsewhere(evidence: Evidence) -> Passage | None:
    """What another article than the best hit's says to it, if it is near enough."""
    top = evidence.hits[0]
    return next(
        (
            hit.passage
            for hit in evidence.hits
            if hit.score >= ELSEWHERE_SHARE * top.score
            and hit.passage.span.article_id != top.passage.span.article_id
        ),
        None,
    )


def _qualifier(passage: Passage, articles: Mapping[str, Article]) -> Passage | None:
    """The sentence right after this one, in its paragraph, if it takes something back."""
    article = articles[passage.span.article_id]
    after = next((s for s in article.sentences if s.span.start >= passage.span.end), None)
    home = sentence_of(articles, passage.span)
    if after is None or home is None or after.block != home.block or not after.quotable:
        return None
    quote = article.quote(after.span)
    if not _QUALIFIER.match(quote):
        return None
    return _whole_quote(Passage(after.span, after.section, quote, ""), articles)


def _is_list(passages: Iterable[Passage], articles: Mapping[str, Article]) -> bool:
    """Whether all are items, headings or labelled lines of one article's list."""
    kinds, homes = set(), set()
    for passage in passages:
        sentence = sentence_of(articles, passage.span)
        if sentence is None:
            return False
        kinds.add(articles[passage.span.article_id].blocks[sentence.block].kind)
        homes.add(passage.span.article_id)
    return len(homes) == 1 and kinds <= set(_LISTED)


def _without_twins(passages: Sequence[Passage]) -> list[Passage]:
    """Those that do not say in nearly the same words what an earlier one says."""
    kept: list[tuple[Passage, set[str]]] = []
    for passage in passages:
        own = set(words(passage.quote))
        if all(len(own & said) < SAME_WORDS * len(own | said) for _, said in kept):
            kept.append((passage, own))
    return [passage for passage, _ in kept]


def _order(
    chosen: Sequence[Passage], lead: Passage, articles: Mapping[str, Article], whole_list: bool
) -> list[_Pick]:
    """The lead and its article's sentences, then the others'; neighbours in reading order.

    A whole list stands in its own order, from its first item.
    """
    homes = list(dict.fromkeys(passage.span.article_id for passage in chosen))
    ordered: list[_Pick] = []
    for home in homes:
        own = [passage for passage in chosen if passage.span.article_id == home]
        first = own[0] if ordered else lead
        same_place = sorted(
            (p for p in own if p.section == first.section), key=lambda p: p.span.start
        )
        items = len(same_place) > 2 and _is_list(same_place, articles)
        in_order = (
            same_place if items and whole_list else [first, *(p for p in same_place if p != first)]
        )
        rest = sorted((p for p in own if p.section != first.section), key=lambda p: p.span.start)
        role = StatementRole.ALSO if ordered else StatementRole.ANSWER
        for passage in in_order:
            ordered.append(_Pick(passage, StatementRole.ITEM if items else _role(passage, role)))
        ordered.extend(_Pick(passage, role) for passage in rest)
    return ordered


def _lead(
    chosen: Sequence[Passage], evidence: Evidence, articles: Mapping[str, Article]
) -> Passage:
    """The best passage, or one before it in its paragraph that answers as well."""
    scores = {hit.passage.id: hit.score for hit in evidence.hits}
    best = chosen[0]
    home = _paragraph(best, articles)
    as_good = (
        p
        for p in chosen[1:]
        if _paragraph(p, articles) == home and scores.get(p.id, 0.0) >= AS_GOOD * scores[best.id]
    )
    return min((best, *as_good), key=lambda p: p.span)


def _paragraph(passage: Passage, articles: Mapping[str, Article]) -> tuple[str, int] | None:
    """Where a passage stands: its article and block; None outside of every sentence."""
    sentence = sentence_of(articles, passage.span)
    return (passage.span.article_id, sentence.block) if sentence else None


def _role(passage: Passage, role: StatementRole) -> StatementRole:
    return StatementRole.QUALIFIES if _QUALIFIER.match(passage.quote) else role


def _statement(pick: _Pick, articles: Mapping[str, Article], first: Passage) -> Statement:
    article = articles[pick.passage.span.article_id]
    sentence = sentence_of(articles, pick.passage.span)
    lead = sentence.owner if sentence else ""
    if not lead and pick.role is StatementRole.ALSO and article.id != first.span.article_id:
        lead = f"Also in “{article.title}”"
    citation = make_citation(article, pick.passage.span)
    return Statement(pick.passage.quote, (citation,), pick.role, lead)


def offer(
    evidence: Evidence,
    articles: Mapping[str, Article],
    findings: Mapping[Span, Span],
    composed: Sequence[Statement],
) -> tuple[Choice, ...]:
    """What a language model may choose among: the statements of the extractive answer, then the
    next best passages, `MAX_OFFERED` in all.
    """
    spans = [statement.citations[0].span for statement in composed]
    top = evidence.hits[0].score if evidence.hits else 0.0
    for hit in _in_whole_quotes(evidence, articles).hits:
        span = hit.passage.span
        if hit.score >= ELSEWHERE_SHARE * top and not any(span.overlaps(s) for s in spans):
            spans.append(span)
    return tuple(_choice(span, articles, findings) for span in spans[:MAX_OFFERED])


def _choice(span: Span, articles: Mapping[str, Article], findings: Mapping[Span, Span]) -> Choice:
    article = articles[span.article_id]
    sentence = sentence_of(articles, span)
    section = sentence.section if sentence else (article.title,)
    passage = Passage(span, section, article.quote(span), "")
    statement, *along = _with_findings(
        [_statement(_Pick(passage), articles, passage)], articles, findings
    )
    if qualifier := _qualifier(passage, articles):
        along.append(_statement(_Pick(qualifier, StatementRole.QUALIFIES), articles, passage))
    sentences = tuple(
        make_citation(article, s.span) for s in article.sentences if span.contains(s.span)
    )
    return Choice(statement, sentences or statement.citations, tuple(along))


def sentence_of(articles: Mapping[str, Article], span: Span) -> Sentence | None:
    """The first sentence that the span touches."""
    article = articles[span.article_id]
    return next((article.sentences[n] for n in article.touched(span)), None)
