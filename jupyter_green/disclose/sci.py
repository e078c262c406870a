"""Software Carbon Intensity (ISO/IEC 21031:2024): grams of CO2e per unit of work.

SCI = (E·I + M) / R. E is the energy, idle and reserved time included; I the average grid intensity; M the hardware's
embodied share; R the number of functional units. The user chooses R and it is named with the figure, because figures
with different R can't be compared. Offsets are never subtracted: the standard forbids it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jupyter_green.impact import Embodied, Intensity, Valuation
from jupyter_green.impact.embodied import NOTHING
from jupyter_green.records import EnergyRecord
from jupyter_green.reporting import numbers
from jupyter_green.reporting.run.totals import total

from .errors import DiscloseError

JOULES_PER_KWH = 3.6e6
NOT_COUNTED = "embodied emissions of the hardware are not given and not included: a lower bound"


@dataclass(frozen=True)
class Sci:
    """A software carbon intensity.

    Parameters
    ----------
    grams : float
        SCI in g CO2e per unit.
    unit : str
        Name of the functional unit R: "token", "image", "1,000 queries".
    units : float
        Number of units.
    kilowatt_hours : float
        E, PUE included.
    grams_per_kwh : float
        I.
    embodied_grams : float or None
        M; None if not given.
    low, high : float
        Interval of `grams`, from those of the energy and of the embodied share, without the error of the yearly average
        intensity.
    quality : str
        Quality of the energy.
    boundary : str
        Devices included in E.
    notes : tuple of str
        Caveats.
    """

    grams: float
    unit: str
    units: float
    kilowatt_hours: float
    grams_per_kwh: float
    embodied_grams: float | None
    low: float
    high: float
    quality: str
    boundary: str
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "standard": "ISO/IEC 21031:2024",
            "sci_grams_per_unit": self.grams,
            "low": self.low,
            "high": self.high,
            "functional_unit": self.unit,
            "units": self.units,
            "energy_kwh": self.kilowatt_hours,
            "grams_per_kwh": self.grams_per_kwh,
            "embodied_grams": self.embodied_grams,
            "quality": self.quality,
            "boundary": self.boundary,
            "notes": list(self.notes),
        }

    def __repr__(self) -> str:
        # Very small values and their interval are given per million units.
        factor, prefix = (1e6, "million × ") if 0 < self.grams < numbers.LEAST_GRAMS else (1.0, "")
        band = f"{_digits(self.low * factor)} to {_digits(self.high * factor)} g"
        value = f"{numbers.carbon(self.grams * factor)} per {prefix}{self.unit} ({band})"
        return numbers.plain(" · ".join([f"SCI {value}", f"energy {self.quality}", self.boundary, *self.notes]))


def sci(
    used: EnergyRecord | Sequence[EnergyRecord] | float,
    intensity: Intensity | Valuation | float | str | None = None,
    *,
    units: float | None = None,
    unit: str | None = None,
    embodied: Embodied | float | None = None,
    pue: float | None = None,
) -> Sci:
    """Return SCI = (E·I + M) / R.

    Parameters
    ----------
    used : EnergyRecord, sequence of them, or float
        E: records, or joules; joules alone have quality "estimated".
    intensity : Intensity, Valuation, float or str
        I: grams of CO2e per kWh, a region, or the session's valuation (with its PUE). It is not derived from a record's
        own grams, which include PUE already.
    units, unit : float, str
        R: number and name of the functional units; by default those of the record.
    embodied : Embodied or float, optional
        M in grams of CO2e, as from `embodied_share`; without it the result is marked as a lower bound.
    pue : float, optional
        Power usage effectiveness; by default the valuation's, else 1.

    Raises
    ------
    DiscloseError
        If R or I is missing, or a value is not valid.
    """
    joules, uncertainty, quality, boundary = _energy(used)
    count, name = _functional_unit(used, units, unit)
    grams_per_kwh, factor = _intensity(intensity, pue)
    share = _embodied(embodied)
    energy = joules / JOULES_PER_KWH * factor
    half_width = uncertainty / JOULES_PER_KWH * factor * grams_per_kwh
    operational = energy * grams_per_kwh
    low = max(0.0, operational - half_width) + share.low
    high = operational + half_width + share.high
    notes = (*(() if embodied is not None else (NOT_COUNTED,)), *((share.source,) if share.source else ()))
    return Sci(
        (operational + share.grams) / count,
        name,
        count,
        energy,
        grams_per_kwh,
        None if embodied is None else share.grams,
        low / count,
        high / count,
        quality,
        boundary,
        notes,
    )


def training_share(grams: float, *, units: float, unit: str) -> Sci:
    """Return a one-off amount of CO2e (such as of training) per unit of work that it serves.

    Parameters
    ----------
    grams : float
        CO2e in g, embodied share included.
    units : float
        Number of tokens, FLOP or queries it is spread over.
    unit : str
        Name of the unit.

    Raises
    ------
    DiscloseError
        If a value is not valid.

    Notes
    -----
    6,500 kg over 50e9 tokens are 130 g per million tokens; a summary of the draft for AI says 0.13 g, which does not
    follow from its own figures.
    """
    if not (math.isfinite(grams) and grams >= 0):
        raise DiscloseError(f"{grams!r} is not an amount of CO2e; give grams from 0 up.")
    count, name = _functional_unit(grams, units, unit)
    each = grams / count
    return Sci(each, name, count, 0.0, 0.0, grams, each, each, "estimated", "as given", ())


def _energy(used: EnergyRecord | Sequence[EnergyRecord] | float) -> tuple[float, float, str, str]:
    if isinstance(used, (int, float)):
        if not math.isfinite(used) or used < 0:
            raise DiscloseError(f"{used!r} J is not an energy; give joules from 0 up.")
        return float(used), 0.0, "estimated", "as given"
    record = used if isinstance(used, EnergyRecord) else total(list(used))
    if record.joules is None or record.joules < 0:
        raise DiscloseError("There is no reading in these records, so there is no energy to state; %energy doctor.")
    uncertainty = record.uncertainty if record.uncertainty is not None else math.inf
    return record.joules, uncertainty, record.quality, boundary_of(record)


def boundary_of(record: EnergyRecord) -> str:
    """Return the devices whose joules a record contains, each once: "GPU 0, NVIDIA A10 (whole board); …"."""
    read = [part for part in record.components if part.joules is not None]
    return "; ".join(dict.fromkeys(f"{part.device} ({part.scope})" for part in read)) or "nothing was read"


def _functional_unit(used: object, units: float | None, unit: str | None) -> tuple[float, str]:
    if units is None and isinstance(used, EnergyRecord):
        units, unit = used.units, unit or used.unit
    if units is None or not math.isfinite(units) or units <= 0:
        raise DiscloseError("SCI is per unit: give units= (how many were done) and unit= (what is counted).")
    if not unit:
        raise DiscloseError("SCI needs a functional unit R: give unit=, such as 'token', 'image' or 'query'.")
    return float(units), unit


def _intensity(given: Intensity | Valuation | float | str | None, pue: float | None) -> tuple[float, float]:
    factor = 1.0 if pue is None else float(pue)
    if isinstance(given, Valuation):
        if pue is None and given.pue is not None:
            factor = float(given.pue)
        given = given.intensity
    if isinstance(given, str):
        given = Valuation(given).intensity
    if isinstance(given, Intensity):
        given = given.grams_per_kwh
    if given is None:
        raise DiscloseError("SCI needs I: set a region (%config JupyterGreen.region = 'FRA'), or give grams per kWh.")
    if not (math.isfinite(given) and given >= 0):
        raise DiscloseError(f"{given!r} g/kWh is not an intensity; give a number from 0 up.")
    if not factor >= 1:
        raise DiscloseError(f"A PUE is a number from 1 up, not {factor!r}.")
    return float(given), factor


def _embodied(given: Embodied | float | None) -> Embodied:
    if given is None:
        return NOTHING
    if isinstance(given, (int, float)):
        if not (math.isfinite(given) and given >= 0):
            raise DiscloseError(f"{given!r} g of embodied CO2e is not an amount; give grams from 0 up.")
        return Embodied(float(given), float(given), float(given), "")
    return given


def _digits(grams: float) -> str:
    return numbers.significant(grams, 2) if math.isfinite(grams) else numbers.ABSENT
