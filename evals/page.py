"""The report as one HTML file that needs nothing else: plots, figures, every listed case.

Jinja escapes all text; the only markup put in as it is are our own drawings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from assistant.types import Kind, Span
from evals import plots
from evals.cases import CaseKind
from evals.figures import EXPLANATIONS, answerable, unanswerable
from evals.integrity import Truth, parse_citation_span
from evals.report import TITLES, format_figure, iter_sections
from evals.scoring import CaseResult, Status
from evals.stats import Figure

_FOLDER = Path(__file__).resolve().parent


def write_page(
    result: Mapping[str, Any],
    listed: Sequence[CaseResult],
    everything: Sequence[CaseResult],
    truth: Truth,
    path: Path,
) -> None:
    """Writes the page.

    Args:
        listed: Cases shown one by one, failed ones first.
        everything: Cases that the plots are drawn from.
    """
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    rank = {Status.FAIL: 0, Status.PARTIAL: 1, Status.PASS: 2}
    rows = [_row(r, truth) for r in sorted(listed, key=lambda r: rank[r.status])]
    splits = [name for name in ("dev", "test") if name in result["figures"]]
    html = environment.get_template("page.html.jinja").render(
        result=result,
        splits=splits,
        sections=[
            (TITLES.get(section, section), [_figure_row(result, name, splits) for name in names])
            for section, names in iter_sections(result["figures"])
        ],
        drawings=_drawings(result, everything, splits),
        confusion=_confusion(everything),
        rows=rows,
        hidden=len(everything) - len(listed),
        choices={
            "status": [status.value for status in Status],
            "case": sorted({row["case_kind"] for row in rows}),
            "expected": sorted({row["expected_kind"] for row in rows}),
            "got": sorted({row["got_kind"] for row in rows}),
        },
    )
    path.write_text(html, encoding="utf-8", newline="\n")


def _figure_row(result: Mapping[str, Any], name: str, splits: Sequence[str]) -> dict[str, Any]:
    cells = [format_figure(name, result["figures"][split].get(name)) for split in splits]
    return {"name": name, "cells": cells, "meaning": EXPLANATIONS.get(name, "")}


def _figure(result: Mapping[str, Any], split: str, name: str) -> Figure | None:
    found = result["figures"].get(split, {}).get(name)
    return None if found is None else Figure(**found)


def _drawings(
    result: Mapping[str, Any], everything: Sequence[CaseResult], splits: Sequence[str]
) -> list[tuple[str, Markup]]:
    whole = "all" if "all" in result["figures"] else splits[0]
    of_kind = [
        (kind.value, [_figure(result, split, f"right.{kind}") for split in splits])
        for kind in CaseKind
        if _figure(result, whole, f"right.{kind}") is not None
    ]
    caught = [
        (
            kind.value,
            [
                _figure(result, whole, f"safety.{kind}.caught"),
                _figure(result, whole, f"safety.{kind}.false_alarm"),
            ],
        )
        for kind in Kind
        if _figure(result, whole, f"safety.{kind}.caught") is not None
    ]
    plain = [r for r in everything if r.look and (answerable(r) or unanswerable(r))]
    drawings = [
        ("Right, by kind of case", plots.bars("Right, by kind of case", of_kind, splits)),
        (
            "Kinds of message: catching beside false alarm",
            plots.bars("Catching and false alarm", caught, ("caught", "false alarm")),
        ),
    ]
    if plain:
        drawings += [
            ("Risk and coverage of the answerability score", _risk(plain, splits)),
            (
                "Nearest passage's cosine",
                plots.histograms(
                    "Nearest passage's cosine", _by_answered(plain), 0, 1, "cosine similarity"
                ),
            ),
            (
                "Answerability score",
                plots.histograms(
                    "Answerability score", _by_answerable(plain), 0, 1, "answerability"
                ),
            ),
        ]
    return [(title, Markup(svg)) for title, svg in drawings]


def _risk(plain: Sequence[CaseResult], splits: Sequence[str]) -> str:
    series, points = [], []
    for split in splits:
        part = [r for r in plain if r.case.split == split]
        scored = [(r.look.answerability, answerable(r)) for r in part if r.look]
        if not scored:
            continue
        series.append((split, plots.risk_coverage(scored)))
        given = [r for r in part if r.answered]
        if given:
            wrong = sum(not answerable(r) for r in given) / len(given)
            points.append((f"as it answers, {split}", len(given) / len(part), wrong))
    return plots.curves(
        "Risk and coverage",
        series,
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


def _confusion(everything: Sequence[CaseResult]) -> dict[str, Any]:
    """Expected kinds by kinds got, as scikit-learn counts them."""
    from sklearn.metrics import confusion_matrix

    seen = {str(r.case.expect_kind) for r in everything} | {r.kind for r in everything}
    known = [str(kind) for kind in Kind]
    names = [name for name in known if name in seen] + sorted(seen - set(known))
    table = confusion_matrix(
        [r.case.expect_kind.value for r in everything], [r.kind for r in everything], labels=names
    )
    rows = []
    for name, counts in zip(names, table.tolist(), strict=True):
        total = max(1, sum(counts))
        rows.append(
            (name, [(number, number / total, names[i] == name) for i, number in enumerate(counts)])
        )
    return {"names": names, "rows": rows}


def _row(result: CaseResult, truth: Truth) -> dict[str, Any]:
    case, answer = result.case, result.observation.answer or {}
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
                "citations": [
                    (cited, _label(case.gold, case.alt_gold, cited))
                    for cited in statement["citations"]
                ],
            }
            for statement in (answer.get("statements") or [] if result.cited else [])
        ],
        "nearest": [c.get("quote", "") for c in answer.get("nearest") or []],
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
