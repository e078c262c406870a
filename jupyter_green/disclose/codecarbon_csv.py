"""Export in the format of CodeCarbon's emissions.csv, one row per run.

Columns, order and units are those of CodeCarbon 3.3 (`codecarbon/output_methods/emissions_data.py`, MIT): kWh, kg CO2e,
watts. Energy is multiplied by the PUE, as CodeCarbon does; power is not. Unknown values are empty cells, never 0.
``codecarbon_version`` names this package, because nothing was measured by CodeCarbon.
"""

from __future__ import annotations

import csv
import io
import math
import os
import platform
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from jupyter_green.impact import Valuation
from jupyter_green.records import EnergyRecord, is_simulated
from jupyter_green.reporting.run.totals import total, within

from .errors import DiscloseError
from .sci import JOULES_PER_KWH

COLUMNS = (
    *("timestamp", "project_name", "run_id", "experiment_id", "duration", "emissions", "emissions_rate"),
    *("cpu_power", "gpu_power", "ram_power", "cpu_energy", "gpu_energy", "ram_energy", "energy_consumed"),
    *("water_consumed", "country_name", "country_iso_code", "region", "cloud_provider", "cloud_region"),
    *("os", "python_version", "codecarbon_version", "cpu_count", "cpu_model", "gpu_count", "gpu_model"),
    *("longitude", "latitude", "ram_total_size", "tracking_mode", "cpu_utilization_percent"),
    *("gpu_utilization_percent", "ram_utilization_percent", "ram_used_gb", "on_cloud", "pue", "wue"),
)
_KINDS = {"cpu": "cpu", "gpu": "gpu", "dram": "ram"}


def emissions_csv(
    records: Iterable[EnergyRecord],
    path: str | Path | None = None,
    *,
    valuation: Valuation | None = None,
    version: str = "",
) -> str:
    """Return records as a CodeCarbon table, one row per run, and write it if a path is given.

    Parameters
    ----------
    records : iterable of EnergyRecord
        Simulated records are left out, because the table has no column that could say so.
    path : str or path, optional
        Target file; an existing file is not overwritten.
    valuation : Valuation, optional
        Region and PUE; without a region the CO2e columns are empty.
    version : str
        Version of this package.

    Returns
    -------
    str
        The table.

    Raises
    ------
    DiscloseError
        If there are no records, all are simulated, or the file exists.
    """
    all_records = list(records)
    real = [record for record in all_records if not is_simulated(record)]
    if all_records and not real:
        raise DiscloseError("These figures are simulated, and the table has no column that could say so.")
    nested = within(real)
    runs: dict[str, list[EnergyRecord]] = {}
    for record in real:
        if record.id not in nested:
            runs.setdefault(record.run_id, []).append(record)
    rows = [_row(run, items, valuation or Valuation(), version) for run, items in runs.items()]
    if not rows:
        raise DiscloseError("There are no records to write.")
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    text = buffer.getvalue()
    if path is not None:
        try:
            with Path(path).open("x", encoding="utf-8", newline="") as file:
                file.write(text)
        except FileExistsError:
            raise DiscloseError(f"{path} exists already; name a new file.") from None
    return text


def _row(run: str, records: Sequence[EnergyRecord], valuation: Valuation, version: str) -> dict[str, Any]:
    summed = total(records)
    factor = 1.0 if valuation.pue is None else float(valuation.pue)
    last = max(records, key=lambda record: record.started_at)
    row: dict[str, Any] = {
        "timestamp": datetime.fromtimestamp(last.started_at + last.seconds).strftime("%Y-%m-%dT%H:%M:%S"),
        "project_name": last.project or "",
        "run_id": run,
        "experiment_id": last.notebook or "",
        "duration": summed.seconds,
        "os": platform.platform(),
        "python_version": platform.python_version(),
        "codecarbon_version": f"jupyter_green {version}".rstrip(),
        "cpu_count": os.cpu_count(),
        "cpu_model": _model(records, "cpu"),
        "gpu_model": _model(records, "gpu"),
        "gpu_count": _boards(records),
        "tracking_mode": "process" if all(_own(record) for record in records) else "machine",
        "pue": None if valuation.pue is None else factor,
    }
    energies = {name: _joules(summed, kind) for kind, name in _KINDS.items()}
    for name, joules in energies.items():
        if joules is None:
            continue
        row[f"{name}_energy"] = joules / JOULES_PER_KWH * factor
        if summed.seconds > 0:
            row[f"{name}_power"] = joules / summed.seconds  # CodeCarbon's power is without PUE
    if summed.joules is not None and math.isfinite(summed.joules):
        row["energy_consumed"] = summed.joules / JOULES_PER_KWH * factor
        grams = valuation.grams(max(0.0, summed.joules))
        if grams is not None:
            row["emissions"] = grams / 1000
            row["emissions_rate"] = grams / 1000 / summed.seconds if summed.seconds > 0 else None
    if valuation.intensity is not None and valuation.intensity.region not in ("own", "WORLD"):
        row |= {"country_name": valuation.intensity.name, "country_iso_code": valuation.intensity.region}
    return row


def _joules(record: EnergyRecord, kind: str) -> float | None:
    read = [part.joules for part in record.components if part.kind == kind and part.joules is not None]
    return math.fsum(read) if read else None


def _model(records: Sequence[EnergyRecord], kind: str) -> str:
    return "; ".join(dict.fromkeys(p.device for r in records for p in r.components if p.kind == kind))


def _boards(records: Sequence[EnergyRecord]) -> int | None:
    return len({part.key for record in records for part in record.components if part.kind == "gpu"}) or None


def _own(record: EnergyRecord) -> bool:
    """Return whether a record counts this process alone, as the CPU model does."""
    read = [part for part in record.components if part.joules is not None]
    return bool(read) and all(part.method == "model" for part in read)
