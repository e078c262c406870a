"""Parses the options of a search: time, accepted loss, inferences per day. Invalid values raise a `ShrinkError`."""

from __future__ import annotations

import math
import re

from .errors import ShrinkError
from .quality.metric import Metric

POINT = 0.01
A_DAY = 10_000
"""Default inferences a day for the yearly saving."""
_UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0, "": 1.0}


def seconds_of(text: float | str) -> float:
    """Return a duration in seconds: 90, "90s", "5min", "1h". Raises ShrinkError if it is not a positive duration."""
    match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(s|min|h|)\s*", str(text))
    seconds = float(match[1]) * _UNITS[match[2]] if match else 0.0
    if seconds <= 0:
        raise ShrinkError(f"{text!r} is not a duration; write 90s, 5min or 1h.")
    return seconds


def longer(seconds: float) -> str:
    """Return twice a duration as an option's value: 16s, 10min."""
    twice = 2 * seconds
    return f"{math.ceil(twice)}s" if twice < 60 else f"{math.ceil(twice / 60)}min"


def share_of(text: float | str) -> float:
    """Return an accepted loss as a number: 0.01, "1pt" and "1%" are all one hundredth.

    Raises ShrinkError if it is not a number from 0 up.
    """
    match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+(?:[eE]-?[0-9]+)?)\s*(pt|%|)\s*", str(text))
    if not match:
        raise ShrinkError(f"{text!r} is not an accepted loss; write 0.01, 1pt or 1%.")
    return float(match[1]) * (POINT if match[2] else 1.0)


def accepted(metric: Metric, points: float | str | None, relative: float | str | None) -> float:
    """Return the accepted loss in the metric's unit; 0.01 by default.

    Raises ShrinkError if both options are given, or one that does not fit the metric.
    """
    if points is not None and relative is not None:
        raise ShrinkError("Give max_loss (points) or max_relative_loss (a share), not both.")
    value = points if points is not None else relative
    if value is None:
        return POINT
    if metric.unit == "points" and (relative is not None or str(value).strip().endswith("%")):
        raise ShrinkError(
            f"The metric {metric.name} is bounded, so its loss is in points; give max_loss='1pt' (--max-loss 1pt)."
        )
    if metric.unit == "points" and share_of(value) >= 1:
        raise ShrinkError(f"A loss of {value} accepts any model; write 0.01 or 1pt for one point.")
    if metric.unit == "relative" and str(value).strip().endswith("pt"):
        raise ShrinkError(
            f"The metric {metric.name} has no points; give max_relative_loss='1%' (--max-relative-loss 1%)."
        )
    return share_of(value)


def use_of(per_day: int | None) -> int:
    """Return inferences a day; 10,000 by default. Raises ShrinkError if it is below 1."""
    if per_day is None:
        return A_DAY
    if per_day < 1:
        raise ShrinkError(f"{per_day} inferences a day is invalid; give a whole number from 1 on.")
    return int(per_day)
