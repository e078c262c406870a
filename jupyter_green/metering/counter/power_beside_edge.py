"""Power beside a block of updates: before its first edge and after its last.

After work a device stays warm and its power decays for about a second, so the power at an edge differs from that at the
nearest update. Between windows a decay to the idle level is fitted to the updates (`fit_decay`); the level comes from
earlier pauses. If nothing was read for a while, as between two cells, the mean power over that pause is one of the
observations. Inside a window the power may do anything: the mean power at the nearest update is used, with an
uncertainty from the differences between adjacent updates.
"""

from __future__ import annotations

import math
from collections.abc import Container
from itertools import pairwise

from .decay import Mean, Power, fit_decay
from .updates import CounterUpdates

MOST = 8
"""Largest number of updates beside a block that are used."""

PAUSES = 4
"""Number of edges before a block whose pauses may give the idle level."""

USUAL = 0.6
"""Smallest uncertainty of the nearest update's power, as a fraction of the typical difference between updates."""

PAUSE_PERIODS = 1.7
"""Number of periods between two updates from which on this is a pause without readings."""


def power_beside_edge(
    ticks: CounterUpdates,
    index: int,
    until: float,
    *,
    forward: bool,
    guard: float,
    away: float = 0.0,
    calm: bool = False,
    level: Power | None = None,
) -> Power | None:
    """Power beside a block, from updates between the block and the next edge; None if there are none.

    `index` is the update at which the block ends, `until` the next edge beyond it, on `time.perf_counter()`; updates
    follow the block if `forward`. `guard` is the smallest distance of an update from an edge, `away` the length of the
    interval inside the block whose power is returned, both in seconds. `calm`: no window is open there. `level`: idle
    level of the device, from earlier pauses.
    """
    means = means_beside(ticks, index, until, forward=forward, guard=guard)
    if not means:
        return None
    decayed = None
    if calm and forward and level is not None and means[0].seconds < PAUSE_PERIODS * ticks.period:
        decayed = fit_decay(tuple(means), away, level)
    elif calm and not forward and len(means) > 2:
        decayed = fit_decay(tuple(means), away, level, backwards=True)
    if decayed is not None:
        return decayed
    nearest = means[0].watts
    if len(means) == 1:
        return Power(nearest, 0.15 * nearest + 2.0, lone=True)
    steps = [abs(mean.watts - next_mean.watts) for mean, next_mean in pairwise(means)]
    typical_step = math.sqrt(sum(step * step for step in steps) / len(steps))
    return Power(nearest, max(0.8 * steps[0], USUAL * typical_step) + 0.01 * nearest + 0.3)


def means_beside(
    ticks: CounterUpdates, index: int, until: float, *, forward: bool, guard: float, most: int = MOST
) -> list[Mean]:
    """Mean powers between adjacent updates, from `index` outwards, at most `most`, up to the next edge."""
    step = 1 if forward else -1
    means: list[Mean] = []
    current = index
    while len(means) < most:
        update, next_index = ticks.all[current], current + step
        if not 0 <= next_index < len(ticks.all) or ticks.all[next_index].epoch != update.epoch:
            break
        neighbouring = ticks.all[next_index]
        if (forward and neighbouring.time > until - guard) or (not forward and neighbouring.time < until + guard):
            break
        span = abs(neighbouring.time - update.time)
        if span <= 0:
            break
        watts = abs(neighbouring.value - update.value) / span
        means.append(
            Mean(
                watts,
                span,
                (watts * update.uncertainty / math.sqrt(3), watts * neighbouring.uncertainty / math.sqrt(3)),
            )
        )
        current = next_index
    return means


def level_before(
    ticks: CounterUpdates, edges: list[float], first: int, guard: float, quiet: Container[float]
) -> Power | None:
    """Idle level of the device between windows, from the pauses before the edges of a block."""
    level = None
    for index in range(max(0, first - PAUSES), first + 1):
        if index and edges[index - 1] not in quiet:
            continue
        nearest = ticks.at_or_before(edges[index], guard)
        until = edges[index - 1] if index else -math.inf
        means = [] if nearest is None else means_beside(ticks, nearest, until, forward=False, guard=guard)
        estimate = fit_decay(tuple(means), math.inf, level, backwards=True) if len(means) > 2 else None
        if estimate is None and level is None and means:
            estimate = Power(means[0].watts, math.hypot(0.05 * means[0].watts + 1.0, means[0].noise))
        level = estimate or level
    return level


def earlier(ticks: CounterUpdates, edges: list[float], first: int, guard: float) -> list[Power | None]:
    """Powers before the last two edges that precede a block."""
    powers = []
    for index in range(first - 1, max(-1, first - 3), -1):
        nearest = ticks.at_or_before(edges[index], guard)
        until = edges[index - 1] if index else -math.inf
        powers.append(None if nearest is None else power_beside_edge(ticks, nearest, until, forward=False, guard=guard))
    return powers


def compared(power: Power | None, levels: list[Power]) -> Power | None:
    """Reduce the uncertainty of a power from one pair of updates by its distance to other observed levels.

    After work the power decays to the idle level, so the distance to that level bounds its rate of change.
    """
    if power is None or not power.lone:
        return power
    distances = [abs(level.watts - power.watts) for level in levels if level is not power]
    if not distances:
        return power
    return Power(power.watts, min(power.uncertainty, 0.15 * min(distances) + 0.008 * power.watts + 0.25), lone=True)
