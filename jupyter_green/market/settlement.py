"""Settlement of a period: use is covered by allowances in a fixed order; the rest is banked or fined.

Order: the period's own allowance, banked allowances (oldest first), bought allowances. Use that is not covered costs
the penalty. What is left is banked: bank' = max(0, A + bank + bought − sold − E)·(1 − δ). With whole numbers
(millijoules) nothing is lost or created by rounding: a decayed vintage is rounded down, and the difference counts as
expired. Source: banking and fines of arXiv 2601.19886, read in notes on it; the order is our own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple


class AllowanceSettlement(NamedTuple):
    """The result of a period, in the unit of the inputs.

    Parameters
    ----------
    own, from_bank, from_bought : float
        Use covered by each source.
    short : float
        Use that is not covered.
    fine : float
        Penalty for `short`, in money.
    bank : tuple of float
        Banked allowances, oldest vintage first; the last one is this period's.
    expired : float
        Banked allowances that were lost.
    """

    own: float
    from_bank: float
    from_bought: float
    short: float
    fine: float
    bank: tuple[float, ...]
    expired: float

    @property
    def banked(self) -> float:
        """Sum of all vintages."""
        return sum(self.bank)


def settle(
    used: float,
    *,
    allowance: float,
    banked: float | Sequence[float] = (),
    bought: float = 0,
    sold: float = 0,
    penalty: float = 0.0,
    decay: float = 0.0,
    keep: int | None = None,
) -> AllowanceSettlement:
    """Settle a period.

    Parameters
    ----------
    used : float
        E, the energy used.
    allowance : float
        A, the member's allowance for the period.
    banked : float or sequence of float
        Banked allowances, oldest first.
    bought, sold : float
        Allowances traded in the period; sales are taken from the period's allowance first.
    penalty : float
        φ, money per unit that is not covered; it should exceed the price, or nobody buys.
    decay : float
        δ, share of the bank that is lost, 0 to 1.
    keep : int, optional
        Largest number of vintages; older ones expire.

    Raises
    ------
    ValueError
        If a value is not finite or below 0, or more is sold than available.
    """
    vintages = [banked] if isinstance(banked, (int, float)) else list(banked)
    inputs = {"used": used, "allowance": allowance, "bought": bought, "sold": sold, "penalty": penalty, "decay": decay}
    for name, value in (*inputs.items(), *(("banked", value) for value in vintages)):
        if isinstance(value, bool) or not math.isfinite(value) or value < 0:
            raise ValueError(f"{name} is {value}; it must be a finite number from 0 up.")
    if decay > 1:
        raise ValueError(f"decay is {decay}; it must be between 0 and 1.")
    if keep is not None and keep < 1:
        raise ValueError(f"keep is {keep}; it must be at least the period's allowance.")
    if sold > allowance + sum(vintages):
        raise ValueError("More is sold than the allowance and the bank hold.")
    sources = [allowance, *vintages, bought]
    left = _take(sources[:-1], sold)[0] + [bought]
    left, missing = _take(left, used)
    available = _take(sources[:-1], sold)[0] + [bought]
    spent = [was - now for was, now in zip(available, left, strict=True)]
    remaining = [*left[1:-1], left[0] + left[-1]]
    expired: float = 0
    if decay:
        lost = [_lost(value, decay) for value in remaining[:-1]] + [_lost(remaining[-1], decay)]
        remaining = [value - gone for value, gone in zip(remaining, lost, strict=True)]
        expired += sum(lost)
    if keep is not None and len(remaining) > keep:
        expired += sum(remaining[:-keep])
        remaining = remaining[-keep:]
    bank = tuple(value for value in remaining if value)
    return AllowanceSettlement(spent[0], sum(spent[1:-1]), spent[-1], missing, penalty * missing, bank, expired)


def _take(sources: Sequence[float], wanted: float) -> tuple[list[float], float]:
    """Take an amount from sources in order; return the remainder of each, and the missing amount."""
    left = []
    for source in sources:
        taken = min(source, wanted)
        left.append(source - taken)
        wanted = wanted - taken
    return left, wanted


def _lost(value: float, decay: float) -> float:
    """Return the decayed part of a vintage; for whole numbers, so that the rest is a whole number."""
    if isinstance(value, int):
        return value - math.floor(value * (1 - decay))
    return value * decay
