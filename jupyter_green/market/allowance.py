"""Allowances: how much energy a member of a group may use in a period, and what it can do with that.

A = O·B·C: output in FLOP, a benchmark in joules per FLOP, an assistance factor. Usable F = A/E for a member that needs
E joules per FLOP. FLOPs only set the allowance: F counts x ≤ A/E exactly when the joules used are at most A, so that
everything after it runs on joules from the ledger. Source: the cap-and-trade proposal for AI inference (arXiv
2601.19886), read in notes on it, not in full; the rule for O is our reading of "two-year rolling average adjusted by
15 %" in the manner of the European scheme. The reserve for newcomers is our own design.

What is shared out is counted in whole millijoules, so that the parts add up to the cap and nothing is lost in rounding.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import median

ADJUSTED_FROM = 0.15
RESERVE = 0.10


def _number(name: str, value: float, *, least: float = 0.0, above: bool = False) -> float:
    if isinstance(value, bool) or not math.isfinite(value) or value < least or (above and value == least):
        bound = f"above {least:g}" if above else f"from {least:g} up"
        raise ValueError(f"{name} is {value}; it is a finite number {bound}.")
    return value


def allowance(*, output_flop: float, benchmark: float, assistance: float = 1.0) -> float:
    """Return A = O·B·C, the joules that a member is given for a period.

    Parameters
    ----------
    output_flop : float
        O, what the member computes in a period, in FLOP.
    benchmark : float
        B, joules per FLOP of the best (`rule.benchmark` gives it).
    assistance : float
        C, above 1 for clean power, below 1 for fossil power or for breaking the rules.

    Raises
    ------
    ValueError
        If a value is no finite number from 0 up.
    """
    values = {"output_flop": output_flop, "benchmark": benchmark, "assistance": assistance}
    return math.prod(_number(name, value) for name, value in values.items())


def usable(allowance: float, *, energy_per_flop: float) -> float:
    """Return F = A/E, the FLOP that an allowance in joules is good for.

    Parameters
    ----------
    allowance : float
        A, in joules.
    energy_per_flop : float
        E, the member's own joules per FLOP.

    Raises
    ------
    ValueError
        If a value is no finite number from 0 up, or E is 0.
    """
    return _number("allowance", allowance) / _number("energy_per_flop", energy_per_flop, above=True)


def output(before: float, recent: Sequence[float]) -> float:
    """Return the output that the next allowance goes by: the last one until the recent mean is 15 % away from it.

    Parameters
    ----------
    before : float
        O so far, in FLOP; 0 for a member without any.
    recent : sequence of float
        Output of the last two periods (a period of a notebook is no year), in FLOP.

    Raises
    ------
    ValueError
        If there is no recent period, or a value is no finite number from 0 up.
    """
    if not recent:
        raise ValueError("There is no recent period; give the output of the last two.")
    mean = math.fsum(_number("recent output", value) for value in recent) / len(recent)
    if _number("before", before) and abs(mean - before) / before <= ADJUSTED_FROM:
        return before
    return mean


@dataclass(frozen=True)
class Allotment:
    """A cap shared out.

    Parameters
    ----------
    shares : dict of str to int
        Millijoules of each member; they add up to the cap.
    floor : int
        Millijoules that every head gets at least.
    newcomers : tuple of str
        Members without an output so far.
    """

    shares: dict[str, int]
    floor: int
    newcomers: tuple[str, ...]

    def unspent(self, used: Mapping[str, int]) -> int:
        """Return what newcomers left of their floors, in millijoules; it goes back into the next period's cap."""
        return sum(max(0, self.floor - used.get(name, 0)) for name in self.newcomers)


def reserve(cap: int, *, outputs: Mapping[str, float | None], share: float = RESERVE) -> Allotment:
    """Share a cap out so that newcomers have enough from their first day on.

    A part of the cap is split equally by heads: nobody gets less than that floor. The rest goes by output, where a
    member without one counts as the median of the others, never as 0.

    Parameters
    ----------
    cap : int
        Millijoules in all.
    outputs : mapping of str to float or None
        O of each member in FLOP; None or 0 for one without a past.
    share : float
        Part of the cap that is split by heads, 0 to 1.

    Raises
    ------
    ValueError
        If there is no member, the cap is no whole number from 0 up, or a value makes no sense.
    """
    if not outputs:
        raise ValueError("There is no member to share the cap with.")
    if isinstance(cap, bool) or not isinstance(cap, int) or cap < 0:
        raise ValueError(f"cap is {cap!r}; it is a whole number of millijoules from 0 up.")
    if _number("share", share) > 1:
        raise ValueError(f"share is {share}; it is a part of the cap, 0 to 1.")
    known = {name: _number(f"output of {name}", value) for name, value in outputs.items() if value}
    middle = median(known.values()) if known else 1.0
    floor = math.floor(Fraction(share) * cap / len(outputs))
    weights = {name: Fraction(known.get(name, middle)) for name in outputs}
    rest = apportion(cap - floor * len(outputs), weights)
    shares = {name: floor + rest[name] for name in outputs}
    return Allotment(shares, floor, tuple(name for name in outputs if name not in known))


def apportion(whole: int, weights: Mapping[str, Fraction | int]) -> dict[str, int]:
    """Split a whole number by weights into whole numbers that add up to it (largest remainder).

    Raises
    ------
    ValueError
        If all weights are 0 and there is something to split.
    """
    total = sum(weights.values(), start=Fraction(0))
    if not total:
        if whole:
            raise ValueError("There is something to split, and nobody to give it to.")
        return dict.fromkeys(weights, 0)
    exact = {name: Fraction(whole) * weight / total for name, weight in weights.items()}
    parts = {name: math.floor(value) for name, value in exact.items()}
    behind = sorted(weights, key=lambda name: (parts[name] - exact[name], name))
    for name in behind[: whole - sum(parts.values())]:
        parts[name] += 1
    return parts
