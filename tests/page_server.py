"""The real application on a port of its own, and where the real browser is."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path
from typing import Any

import ui
from assistant.leaving import ModelPlace
from assistant.page.feedback import FeedbackFile
from assistant.settings import Serving
from assistant.web.listening import server_config

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


class AppServer:
    """An application on a port of its own, stopped at the end."""

    def __init__(self, app: Any, serving: Serving | None = None, port: int = 0) -> None:
        import uvicorn

        self._listening = socket.socket()
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listening.bind(("127.0.0.1", port))
        self.port = self._listening.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}/"
        self._server = uvicorn.Server(server_config(app, serving or Serving()))
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._listening]}, daemon=True
        )
        self._thread.start()
        while not self._server.started:
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop serving and wait until the port is free."""
        self._server.should_exit = True
        self._thread.join(10)
        self._listening.close()


class Server(AppServer):
    """The real application."""

    def __init__(
        self,
        load: ui.Load,
        serving: Serving | None = None,
        feedback: FeedbackFile | None = None,
        model: ModelPlace | None = None,
        port: int = 0,
    ) -> None:
        super().__init__(ui.build_app(load, serving, feedback, model), serving, port)


def serve_bare_page() -> AppServer:
    """A Gradio page of one box: what the browser and the machine cost without this project."""
    import fastapi
    import gradio

    with gradio.Blocks(analytics_enabled=False) as blocks:
        gradio.Textbox(elem_id="question")
    app = fastapi.FastAPI()
    return AppServer(gradio.mount_gradio_app(app, blocks, path="/", ssr_mode=False))
