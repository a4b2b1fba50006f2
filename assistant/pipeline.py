"""The one path of a question, and how an assistant is put together.

    screen → (an urgent, harmful or other fixed reply ends here) → resolve a follow-up → retrieve
    → is this an answer to this question? → compose → check the answer → Answer

Each step lives in its own module; here is only their order and which outcome follows.
"""

from __future__ import annotations

import time
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Final

from assistant.answerability import AnswerCheck, Judgement
from assistant.articles import load_corpus
from assistant.citations import cite, make_citation
from assistant.claims import find_claim
from assistant.composer import compose
from assistant.conversation import Conversation, split_questions
from assistant.disagreements import Disagreement, load_disagreements
from assistant.errors import CorpusError
from assistant.generations import current_generation
from assistant.guardrails import Guardrails, Screening
from assistant.index import Encoder, SentenceTransformerEncoder, Vectors
from assistant.ingest import Progress, ingest, no_progress, open_index
from assistant.lexicon import load_lexicon
from assistant.retriever import Retriever, Search
from assistant.settings import Settings, quiet_environment
from assistant.text import plain, squeeze, words
from assistant.types import (
    Answer,
    Article,
    Citation,
    CitationContext,
    ClaimResult,
    Decision,
    Evidence,
    Kind,
    Notice,
    Outcome,
    Turn,
    Verdict,
    outcome_unanswered,
)

EXAMPLES_FILE: Final = "examples.toml"
MAX_QUERY_WORDS: Final = 400
# A question inside a longer message is searched alone where it is at least so probably answered.
# Dev split: answered safety and injection cases .91 → .95, near misses and patients unchanged.
SURE_OF_PART: Final = 0.6
NEAR_PART: Final = 0.7
_BATCH: Final = 64
_NEAREST: Final = 2
_SUGGESTIONS: Final = 3

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
_PROMISES_QUOTES: Final = frozenset({Kind.DIAGNOSIS.value, Kind.PERSONAL_PLAN.value})
_REDIRECTS_ALWAYS: Final = frozenset({Kind.URGENT, Kind.CONDITIONAL})


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


@dataclass(frozen=True, slots=True)
class _Message:
    """A message after screening: what is left to search for, if anything.

    `queries` are the whole message first, then the questions inside it.
    """

    question: str
    screening: Screening
    queries: tuple[str, ...]
    screen_ms: float


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
        retriever: Retriever,
        check: AnswerCheck,
        guardrails: Guardrails,
        conversation: Conversation,
    ) -> None:
        self.settings = settings
        self.articles = articles
        self.retriever = retriever
        self._disagreements = disagreements
        self._check = check
        self._guardrails = guardrails
        self._conversation = conversation
        self._answered_chips: dict[str, bool] = {}

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

    @cached_property
    def examples(self) -> tuple[str, ...]:
        """Questions to click on that are known to be answered."""
        path = self.settings.corpus / EXAMPLES_FILE
        if path.exists():
            try:
                asked = tuple(tomllib.loads(path.read_text("utf-8"))["questions"])
            except (OSError, ValueError, KeyError) as error:
                raise CorpusError(f"{path}: cannot be read ({error}); correct it") from error
        else:
            asked = tuple(q.text for q in self.retriever.index.questions[:50:10])
        return tuple(question for question in asked if self._is_answered(question))

    @property
    def emergency_line(self) -> str:
        """One line on what to do in an emergency, to be kept in sight."""
        return self._guardrails.notice("emergency_line").text

    def _screen(self, question: str, history: Sequence[Turn]) -> _Message:
        start = time.perf_counter()
        screening = self._guardrails.screen(question, history)
        queries: tuple[str, ...] = ()
        if screening.kind not in _FIXED:
            whole = plain(self._conversation.resolve(plain(screening.rest), history))
            parts = (whole, *split_questions(whole))
            cut = (" ".join(part.split()[:MAX_QUERY_WORDS]) for part in parts)
            queries = tuple(dict.fromkeys(part for part in cut if part))
        return _Message(question, screening, queries, _ms(start))

    def _encode(self, messages: Sequence[_Message]) -> dict[str, Vectors]:
        """The vector of every query of the messages."""
        queries = list(dict.fromkeys(query for m in messages for query in m.queries))
        if not queries:
            return {}
        return dict(zip(queries, self.retriever.encoder.encode(queries), strict=True))

    def _search(
        self, message: _Message, vectors: Mapping[str, Vectors]
    ) -> tuple[Search, Judgement] | tuple[None, None]:
        """The search for the whole message, or for the question in it that is surely answered."""
        best: tuple[Search, Judgement] | tuple[None, None] = (None, None)
        for query in message.queries:
            search = self.retriever.search(query, vector=vectors[query])
            judgement = self._judge(search)
            before = best[1].probability if best[1] else -1.0
            if best[1] is None or (
                judgement.answers
                and judgement.probability > max(before, SURE_OF_PART)
                and search.nearest_question >= NEAR_PART
            ):
                best = search, judgement
        return best

    def _finish(
        self, message: _Message, vectors: Mapping[str, Vectors], encode_ms: float
    ) -> Explanation:
        start = time.perf_counter()
        search, judgement = self._search(message, vectors)
        search_ms = _ms(start)
        answer = self._answer(message, search, judgement)
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
        judged = (judgement.verdict,) if judgement else ()
        return Explanation(
            answer,
            search.evidence if search else Evidence("", ()),
            judgement.probability if judgement else 0.0,
            (*message.screening.verdicts, *judged, verdict),
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

    def _answer(
        self, message: _Message, search: Search | None, judgement: Judgement | None
    ) -> Answer:
        kind, notices = message.screening.kind, message.screening.notices
        if search is None or judgement is None:
            kind = kind or Kind.UNCLEAR
            if kind is Kind.UNCLEAR and not notices:
                notices = (self._guardrails.notice("unclear"),)
            outcome = outcome_unanswered(kind)
            chips = () if kind in (Kind.EMERGENCY, Kind.CRISIS) else self.examples[:_SUGGESTIONS]
            return Answer(message.question, "", kind, outcome, notices, suggestions=chips)
        if judgement.answers:
            statements = compose(
                search.evidence, self.articles, self._disagreements, self.settings.max_statements
            )
            outcome = Outcome.REDIRECTED if kind in _REDIRECTS_ALWAYS else Outcome.ANSWERED
            return Answer(
                message.question,
                search.evidence.query,
                kind or Kind.IN_SCOPE,
                outcome,
                notices,
                statements,
                suggestions=self._suggestions(search),
            )
        return self._unanswered(message, search, judgement)

    def _unanswered(self, message: _Message, search: Search, judgement: Judgement) -> Answer:
        kind = message.screening.kind
        notices = tuple(self._without_promise(notice) for notice in message.screening.notices)
        if kind is None:
            kind = Kind.OFF_TOPIC if judgement.off_topic else Kind.NOT_COVERED
        outcome = outcome_unanswered(kind)
        nearest: tuple[Citation, ...] = ()
        if outcome is Outcome.ABSTAINED:
            name = "off_topic" if kind is Kind.OFF_TOPIC else "not_covered"
            notices = (*notices, self._guardrails.notice(name))
            if judgement.comes_near:
                nearest = tuple(
                    make_citation(self.articles[hit.passage.span.article_id], hit.passage.span)
                    for hit in search.evidence.hits[:_NEAREST]
                )
        chips = self._suggestions(search) if judgement.comes_near else ()
        return Answer(
            message.question,
            search.evidence.query,
            kind,
            outcome,
            notices,
            nearest=nearest,
            suggestions=chips or self.examples[:_SUGGESTIONS],
        )

    def _without_promise(self, notice: Notice) -> Notice:
        """The notice in the words for an answer that has no quotes below it."""
        if notice.kind in _PROMISES_QUOTES:
            return replace(self._guardrails.notice(f"{notice.kind}_alone"), kind=notice.kind)
        return notice

    def _suggestions(self, search: Search) -> tuple[str, ...]:
        """Written questions near this one that are known to be answered, other than itself."""
        import numpy as np

        similarities = search.question_similarities
        near = np.argsort(-similarities, kind="stable")[:12]
        own = set(words(search.evidence.query))
        found: list[str] = []
        said: list[set[str]] = [own]
        for n in near:
            question = self.retriever.index.questions[n]
            asks = set(words(question.text))
            new = all(len(asks & other) < 0.6 * len(asks | other) for other in said)
            if question.passage_ids and new and self._is_answered(question.text, int(n)):
                found.append(question.text)
                said.append(asks)
            if len(found) == _SUGGESTIONS:
                break
        return tuple(found)

    def _is_answered(self, question: str, row: int | None = None) -> bool:
        """Whether the whole path answers it; remembered. `row`: of a written question."""
        if question not in self._answered_chips:
            message = self._screen(question, ())
            vectors = {}
            if row is not None and message.queries == (squeeze(question),):
                vectors = {message.queries[0]: self.retriever.index.question_vectors[row]}
            _, judgement = self._search(message, vectors or self._encode([message]))
            answered = message.screening.kind is None and bool(judgement and judgement.answers)
            self._answered_chips[question] = answered
        return self._answered_chips[question]


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
        Retriever(index, encoder),
        AnswerCheck.load(index.generation),
        Guardrails(settings.country or None),
        Conversation(articles, load_lexicon(settings.corpus)),
    )
    tell("loading the model", 0.97)
    encoder.encode(["ready"])
    tell("ready", 1.0)
    return assistant


def _ms(start: float) -> float:
    return (time.perf_counter() - start) * 1000
