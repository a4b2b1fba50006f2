"""The options of ``knee-hip ui`` and ``python ui.py``, read into `Serving`."""

from __future__ import annotations

import argparse
from pathlib import Path

from assistant.errors import SettingsError
from assistant.settings import CHAT_MODES, Serving


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add all options; those that are not given are None and left to the environment."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=7860, help="port to listen on; 0 takes any")
    parser.add_argument("--corpus", type=Path, metavar="FOLDER", help="folder of articles")
    add_chat_options(parser)
    others = parser.add_argument_group("for others (docs/api.md; each can be set as ASSISTANT_…)")
    others.add_argument("--root-path", metavar="PATH", help="the page's place behind a proxy")
    others.add_argument(
        "--password-file", type=Path, metavar="FILE", help="ask everybody for its first line"
    )
    others.add_argument(
        "--requests-per-minute",
        type=int,
        metavar="N",
        help="of one client; 0 for no limit (default: 300, none on a loopback address)",
    )
    others.add_argument("--concurrent", type=int, metavar="N", help="answers at a time (4)")
    others.add_argument("--max-waiting", type=int, metavar="N", help="questions in line (200)")
    others.add_argument("--timeout-seconds", type=int, metavar="N", help="for an answer (30)")
    others.add_argument(
        "--trusted-proxies", metavar="ADDRESSES", help="whose X-Forwarded-For is believed"
    )
    others.add_argument(
        "--metrics",
        action=argparse.BooleanOptionalAction,
        help="/metrics for Prometheus (default: on a loopback address only)",
    )
    others.add_argument(
        "--mcp", action="store_true", default=None, help="tools at /mcp; needs the extra mcp"
    )
    others.add_argument(
        "--log-requests", action="store_true", default=None, help="a JSON line each, on stderr"
    )
    others.add_argument("--workers", type=int, default=1, help="processes; 1 is what there is")


def add_chat_options(parser: argparse.ArgumentParser) -> None:
    """Which language model may arrange or reword answers, if any."""
    parser.add_argument(
        "--chat-model",
        metavar="PROVIDER:NAME",
        help="a language model, such as ollama:llama3.1; it is sent the question and the quotes",
    )
    parser.add_argument(
        "--chat-mode",
        choices=CHAT_MODES,
        help="let it order quotes (arrange, the default), reword them (rephrase) or neither",
    )


def read_serving(options: argparse.Namespace) -> Serving:
    """What `options` and the environment say.

    Raises:
        SettingsError: a value cannot be used.
    """
    if options.workers != 1:
        raise SettingsError(
            f"--workers is {options.workers}; a chat lives in one process, and workers of one port "
            "lose each other's chats: start one `knee-hip ui` for each port and put a balancer "
            "before them that keeps a client with one (deploy/nginx.conf)"
        )
    return Serving.from_environment(
        root_path=options.root_path,
        password_file=options.password_file,
        requests_per_minute=options.requests_per_minute,
        concurrent=options.concurrent,
        max_waiting=options.max_waiting,
        timeout_seconds=options.timeout_seconds,
        trusted_proxies=options.trusted_proxies,
        metrics=options.metrics,
        mcp=options.mcp,
        log_requests=options.log_requests,
    ).on(options.host)
