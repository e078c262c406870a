"""Everyday equivalents of energy and CO2e (phone charges, kilometres by car), each with its source.

A factor converts either energy or CO2e, never one into the other, so that energy equivalents need no region. Factors
not checked against a publication are available on request only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from .kilowatt_hours import EXACT, decimal, kilowatt_hours

Basis = Literal["kwh", "grams"]


@dataclass(frozen=True)
class Factor:
    """Energy or CO2e of one everyday unit.

    Parameters
    ----------
    name : str
        Short name for selection.
    unit : str
        Name of the unit, in the plural.
    basis : {"kwh", "grams"}
        Whether `each` is kWh of electricity or grams of CO2e.
    each : Decimal
        Amount of one unit.
    source : str
        Source of the amount, with year and boundary.
    verified : bool
        Whether the figure was checked against a publication; others are off by default.
    """

    name: str
    unit: str
    basis: Basis
    each: Decimal
    source: str
    verified: bool = True


@dataclass(frozen=True)
class Equivalent:
    """An amount in an everyday unit.

    Parameters
    ----------
    name, unit : str
        As in `Factor`.
    amount : float
        Number of units.
    source : str
        Source of the factor.
    """

    name: str
    unit: str
    amount: float
    source: str

    def __str__(self) -> str:
        return f"{self.amount:.3g} {self.unit}"


EQUIVALENTS: tuple[Factor, ...] = (
    Factor(
        "phone",
        "phone charges",
        "kwh",
        Decimal("0.012"),
        "0.012 kWh a full charge (Luccioni, Jernite and Strubell, 2024, after US EPA)",
    ),
    Factor(
        "car",
        "km by car",
        "grams",
        Decimal("107.5"),
        "107.5 g CO2/km, average new car in the EU in 2020, at the exhaust (European Environment Agency)",
    ),
    Factor(
        "us-car",
        "miles by car (US)",
        "grams",
        Decimal(409),
        "0.409 kg CO2e/mile, average US passenger vehicle (US EPA, as used by CodeCarbon)",
    ),
    Factor(
        "tv",
        "hours of television",
        "grams",
        Decimal(97),
        "0.097 kg CO2/h, 32-inch LCD set (as used by CodeCarbon)",
    ),
    Factor(
        "us-home",
        "weeks of a US home",
        "grams",
        Decimal(160_580),
        "160.58 kg CO2/week, average US household's energy use (US EPA, as used by CodeCarbon)",
    ),
    Factor(
        "phone-epa",
        "phone charges (newer EPA figure)",
        "kwh",
        Decimal("0.019"),
        "0.019 kWh a full charge (US EPA; not verified)",
        verified=False,
    ),
    Factor("laptop", "laptop charges", "kwh", Decimal("0.06"), "0.06 kWh a full charge (not verified)", verified=False),
)
"""All factors, in display order."""


def equivalents(
    joules: float | None = None,
    grams: float | None = None,
    *,
    only: Iterable[str] | None = None,
    unverified: bool = False,
) -> tuple[Equivalent, ...]:
    """Return the everyday equivalents of an amount of energy, of CO2e, or both.

    Parameters
    ----------
    joules : float or None
        Energy in J; None omits equivalents of energy.
    grams : float or None
        CO2e in g; None (no region set) omits equivalents of CO2e.
    only : iterable of str, optional
        Names of the factors to use, which may include unverified ones.
    unverified : bool
        Whether to include factors that were not checked against a publication.

    Raises
    ------
    ValueError
        If an amount is negative or not finite, or a name in `only` is unknown.
    """
    names = None if only is None else list(only)
    factors = {factor.name: factor for factor in EQUIVALENTS}
    for name in names or ():
        if name not in factors:
            raise ValueError(f"There is no comparison named {name!r}: choose from {', '.join(factors)}.")
    amounts: dict[Basis, Decimal] = {}
    if joules is not None:
        amounts["kwh"] = kilowatt_hours(joules)
    if grams is not None:
        amounts["grams"] = decimal(grams)
    return tuple(
        Equivalent(factor.name, factor.unit, float(EXACT.divide(amounts[factor.basis], factor.each)), factor.source)
        for factor in EQUIVALENTS
        if factor.basis in amounts and (factor.name in names if names is not None else factor.verified or unverified)
    )
