"""Small SVG drawings for the report page: bars with intervals, curves, histograms.

Colours are CSS variables of the page (Okabe and Ito's set, one for light and one for dark); the
second series is also hatched or dashed, and every series carries its name. A `Drawing` brings its
numbers as a table too. No library draws SVG that follows the page's light and dark, hence by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final, TypeAlias

import numpy as np

from evals.stats import Figure

WIDTH: Final = 420
LABEL: Final = 132
BAR: Final = 10.0
BINS: Final = 20

HATCH: Final = (
    '<svg class="defs" width="0" height="0" aria-hidden="true"><defs>'
    '<pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" '
    'patternTransform="rotate(45)"><rect width="5" height="5" class="ground"/>'
    '<rect width="2" height="5" class="stroke"/></pattern></defs></svg>'
)
"""Stands once in the page; the second series is filled with it."""

Curve: TypeAlias = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Drawing:
    """A plot and the same numbers as a table."""

    title: str
    svg: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def _svg(height: float, title: str, body: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(body)}</svg>'
    )


def _text(x: float, y: float, words: str, anchor: str = "start", css: str = "") -> str:
    kind = f' class="{css}"' if css else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{kind}>{escape(words)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, css: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{css}"/>'


def _rect(x: float, y: float, wide: float, tall: float, series: int, tip: str) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{tall:.1f}" '
        f'class="s{series}"><title>{escape(tip)}</title></rect>'
    )


def bars(
    title: str, rows: Sequence[tuple[str, Sequence[Figure | None]]], names: Sequence[str]
) -> Drawing:
    """Horizontal bars from 0 to 1 with their 95 % intervals, one group a row.

    Args:
        rows: A label and one figure a series; None leaves the place empty.
        names: The series' names, at most two.
    """
    left, right, top = float(LABEL), WIDTH - 14.0, 30.0
    row_height = 20 + 14.0 * max(len(names), 1)
    bottom = top + len(rows) * row_height
    body = [_grid_x(left, right, top - 6, bottom), _legend(left, 14, names)]
    for number, (label, figures) in enumerate(rows):
        y = top + number * row_height
        body.append(_text(left - 8, y + 10, label, "end"))
        for place, figure in enumerate(figures):
            if figure is not None and figure.value is not None:
                middle = y + 21 + place * 14
                body.append(_bar(left, right, middle, place, figure, f"{label}, {names[place]}"))
                words = f"{figure.value:.2f}, n {figure.n}"
                body.append(_text(left - 8, middle + 4, words, "end", "small"))
    table = [
        (label, name, *_cells(figure))
        for label, figures in rows
        for name, figure in zip(names, figures, strict=True)
        if figure is not None
    ]
    head = ("", "series", "value", "95 % interval", "n")
    return Drawing(title, _svg(bottom + 20, title, body), head, table)


def _bar(left: float, right: float, middle: float, place: int, figure: Figure, label: str) -> str:
    scale = right - left
    value = figure.value or 0.0
    tip = f"{label}: {value:.3f}, n {figure.n}"
    drawn = _rect(left, middle - BAR / 2, value * scale, BAR, place, tip)
    if figure.low is not None and figure.high is not None:
        low, high = left + figure.low * scale, left + figure.high * scale
        drawn += _line(low, middle, high, middle, "interval")
    return drawn


def _cells(figure: Figure) -> tuple[str, str, str]:
    if figure.value is None:
        return "–", "–", str(figure.n)
    known = figure.low is not None and figure.high is not None
    interval = f"{figure.low:.3f} to {figure.high:.3f}" if known else "–"
    return f"{figure.value:.3f}", interval, str(figure.n)


def _grid_x(left: float, right: float, top: float, bottom: float) -> str:
    parts = []
    for tick in (0, 0.25, 0.5, 0.75, 1):
        x = left + tick * (right - left)
        parts.append(_line(x, top, x, bottom, "grid"))
        parts.append(_text(x, bottom + 14, f"{tick:g}", "middle", "small"))
    return "".join(parts)


def _grid_y(left: float, right: float, top: float, bottom: float, limit: float) -> str:
    """Lines at round values up to `limit`, which is a multiple of their step."""
    step = tick_step(limit)
    parts = []
    for number in range(round(limit / step) + 1):
        y = bottom - number * step / limit * (bottom - top)
        parts.append(_line(left, y, right, y, "grid"))
        parts.append(_text(left - 6, y + 4, f"{number * step:g}", "end", "small"))
    return "".join(parts)


def tick_step(peak: float) -> float:
    """The least round step that reaches `peak` in at most five, in (0, 1]."""
    steps = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.25)
    return next((step for step in steps if peak / step <= 5 + 1e-9), 0.25)


def _limit(peak: float) -> float:
    """The end of an axis: the first multiple of its step not below the peak."""
    step = tick_step(peak)
    return float(np.ceil(peak / step - 1e-9)) * step


def _legend(x: float, y: float, names: Sequence[str]) -> str:
    if len(names) < 2:
        return ""
    parts = []
    for place, name in enumerate(names):
        parts.append(f'<rect x="{x:.0f}" y="{y - 9:.0f}" width="14" height="10" class="s{place}"/>')
        parts.append(_text(x + 20, y, name, css="small"))
        x += 40 + 6.4 * len(name)
    return "".join(parts)


def curves(
    title: str,
    series: Sequence[tuple[str, Curve]],
    points: Sequence[tuple[str, float, float]],
    x_name: str,
    y_name: str,
) -> Drawing:
    """Lines over [0, 1] × [0, 1], with named points on them."""
    left, right, top, bottom = 56.0, WIDTH - 16.0, 30.0, 250.0
    peak = max([y for _, line in series for _, y in line] + [y for *_, y in points] + [0.05])
    limit = min(1.0, _limit(peak))

    def place(x: float, y: float) -> tuple[float, float]:
        return left + x * (right - left), bottom - y / limit * (bottom - top)

    body = [_grid_x(left, right, top, bottom), _grid_y(left, right, top, bottom, limit)]
    for number, (_, line) in enumerate(series):
        path = " ".join("{:.1f},{:.1f}".format(*place(x, y)) for x, y in line)
        body.append(f'<polyline points="{path}" class="l{number}"/>')
    for number, (name, x, y) in enumerate(points):
        body.append(_point(*place(x, y), number, name, f"{x:.2f}, {y:.3f}", (left + right) / 2))
    body.append(_legend(left, 16, [name for name, _ in series]))
    body.append(_text((left + right) / 2, bottom + 32, x_name, "middle"))
    body.append(
        f'<text transform="translate(12 {(top + bottom) / 2:.0f}) rotate(-90)" '
        f'text-anchor="middle">{escape(y_name)}</text>'
    )
    table = [
        (name, f"{x:.3f}", f"{y:.3f}")
        for name, line in [*series, *((name, [(x, y)]) for name, x, y in points)]
        for x, y in _thinned(line)
    ]
    return Drawing(title, _svg(bottom + 42, title, body), ("", x_name, y_name), table)


def _point(x: float, y: float, number: int, name: str, values: str, half_way: float) -> str:
    anchor, shift = ("end", -9.0) if x > half_way else ("start", 9.0)
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" class="s{number}">'
        f"<title>{escape(f'{name}: {values}')}</title></circle>"
        + _text(x + shift, y - 20, name, anchor, "point")
        + _text(x + shift, y - 6, values, anchor, "point")
    )


def _thinned(line: Curve) -> Curve:
    """About twenty points of a curve, the last among them."""
    step = max(1, len(line) // BINS)
    return [*line[: len(line) - 1 : step], line[-1]] if line else []


def histograms(
    title: str, series: Sequence[tuple[str, Sequence[float]]], low: float, high: float, x_name: str
) -> Drawing:
    """Two histograms with common bins, each as a share of its own series, side by side."""
    left, right, top, bottom = 46.0, WIDTH - 16.0, 30.0, 220.0
    edges = np.linspace(low, high, BINS + 1)
    shares = [
        np.histogram(np.clip(values, low, high), edges)[0] / max(1, len(values))
        for _, values in series
    ]
    limit = _limit(max([float(share.max()) for share in shares] + [0.01]))
    wide = (right - left) / BINS
    body = [_grid_y(left, right, top, bottom, limit)]
    for number, share in enumerate(shares):
        for index, value in enumerate(share):
            tall = float(value) / limit * (bottom - top)
            x = left + index * wide + number * wide / len(shares)
            tip = f"{series[number][0]}, {edges[index]:.2f} to {edges[index + 1]:.2f}: {value:.1%}"
            body.append(_rect(x, bottom - tall, wide / len(shares) - 1, tall, number, tip))
    for index in range(0, BINS + 1, 4):
        x = left + index * wide
        body.append(_line(x, bottom, x, bottom + 4, "axis"))
        body.append(_text(x, bottom + 15, f"{edges[index]:g}", "middle", "small"))
    names = [f"{name}, n {len(values)}" for name, values in series]
    body.append(_legend(left, 16, names))
    body.append(_text((left + right) / 2, bottom + 32, f"{x_name}; share of each", "middle"))
    table = [
        (f"{edges[n]:.2f} to {edges[n + 1]:.2f}", *(f"{share[n]:.3f}" for share in shares))
        for n in range(BINS)
    ]
    return Drawing(title, _svg(bottom + 42, title, body), (x_name, *names), table)


def risk_coverage(scored: Sequence[tuple[float, bool]]) -> list[tuple[float, float]]:
    """The risk–coverage curve (El-Yaniv and Wiener 2010) of a score.

    Args:
        scored: For each question its score and whether answering it is right.

    Returns:
        Points (share of questions answered, share of those wrong), the surest first; ties in the
        score are one point, since no limit can tell them apart.
    """
    ordered = sorted(scored, key=lambda pair: -pair[0])
    points: list[tuple[float, float]] = []
    wrong = 0
    for number, (value, right) in enumerate(ordered, 1):
        wrong += not right
        if number == len(ordered) or ordered[number][0] != value:
            points.append((number / len(ordered), wrong / number))
    return points
