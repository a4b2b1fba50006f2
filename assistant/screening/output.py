"""The check on every reply before it leaves (end of section 1 of the safety policy)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from assistant.support import check_support
from assistant.types import (
    DISCLAIMER,
    REPHRASE,
    Answer,
    Article,
    Decision,
    Kind,
    Outcome,
    Statement,
)

_DOSE: Final = re.compile(
    r"(?<!\d)\d+(?:[.,]\d+)?\s?(?:mg|ml|mcg|µg|g|milligrams?|millilitres?|milliliters?|tablets?|pills?|"
    r"capsules?|units?|puffs?|drops?)\b",
    re.IGNORECASE,
)
_DIAGNOSIS: Final = re.compile(
    r"\b(?:you(?:'ve| have| probably have| likely have| may have| might have| do have)\s+"
    r"(?:got\s+)?(?:an?\s+|the\s+)?(?:\w+\s+){0,3}?(?:syndrome|arthritis|bursitis|tendin\w+|tear|"
    r"fracture|sprain|strain|disease|infection|cancer|clot|instability|weakness|pfps|itbs|"
    r"osteoarthritis|sciatica|impingement|injury|condition|cancer)\b|"
    r"(?:this|that|it|your (?:pain|symptoms?))\s+(?:sounds?|looks?)\s+like\b|"
    r"you are suffering from\b|your diagnosis is\b|you(?:'re| are) (?:most )?likely\b)",
    re.IGNORECASE,
)
# What a model may say of the reader is what the articles say of theirs, in the same words.
_OF_READER: Final = re.compile(
    r"\b(?:you(?:['’](?:ve|re|ll|d))?|i(?:['’]m)?|we(?:['’]re)?)\s+\w+|\byour\s+\w+\s+(?:is|are|has|have|comes?)\b",
    re.IGNORECASE,
)
_POINTS_BACK: Final = re.compile(r"(?:it|this|that|these|those|they|he|she)\b", re.IGNORECASE)
_ADDRESS: Final = re.compile(r"(?:https?://|www\.)[^\s)>\]\"']+", re.IGNORECASE)

FILLED_IN: Final = frozenset({"not_named", "part_not_covered", "overview"})
"""Notices with gaps for words of the question or of the articles."""


def find_fault(
    answer: Answer, articles: Mapping[str, Article], fixed_texts: re.Pattern[str]
) -> tuple[str, str] | None:
    """The first rule that `answer` breaks with its reason, None when it may leave."""
    for rule, reason in _faults(answer, articles, fixed_texts):
        return rule, reason
    return None


def _faults(
    answer: Answer, articles: Mapping[str, Article], fixed_texts: re.Pattern[str]
) -> Iterator[tuple[str, str]]:
    if answer.disclaimer != DISCLAIMER:
        yield "disclaimer", "the disclaimer is not the fixed one"
    if answer.kind in (Kind.EMERGENCY, Kind.CRISIS, Kind.HARMFUL) and answer.statements:
        yield "kind", f"statements stand on {answer.kind}"
    if answer.outcome is Outcome.ABSTAINED and answer.citations:
        yield "abstained", "a citation stands beside 'not covered'"
    if answer.kind in _WITH_NOTICE and not answer.notices:
        yield "notice", f"{answer.kind} without its notice"
    for notice in answer.notices:
        if DISCLAIMER in notice.text:
            yield "disclaimer", "the disclaimer is said twice"
        if not fixed_texts.fullmatch(notice.text):
            yield "notice", f"the text of notice {notice.kind!r} is not a fixed text"
        if notice.kind in FILLED_IN:
            yield from _faults_of_words(notice.text, "", articles)
    for citation in (*answer.citations, *answer.nearest):
        article = articles.get(citation.span.article_id)
        if article is None:
            yield "citation", f"{citation.id}: no such article"
        elif article.sha256 != citation.sha256:
            yield "citation", f"{citation.id}: the article has another hash"
        elif article.quote(citation.span) != citation.quote:
            yield "citation", f"{citation.id}: the article has other words there"
    for statement in answer.statements:
        yield from _faults_of_words(
            statement.text, " ".join(c.quote for c in statement.citations), articles
        )
        if statement.reworded:
            yield from _faults_of_rewording(answer, statement)
        if statement.lead:
            yield from _faults_of_words(
                statement.lead, " ".join(c.quote for c in statement.citations), articles
            )
    for suggestion in answer.suggestions:
        yield from _faults_of_words(suggestion, "", articles)


def _faults_of_rewording(answer: Answer, statement: Statement) -> Iterator[tuple[str, str]]:
    """Of a statement in other words than its quotes'."""
    if not answer.generator.startswith(f"{REPHRASE}: "):
        yield "citation", "a statement is not in the words of its citation"
        return
    quoted = " ".join(citation.quote for citation in statement.citations).casefold()
    for found in _OF_READER.findall(statement.text):
        if found.casefold() not in quoted:
            yield "diagnosis", f"tells the reader what no article says of them: {found!r}"
    if _POINTS_BACK.match(statement.text):
        yield "support", "a statement in other words has to stand by itself"
    verdict = check_support(statement.text, [c.quote for c in statement.citations])
    if verdict.decision is not Decision.PASS:
        yield "support", f"a statement is not carried by its quotes ({verdict.rule})"


_WITH_NOTICE: Final = frozenset(
    {Kind.EMERGENCY, Kind.CRISIS, Kind.URGENT, Kind.CONDITIONAL, Kind.HARMFUL, Kind.DIAGNOSIS,
     Kind.MEDICATION, Kind.SAFETY_NET, Kind.NOT_COVERED, Kind.OFF_TOPIC, Kind.UNCLEAR,
     Kind.ABOUT_ASSISTANT}
)  # fmt: skip


def _faults_of_words(
    text: str, quoted: str, articles: Mapping[str, Article]
) -> Iterator[tuple[str, str]]:
    if DISCLAIMER in text:
        yield "disclaimer", "the disclaimer is said twice"
    for found in _DOSE.findall(text):
        if found not in quoted:
            yield "dose", f"the dose {found!r} is not in the quoted words"
    match = _DIAGNOSIS.search(text)
    if match and match.group() not in quoted:
        yield "diagnosis", f"tells the reader what they have: {match.group()!r}"
    for address in _ADDRESS.findall(text):
        if address not in quoted and not any(address in a.text for a in articles.values()):
            yield "address", f"the address {address!r} is in no article"
