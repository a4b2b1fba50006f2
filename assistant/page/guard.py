"""What stands before every route: the headers, the closed addresses, the limits, the password.

A pure ASGI layer without any library, so that streams pass through it untouched. It never looks
into a body. What it tells of a request (`Watch`) are a route's template, a status and a time.
"""

from __future__ import annotations

import asyncio
import logging
import math
import re
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from assistant.web.limits import Limiter, Password, client_of
from assistant.web.refusals import Refusal
from assistant.web.watch import Record, Watch

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BODY_BYTES: Final = 8 * 1024 * 1024
"""A megabyte of text may take six bytes a character as JSON; nothing here needs more."""
MAX_API_BODY_BYTES: Final = 1024 * 1024

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
METHODS: Final = ("GET", "HEAD", "POST")
OPEN_WITHOUT_PASSWORD: Final = frozenset({"/healthz", "/readyz"})
_HASHED_NAMES: Final = re.compile(r"/assets/[^/]+-[\w-]{8}\.(?:js|css)$")

# Of Gradio's own addresses only those stay open that the page and `gradio_client` need;
# upload, file, proxy, stream, run history, code editing and monitoring do not exist here.
# `run` is for events without a queue; what may be called by its name is `ask` alone.
# `app_id` stays: with it Gradio's page reloads itself once a lost server is back, and without
# it a page that has lost its stream can no longer ask.
_OPEN_API: Final = re.compile(
    r"/gradio_api/(?:queue/(?:join|data)|run/(?:predict|ask)|api/ask|call/(?:v2/)?ask(?:/[^/]+)?"
    r"|heartbeat/[^/]+|cancel|reset|info|startup-events|theme\.css|app_id)/?$"
)
_CLOSED: Final = re.compile(
    r"/(?:file[=/]|proxy=|upload|svelte/|dev/|monitoring|vibe|pwa_icon|custom_component"
    r"|login|logout|node_modules|run-history|runs(?:/|$)|(?:openapi|manifest)\.json$)"
)
# What costs an answer or a search: counted for each client. A page is many small files.
_COUNTED: Final = re.compile(
    r"/(?:api/|mcp(?:/|$)|claim/?$|gradio_api/(?:queue/join|run/|api/|call/(?:v2/)?ask/?$))"
)
# Gradio builds absolute addresses out of these; the page builds its own (`shell.dress`), so that
# nothing of a request comes back in a reply.
_HOST: Final = (b"host", b"this-page")
_OF_PROXIES: Final = frozenset(
    {b"host", b"x-forwarded-host", b"x-forwarded-proto", b"x-gradio-server", b"forwarded"}
)

_log = logging.getLogger("assistant.page")


def is_closed(path: str) -> bool:
    """Whether `path` (decoded, without query) is an address that this page shuts."""
    path = re.sub(r"/{2,}", "/", path)
    if path.startswith("/gradio_api"):
        return _OPEN_API.match(path) is None
    return _CLOSED.match(path) is not None


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for every request; `limiter` and `password` are None where there is none.

    Attributes:
        methods: what an address takes, where it is not all of `METHODS`.
    """

    max_body_bytes: int = MAX_BODY_BYTES
    body_seconds: float = 30
    root_path: str = ""
    limiter: Limiter | None = None
    password: Password | None = None
    watch: Watch = field(default_factory=lambda: Watch(metrics=False))
    methods: Mapping[str, Sequence[str]] = field(default_factory=dict)


class Guard:
    """Wraps an ASGI application; see the module's text."""

    def __init__(self, app: App, rules: Rules | None = None) -> None:
        self._app = app
        self._rules = rules or Rules()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or pass on one connection."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        record: Record = {"request": uuid.uuid4().hex[:16], "route": "other"}
        inner = self._inward(scope, record)
        method, allowed = scope["method"], self._rules.methods.get(inner["path"], METHODS)
        guarded = _Headed(inner["path"], record["request"], method == "HEAD", send)
        try:
            await self._pass(inner, receive, guarded)
        except Refusal as refusal:
            record["refused"] = refusal.code
            await _say(guarded, refusal, inner["path"], allowed)
        except Exception as error:  # noqa: BLE001 - The server's edge: its message may hold a question.
            _log.error("a request failed with a %s", type(error).__name__)
            if not guarded.started:
                await _say(guarded, Refusal("failed"), inner["path"], allowed)
        finally:
            record["method"] = method if method in METHODS else "other"
            record["route"] = _template(inner)
            record["status"] = guarded.status
            record["ms"] = round((time.perf_counter() - start) * 1000, 1)
            self._rules.watch.note_request(record, guarded.streamed)

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        rules, path = self._rules, scope["path"]
        if scope["method"] not in rules.methods.get(path, METHODS):
            raise Refusal("method_not_allowed")
        if is_closed(path):
            raise Refusal("closed")
        client = client_of((scope.get("client") or ("",))[0])
        if rules.password and path not in OPEN_WITHOUT_PASSWORD:
            given = dict(scope["headers"]).get(b"authorization", b"")
            rules.password.check(given.decode("latin-1"), client)
        if rules.limiter and _COUNTED.match(path):
            seconds = rules.limiter.take(client)
            if seconds:
                raise Refusal("limited", math.ceil(seconds))
        limit = rules.max_body_bytes
        if f"{path}/".startswith(("/api/", "/mcp/", "/claim/")):
            limit = min(limit, MAX_API_BODY_BYTES)
        try:
            body = await asyncio.wait_for(_read(scope, receive, limit), rules.body_seconds)
        except TimeoutError as error:
            raise Refusal("slow") from error
        await self._app(scope, _replay(body, receive), send)

    def _inward(self, scope: Scope, record: Record) -> Scope:
        """The request as the application sees it: below no root path, of no host.

        HEAD is GET there, whose body `_Headed` keeps back: most routes know GET alone. Gradio's
        own addresses may be streams that do not end, and go on refusing it.
        """
        path, root, method = scope["path"], self._rules.root_path, scope["method"]
        if root and f"{path}/".startswith(f"{root}/"):
            path = path[len(root) :] or "/"
        headers = [_HOST, *(pair for pair in scope["headers"] if pair[0] not in _OF_PROXIES)]
        return {
            **scope,
            "method": "GET" if method == "HEAD" and not path.startswith("/gradio_api") else method,
            "path": path,
            "raw_path": path.encode(errors="replace"),
            "root_path": "",
            "headers": headers,
            "record": record,
        }


def _template(scope: Scope) -> str:
    """The address of a request as its route writes it; what has none is ``other``."""
    path, route = scope["path"], scope.get("route")
    if path in ("", "/", "/mcp"):
        return path or "/"
    # A route of the API has no places to fill in, and does not know what stands before it.
    return str(path if route and path.startswith("/api/") else getattr(route, "path", "other"))


async def _read(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The whole body.

    Raises:
        Refusal: it is longer than `limit`.
    """
    if scope["method"] in ("GET", "HEAD"):
        return b""
    declared = dict(scope["headers"]).get(b"content-length", b"0")
    too_large = Refusal("too_large", limit=_size(limit))
    if not declared.isdigit() or len(declared) > 12 or int(declared) > limit:
        raise too_large
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
            raise too_large
        more = message.get("more_body", False)
    return b"".join(parts)


def _size(limit: int) -> str:
    megabytes = limit / (1024 * 1024)
    return f"{megabytes:.0f} MB" if megabytes >= 1 else f"{limit:,} bytes"


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
    """A `Send` that gives every response our headers, and takes leave to other origins away.

    `status` is 0 until a response has started; `streamed` says whether it is one of events. Where
    it is `bare` no body is sent.
    """

    def __init__(self, path: str, request: str, bare: bool, send: Send) -> None:
        fixed = _HASHED_NAMES.search(path)
        keep = "no-cache"
        if fixed:
            keep = "public, max-age=31536000, immutable"
        elif path.startswith("/api/"):
            keep = "no-store"
        self._ours = {**HEADERS, "cache-control": keep, "x-request-id": request}
        self._bare = bare
        self._send = send
        self.status = 0
        self.streamed = False

    @property
    def started(self) -> bool:
        return self.status > 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = []
            for name, value in message.get("headers", []):
                lower = name.decode("latin-1").lower()
                if lower == "content-type":
                    self.streamed = value.startswith(b"text/event-stream")
                if lower not in self._ours and not lower.startswith("access-control-"):
                    headers.append((name, value))
            headers += [(name.encode(), value.encode()) for name, value in self._ours.items()]
            message = {**message, "headers": headers}
        elif self._bare:
            message = {**message, "body": b""}
        await self._send(message)


async def _say(send: Send, refusal: Refusal, path: str, allowed: Sequence[str]) -> None:
    content_type, body = refusal.body_for(path)
    headers = {
        "content-type": content_type,
        "content-length": str(len(body)),
        **({"allow": ", ".join(allowed)} if refusal.status == 405 else {}),
        **refusal.headers(),
    }
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": refusal.status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})
