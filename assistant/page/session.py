"""One open page's conversation, and the loading of the assistant behind all of them.

Knows no web framework: it yields markup, and ``ui`` carries it to the browser. Questions are
kept in the session only, in no log and in no exception that is logged.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from assistant.errors import AssistantError
from assistant.page import answer as turns
from assistant.page import shell
from assistant.page.markup import text
from assistant.types import DISCLAIMER, Answer, Article, CitationContext, ClaimResult, Turn

Progress = Callable[[str, float], None]
"""Told what is being done, and how far it is from 0 to 1."""

MAX_TURNS: Final = 100
POLL_SECONDS: Final = 0.15

_log = logging.getLogger("assistant.page")


class AssistantProtocol(Protocol):
    """What the page needs of an assistant; ``assistant.pipeline.Assistant`` is one."""

    @property
    def articles(self) -> Mapping[str, Article]: ...
    @property
    def examples(self) -> tuple[str, ...]: ...
    @property
    def emergency_line(self) -> str: ...
    def in_country(self, country: str) -> AssistantProtocol: ...
    def ask(self, question: str, history: Sequence[Turn] = ()) -> Answer: ...
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

    async def wait(self) -> AssistantProtocol | None:
        """The assistant as soon as it is there, or None when it could not be loaded."""
        while not self.finished:
            await asyncio.sleep(POLL_SECONDS)
        return self.assistant

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
class Session:
    """One open page's conversation; gone when the page is closed.

    `cleared` counts how often it was begun anew, so that a late answer to an earlier
    conversation is dropped; `asked` numbers the turns of all of them.
    """

    shown: list[str] = field(default_factory=list)
    history: list[Turn] = field(default_factory=list)
    cleared: int = 0
    asked: int = 0

    def clear(self) -> None:
        """Forget everything."""
        self.shown.clear()
        self.history.clear()
        self.cleared += 1

    def markup(self) -> str:
        """The conversation as it stands."""
        return "".join(self.shown)


def country_of(languages: str) -> str:
    """The first country in an Accept-Language header (``en-GB,en;q=0.8`` → ``GB``), or empty."""
    tags = (tag.split(";")[0].strip().split("-")[1:] for tag in languages.split(","))
    codes = (part for parts in tags for part in parts if len(part) == 2 and part.isalpha())
    return next(codes, "").upper()


async def converse(
    question: str, session: Session, loader: Loader, country: str = ""
) -> AsyncIterator[str]:
    """The conversation's markup: at once with the question, then with its answer.

    Args:
        country: where the reader may be, for the help lines.
    """
    if len(session.shown) >= MAX_TURNS:
        session.shown[MAX_TURNS:] = [
            turns.render_failure(
                "", session.asked, text("answer.full", count=MAX_TURNS), DISCLAIMER
            )
        ]
        yield session.markup()
        return
    session.asked += 1
    number, place, epoch = session.asked, len(session.shown), session.cleared
    waiting = text("waiting.pending" if loader.finished else "waiting.loading")
    session.shown.append(turns.render_pending(question, number, waiting))
    yield session.markup()
    rendered, said = await _reply(question, tuple(session.history), number, loader, country)
    if session.cleared == epoch:
        session.shown[place] = rendered
        session.history += [Turn("user", question), Turn("assistant", said)]
    yield session.markup()


async def _reply(
    question: str, history: tuple[Turn, ...], number: int, loader: Loader, country: str
) -> tuple[str, str]:
    """One turn as markup, and what the assistant said in it as plain words."""
    assistant = await loader.wait()
    if assistant is None:
        message = f"{text('waiting.failed')} {loader.failure}"
        return turns.render_failure(question, number, message, DISCLAIMER), message
    try:
        there = assistant.in_country(country)
        answer = await asyncio.to_thread(there.ask, question, history)
        return turns.render_answer(answer, number), turns.answer_as_text(answer)
    except Exception as error:  # noqa: BLE001 - The page's edge. The message may hold the question: its type.
        _log.error("no answer because of a %s", type(error).__name__)
        message = text("answer.error")
        return turns.render_failure(question, number, message, DISCLAIMER), message


async def welcome(loader: Loader) -> AsyncIterator[str]:
    """The start of the page: progress until the assistant is there, then what can be asked."""
    shown = ""
    while not loader.finished:
        now = shell.render_progress(loader.message, loader.fraction)
        if now != shown:
            shown = now
            yield now
        await asyncio.sleep(POLL_SECONDS)
    if loader.assistant is None:
        yield shell.render_not_started(loader.failure)
    else:
        ready = loader.assistant
        yield shell.render_welcome(ready.articles, ready.examples, ready.emergency_line)
