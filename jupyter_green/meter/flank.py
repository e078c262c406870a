"""The power beside a block of ticks: what a board drew before its first edge, and what it drew after its last.

After work a board stays warm, and its power falls for a second or so. The power right beside an edge is
therefore not that of the nearest tick. Between windows it is taken to fall exponentially, back to the level
the board was seen at before: every time constant from a fifth of a second to six seconds is weighed by how
well it tells the other ticks there are, and their spread is the doubt. Where nothing was read for a while, as
between two cells, the mean over that pause counts among the ticks. Inside a window power may do anything: the
nearest tick is taken as it is, and doubted by its distance from the one beyond it.
"""

from __future__ import annotations

import math
from collections.abc import Container
from dataclasses import dataclass

from .ticks import Ticks

FALL_SECONDS = tuple(0.2 * 10 ** (step / 8) for step in range(13))
"""Time constants in seconds that are tried, none likelier than another before the ticks speak.

Faster falls are over within the tick that holds the edge, slower ones are no fall that ticks could tell."""

UNLIKELY = 1e-6
"""Likelihood in all, per watt, below which what was seen is no such fall."""

ROUGH = 0.08
"""From which part of a mean power on its ticks' own times make it too rough to see a fall in."""

PAUSE_PERIODS = 1.7
"""From how many periods on the time between two ticks is a pause in which nothing was read."""


@dataclass(frozen=True)
class Power:
    """Mean power of a stretch in watts, with its standard deviation.

    Parameters
    ----------
    watts, doubt : float
        Its value and its standard deviation.
    lone : bool
        Whether it rests on one tick alone, so that how fast it changes is not known.
    """

    watts: float
    doubt: float
    lone: bool = False


@dataclass(frozen=True)
class Mean:
    """Mean power between two neighbouring ticks; `noise` is the standard deviation that their times bring."""

    watts: float
    seconds: float
    noise: float


def side(
    ticks: Ticks,
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
    ticks : Ticks
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
    means = _means(ticks, index, until, forward=forward, guard=guard)
    if not means:
        return None
    found = None
    if any(mean.noise > ROUGH * mean.watts for mean in means):
        calm = False  # ticks known this badly tell nothing of how power changes
    if calm and forward and level is not None and means[0].seconds < PAUSE_PERIODS * ticks.period:
        found = _falling(means, away, level)
    elif calm and not forward and len(means) > 2 and means[0].seconds > PAUSE_PERIODS * ticks.period:
        found = _fallen(means, away)
    if found is not None:
        return found
    near = means[0].watts
    if len(means) == 1:
        return Power(near, 0.15 * near + 2.0, lone=True)
    return Power(near, 0.8 * abs(near - means[1].watts) + 0.01 * near + 0.3)


def _means(ticks: Ticks, index: int, until: float, *, forward: bool, guard: float) -> list[Mean]:
    step = 1 if forward else -1
    found: list[Mean] = []
    at = index
    while len(found) < 3:
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
        found.append(Mean(watts, span, watts * math.hypot(here.doubt, other.doubt) / (math.sqrt(3) * span)))
        at = there
    return found


def _falling(means: list[Mean], away: float, level: Power) -> Power | None:
    """The power between the end of work and the first tick after it, as it falls back to its level.

    For each time constant the nearest mean tells how far the power still is from that level; the mean beyond
    it, where there is one, tells how likely the constant is.
    """
    near = means[0]
    told: list[Told] = []
    for tau in FALL_SECONDS:
        inside = _mean_fall(0.0, near.seconds, tau)
        above = (near.watts - level.watts) / inside
        likelihood = 1.0
        if len(means) > 1:
            past = _mean_fall(near.seconds, near.seconds + means[1].seconds, tau)
            noise = math.hypot(means[1].noise, near.noise * past / inside, level.doubt * (1 - past / inside))
            likelihood = _likelihood(means[1].watts, level.watts + above * past, noise)
        told.append(Told(level.watts + above * _mean_fall(-away, 0.0, tau), near.noise, likelihood))
    return _weighed(told)


def _fallen(means: list[Mean], away: float) -> Power | None:
    """The power after a pause, from its mean and what the ticks before it tell of a fall.

    A fall is P(t) = level + step * exp(-t / tau) from the beginning of the pause on. For each time constant the
    pause and the tick before it tell level and step; the tick before that one tells how likely the constant is.
    """
    pause, first, earliest = means[:3]
    told: list[Told] = []
    for tau in FALL_SECONDS:
        over = _mean_fall(0.0, pause.seconds, tau)
        near = _mean_fall(-first.seconds, 0.0, tau)
        far = _mean_fall(-first.seconds - earliest.seconds, -first.seconds, tau)
        end = _mean_fall(pause.seconds, pause.seconds + away, tau)
        step, scale = (first.watts - pause.watts) / (near - over), (far - over) / (near - over)
        noise = math.hypot(earliest.noise, scale * first.noise, (1 - scale) * pause.noise)
        doubt = math.hypot(first.noise, pause.noise) * (over - end) / (near - over)
        likelihood = _likelihood(earliest.watts, pause.watts + step * (far - over), noise)
        told.append(Told(pause.watts + step * (end - over), math.hypot(doubt, pause.noise), likelihood))
    return _weighed(told)


@dataclass(frozen=True)
class Told:
    """What one time constant tells: watts, their standard deviation, and how likely it is, not normalised."""

    watts: float
    doubt: float
    likelihood: float


def _mean_fall(start: float, end: float, tau: float) -> float:
    """Mean of exp(-t / tau) from start to end, in seconds; its value at the start where they are one."""
    seconds = end - start
    if seconds <= 0:
        return math.exp(-start / tau)
    return -tau / seconds * math.expm1(-seconds / tau) * math.exp(-start / tau)


def _likelihood(watts: float, told: float, noise: float) -> float:
    deviation = noise + 0.01 * abs(told)
    return math.exp(-(((watts - told) / deviation) ** 2) / 2) / deviation


def _weighed(told: list[Told]) -> Power | None:
    """Mean and standard deviation over the time constants; None where none of them fits what was seen."""
    total = math.fsum(each.likelihood for each in told)
    if total < UNLIKELY:
        return None
    watts = math.fsum(each.likelihood * each.watts for each in told) / total
    variance = math.fsum(each.likelihood * ((each.watts - watts) ** 2 + each.doubt**2) for each in told) / total
    return Power(watts, math.sqrt(variance) + 0.002 * abs(watts) + 0.15)


def level_before(ticks: Ticks, edges: list[float], first: int, guard: float, quiet: Container[float]) -> Power | None:
    """The power that the board was last seen at between windows, before the edges of a block."""
    for index in range(first, max(-1, first - 3), -1):
        if index and edges[index - 1] not in quiet:
            continue
        at = ticks.at_or_before(edges[index], guard)
        until = edges[index - 1] if index else -math.inf
        found = None if at is None else side(ticks, at, until, forward=False, guard=guard, calm=True)
        if found is not None:
            return found
    return None


def earlier(ticks: Ticks, edges: list[float], first: int, guard: float) -> list[Power | None]:
    """Powers before the last two edges that come before a block."""
    found = []
    for index in range(first - 1, max(-1, first - 3), -1):
        at = ticks.at_or_before(edges[index], guard)
        until = edges[index - 1] if index else -math.inf
        found.append(None if at is None else side(ticks, at, until, forward=False, guard=guard))
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
