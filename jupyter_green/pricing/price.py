"""Price of energy, term by term: price = E·PUE·p + gpu_h·p_g + T + b·bought − b·sold.

Amounts are `Decimal`. Joules are usually no finite decimal of a kilowatt-hour, so each term is rounded once, to 1e-12
of the currency unit, and the total is the exact sum of the rounded terms. `Price.rounded` rounds to cents and gives the
remaining cents to the terms that lost most, so that the cents add up too. A tariff card has a version, which is stored
with every row priced by it. Source: cost-based pricing with itemised terms, as in published utility tariffs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import Any

from jupyter_green.baselines.excess import Excess
from jupyter_green.impact.kilowatt_hours import EXACT, kilowatt_hours
from jupyter_green.impact.tariff import BadTariff, Tariff, version_of

from .shadow_tax import amount_of, exact_tax

PLACES = 12
"""Decimal places to which each term is rounded."""
_AMOUNTS = ("pue", "per_gpu_hour", "tax", "allowance")
_TERMS = ("electricity", "gpu_hours", "excess", "bought", "sold")


@dataclass(frozen=True)
class TariffCard:
    """Prices in one currency.

    Parameters
    ----------
    electricity : Tariff
        p, price of a kilowatt-hour.
    pue : Decimal
        Power usage effectiveness, 1 or more.
    per_gpu_hour : Decimal
        p_g, price of an hour of one GPU.
    tax : Decimal
        r, shadow price of a kilowatt-hour of excess.
    allowance : Decimal
        b, price of a kilowatt-hour of allowance that is bought or sold.
    """

    electricity: Tariff
    pue: Decimal = Decimal(1)
    per_gpu_hour: Decimal = Decimal(0)
    tax: Decimal = Decimal(0)
    allowance: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        for name in _AMOUNTS:
            object.__setattr__(self, name, amount_of(getattr(self, name), name))
        if self.pue < 1:
            raise ValueError(f"pue is {self.pue}; it must be 1 or more.")

    @property
    def currency(self) -> str:
        """ISO 4217 code of all prices."""
        return self.electricity.currency

    @property
    def version(self) -> str:
        """Eight characters that change with any of the prices; stored with every row priced by the card."""
        amounts = {name: getattr(self, name) for name in _AMOUNTS}
        return version_of({"per_kwh": self.electricity.per_kwh, "currency": self.currency, **amounts})

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; decimals are strings, so that they stay exact."""
        return {
            "per_kwh": str(self.electricity.per_kwh),
            "currency": self.currency,
            **{name: str(getattr(self, name)) for name in _AMOUNTS},
            "version": self.version,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> TariffCard:
        """Rebuild a card.

        Raises
        ------
        ValueError
            If the data is not a valid card.
        """
        try:
            amounts = {name: Decimal(data[name]) for name in _AMOUNTS}
            electricity = Tariff(Decimal(data["per_kwh"]), str(data["currency"]))
            return cls(electricity, **amounts)
        except (KeyError, TypeError, ArithmeticError) as error:
            raise ValueError(f"This is not a tariff card ({error}).") from None


@dataclass(frozen=True)
class Price:
    """A price and its terms.

    Parameters
    ----------
    terms : dict of str to Decimal
        ``electricity``, ``gpu_hours``, ``excess``, ``bought`` and ``sold`` (0 or below).
    currency : str
        ISO 4217 code.
    version : str
        Version of the tariff card.
    """

    terms: dict[str, Decimal]
    currency: str
    version: str

    @property
    def total(self) -> Decimal:
        """Sum of the terms."""
        return _sum(self.terms.values())

    def rounded(self, places: int = 2) -> Price:
        """Return the price rounded to `places` decimals, with terms that still add up to the total."""
        step = Decimal(1).scaleb(-places)
        total = self.total.quantize(step, ROUND_HALF_EVEN, EXACT)
        terms = {name: term.quantize(step, ROUND_FLOOR, EXACT) for name, term in self.terms.items()}
        missing = int(EXACT.divide(EXACT.subtract(total, _sum(terms.values())), step))
        by_loss = sorted(self.terms, key=lambda name: (terms[name] - self.terms[name], _TERMS.index(name)))
        for name in by_loss[:missing]:
            terms[name] = EXACT.add(terms[name], step)
        return replace(self, terms=terms)

    def sentence(self) -> str:
        """Return the total and every term that is not 0, as a sentence."""
        parts = [f"{name.replace('_', ' ')} {term.normalize():f}" for name, term in self.terms.items() if term]
        breakdown = f" = {' + '.join(parts)}" if parts else ""
        return f"{self.total.normalize():f} {self.currency}{breakdown} (tariff version {self.version})."


def price(
    energy: float,
    *,
    tariff: TariffCard | Tariff | str,
    gpu_hours: float | str | Decimal = 0,
    excess: float | Excess = 0.0,
    bought: float = 0.0,
    sold: float = 0.0,
    currency: str | None = None,
) -> Price:
    """Return the price of energy, term by term.

    Parameters
    ----------
    energy : float
        E at the devices, in joules.
    tariff : TariffCard, Tariff or str
        Prices; a price per kWh is a card without the other terms.
    gpu_hours : float, str or Decimal
        GPU hours.
    excess : float or Excess
        X in joules; an `Excess` that is not statistically significant costs nothing.
    bought, sold : float
        Joules of allowance traded.
    currency : str, optional
        Currency of the price; it must be the card's, because nothing is converted.

    Raises
    ------
    ValueError
        If a value is not finite or below 0, or the currencies differ.
    """
    card = _card(tariff)
    if currency is not None and currency.upper() != card.currency:
        raise BadTariff(f"The tariff is in {card.currency} and not in {currency}; nothing is converted here.")
    at_meter = EXACT.multiply(kilowatt_hours(energy), card.pue)
    terms = {
        "electricity": EXACT.multiply(at_meter, card.electricity.per_kwh),
        "gpu_hours": EXACT.multiply(amount_of(gpu_hours, "gpu_hours"), card.per_gpu_hour),
        "excess": exact_tax(excess, card.tax),
        "bought": EXACT.multiply(kilowatt_hours(bought), card.allowance),
        "sold": EXACT.multiply(kilowatt_hours(sold), card.allowance).copy_negate(),
    }
    step = Decimal(1).scaleb(-PLACES)
    rounded = {name: EXACT.add(term.quantize(step, ROUND_HALF_EVEN, EXACT), Decimal(0)) for name, term in terms.items()}
    if not all(term.is_finite() for term in rounded.values()):
        raise ValueError("This amount is too large to be priced exactly; check the joules.")
    return Price(rounded, card.currency, card.version)


def _card(tariff: TariffCard | Tariff | str) -> TariffCard:
    if isinstance(tariff, TariffCard):
        return tariff
    return TariffCard(Tariff.parse(tariff) if isinstance(tariff, str) else tariff)


def _sum(values: Any) -> Decimal:
    total = Decimal(0)
    for value in values:
        total = EXACT.add(total, value)
    return total
