"""The plot of a comparison: cost of an example (log scale) against utility, with the accepted loss, as SVG.

Filled markers are good enough, hollow ones are not; the pick has a ring and is named. Bars are 95 % intervals of the
cost. No information is carried by colour alone.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from jupyter_green.compression.report.plot_axis import ticks, words
from jupyter_green.reporting.sanitize import markup, shorten

if TYPE_CHECKING:
    from .result import Comparison, Row

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 620, 280, 60, 40, 16, 24
_GOOD = ("best", "pick", "good enough", "uses no less", "can't tell")


def scatter(found: Comparison) -> str:
    """Return the plot as SVG; empty if fewer than two candidates have both figures."""
    rows = [row for row in found.rows if row.ratio is not None and row.utility is not None]
    if len(rows) < 2:
        return ""
    ends = [end for row in rows if row.ratio for end in (row.ratio.low, row.ratio.high)]
    left, right = math.log(min(ends)) - 0.2, math.log(max(ends)) + 0.2
    best = found.row(found.best).utility or 0.0
    higher = all((row.utility or 0.0) <= best + 1e-12 for row in rows)
    limit = best - found.accepted if found.unit == "points" else best * (1 - found.accepted * (1 if higher else -1))
    values = [row.utility or 0.0 for row in rows] + [limit]
    margin = max(0.1 * (max(values) - min(values)), 1e-3 * max(abs(value) for value in values), 1e-9)
    low, high = min(values) - margin, max(values) + margin

    def x(ratio: float) -> float:
        return LEFT + (math.log(max(ratio, 1e-12)) - left) / (right - left) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        share = (value - low) / (high - low)
        share = share if higher else 1 - share
        return HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)

    edge = y(limit)
    quantity = "energy" if found.basis == "joules" else "processor time"
    parts = [
        f'<rect x="{LEFT}" y="{edge:.1f}" width="{WIDTH - LEFT - RIGHT}" height="{HEIGHT - BOTTOM - edge:.1f}" '
        'fill="var(--jg-track)"/>',
        f'<path d="M{LEFT} {edge:.1f}H{WIDTH - RIGHT}" stroke="var(--jg-muted)"/>',
        words(LEFT + 4, edge + 13, "loses more than is accepted", "start"),
        f'<path d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}" stroke="var(--jg-rule)" fill="none"/>',
        words(LEFT, HEIGHT - 8, found.metric, "start"),
        words(WIDTH - RIGHT, HEIGHT - 8, f"{quantity} of one example, {shorten(found.best, 24)} = 1, log scale", "end"),
    ]
    for tick in ticks(math.exp(left), math.exp(right)):
        parts.append(words(x(tick), HEIGHT - BOTTOM + 14, f"{tick:g}", "middle"))
    for value in (best, limit):
        parts.append(words(LEFT - 6, y(value) + 4, _score(value, found.unit), "end"))
    parts += [_mark(row, found, x(row.ratio.value), y(row.utility or 0.0), x) for row in rows if row.ratio is not None]
    title = f"{found.metric} against {quantity} of {len(rows)} candidates; taken: {found.pick}"
    return (
        f'<svg class="jg-pareto" role="img" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'style="max-width:100%;height:auto" font-size="11"><title>{markup(title)}</title>{"".join(parts)}</svg>'
    )


def _mark(row: Row, found: Comparison, across: float, down: float, x: object) -> str:
    assert callable(x)
    assert row.ratio is not None
    filled = row.standing in _GOOD
    fill = "var(--jg-gpu)" if filled else "var(--jp-layout-color0,Canvas)"
    picked = row.name == found.pick
    bars = f'<path d="M{x(row.ratio.low):.1f} {down:.1f}H{x(row.ratio.high):.1f}" stroke="var(--jg-muted)"/>'
    dot = f'<circle cx="{across:.1f}" cy="{down:.1f}" r="4" fill="{fill}" stroke="var(--jg-ink)" stroke-width="1.2"/>'
    ring = f'<circle cx="{across:.1f}" cy="{down:.1f}" r="8" fill="none" stroke="var(--jg-ink)"/>' if picked else ""
    label = f"{row.name} (taken)" if picked else row.name
    near_right = across > WIDTH - 160
    label_x, anchor = (across - 10, "end") if near_right else (across + 10, "start")
    return f"{bars}{dot}{ring}{words(label_x, down - 8, shorten(label, 30), anchor)}"


def _score(value: float, unit: str) -> str:
    return f"{100 * value:.1f}" if unit == "points" else f"{value:.3g}"
