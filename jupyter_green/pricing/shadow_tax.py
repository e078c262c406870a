"""Shadow tax on excess energy: T = r·X. It shows what a tax would cost; nobody is charged.

The rate r is money per kWh. If the user sets none, it follows from a carbon price and the grid intensity:
r [money/kWh] = carbon price [money/t] · intensity [g/kWh] / 1,000,000. The tax depends only on the excess, so two cells
with the same joules, units and baseline have the same tax, whatever ran in them.
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
        If it is not finite or below 0.
    """
    try:
        amount = value if isinstance(value, Decimal) else Decimal(str(value))
    except InvalidOperation:
        amount = Decimal("NaN")
    if isinstance(value, bool) or not amount.is_finite() or amount < 0:
        raise ValueError(f"{name} is {value!r}; it must be a finite number from 0 up.")
    return amount


def exact_tax(excess: float | Excess, rate: float | str | Decimal) -> Decimal:
    """Return r·X as an exact decimal; see `shadow_tax`."""
    joules = excess.taxable if isinstance(excess, Excess) else excess
    return EXACT.multiply(kilowatt_hours(joules), amount_of(rate, "rate"))


def shadow_tax(excess: float | Excess, *, rate: float | str | Decimal) -> float:
    """Return the shadow tax on an excess, in the currency of the rate.

    Parameters
    ----------
    excess : float or Excess
        X in joules; an `Excess` that is not statistically significant costs nothing.
    rate : float, str or Decimal
        r, money per kWh.

    Raises
    ------
    ValueError
        If a value is not finite or below 0.
    """
    return float(exact_tax(excess, rate))


def carbon_rate(price_per_tonne: float | str | Decimal, grams_per_kwh: float | str | Decimal) -> Decimal:
    """Return the tax rate per kWh that corresponds to a carbon price at a grid intensity.

    Parameters
    ----------
    price_per_tonne : float, str or Decimal
        Money per tonne of CO2e.
    grams_per_kwh : float, str or Decimal
        Grams of CO2e per kWh.

    Raises
    ------
    ValueError
        If a value is not finite or below 0.
    """
    price = amount_of(price_per_tonne, "price_per_tonne")
    return EXACT.divide(EXACT.multiply(price, amount_of(grams_per_kwh, "grams_per_kwh")), GRAMS_PER_TONNE)
