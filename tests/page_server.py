"""The real application on a port of its own, and where the real browser is."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

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


class Server:
    """The real application on a port of its own, stopped at the end."""

    def __init__(
        self,
        load: ui.Load,
        serving: Serving | None = None,
        feedback: FeedbackFile | None = None,
        model: ModelPlace | None = None,
        port: int = 0,
    ) -> None:
        import uvicorn

        serving = serving or Serving()

        self._listening = socket.socket()
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listening.bind(("127.0.0.1", port))
        self.port = self._listening.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}/"
        config = server_config(ui.build_app(load, serving, feedback, model), serving)
        self._server = uvicorn.Server(config)
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
