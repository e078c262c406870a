"""An energy disclosure and the facts it must contain.

An energy figure is meaningless without hardware, device count, hours, utilisation, software, boundary and measured
share (Luccioni and others find them missing ever more often). So these fields have no default, and `checked` refuses a
disclosure that lacks one. Unmetered work is listed with the reason instead of counting as 0. Device energy, building
overhead, CO2e and estimates are separate figures.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from jupyter_green.impact import Embodied, Valuation, Water, reusable_heat, water
from jupyter_green.impact.embodied import CAPTURE
from jupyter_green.records import Quality
from jupyter_green.reporting import renderers
from jupyter_green.reporting.numbers import finite

from .errors import DiscloseError
from .sci import JOULES_PER_KWH

SCHEMA = 1
"""Version of `Disclosure.to_dict`."""
PHASES = ("training", "inference", "other")
WATER_BAND = 0.5
"""Relative half-width of a water figure; our own assumption, as sources are yearly averages of countries."""
NO_REGION = "no region is set (%config JupyterGreen.region = 'FRA')"


@dataclass(frozen=True)
class Utilisation:
    """How much of the reserved time was used.

    Parameters
    ----------
    share : float
        0 to 1.
    what : str
        What the share refers to.
    """

    share: float
    what: str


@dataclass(frozen=True, repr=False)
class Disclosure:
    """An energy disclosure; its text and HTML are in `disclosure_report`.

    Parameters
    ----------
    name : str
        Name of the model or the work.
    phase : {"training", "inference", "other"}
        Kind of work.
    hardware : tuple of str
        Devices that were read.
    count : int
        Number of devices of the main kind: GPUs if there are any, else processors.
    hours : float
        Hours of metered work.
    utilisation : Utilisation
        How much of the time was used.
    software : tuple of str
        Programs with versions.
    boundary : str
        Devices whose energy is included, and what is not.
    measured_share : float
        Share of the joules that a sensor measured, 0 to 1.
    joules, uncertainty : float
        Energy of the devices, and half-width of its 95 % interval.
    quality : str
        The weakest quality among the readings.
    accelerator_joules : float or None
        Energy of the GPUs alone; None if none was read.
    records, unread : int
        Number of metered records, and of those without a reading.
    unmetered : tuple of str
        What is not included and why: calls to remote services, devices without a sensor.
    valuation : Valuation
        Region, PUE and tariff.
    location : str
        Place in words; empty if not stated.
    training_type : str
        "pre-training", "fine-tuning"; empty if not applicable.
    techniques : tuple of str
        Measures taken to use less energy.
    verification : str
        Who checked it, and how.
    units, unit : float or None, str
        Number of units of work and their name, for energy per unit.
    embodied : Embodied or None
        Embodied emissions of the hardware.
    water_grid : str or float or None
        Region, or litres per kWh, for the water estimate.
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

    # ---- derived figures ----------------------------------------------------------------------

    @property
    def kilowatt_hours(self) -> float:
        """Energy of the devices, in kWh."""
        return self.joules / JOULES_PER_KWH

    @property
    def pue(self) -> float:
        """Power usage effectiveness; 1 if none is set."""
        return 1.0 if self.valuation.pue is None else float(self.valuation.pue)

    @property
    def grams(self) -> float | None:
        """CO2e in g, PUE included; None if no region is set."""
        return self.valuation.grams(self.joules)

    @property
    def grams_band(self) -> tuple[float, float] | None:
        """95 % interval of `grams` from that of the energy, without the error of the yearly average intensity."""
        if self.grams is None or not self.joules:
            return None
        share = self.uncertainty / self.joules
        return max(0.0, self.grams * (1 - share)), self.grams * (1 + share)

    @property
    def cost(self) -> float | None:
        """Price of the energy; None if no tariff is set."""
        return self.valuation.cost(self.joules)

    @property
    def wide_ratio(self) -> float | None:
        """All devices' energy with PUE, divided by the GPUs' alone; None if no GPU was read."""
        if not self.accelerator_joules:
            return None
        return self.joules * self.pue / self.accelerator_joules

    @property
    def water(self) -> Water | None:
        """Estimated water consumption; None if there is no figure for the region."""
        grid = self.water_grid
        if grid is None and self.valuation.intensity is not None:
            grid = self.valuation.intensity.region
        if grid is None:
            return None
        try:
            return water(self.joules, grid, pue=self.pue)
        except ValueError:
            return None  # no figure for this region

    @property
    def heat_joules(self) -> float:
        """Estimated reusable heat, in joules; nothing was captured."""
        return reusable_heat(self.joules)

    def with_(self, **changes: Any) -> Disclosure:
        """Return a copy with some fields replaced, checked again."""
        return checked(replace(self, **changes))

    # ---- serialization and display ------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON, as described by `disclosure.v1.schema.json`."""
        band = self.grams_band
        grams = None
        if self.grams is not None:
            grams = {
                "grams": self.grams,
                "interval_95": None if band is None or not math.isfinite(band[1]) else list(band),
                "source": self.valuation.source,
            }
        water_estimate = self.water
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
                "water_litres": None
                if water_estimate is None
                else _band(water_estimate.litres, WATER_BAND, water_estimate.source),
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
        return renderers.bundle_of(self)

    def __repr__(self) -> str:
        return renderers.text_of(self)


def checked(disclosure: Disclosure) -> Disclosure:
    """Return the disclosure unchanged if no required fact is missing.

    Raises
    ------
    DiscloseError
        Naming every missing fact.
    """
    missing = [name for name, present in _present(disclosure).items() if not present]
    if missing:
        raise DiscloseError(f"A disclosure needs {', '.join(missing)}.")
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
