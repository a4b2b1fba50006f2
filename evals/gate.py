"""Floors: figures that once held and may not be lost without somebody noticing.

`floors.toml` has one row a figure: its name, the split, the limit and the result that set it.
Integrity counts need no row; each must be 0.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from assistant.errors import UsageError

FLOORS: Final = Path(__file__).resolve().parent / "floors.toml"


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
