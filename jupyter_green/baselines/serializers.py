"""What pages are told of records: the shapes that the live link and the server's routes have in common.

A page compares, sorts and draws; it never adds joules up. So each shape holds finished figures with their interval and
their standing. A figure that is no finite number leaves as None, because absent is never 0.
"""

from __future__ import annotations

from typing import Any

from jupyter_green.records import EnergyRecord
from jupyter_green.reporting.numbers import finite
from jupyter_green.reporting.sanitize import one_line

Shape = dict[str, Any]


def figure(record: EnergyRecord) -> Shape:
    """Return a record's energy in joules with the half-width of its 95 % interval and what it may be called.

    Only a final figure is below what a sensor resolves: one that still grows is known late, not badly.
    """
    return {
        "joules": finite(record.joules),
        "uncertainty": finite(record.uncertainty),
        "quality": record.quality,
        "measured_share": finite(record.measured_share),
        "below_resolution": record.final and record.below_resolution,
        "co2e_grams": finite(record.co2e_grams),
        "cost": finite(record.cost),
        "currency": record.currency,
    }


def parts(record: EnergyRecord) -> list[Shape]:
    """Return the energy of each kind of device in joules."""
    found = []
    for kind in dict.fromkeys(part.kind for part in record.components):
        of_kind = record.with_(components=tuple(part for part in record.components if part.kind == kind))
        found.append(
            {
                "kind": kind,
                "joules": finite(of_kind.joules),
                "uncertainty": finite(of_kind.uncertainty),
                "quality": of_kind.quality,
            }
        )
    return found


def cell(
    record: EnergyRecord,
    *,
    line: str = "",
    running: bool = False,
    reruns: int = 0,
    rerun_joules: float | None = None,
    last_run: Shape | None = None,
    against: Shape | None = None,
) -> Shape:
    """Return a cell.

    Parameters
    ----------
    record : EnergyRecord
        Its last execution.
    line : str
        First line of its source.
    running : bool
        Whether it still runs.
    reruns, rerun_joules : int, float or None
        Earlier executions in the same run and what they used, in joules.
    last_run, against : dict or None
        The figure of the same cell in the run before, and the comparison with the baseline.
    """
    return {
        "id": record.id,
        "run": record.run_id,
        "cell_id": record.cell_id,
        "execution_count": record.execution_count,
        "code_hash": record.code_hash,
        "line": line,
        "status": "running" if running else record.status,
        "started_at": record.started_at,
        "seconds": record.seconds,
        "final": record.final,
        "figure": figure(record),
        "parts": parts(record),
        "shared": bool(record.shared),
        "own_joules": finite(record.own_joules),
        "device_joules": finite(record.joules),
        "incomplete": record.incomplete if record.final else "",
        "reruns": reruns,
        "rerun_joules": finite(rerun_joules),
        "last_run": last_run,
        "against": against,
    }


def totals(
    whole: EnergyRecord,
    count: int,
    idle: EnergyRecord | None,
    reruns: EnergyRecord | None,
    *,
    against: Shape | None = None,
    compared: int = 0,
    began_at: float | None = None,
) -> Shape:
    """Return the sums of a run: all it used, and of that the time between cells, earlier executions; the comparison."""
    return {
        "figure": figure(whole),
        "parts": parts(whole),
        "seconds": whole.seconds,
        "cells": count,
        "idle": None if idle is None else figure(idle),
        "reruns": None if reruns is None else figure(reruns),
        "against": against,
        "compared": compared,
        "co2e_source": one_line(whole.co2e_source, 400) if whole.co2e_source else None,
        "began_at": began_at,
    }
