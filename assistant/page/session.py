"""One open page's conversation, and the loading of the assistant behind all of them.

Knows no web framework: it yields markup, and ``ui`` carries it to the browser. Questions are
kept in the session only, in no log and in no exception that is logged.
"""

from __future__ import annotations

import asyncio
import logging
import pickle
import threading
import zlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from assistant.errors import AssistantError
from assistant.page import answer as turns
from assistant.page import shell
from assistant.page.markup import text
from assistant.types import (
    DISCLAIMER,
    Answer,
    Article,
    CitationContext,
    ClaimResult,
    Progress,
    Tell,
    Turn,
)
from assistant.web.limits import Gate
from assistant.web.refusals import Refusal

MAX_TURNS: Final = 100
MAX_QUESTION_CHARS: Final = 100_000
POLL_SECONDS: Final = 0.15

_log = logging.getLogger("assistant.page")
# What is being answered: the event loop itself would let go of it.
_answering: Final[set[asyncio.Future[None]]] = set()


class AssistantProtocol(Protocol):
    """What the page needs of an assistant; ``assistant.pipeline.Assistant`` is one."""

    @property
    def articles(self) -> Mapping[str, Article]: ...
    @property
    def examples(self) -> tuple[str, ...]: ...
    @property
    def emergency_line(self) -> str: ...
    def in_country(self, country: str) -> AssistantProtocol: ...
    def ask(
        self, question: str, history: Sequence[Turn] = (), tell: Tell | None = None
    ) -> Answer: ...
    def cite(self, citation_id: str) -> CitationContext: ...
    def claim(self, text: str) -> ClaimResult: ...


Load = Callable[[Progress], AssistantProtocol]


class Loader:
    """Loads the assistant in a thread of its own, while the page is already there.

    Exactly one of `assistant` and `failure` is set when it has finished.
    """

    def __init__(self, load: Load) -> None:
        self._load = load
        self._started = False
        self.message = text("waiting.starting")
        self.fraction = 0.0
        self.assistant: AssistantProtocol | None = None
        self.failure = ""

    @property
    def finished(self) -> bool:
        return self.assistant is not None or bool(self.failure)

    def start(self) -> None:
        """Begin; a second call does nothing."""
        if not self._started:
            self._started = True
            threading.Thread(target=self._run, name="load-assistant", daemon=True).start()

    async def wait(self) -> None:
        """Until it has finished, one way or the other."""
        while not self.finished:
            await asyncio.sleep(POLL_SECONDS)

    def facts(self) -> tuple[str, Mapping[str, Article]]:
        """The emergency line and the articles, as far as they are known by now."""
        if self.assistant is None:
            return "", {}
        return self.assistant.emergency_line, self.assistant.articles

    def _run(self) -> None:
        try:
            loaded = self._load(self._note)
            # What can be wrong with these is said now, not to whoever opens the page.
            _ = loaded.examples, loaded.emergency_line
            self.assistant = loaded
        except AssistantError as error:
            self.failure = str(error)
        except Exception as error:  # noqa: BLE001 - A thread's edge: whoever waits has to be told.
            _log.exception("the assistant could not be loaded")
            self.failure = f"{type(error).__name__}: {error}"

    def _note(self, message: str, fraction: float) -> None:
        self.message, self.fraction = message, fraction


@dataclass(slots=True)
class Exchange:
    """One question and what became of it.

    `answer` is None while it is looked for, where it was stopped, and where there is none
    because of us; `said` is what a follow-up may refer to, empty until there is an answer.
    `told` is what is being done meanwhile, where a language model is waited for.
    """

    number: int
    question: str
    shown: str = ""
    answer: Answer | None = None
    said: str = ""
    waiting: bool = True
    told: str = ""


@dataclass(slots=True)
class Session:
    """One page's conversation; forgotten a while after the page was closed (`closed.Pages`).

    A late answer to a conversation that was begun anew changes an exchange that stands in none.
    `asked` numbers the questions of all of them; `feedback` is whether the operator takes it;
    `max_question_chars` is of one question, four times as many of a conversation's; `client` is
    who takes turns with others (`Gate`).
    """

    feedback: bool = False
    max_question_chars: int = MAX_QUESTION_CHARS
    asked: int = 0
    noted: set[tuple[int, str, str]] = field(default_factory=set)
    client: str = ""
    _exchanges: list[Exchange] = field(default_factory=list)
    _folded: bytes = b""

    @property
    def exchanges(self) -> list[Exchange]:
        """What stands on the page, in order."""
        if self._folded:
            self._exchanges = pickle.loads(zlib.decompress(self._folded))
            self._folded = b""
        return self._exchanges

    def fold(self) -> bool:
        """Take little memory until it is used again; whether there is anything to be kept."""
        if self._exchanges and not any(exchange.waiting for exchange in self._exchanges):
            self._folded = zlib.compress(pickle.dumps(self._exchanges))
            self._exchanges = []
        return bool(self._exchanges or self._folded)

    @property
    def answers(self) -> tuple[Answer, ...]:
        """All answers that stand on the page, in order."""
        return tuple(e.answer for e in self.exchanges if e.answer)

    def before(self, number: int) -> tuple[Turn, ...]:
        """The turns before the exchange of that number.

        A question that was stopped or failed is among them: an emergency in it still counts.
        """
        earlier = [e for e in self.exchanges if e.number < number]
        return tuple(
            turn
            for e in earlier
            for turn in (Turn("user", e.question), Turn("assistant", e.said))
            if turn.content
        )

    def is_waiting_before(self, number: int) -> bool:
        """Whether a question before that of this number still waits for its answer."""
        return any(e.waiting for e in self.exchanges if e.number < number)

    def too_much(self, question: str) -> str:
        """Why `question` cannot be asked here any more, in a sentence; else empty."""
        if len(question) > self.max_question_chars:
            return text("answer.too_long", count=f"{self.max_question_chars:,}")
        if len(self.exchanges) >= MAX_TURNS:
            return text("answer.full", count=MAX_TURNS)
        before = sum(len(exchange.question) for exchange in self.exchanges)
        if before + len(question) > 4 * self.max_question_chars:
            return text("answer.full_of_words")
        return ""

    def find(self, number: int) -> Exchange | None:
        """The exchange of that number, if it stands on the page."""
        return next((e for e in self.exchanges if e.number == number), None)

    def stop(self) -> None:
        """Give up what is being looked for; its question stays."""
        for exchange in self.exchanges:
            if exchange.waiting:
                exchange.waiting = False
                exchange.shown = turns.render_stopped(exchange.question, exchange.number)

    def clear(self) -> None:
        """Forget everything."""
        self.stop()
        self.exchanges.clear()
        self.noted.clear()

    def markup(self) -> str:
        """The conversation as it stands."""
        return "".join(exchange.shown for exchange in self.exchanges)


def country_of(languages: str) -> str:
    """The first country in an Accept-Language header (``en-GB,en;q=0.8`` → ``GB``), or empty."""
    tags = (tag.split(";")[0].strip().split("-")[1:] for tag in languages.split(","))
    codes = (part for parts in tags for part in parts if len(part) == 2 and part.isalpha())
    return next(codes, "").upper()


async def converse(
    question: str, session: Session, loader: Loader, country: str = "", gate: Gate | None = None
) -> AsyncIterator[str]:
    """The conversation's markup: at once with the question, then with its answer.

    Enter is easily pressed twice: an empty box asks nothing once the conversation has begun, and
    the question that is being answered is not asked once more.

    Args:
        country: where the reader may be, for the help lines.
        gate: how many are answered at once and how long that may take; None for no limit.
    """
    last = session.exchanges[-1] if session.exchanges else None
    if last and (not question.strip() or (last.waiting and last.question == question)):
        yield session.markup()
        return
    session.asked += 1
    if refused := session.too_much(question):
        # It is shown, so that it can be asked elsewhere, and kept as no part of the conversation.
        shown = turns.render_refused(question, session.asked, refused, DISCLAIMER)
        session.exchanges[MAX_TURNS:] = [Exchange(session.asked, "", shown, waiting=False)]
        yield session.markup()
        return
    exchange = Exchange(session.asked, question)
    session.exchanges.append(exchange)
    async for shown in _settle(exchange, session, loader, country, gate):
        yield shown


async def ask_again(
    number: int, session: Session, loader: Loader, country: str = "", gate: Gate | None = None
) -> AsyncIterator[str]:
    """As `converse`, with a question that stands on the page, in its place."""
    exchange = session.find(number)
    if exchange is None or exchange.waiting:
        yield session.markup()
        return
    exchange.waiting, exchange.answer, exchange.said = True, None, ""
    async for shown in _settle(exchange, session, loader, country, gate):
        yield shown


async def _settle(
    exchange: Exchange, session: Session, loader: Loader, country: str, gate: Gate | None
) -> AsyncIterator[str]:
    waiting = text("waiting.pending" if loader.finished else "waiting.loading")
    exchange.shown = turns.render_pending(exchange.question, exchange.number, waiting)
    # A task of its own: a reader whose connection breaks finds the answer when it is back.
    answering = asyncio.ensure_future(_answer(exchange, session, loader, country, gate))
    _answering.add(answering)
    answering.add_done_callback(_answering.discard)
    yield session.markup()
    told = ""
    while exchange.waiting and not (await asyncio.wait({answering}, timeout=POLL_SECONDS))[0]:
        if exchange.waiting and exchange.told != told:
            told = exchange.told
            exchange.shown = turns.render_pending(exchange.question, exchange.number, told)
            yield session.markup()
    yield session.markup()


async def _answer(
    exchange: Exchange, session: Session, loader: Loader, country: str, gate: Gate | None
) -> None:
    """Have an exchange answered once all before it are, unless it is stopped meanwhile."""
    while exchange.waiting and (not loader.finished or session.is_waiting_before(exchange.number)):
        await asyncio.sleep(POLL_SECONDS)
    if not exchange.waiting:
        return
    history = session.before(exchange.number)
    replied = await _reply(exchange, history, session, loader, country, gate)
    if exchange.waiting:
        exchange.waiting = False
        exchange.shown, exchange.said, exchange.answer = replied


async def _reply(
    exchange: Exchange,
    history: tuple[Turn, ...],
    session: Session,
    loader: Loader,
    country: str,
    gate: Gate | None,
) -> tuple[str, str, Answer | None]:
    """One turn as markup, what the assistant said in it as plain words, and the answer."""
    question, number = exchange.question, exchange.number
    if loader.assistant is None:
        message = f"{text('waiting.failed')} {loader.failure}"
        return turns.render_failure(question, number, message, DISCLAIMER), message, None
    try:
        assistant = loader.assistant
        exchange.told = ""

        def tell(message: str) -> None:
            exchange.told = message

        def ask() -> Answer:
            # In the thread too: which generation is the newest is read from the disk.
            return assistant.in_country(country).ask(question, history, tell)

        answer = await (gate.run(ask, session.client) if gate else asyncio.to_thread(ask))
        rendered = turns.render_answer(answer, number, feedback=session.feedback)
        return rendered, turns.answer_as_text(answer), answer
    except Refusal as refusal:
        message = refusal.message
        return turns.render_failure(question, number, message, DISCLAIMER), message, None
    except Exception as error:  # noqa: BLE001 - The page's edge. The message may hold the question: its type.
        _log.error("no answer because of a %s", type(error).__name__)
        message = text("answer.error")
        return turns.render_failure(question, number, message, DISCLAIMER), message, None


async def welcome(loader: Loader, rewords: bool = False) -> AsyncIterator[str]:
    """The start of the page: progress until the assistant is there, then what can be asked.

    Args:
        rewords: whether some of an answer's words may be a language model's.
    """
    shown = ""
    while not loader.finished:
        now = shell.render_progress(loader.message, loader.fraction, rewords)
        if now != shown:
            shown = now
            yield now
        await asyncio.sleep(POLL_SECONDS)
    if loader.assistant is None:
        yield shell.render_not_started(loader.failure)
    else:
        ready = loader.assistant
        yield shell.render_welcome(ready.articles, ready.examples, ready.emergency_line, rewords)
