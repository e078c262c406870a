"""Builds a disclosure from records; facts that the ledger can't know are parameters."""

from __future__ import annotations

import math
import platform
from collections.abc import Iterable, Sequence

from jupyter_green.impact import Embodied, Valuation
from jupyter_green.records import EnergyRecord, is_simulated
from jupyter_green.reporting.record.details import not_metered
from jupyter_green.reporting.run.totals import total, within
from jupyter_green.reporting.share_text import devices

from . import disclosure_report  # noqa: F401 - registers how a disclosure is shown
from .disclosure import PHASES, Disclosure, Utilisation, checked
from .errors import DiscloseError
from .sci import boundary_of


def disclose(
    records: Iterable[EnergyRecord],
    *,
    name: str,
    phase: str = "other",
    valuation: Valuation | None = None,
    utilisation: float | None = None,
    software: Sequence[str] = (),
    location: str = "",
    training_type: str = "",
    techniques: Sequence[str] = (),
    verification: str = "none",
    remote: Sequence[str] = (),
    embodied: Embodied | None = None,
    water_grid: str | float | None = None,
) -> Disclosure:
    """Make a disclosure from records: the real ones, or simulated ones if there are no real ones.

    Parameters
    ----------
    records : iterable of EnergyRecord
        What was metered.
    name, phase, location, training_type, techniques, verification, embodied, water_grid
        As for `Disclosure`.
    valuation : Valuation, optional
        Region, PUE and tariff; without it CO2e and cost are left out.
    utilisation : float, optional
        Utilisation of the devices, 0 to 1, if known. By default the share of the elapsed time in which metered work
        ran, which is labelled as such.
    software : sequence of str
        Programs with versions; Python and the operating system are added.
    remote : sequence of str
        Work done elsewhere that could not be metered, such as calls to an API.

    Raises
    ------
    DiscloseError
        If a required fact is missing, or an argument is not valid.
    """
    all_records = list(records)
    if not name.strip():
        raise DiscloseError("A disclosure needs a name: that of the model or the work.")
    if phase not in PHASES:
        raise DiscloseError(f"{phase!r} is not a phase; use {', '.join(PHASES)}.")
    real = [record for record in all_records if not is_simulated(record)] or all_records
    nested = within(real)
    counted = [record for record in real if record.id not in nested]
    summed = total(counted)
    if not counted or summed.joules is None or not math.isfinite(summed.joules):
        raise DiscloseError("There is no reading, so there is nothing to disclose; %energy doctor says why.")
    gpus = tuple(part for part in summed.components if part.kind == "gpu" and part.joules is not None)
    units, unit = _units(counted)
    return checked(
        Disclosure(
            name=name,
            phase=phase,
            hardware=tuple(devices(summed)),
            count=_count(summed),
            hours=_worked(counted) / 3600,
            utilisation=_utilisation(counted, utilisation),
            software=_software(software),
            boundary=f"{boundary_of(summed)}; without power supply, fans, disks, network and cooling",
            measured_share=summed.measured_share or 0.0,
            joules=summed.joules,
            uncertainty=math.inf if summed.uncertainty is None else summed.uncertainty,
            quality=summed.quality,
            accelerator_joules=summed.with_(components=gpus).joules if gpus else None,
            records=len(counted),
            unread=sum(record.joules is None for record in counted),
            unmetered=_unmetered(counted, summed, remote),
            valuation=valuation or Valuation(),
            location=location or _place(valuation),
            training_type=training_type,
            techniques=tuple(techniques),
            verification=verification,
            units=units,
            unit=unit,
            embodied=embodied,
            water_grid=water_grid,
            started_at=min(record.started_at for record in counted),
            ended_at=max(record.started_at + record.seconds for record in counted),
        )
    )


def _units(records: Sequence[EnergyRecord]) -> tuple[float | None, str]:
    """Return the number of units and their name if all records count the same unit; else None and an empty name."""
    work = [record for record in records if record.span != "gap"]
    units = {record.unit for record in work}
    if len(units) != 1 or None in units or any(not record.units for record in work):
        return None, ""
    return math.fsum(record.units or 0.0 for record in work), str(units.pop())


def _software(given: Sequence[str]) -> tuple[str, ...]:
    """Return the given versions, and those of Python and the operating system where not given."""
    own = (f"Python {platform.python_version()}", f"{platform.system()} {platform.machine()}")
    named = {name.split(" ")[0] for name in given}
    return (*given, *(name for name in own if name.split(" ")[0] not in named))


def _count(record: EnergyRecord) -> int:
    kinds: dict[str, set[str]] = {}
    for part in record.components:
        if part.joules is not None:
            kinds.setdefault(part.kind, set()).add(part.key)
    return len(kinds.get("gpu") or kinds.get("cpu") or next(iter(kinds.values()), set()))


def _utilisation(records: Sequence[EnergyRecord], told: float | None) -> Utilisation:
    if told is not None:
        if not (math.isfinite(told) and 0 <= told <= 1):
            raise DiscloseError(f"A utilisation of {told!r} is invalid; give a number from 0 to 1.")
        return Utilisation(float(told), "of the devices, as stated by the user")
    elapsed = max(record.started_at + record.seconds for record in records) - min(r.started_at for r in records)
    share = 1.0 if elapsed <= 0 else min(1.0, _worked(records) / elapsed)
    return Utilisation(share, "part of the time from first to last in which metered work ran; no load of a device")


def _worked(records: Sequence[EnergyRecord]) -> float:
    """Return the seconds of work; of idle time between cells if there was no work."""
    worked = math.fsum(record.seconds for record in records if record.span != "gap")
    return worked or math.fsum(record.seconds for record in records)


def _unmetered(records: Sequence[EnergyRecord], whole: EnergyRecord, remote: Sequence[str]) -> tuple[str, ...]:
    absent: dict[str, int] = {}
    for record in records:
        for part in record.components:
            if part.joules is None:
                absent[part.device] = absent.get(part.device, 0) + 1
    unread = sum(record.joules is None for record in records)
    lines = [f"{name}: runs elsewhere and can't be metered here" for name in remote]
    lines += [f"{device}: no reading in {count} of {len(records)} records" for device, count in absent.items()]
    if unread:
        lines.append(f"{unread} of {len(records)} records have no reading at all")
    metered = whole.with_(components=tuple(part for part in whole.components if part.joules is not None))
    lines.append(f"not covered by any sensor that is read: {not_metered(metered)}")
    if any(part.method == "model" and part.joules is not None for part in whole.components):
        lines.append("what the processor draws while idle, and other programs: only processor time of this work counts")
    return tuple(lines)


def _place(valuation: Valuation | None) -> str:
    intensity = None if valuation is None else valuation.intensity
    return "" if intensity is None or intensity.region == "own" else intensity.name
