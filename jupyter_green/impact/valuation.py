"""CO2e and cost of a record's energy, from the region, PUE and tariff that the user has set.

Energy is metered at the devices. The power usage effectiveness (PUE) is the energy of the building per energy of its
computers, so it multiplies both CO2e and cost. The default is 1, which is right for one's own machine and too low for a
data centre; the source text states which PUE was used. Without settings no CO2e and no cost are shown.
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

_HIGHEST_PUE = 5  # a higher value is more likely a typing error


def _own(environment: Mapping[str, str] | None) -> dict[str, str]:
    """Return the variables that are read here, and no others: tracebacks may list local variables."""
    environment = os.environ if environment is None else environment
    return {name: environment[name] for name in _VARIABLES.values() if name in environment}


class BadPue(GreenError, ValueError):
    """An invalid PUE. The message is one sentence that says what it should be."""


@dataclass(frozen=True, init=False)
class Valuation:
    """Factors that convert energy into CO2e and cost.

    Parameters
    ----------
    region : str, Intensity or None
        Grid region, in a form that `intensity` accepts; None for no CO2e.
    pue : float, str or None
        Power usage effectiveness, from 1 to 5; None for 1 (own machine).
    tariff : str, Tariff or None
        Price of electricity, in a form that `Tariff.parse` accepts; None for no cost.

    Raises
    ------
    UnknownRegion, BadPue, BadTariff
        If a value is invalid; all are ValueErrors with a one-sentence message.
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
        """Read region, PUE and tariff from environment variables; unset and blank ones are ignored.

        Parameters
        ----------
        environment : mapping of str to str, optional
            The process's environment by default.
        region, pue, tariff : optional
            Values that take precedence over the environment's.

        Raises
        ------
        ValueError
            If a value is invalid; the message names the variable it came from, if any.
        """
        variables = _own(environment)
        overrides = {"region": region, "pue": pue, "tariff": tariff}
        factors: dict[str, str] = {}
        for factor, name in _VARIABLES.items():
            value = overrides[factor]
            text = (variables.get(name, "") if value is None else str(value)).strip()
            if not text:
                continue
            try:
                cls(**{factor: text})  # one at a time, so that the message can name the variable
            except ValueError as error:
                if value is not None:
                    raise
                raise type(error)(f"{name}: {error}") from None
            factors[factor] = text
        return cls(**factors)

    @classmethod
    def sound(cls, environment: Mapping[str, str] | None = None) -> tuple[Valuation, dict[str, str]]:
        """Read the environment as `from_environment` does, but omit invalid values.

        Without the intended PUE both CO2e and cost would be wrong, so an invalid PUE omits both.

        Parameters
        ----------
        environment : mapping of str to str, optional
            The process's environment by default.

        Returns
        -------
        Valuation
            The valid factors.
        dict of str to str
            A message for each invalid value, by factor ("region", "pue", "tariff").
        """
        variables = _own(environment)
        messages = {}
        for factor, missing in (("region", "CO2e"), ("tariff", "cost"), ("pue", "CO2e or cost")):
            name = _VARIABLES[factor]
            try:
                cls.from_environment({name: variables.get(name, "")})
            except ValueError as error:
                messages[factor] = f"No {missing} is shown: {error}"
                for dropped in (REGION_VARIABLE, TARIFF_VARIABLE, PUE_VARIABLE) if name == PUE_VARIABLE else (name,):
                    variables.pop(dropped, None)
        return cls.from_environment(variables), messages

    @property
    def active(self) -> bool:
        """Whether a region or a tariff is set."""
        return self.intensity is not None or self.tariff is not None

    @property
    def source(self) -> str | None:
        """Source of the CO2e factor, and the PUE used; None without a region."""
        if self.intensity is None:
            return None
        return f"{self.intensity.sentence()}; {self._pue_text()}"

    @property
    def tariff_version(self) -> str | None:
        """Version of the tariff and the PUE together; None without a tariff."""
        if self.tariff is None:
            return None
        return version_of({"per_kwh": self.tariff.per_kwh, "currency": self.tariff.currency, "pue": self._factor()})

    def grams(self, joules: float) -> float | None:
        """Return grams of CO2e for `joules` (J) at the devices; None without a region.

        Raises
        ------
        ValueError
            If `joules` is negative or not finite.
        """
        if self.intensity is None:
            return None
        at_meter = EXACT.multiply(kilowatt_hours(joules), self._factor())
        return float(EXACT.multiply(at_meter, decimal(self.intensity.grams_per_kwh)))

    def cost(self, joules: float) -> float | None:
        """Return the cost of `joules` (J) at the devices, in the tariff's currency; None without a tariff.

        Raises
        ------
        ValueError
            If `joules` is negative or not finite.
        """
        return None if self.tariff is None else float(self.tariff.cost(joules, self._factor()))

    def value(self, record: EnergyRecord) -> EnergyRecord:
        """Return `record` with CO2e and cost, or unchanged if nothing is set or nothing was read.

        The amounts have the relative interval and the quality of ``record.joules``. The error of a region's yearly
        average is not in the interval. A negative difference (from noise) gets no amounts.
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
            return "PUE 1, as for your own machine: no overhead of a building added"
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
