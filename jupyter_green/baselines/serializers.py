"""JSON shapes of cells and totals, shared by the live connection and the server's REST routes.

The side panel compares, sorts and draws, but never adds joules: each shape holds finished figures with interval and
quality. A value that is not finite is sent as None, never as 0.
"""

from __future__ import annotations

from typing import Any

from jupyter_green.records import EnergyRecord
from jupyter_green.reporting.numbers import finite
from jupyter_green.reporting.sanitize import one_line

Shape = dict[str, Any]


def figure(record: EnergyRecord) -> Shape:
    """Return a record's energy in joules with the half-width of its 95 % interval, quality, CO2e and cost.

    `below_resolution` is set only for final records: while a cell runs, its last samples are still missing.
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
    """Return the energy of each kind of device, in joules."""
    shapes = []
    for kind in dict.fromkeys(part.kind for part in record.components):
        of_kind = record.with_(components=tuple(part for part in record.components if part.kind == kind))
        shapes.append(
            {
                "kind": kind,
                "joules": finite(of_kind.joules),
                "uncertainty": finite(of_kind.uncertainty),
                "quality": of_kind.quality,
            }
        )
    return shapes


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
    """Return the shape of a cell with its last execution, its earlier ones in the same run, and its comparisons."""
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
    """Return a run's totals: all energy, the idle time and earlier executions within it, and the comparison."""
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
