"""The assistant as tools for a language model's client, by the Model Context Protocol.

The home of the ``mcp`` package, which is installed by an extra. A tool's result is the API's JSON
and the same as readable text; a model that passes it on has to leave quotes and disclaimer whole.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any, Final

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared._stream_protocols import WriteStream
from mcp.shared.message import SessionMessage
from pydantic import BaseModel, ValidationError

from assistant import __version__
from assistant.page.guard import App, Message, Receive, Scope, Send
from assistant.page.session import Load, Loader
from assistant.render import (
    answer_to_json,
    claim_to_json,
    context_to_json,
    render_answer,
    render_claim,
    render_context,
)
from assistant.settings import Serving
from assistant.types import DISCLAIMER
from assistant.web import schema
from assistant.web.limits import Gate, client_in
from assistant.web.refusals import Refusal
from assistant.web.schema import AskRequest, CiteRequest, ClaimRequest, problems_of
from assistant.web.service import Service

_INSTRUCTIONS: Final = (
    "Exact sentences of a few articles about health, each with a citation. Nothing here "
    "diagnoses, and nothing is said from memory. Pass a person's message on as they wrote it, with "
    "the conversation before it. Show notices first and whole, quotes unchanged with their "
    "citations, and the disclaimer. Where the outcome is abstained, say that the articles do not "
    "answer; where it is redirected, send the person to the help that the notice names."
)
_TOOLS: Final[dict[str, tuple[type[BaseModel], type[BaseModel], str]]] = {
    "ask": (
        AskRequest,
        schema.Answer,
        "Answer a question in the exact words of the articles, with citations, "
        "or say that they do not answer. Recognises many emergencies, not all. It does not "
        "diagnose and gives no medical advice.",
    ),
    "cite": (
        CiteRequest,
        schema.Context,
        "Look up a citation by the id that an answer has given: its words, the sentences around "
        "it, headings and the file's hash. It does not diagnose.",
    ),
    "claim": (
        ClaimRequest,
        schema.Claim,
        "Find which sentences of the articles say this and which say otherwise; perhaps none. It "
        "does not judge whether the claim is true, and it does not diagnose.",
    ),
}


def build_server(service: Service, loader: Loader) -> Server[Any]:
    """The server; a tool that is called early waits until the assistant is there."""

    async def list_tools(
        _: ServerRequestContext[Any], __: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[_describe(name) for name in _TOOLS])

    async def call_tool(
        context: ServerRequestContext[Any], params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        try:
            await loader.wait()
            client = client_in(context.request)
            readable, found = await _call(service, params.name, params.arguments or {}, client)
        except Refusal as refusal:
            said = f"{refusal.message}\n\n{DISCLAIMER}"
            if loader.failure:
                said = f"{loader.failure}\n\n{said}"
            return types.CallToolResult(content=[_text(said)], is_error=True)
        return types.CallToolResult(content=[_text(readable)], structured_content=found)

    server: Server[Any] = Server(
        "knee-hip-assistant",
        version=__version__,
        title="Ask the articles",
        instructions=f"{_INSTRUCTIONS} {DISCLAIMER}",
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )
    server.middleware.clear()  # It traces calls; nothing here is to be traced.
    return server


def build_http(service: Service, loader: Loader) -> StreamableHTTPSessionManager:
    """The server over HTTP: each request by itself, nothing kept between them.

    Its ``run()`` is entered for as long as it serves; ``handle_request`` is an application, to be
    wrapped by `Plain`.
    """
    return StreamableHTTPSessionManager(
        build_server(service, loader), json_response=True, stateless=True
    )


def serve_stdio(load: Load, serving: Serving) -> None:
    """Serve one client over stdin and stdout until it closes them; only that goes there.

    Args:
        serving: how many calls at a time, how long one may take and how long a question may be.
    """

    async def serve() -> None:
        loader = Loader(load)
        gate = Gate(serving.concurrent, serving.max_waiting, serving.timeout_seconds)
        server = build_server(Service(loader, gate, serving.max_question_chars), loader)
        async with stdio_server() as (incoming, outgoing):
            loader.start()
            options = server.create_initialization_options()
            await server.run(incoming, _Outgoing(outgoing), options)

    asyncio.run(serve())


class Plain:
    """Lets the protocol's own errors over HTTP carry the disclaimer and repeat no request.

    A stream of events that nothing would ever be sent on is not opened: it is for POST only.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.

        Raises:
            Refusal: it is no POST.
        """
        if scope["method"] != "POST":
            raise Refusal("method_not_allowed")
        start: Message = {}
        body = bytearray()

        async def gather(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            body.extend(message.get("body", b""))
            if message.get("more_body", False):
                return
            told = _plain_body(bytes(body), start["status"])
            kept = [pair for pair in start["headers"] if pair[0].lower() not in _OF_BODY]
            kept.append((b"content-length", str(len(told)).encode()))
            if told:
                kept.append((b"content-type", b"application/json"))
            await send({**start, "headers": kept})
            await send({"type": "http.response.body", "body": told})

        await self._app(scope, receive, gather)


_OF_BODY: Final = frozenset({b"content-length", b"content-type"})
# Of these the package's own words may repeat what was sent.
_SAID: Final = {
    types.PARSE_ERROR: "The message is not JSON that can be read.",
    types.METHOD_NOT_FOUND: "There is no such method.",
    types.INVALID_PARAMS: "The message does not fit the protocol.",
    types.INTERNAL_ERROR: "Something went wrong on our side.",
}


def _plain_error(error: types.ErrorData) -> types.ErrorData:
    own = error.data if isinstance(error.data, dict) and error.code not in _SAID else {}
    return types.ErrorData(
        code=error.code,
        message=_SAID.get(error.code, error.message),
        data={**own, "disclaimer": DISCLAIMER},
    )


def _plain_body(body: bytes, status: int) -> bytes:
    if not body and status < 400:
        return body
    try:
        reply = types.JSONRPCError.model_validate_json(body)
    except ValidationError:
        refusal = Refusal("bad_request")
        return body if status < 400 else json.dumps(refusal.to_json()).encode()
    reply = reply.model_copy(update={"error": _plain_error(reply.error)})
    return reply.model_dump_json(by_alias=True).encode()


class _Outgoing:
    """What goes to the client of stdin and stdout, errors as `Plain` has them."""

    def __init__(self, stream: WriteStream[SessionMessage]) -> None:
        self._stream = stream

    async def send(self, item: SessionMessage, /) -> None:
        message = item.message
        if isinstance(message, types.JSONRPCError):
            message = message.model_copy(update={"error": _plain_error(message.error)})
            item = replace(item, message=message)
        await self._stream.send(item)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def __aenter__(self) -> _Outgoing:
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, *of: Any) -> bool | None:
        return await self._stream.__aexit__(*of)


async def _call(
    service: Service, name: str, arguments: dict[str, Any], client: str
) -> tuple[str, Any]:
    """The result as readable text and as JSON."""
    if name not in _TOOLS:
        raise Refusal("invalid", problems=f"there are the tools {', '.join(_TOOLS)}")
    try:
        request = _TOOLS[name][0].model_validate(arguments)
    except ValidationError as error:
        raise Refusal("invalid", problems=problems_of(error)) from error
    if isinstance(request, AskRequest):
        answer = await service.ask(request, client=client)
        return render_answer(answer), answer_to_json(answer)
    if isinstance(request, ClaimRequest):
        result = await service.claim(request.text, client)
        return render_claim(result), claim_to_json(result)
    assert isinstance(request, CiteRequest)
    context = await service.cite(request.id, client)
    readable = f"{render_context(context)}\n\n{DISCLAIMER}"
    return readable, {**context_to_json(context), "disclaimer": DISCLAIMER}


def _describe(name: str) -> types.Tool:
    request, reply, description = _TOOLS[name]
    return types.Tool(
        name=name,
        description=description,
        input_schema=request.model_json_schema(),
        output_schema=reply.model_json_schema(),
        annotations=types.ToolAnnotations(
            read_only_hint=True, idempotent_hint=True, open_world_hint=False
        ),
    )


def _text(words: str) -> types.TextContent:
    return types.TextContent(type="text", text=words)
