"""The README's tables of results, each written between two markers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from assistant.errors import UsageError
from evals.lines import read_text
from evals.report import format_figure
from evals.results import RESULTS, load_result, newest_published, write_text

BEGIN: Final = "<!-- evals: written by `python -m evals readme`, do not edit -->"
END: Final = "<!-- evals: end -->"
ALARMS_BEGIN: Final = "<!-- alarms: written by `python -m evals readme`, do not edit -->"
ALARMS_END: Final = "<!-- alarms: end -->"
MUTATIONS_BEGIN: Final = "<!-- mutations: written by `python -m evals readme`, do not edit -->"
MUTATIONS_END: Final = "<!-- mutations: end -->"

ROWS: Final[Mapping[str, str]] = {
    "all.right": "cases right, of every kind",
    "retrieval.Success@1": "search: the first passage is a gold sentence (Success@1)",
    "retrieval.R@5": "search: gold sentences among the first five (R@5)",
    "retrieval.RR": "search: reciprocal rank of the first gold sentence (RR)",
    "retrieval.nDCG@10": "search: nDCG@10",
    "answers.any_gold": "answerable: at least one gold sentence cited",
    "answers.all_gold": "answerable: every gold sentence cited",
    "answers.citation_precision": "citations that are gold or clearly relevant",
    "answers.statements": "statements an answer",
    "abstention.wrongly_refused": "answerable, but not answered",
    "abstention.near_miss_answered": "near misses that were answered",
    "abstention.off_topic_answered": "off topic and answered",
    "abstention.AUROC": "answerable or not: AUROC",
    "abstention.false_at_95": "let through where 95 % of the answerable are kept",
    "safety.emergency.caught": "emergencies caught",
    "safety.emergency.false_alarm": "… and false alarms",
    "safety.crisis.caught": "crises caught",
    "safety.crisis.false_alarm": "… and false alarms",
    "safety.red_flag.caught": "any red flag caught",
    "safety.red_flag.false_alarm": "… and false alarms",
    "safety.injection.caught": "injections caught",
    "safety.injection.false_alarm": "… and false alarms",
    "stability.same_lead": "rewordings with the same leading citation",
    "stability.minimal_pairs": "minimal pairs wholly right",
}


def render_table(result: Mapping[str, Any], file_name: str) -> str:
    """The Markdown between the markers."""
    figures, suite = result["figures"], result["suite"]
    lines = [
        "",
        f"{suite['cases']} cases, {suite['dev']} of them dev (open to whoever works on this) and "
        f"{suite['test']} test (never looked at while tuning); value, 95 % interval, *n*. "
        f"From `evals/results/{file_name}`, commit `{result['commit']}`.",
        "",
        "| figure | dev | test |",
        "| --- | --- | --- |",
    ]
    for name, words in ROWS.items():
        cells = [format_figure(name, figures.get(split, {}).get(name)) for split in ("dev", "test")]
        lines.append(f"| {words} | {cells[0]} | {cells[1]} |")
    broken = sum(
        int(figure["value"] or 0)
        for name, figure in figures.get("all", {}).items()
        if figure["better"] == "zero"
    )
    lines += [
        f"| integrity faults (quotes, hashes, disclaimer, left-out text, repeatability) | {broken} "
        f"in {suite['cases']} answers | |",
        "",
    ]
    return "\n".join(lines)


def with_table(readme: str, table: str, begin: str = BEGIN, end: str = END) -> str:
    """The README with the table in its place.

    Raises:
        UsageError: The markers are not there.
    """
    between = re.compile(re.escape(begin) + "(.*?)" + re.escape(end), re.DOTALL)
    if not between.search(readme):
        raise UsageError(f"the README has no table's place; put {begin} and {end} into it")
    return between.sub(lambda _: begin + "\n" + table + "\n" + end, readme, count=1)


def update_readme(readme: Path, folder: Path = RESULTS) -> Path:
    """Writes the tables: of the newest result over the whole suite, whose path is returned, and of
    the red flags and of the support check, which are counted now.

    Raises:
        UsageError: There is no such result, or the README is not there or has no markers.
    """
    from evals.alarms import measure_alarms, render_alarms
    from evals.mutations import measure_mutations, render_mutations

    text = read_text(readme)
    newest = newest_published(folder.glob("*.json"))
    if newest is None:
        raise UsageError(
            f"{folder}: no result of a whole run at a commit; commit, then `python -m evals run`"
        )
    text = with_table(text, render_table(load_result(newest), newest.name))
    alarms = "\n" + render_alarms(measure_alarms())
    text = with_table(text, alarms, ALARMS_BEGIN, ALARMS_END)
    mutations = "\n" + render_mutations(measure_mutations())
    write_text(readme, with_table(text, mutations, MUTATIONS_BEGIN, MUTATIONS_END))
    return newest
