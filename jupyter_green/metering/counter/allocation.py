"""How the energy of a block is shared out among the stretches between its edges: least squares, the sum held."""

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
    """By how many joules a count inside a block changes were both its ticks earlier, or later, by so many seconds.

    `bounds` are the watts that no stretch exceeds, and these seconds.

    The stretches at the block's ends become longer or shorter with them, and so does what is shared out.
    """
    counts = []
    limit, by = bounds
    for shift in (0.0, -by, by):
        stretched = [max(0.0, lengths[0] - shift), *lengths[1:-1], max(0.0, lengths[-1] + shift)]
        counts.append(math.fsum(allocate_energy(powers, stretched, ticks, limit).joules[:upto]))
    return counts[1] - counts[0], counts[2] - counts[0]


@dataclass(frozen=True)
class Shares:
    """Joules of each stretch of a block with their variances before the sum was held, and what was left to share."""

    joules: list[float]
    variances: list[float]
    total: float
    residual: float


def allocate_energy(
    powers: list[Power], lengths: list[float], ticks: tuple[CounterUpdate, CounterUpdate], limit: float
) -> Shares:
    """Share the energy of a block out among its stretches.

    No stretch between edges draws less than nothing or more than the board can: one that would is held at that
    bound, and the others share what is left. Else a window next to a short pause would lose what the pause was
    given too little. What is held is not known any better for that: variances are those without bounds.
    """
    powers, free_of_bounds = [*powers], balance(powers, lengths, *ticks)
    while True:
        variances, total, residual = balance(powers, lengths, *ticks)
        joules = [
            power.watts * length + variance / total * residual
            for power, length, variance in zip(powers, lengths, variances, strict=True)
        ]
        free = [place for place in range(1, len(powers) - 1) if powers[place].doubt > 0]
        low = [place for place in free if joules[place] < 0]
        high = [place for place in free if joules[place] > limit * lengths[place]]
        if not low and not high:
            return Shares(joules, *free_of_bounds)
        for place in low or high:
            powers[place] = Power(0.0 if low else limit, 0.0)


def balance(
    powers: list[Power], lengths: list[float], start: CounterUpdate, end: CounterUpdate
) -> tuple[list[float], float, float]:
    """Variance of each stretch of a block, their sum, and the joules that the powers don't explain."""
    # Neighbouring cells come milliseconds apart; their common stretch is as unknown as they are.
    variances = [(power.doubt * length) ** 2 for power, length in zip(powers, lengths, strict=True)]
    variances[0] += (powers[0].watts * start.doubt) ** 2 / 3
    variances[-1] += (powers[-1].watts * end.doubt) ** 2 / 3
    explained = math.fsum(power.watts * length for power, length in zip(powers, lengths, strict=True))
    return variances, math.fsum(variances) or 1e-12, end.value - start.value - explained


def silences(lengths: list[float], reach: float) -> list[int]:
    """Which ends of a block, 0 and -1, are a silence: longer than ticks are apart."""
    silent = [place for place in (0, -1) if lengths[place] > reach]
    # Where no second edge parts the two, a silence reaches into both.
    return [0, -1] if silent and len(lengths) == 2 else silent
