"""Amounts people can picture: so many phone charges, so many kilometres by car; each with its source.

A factor turns either energy or CO2e into its unit, never one into the other, so that a comparison of energy needs no
region. Factors that have not been checked against a publication are kept but never shown unless asked for.
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
    """How much energy or CO2e stands behind one everyday unit.

    Parameters
    ----------
    name : str
        Short name to choose it by.
    unit : str
        What is counted, in the plural.
    basis : {"kwh", "grams"}
        Whether `each` is kWh of electricity or grams of CO2e.
    each : Decimal
        Amount behind one unit.
    source : str
        Where the amount comes from, its year and its boundary.
    verified : bool
        Whether the figure was checked against a publication; those that were not are off by default.
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
        How many of the unit.
    source : str
        Where the factor comes from.
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
"""Every factor known, in the order they are shown."""


def equivalents(
    joules: float | None = None,
    grams: float | None = None,
    *,
    only: Iterable[str] | None = None,
    unverified: bool = False,
) -> tuple[Equivalent, ...]:
    """Return what an amount of energy, of CO2e, or both stand for.

    Parameters
    ----------
    joules : float or None
        Energy in J; without it, comparisons by energy are left out.
    grams : float or None
        CO2e in g; without it (no region is set), comparisons by CO2e are left out.
    only : iterable of str, optional
        Names of the comparisons to return, unverified ones included when named.
    unverified : bool
        Whether to add the factors that were not checked against a publication.

    Raises
    ------
    ValueError
        If an amount is negative or not finite, or a name in `only` is unknown.
    """
    names = None if only is None else list(only)
    known = {factor.name: factor for factor in EQUIVALENTS}
    for name in names or ():
        if name not in known:
            raise ValueError(f"There is no comparison named {name!r}: choose from {', '.join(known)}.")
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
