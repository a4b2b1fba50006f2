"""``python -m evals beir`` and ``attribution``: public data sets, from a folder or a file."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from rich.console import Console


def add_benchmarks(commands: Any, console: Console) -> None:
    """Adds the commands to argparse's subparsers; `console` is told how far they are."""
    beir = commands.add_parser("beir", help="the literature's figures through our own code")
    beir.add_argument("folder", type=Path, metavar="DIR")
    beir.add_argument("--json", action="store_true")
    beir.set_defaults(command=lambda options: _beir(options, console))
    attribution = commands.add_parser("attribution", help="the support check on public claims")
    attribution.add_argument("file", type=Path, metavar="FILE")
    attribution.add_argument("--json", action="store_true")
    attribution.set_defaults(command=_attribution)


def _beir(options: argparse.Namespace, console: Console) -> int:
    from evals.beir import MEASURES, run_beir

    figures = run_beir(options.folder, console)
    if options.json:
        print(json.dumps(figures, indent=1))
        return 0
    print(f"{'':12}" + "".join(f"{measure:>9}" for measure in MEASURES))
    for name, values in figures.items():
        print(f"{name:12}" + "".join(f"{values[measure]:9.4f}" for measure in MEASURES))
    return 0


def _attribution(options: argparse.Namespace) -> int:
    from evals.attribution import load_claims, measure_attribution, print_attribution

    figures = measure_attribution(load_claims(options.file))
    if options.json:
        print(json.dumps(figures, indent=1))
    else:
        print_attribution(figures)
    return 0
