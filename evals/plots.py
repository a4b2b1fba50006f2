"""Small SVG drawings for the report page: bars with intervals, curves, histograms.

Colours are CSS variables of the page (Okabe and Ito's set, one for light and one for dark), and
every series also differs by its dash or fill pattern and carries its name. No library draws
SVG that follows the page's light and dark, hence by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final, TypeAlias

import numpy as np

from evals.stats import Figure

WIDTH: Final = 640
LABEL: Final = 190
ROW: Final = 26

Curve: TypeAlias = Sequence[tuple[float, float]]


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


def bars(
    title: str, rows: Sequence[tuple[str, Sequence[Figure | None]]], names: Sequence[str]
) -> str:
    """Horizontal bars from 0 to 1 with their 95 % intervals, one group a row.

    Args:
        rows: A label and one figure a series; None leaves the place empty.
        names: The series' names, at most two.
    """
    thick = 9.0
    left, right = LABEL, WIDTH - 120
    scale = right - left
    height = 30 + len(rows) * (ROW if len(names) > 1 else ROW - 6) + 24
    body = [_grid(left, right, 24, height - 24)]
    body += [_legend(left, 12, names)] if len(names) > 1 else []
    y = 30.0
    for label, figures in rows:
        body.append(_text(left - 8, y + thick, label, "end"))
        for place, figure in enumerate(figures):
            top = y + place * (thick + 2)
            if figure is None or figure.value is None:
                continue
            tip = f"{label}, {names[place]}: {figure.value:.3f}, n {figure.n}"
            body.append(
                f'<rect x="{left:.1f}" y="{top:.1f}" width="{figure.value * scale:.1f}" '
                f'height="{thick}" class="s{place}"><title>{escape(tip)}</title></rect>'
            )
            words = f"{figure.value:.2f}"
            if figure.low is not None and figure.high is not None:
                middle = top + thick / 2
                body.append(
                    _line(
                        left + figure.low * scale,
                        middle,
                        left + figure.high * scale,
                        middle,
                        "interval",
                    )
                )
            if place == 0:
                words += f"  n {figure.n}"
            body.append(_text(right + 8, top + thick - 1, words, css="small"))
        y += ROW if len(names) > 1 else ROW - 6
    return _svg(height, title, body)


def _grid(left: float, right: float, top: float, bottom: float) -> str:
    parts = []
    for tick in (0, 0.25, 0.5, 0.75, 1):
        x = left + tick * (right - left)
        parts.append(_line(x, top, x, bottom, "grid"))
        parts.append(_text(x, bottom + 14, f"{tick:g}", "middle", "small"))
    return "".join(parts)


def _legend(x: float, y: float, names: Sequence[str]) -> str:
    parts = []
    for place, name in enumerate(names):
        parts.append(f'<rect x="{x:.0f}" y="{y - 9:.0f}" width="14" height="10" class="s{place}"/>')
        parts.append(_text(x + 20, y, name, css="small"))
        x += 40 + 7 * len(name)
    return "".join(parts)


def curves(
    title: str,
    series: Sequence[tuple[str, Curve]],
    points: Sequence[tuple[str, float, float]],
    x_name: str,
    y_name: str,
) -> str:
    """Lines over [0, 1] × [0, 1], with named points on them."""
    left, right, top, bottom = 60.0, WIDTH - 20.0, 34.0, 300.0
    peak = max([y for _, line in series for _, y in line] + [y for *_, y in points] + [0.1])
    limit = min(1.0, float(np.ceil(peak * 10) / 10))

    def place(x: float, y: float) -> tuple[float, float]:
        return left + x * (right - left), bottom - y / limit * (bottom - top)

    body = [_grid(left, right, top, bottom)]
    for step in range(5):
        value = limit * step / 4
        y = place(0, value)[1]
        body.append(_line(left, y, right, y, "grid"))
        body.append(_text(left - 6, y + 4, f"{value:.2f}", "end", "small"))
    for number, (_, line) in enumerate(series):
        path = " ".join("{:.1f},{:.1f}".format(*place(x, y)) for x, y in line)
        body.append(f'<polyline points="{path}" class="l{number}"/>')
    for number, (name, x, y) in enumerate(points):
        px, py = place(x, y)
        body.append(
            f'<circle cx="{px:.1f}" cy="{py:.1f}" r="5" class="s{number}">'
            f"<title>{escape(f'{name}: {x:.2f}, {y:.3f}')}</title></circle>"
        )
    body.append(_legend(left, 16, [name for name, _ in series]))
    body.append(_text((left + right) / 2, bottom + 34, x_name, "middle"))
    body.append(
        f'<text transform="translate(14 {(top + bottom) / 2:.0f}) rotate(-90)" '
        f'text-anchor="middle">{escape(y_name)}</text>'
    )
    return _svg(bottom + 44, title, body)


def histograms(
    title: str, series: Sequence[tuple[str, Sequence[float]]], low: float, high: float, x_name: str
) -> str:
    """Two histograms with common bins, each as a share of its own series, side by side."""
    left, right, top, bottom = 60.0, WIDTH - 20.0, 34.0, 240.0
    edges = np.linspace(low, high, 21)
    shares = [
        np.histogram(np.clip(values, low, high), edges)[0] / max(1, len(values))
        for _, values in series
    ]
    peak = max([float(s.max()) for s in shares] + [0.01])
    wide = (right - left) / 20
    body = [_line(left, bottom, right, bottom, "axis")]
    for number, share in enumerate(shares):
        for index, value in enumerate(share):
            tall = float(value) / peak * (bottom - top)
            x = left + index * wide + number * wide / len(shares)
            tip = f"{series[number][0]}, {edges[index]:.2f} to {edges[index + 1]:.2f}: {value:.1%}"
            body.append(
                f'<rect x="{x:.1f}" y="{bottom - tall:.1f}" '
                f'width="{wide / len(shares) - 1:.1f}" height="{tall:.1f}" '
                f'class="s{number}"><title>{escape(tip)}</title></rect>'
            )
    for index in range(0, 21, 4):
        body.append(
            _text(left + index * wide, bottom + 14, f"{edges[index]:.2f}", "middle", "small")
        )
    names = [f"{name}, n {len(values)}" for name, values in series]
    body.append(_legend(left, 16, names))
    body.append(_text(left - 6, top + 4, f"{peak:.0%}", "end", "small"))
    body.append(_text((left + right) / 2, bottom + 34, x_name, "middle"))
    return _svg(bottom + 44, title, body)


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
