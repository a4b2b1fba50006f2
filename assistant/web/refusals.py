"""Replies without an answer: a code, a sentence and the disclaimer, never the asker's words."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from assistant.types import DISCLAIMER


class Refusal(Exception):
    """A request that gets no answer.

    Attributes:
        code: names the reason for programs, a key of ``refusals.toml``.
        status: of HTTP.
        message: a sentence for people that says what to do.
        retry_after_seconds: when to try again; 0 where that would not help.
    """

    def __init__(self, code: str, retry_after_seconds: int = 0, **values: object) -> None:
        row = load_refusals()[code]
        self.code = code
        self.status = int(row["status"])
        self.message = str(row["message"]).format(**values)
        self.retry_after_seconds = retry_after_seconds or int(row.get("retry_after_seconds", 0))
        super().__init__(self.message)

    def to_json(self) -> dict[str, Any]:
        """The reply's body."""
        error = {"code": self.code, "message": self.message}
        return {"error": error, "disclaimer": DISCLAIMER}

    def headers(self) -> dict[str, str]:
        """Headers that go with the status."""
        found = {}
        if self.retry_after_seconds:
            found["retry-after"] = str(self.retry_after_seconds)
        if self.status == 401:
            found["www-authenticate"] = 'Basic realm="Ask the articles", charset="UTF-8"'
        return found

    def body_for(self, path: str) -> tuple[str, bytes]:
        """Content type and body in the form that `path` speaks.

        JSON below ``/api`` and ``/mcp``; the same with ``detail``, which Gradio's page and client
        show, below ``/gradio_api``; plain text elsewhere.
        """
        if f"{path}/".startswith(("/api/", "/mcp/", "/gradio_api/")):
            detail = {"detail": self.message} if path.startswith("/gradio_api/") else {}
            return "application/json", json.dumps({**detail, **self.to_json()}).encode()
        return "text/plain; charset=utf-8", f"{self.message}\n\n{DISCLAIMER}\n".encode()


@cache
def load_refusals() -> Mapping[str, Mapping[str, Any]]:
    """All reasons by code."""
    with (Path(__file__).parent / "refusals.toml").open("rb") as file:
        return tomllib.load(file)
