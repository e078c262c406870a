"""The power beside a block of ticks: what a board drew before its first edge, and what it drew after its last.

After work a board stays warm, and its power falls for a second or so. The power right beside an edge is
therefore not that of the nearest tick. Between windows it is taken to fall back to a level, as the ticks there
tell it (`fit_decay`); the level is the one that earlier pauses fell to. Where nothing was read for a while, as between
two cells, the mean over that pause counts among the ticks. Inside a window power may do anything: the nearest
tick is taken as it is, and doubted by as much as neighbouring ticks differ there: what jumped before may jump again.
"""

from __future__ import annotations

import math
from collections.abc import Container
from itertools import pairwise

from .decay import Mean, Power, fit_decay
from .updates import CounterUpdates

MOST = 8
"""Ticks beside a block, at most, that tell its power."""

PAUSES = 4
"""Edges before a block among which pauses are looked for that tell the level."""

USUAL = 0.6
"""Which part of the steps between neighbouring ticks the doubt of the nearest one is at least."""

PAUSE_PERIODS = 1.7
"""From how many periods on the time between two ticks is a pause in which nothing was read."""


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
    """Power of the stretch beside a block, from ticks that lie wholly between it and the next edge.

    Parameters
    ----------
    ticks : CounterUpdates
        The sensor's ticks.
    index : int
        The tick at which the block ends.
    until : float
        The next edge beyond the block, on `time.perf_counter()`.
    forward : bool
        Whether the ticks come after the block.
    guard : float
        Seconds that a tick must keep from an edge.
    away : float
        Length in seconds of the stretch inside the block whose power is asked for.
    calm : bool
        Whether no window is open there.
    level : Power, optional
        What the board drew between windows before, to which it falls back.
    """
    means = means_beside(ticks, index, until, forward=forward, guard=guard)
    if not means:
        return None
    found = None
    if calm and forward and level is not None and means[0].seconds < PAUSE_PERIODS * ticks.period:
        found = fit_decay(tuple(means), away, level)
    elif calm and not forward and len(means) > 2:
        found = fit_decay(tuple(means), away, level, backwards=True)
    if found is not None:
        return found
    near = means[0].watts
    if len(means) == 1:
        return Power(near, 0.15 * near + 2.0, lone=True)
    steps = [abs(one.watts - other.watts) for one, other in pairwise(means)]
    usual = math.sqrt(sum(step * step for step in steps) / len(steps))
    return Power(near, max(0.8 * steps[0], USUAL * usual) + 0.01 * near + 0.3)


def means_beside(
    ticks: CounterUpdates, index: int, until: float, *, forward: bool, guard: float, most: int = MOST
) -> list[Mean]:
    """Mean powers between neighbouring ticks, from one on to at most so many away from it, short of an edge."""
    step = 1 if forward else -1
    found: list[Mean] = []
    at = index
    while len(found) < most:
        here, there = ticks.all[at], at + step
        if not 0 <= there < len(ticks.all) or ticks.all[there].epoch != here.epoch:
            break
        other = ticks.all[there]
        if (forward and other.time > until - guard) or (not forward and other.time < until + guard):
            break
        span = abs(other.time - here.time)
        if span <= 0:
            break
        watts = abs(other.value - here.value) / span
        found.append(Mean(watts, span, (watts * here.doubt / math.sqrt(3), watts * other.doubt / math.sqrt(3))))
        at = there
    return found


def level_before(
    ticks: CounterUpdates, edges: list[float], first: int, guard: float, quiet: Container[float]
) -> Power | None:
    """The power that the board falls back to between windows, from the pauses before the edges of a block."""
    level = None
    for index in range(max(0, first - PAUSES), first + 1):
        if index and edges[index - 1] not in quiet:
            continue
        at = ticks.at_or_before(edges[index], guard)
        until = edges[index - 1] if index else -math.inf
        means = [] if at is None else means_beside(ticks, at, until, forward=False, guard=guard)
        found = fit_decay(tuple(means), math.inf, level, backwards=True) if len(means) > 2 else None
        if found is None and level is None and means:
            found = Power(means[0].watts, math.hypot(0.05 * means[0].watts + 1.0, means[0].noise))
        level = found or level
    return level


def earlier(ticks: CounterUpdates, edges: list[float], first: int, guard: float) -> list[Power | None]:
    """Powers before the last two edges that come before a block."""
    found = []
    for index in range(first - 1, max(-1, first - 3), -1):
        at = ticks.at_or_before(edges[index], guard)
        until = edges[index - 1] if index else -math.inf
        found.append(None if at is None else power_beside_edge(ticks, at, until, forward=False, guard=guard))
    return found


def compared(power: Power | None, levels: list[Power]) -> Power | None:
    """A power told by one tick is the surer the nearer it is to a level the board was seen at.

    After work a board falls back to its idle: how far it is from there bounds how fast it still changes.
    """
    if power is None or not power.lone:
        return power
    others = [abs(level.watts - power.watts) for level in levels if level is not power]
    if not others:
        return power
    return Power(power.watts, min(power.doubt, 0.15 * min(others) + 0.008 * power.watts + 0.25), lone=True)
