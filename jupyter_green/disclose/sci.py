"""Software Carbon Intensity (ISO/IEC 21031:2024): grams of CO2e for one unit of what the software does.

SCI = (E·I + M) / R. The energy E includes what was drawn while idle or reserved; I is the grid's average intensity; M
is the hardware's embodied share; R is chosen by the person and named with the figure, because two figures with
different R say nothing of each other. No offset is ever subtracted: the standard forbids it, and there is no way here.
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
NOT_COUNTED = "embodied emissions of the hardware were not given and are not in it: a lower bound"


@dataclass(frozen=True)
class Sci:
    """A software carbon intensity.

    Parameters
    ----------
    grams : float
        SCI in g CO2e per unit.
    unit : str
        R in words: "token", "image", "1,000 queries".
    units : float
        How many of these were done.
    kilowatt_hours : float
        E, PUE included.
    grams_per_kwh : float
        I.
    embodied_grams : float or None
        M; None where it was not given.
    low, high : float
        Band of `grams`, from the energy's interval and the embodied share's band; the yearly average's own error
        is not in it.
    quality : str
        What the energy may be called.
    boundary : str
        What E covers.
    notes : tuple of str
        What else should be known.
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
        """Return plain JSON-ready data."""
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
        # What is too small to be read is told per million units, its band too.
        times, many = (1e6, "million × ") if 0 < self.grams < numbers.LEAST_GRAMS else (1.0, "")
        band = f"{_digits(self.low * times)} to {_digits(self.high * times)} g"
        said = f"{numbers.carbon(self.grams * times)} per {many}{self.unit} ({band})"
        return numbers.plain(" · ".join([f"SCI {said}", f"energy {self.quality}", self.boundary, *self.notes]))


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
        E: records, or joules (then nothing is known of how it came about, and it is called estimated).
    intensity : Intensity, Valuation, float or str
        I: grams of CO2e per kWh, a region, or the session's valuation (with its PUE). A record's own region is not
        taken from its grams: PUE would be in it twice.
    units, unit : float, str
        R: how many, and what is counted; a record's own where it has them.
    embodied : Embodied or float, optional
        M in grams of CO2e, such as `embodied_share` gives; without it the figure says that it is a lower bound.
    pue : float, optional
        Power usage effectiveness; 1 where nothing is told.

    Raises
    ------
    DiscloseError
        If R or I is missing, or a value makes no sense; one sentence.
    """
    joules, doubt, quality, boundary = _energy(used)
    count, name = _functional_unit(used, units, unit)
    grams_per_kwh, factor = _intensity(intensity, pue)
    share = _embodied(embodied)
    energy = joules / JOULES_PER_KWH * factor
    spread = doubt / JOULES_PER_KWH * factor * grams_per_kwh
    middle = energy * grams_per_kwh
    low = max(0.0, middle - spread) + share.low
    high = middle + spread + share.high
    notes = (*(() if embodied is not None else (NOT_COUNTED,)), *((share.source,) if share.source else ()))
    return Sci(
        (middle + share.grams) / count,
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
    """Return what a one-off amount of CO2e (training, for one) is per unit of all that it will serve or has taken.

    Parameters
    ----------
    grams : float
        CO2e in g, embodied share included.
    units : float
        Tokens, FLOP or queries it is spread over.
    unit : str
        What these are.

    Notes
    -----
    6,500 kg over 50e9 tokens are 130 g per million tokens; a summary of the draft for AI says 0.13 g, which its own
    figures do not give.
    """
    if not (math.isfinite(grams) and grams >= 0):
        raise DiscloseError(f"{grams!r} is no amount of CO2e; give grams from 0 up.")
    count, name = _functional_unit(grams, units, unit)
    each = grams / count
    return Sci(each, name, count, 0.0, 0.0, grams, each, each, "estimated", "as given", ())


def _energy(used: EnergyRecord | Sequence[EnergyRecord] | float) -> tuple[float, float, str, str]:
    if isinstance(used, (int, float)):
        if not math.isfinite(used) or used < 0:
            raise DiscloseError(f"{used!r} J is no energy; give joules from 0 up.")
        return float(used), 0.0, "estimated", "as given"
    record = used if isinstance(used, EnergyRecord) else total(list(used))
    if record.joules is None or record.joules < 0:
        raise DiscloseError("There is no reading in these records, so there is no energy to state; %energy doctor.")
    doubt = record.uncertainty if record.uncertainty is not None else math.inf
    return record.joules, doubt, record.quality, boundary_of(record)


def boundary_of(record: EnergyRecord) -> str:
    """Return which devices a record's joules cover, each once: "GPU 0, NVIDIA A10 (whole board); …"."""
    read = [part for part in record.components if part.joules is not None]
    return "; ".join(dict.fromkeys(f"{part.device} ({part.scope})" for part in read)) or "nothing was read"


def _functional_unit(used: object, units: float | None, unit: str | None) -> tuple[float, str]:
    if units is None and isinstance(used, EnergyRecord):
        units, unit = used.units, unit or used.unit
    if units is None or not math.isfinite(units) or units <= 0:
        raise DiscloseError("SCI is per unit: give units= (how many were done) and unit= (what is counted).")
    if not unit:
        raise DiscloseError("SCI needs its R in words: give unit=, such as 'token', 'image' or 'query'.")
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
        raise DiscloseError(f"{given!r} g/kWh is no intensity; give a number from 0 up.")
    if not factor >= 1:
        raise DiscloseError(f"A PUE is a number from 1 up, not {factor!r}.")
    return float(given), factor


def _embodied(given: Embodied | float | None) -> Embodied:
    if given is None:
        return NOTHING
    if isinstance(given, (int, float)):
        if not (math.isfinite(given) and given >= 0):
            raise DiscloseError(f"{given!r} g of embodied CO2e is no amount; give grams from 0 up.")
        return Embodied(float(given), float(given), float(given), "")
    return given


def _digits(grams: float) -> str:
    return numbers.significant(grams, 2) if math.isfinite(grams) else numbers.ABSENT
