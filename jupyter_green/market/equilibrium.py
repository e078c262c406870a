"""Optimal computing of one firm under a cap with a market, and the market-clearing price of equal firms; closed forms.

A firm gains −x^(−k) from computing x, pays a per unit of x, and sells the unused part of its usable allowance F at the
price b. It maximises −x^(−k) − a·x + b·y subject to x + y ≤ F and x ≥ 0. Hence

    x* = (k / (a + b))^(1 / (k + 1)),   y* = F − x*   (above 0: sold; below 0: bought)

Without a cap x₀ = (k / a)^(1 / (k + 1)), and the saved share is ρ = 1 − (a / (a + b))^(1 / (k + 1)): above 0 for every
price above 0, and 0 at price 0. It does not depend on F: *the price changes use, the size of the cap does not*. Equal
firms with binding caps clear the market at b = max(0, k·(n / ΣF)^(k + 1) − a).

Source: the cap-and-trade proposal for AI inference (arXiv 2601.19886), read in notes on it, not in full; the clearing
price is our own derivation. Limitations: a single price-taking firm, no hoarding to move the price, a stylised gain
−x^(−k) whose k depends on the task, and no calibrated data.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple


class Equilibrium(NamedTuple):
    """A firm's optimum: it computes x and sells y of its allowance (below 0: buys)."""

    x: float
    y: float


def _check(**values: float) -> None:
    for name, value in values.items():
        strict = name == "k"
        if isinstance(value, bool) or not math.isfinite(value) or value < 0 or (strict and not value):
            raise ValueError(f"{name} is {value}; it must be a finite number {'above 0' if strict else 'from 0 up'}.")


def unlimited(*, k: float, a: float, b: float = 0.0) -> float:
    """Return the optimal computing at a marginal cost a + b; with b = 0 that without a cap.

    Raises
    ------
    ValueError
        If a value is not valid, or a + b is 0, where the optimum is infinite.
    """
    _check(k=k, a=a, b=b)
    if not a + b:
        raise ValueError("a + b is 0, so demand is unbounded; give a cost or a price above 0.")
    return float((k / (a + b)) ** (1 / (k + 1)))


def equilibrium(*, k: float, a: float, b: float, F: float) -> Equilibrium:  # noqa: N803 - the paper's own sign
    """Return (x, y), a firm's computing and what it sells of its allowance.

    Parameters
    ----------
    k : float
        Exponent of the gain −x^(−k), above 0; the larger, the faster it levels off.
    a : float
        Cost of one unit of computing.
    b : float
        Price of one unit of allowance. At 0 the cap has no effect: x is that without a cap.
    F : float
        Usable allowance.

    Raises
    ------
    ValueError
        If a value is not valid.
    """
    _check(F=F)
    x = unlimited(k=k, a=a, b=b)
    return Equilibrium(x, F - x)


def clearing_price(F: float | Sequence[float], *, k: float, a: float) -> float:  # noqa: N803 - the paper's own sign
    """Return the price at which equal firms use up their allowances; 0 if these are not binding.

    Parameters
    ----------
    F : float or sequence of float
        Usable allowance of each firm; a number for a single firm.
    k, a : float
        As for `equilibrium`.

    Raises
    ------
    ValueError
        If a value is not valid, or all allowances are 0.
    """
    allowances = [F] if isinstance(F, (int, float)) else list(F)
    for value in allowances:
        _check(F=value)
    _check(k=k, a=a)
    total = math.fsum(allowances)
    if not total:
        raise ValueError("The allowances are 0: no finite price reduces use to 0.")
    return float(max(0.0, k * (len(allowances) / total) ** (k + 1) - a))
