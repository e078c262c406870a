"""What a person may say in words: a time, an accepted loss, a use; read strictly, refused in one sentence."""

from __future__ import annotations

import math
import re

from .errors import ShrinkError
from .quality.metric import Metric

POINT = 0.01
A_DAY = 10_000
"""Inferences a day at which the yearly saving is stated, where the person says nothing."""
_UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0, "": 1.0}


def seconds_of(text: float | str) -> float:
    """Return a time in seconds: 90, "90s", "5min", "1h".

    Raises
    ------
    ShrinkError
        If it is no time above 0.
    """
    found = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(s|min|h|)\s*", str(text))
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if seconds <= 0:
        raise ShrinkError(f"{text!r} is no time; write it as 90s, 5min or 1h.")
    return seconds


def longer(seconds: float) -> str:
    """Return twice a time as a person may write it: 16s, 10min."""
    twice = 2 * seconds
    return f"{math.ceil(twice)}s" if twice < 60 else f"{math.ceil(twice / 60)}min"


def share_of(text: float | str) -> float:
    """Return an accepted loss as a number: 0.01, "1pt" and "1%" are all one hundredth.

    Raises
    ------
    ShrinkError
        If it is none from 0 up.
    """
    found = re.fullmatch(r"\s*([0-9]*\.?[0-9]+(?:[eE]-?[0-9]+)?)\s*(pt|%|)\s*", str(text))
    if not found:
        raise ShrinkError(f"{text!r} is no accepted loss; write 0.01, 1pt or 1%.")
    return float(found[1]) * (POINT if found[2] else 1.0)


def accepted(metric: Metric, points: float | str | None, relative: float | str | None) -> float:
    """Return the accepted loss in the metric's unit; one hundredth where nothing was said.

    Raises
    ------
    ShrinkError
        If both are given, or the one that doesn't go with the metric.
    """
    if points is not None and relative is not None:
        raise ShrinkError("Give max_loss (points) or max_relative_loss (a share), not both.")
    given = points if points is not None else relative
    if given is None:
        return POINT
    if metric.unit == "points" and (relative is not None or str(given).strip().endswith("%")):
        raise ShrinkError(f"The metric {metric.name} is bounded, so its loss is in points; give max_loss='1pt'.")
    if metric.unit == "points" and share_of(given) >= 1:
        raise ShrinkError(f"A loss of {given} accepts any model; write 0.01 or 1pt for one point.")
    if metric.unit == "relative" and str(given).strip().endswith("pt"):
        raise ShrinkError(f"The metric {metric.name} has no points; give max_relative_loss='1%'.")
    return share_of(given)


def use_of(per_day: int | None) -> int:
    """Return inferences a day; 10,000 where nothing was said.

    Raises
    ------
    ShrinkError
        If it is none from 1 up.
    """
    if per_day is None:
        return A_DAY
    if per_day < 1:
        raise ShrinkError(f"{per_day} inferences a day are no use; give a whole number from 1 on.")
    return int(per_day)
