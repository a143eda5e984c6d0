"""Plots as inline SVG. PURE. Lines over a number axis; what JavaScript adds is a reading under the pointer.

Each `Plot` is a figure with its data beside it, so that it can be read without the picture. Colours are classes: the
page has them, for light and for dark.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

WIDTH, HEIGHT = 760, 240
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 12, 30
TICKS = 5
MOST_POINTS = 400


@dataclass(frozen=True)
class Curve:
    """`xs` and `ys` are as long as each other. None: nothing was measured there, and the line has a gap."""

    name: str
    xs: Sequence[float]
    ys: Sequence[float | None]


@dataclass(frozen=True)
class Plot:
    """`limit` is a line across, of what was asked for. `note` says what is to be seen."""

    title: str
    x: str
    y: str
    curves: Sequence[Curve] = field(default_factory=list)
    limit: float | None = None
    top: float | None = None
    note: str = ""


def drawn(plot: Plot) -> str:
    """The figure, or nothing where there is nothing to draw."""
    curves = [_thinned(curve) for curve in plot.curves if any(y is not None for y in curve.ys)]
    if not curves:
        return ""
    right = max(max(curve.xs) for curve in curves) or 1.0
    highest = max(y for curve in curves for y in curve.ys if y is not None)
    top = plot.top or _nice(max(highest, plot.limit or 0.0)) or 1.0
    body = [_axes(plot, right, top)]
    if plot.limit is not None:
        at = _y(plot.limit, top)
        body.append(f'<line class="limit" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at}" y2="{at}"/>')
    body += [_curve(curve, place, right, top) for place, curve in enumerate(curves)]
    legend = "".join(
        f'<span><i class="c{place % 8}"></i>{html.escape(curve.name)}</span>' for place, curve in enumerate(curves)
    )
    if plot.limit is not None:
        legend += f'<span><i class="limit"></i>asked for: {plot.limit:g}</span>'
    data = {
        "right": right, "left": LEFT, "width": WIDTH - LEFT - RIGHT, "x": plot.x,
        "curves": [{"name": curve.name, "xs": list(curve.xs), "ys": list(curve.ys)} for curve in curves],
    }  # fmt: skip
    written = msgspec.json.encode(data).decode().replace("</", "<\\/")
    return (
        f'<figure><figcaption>{html.escape(plot.title)}</figcaption><div class="legend">{legend}</div>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(plot.title)}">{"".join(body)}'
        f'<line class="pointer" y1="{TOP}" y2="{HEIGHT - BOTTOM}" x1="-9" x2="-9"/></svg>'
        f'<output></output><p class="note">{html.escape(plot.note)}</p>'
        f'<script type="application/json">{written}</script></figure>'
    )


def _thinned(curve: Curve) -> Curve:
    step = -(-len(curve.xs) // MOST_POINTS) or 1
    xs, ys = list(curve.xs[::step]), list(curve.ys[::step])
    return Curve(curve.name, [round(x, 3) for x in xs], [None if y is None else round(y, 3) for y in ys])


def _axes(plot: Plot, right: float, top: float) -> str:
    parts = []
    for tick in range(TICKS + 1):
        value = top * tick / TICKS
        at = _y(value, top)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at}" y2="{at}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{at + 4}" text-anchor="end">{_told(value)}</text>')
        along = right * tick / TICKS
        parts.append(f'<text x="{_x(along, right)}" y="{HEIGHT - 12}" text-anchor="middle">{_told(along)}</text>')
    parts.append(f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 1}" text-anchor="end">{html.escape(plot.x)}</text>')
    parts.append(f'<text x="2" y="{TOP - 2}">{html.escape(plot.y)}</text>')
    return "".join(parts)


def _curve(curve: Curve, place: int, right: float, top: float) -> str:
    pieces: list[list[str]] = [[]]
    for x, y in zip(curve.xs, curve.ys, strict=True):
        if y is None:
            pieces.append([])
        else:
            pieces[-1].append(f"{_x(x, right)},{_y(min(y, top), top)}")
    return "".join(f'<polyline class="c{place % 8}" points="{" ".join(piece)}"/>' for piece in pieces if piece)


def _x(value: float, right: float) -> float:
    return round(LEFT + value / right * (WIDTH - LEFT - RIGHT), 1)


def _y(value: float, top: float) -> float:
    return round(HEIGHT - BOTTOM - value / top * (HEIGHT - BOTTOM - TOP), 1)


def _nice(value: float) -> float:
    """The next of 1, 2, 2.5 and 5 times a power of ten."""
    if value <= 0:
        return 0.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(each * power for each in (1, 2, 2.5, 5, 10) if each * power >= value * 0.999)


def _told(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.2f}".rstrip("0")
