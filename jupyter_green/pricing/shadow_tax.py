"""A shadow price on excess energy: T = r·X, what a tax on the excess would ask; nobody is charged anything.

The rate is money per kWh. Where nobody has set one it follows from a price of carbon and from what a kilowatt-hour
carries: r [money/kWh] = carbon price [money/t] · intensity [g/kWh] / 1,000,000. Only the excess goes in, so that two
cells with the same joules, units and baseline bear the same price, whatever ran in them.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from jupyter_green.baselines.excess import Excess
from jupyter_green.impact.kilowatt_hours import EXACT, kilowatt_hours

GRAMS_PER_TONNE = Decimal(1_000_000)


def amount_of(value: float | str | Decimal, name: str) -> Decimal:
    """Return an amount of money or a factor as an exact decimal.

    Raises
    ------
    ValueError
        If it is no finite number from 0 up.
    """
    try:
        found = value if isinstance(value, Decimal) else Decimal(str(value))
    except InvalidOperation:
        found = Decimal("NaN")
    if isinstance(value, bool) or not found.is_finite() or found < 0:
        raise ValueError(f"{name} is {value!r}; it is a finite number from 0 up.")
    return found


def exact_tax(excess: float | Excess, rate: float | str | Decimal) -> Decimal:
    """Return r·X as an exact decimal; see `shadow_tax`."""
    joules = excess.taxable if isinstance(excess, Excess) else excess
    return EXACT.multiply(kilowatt_hours(joules), amount_of(rate, "rate"))


def shadow_tax(excess: float | Excess, *, rate: float | str | Decimal) -> float:
    """Return what an excess would cost, in the currency of the rate.

    Parameters
    ----------
    excess : float or Excess
        X in joules. An `Excess` that is not told apart from nothing costs nothing.
    rate : float, str or Decimal
        r, money per kWh.

    Raises
    ------
    ValueError
        If a value is no finite number from 0 up.
    """
    return float(exact_tax(excess, rate))


def carbon_rate(price_per_tonne: float | str | Decimal, grams_per_kwh: float | str | Decimal) -> Decimal:
    """Return the rate per kWh that a price of carbon means where the electricity carries so much.

    Parameters
    ----------
    price_per_tonne : float, str or Decimal
        Money per tonne of CO2e.
    grams_per_kwh : float, str or Decimal
        Grams of CO2e per kWh.

    Raises
    ------
    ValueError
        If a value is no finite number from 0 up.
    """
    price = amount_of(price_per_tonne, "price_per_tonne")
    return EXACT.divide(EXACT.multiply(price, amount_of(grams_per_kwh, "grams_per_kwh")), GRAMS_PER_TONNE)
