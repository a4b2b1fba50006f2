"""A server on this machine that speaks the OpenAI chat-completions protocol and misbehaves at will.

Of Anthropic's and Ollama's protocols it speaks as much as one reply needs.

A real provider's package talks to it over a real connection; nothing of the client is replaced.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "sk-test-0123456789-not-to-be-seen"

_NUMBERED = re.compile(r"^(\d+)\. (.+)$", re.M)


@dataclass(slots=True)
class Response:
    """What the server sends; `drip` seconds between single bytes, `cut` ends the body too soon."""

    body: str | bytes = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    wait: float = 0.0
    drip: float = 0.0
    cut: bool = False


def says(content: Any, **more: Any) -> Response:
    """A chat completion with this content."""
    message = {"role": "assistant", "content": content}
    body = {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "played",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
    }
    return Response(json.dumps(body), **more)


def error(status: int, code: str = "bad", **more: Any) -> Response:
    """An error as the service words it, with the key in it as some do."""
    body = {"error": {"message": f"no, not with {KEY}: {code}", "type": "x", "code": code}}
    return Response(json.dumps(body), status, **more)


def says_as_anthropic(text: str) -> Response:
    """A reply in Anthropic's messages protocol."""
    body = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "played",
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 100, "output_tokens": 10},
    }
    return Response(json.dumps(body))


def says_as_ollama(text: str) -> Response:
    """A reply in Ollama's protocol: a line of JSON for each piece, the last with the counts."""
    piece = {"model": "played", "created_at": "2026-01-01T00:00:00Z"}
    said = {**piece, "message": {"role": "assistant", "content": text}, "done": False}
    end = {**piece, "message": {"role": "assistant", "content": ""}, "done": True}
    end |= {"done_reason": "stop", "prompt_eval_count": 100, "eval_count": 10}
    return Response(f"{json.dumps(said)}\n{json.dumps(end)}\n")


def writes(questions: list[Any], near_misses: list[Any] = []) -> Response:  # noqa: B006 - Never changed.
    """A reply of a model that writes questions: (text, sentence, words) and (text, missing)."""
    asked = [{"text": t, "sentence": n, "words": [w]} for t, n, w in questions]
    missed = [{"text": t, "missing": m} for t, m in near_misses]
    return says(json.dumps({"questions": asked, "near_misses": missed}))


@dataclass(slots=True)
class Request:
    """What a client sent."""

    body: dict[str, Any]
    headers: Mapping[str, str]

    @property
    def shown(self) -> str:
        """Everything that the model sees."""
        said = [self.body.get("system") or "", *(m["content"] for m in self.body["messages"])]
        return "\n".join(text if isinstance(text, str) else json.dumps(text) for text in said)

    @property
    def sentences(self) -> dict[int, str]:
        """The numbered sentences."""
        return {int(n): text for n, text in _NUMBERED.findall(self.shown)}


Play = Callable[[Request], Response]


class ModelServer(ThreadingHTTPServer):
    """`play` answers every request; `requests` has them all."""

    daemon_threads = True

    def __init__(self) -> None:
        self.play: Play = lambda _: says("")
        self.requests: list[Request] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def root(self) -> str:
        """The address that other protocols than OpenAI's count from."""
        return self.url.removesuffix("/v1")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: ModelServer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", 0))
        request = Request(json.loads(self.rfile.read(length)), dict(self.headers))
        self.server.requests.append(request)
        response = self.server.play(request)
        body = response.body if isinstance(response.body, bytes) else response.body.encode()
        time.sleep(response.wait)
        try:
            self.send_response(response.status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            for name, value in response.headers.items():
                self.send_header(name, value)
            self.end_headers()
            if response.cut:
                self.wfile.write(body[: len(body) // 2])
                self.wfile.flush()
                self.connection.close()
            elif response.drip:
                for at in range(len(body)):
                    self.wfile.write(body[at : at + 1])
                    self.wfile.flush()
                    time.sleep(response.drip)
            else:
                self.wfile.write(body)
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is printed."""


@contextmanager
def running() -> Iterator[ModelServer]:
    """A server, until the block ends."""
    server = ModelServer()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
