"""``python -m evals load``: its options and what it prints."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from rich.console import Console

from assistant.settings import DEFAULT_CORPUS


def add_load(commands: Any, console: Console) -> None:
    """Adds the command to argparse's subparsers; `console` is told how far it is."""
    load = commands.add_parser("load", help="the real server under the use of many")
    load.add_argument(
        "--minutes", type=float, default=10.0, help="for what stands for two hours of use (10)"
    )
    load.add_argument(
        "--users", type=int, nargs="+", default=[1, 10, 50, 200], metavar="N", help="of each stage"
    )
    load.add_argument(
        "--questions",
        type=int,
        default=0,
        metavar="N",
        help="go on until so many were asked, for a look at the memory",
    )
    load.add_argument("--corpus", type=Path, default=DEFAULT_CORPUS, metavar="DIR")
    load.add_argument("--json", action="store_true")
    load.set_defaults(command=lambda options: _load(options, console))


def _load(options: argparse.Namespace, console: Console) -> int:
    from evals.load import LoadOptions, run_load
    from evals.load_figures import iter_breaches, render_load

    chosen = LoadOptions(options.corpus, options.minutes, tuple(options.users), options.questions)
    figures = run_load(chosen, console)
    print(json.dumps(figures, indent=1) if options.json else render_load(figures))
    return 1 if any(iter_breaches(figures)) else 0
