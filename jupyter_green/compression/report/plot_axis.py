"""What the pictures of this room write along their axes: words, and round numbers on a log scale."""

from __future__ import annotations

from jupyter_green.reporting.sanitize import markup

MOST_TICKS = 9


def words(x: float, y: float, text: str, anchor: str) -> str:
    """Return a text at a place as SVG."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="var(--jg-ink)">{markup(text)}</text>'


def ticks(low: float, high: float) -> list[float]:
    """Return round numbers between two, 1, 2 and 5 times powers of ten."""
    steps = [digit * 10.0**power for power in range(-6, 6) for digit in (1, 2, 5)]
    found = [round(step, 9) for step in steps if low <= step <= high]
    # Over several powers of ten only these, or the numbers would run into each other.
    return found if len(found) <= MOST_TICKS else [step for step in found if f"{step:e}"[0] == "1"]
