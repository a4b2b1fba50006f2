"""The page's routes beside Gradio's: its state, its counts, the articles and the look-up."""

from __future__ import annotations

import uuid
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from assistant.page import reading, shell
from assistant.page.session import Loader
from assistant.web.limits import Gate, client_in
from assistant.web.refusals import Refusal
from assistant.web.watch import Watch

if TYPE_CHECKING:
    import fastapi

_MAX_FIELDS: Final = 8


def add_status(app: fastapi.FastAPI, loader: Loader, watch: Watch) -> None:
    """Whether it lives, whether it can answer, and its counts for Prometheus."""
    from fastapi.responses import JSONResponse, PlainTextResponse

    instance = uuid.uuid4().hex[:12]

    @app.get("/healthz")
    async def healthz() -> JSONResponse:
        return JSONResponse({"status": "ok", "instance": instance})

    @app.get("/readyz")
    async def readyz() -> JSONResponse:
        ready = loader.assistant is not None
        fraction = 1.0 if ready else round(loader.fraction, 3)
        state = "ready" if ready else "failed" if loader.failure else "loading"
        # A failure's reason may name folders: the terminal and the page's owner have it.
        found = {"status": state, "message": loader.message, "fraction": fraction}
        return JSONResponse(found, status_code=200 if ready else 503)

    @app.get("/metrics")
    async def metrics() -> PlainTextResponse:
        counts = watch.exposition()
        if counts is None:
            raise Refusal("closed")
        return PlainTextResponse(counts, media_type="text/plain; version=0.0.4; charset=utf-8")


def add_reading(app: fastapi.FastAPI, loader: Loader, gate: Gate) -> None:
    """The articles and the look-up: in the panel (``part``) and as pages without scripts."""
    from fastapi import Request
    from fastapi.responses import HTMLResponse

    def reply(found: reading.Reading, here: str, part: str) -> HTMLResponse:
        line, _ = loader.facts()
        page = found.body if part else shell.render_page(found.title, found.body, line, here)
        return HTMLResponse(page, status_code=found.status)

    @app.get("/read")
    def articles(part: str = "") -> HTMLResponse:
        return reply(reading.read_list(loader.assistant), "read", part)

    @app.get("/read/{article_id:path}")
    def article(article_id: str, at: str = "", also: str = "", part: str = "") -> HTMLResponse:
        found = reading.read_article(loader.assistant, article_id, at, also)
        return reply(found, f"read/{article_id}", part)

    @app.get("/claim")
    def look_up(part: str = "") -> HTMLResponse:
        return reply(reading.read_look_up(), "claim", part)

    async def claim(request: Request, part: str = "") -> HTMLResponse:
        given = _claim_in(await request.body())
        trace = partial(reading.read_claim, loader.assistant, given)
        found = await gate.run(trace, client_in(request))
        return reply(found, "claim", part)

    # The name is in this module only for FastAPI, which resolves annotations by it.
    claim.__annotations__["request"] = Request
    app.post("/claim")(claim)


def _claim_in(body: bytes) -> str:
    """What the form's one field holds; empty where the body is another form."""
    try:
        form = parse_qs(body.decode("utf-8", "replace"), max_num_fields=_MAX_FIELDS)
    except ValueError:
        return ""
    return form.get("claim", [""])[0]
