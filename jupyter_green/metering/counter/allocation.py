"""Allocates the energy of a block to the intervals between its edges: least squares with a fixed sum."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .decay import Power
from .updates import CounterUpdate


def moved(
    powers: list[Power],
    lengths: list[float],
    ticks: tuple[CounterUpdate, CounterUpdate],
    bounds: tuple[float, float],
    upto: int,
) -> tuple[float, float]:
    """Change in joules of a count inside a block if all updates were earlier, and later, by the time uncertainty.

    `bounds` are the power limit in watts and the time uncertainty in seconds. The intervals at the block's ends change
    their length with the updates, and so does the allocated energy.
    """
    counts = []
    limit, offset = bounds
    for shift in (0.0, -offset, offset):
        stretched = [max(0.0, lengths[0] - shift), *lengths[1:-1], max(0.0, lengths[-1] + shift)]
        counts.append(math.fsum(allocate_energy(powers, stretched, ticks, limit).joules[:upto]))
    return counts[1] - counts[0], counts[2] - counts[0]


@dataclass(frozen=True)
class Shares:
    """The allocated energy of a block."""

    joules: list[float]
    """Energy of each interval."""
    variances: list[float]
    """Variance of each interval, in joules squared, before the sum is constrained."""
    total: float
    """Sum of the variances."""
    residual: float
    """Joules that the powers don't explain."""


def allocate_energy(
    powers: list[Power], lengths: list[float], ticks: tuple[CounterUpdate, CounterUpdate], limit: float
) -> Shares:
    """Allocate the energy of a block to its intervals.

    An interval whose power would be negative or above the limit is fixed at that bound, and the rest is allocated to
    the others. Otherwise an impossible value in a short gap would distort the window beside it. The bound adds no
    information: the returned variances are those without bounds.
    """
    powers, free_of_bounds = [*powers], balance(powers, lengths, *ticks)
    while True:
        variances, total, residual = balance(powers, lengths, *ticks)
        joules = [
            power.watts * length + variance / total * residual
            for power, length, variance in zip(powers, lengths, variances, strict=True)
        ]
        adjustable = [index for index in range(1, len(powers) - 1) if powers[index].uncertainty > 0]
        below_zero = [index for index in adjustable if joules[index] < 0]
        above_limit = [index for index in adjustable if joules[index] > limit * lengths[index]]
        if not below_zero and not above_limit:
            return Shares(joules, *free_of_bounds)
        for index in below_zero or above_limit:
            powers[index] = Power(0.0 if below_zero else limit, 0.0)


def balance(
    powers: list[Power], lengths: list[float], start: CounterUpdate, end: CounterUpdate
) -> tuple[list[float], float, float]:
    """Variance of each interval of a block, their sum, and the joules that the powers don't explain."""
    # Neighbouring cells are milliseconds apart; their common interval is as uncertain as they are.
    variances = [(power.uncertainty * length) ** 2 for power, length in zip(powers, lengths, strict=True)]
    variances[0] += (powers[0].watts * start.uncertainty) ** 2 / 3
    variances[-1] += (powers[-1].watts * end.uncertainty) ** 2 / 3
    explained = math.fsum(power.watts * length for power, length in zip(powers, lengths, strict=True))
    return variances, math.fsum(variances) or 1e-12, end.value - start.value - explained


def silences(lengths: list[float], reach: float) -> list[int]:
    """Which ends of a block, 0 and -1, are longer than `reach` and so have missing data."""
    silent = [end for end in (0, -1) if lengths[end] > reach]
    # With a single edge, missing data affects both sides of it.
    return [0, -1] if silent and len(lengths) == 2 else silent
