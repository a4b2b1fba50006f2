"""The socket and the server that the application is run by."""

from __future__ import annotations

import errno
import os
import socket
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from assistant.errors import SettingsError
from assistant.page.session import POLL_SECONDS, Loader
from assistant.settings import Serving

if TYPE_CHECKING:
    import fastapi
    import uvicorn

SECONDS_TO_READ_FAILURE: Final = 3.0


def server_config(app: fastapi.FastAPI, serving: Serving) -> uvicorn.Config:
    """How the application is served: quietly, and by which proxies' word."""
    import uvicorn

    return uvicorn.Config(
        app,
        access_log=False,
        server_header=False,
        log_level="critical",  # Tracebacks may hold a question; the guard logs their type.
        proxy_headers=bool(serving.trusted_proxies),
        forwarded_allow_ips=serving.trusted_proxies,
        timeout_graceful_shutdown=1,
        lifespan="on",
    )


def listen(host: str, port: int) -> socket.socket:
    """A listening socket, so that a port in use is said before anything is loaded."""
    if not 0 <= port <= 65535:
        raise SettingsError(f"--port is {port}; choose a number from 0 (any) to 65535")
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, UnicodeError) as error:
        raise SettingsError(
            f"--host is {host!r}, which is no address of this machine; try 127.0.0.1"
        ) from error
    listening = socket.socket(family, kind, proto)
    if os.name == "posix":
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(address)
        listening.listen(128)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise SettingsError(
                f"port {port} on {host} is in use; stop what uses it or choose another with --port"
            ) from error
        raise SettingsError(
            f"cannot listen on {host} port {port} ({error.strerror}); "
            "choose another with --host and --port"
        ) from error
    return listening


def watch_loading(loader: Loader, server: Any) -> None:
    """Say on stderr why loading failed and stop; open pages get the time to show it first."""

    def watch() -> None:
        while not loader.finished:
            time.sleep(POLL_SECONDS)
        if loader.failure:
            print(f"error: {loader.failure}", file=sys.stderr, flush=True)
            time.sleep(SECONDS_TO_READ_FAILURE)
            server.should_exit = True

    threading.Thread(target=watch, name="watch-loading", daemon=True).start()
