"""Clients of the application for the tests of the API and of serving."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from page_server import Server

import ui
from assistant.settings import Serving
from assistant.types import DISCLAIMER
from assistant.web import schema


@contextmanager
def serve(load: ui.Load, serving: Serving | None = None, wait: bool = True) -> Iterator[Any]:
    """A client in this process, when the assistant is ready."""
    from fastapi.testclient import TestClient

    with TestClient(ui.build_app(load, serving)) as client:
        for _ in range(200 if wait else 0):
            if client.get("/readyz").status_code == 200:
                break
            time.sleep(0.05)
        yield client


def wait_for(server: Server) -> None:
    """Until the assistant behind `server` is ready."""
    import httpx

    for _ in range(200):
        if httpx.get(f"{server.address}readyz").status_code == 200:
            return
        time.sleep(0.05)
    raise AssertionError("the server was not ready in time")


def refused(reply: Any, status: int, code: str) -> str:
    """The message of an error, which has the form of all errors."""
    assert reply.status_code == status, reply.text
    found = reply.json()
    assert found["error"]["code"] == code
    assert found["disclaimer"] == DISCLAIMER
    schema.Error.model_validate(found)
    return str(found["error"]["message"])


def gradio(address: str) -> Any:
    """Gradio's own client, connected."""
    from gradio_client import Client

    return Client(address, verbose=False, download_files=False, analytics_enabled=False)
