"""The assistant over HTTP: ``/api/v1/…``, and ``/api/…`` for the newest version.

Everything is JSON, an error too, and everything carries the disclaimer. What a person asks is
taken from the body only, never from an address, which logs and histories keep.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, FastAPI, Header, Query, Request
from fastapi.openapi.models import HTTPBase
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from fastapi.security.base import SecurityBase

from assistant import __version__
from assistant.page.guard import App, Receive, Scope, Send
from assistant.page.session import country_of
from assistant.render import answer_to_json, claim_to_json, context_to_json
from assistant.types import DISCLAIMER, CitationContext
from assistant.web import schema
from assistant.web.errors import answer_errors
from assistant.web.limits import client_in
from assistant.web.refusals import load_refusals
from assistant.web.schema import (
    EXAMPLE_ID,
    ID_FORM,
    MAX_ID_CHARS,
    AskRequest,
    CiteRequest,
    ClaimRequest,
)
from assistant.web.service import Service
from assistant.web.watch import REQUEST

_OF_ARTICLE = tuple(name for name in schema.Article.model_fields if name != "sentences")
Language = Annotated[
    str, Header(description="Its country chooses the help lines, for example that of en-GB.")
]
CitationId = Annotated[
    str, Query(max_length=MAX_ID_CHARS, examples=[EXAMPLE_ID], json_schema_extra={**ID_FORM})
]


_HEADERS: Final = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}, "required": True}},
    405: {"Allow": {"schema": {"type": "string"}, "required": True}},
    429: {"Retry-After": {"schema": {"type": "integer", "minimum": 1}, "required": True}},
    503: {"Retry-After": {"schema": {"type": "integer", "minimum": 1}, "required": True}},
}


class _ToldPassword(SecurityBase):
    """Stands in the schema only; it is the guard that asks for the password."""

    def __init__(self) -> None:
        self.model = HTTPBase(scheme="basic", description="Any user name.")
        self.scheme_name = "password"

    def __call__(self) -> None:
        """Let every request pass: the guard has looked at it."""


def build_api(service: Service, root_path: str = "", locked: bool = False) -> FastAPI:
    """The API as an application of its own; its addresses begin with ``/api``.

    ``app.state.methods`` tells which methods each address takes.

    Args:
        root_path: what stands before them where a proxy serves the page below an address.
        locked: whether a password is asked for, so that the schema says it.
    """
    api = FastAPI(
        title="Ask the articles",
        version=__version__,
        description=(
            "Answers made of the exact sentences of the articles that this was given, or a plain "
            f"word that they do not say. It does not diagnose. {DISCLAIMER}"
        ),
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        servers=[{"url": root_path}] if root_path else None,
    )
    answer_errors(api)
    told = [Depends(_ToldPassword())] if locked else []
    methods: dict[str, set[str]] = {"/api/openapi.json": {"GET", "HEAD"}}
    for prefix, version, tag in (("/api/v1", "v1", "v1"), ("/api", "newest", "newest version")):
        router = _routes(service, version)
        api.include_router(router, prefix=prefix, tags=[tag], dependencies=told)
        for route in router.routes:
            assert isinstance(route, APIRoute)
            taken = methods.setdefault(prefix + route.path, set())
            for method in route.methods or ():
                taken.update({"GET", "HEAD"} if method == "GET" else {method})
    api.state.methods = {path: tuple(sorted(taken)) for path, taken in methods.items()}
    return api


def _routes(service: Service, version: str) -> APIRouter:
    router = APIRouter(generate_unique_id_function=lambda route: f"{route.name}_{version}")
    looks: dict[str, Any] = {"responses": _errors(401, 405, 429, 500, 503)}
    finds: dict[str, Any] = {"responses": _errors(401, 404, 405, 422, 429, 500, 503)}
    reads: dict[str, Any] = {"responses": _errors(400, 401, 405, 408, 413, 422, 429, 500, 503)}

    @router.post("/ask", response_model=schema.Answer, **reads)
    async def ask(
        body: AskRequest, request: Request, accept_language: Language = ""
    ) -> JSONResponse:
        """One answer to a message, whatever it is."""
        REQUEST.set(request.scope.get("record"))
        answer = await service.ask(body, country_of(accept_language), client_in(request))
        return JSONResponse(answer_to_json(answer))

    @router.get("/cite", response_model=schema.Context, **finds)
    async def cite(id: CitationId, request: Request) -> JSONResponse:
        """A citation in its place: the sentence before and after, headings, hash."""
        return _context(await service.cite(id, client_in(request)))

    @router.post(
        "/cite", response_model=schema.Context, name="cite_posted", **reads | _not_found(reads)
    )
    async def cite_posted(body: CiteRequest, request: Request) -> JSONResponse:
        """The same with the id in the body."""
        return _context(await service.cite(body.id, client_in(request)))

    @router.post("/claim", response_model=schema.Claim, **reads)
    async def claim(body: ClaimRequest, request: Request) -> JSONResponse:
        """Which sentences of the articles say this, which say otherwise."""
        return JSONResponse(claim_to_json(await service.claim(body.text, client_in(request))))

    @router.get("/articles", response_model=schema.Articles, **looks)
    async def articles() -> JSONResponse:
        """All that an answer can be made of."""
        rows = [
            {
                **{name: getattr(article, name) for name in _OF_ARTICLE},
                "sentences": len(article.sentences),
            }
            for article in service.assistant.articles.values()
        ]
        return JSONResponse({"articles": rows, "disclaimer": DISCLAIMER})

    return router


def _context(context: CitationContext) -> JSONResponse:
    return JSONResponse({**context_to_json(context), "disclaimer": DISCLAIMER})


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    rows = load_refusals().values()
    return {
        status: {
            "model": schema.Error,
            "description": " ".join(
                row["message"].format(limit="its limit", problems="what does not, and why")
                for row in rows
                if row["status"] == status
            ),
            "headers": _HEADERS.get(status, {}),
        }
        for status in statuses
    }


def _not_found(reads: dict[str, Any]) -> dict[str, Any]:
    return {"responses": {**reads["responses"], **_errors(404)}}


class Beside:
    """Sends what lies below some addresses to applications of their own, the rest to another."""

    def __init__(self, app: App, others: Mapping[str, App]) -> None:
        self._app = app
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or pass on one connection."""
        app = self._app
        if scope["type"] == "http":
            app = self._others.get("/" + scope["path"].split("/")[1], app)
        await app(scope, receive, send)
