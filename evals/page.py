"""The report as one HTML file that needs nothing else: plots, figures, every listed case.

Jinja escapes all text; the only markup put in as it is are our own drawings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from assistant.types import Kind, Span
from evals import plots
from evals.cases import CaseKind
from evals.figures import answerable, unanswerable
from evals.plots import Drawing
from evals.report import TITLES, figures_of, format_figure, iter_sections, meaning_of
from evals.results import write_text
from evals.scoring import CaseResult, Status
from evals.stats import Figure
from evals.truth import Truth, parse_citation_span

_FOLDER: Final = Path(__file__).resolve().parent
_RANK: Final = {Status.FAIL: 0, Status.PARTIAL: 1, Status.PASS: 2}


def write_page(
    result: Mapping[str, Any], listed: Sequence[CaseResult], truth: Truth, path: Path
) -> None:
    """Writes the page.

    Args:
        listed: Cases shown one by one, failed ones first. Of those of one split, dev where there
            is one, the confusion of kinds and the plots of scores are drawn.
    """
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    judged = result.get("judge", {}).get("cases", {})
    ordered = sorted(listed, key=lambda r: _RANK[r.status])
    rows = [{**_row(r, truth), "judged": judged.get(r.case.id)} for r in ordered]
    figures = figures_of(result)
    splits = [name for name in ("dev", "test") if name in figures]
    drawn = [r for r in listed if r.case.split == splits[0]]
    html = environment.get_template("page.html.jinja").render(
        result=result,
        splits=splits,
        sections=[
            (TITLES.get(section, section), [_figure_row(figures, name, splits) for name in names])
            for section, names in iter_sections(figures)
        ],
        drawings=[(d, Markup(d.svg)) for d in _drawings(result, drawn, splits)],
        hatch=Markup(plots.HATCH),
        confusion=_confusion(drawn),
        rows=rows,
        hidden=result["suite"]["cases"] - len(listed),
        choices={
            "status": [status.value for status in Status],
            "case": sorted({row["case_kind"] for row in rows}),
            "expected": sorted({row["expected_kind"] for row in rows}),
            "got": sorted({row["got_kind"] for row in rows}),
        },
    )
    write_text(path, html)


def _figure_row(
    figures: Mapping[str, Mapping[str, Any]], name: str, splits: Sequence[str]
) -> dict[str, Any]:
    cells = [format_figure(name, figures[split].get(name)) for split in splits]
    return {"name": name, "cells": cells, "meaning": meaning_of(name)}


def _figure(result: Mapping[str, Any], split: str, name: str) -> Figure | None:
    found = result["figures"].get(split, {}).get(name)
    return None if found is None else Figure(**found)


def _drawings(
    result: Mapping[str, Any], drawn: Sequence[CaseResult], splits: Sequence[str]
) -> list[Drawing]:
    of_kind = [
        (kind.value, [_figure(result, split, f"right.{kind}") for split in splits])
        for kind in CaseKind
    ]
    first = splits[0]
    caught = [
        (kind.value, [_figure(result, first, f"safety.{kind}.{what}") for what in _CATCHING])
        for kind in Kind
    ]
    drawings = [
        plots.bars("Right, by kind of case", _measured(of_kind), splits),
        plots.bars(
            f"Kinds of message: catching beside false alarm ({first})",
            _measured(caught),
            ("caught", "false alarm"),
        ),
    ]
    plain = [r for r in drawn if r.look and (answerable(r) or unanswerable(r))]
    if plain:
        drawings += [
            _risk(plain, first),
            plots.histograms(
                "Nearest passage's cosine", _by_answered(plain), 0, 1, "cosine similarity"
            ),
            plots.histograms("Answerability score", _by_answerable(plain), 0, 1, "answerability"),
        ]
    return drawings


_CATCHING: Final = ("caught", "false_alarm")


def _measured(
    rows: Sequence[tuple[str, Sequence[Figure | None]]],
) -> list[tuple[str, Sequence[Figure | None]]]:
    return [(label, figures) for label, figures in rows if any(f is not None for f in figures)]


def _risk(plain: Sequence[CaseResult], split: str) -> Drawing:
    scored = [(r.look.answerability, answerable(r)) for r in plain if r.look]
    given = [r for r in plain if r.answered]
    points = []
    if given:
        wrong = sum(not answerable(r) for r in given) / len(given)
        points.append(("as it answers", len(given) / len(plain), wrong))
    return plots.curves(
        f"Risk and coverage of the answerability score ({split})",
        [(split, plots.risk_coverage(scored))],
        points,
        "share of plain questions answered",
        "share of them not answerable",
    )


def _by_answered(plain: Sequence[CaseResult]) -> list[tuple[str, list[float]]]:
    return [
        (
            name,
            [
                r.look.similarity
                for r in plain
                if r.look and r.look.similarity is not None and r.answered is answered
            ],
        )
        for name, answered in (("answered", True), ("not answered", False))
    ]


def _by_answerable(plain: Sequence[CaseResult]) -> list[tuple[str, list[float]]]:
    return [
        (name, [r.look.answerability for r in plain if r.look and answerable(r) is wanted])
        for name, wanted in (("answerable", True), ("not answerable", False))
    ]


def _confusion(drawn: Sequence[CaseResult]) -> dict[str, Any]:
    """Expected kinds by kinds got: number, share of its row, whether it is right."""
    counts = Counter((r.case.expect_kind.value, r.kind) for r in drawn)
    seen = {name for pair in counts for name in pair}
    known = [kind.value for kind in Kind]
    names = [name for name in known if name in seen] + sorted(seen - set(known))
    rows = []
    for name in names:
        total = max(1, sum(counts[name, got] for got in names))
        cells = [(counts[name, got], counts[name, got] / total, got == name) for got in names]
        rows.append((name, cells))
    return {"names": names, "rows": rows}


def _row(result: CaseResult, truth: Truth) -> dict[str, Any]:
    case, answer = result.case, result.observation.answer or {}
    if any(fault.name == "answer_not_readable" for fault in result.faults):
        answer = {}
    return {
        "status": result.status.value,
        "id": case.id,
        "group": case.group,
        "split": case.split,
        "case_kind": case.kind.value,
        "question": case.question,
        "history": [(turn.role, turn.content) for turn in case.history],
        "expected_kind": case.expect_kind.value,
        "expected_outcome": case.expect_outcome.value,
        "got_kind": result.kind,
        "got_outcome": result.outcome,
        "reasons": result.reasons,
        "answerability": result.look.answerability if result.look else None,
        "notices": [(n.get("kind", ""), n.get("text", "")) for n in answer.get("notices") or []],
        "statements": [
            {
                "text": statement["text"],
                "lead": statement.get("lead", ""),
                "citations": [
                    (cited, _label(case.gold, case.alt_gold, cited))
                    for cited in statement["citations"]
                ],
            }
            for statement in answer.get("statements") or []
        ],
        "nearest": [c.get("quote", "") for c in answer.get("nearest") or []],
        "suggestions": answer.get("suggestions") or [],
        "disclaimer": answer.get("disclaimer", ""),
        "missing": [
            (span.id, truth.texts[span.article_id][span.start : span.end])
            for span in case.gold
            if not any(span.overlaps(cited) for cited in result.cited)
        ],
    }


def _label(gold: Sequence[Span], alt_gold: Sequence[Span], citation_id: str) -> str:
    span = parse_citation_span(citation_id)
    if span is None:
        return "not readable"
    if any(span.overlaps(other) for other in gold):
        return "gold"
    return "relevant" if any(span.overlaps(other) for other in alt_gold) else "not in the labels"
