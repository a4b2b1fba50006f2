"""What stands before every route: the headers, the closed addresses, the size limit.

A pure ASGI layer without any library, so that streams pass through it untouched. It keeps no
log and never looks into a body.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from assistant.page.markup import text

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BODY_BYTES: Final = 8 * 1024 * 1024
"""A megabyte of text may take six bytes a character as JSON; nothing here needs more."""

# 'unsafe-eval' is for gr.HTML alone, whose template is evaluated by `Function`.
CONTENT_POLICY: Final = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self'; "
    "form-action 'self'; object-src 'none'; base-uri 'self'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "content-security-policy": CONTENT_POLICY,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_HASHED_NAMES: Final = re.compile(r"/assets/[^/]+-[\w-]{8}\.(?:js|css)$")

# Of Gradio's own addresses only those stay open that the page and `gradio_client` need;
# upload, file, proxy, stream, run history, code editing and monitoring do not exist here.
# `app_id` stays: with it Gradio's page reloads itself once a lost server is back, and without
# it a page that has lost its stream can no longer ask.
_OPEN_API: Final = re.compile(
    r"/gradio_api/(?:queue/(?:join|data)|run/[^/]+|api/[^/]+|call/[^/]+(?:/[^/]+)?"
    r"|heartbeat/[^/]+|cancel|reset|info|startup-events|theme\.css|app_id)/?$"
)
_CLOSED: Final = re.compile(
    r"/(?:file[=/]|proxy=|upload|svelte/|dev/|monitoring|vibe|pwa_icon|custom_component"
    r"|login|logout|node_modules|run-history|runs(?:/|$))"
)


_log = logging.getLogger("assistant.page")


def is_closed(path: str) -> bool:
    """Whether `path` (decoded, without query) is an address that this page shuts."""
    path = re.sub(r"/{2,}", "/", path)
    if path.startswith("/gradio_api"):
        return _OPEN_API.match(path) is None
    return _CLOSED.match(path) is not None


class Guard:
    """Wraps an ASGI application; see the module's text."""

    def __init__(self, app: App, max_body_bytes: int = MAX_BODY_BYTES) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or pass on one connection."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        guarded = _Headed(scope["path"], send)
        if is_closed(scope["path"]):
            await _say(guarded, 404, text("limits.closed"))
            return
        body = await _read(scope, receive, self._max_body_bytes)
        if body is None:
            limit_mb = self._max_body_bytes // (1024 * 1024)
            await _say(guarded, 413, text("limits.too_large", limit_mb=limit_mb))
            return
        try:
            await self._app(scope, _replay(body, receive), guarded)
        except Exception as error:  # noqa: BLE001 - The server's edge: its message may hold a question.
            _log.error("a request failed with a %s", type(error).__name__)
            if not guarded.started:
                await _say(guarded, 500, text("answer.error"))


async def _read(scope: Scope, receive: Receive, limit: int) -> bytes | None:
    """The whole body, or None where it is longer than `limit`."""
    if scope["method"] in ("GET", "HEAD", "OPTIONS"):
        return b""
    declared = dict(scope["headers"]).get(b"content-length", b"0")
    if not declared.isdigit() or int(declared) > limit:
        return None
    parts: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            break
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            return None
        more = message.get("more_body", False)
    return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


class _Headed:
    """A `Send` that gives every response our headers."""

    def __init__(self, path: str, send: Send) -> None:
        fixed = _HASHED_NAMES.search(path)
        keep = "public, max-age=31536000, immutable" if fixed else "no-cache"
        self._ours = {**HEADERS, "cache-control": keep}
        self._send = send
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers = [
                pair
                for pair in message.get("headers", [])
                if pair[0].decode("latin-1").lower() not in self._ours
            ]
            headers += [(name.encode(), value.encode()) for name, value in self._ours.items()]
            message = {**message, "headers": headers}
        await self._send(message)


async def _say(send: Send, status: int, sentence: str) -> None:
    body = sentence.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
