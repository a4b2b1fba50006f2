"""The one path of a question.

    screen → (an emergency or other fixed reply ends here) → resolve a follow-up → retrieve
    → is this an answer to this question? → compose → check the answer → Answer

Each step lives in its own module; here is only their order and which outcome follows.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, zip_longest
from typing import Final

from assistant.answerability import AnswerCheck, Judgement
from assistant.citations import cite
from assistant.claims import find_claim
from assistant.conversation import Conversation, split_questions
from assistant.coverage import Coverage
from assistant.disagreements import Disagreement
from assistant.generator import Budget, Generator
from assistant.guardrails import Guardrails
from assistant.reader import load_reader
from assistant.replies import Message, Replies, Result, Results, may_be_shown
from assistant.retriever import Query, Retriever, Search
from assistant.settings import Settings
from assistant.suggestions import (
    MAX_FOUND,
    Idea,
    Suggestions,
)
from assistant.text import plain
from assistant.texts import TextStore
from assistant.types import (
    Answer,
    Article,
    CitationContext,
    ClaimResult,
    Decision,
    Evidence,
    Kind,
    Span,
    Tell,
    Turn,
    Verdict,
)
from assistant.unaided import Unaided, Vocabulary, with_list

MAX_QUERY_WORDS: Final = 400
# Of the reader's earlier messages, what a language model sees to make a follow-up whole.
MAX_TURNS_SHOWN: Final = 3
MAX_TURN_CHARS: Final = 500
_BATCH: Final = 64

# Kinds whose reply is a fixed text: nothing is searched.
_FIXED: Final = frozenset(
    {
        Kind.EMERGENCY,
        Kind.CRISIS,
        Kind.MEDICATION,
        Kind.HARMFUL,
        Kind.SAFETY_NET,
        Kind.DISTRESS,
        Kind.ABOUT_ASSISTANT,
        Kind.OFF_TOPIC,
        Kind.UNCLEAR,
        Kind.NOT_COVERED,
    }
)


@dataclass(frozen=True, slots=True)
class Explanation:
    """An answer and what led to it, for developers and evals.

    `answerability` in [0, 1], higher is more likely answered by the articles; 0 where nothing was
    searched.
    """

    answer: Answer
    evidence: Evidence
    answerability: float
    verdicts: tuple[Verdict, ...]


class Assistant:
    """Answers questions over one corpus.

    Attributes:
        articles: by id, in order.
        retriever: finds passages; usable by itself and with LangChain.
        generator: the language model that writes answers, None without one.
    """

    def __init__(
        self,
        settings: Settings,
        articles: Mapping[str, Article],
        disagreements: Sequence[Disagreement],
        findings: Mapping[Span, Span],
        retriever: Retriever,
        check: AnswerCheck,
        guardrails: Guardrails,
        conversation: Conversation,
        suggestions: Suggestions,
        generator: Generator | None = None,
    ) -> None:
        self.settings = settings
        self.articles = articles
        self.retriever = retriever
        self._disagreements = disagreements
        self._check = check
        vocabulary = Vocabulary(retriever.index.passages, load_reader().counts)
        self._unaided = None if check.trained else Unaided(retriever.index.passages, vocabulary)
        self._guardrails = guardrails
        self._conversation = conversation
        index = retriever.index
        self._suggestions = suggestions
        self.generator = generator
        self._replies = Replies(
            articles,
            disagreements,
            findings,
            guardrails,
            self._suggestions,
            Coverage(index.passages, index.questions, vocabulary),
            settings.max_statements,
            generator,
        )
        self._in_countries: dict[str, Assistant] = {}

    def ask(self, question: str, history: Sequence[Turn] = (), tell: Tell | None = None) -> Answer:
        """The answer to one message, whatever it is; see the type for what it holds.

        Args:
            tell: told what is being done while a language model is waited for.
        """
        return self.explain(question, history, tell).answer

    def in_country(self, country: str) -> Assistant:
        """The same assistant with the help lines of a country that its reader may be in.

        Args:
            country: ISO 3166 code as a browser's language has it, or empty. Itself where the
                operator has set a country, or where there are no lines for this one.
        """
        if country not in self._in_countries:
            guardrails = self._guardrails.in_country(country)
            if guardrails is self._guardrails:
                return self
            there = copy.copy(self)
            there._guardrails = guardrails
            there._replies = self._replies.by(guardrails)
            self._in_countries[country] = there
        return self._in_countries[country]

    def explain(
        self, question: str, history: Sequence[Turn] = (), tell: Tell | None = None
    ) -> Explanation:
        """As `ask`, with the evidence and the verdicts behind the answer."""
        message = self._screen(question, history)
        start = time.perf_counter()
        queries = self._prepare([message])
        return self._finish(message, queries, _ms(start), tell)

    def ask_many(self, items: Iterable[tuple[str, Sequence[Turn]]]) -> Iterator[Answer]:
        """Answers in order; questions are encoded in batches, so it is faster than one by one."""
        remaining = iter(items)
        while batch := list(islice(remaining, _BATCH)):
            first = [_cut(plain(question)) for question, history in batch if not history]
            self._guardrails.read_ahead(batch, self.retriever.ahead(first))
            messages = [self._screen(question, history) for question, history in batch]
            start = time.perf_counter()
            queries = self._prepare(messages)
            encode_ms = _ms(start) / max(1, len(queries))
            for message in messages:
                yield self._finish(message, queries, encode_ms * len(message.queries)).answer

    def cite(self, citation_id: str) -> CitationContext:
        """The citation an id names, in its place.

        Raises:
            CitationError: no such words.
            CitationChangedError: the article has changed since, and the words with it.
        """
        return cite(self.articles, citation_id, TextStore(self.settings.index_folder))

    def claim(self, text: str) -> ClaimResult:
        """Which sentences of the articles say this, and which say otherwise."""
        return find_claim(text, self.retriever, self.articles, self._disagreements)

    @property
    def examples(self) -> tuple[str, ...]:
        """Questions to click on that are known to be answered."""
        return self._suggestions.examples

    @property
    def emergency_line(self) -> str:
        """One line on what to do in an emergency, to be kept in sight."""
        return self._guardrails.notice("emergency_line").text

    def answered_of(self, questions: Sequence[str]) -> list[str]:
        """Those of the questions that are answered plainly, in their order."""
        answers = self.ask_many((question, ()) for question in questions)
        return [q for q, answer in zip(questions, answers, strict=True) if _is_plain(answer)]

    def answered_ideas(self, ideas: Sequence[Idea]) -> list[str]:
        """A few of the ideas that are answered plainly, first of all by what they came from.

        One of each article before a second of any.
        """
        answers = self.ask_many((idea.question, ()) for idea in ideas)
        good: dict[str, list[str]] = {}
        for idea, answer in zip(ideas, answers, strict=True):
            if _is_plain(answer) and idea.home.contains(answer.citations[0].span):
                good.setdefault(idea.home.article_id, []).append(idea.question)
        rounds = zip_longest(*good.values())
        return [question for row in rounds for question in row if question][:MAX_FOUND]

    def warm_up(self) -> None:
        """Load the models, so that the first question does not wait for them."""
        text = "ready, with a slpi of the finger"
        self._guardrails.impressions([text], self.retriever.ahead([text]))
        self.retriever.encode([text])
        if self.retriever.reranker:
            self.retriever.reranker.score("ready", ["ready"])

    def _screen(self, question: str, history: Sequence[Turn]) -> Message:
        start = time.perf_counter()
        # What will most likely be searched for; a follow-up is first made into a whole question.
        ahead = [] if history else self.retriever.ahead([_cut(plain(question))])
        screening = self._guardrails.screen(question, history, ahead)
        if screening.kind is Kind.HARMFUL and history:
            # Making "it" stronger is harmful of a poison, not of a muscle that was asked about.
            whole = self._conversation.resolve(plain(question), history)
            screening = self._guardrails.screen(whole, history)
        queries: tuple[str, ...] = ()
        budget = self.generator.budget() if self.generator else None
        if screening.kind not in _FIXED:
            asked = plain(screening.rest)
            whole = plain(self._conversation.resolve(asked, history))
            if budget and history and may_be_shown(screening):
                whole = self._rewritten(asked, whole, history, budget)
            parts = (whole, *split_questions(whole))
            queries = tuple(dict.fromkeys(part for part in map(_cut, parts) if part))
        return Message(question, screening, queries, _ms(start), budget)

    def _rewritten(self, question: str, draft: str, history: Sequence[Turn], budget: Budget) -> str:
        """A follow-up in a language model's words where it says no more than was said; or `draft`.

        The model sees the reader's latest messages, but for those that it may not be asked about.
        """
        if not self.generator or not self._conversation.leans_back(question):
            return draft
        earlier = [plain(turn.content) for turn in history if turn.role == "user"]
        shown = [
            text[:MAX_TURN_CHARS]
            for text in earlier[-MAX_TURNS_SHOWN:]
            if text and may_be_shown(self._guardrails.screen(text))
        ]
        query = self.generator.rewrite(question, draft, shown, budget) if shown else ""
        if not query or not self._conversation.keeps_to(query, [question, draft, *shown]):
            return draft
        return query if may_be_shown(self._guardrails.screen(query)) else draft

    def _prepare(self, messages: Sequence[Message]) -> dict[str, Query]:
        """Every query of the messages, ready to be searched for."""
        texts = list(dict.fromkeys(query for message in messages for query in message.queries))
        if texts and self.retriever.finder:
            self._guardrails.impressions(texts, self.retriever.ahead(texts))
        return dict(zip(texts, self.retriever.prepare(texts), strict=True))

    def _search(self, message: Message, queries: Mapping[str, Query]) -> Results | None:
        """The search for the whole message, or for the question in it that is surely answered."""
        results = []
        for query in message.queries:
            search = self.retriever.search(queries[query])
            judgement = self._judge(search)
            if self._unaided:
                evidence = with_list(search.evidence, self.retriever.index.passages, self.articles)
                search = replace(search, evidence=evidence)
            results.append(Result(search, judgement))
        if not results:
            return None
        best, *parts = results
        for part in parts:
            if part.surely and part.judgement.probability > best.judgement.probability:
                best = part
        return Results(best, tuple(part for part in parts if part is not best))

    def _finish(
        self,
        message: Message,
        queries: Mapping[str, Query],
        encode_ms: float,
        tell: Tell | None = None,
    ) -> Explanation:
        start = time.perf_counter()
        results = self._search(message, queries)
        search_ms = _ms(start)
        answer = self._replies.answer(message, results, tell)
        if self.generator and message.budget:
            self.generator.note(message.budget)
        verdict = self._guardrails.check_answer(answer, self.articles)
        if verdict.decision is not Decision.PASS:
            answer = self._guardrails.safe_answer(message.question, message.screening)
        timings = {
            "screen": message.screen_ms,
            "encode": encode_ms,
            "search": search_ms,
            "total": message.screen_ms + encode_ms + _ms(start),
        }
        answer = replace(answer, timings_ms={k: round(v, 3) for k, v in timings.items()})
        if results is None:
            return Explanation(
                answer, Evidence("", ()), 0.0, (*message.screening.verdicts, verdict)
            )
        judgement = results.best.judgement
        return Explanation(
            answer,
            results.best.search.evidence,
            judgement.probability,
            (*message.screening.verdicts, judgement.verdict, verdict),
        )

    def _judge(self, search: Search) -> Judgement:
        import numpy as np

        hits = search.evidence.hits
        if self._unaided:
            return self._unaided.judge(search.evidence, search.query.resemblance.other)
        return self._check.judge(
            search.evidence.query,
            search.query.resemblance,
            search.finding,
            search.query.question_similarities,
            np.array([hit.similarity for hit in hits], np.float32),
            hits[0].passage if hits else None,
        )


def _is_plain(answer: Answer) -> bool:
    """Whether an answer is nothing but quotes."""
    return answer.kind is Kind.IN_SCOPE and bool(answer.statements) and not answer.notices


def _cut(text: str) -> str:
    return " ".join(text.split()[:MAX_QUERY_WORDS])


def _ms(start: float) -> float:
    return (time.perf_counter() - start) * 1000
