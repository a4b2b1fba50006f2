"""Floors: figures that once held and may not be lost without somebody noticing.

`floors.toml` has one row a figure: its name, the split, the limit and the result that set it.
`python -m evals floors RESULT` raises them from a newer result and never lowers one: that is done
by hand, with a reason. Integrity counts need no row; each must be 0.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from assistant.errors import UsageError

FLOORS: Final = Path(__file__).resolve().parent / "floors.toml"

# Another machine's rounding may turn a case or two that lie at a limit.
MARGIN: Final = 0.01


@dataclass(frozen=True, slots=True)
class Floor:
    """A limit for one figure.

    Attributes:
        limit: The least value allowed, or the greatest where lower is better.
        set_by: The result file whose figure it comes from.
    """

    figure: str
    split: str
    limit: float
    set_by: str


def load_floors(path: Path = FLOORS) -> list[Floor]:
    """Reads the floors.

    Raises:
        UsageError: The file cannot be read or a row lacks something.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: not TOML: {error}") from error
    floors = []
    for number, row in enumerate(table.get("floor", []), 1):
        try:
            floors.append(Floor(row["figure"], row["split"], float(row["limit"]), row["set_by"]))
        except (KeyError, TypeError, ValueError) as error:
            raise UsageError(
                f"{path}: floor {number}: {error!r}; each needs figure, split, limit and set_by"
            ) from error
    return floors


def iter_breaches(result: Mapping[str, Any], floors: Sequence[Floor]) -> Iterator[str]:
    """One line for each figure beyond its floor, that is missing, or that should be 0.

    Floors of a split that was not run are passed over.
    """
    for split, figures in result["figures"].items():
        for name, figure in figures.items():
            if figure["better"] == "zero" and figure["value"]:
                yield f"{name} ({split}) is {figure['value']:.0f}, must be 0"
    for floor in floors:
        if floor.split not in result["figures"]:
            continue
        figure = result["figures"][floor.split].get(floor.figure)
        if figure is None or figure["value"] is None:
            yield f"{floor.figure} ({floor.split}) was not measured, floor {floor.limit:g}"
            continue
        lower = figure["better"] == "lower"
        beyond = figure["value"] > floor.limit if lower else figure["value"] < floor.limit
        if beyond:
            side = "above" if lower else "below"
            yield (
                f"{floor.figure} ({floor.split}) is {figure['value']:.3f}, {side} its floor "
                f"{floor.limit:g} set by {floor.set_by}"
            )


def raised(floors: Sequence[Floor], result: Mapping[str, Any], file_name: str) -> list[Floor]:
    """The floors with every limit that `result` allows to be stricter, less a margin of 0.01."""
    new = []
    for floor in floors:
        figure = result["figures"].get(floor.split, {}).get(floor.figure)
        if figure is None or figure["value"] is None:
            new.append(floor)
            continue
        lower = figure["better"] == "lower"
        limit = round(figure["value"] + (MARGIN if lower else -MARGIN), 3)
        stricter = limit < floor.limit if lower else limit > floor.limit
        new.append(replace(floor, limit=limit, set_by=file_name) if stricter else floor)
    return new


def save_floors(floors: Sequence[Floor], path: Path = FLOORS) -> None:
    """Writes the floors under the file's own comment."""
    head = path.read_text(encoding="utf-8").split("[[floor]]")[0]
    rows = [
        f'[[floor]]\nfigure = "{floor.figure}"\nsplit = "{floor.split}"\n'
        f'limit = {floor.limit:g}\nset_by = "{floor.set_by}"\n'
        for floor in floors
    ]
    path.write_text(head + "\n".join(rows), encoding="utf-8", newline="\n")
