"""What an honest report of energy holds, and what it may never leave out.

Hardware, how many devices, hours, utilisation, software, boundary and the measured share belong to every figure:
without them nobody can tell whether it was much (Luccioni and others found just these missing ever more often). So
they are fields without a default here, a disclosure that lacks one can't be made, and what was not metered is named
with the reason instead of counting as 0. Devices and building, carbon and what is only an estimate stand apart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from jupyter_green.impact import Embodied, Valuation, Water, reusable_heat, water
from jupyter_green.impact.embodied import CAPTURE
from jupyter_green.records import Quality
from jupyter_green.reporting import drawing
from jupyter_green.reporting.numbers import finite

from .errors import DiscloseError
from .sci import JOULES_PER_KWH

SCHEMA = 1
"""Version of `Disclosure.to_dict`."""
PHASES = ("training", "inference", "other")
WATER_BAND = 0.5
"""Half-width of a water figure, as a part of it: yearly averages of whole countries; our own allowance."""
NO_REGION = "no region is set (%config JupyterGreen.region = 'FRA')"


@dataclass(frozen=True)
class Utilisation:
    """How much of the reserved time was used.

    Parameters
    ----------
    share : float
        0 to 1.
    what : str
        What was looked at: a figure without that says nothing.
    """

    share: float
    what: str


@dataclass(frozen=True, repr=False)
class Disclosure:
    """An honest report of what something used; it shows itself, and writes itself.

    Parameters
    ----------
    name : str
        Of the model or the work.
    phase : {"training", "inference", "other"}
        What was done.
    hardware : tuple of str
        Devices that were read.
    count : int
        How many devices of the main kind: GPUs where there are any, else processors.
    hours : float
        Hours of metered work.
    utilisation : Utilisation
        How much of the time was used.
    software : tuple of str
        Programs with their versions.
    boundary : str
        Which devices' joules are in the figure, and what is not.
    measured_share : float
        Part of the joules that a sensor measured, 0 to 1.
    joules, uncertainty : float
        Energy at the devices, and half its 95 % interval.
    quality : str
        The weakest standing among the readings.
    accelerator_joules : float or None
        Of the boards alone; None where none was read.
    records, unread : int
        How many stretches were metered, and how many of them have no reading.
    unmetered : tuple of str
        What is not in the figure and why: calls to other people's machines, devices without a sensor.
    valuation : Valuation
        Region, PUE and tariff.
    location : str
        Where, for people; empty where it is not told.
    training_type : str
        "pre-training", "fine-tuning"; empty where it does not apply.
    techniques : tuple of str
        What was done to use less.
    verification : str
        Who checked it, and how.
    units, unit : float or None, str
        How many things were done, for energy per thing.
    embodied : Embodied or None
        The hardware's own share.
    water_grid : str or float or None
        Region, or litres per kWh, of the estimate of water.
    started_at, ended_at : float
        Seconds since 1970.
    """

    name: str
    phase: str
    hardware: tuple[str, ...]
    count: int
    hours: float
    utilisation: Utilisation
    software: tuple[str, ...]
    boundary: str
    measured_share: float
    joules: float
    uncertainty: float
    quality: Quality
    accelerator_joules: float | None
    records: int
    unread: int
    unmetered: tuple[str, ...]
    valuation: Valuation
    location: str = ""
    training_type: str = ""
    techniques: tuple[str, ...] = ()
    verification: str = "none"
    units: float | None = None
    unit: str = ""
    embodied: Embodied | None = None
    water_grid: str | float | None = None
    started_at: float = 0.0
    ended_at: float = 0.0

    # ---- figures that follow ------------------------------------------------------------------

    @property
    def kilowatt_hours(self) -> float:
        """Energy at the devices, in kWh."""
        return self.joules / JOULES_PER_KWH

    @property
    def pue(self) -> float:
        """What the building draws per joule of the devices; 1 where nothing was set."""
        return 1.0 if self.valuation.pue is None else float(self.valuation.pue)

    @property
    def grams(self) -> float | None:
        """CO2e in g, PUE included; None where no region is set."""
        return self.valuation.grams(self.joules)

    @property
    def grams_band(self) -> tuple[float, float] | None:
        """95 % interval of `grams` from the energy's; the yearly average's own error is not in it."""
        if self.grams is None or not self.joules:
            return None
        part = self.uncertainty / self.joules
        return max(0.0, self.grams * (1 - part)), self.grams * (1 + part)

    @property
    def cost(self) -> float | None:
        """Price of the energy; None where no tariff is set."""
        return self.valuation.cost(self.joules)

    @property
    def wide_ratio(self) -> float | None:
        """All devices' joules, PUE included, as a multiple of the boards' alone; None where no board was read."""
        if not self.accelerator_joules:
            return None
        return self.joules * self.pue / self.accelerator_joules

    @property
    def water(self) -> Water | None:
        """Water behind it: an estimate; None where no figure fits the region."""
        grid = self.water_grid
        if grid is None and self.valuation.intensity is not None:
            grid = self.valuation.intensity.region
        if grid is None:
            return None
        try:
            return water(self.joules, grid, pue=self.pue)
        except ValueError:
            return None  # no figure for this region; absent is absent

    @property
    def heat_joules(self) -> float:
        """Heat that could have been used elsewhere: an estimate, nothing was captured."""
        return reusable_heat(self.joules)

    def with_(self, **changes: Any) -> Disclosure:
        """Return a copy with some fields replaced, checked anew."""
        return checked(replace(self, **changes))

    # ---- forms --------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON-ready data, as `disclosure.v1.schema.json` describes it."""
        band = self.grams_band
        grams = None
        if self.grams is not None:
            grams = {
                "grams": self.grams,
                "interval_95": None if band is None or not math.isfinite(band[1]) else list(band),
                "source": self.valuation.source,
            }
        found = self.water
        return {
            "schema": SCHEMA,
            "name": self.name,
            "phase": self.phase,
            "hardware": list(self.hardware),
            "count": self.count,
            "hours": self.hours,
            "device_hours": self.hours * self.count,
            "utilisation": {"share": self.utilisation.share, "what": self.utilisation.what},
            "software": list(self.software),
            "boundary": self.boundary,
            "measured_share": self.measured_share,
            "energy": {
                "kwh": self.kilowatt_hours,
                "uncertainty_kwh": finite(self.uncertainty / JOULES_PER_KWH),
                "quality": self.quality,
                "accelerators_kwh": None
                if self.accelerator_joules is None
                else self.accelerator_joules / JOULES_PER_KWH,
                "all_devices_with_pue_over_accelerators": self.wide_ratio,
                "kwh_per_unit": self.kilowatt_hours / self.units if self.units else None,
                "units": self.units,
                "unit": self.unit or None,
            },
            "pue": self.pue,
            "co2e": grams,
            "why_no_co2e": NO_REGION if grams is None else None,
            "cost": None
            if self.valuation.tariff is None
            else {"amount": self.cost, "currency": self.valuation.tariff.currency},
            "location": self.location or None,
            "training_type": self.training_type or None,
            "techniques": list(self.techniques),
            "verification": self.verification,
            "metered_stretches": self.records,
            "without_reading": self.unread,
            "unmetered": list(self.unmetered),
            "estimates": {
                "water_litres": None if found is None else _band(found.litres, WATER_BAND, found.source),
                "reusable_heat_kwh": {
                    "value": self.heat_joules / JOULES_PER_KWH,
                    "source": f"{CAPTURE:g} of the energy, by our allowance; an estimate, nothing was captured",
                },
                "embodied_grams": None
                if self.embodied is None
                else {
                    "value": self.embodied.grams,
                    "low": self.embodied.low,
                    "high": self.embodied.high,
                    "source": self.embodied.source,
                },
            },
            "started_at": self.started_at,
            "ended_at": self.ended_at,
        }

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return drawing.bundle_of(self)

    def __repr__(self) -> str:
        return drawing.text_of(self)


def checked(disclosure: Disclosure) -> Disclosure:
    """Return a disclosure as it is, if nothing that belongs to it is missing.

    Raises
    ------
    DiscloseError
        Naming each that is missing.
    """
    missing = [name for name, holds in _present(disclosure).items() if not holds]
    if missing:
        raise DiscloseError(f"A disclosure must not be without {', '.join(missing)}.")
    return disclosure


def _present(given: Disclosure) -> Mapping[str, bool]:
    share = given.utilisation.share if given.utilisation is not None else math.nan
    return {
        "hardware": bool(given.hardware) and all(given.hardware),
        "count": isinstance(given.count, int) and given.count >= 1,
        "hours": math.isfinite(given.hours) and given.hours > 0,
        "utilisation": 0 <= share <= 1 and bool(given.utilisation.what),
        "software": bool(given.software),
        "boundary": bool(given.boundary),
        "measured_share": 0 <= given.measured_share <= 1,
    }


def _band(value: float, part: float, source: str) -> dict[str, Any]:
    return {"value": value, "low": value * (1 - part), "high": value * (1 + part), "source": source}
