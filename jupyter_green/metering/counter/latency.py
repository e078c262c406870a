"""How late a counter shows what it counted, learnt from the edges of windows that were metered anyway.

Where power steps at an edge, the energy of the ticks around it tells how much of their time lay behind the
edge, and so by how much the ticks are shown late. A cell's work may begin after the cell does, and end before
it or after it: no single edge is believed. Each moves what is thought of the latency by what it tells, as far as
it may be taken at its word, and the latency stays within the bounds that its sensor states. A calibration with
a known load tells more, and narrows these bounds.
"""

from __future__ import annotations

import bisect
import math
import statistics
from collections.abc import Container

from .decay import Mean
from .power_beside_edge import means_beside, power_beside_edge
from .updates import CounterUpdates

STEPS = 30
STRAY = 0.25
"""How likely an edge tells of the cell's own delays rather than of the latency, before it is looked at."""

STRAY_SECONDS = 0.1
"""Over how many seconds what a stray edge tells may lie anywhere."""

LEFT_OUT = 0.0125
"""Likelihood left out at either end of what the latency may be."""

POOREST_SECONDS = 0.02
"""Doubt of what an edge tells from which on it is not heard."""

OWN_SECONDS = 0.001
"""By how much a cell's work may begin or end beside its edge without that being a delay."""

INSIDE = 6
"""Ticks inside a window, next to its edge, that tell the power there."""

UNSTEADY = 0.03
"""By which part a power is taken to waver before its ticks have shown how much it does."""


class LatencyPosterior:
    """What is known of a counter's latency.

    Parameters
    ----------
    low, high : float
        The bounds that its sensor states, in seconds.
    """

    def __init__(self, low: float, high: float) -> None:
        self._low, self._high = low, high
        self._step = (high - low) / STEPS
        self._logs = [0.0] * STEPS
        self.edges = 0

    def hear(self, seconds: float, doubt: float) -> None:
        """Take in what one edge tells.

        Parameters
        ----------
        seconds, doubt : float
            The latency it tells of, and its standard deviation.
        """
        if doubt > POOREST_SECONDS or abs(seconds - self._low) > STRAY_SECONDS / 2 + self._high - self._low:
            return
        self.edges += 1
        for place in range(STEPS):
            off = (seconds - self._low - self._step * (place + 0.5)) / doubt
            taken = (1 - STRAY) * math.exp(-off * off / 2) / (math.sqrt(2 * math.pi) * doubt)
            self._logs[place] += math.log(taken + STRAY / STRAY_SECONDS)

    def known(self) -> tuple[float, float]:
        """What the latency is taken to be, and the half-width around it in which it lies in all likelihood."""
        most = max(self._logs)
        weights = [math.exp(log - most) for log in self._logs]
        total = math.fsum(weights)
        low, high = self._quantile(weights, LEFT_OUT * total), self._quantile(weights, (1 - LEFT_OUT) * total)
        mean = self._low + self._step * math.fsum(w * (place + 0.5) for place, w in enumerate(weights)) / total
        # What was heard never leaves more open than what the sensor states.
        half = (self._high - self._low) / 2
        late = min(max(mean, high - half), low + half)
        return late, max(late - low, high - late)

    def _quantile(self, weights: list[float], wanted: float) -> float:
        summed = 0.0
        for place, weight in enumerate(weights):
            if summed + weight >= wanted:
                return self._low + self._step * (place + (wanted - summed) / weight)
            summed += weight
        return self._high


def told_by(
    ticks: CounterUpdates, edges: list[float], moment: float, quiet: Container[float], guard: float
) -> tuple[float, float] | None:
    """By how many seconds the ticks around an edge come too early for it, and the standard deviation of that.

    None where the edge does not tell: it must part a window from a time without one, and be alone among its ticks.
    """
    index = bisect.bisect_left(edges, moment)
    ends, begins = moment in quiet, index == 0 or edges[index - 1] in quiet
    if ends == begins:
        return None
    left, right = ticks.at_or_before(moment, guard), ticks.at_or_after(moment + guard)
    if left is None or right is None or ticks.all[left].epoch != ticks.all[right].epoch:
        return None
    start, end = ticks.all[left], ticks.all[right]
    before = edges[index - 1] if index else -math.inf
    after = edges[index + 1] if index + 1 < len(edges) else math.inf
    if before > start.time - guard or after < end.time + guard or end.time - start.time > 3 * ticks.period:
        return None
    within = means_beside(
        ticks, *((left, before) if ends else (right, after)), forward=begins, guard=guard, most=INSIDE
    )
    beside = power_beside_edge(ticks, *((right, after) if ends else (left, before)), forward=ends, guard=guard)
    if len(within) < 2 or beside is None:
        return None
    inside, waver = _steadiness(within)
    lengths = (moment - start.time, end.time - moment)
    inner, outer = lengths if ends else lengths[::-1]
    step = inside - beside.watts if ends else beside.watts - inside
    unexplained = end.value - start.value - inside * inner - beside.watts * outer
    if abs(step) < 1.0:
        return None
    period = ticks.period
    variance = waver**2 * (inner * period + inner**2 / len(within)) + (beside.doubt * outer) ** 2
    first, last = (inside, beside.watts) if ends else (beside.watts, inside)
    variance += ((first * start.doubt) ** 2 + (last * end.doubt) ** 2) / 3
    return unexplained / step, math.hypot(math.sqrt(variance) / abs(step), OWN_SECONDS)


def _steadiness(within: list[Mean]) -> tuple[float, float]:
    """Power inside a window next to its edge, and by how much it wavers from tick to tick, in watts."""
    watts = [mean.watts for mean in within]
    middle = statistics.fmean(watts)
    squares = math.fsum((each - middle) ** 2 for each in watts) + (UNSTEADY * middle) ** 2
    return middle, math.sqrt(squares / (len(watts) - 1))
