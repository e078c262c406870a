"""The end of a period: what was used is covered by allowances in a fixed order, the rest is kept or fined.

Order: the period's own allowance, what was banked (oldest first), what was bought; what is still missing is short and
costs the penalty. What is left is banked: bank' = max(0, A + bank + bought − sold − E)·(1 − δ). Numbers may be whole
(millijoules), and then nothing is lost or made by rounding: a decayed vintage is rounded down and the rest is told as
expired. Source: banking and fines of arXiv 2601.19886, read in notes on it; the order is our own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple


class AllowanceSettlement(NamedTuple):
    """How a period ended, in the unit of what went in.

    Parameters
    ----------
    own, from_bank, from_bought : float
        What covered the use.
    short : float
        What nothing covered.
    fine : float
        Penalty for that.
    bank : tuple of float
        What is kept, oldest vintage first; the last one is this period's.
    expired : float
        What was kept before and is lost.
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
        """All that is kept."""
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
        E, what was used.
    allowance : float
        A, what the member was given.
    banked : float or sequence of float
        What it had kept, oldest first.
    bought, sold : float
        What it traded in the period; what is sold comes from its own allowance first.
    penalty : float
        φ, money for each unit that nothing covers; it must be above the price, or nobody would buy.
    decay : float
        δ, the part of what is kept that is lost, 0 to 1.
    keep : int, optional
        Vintages that are kept at most; older ones expire.

    Raises
    ------
    ValueError
        If a value is no finite number from 0 up, or more is sold than there is.
    """
    vintages = [banked] if isinstance(banked, (int, float)) else list(banked)
    given = {"used": used, "allowance": allowance, "bought": bought, "sold": sold, "penalty": penalty, "decay": decay}
    for name, value in (*given.items(), *(("banked", value) for value in vintages)):
        if isinstance(value, bool) or not math.isfinite(value) or value < 0:
            raise ValueError(f"{name} is {value}; it is a finite number from 0 up.")
    if decay > 1:
        raise ValueError(f"decay is {decay}; it is a part, 0 to 1.")
    if keep is not None and keep < 1:
        raise ValueError(f"keep is {keep}; at least the period's own allowance is kept.")
    if sold > allowance + sum(vintages):
        raise ValueError("More is sold than the allowance and what was banked; only what is there can be sold.")
    sources = [allowance, *vintages, bought]
    left = _take(sources[:-1], sold)[0] + [bought]
    left, missing = _take(left, used)
    before = _take(sources[:-1], sold)[0] + [bought]
    spent = [was - now for was, now in zip(before, left, strict=True)]
    kept = [*left[1:-1], left[0] + left[-1]]
    expired: float = 0
    if decay:
        lost = [_lost(value, decay) for value in kept[:-1]] + [_lost(kept[-1], decay)]
        kept = [value - gone for value, gone in zip(kept, lost, strict=True)]
        expired += sum(lost)
    if keep is not None and len(kept) > keep:
        expired += sum(kept[:-keep])
        kept = kept[-keep:]
    bank = tuple(value for value in kept if value)
    return AllowanceSettlement(spent[0], sum(spent[1:-1]), spent[-1], missing, penalty * missing, bank, expired)


def _take(sources: Sequence[float], wanted: float) -> tuple[list[float], float]:
    """Take an amount from sources in their order; return what is left of each, and what was missing."""
    left = []
    for source in sources:
        taken = min(source, wanted)
        left.append(source - taken)
        wanted = wanted - taken
    return left, wanted


def _lost(value: float, decay: float) -> float:
    """What of a vintage is lost; of whole numbers so much that a whole number is kept."""
    if isinstance(value, int):
        return value - math.floor(value * (1 - decay))
    return value * decay
