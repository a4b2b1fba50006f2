"""Every error of an application as a refusal: our sentence, the disclaimer, nothing of the request.

FastAPI's own replies repeat what was sent; Gradio's name functions and settings.
"""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from assistant.web.refusals import Refusal
from assistant.web.schema import name_problems

_OF_STATUS: Final = {
    401: "unauthorized",
    403: "closed",
    404: "closed",
    405: "method_not_allowed",
    413: "too_large",
    503: "busy",
}


def answer_errors(app: FastAPI) -> None:
    """Let `app` answer all its errors so, its crashes too."""
    app.add_exception_handler(Refusal, _on_refusal)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_crash)


async def _on_refusal(request: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refusal)
    record = request.scope.get("record")
    if record is not None:
        record["refused"] = refusal.code
    content_type, body = refusal.body_for(request.scope["path"])
    return Response(body, refusal.status, refusal.headers(), content_type)


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    rows = error.errors()
    if any(row["type"] == "json_invalid" for row in rows):
        return await _on_refusal(request, Refusal("bad_request"))
    return await _on_refusal(request, Refusal("invalid", problems=name_problems(rows)))


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = "failed" if error.status_code >= 500 else "bad_request"
    code = _OF_STATUS.get(error.status_code, code)
    if code == "closed" and request.scope["path"].startswith("/api"):
        code = "not_found"
    reply = await _on_refusal(request, Refusal(code, limit="see its settings"))
    if error.status_code == 405 and error.headers:
        reply.headers.update(error.headers)
    return reply


async def _on_crash(request: Request, _: Exception) -> Response:
    """Its message may hold a question, so it is not told; the guard notes its type."""
    return await _on_refusal(request, Refusal("failed"))
