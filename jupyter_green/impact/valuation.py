"""What a record's joules mean outside: grams of CO2e and money, by what the person has set and nothing else.

Energy is metered at the devices. The power usage effectiveness (PUE) says how much the building draws for each
joule of them, so it multiplies both CO2e and money. It is 1 until it is set: true for one's own machine, too low
for a data centre, and the source text says which was used. Setting nothing changes nothing.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from jupyter_green.errors import GreenError
from jupyter_green.records import EnergyRecord

from .kilowatt_hours import EXACT, decimal, kilowatt_hours
from .region import Intensity, intensity
from .tariff import Tariff, version_of

REGION_VARIABLE = "JUPYTER_GREEN_REGION"
PUE_VARIABLE = "JUPYTER_GREEN_PUE"
TARIFF_VARIABLE = "JUPYTER_GREEN_TARIFF"
_VARIABLES = {"region": REGION_VARIABLE, "pue": PUE_VARIABLE, "tariff": TARIFF_VARIABLE}

_HIGHEST_PUE = 5  # a building that draws more than five times its computers is more likely a slip of the hand


class BadPue(GreenError, ValueError):
    """A PUE that can't be. The message is one sentence that says what it should be."""


@dataclass(frozen=True, init=False)
class Valuation:
    """The factors that turn energy into CO2e and money.

    Parameters
    ----------
    region : str, Intensity or None
        Where the electricity comes from, as `intensity` reads it; None for no CO2e.
    pue : float, str or None
        Power usage effectiveness, from 1 to 5; None for 1 (own machine).
    tariff : str, Tariff or None
        Price of electricity, as `Tariff.parse` reads it; None for no cost.

    Raises
    ------
    UnknownRegion, BadPue, BadTariff
        All are ValueErrors; each message is one sentence.
    """

    intensity: Intensity | None
    pue: Decimal | None
    tariff: Tariff | None

    def __init__(
        self,
        region: str | Intensity | None = None,
        pue: float | str | Decimal | None = None,
        tariff: str | Tariff | None = None,
    ) -> None:
        object.__setattr__(self, "intensity", intensity(region) if isinstance(region, str) else region)
        object.__setattr__(self, "pue", None if pue is None else _pue(pue))
        object.__setattr__(self, "tariff", Tariff.parse(tariff) if isinstance(tariff, str) else tariff)

    @classmethod
    def from_environment(
        cls,
        environment: Mapping[str, str] | None = None,
        *,
        region: str | float | None = None,
        pue: str | float | None = None,
        tariff: str | float | None = None,
    ) -> Valuation:
        """Read region, PUE and tariff from the environment; a variable that is unset or blank sets nothing.

        Parameters
        ----------
        environment : mapping of str to str, optional
            Where to look; the process's environment by default.
        region, pue, tariff : optional
            Values that win over the environment's.

        Raises
        ------
        ValueError
            If a value can't be used; where it came from a variable, the sentence names that.
        """
        found = os.environ if environment is None else environment
        told = {"region": region, "pue": pue, "tariff": tariff}
        used: dict[str, str] = {}
        for factor, name in _VARIABLES.items():
            value = told[factor]
            text = (found.get(name, "") if value is None else str(value)).strip()
            if not text:
                continue
            try:
                cls(**{factor: text})  # alone, so that the sentence can name the variable at fault
            except ValueError as fault:
                if value is not None:
                    raise
                raise type(fault)(f"{name}: {fault}") from None
            used[factor] = text
        return cls(**used)

    @classmethod
    def sound(cls, environment: Mapping[str, str] | None = None) -> tuple[Valuation, dict[str, str]]:
        """Read the environment as `from_environment` does, but leave out what can't be used.

        Without a PUE that was meant to be set neither CO2e nor cost would be true, so both are left out.

        Parameters
        ----------
        environment : mapping of str to str, optional
            Where to look; the process's environment by default.

        Returns
        -------
        Valuation
            What can be told.
        dict of str to str
            What can't be and why: a sentence for each wrong value, by the factor's name ("region", "pue", "tariff").
        """
        found = dict(os.environ if environment is None else environment)
        faults = {}
        for factor, missing in (("region", "CO2e"), ("tariff", "cost"), ("pue", "CO2e or cost")):
            name = _VARIABLES[factor]
            try:
                cls.from_environment({name: found.get(name, "")})
            except ValueError as fault:
                faults[factor] = f"No {missing} is shown: {fault}"
                for dropped in (REGION_VARIABLE, TARIFF_VARIABLE, PUE_VARIABLE) if name == PUE_VARIABLE else (name,):
                    found.pop(dropped, None)
        return cls.from_environment(found), faults

    @property
    def active(self) -> bool:
        """Whether anything would be said: a region or a tariff is set."""
        return self.intensity is not None or self.tariff is not None

    @property
    def source(self) -> str | None:
        """Where the CO2e factor comes from and which PUE multiplied it; None without a region."""
        if self.intensity is None:
            return None
        return f"{self.intensity.sentence()}; {self._pue_text()}"

    @property
    def tariff_version(self) -> str | None:
        """Version of what is charged, PUE included; None without a tariff."""
        if self.tariff is None:
            return None
        return version_of({"per_kwh": self.tariff.per_kwh, "currency": self.tariff.currency, "pue": self._factor()})

    def grams(self, joules: float) -> float | None:
        """Return grams of CO2e for `joules` (J) at the devices; None without a region.

        Raises
        ------
        ValueError
            If `joules` is not finite, or negative.
        """
        if self.intensity is None:
            return None
        at_meter = EXACT.multiply(kilowatt_hours(joules), self._factor())
        return float(EXACT.multiply(at_meter, decimal(self.intensity.grams_per_kwh)))

    def cost(self, joules: float) -> float | None:
        """Return what `joules` (J) at the devices cost, in the tariff's currency; None without a tariff.

        Raises
        ------
        ValueError
            If `joules` is not finite, or negative.
        """
        return None if self.tariff is None else float(self.tariff.cost(joules, self._factor()))

    def value(self, record: EnergyRecord) -> EnergyRecord:
        """Return `record` with its CO2e and cost, or unchanged where nothing is set or nothing was read.

        The amounts belong to ``record.joules`` and share its interval: where that is below resolution or
        estimated, so are they. The yearly average of a region adds an error that is not in the interval. A
        difference that noise made negative is given no amount.
        """
        joules = record.joules
        if joules is None or not self.active or not math.isfinite(joules) or joules < 0:
            return record
        if self.intensity is not None:
            record = record.with_(co2e_grams=self.grams(joules), co2e_source=self.source)
        if self.tariff is not None:
            record = record.with_(cost=self.cost(joules), currency=self.tariff.currency, tariff=self.tariff_version)
        return record

    def _factor(self) -> Decimal:
        return Decimal(1) if self.pue is None else self.pue

    def _pue_text(self) -> str:
        if self.pue is None:
            return "PUE 1, as on one's own machine: nothing added for cooling a building"
        return f"multiplied by PUE {self.pue.normalize():f}, as set"


def _pue(given: float | str | Decimal) -> Decimal:
    try:
        value = Decimal(str(given).strip())
    except InvalidOperation:
        raise BadPue(_pue_sentence(given)) from None
    if isinstance(given, bool) or not value.is_finite() or not 1 <= value <= _HIGHEST_PUE:
        raise BadPue(_pue_sentence(given))
    return value


def _pue_sentence(given: object) -> str:
    return (
        f"A PUE is what the building draws for each joule of its computers, a number from 1 to {_HIGHEST_PUE}, "
        f"not {given!r}: leave it out for your own machine, or ask the data centre for its yearly figure."
    )
