"""What is said to a message once it is screened and searched: which outcome follows, and with what.

An answer, an answer to a part of the message, an abstention that says what is missing, or a fixed
text.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from assistant.answerability import Judgement
from assistant.citations import make_citation
from assistant.composer import compose, offer
from assistant.coverage import Coverage
from assistant.disagreements import Disagreement
from assistant.generator import Budget, Generator
from assistant.guardrails import Guardrails, Screening
from assistant.retriever import Search
from assistant.suggestions import SHOWN, Suggestions
from assistant.types import (
    Answer,
    Article,
    Citation,
    Decision,
    Kind,
    Notice,
    Outcome,
    Span,
    Statement,
    StatementRole,
    Tell,
    Verdict,
    outcome_unanswered,
)

# A question inside a longer message is searched alone where it is at least so probably answered
# and a written question is so near. Chosen on the dev split.
SURE_OF_PART: Final = 0.6
NEAR_PART: Final = 0.7
# A second question of a message gets fewer sentences; one that is not answered is named.
STATEMENTS_OF_PART: Final = 2
MAX_JOINED: Final = 6
MAX_PARTS_NAMED: Final = 2
MAX_PART_SHOWN: Final = 160
MAX_TITLES_SHOWN: Final = 450
_NEAREST: Final = 2
_PROMISES_QUOTES: Final = frozenset({Kind.DIAGNOSIS.value, Kind.PERSONAL_PLAN.value})
_REDIRECTS_ALWAYS: Final = frozenset({Kind.URGENT, Kind.CONDITIONAL})
_SHOWN_TO_MODEL: Final = frozenset({None, Kind.IN_SCOPE, Kind.PERSONAL_PLAN})
# Lists and the sides of a difference stand as they are: leaving out one of them says another thing.
_AS_THEY_ARE: Final = frozenset({StatementRole.ITEM, StatementRole.DIFFERS})


def may_be_shown(screening: Screening) -> bool:
    """Whether a language model may see the message: nothing in it calls for help or was refused."""
    kind = screening.kind
    return kind in _SHOWN_TO_MODEL and all(notice.kind == kind for notice in screening.notices)


@dataclass(frozen=True, slots=True)
class Message:
    """A message after screening: what is left to search for, if anything.

    `queries` are what to search for: the whole message first, then the questions inside it.
    `budget` is what a language model may still take for it; None where none is asked.
    """

    question: str
    screening: Screening
    queries: tuple[str, ...]
    screen_ms: float
    budget: Budget | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """A search and what was judged of it."""

    search: Search
    judgement: Judgement

    @property
    def surely(self) -> bool:
        """Whether a question inside a message is to be answered alone."""
        return (
            self.judgement.answers
            and self.judgement.probability > SURE_OF_PART
            and self.search.query.nearest_question >= NEAR_PART
        )


@dataclass(frozen=True, slots=True)
class Results:
    """The search that is answered, and those of the other questions in the message."""

    best: Result
    parts: tuple[Result, ...]


class Replies:
    """Puts answers together over one corpus."""

    def __init__(
        self,
        articles: Mapping[str, Article],
        disagreements: Sequence[Disagreement],
        findings: Mapping[Span, Span],
        guardrails: Guardrails,
        suggestions: Suggestions,
        coverage: Coverage,
        max_statements: int,
        generator: Generator | None = None,
    ) -> None:
        self._articles = articles
        self._disagreements = disagreements
        self._findings = findings
        self._guardrails = guardrails
        self._suggestions = suggestions
        self._coverage = coverage
        self._max_statements = max_statements
        self._generator = generator

    def by(self, guardrails: Guardrails) -> Replies:
        """The same with the fixed texts of other guardrails."""
        other = copy.copy(self)
        other._guardrails = guardrails
        return other

    def answer(self, message: Message, results: Results | None, tell: Tell | None = None) -> Answer:
        """The answer to a screened message; `results` is None where nothing is searched.

        Args:
            tell: told what a language model does meanwhile.
        """
        if results is None:
            return self._unsearched(message)
        if not results.best.judgement.answers:
            return self._unanswered(message, results.best)
        kind, search = message.screening.kind, results.best.search
        statements = self._compose(search, self._max_statements)
        notices = list(message.screening.notices)
        for part in results.parts:
            if part.surely:
                statements = _joined(statements, self._compose(part.search, STATEMENTS_OF_PART))
            elif kind is None and not part.judgement.comes_near:
                notices.append(self._not_answered(part))
        answer = Answer(
            message.question,
            search.evidence.query,
            kind or Kind.IN_SCOPE,
            Outcome.REDIRECTED if kind in _REDIRECTS_ALWAYS else Outcome.ANSWERED,
            tuple(notices[: len(message.screening.notices) + MAX_PARTS_NAMED]),
            statements,
            suggestions=self._suggestions.near(search),
        )
        return self._written(message, answer, search, tell or _tell_nobody)

    def _written(self, message: Message, answer: Answer, search: Search, tell: Tell) -> Answer:
        """The answer as a language model puts it, where one is asked and all of it holds."""
        if not (self._generator and message.budget and may_be_shown(message.screening)):
            return answer
        if any(statement.role in _AS_THEY_ARE for statement in answer.statements):
            return answer
        choices = offer(search.evidence, self._articles, self._findings, answer.statements)
        statements = self._generator.write(
            answer.query, choices, self._may_say, message.budget, tell
        )
        if statements is None:
            return answer
        written = replace(answer, statements=statements, generator=self._generator.name)
        verdict = self._guardrails.check_answer(written, self._articles)
        return written if verdict.decision is Decision.PASS else answer

    def _may_say(self, statement: Statement) -> Verdict:
        """Whether an answer may have this statement."""
        assert self._generator
        alone = Answer(
            "",
            "",
            Kind.IN_SCOPE,
            Outcome.ANSWERED,
            statements=(statement,),
            generator=self._generator.name,
        )
        return self._guardrails.check_answer(alone, self._articles)

    def _compose(self, search: Search, max_statements: int) -> tuple[Statement, ...]:
        return compose(
            search.evidence, self._articles, self._disagreements, self._findings, max_statements
        )

    def _not_answered(self, part: Result) -> Notice:
        query = part.search.evidence.query
        shown = query if len(query) <= MAX_PART_SHOWN else query[:MAX_PART_SHOWN].rstrip() + "…"
        return self._guardrails.notice("part_not_covered", part=re.sub("[<>]", " ", shown))

    def _unsearched(self, message: Message) -> Answer:
        """The reply that is a fixed text."""
        kind = message.screening.kind or Kind.UNCLEAR
        # Of what was not searched for, the articles say neither something nor nothing.
        notices = tuple(
            self._without_promise(notice)
            for notice in message.screening.notices
            if notice.kind == kind or notice.kind not in _PROMISES_QUOTES
        )
        if kind is Kind.UNCLEAR and not notices:
            notices = (self._guardrails.notice("unclear"),)
        if kind is Kind.ABOUT_ASSISTANT:
            titles = "; ".join(f"“{article.title}”" for article in self._articles.values())
            if len(titles) <= MAX_TITLES_SHOWN:
                notices = (*notices, self._guardrails.notice("overview", titles=titles))
        chips = () if kind in (Kind.EMERGENCY, Kind.CRISIS) else self._suggestions.examples[:SHOWN]
        return Answer(
            message.question, "", kind, outcome_unanswered(kind), notices, suggestions=chips
        )

    def _unanswered(self, message: Message, result: Result) -> Answer:
        kind, evidence = message.screening.kind, result.search.evidence
        notices = [self._without_promise(notice) for notice in message.screening.notices]
        if kind is None:
            kind = Kind.OFF_TOPIC if result.judgement.off_topic else Kind.NOT_COVERED
        outcome = outcome_unanswered(kind)
        nearest: tuple[Citation, ...] = ()
        if outcome is Outcome.ABSTAINED:
            name = "off_topic" if kind is Kind.OFF_TOPIC else "not_covered"
            notices.append(self._guardrails.notice(name))
            missing = self._coverage.missing(evidence.query)
            if missing and kind is Kind.NOT_COVERED:
                named = " or ".join(f"“{word}”" for word in missing)
                notices.append(self._guardrails.notice("not_named", words=named))
            if result.judgement.comes_near:
                nearest = tuple(
                    make_citation(self._articles[hit.passage.span.article_id], hit.passage.span)
                    for hit in evidence.hits[:_NEAREST]
                )
        chips = self._suggestions.near(result.search) if result.judgement.comes_near else ()
        return Answer(
            message.question,
            evidence.query,
            kind,
            outcome,
            tuple(notices),
            nearest=nearest,
            suggestions=chips or self._suggestions.examples[:SHOWN],
        )

    def _without_promise(self, notice: Notice) -> Notice:
        """The notice in the words for an answer that has no quotes below it."""
        if notice.kind in _PROMISES_QUOTES:
            return replace(self._guardrails.notice(f"{notice.kind}_alone"), kind=notice.kind)
        return notice


def _tell_nobody(_: str) -> None:
    pass


def _joined(
    statements: tuple[Statement, ...], more: tuple[Statement, ...]
) -> tuple[Statement, ...]:
    """Both, without those of `more` that say what is said already."""
    said = [citation.span for statement in statements for citation in statement.citations]
    texts = {statement.text for statement in statements}
    new = (
        s
        for s in more
        if s.text not in texts and not any(s.citations[0].span.overlaps(span) for span in said)
    )
    return (*statements, *new)[: max(MAX_JOINED, len(statements))]
