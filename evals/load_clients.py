"""The load's clients: a page as a browser opens it, and a program. Both over HTTP, on this machine.

A page speaks to Gradio's real queue: it joins it, reads its stream to the end, and holds the
heartbeat by which the server knows that it is still open.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

import httpx

from assistant.page.markup import escape
from assistant.types import Turn
from assistant.web.refusals import load_refusals
from evals.subject import comparable

TIMEOUT_SECONDS: Final = 60.0
_TURN: Final = '<section class="turn"'


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of one request.

    Attributes:
        way: ``page``, ``ask``, ``cite``, ``claim`` or ``read``.
        state: ``answered``, ``busy`` or ``failed``.
        said: the answer as text, the same for the same answer; empty where there is none.
        why: what failed, without any word of the question.
    """

    way: str
    state: str
    seconds: float
    said: str = ""
    why: str = ""


@asynccontextmanager
async def connect(server: str, address: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of `server` that comes from `address`, one of this machine's loopback addresses."""
    transport = httpx.AsyncHTTPTransport(
        verify=False,
        local_address=address,
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=20),
    )
    async with httpx.AsyncClient(
        base_url=server, transport=transport, timeout=TIMEOUT_SECONDS, trust_env=False
    ) as client:
        yield client


class Program:
    """Asks over ``/api``, and reads what the page's panel reads."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def ask(self, question: str, history: tuple[Turn, ...] = ()) -> Reply:
        """One question with what was said before it."""
        turns = [{"role": turn.role, "content": turn.content} for turn in history]
        return await self._send("ask", "POST", "/api/ask", {"question": question, "history": turns})

    async def claim(self, text: str) -> Reply:
        """Who says this."""
        return await self._send("claim", "POST", "/api/claim", {"text": text})

    async def cite(self, citation_id: str) -> Reply:
        """A citation in its place."""
        return await self._send("cite", "POST", "/api/cite", {"id": citation_id})

    async def read(self, citation_id: str) -> Reply:
        """The article that a click on a citation opens beside the conversation."""
        article, _, place = citation_id.rpartition(":")
        return await self._send("read", "GET", f"/read/{article}?at={place}&part=1", None)

    async def _send(
        self, way: str, method: str, path: str, body: Mapping[str, Any] | None
    ) -> Reply:
        started = time.perf_counter()
        try:
            reply = await self._client.request(method, path, json=body)
        except httpx.HTTPError as error:
            return Reply(way, "failed", time.perf_counter() - started, why=type(error).__name__)
        seconds = time.perf_counter() - started
        if reply.status_code != 200:
            return refused(way, reply, seconds)
        said = reply.text if way == "read" else comparable(reply.json())
        return Reply(way, "answered", seconds, said)


class Page:
    """One open page: a conversation of its own, until it is left."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._hash = uuid.uuid4().hex[:11]
        self._events: Mapping[str, Mapping[str, Any]] = {}
        self._heartbeat: asyncio.Task[None] | None = None

    async def open(self) -> Reply | None:
        """Load it, as a browser does; what went wrong where it could not be."""
        started = time.perf_counter()
        self._heartbeat = asyncio.create_task(self._stay())
        try:
            (await self._client.get("/")).raise_for_status()
            config = (await self._client.get("/config")).raise_for_status().json()
        except httpx.HTTPError as error:
            return Reply("page", "failed", time.perf_counter() - started, why=type(error).__name__)
        self._events = {
            target[1]: event for event in config["dependencies"] for target in event["targets"]
        }
        welcome = await self._run("load", [])
        return None if welcome.state == "answered" else welcome

    async def ask(self, question: str) -> Reply:
        """One question in the box; `said` is the conversation's markup."""
        return await self._run("submit", [question, None])

    async def leave(self) -> None:
        """Close it: its heartbeat stops."""
        if self._heartbeat:
            self._heartbeat.cancel()
            with suppress(asyncio.CancelledError):
                await self._heartbeat

    async def _stay(self) -> None:
        path = f"/gradio_api/heartbeat/{self._hash}"
        with suppress(httpx.HTTPError):
            async with self._client.stream("GET", path, timeout=None) as beats:
                async for _ in beats.aiter_bytes():
                    pass

    async def _run(self, name: str, data: list[Any]) -> Reply:
        event = self._events[name]
        body = {"data": data, "fn_index": event["id"], "session_hash": self._hash}
        started = time.perf_counter()
        try:
            joined = await self._client.post("/gradio_api/queue/join", json=body)
            if joined.status_code != 200:
                return refused("page", joined, time.perf_counter() - started)
            output = await self._completed(joined.json()["event_id"])
        except httpx.HTTPError as error:
            return Reply("page", "failed", time.perf_counter() - started, why=type(error).__name__)
        seconds = time.perf_counter() - started
        if output is None:
            return Reply("page", "failed", seconds, why="not completed")
        said = str(output["data"][0])
        why = refusal_in(said) if name == "submit" else ""
        if why:
            return Reply("page", "busy" if why == "busy" else "failed", seconds, why=why)
        return Reply("page", "answered", seconds, said)

    async def _completed(self, event_id: str) -> Mapping[str, Any] | None:
        """What the event has put out at its end; None where it failed or was given up."""
        path = f"/gradio_api/queue/data?session_hash={self._hash}"
        async with self._client.stream("GET", path) as events:
            async for line in events.aiter_lines():
                if not line.startswith("data:"):
                    continue
                message = json.loads(line[5:])
                if message["msg"] == "process_completed" and message["event_id"] == event_id:
                    output: Mapping[str, Any] = message["output"]
                    return output if message["success"] else None
        return None


def refused(way: str, reply: httpx.Response, seconds: float) -> Reply:
    """A reply without an answer: busy where that is what it says, failed elsewhere."""
    code = ""
    with suppress(ValueError):
        code = reply.json().get("error", {}).get("code", "")
    busy = reply.status_code == 429 or (reply.status_code == 503 and code == "busy")
    return Reply(way, "busy" if busy else "failed", seconds, why=f"{reply.status_code} {code}")


def refusal_in(markup: str) -> str:
    """The code of the refusal that a page's last turn shows; ``failed`` for another error."""
    last = markup.rpartition(_TURN)[2]
    for code, row in load_refusals().items():
        if escape(row["message"]) in last:
            return code
    return "failed" if 'class="answer calm error"' in last else ""
