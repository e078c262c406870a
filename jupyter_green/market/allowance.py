"""Allowances: how much energy a member of a group may use in a period.

A = O·B·C: output in FLOP, a benchmark in joules per FLOP, an assistance factor. The usable output is F = A/E for a
member that needs E joules per FLOP. FLOPs only determine the allowance: x ≤ A/E is equivalent to at most A joules used,
so everything after it works with joules from the ledger. Source: the cap-and-trade proposal for AI inference (arXiv
2601.19886), read in notes on it, not in full. The rule for O is our reading of "two-year rolling average adjusted by
15 %", after the European scheme. The reserve for newcomers is our own design.

A cap is divided in whole millijoules, so that the shares add up to it without rounding losses.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import median

ADJUSTED_FROM = 0.15
"""Relative change of output above which the allowance is adjusted."""
RESERVE = 0.10
"""Part of a cap that is divided equally."""


def _number(name: str, value: float, *, least: float = 0.0, above: bool = False) -> float:
    if isinstance(value, bool) or not math.isfinite(value) or value < least or (above and value == least):
        bound = f"above {least:g}" if above else f"from {least:g} up"
        raise ValueError(f"{name} is {value}; it must be a finite number {bound}.")
    return value


def allowance(*, output_flop: float, benchmark: float, assistance: float = 1.0) -> float:
    """Return A = O·B·C, a member's allowance for a period in joules.

    Parameters
    ----------
    output_flop : float
        O, the member's output in a period, in FLOP.
    benchmark : float
        B, joules per FLOP of the best members (see `baseline_rule.benchmark`).
    assistance : float
        C, above 1 for clean power, below 1 for fossil power or for violations of the rules.

    Raises
    ------
    ValueError
        If a value is not finite or below 0.
    """
    values = {"output_flop": output_flop, "benchmark": benchmark, "assistance": assistance}
    return math.prod(_number(name, value) for name, value in values.items())


def usable(allowance: float, *, energy_per_flop: float) -> float:
    """Return F = A/E, the FLOP that an allowance is sufficient for.

    Parameters
    ----------
    allowance : float
        A, in joules.
    energy_per_flop : float
        E, the member's own joules per FLOP.

    Raises
    ------
    ValueError
        If a value is not finite or below 0, or E is 0.
    """
    return _number("allowance", allowance) / _number("energy_per_flop", energy_per_flop, above=True)


def output(before: float, recent: Sequence[float]) -> float:
    """Return the output that determines the next allowance: unchanged unless the recent mean differs by more than 15 %.

    Parameters
    ----------
    before : float
        O so far, in FLOP; 0 for a new member.
    recent : sequence of float
        Output of the last two periods (which need not be years), in FLOP.

    Raises
    ------
    ValueError
        If there is no recent period, or a value is not finite or below 0.
    """
    if not recent:
        raise ValueError("There is no recent period; give the output of the last two periods.")
    mean = math.fsum(_number("recent output", value) for value in recent) / len(recent)
    if _number("before", before) and abs(mean - before) / before <= ADJUSTED_FROM:
        return before
    return mean


@dataclass(frozen=True)
class Allotment:
    """A cap divided among members.

    Parameters
    ----------
    shares : dict of str to int
        Millijoules of each member; they add up to the cap.
    floor : int
        Minimum share of every member, in millijoules.
    newcomers : tuple of str
        Members without previous output.
    """

    shares: dict[str, int]
    floor: int
    newcomers: tuple[str, ...]

    def unspent(self, used: Mapping[str, int]) -> int:
        """Return the millijoules newcomers left of their floors; they are added to the next period's cap."""
        return sum(max(0, self.floor - used.get(name, 0)) for name in self.newcomers)


def reserve(cap: int, *, outputs: Mapping[str, float | None], share: float = RESERVE) -> Allotment:
    """Divide a cap so that newcomers have a sufficient share from the start.

    A part of the cap is divided equally among all members and guarantees a minimum share (`floor`). The rest is divided
    in proportion to output; a member without output counts with the median of the others, not with 0.

    Parameters
    ----------
    cap : int
        Cap in millijoules.
    outputs : mapping of str to float or None
        O of each member in FLOP; None or 0 for a new member.
    share : float
        Part of the cap that is divided equally, 0 to 1.

    Raises
    ------
    ValueError
        If there is no member, the cap is not a whole number from 0 up, or a value is not valid.
    """
    if not outputs:
        raise ValueError("There is no member to share the cap with.")
    if isinstance(cap, bool) or not isinstance(cap, int) or cap < 0:
        raise ValueError(f"cap is {cap!r}; it must be in whole millijoules, from 0 up.")
    if _number("share", share) > 1:
        raise ValueError(f"share is {share}; it must be a share of the cap, 0 to 1.")
    existing = {name: _number(f"output of {name}", value) for name, value in outputs.items() if value}
    typical = median(existing.values()) if existing else 1.0
    floor = math.floor(Fraction(share) * cap / len(outputs))
    weights = {name: Fraction(existing.get(name, typical)) for name in outputs}
    rest = apportion(cap - floor * len(outputs), weights)
    shares = {name: floor + rest[name] for name in outputs}
    return Allotment(shares, floor, tuple(name for name in outputs if name not in existing))


def apportion(whole: int, weights: Mapping[str, Fraction | int]) -> dict[str, int]:
    """Divide a whole number in proportion to weights into whole numbers with the same sum (largest remainder method).

    Raises
    ------
    ValueError
        If all weights are 0 and there is something to divide.
    """
    total = sum(weights.values(), start=Fraction(0))
    if not total:
        if whole:
            raise ValueError("There is an amount to split, but no member.")
        return dict.fromkeys(weights, 0)
    exact_parts = {name: Fraction(whole) * weight / total for name, weight in weights.items()}
    parts = {name: math.floor(value) for name, value in exact_parts.items()}
    by_remainder = sorted(weights, key=lambda name: (parts[name] - exact_parts[name], name))
    for name in by_remainder[: whole - sum(parts.values())]:
        parts[name] += 1
    return parts
