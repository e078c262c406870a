"""One firm under a cap with a market, and the price at which equal firms clear it: closed forms.

A firm gains −x^(−k) from computing x, pays a per unit of it, and sells what it does not use of its usable allowance F
at the price b: it maximises −x^(−k) − a·x + b·y with x + y ≤ F and x ≥ 0. Hence

    x* = (k / (a + b))^(1 / (k + 1)),   y* = F − x*   (above 0: sold; below 0: bought)

Without a cap x₀ = (k / a)^(1 / (k + 1)), and the part saved is ρ = 1 − (a / (a + b))^(1 / (k + 1)): above 0 for every
price above 0, and 0 at price 0. It does not depend on F: *the price moves use, the size of the cap does not*. Equal
firms whose caps bind clear at b = k·(n / ΣF)^(k + 1) − a, and never below 0.

Source: the cap-and-trade proposal for AI inference (arXiv 2601.19886), read in notes on it, not in full; the clearing
price is our own derivation. Caveats: one firm, a price from outside, nobody hoards to move it, the gain −x^(−k) is a
stylised law whose k depends on the task, and there are no calibrated data.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple


class Equilibrium(NamedTuple):
    """What a firm does: computes x, and sells y of its allowance (below 0: buys)."""

    x: float
    y: float


def _check(**values: float) -> None:
    for name, value in values.items():
        strict = name == "k"
        if isinstance(value, bool) or not math.isfinite(value) or value < 0 or (strict and not value):
            raise ValueError(f"{name} is {value}; it is a finite number {'above 0' if strict else 'from 0 up'}.")


def unlimited(*, k: float, a: float, b: float = 0.0) -> float:
    """Return what a firm computes at a marginal cost a + b; with b = 0 what it computes without a cap.

    Raises
    ------
    ValueError
        If a value makes no sense, or a + b is 0: then there is no end to it.
    """
    _check(k=k, a=a, b=b)
    if not a + b:
        raise ValueError("a + b is 0: what costs nothing has no end; give a cost or a price above 0.")
    return float((k / (a + b)) ** (1 / (k + 1)))


def equilibrium(*, k: float, a: float, b: float, F: float) -> Equilibrium:  # noqa: N803 - the paper's own sign
    """Return (x, y), what a firm computes and what it sells of its allowance.

    Parameters
    ----------
    k : float
        How fast the gain −x^(−k) levels off, above 0.
    a : float
        Cost of one unit of computing.
    b : float
        Price of one unit of allowance. At 0 the cap changes nothing: x is what it would be without one.
    F : float
        Usable allowance.

    Raises
    ------
    ValueError
        If a value makes no sense.
    """
    _check(F=F)
    x = unlimited(k=k, a=a, b=b)
    return Equilibrium(x, F - x)


def reduction(*, k: float, a: float, b: float) -> float:
    """Return ρ, the part of the computing without a cap that a price b saves (0 to 1).

    Raises
    ------
    ValueError
        If a value makes no sense, or a is 0: then there would be no end to it without a cap.
    """
    _check(k=k, a=a, b=b)
    if not a:
        raise ValueError("a is 0: without a cap there would be no end to it, so no part of it can be told.")
    return float(1 - (a / (a + b)) ** (1 / (k + 1)))


def clearing_price(F: float | Sequence[float], *, k: float, a: float) -> float:  # noqa: N803 - the paper's own sign
    """Return the price at which equal firms use their allowances up; 0 where these are no limit.

    Parameters
    ----------
    F : float or sequence of float
        Usable allowance of each firm; one number where all have the same.
    k, a : float
        As for `equilibrium`.

    Raises
    ------
    ValueError
        If a value makes no sense, or there is nothing to use.
    """
    given = [F] if isinstance(F, (int, float)) else list(F)
    for value in given:
        _check(F=value)
    _check(k=k, a=a)
    total = math.fsum(given)
    if not total:
        raise ValueError("The allowances are 0: no price makes anybody use nothing.")
    return float(max(0.0, k * (len(given) / total) ** (k + 1) - a))
