"""A run's figures on the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from evals.figures import EXPLANATIONS

TITLES: Final[Mapping[str, str]] = {
    "all": "All cases",
    "right": "Right, by kind of case",
    "retrieval": "Retrieval over gold sentences",
    "answers": "Answers",
    "abstention": "Knowing when not to answer",
    "safety": "Kinds of message: catching beside false alarm",
    "stability": "Stability",
    "latency": "Latency",
    "integrity": "Integrity: must be 0",
    "judge": "A language model's opinion, of given answers",
}
_JUDGED: Final[Mapping[str, str]] = {
    "faithfulness": "whether the statements are carried by the quotes",
    "relevance": "whether the answer addresses the question",
}


def progress(console: Console) -> Progress:
    """A bar that is gone when the work is done."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )


def figures_of(result: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Split → name → figure, a judge's scores last under names of their own."""
    judged = result.get("judge", {}).get("figures", {})
    return {
        split: {**figures, **{f"judge.{k}": v for k, v in judged.get(split, {}).items()}}
        for split, figures in result["figures"].items()
    }


def meaning_of(name: str) -> str:
    """What a figure is, in words; empty where its name says it."""
    return EXPLANATIONS.get(name) or _JUDGED.get(name.removeprefix("judge."), "")


def print_figures(result: Mapping[str, Any], console: Console) -> None:
    """One table; a figure's splits beside each other, integrity counts only where not 0."""
    all_figures = figures_of(result)
    splits = [name for name in ("dev", "test") if name in all_figures]
    suite = result["suite"]
    table = Table(
        title=f"{suite['cases']} cases in {result['seconds']:.0f} s, commit {result['commit']}"
        + (" and changes" if result["tree_changed"] else ""),
        caption="value [95 % interval] n",
        title_justify="left",
    )
    table.add_column("figure", no_wrap=True)
    for split in splits:
        table.add_column(split, no_wrap=True)
    table.add_column("what it is", style="dim")
    for section, names in iter_sections(all_figures):
        rows = [name for name in names if section != "integrity" or _any_broken(result, name)]
        table.add_section()
        title = TITLES.get(section, section)
        if section == "judge":
            title += f" ({result['judge']['model']})"
        table.add_row(Text(title, style="bold"))
        if section == "integrity" and not rows:
            table.add_row("all counts", *["0"] * len(splits), "quotes, hashes, disclaimer, …")
        for name in rows:
            cells = [format_figure(name, all_figures[split].get(name)) for split in splits]
            table.add_row(name, *cells, meaning_of(name))
    console.print(table)


def print_failed(result: Mapping[str, Any], console: Console, limit: int = 20) -> None:
    """The first failed dev cases, one line each."""
    failed = [row for row in result["cases"] if row["status"] == "fail"]
    if not failed:
        return
    console.print(f"\n{len(failed)} listed cases failed; the first {min(limit, len(failed))}:")
    for row in failed[:limit]:
        console.print(
            f"  {row['id']}: {row['reasons'][0]}", markup=False, highlight=False, soft_wrap=True
        )


def iter_sections(
    figures: Mapping[str, Mapping[str, Any]],
) -> Iterator[tuple[str, Sequence[str]]]:
    """The figures' names by the word before their first dot, in order of first appearance."""
    sections: dict[str, dict[str, None]] = {}
    for of_split in figures.values():
        for name in of_split:
            sections.setdefault(name.split(".")[0], {})[name] = None
    for section, names in sections.items():
        yield section, list(names)


def format_figure(name: str, figure: Mapping[str, Any] | None) -> str:
    """``.873 [.840, .899] 412``; a dash where nothing was measured."""
    if figure is None or figure["value"] is None:
        return "–"
    if figure["better"] == "zero":
        return f"{figure['value']:.0f}"
    digits = 0 if name.startswith("latency.") else 3
    text = f"{figure['value']:.{digits}f}"
    if figure["low"] is not None:
        text += f" [{figure['low']:.{digits}f}, {figure['high']:.{digits}f}]"
    return f"{text} {figure['n']}"


def _any_broken(result: Mapping[str, Any], name: str) -> bool:
    return any(figures.get(name, {}).get("value") for figures in result["figures"].values())
