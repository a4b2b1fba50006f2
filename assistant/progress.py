"""How far a long step is, on stderr: a bar on a terminal, else one plain line a step."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from assistant.types import Progress

_COUNTS: Final = re.compile(r" \((?P<counts>\d+ of \d+.*)\)$")


@contextmanager
def shown_progress() -> Iterator[Progress]:
    """What tells the person at the terminal; used up when the block ends."""
    if not sys.stderr.isatty():
        yield _plain()
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[counts]}", markup=False),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1.0, counts="")

        def tell(message: str, fraction: float) -> None:
            match = _COUNTS.search(message)
            step = message[: match.start()] if match else message
            counts = match["counts"] if match else ""
            bar.update(task, description=step, completed=fraction, counts=counts)

        yield tell


def _plain() -> Progress:
    said: set[str] = set()

    def tell(message: str, fraction: float) -> None:
        step = _COUNTS.sub("", message)
        if step not in said:
            said.add(step)
            print(step, file=sys.stderr, flush=True)

    return tell
