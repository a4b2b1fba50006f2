"""What is kept of a page that was closed: its conversation, folded small, and for a while.

Gradio keeps its last 10,000 sessions, each with a second copy of what its page shows. Here a
session goes once its page has been closed for long enough, and at once where nothing was asked.
"""

from __future__ import annotations

import asyncio
import logging
import math
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, Final

from assistant.page.guard import App, Receive, Scope, Send
from assistant.page.session import Session
from assistant.web.memory import give_back

EMPTY_SECONDS: Final = 60
"""So long is a session kept in which nothing was asked, after its last request."""
SWEEP_SECONDS: Final = 30.0

_log = logging.getLogger("assistant.page")
_HEARTBEAT: Final = re.compile(r"/gradio_api/heartbeat/([^/]+)/?$")


class Pages:
    """Which pages are open, by their heartbeats, and what is kept of the others.

    Args:
        keep_seconds: how long a conversation is kept after the last sign of its page.
    """

    def __init__(self, keep_seconds: int) -> None:
        self._keep_seconds = keep_seconds
        self._open: Counter[str] = Counter()

    def opened(self, session_hash: str) -> None:
        """A page has begun to tell that it is there."""
        self._open[session_hash] += 1

    def left(self, session_hash: str, holder: Any) -> None:
        """It no longer tells."""
        self._open[session_hash] -= 1
        if not self._open[session_hash]:
            del self._open[session_hash]
        if session_hash in holder.time_last_used:
            holder.time_last_used[session_hash] = datetime.now()

    @asynccontextmanager
    async def run(self, gradio_app: Any) -> AsyncIterator[None]:
        """While the server runs: look through the sessions of Gradio again and again."""
        sweeping = asyncio.create_task(self._sweep_on(gradio_app))
        try:
            yield
        finally:
            sweeping.cancel()

    async def _sweep_on(self, gradio_app: Any) -> None:
        while True:
            await asyncio.sleep(min(SWEEP_SECONDS, self._keep_seconds / 10))
            try:
                self.sweep(gradio_app.state_holder, gradio_app.get_blocks()._queue)
            except Exception as error:  # noqa: BLE001 - Gradio's inner names may change; the next sweep may do.
                _log.error("closed pages were not looked through: %s", type(error).__name__)
            give_back()

    def sweep(self, holder: Any, queue: Any) -> None:
        """Fold or forget what is kept of pages that are not open.

        Args:
            holder: Gradio's sessions by their hash.
            queue: Gradio's queue, with the messages that have not been fetched.
        """
        now = datetime.now()
        for session_hash, state in list(holder.session_data.items()):
            # Gradio ends a state so long after its last event, once its page was away for a moment.
            state.STATE_TTL_WHEN_CLOSED = math.inf
            if session_hash in self._open:
                continue
            pending = queue.pending_event_ids_session.get(session_hash)
            conversations = [v for v in state.state_data.values() if isinstance(v, Session)]
            # What Gradio keeps there is for links to an application's state, which are shut.
            state.config_values.clear()
            said = [conversation.fold() for conversation in conversations]
            kept = self._keep_seconds if any(said) or pending else EMPTY_SECONDS
            unused = now - holder.time_last_used.get(session_hash, now)
            if unused > timedelta(seconds=min(kept, self._keep_seconds)):
                with holder.lock:
                    holder.session_data.pop(session_hash, None)
                    holder.time_last_used.pop(session_hash, None)
                queue.pending_messages_per_session.pop(session_hash, None)
                queue.pending_event_ids_session.pop(session_hash, None)


class Heartbeats:
    """Wraps Gradio's application and tells `pages` which are open."""

    def __init__(self, app: App, pages: Pages, holder: Any) -> None:
        self._app = app
        self._pages = pages
        self._holder = holder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        beats = _HEARTBEAT.match(scope["path"]) if scope["type"] == "http" else None
        if beats is None:
            await self._app(scope, receive, send)
            return
        self._pages.opened(beats[1])
        try:
            await self._app(scope, receive, send)
        finally:
            self._pages.left(beats[1], self._holder)
