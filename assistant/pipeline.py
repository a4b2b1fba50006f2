"""The one path of a question, and how an assistant is put together.

    screen → (an emergency or other fixed reply ends here) → resolve a follow-up → encode → does it
    resemble a red flag that no rule knows? → retrieve
    → is this an answer to this question? → compose → check the answer → Answer

Each step lives in its own module; here is only their order and which outcome follows.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from assistant.answerability import AnswerCheck, Judgement
from assistant.articles import load_corpus
from assistant.citations import cite
from assistant.claims import find_claim
from assistant.conversation import Conversation, split_questions
from assistant.coverage import Coverage
from assistant.disagreements import Disagreement, load_disagreements, load_findings
from assistant.generations import current_generation
from assistant.guardrails import Guardrails
from assistant.index import Encoder, SentenceTransformerEncoder, Vectors
from assistant.ingest import Progress, ingest, no_progress, open_index
from assistant.lexicon import load_lexicon
from assistant.replies import Message, Replies, Result, Results
from assistant.retriever import Retriever, Search
from assistant.settings import Settings, quiet_environment
from assistant.suggestions import Suggestions
from assistant.text import plain, words
from assistant.triage import Triage
from assistant.types import (
    Answer,
    Article,
    CitationContext,
    ClaimResult,
    Decision,
    Evidence,
    Kind,
    Span,
    Turn,
    Verdict,
)

MAX_QUERY_WORDS: Final = 400
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
    """

    def __init__(
        self,
        settings: Settings,
        articles: Mapping[str, Article],
        disagreements: Sequence[Disagreement],
        findings: Mapping[Span, Span],
        retriever: Retriever,
        check: AnswerCheck,
        triage: Triage,
        guardrails: Guardrails,
        conversation: Conversation,
    ) -> None:
        self.settings = settings
        self.articles = articles
        self.retriever = retriever
        self._disagreements = disagreements
        self._check = check
        self._triage = triage
        self._guardrails = guardrails
        self._conversation = conversation
        index = retriever.index
        self._suggestions = Suggestions(
            settings.corpus, index.questions, check.offered, self._is_plain, self._is_answered
        )
        self._replies = Replies(
            articles,
            disagreements,
            findings,
            guardrails,
            self._suggestions,
            Coverage(index.passages, index.questions),
            settings.max_statements,
        )

    def ask(self, question: str, history: Sequence[Turn] = ()) -> Answer:
        """The answer to one message, whatever it is; see the type for what it holds."""
        return self.explain(question, history).answer

    def explain(self, question: str, history: Sequence[Turn] = ()) -> Explanation:
        """As `ask`, with the evidence and the verdicts behind the answer."""
        message = self._screen(question, history)
        start = time.perf_counter()
        vectors = self._encode([message])
        return self._finish(message, vectors, _ms(start))

    def ask_many(self, items: Iterable[tuple[str, Sequence[Turn]]]) -> Iterator[Answer]:
        """Answers in order; questions are encoded in batches, so it is faster than one by one."""
        remaining = iter(items)
        while batch := list(islice(remaining, _BATCH)):
            messages = [self._screen(question, history) for question, history in batch]
            start = time.perf_counter()
            vectors = self._encode(messages)
            encode_ms = _ms(start) / max(1, len(vectors))
            for message in messages:
                yield self._finish(message, vectors, encode_ms * len(message.queries)).answer

    def cite(self, citation_id: str) -> CitationContext:
        """The citation an id names, in its place.

        Raises:
            CitationError: no such words, or the article has changed since.
        """
        return cite(self.articles, citation_id)

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

    def _screen(self, question: str, history: Sequence[Turn]) -> Message:
        start = time.perf_counter()
        screening = self._guardrails.screen(question, history)
        queries: tuple[str, ...] = ()
        if screening.kind not in _FIXED:
            whole = plain(self._conversation.resolve(plain(screening.rest), history))
            parts = (whole, *split_questions(whole))
            queries = tuple(dict.fromkeys(part for part in map(_cut, parts) if part))
        settled = screening.kind in (Kind.EMERGENCY, Kind.CRISIS)
        own = "" if settled or not words(question) else _cut(plain(question))
        return Message(question, screening, queries, own, _ms(start))

    def _encode(self, messages: Sequence[Message]) -> dict[str, Vectors]:
        """The vector of every message and of every query in it."""
        texts = list(dict.fromkeys(t for m in messages for t in (m.own, *m.queries) if t))
        if not texts:
            return {}
        return dict(zip(texts, self.retriever.encoder.encode(texts), strict=True))

    def _triaged(self, message: Message, vectors: Mapping[str, Vectors]) -> Message:
        """The message, raised to a red flag where it resembles one."""
        texts = dict.fromkeys((message.own, *message.queries)) if message.own else {}
        if not texts:
            return message
        import numpy as np

        found = self._triage.judge(np.stack([vectors[text] for text in texts]))
        if found is None:
            return message
        screening = self._guardrails.raised(message.screening, *found)
        stops = screening.kind in _FIXED
        return replace(message, screening=screening, queries=() if stops else message.queries)

    def _search(self, message: Message, vectors: Mapping[str, Vectors]) -> Results | None:
        """The search for the whole message, or for the question in it that is surely answered."""
        results = []
        for query in message.queries:
            search = self.retriever.search(query, vector=vectors[query])
            results.append(Result(search, self._judge(search)))
        if not results:
            return None
        best, *parts = results
        for part in parts:
            if part.surely and part.judgement.probability > best.judgement.probability:
                best = part
        return Results(best, tuple(part for part in parts if part is not best))

    def _finish(
        self, message: Message, vectors: Mapping[str, Vectors], encode_ms: float
    ) -> Explanation:
        start = time.perf_counter()
        message = self._triaged(message, vectors)
        results = self._search(message, vectors)
        search_ms = _ms(start)
        answer = self._replies.answer(message, results)
        verdict = self._guardrails.check_answer(answer, self.articles)
        if verdict.decision is not Decision.PASS:
            answer = self._guardrails.safe_answer(message.question)
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
        return self._check.judge(
            search.evidence.query,
            search.resemblance,
            search.question_similarities,
            np.array([hit.similarity for hit in hits], np.float32),
            hits[0].passage if hits else None,
        )

    def _is_plain(self, question: str) -> bool:
        return self._guardrails.screen(question, ()).kind is None

    def _is_answered(self, question: str) -> bool:
        message = self._screen(question, ())
        vectors = self._encode([message])
        message = self._triaged(message, vectors)
        results = self._search(message, vectors)
        return message.screening.kind is None and bool(results and results.best.judgement.answers)


def build_assistant(
    settings: Settings,
    progress: Progress | None = None,
    encoder: Encoder | None = None,
    build_missing: bool = True,
) -> Assistant:
    """Open the corpus's index, building it if there is none, and put an assistant together.

    Args:
        progress: called with what is being done and the fraction done, from 0 to 1.
        encoder: another one than the settings name, for tests.

    Raises:
        AssistantError: what the operator has to repair, in one line.
    """
    quiet_environment()
    tell: Progress = progress or no_progress
    encoder = encoder or SentenceTransformerEncoder(settings.model)
    if build_missing and current_generation(settings.index_folder) is None:
        ingest(settings, encoder, tell)
    tell("opening the index", 0.95)
    articles = load_corpus(settings.corpus)
    index = open_index(settings, encoder, articles)
    assistant = Assistant(
        settings,
        articles,
        load_disagreements(settings.corpus, articles),
        load_findings(settings.corpus, articles),
        Retriever(index, encoder),
        AnswerCheck.load(index.generation),
        Triage.load(index.generation),
        Guardrails(settings.country or None),
        Conversation(articles, load_lexicon(settings.corpus)),
    )
    tell("loading the model", 0.97)
    encoder.encode(["ready"])
    tell("ready", 1.0)
    return assistant


def _cut(text: str) -> str:
    return " ".join(text.split()[:MAX_QUERY_WORDS])


def _ms(start: float) -> float:
    return (time.perf_counter() - start) * 1000
