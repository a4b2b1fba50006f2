"""An assistant that goes on while its index is built anew: it reopens it at the next question.

For processes that stay, such as the chat page. Another process ingests; what is in use here stays
whole until the new generation is opened, and stays in use where it cannot be.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from threadpoolctl import threadpool_limits

from assistant.encoder import build_encoder
from assistant.errors import AssistantError, StoreError
from assistant.generations import current_generation
from assistant.pipeline import Assistant, build_assistant
from assistant.settings import Settings
from assistant.types import Answer, Article, CitationContext, ClaimResult, Progress, Tell, Turn

RETRY_SECONDS: Final = 3.0
"""So long after a new index could not be opened is it tried again."""

_log = logging.getLogger("assistant.live")


class LiveAssistant:
    """The assistant over the newest generation; as `Assistant`, for many threads.

    Args:
        progress: told how the first opening goes.

    Raises:
        AssistantError: what the operator has to repair, in one line.
    """

    def __init__(self, settings: Settings, progress: Progress | None = None) -> None:
        self.settings = settings
        self._folder = settings.index_folder
        self._encoder = build_encoder(settings.model)
        self._lock = threading.Lock()
        self._assistant = build_assistant(settings, progress, self._encoder)
        self._retry_at = 0.0
        # OpenBLAS's threads of several questions hinder each other more than they help a single
        # question.
        threadpool_limits(1, "blas")

    @property
    def current(self) -> Assistant:
        """The assistant over the newest generation that can be opened."""
        newest, opened = self._generation(), self._assistant.retriever.index.generation
        if newest in (None, opened) or time.monotonic() < self._retry_at:
            return self._assistant
        if self._lock.acquire(blocking=False):
            # Others go on with the one that is open, rather than wait.
            try:
                self._retry_at = time.monotonic() + RETRY_SECONDS
                self._assistant = build_assistant(
                    self.settings, encoder=self._encoder, build_missing=False
                )
                self._retry_at = 0.0
            except AssistantError as error:
                _log.warning("the new index cannot be used, the one before is: %s", error)
            finally:
                self._lock.release()
        return self._assistant

    def _generation(self) -> Path | None:
        try:
            return current_generation(self._folder)
        except StoreError:
            return None

    @property
    def articles(self) -> Mapping[str, Article]:
        return self.current.articles

    @property
    def examples(self) -> tuple[str, ...]:
        return self.current.examples

    @property
    def emergency_line(self) -> str:
        return self.current.emergency_line

    def in_country(self, country: str) -> Assistant:
        """As `Assistant.in_country`, of the newest generation."""
        return self.current.in_country(country)

    def ask(self, question: str, history: Sequence[Turn] = (), tell: Tell | None = None) -> Answer:
        """As `Assistant.ask`, over the newest generation."""
        return self.current.ask(question, history, tell)

    def cite(self, citation_id: str) -> CitationContext:
        """As `Assistant.cite`, over the newest generation."""
        return self.current.cite(citation_id)

    def claim(self, text: str) -> ClaimResult:
        """As `Assistant.claim`, over the newest generation."""
        return self.current.claim(text)
