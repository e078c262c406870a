"""Axis labels and ticks of the plots."""

from __future__ import annotations

from jupyter_green.reporting.sanitize import markup

MOST_TICKS = 9


def words(x: float, y: float, text: str, anchor: str) -> str:
    """Return text at a position as SVG."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="var(--jg-ink)">{markup(text)}</text>'


def ticks(low: float, high: float) -> list[float]:
    """Return round numbers between two limits: 1, 2 and 5 times powers of ten."""
    steps = [digit * 10.0**power for power in range(-6, 6) for digit in (1, 2, 5)]
    values = [round(step, 9) for step in steps if low <= step <= high]
    # Over several decades only powers of ten, or labels would overlap.
    return values if len(values) <= MOST_TICKS else [step for step in values if f"{step:e}"[0] == "1"]
