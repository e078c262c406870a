"""A limit on energy, CO2e or money, parsed from text.

Units are case-sensitive as in SI, because "mJ" is a thousandth of a joule and "MJ" a million. Ambiguous or invalid
text is rejected with a message that says what to write.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from jupyter_green.errors import GreenError
from jupyter_green.impact.tariff import BadTariff, Tariff
from jupyter_green.reporting import numbers

Quantity = Literal["energy", "co2e", "money"]
JOULES = {"mJ": 1e-3, "J": 1.0, "kJ": 1e3, "MJ": 1e6, "GJ": 1e9, "mWh": 3.6, "Wh": 3.6e3, "kWh": 3.6e6, "MWh": 3.6e9}
GRAMS = {"g": 1.0, "kg": 1e3, "t": 1e6}
MOST = 1e18
"""Largest amount in joules, grams or money; more is taken for a typing error."""
_AMOUNT = re.compile(r"\s*([+-]?[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)\s*([A-Za-z]+)\s*")
_ASK = "write energy, CO2e or money with its unit, such as 50Wh, 200g or 3EUR"


class InvalidLimit(GreenError, ValueError):
    """An amount can't be a limit, or a budget is not valid; the message says what to write."""


@dataclass(frozen=True)
class Limit:
    """An amount."""

    quantity: Quantity
    """What is limited."""
    amount: float
    """In joules, grams of CO2e, or money."""
    currency: str | None = None
    """ISO 4217 code, for money."""
    text: str = ""
    """The text it was parsed from; empty if none."""

    def __post_init__(self) -> None:
        if not math.isfinite(self.amount) or not 0 < self.amount <= MOST:
            written = self.text or f"{self.amount:g}"
            raise InvalidLimit(f"A limit of {written} is out of range; {_ASK}, above 0.")

    @classmethod
    def parse(cls, text: str) -> Limit:
        """Parse an amount such as ``"50Wh"``, ``"1.5 kJ"``, ``"200 g"``, ``"3 EUR"`` or ``"€3"``.

        Raises InvalidLimit if it is not a valid amount.
        """
        match = _AMOUNT.fullmatch(text)
        if match is not None:
            for quantity, units in (("energy", JOULES), ("co2e", GRAMS)):
                if match[2] in units:
                    kind: Quantity = "energy" if quantity == "energy" else "co2e"
                    return cls(kind, float(match[1]) * units[match[2]], None, f"{match[1]} {match[2]}")
            candidates = [unit for unit in (*JOULES, *GRAMS) if _folded(unit) == _folded(match[2])]
            if candidates:
                raise InvalidLimit(
                    f"{match[2]!r} is not a unit; did you mean {' or '.join(f'{match[1]}{u}' for u in candidates)}?"
                )
        try:
            price = Tariff.parse(text)
        except BadTariff:
            raise InvalidLimit(f"{text.strip()!r} is not a limit; {_ASK}.") from None
        return cls("money", float(price.per_kwh), price.currency, f"{price.per_kwh:f} {price.currency}")

    def __str__(self) -> str:
        return self.text or self.written(self.amount)

    def written(self, amount: float, uncertainty: float | None = None) -> str:
        """Return an amount of the same quantity as plain text."""
        if self.quantity == "money":
            if 0 < abs(amount) < 0.095:
                return f"{numbers.significant(amount)} {self.currency}"
            return numbers.plain(numbers.money(amount, self.currency))
        if self.quantity == "co2e":
            return numbers.plain(numbers.carbon(amount))
        return numbers.plain(str(numbers.energy(amount, uncertainty)))


def _folded(unit: str) -> str:
    return unit.casefold().rstrip("s")
