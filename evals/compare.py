"""Two results, case by case: what changed, and whether more than chance would bring.

Cases are paired where both results list them, asked and labelled alike. Of the test split, which
is not listed, only the figures stand beside each other, and only where its cases are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
from rich.console import Console
from rich.table import Table

from assistant.errors import UsageError
from evals import stats

_YES_NO: Final = ("right", "complete", "answered")
_BESIDE: Final = ("all.right", "all.complete", "answers.any_gold", "answers.citation_precision")
_ORDER: Final = {"fail": 0, "partial": 1, "pass": 2}

Row: TypeAlias = Mapping[str, Any]
Pair: TypeAlias = tuple[Row, Row]


def compare(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """What changed from the first result to the second, over the cases that both have.

    Yes-or-no marks are paired by the exact McNemar test, citation precision by a bootstrap over
    the paired differences.

    Returns:
        `splits`: split → measure → values, and for listed cases counts and p; `changed`: listed
        cases whose status is another; `only_first`, `only_second`: how many listed cases the
        other has not; `warnings`: why the two may not be comparable.

    Raises:
        UsageError: The two have no case in common.
    """
    before = {row["id"]: row for row in first["cases"]}
    after = {row["id"]: row for row in second["cases"]}
    shared = [(before[key], after[key]) for key in before if key in after]
    pairs = [pair for pair in shared if _alike(*pair)]
    splits = {}
    for split in ("dev", "test"):
        of_split = [pair for pair in pairs if pair[1]["split"] == split]
        if of_split:
            splits[split] = {name: _paired(of_split, name) for name in _YES_NO}
            splits[split]["citation_precision"] = _paired_mean(of_split)
        elif _same_cases(first, second, split):
            splits[split] = _beside(first["figures"][split], second["figures"][split])
    if not splits:
        raise UsageError(
            "the two results have no case in common; compare results of the same suite and split"
        )
    return {
        "first": {"commit": first["commit"], "made": first["made"]},
        "second": {"commit": second["commit"], "made": second["made"]},
        "warnings": list(_iter_warnings(first, second, shared)),
        "splits": splits,
        "changed": _changed(pairs),
        "only_first": len(before) - len(shared),
        "only_second": len(after) - len(shared),
    }


def _alike(first: Row, second: Row) -> bool:
    """Whether one id means the same case twice; an older row tells the question alone."""
    keys = ("sha256", "split") if "sha256" in first and "sha256" in second else ("question",)
    return all(first[key] == second[key] for key in keys)


def _same_cases(first: Mapping[str, Any], second: Mapping[str, Any], split: str) -> bool:
    if not all(split in result["figures"] for result in (first, second)):
        return False
    hashes = [_hashes(result).get(split) for result in (first, second)]
    same_number = first["suite"][split] == second["suite"][split]
    return hashes[0] == hashes[1] if all(hashes) else same_number and _both_default(first, second)


def _both_default(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    return bool(first["suite"]["default"] and second["suite"]["default"])


def _hashes(result: Mapping[str, Any]) -> Mapping[str, str]:
    found = result["suite"].get("sha256")
    return found if isinstance(found, dict) else {}


def _iter_warnings(
    first: Mapping[str, Any], second: Mapping[str, Any], shared: Sequence[Pair]
) -> Iterator[str]:
    for name, result in (("first", first), ("second", second)):
        if not _hashes(result):
            yield f"the {name} result is an older one and does not say which cases it measured"
        if result["tree_changed"]:
            yield f"the {name} result was measured with changes that are not committed"
    other = [a["id"] for a, b in shared if not _alike(a, b)]
    if other:
        names = ", ".join(other[:10]) + (", …" if len(other) > 10 else "")
        yield f"{len(other)} cases are asked or labelled differently and not compared: {names}"
    for split in ("dev", "test"):
        hashes = [_hashes(result).get(split) for result in (first, second)]
        if all(hashes) and hashes[0] != hashes[1]:
            yield f"the cases of the {split} split are not the same"
    corpora = [result.get("corpus") or {} for result in (first, second)]
    if all(corpora):
        files = {*corpora[0], *corpora[1]}
        changed = sorted(f for f in files if corpora[0].get(f) != corpora[1].get(f))
        if changed:
            yield f"the corpora differ in {', '.join(changed)}"


def _beside(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    rows = {}
    for name in _BESIDE:
        before, after = first.get(name), second.get(name)
        if before and after and None not in (before["value"], after["value"]):
            rows[name] = {"first": before["value"], "second": after["value"], "n": after["n"]}
    return rows


def _changed(pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    """Losses first."""
    changed = [
        {
            "id": new["id"],
            "question": new["question"],
            "from": old["status"],
            "to": new["status"],
            "reasons": new["reasons"],
            "reasons_before": old["reasons"],
        }
        for old, new in pairs
        if any(old[key] != new[key] for key in ("status", "got", "cited"))
    ]
    return sorted(changed, key=lambda change: _ORDER[change["to"]] - _ORDER[change["from"]])


def _mark(row: Row, name: str) -> bool:
    if name == "answered":
        return bool(row["answered"])
    return bool(row["status"] == "pass" or (name == "right" and row["status"] == "partial"))


def _paired(pairs: Sequence[Pair], name: str) -> dict[str, Any]:
    marks = [(_mark(a, name), _mark(b, name)) for a, b in pairs]
    lost = sum(a and not b for a, b in marks)
    won = sum(b and not a for a, b in marks)
    return {
        "first": sum(a for a, _ in marks) / len(marks),
        "second": sum(b for _, b in marks) / len(marks),
        "n": len(marks),
        "won": won,
        "lost": lost,
        "p": stats.mcnemar(lost, won),
    }


def _paired_mean(pairs: Sequence[Pair]) -> dict[str, Any]:
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
    """Warnings, tables of the measures, then every changed case, losses first."""
    for warning in comparison["warnings"]:
        console.print(f"warning: {warning}", markup=False, highlight=False, soft_wrap=True)
    table = Table(title=f"{comparison['first']['commit']} → {comparison['second']['commit']}")
    for name in ("split", "measure", "first", "second", "won", "lost", "n", "p or 95 % interval"):
        table.add_column(name)
    for split, measures in comparison["splits"].items():
        for name, row in measures.items():
            if not row["n"]:
                continue
            table.add_row(
                split,
                name,
                f"{row['first']:.3f}",
                f"{row['second']:.3f}",
                str(row.get("won", "")),
                str(row.get("lost", "")),
                str(row["n"]),
                _chance(row),
            )
    console.print(table)
    for key, words in (("only_first", "first"), ("only_second", "second")):
        if comparison[key]:
            console.print(f"{comparison[key]} listed cases are only in the {words} result")
    changed = comparison["changed"]
    console.print(f"{len(changed)} listed cases changed" + (":" if changed else ""))
    for change in changed:
        reason = "; ".join(change["reasons"])
        if not reason and change["reasons_before"]:
            reason = "was: " + "; ".join(change["reasons_before"])
        line = f"  {change['from']} → {change['to']}  {change['id']}: {reason or 'other citations'}"
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _chance(row: Row) -> str:
    if "p" in row:
        return f"{row['p']:.3g}"
    if "difference" not in row:
        return "not paired"
    if row["low"] is None:
        return f"{row['difference']:+.3f}"
    return f"{row['difference']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]"
