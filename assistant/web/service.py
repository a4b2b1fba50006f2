"""What a program can ask for, however it comes: by HTTP, through Gradio's client or as a tool.

Every function gives a value or raises a `Refusal`. Questions are in no log and no exception that
is logged.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from assistant.citations import is_citation_id
from assistant.errors import CitationError
from assistant.page.session import AssistantProtocol, Loader
from assistant.types import Answer, CitationContext, ClaimResult, Turn
from assistant.web.limits import Gate
from assistant.web.refusals import Refusal
from assistant.web.schema import EXAMPLE_ID, AskRequest

T = TypeVar("T")
_log = logging.getLogger("assistant.web")


class Service:
    """The assistant behind a loader and a gate.

    Args:
        max_question_chars: of a question and its history together.
    """

    def __init__(self, loader: Loader, gate: Gate, max_question_chars: int) -> None:
        self._loader = loader
        self._gate = gate
        self._max_question_chars = max_question_chars

    @property
    def assistant(self) -> AssistantProtocol:
        """The assistant.

        Raises:
            Refusal: it is not there yet, or could not be loaded.
        """
        if self._loader.assistant is None:
            raise Refusal("not_started" if self._loader.failure else "not_ready")
        return self._loader.assistant

    async def ask(self, request: AskRequest, country: str = "", client: str = "") -> Answer:
        """One answer; `country` chooses the help lines, `client` is who takes turns."""
        history = tuple(Turn(turn.role, turn.content) for turn in request.history or ())
        chars = len(request.question) + sum(len(turn.content) for turn in history)
        if chars > self._max_question_chars:
            raise Refusal("too_large", limit=f"{self._max_question_chars:,} characters")
        assistant = self.assistant
        return await self._run(
            lambda: assistant.in_country(country).ask(request.question, history), client
        )

    async def claim(self, text: str, client: str = "") -> ClaimResult:
        """Who says this."""
        return await self._run(partial(self.assistant.claim, text), client)

    async def cite(self, citation_id: str, client: str = "") -> CitationContext:
        """The citation that an id names, in its place."""
        if not is_citation_id(citation_id):
            problems = f"id: not a citation id; it looks like {EXAMPLE_ID}"
            raise Refusal("invalid", problems=problems)
        try:
            return await self._run(partial(self.assistant.cite, citation_id), client)
        except CitationError as error:
            raise Refusal("no_citation") from error

    async def _run(self, work: Callable[[], T], client: str) -> T:
        try:
            return await self._gate.run(work, client)
        except (Refusal, CitationError):
            raise
        except Exception as error:  # noqa: BLE001 - The service's edge. The message may hold the question: its type.
            _log.error("no answer because of a %s", type(error).__name__)
            raise Refusal("failed") from None
