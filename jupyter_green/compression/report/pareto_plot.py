"""The Pareto plot of a result: cost per inference (log scale) against loss, as SVG.

Filled markers are on the front, hollow ones were dropped, the larger one is the kept candidate; no information is
carried by colour alone. The title names the kept candidate. Bars are 95 % intervals of cost (horizontal) and loss
(vertical).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from jupyter_green.reporting.sanitize import markup, shorten

from .plot_axis import ticks, words

if TYPE_CHECKING:
    from jupyter_green.compression.result import ResultRow, ShrinkResult

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 620, 280, 60, 40, 16, 20


def pareto(result: ShrinkResult) -> str:
    """Return the plot as SVG; empty if fewer than two candidates have both figures."""
    rows = [row for row in result.candidates if row.ratio is not None and (row.loss is not None or _reference(row))]
    if len(rows) < 2:
        return ""
    ratios = [end for row in rows if row.ratio for end in (row.ratio.low, row.ratio.high)]
    losses = [
        0.0,
        result.facts.max_loss,
        *(row.loss.value for row in rows if row.loss and math.isfinite(row.loss.value)),
    ]
    left, right = math.log(min(ratios)) - 0.15, math.log(max(ratios)) + 0.15
    margin = max(0.15 * (max(losses) - min(losses)), 0.002)
    top, bottom = min(losses) - margin, max(losses) + margin

    def x(ratio: float) -> float:
        share = (math.log(max(ratio, 1e-9)) - left) / (right - left)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(loss: float) -> float:
        share = min(1.0, max(0.0, (loss - top) / (bottom - top)))
        return TOP + share * (HEIGHT - TOP - BOTTOM)

    limit = y(result.facts.max_loss)
    unit = "points" if result.facts.unit == "points" else "%"
    quantity = "energy" if result.basis == "joules" else "processor time"
    bars = "" if result.basis == "joules" else " (bars: as energy)"
    parts = [
        f'<rect x="{LEFT}" y="{limit:.1f}" width="{WIDTH - LEFT - RIGHT}" height="{HEIGHT - BOTTOM - limit:.1f}" '
        'fill="var(--jg-track)"/>',
        f'<path d="M{LEFT} {limit:.1f}H{WIDTH - RIGHT}" stroke="var(--jg-muted)"/>',
        words(WIDTH - RIGHT - 4, limit + 14, f"loses more than {100 * result.facts.max_loss:g} {unit}", "end"),
        f'<path d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}" stroke="var(--jg-rule)" fill="none"/>',
    ]
    for tick in ticks(math.exp(left), math.exp(right)):
        parts.append(words(x(tick), HEIGHT - BOTTOM + 14, f"{tick:g}", "middle"))
    for tick in (0.0, result.facts.max_loss):
        parts.append(words(LEFT - 6, y(tick) + 4, f"{100 * tick:g}", "end"))
    parts.append(words(LEFT, HEIGHT - 8, f"loss ({unit}) down", "start"))
    parts.append(words(WIDTH - RIGHT, HEIGHT - 8, f"{quantity} per inference{bars}, original = 1, log scale", "end"))
    for row in rows:
        parts.append(_mark(row, x, y))
    title = f"Loss against {quantity} of {len(rows)} candidates; kept: {result.recipe or 'the original'}"
    return (
        f'<svg class="jg-pareto" role="img" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'style="max-width:100%;height:auto" font-size="11"><title>{markup(title)}</title>{"".join(parts)}</svg>'
    )


def _mark(row: ResultRow, x: object, y: object) -> str:
    assert callable(x)
    assert callable(y)
    assert row.ratio is not None
    cx, cy = x(row.ratio.value), y(0.0 if row.loss is None else row.loss.value)
    full = row.standing in ("kept", "front", "reference")
    ink = "var(--jg-ink)" if _reference(row) else "var(--jg-gpu)"
    bars = f'<path d="M{x(row.ratio.low):.1f} {cy:.1f}H{x(row.ratio.high):.1f}" stroke="var(--jg-muted)"/>'
    if row.loss is not None:
        bars += f'<path d="M{cx:.1f} {y(row.loss.low):.1f}V{y(row.loss.high):.1f}" stroke="var(--jg-muted)"/>'
    radius = 6 if row.standing == "kept" else 4
    edge = "var(--jg-ink)" if full else "var(--jg-muted)"
    fill = ink if full else "var(--jp-layout-color0,Canvas)"
    dot = f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="{radius}" fill="{fill}" stroke="{edge}" stroke-width="1.5"/>'
    label = f"{row.name}: {row.standing}" if row.standing in ("kept",) else row.name
    near_right = cx > WIDTH - 160
    label_x = cx - 9 if near_right else cx + 9
    return f"{bars}{dot}{words(label_x, cy - 7, shorten(label, 34), 'end' if near_right else 'start')}"


def _reference(row: ResultRow) -> bool:
    return row.standing == "reference"
