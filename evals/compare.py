"""Two results, case by case: what changed, and whether more than chance would bring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from rich.console import Console
from rich.table import Table

from evals import stats

_YES_NO: Final = ("right", "complete", "answered")


def compare(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """What changed from the first result to the second, over the cases that both have.

    Yes-or-no marks are paired by the exact McNemar test, citation precision by a bootstrap over
    the paired differences.

    Returns:
        `splits`: split → measure → values, counts and p; `changed`: listed cases whose status is
        another; `only_first`, `only_second`: how many cases the other has not.
    """
    shared = [key for key in first["marks"] if key in second["marks"]]
    splits: dict[str, Any] = {}
    for split in ("dev", "test"):
        pairs = [
            (first["marks"][key], second["marks"][key])
            for key in shared
            if first["marks"][key]["split"] == split
        ]
        if pairs:
            splits[split] = {name: _paired(pairs, name) for name in _YES_NO}
            splits[split]["citation_precision"] = _paired_mean(pairs)
    before = {row["id"]: row for row in first["cases"]}
    changed = []
    for row in second["cases"]:
        old = before.get(row["id"])
        if old and (old["status"], old["got"], old["cited"]) != (
            row["status"],
            row["got"],
            row["cited"],
        ):
            changed.append(
                {
                    "id": row["id"],
                    "question": row["question"],
                    "from": old["status"],
                    "to": row["status"],
                    "reasons": row["reasons"],
                    "reasons_before": old["reasons"],
                }
            )
    order = {"fail": 0, "partial": 1, "pass": 2}
    changed.sort(key=lambda change: order[change["to"]] - order[change["from"]])
    return {
        "first": {"commit": first["commit"], "made": first["made"]},
        "second": {"commit": second["commit"], "made": second["made"]},
        "splits": splits,
        "changed": changed,
        "only_first": len(first["marks"]) - len(shared),
        "only_second": len(second["marks"]) - len(shared),
    }


def _paired(
    pairs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]], name: str
) -> dict[str, Any]:
    lost = sum(a[name] and not b[name] for a, b in pairs)
    won = sum(b[name] and not a[name] for a, b in pairs)
    return {
        "first": sum(a[name] for a, _ in pairs) / len(pairs),
        "second": sum(b[name] for _, b in pairs) / len(pairs),
        "n": len(pairs),
        "won": won,
        "lost": lost,
        "p": stats.mcnemar(lost, won),
    }


def _paired_mean(pairs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> dict[str, Any]:
    both = [
        (a["precision"], b["precision"])
        for a, b in pairs
        if a["precision"] is not None and b["precision"] is not None
    ]
    if not both:
        return {"first": None, "second": None, "n": 0}
    difference = stats.mean([b - a for a, b in both])
    return {
        "first": float(np.mean([a for a, _ in both])),
        "second": float(np.mean([b for _, b in both])),
        "n": len(both),
        "difference": difference.value,
        "low": difference.low,
        "high": difference.high,
    }


def print_comparison(comparison: Mapping[str, Any], console: Console) -> None:
    """Tables of the paired measures, then every changed case, losses first."""
    table = Table(title=f"{comparison['first']['commit']} → {comparison['second']['commit']}")
    for name in ("split", "measure", "first", "second", "won", "lost", "n", "p or 95 % interval"):
        table.add_column(name)
    for split, measures in comparison["splits"].items():
        for name, row in measures.items():
            if not row["n"]:
                continue
            shown = f"{row['p']:.3g}" if "p" in row else _interval(row)
            table.add_row(
                split,
                name,
                f"{row['first']:.3f}",
                f"{row['second']:.3f}",
                str(row.get("won", "")),
                str(row.get("lost", "")),
                str(row["n"]),
                shown,
            )
    console.print(table)
    for key, words in (("only_first", "first"), ("only_second", "second")):
        if comparison[key]:
            console.print(f"{comparison[key]} cases are only in the {words} result")
    changed = comparison["changed"]
    console.print(f"{len(changed)} listed cases changed" + (":" if changed else ""))
    for change in changed:
        reason = "; ".join(change["reasons"])
        if not reason and change["reasons_before"]:
            reason = "was: " + "; ".join(change["reasons_before"])
        line = f"  {change['from']} → {change['to']}  {change['id']}: {reason or 'other citations'}"
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _interval(row: Mapping[str, Any]) -> str:
    if row["low"] is None:
        return f"{row['difference']:+.3f}"
    return f"{row['difference']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]"
