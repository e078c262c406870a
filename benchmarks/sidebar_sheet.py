"""Table of the side panel's figures, each with its goal and, if there is one, its control."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Line:
    """One figure.

    Parameters
    ----------
    name, goal, found : str
        Name of the figure, goal and result.
    control : str
        The same without what is measured, alternating with it.
    values : dict
        All values, for the file.
    """

    name: str
    goal: str
    found: str
    control: str = ""
    values: dict[str, Any] = field(default_factory=dict)


def median(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def p95(values: Sequence[float]) -> float:
    """Return the 95th percentile."""
    return sorted(values)[math.ceil(0.95 * len(values)) - 1]


def span(values: Sequence[float], digits: int = 0, unit: str = "ms") -> str:
    """Format median and 95th percentile."""
    if not values:
        return "nothing was heard"
    return f"{median(values):,.{digits}f} {unit} (p95 {p95(values):,.{digits}f}, n {len(values)})"


def spread(values: Sequence[float], digits: int = 0, unit: str = "ms") -> str:
    """Format median, lowest and highest of a difference, with signs."""
    low, middle, high = (
        f"{value:+,.{digits}f}".replace("-", "−") for value in (min(values), median(values), max(values))
    )
    return f"{middle} {unit} ({low} … {high}, n {len(values)})"


def table(lines: Sequence[Line]) -> str:
    """Return the table as Markdown."""
    rows = [("figure", "goal", "found", "control"), ("---",) * 4]
    rows += [(line.name, line.goal or "–", line.found, line.control or "–") for line in lines]
    return "\n".join(f"| {' | '.join(row)} |".replace("| --- ", "|---").replace("--- |", "---|") for row in rows)
