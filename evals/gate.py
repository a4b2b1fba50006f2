"""Floors: figures that once held and may not be lost without somebody noticing.

`floors.toml` has one row a figure: its name, the split, the limit and the result that set it.
`python -m evals floors RESULT` raises them from a newer result and never lowers one: that is done
by hand, with a reason. Integrity counts need no row; each must be 0.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from assistant.errors import UsageError

FLOORS: Final = Path(__file__).resolve().parent / "floors.toml"
SPLITS: Final = ("dev", "test", "all")

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


_KEYS: Final = frozenset(Floor.__dataclass_fields__)


def load_floors(path: Path = FLOORS) -> list[Floor]:
    """Reads the floors.

    Raises:
        UsageError: The file cannot be read, has no floor, or a row is not one.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: not TOML: {error}") from error
    if unknown := sorted(set(table) - {"floor"}):
        raise UsageError(f"{path}: unknown table {unknown[0]!r}; each row stands under [[floor]]")
    rows = table.get("floor")
    if not isinstance(rows, list) or not rows:
        raise UsageError(f"{path}: holds no [[floor]]; restore the file")
    floors = [_parse_floor(row, f"{path}: floor {number}") for number, row in enumerate(rows, 1)]
    named = [(floor.figure, floor.split) for floor in floors]
    if twice := next((name for name in named if named.count(name) > 1), None):
        raise UsageError(f"{path}: {twice[0]} ({twice[1]}) has two floors; keep the stricter one")
    return floors


def _parse_floor(row: object, where: str) -> Floor:
    if not isinstance(row, Mapping) or set(row) != _KEYS:
        keys = sorted(row) if isinstance(row, Mapping) else row
        raise UsageError(f"{where}: has {keys!r}; each needs figure, split, limit and set_by")
    figure, split, limit, set_by = (row[key] for key in ("figure", "split", "limit", "set_by"))
    if not isinstance(figure, str) or not isinstance(set_by, str):
        raise UsageError(f"{where}: figure {figure!r} and set_by {set_by!r} must be words")
    if split not in SPLITS:
        raise UsageError(f"{where}: split is {split!r}; expected one of {', '.join(SPLITS)}")
    number = isinstance(limit, int | float) and not isinstance(limit, bool)
    if not number or not math.isfinite(limit):
        raise UsageError(f"{where}: limit is {limit!r}; expected a finite number")
    return Floor(figure, split, float(limit), set_by)


def applied(result: Mapping[str, Any], floors: Sequence[Floor]) -> list[Floor]:
    """The floors of the splits that were run."""
    return [floor for floor in floors if floor.split in result["figures"]]


def iter_breaches(result: Mapping[str, Any], floors: Sequence[Floor]) -> Iterator[str]:
    """One line for each figure beyond its floor, that is missing, or that should be 0.

    Floors of a split that was not run are passed over; that none is left is a breach too.
    """
    for split, figures in result["figures"].items():
        for name, figure in figures.items():
            if figure["better"] == "zero" and figure["value"]:
                yield f"{name} ({split}) is {figure['value']:.0f}, must be 0"
    held = applied(result, floors)
    if not held:
        yield f"no floor is for what was run ({', '.join(result['figures'])}); nothing was checked"
    for floor in held:
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
    """The floors with every limit that `result` allows to be stricter, less a margin.

    The margin is 0.01, for another machine's rounding.
    """
    new = []
    for floor in floors:
        figure = result["figures"].get(floor.split, {}).get(floor.figure)
        if figure is None or figure["value"] is None:
            new.append(floor)
            continue
        lower = figure["better"] == "lower"
        limit = _limit(figure["value"], lower)
        stricter = limit < floor.limit if lower else limit > floor.limit
        new.append(replace(floor, limit=limit, set_by=file_name) if stricter else floor)
    return new


def _limit(value: float, lower: bool) -> float:
    return round(value + (MARGIN if lower else -MARGIN), 3)


def save_floors(floors: Sequence[Floor], path: Path = FLOORS) -> None:
    """Writes the floors under the file's own comment."""
    head = path.read_text(encoding="utf-8").split("[[floor]]")[0]
    rows = [
        f'[[floor]]\nfigure = "{floor.figure}"\nsplit = "{floor.split}"\n'
        f'limit = {floor.limit:g}\nset_by = "{floor.set_by}"\n'
        for floor in floors
    ]
    path.write_text(head + "\n".join(rows), encoding="utf-8", newline="\n")
