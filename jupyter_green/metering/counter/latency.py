"""Learns a counter's latency from the edges of ordinary windows.

Where the power steps at an edge, the energy of the updates around it shows how much of their time lies after the edge,
and so their latency. Work may begin after its cell and end before or after it, so no single edge is decisive. Each edge
updates a posterior distribution with outliers. The latency stays within the bounds stated by the sensor. A calibration
with a known load gives more information and narrows these bounds.
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
"""Prior probability that an edge shows a delay of the cell's own and not the latency."""

STRAY_SECONDS = 0.1
"""Width of the uniform distribution of such outliers, in seconds."""

LEFT_OUT = 0.0125
"""Probability excluded at either end of the latency's interval."""

LARGEST_UNCERTAINTY = 0.02
"""Standard deviation of an edge's latency above which the edge is ignored."""

OWN_SECONDS = 0.001
"""Time by which work may begin or end beside its edge without counting as a delay."""

INSIDE = 6
"""Number of updates inside a window, next to its edge, that give the power there."""

UNSTEADY = 0.03
"""Relative variation of the power that is assumed before the updates show their own."""


class LatencyPosterior:
    """Posterior distribution of a counter's latency, within bounds stated by the sensor, in seconds."""

    def __init__(self, low: float, high: float) -> None:
        self._low, self._high = low, high
        self._step = (high - low) / STEPS
        self._logs = [0.0] * STEPS
        self.edges = 0

    def hear(self, seconds: float, uncertainty: float) -> None:
        """Update the distribution with the latency observed at one edge and its standard deviation, in seconds."""
        if uncertainty > LARGEST_UNCERTAINTY or abs(seconds - self._low) > STRAY_SECONDS / 2 + self._high - self._low:
            return
        self.edges += 1
        for cell in range(STEPS):
            deviation = (seconds - self._low - self._step * (cell + 0.5)) / uncertainty
            likelihood = (1 - STRAY) * math.exp(-deviation * deviation / 2) / (math.sqrt(2 * math.pi) * uncertainty)
            self._logs[cell] += math.log(likelihood + STRAY / STRAY_SECONDS)

    def known(self) -> tuple[float, float]:
        """Return the latency's estimate and half-width in seconds."""
        highest = max(self._logs)
        weights = [math.exp(log - highest) for log in self._logs]
        total = math.fsum(weights)
        lower, upper = self._quantile(weights, LEFT_OUT * total), self._quantile(weights, (1 - LEFT_OUT) * total)
        mean = self._low + self._step * math.fsum(w * (cell + 0.5) for cell, w in enumerate(weights)) / total
        # The interval is never wider than the sensor's own bounds.
        half = (self._high - self._low) / 2
        estimate = min(max(mean, upper - half), lower + half)
        return estimate, max(estimate - lower, upper - estimate)

    def _quantile(self, weights: list[float], wanted: float) -> float:
        cumulative = 0.0
        for cell, weight in enumerate(weights):
            if cumulative + weight >= wanted:
                return self._low + self._step * (cell + (wanted - cumulative) / weight)
            cumulative += weight
        return self._high


def told_by(
    ticks: CounterUpdates, edges: list[float], moment: float, quiet: Container[float], guard: float
) -> tuple[float, float] | None:
    """Return the additional latency observed at an edge, in seconds, and its standard deviation.

    None if the edge is unsuitable: it must separate a window from time without a window, and be the only edge among its
    updates.
    """
    index = bisect.bisect_left(edges, moment)
    ends, begins = moment in quiet, index == 0 or edges[index - 1] in quiet
    if ends == begins:
        return None
    left, right = ticks.at_or_before(moment, guard), ticks.at_or_after(moment + guard)
    if left is None or right is None or ticks.all[left].epoch != ticks.all[right].epoch:
        return None
    start, end = ticks.all[left], ticks.all[right]
    previous_edge = edges[index - 1] if index else -math.inf
    next_edge = edges[index + 1] if index + 1 < len(edges) else math.inf
    if previous_edge > start.time - guard or next_edge < end.time + guard or end.time - start.time > 3 * ticks.period:
        return None
    inside_means = means_beside(
        ticks, *((left, previous_edge) if ends else (right, next_edge)), forward=begins, guard=guard, most=INSIDE
    )
    outside_power = power_beside_edge(
        ticks, *((right, next_edge) if ends else (left, previous_edge)), forward=ends, guard=guard
    )
    if len(inside_means) < 2 or outside_power is None:
        return None
    inside, inside_deviation = _steadiness(inside_means)
    lengths = (moment - start.time, end.time - moment)
    inner, outer = lengths if ends else lengths[::-1]
    step = inside - outside_power.watts if ends else outside_power.watts - inside
    unexplained = end.value - start.value - inside * inner - outside_power.watts * outer
    if abs(step) < 1.0:
        return None
    period = ticks.period
    variance = (
        inside_deviation**2 * (inner * period + inner**2 / len(inside_means)) + (outside_power.uncertainty * outer) ** 2
    )
    watts_before, watts_after = (inside, outside_power.watts) if ends else (outside_power.watts, inside)
    variance += ((watts_before * start.uncertainty) ** 2 + (watts_after * end.uncertainty) ** 2) / 3
    return unexplained / step, math.hypot(math.sqrt(variance) / abs(step), OWN_SECONDS)


def _steadiness(within: list[Mean]) -> tuple[float, float]:
    """Power inside a window next to its edge, and its standard deviation between updates, in watts."""
    watts = [mean.watts for mean in within]
    mean_watts = statistics.fmean(watts)
    squares = math.fsum((value - mean_watts) ** 2 for value in watts) + (UNSTEADY * mean_watts) ** 2
    return mean_watts, math.sqrt(squares / (len(watts) - 1))
