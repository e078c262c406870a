"""Records as a notebook's runs leave them."""

from __future__ import annotations

import itertools
from typing import Any

from jupyter_green.records import Component, EnergyRecord

_clock = itertools.count(1_700_000_000)


def part(joules: float | None, random: float = 0.1, gain: float = 0.0, **changes: Any) -> Component:
    """One device; `random` and `gain` in joules."""
    whole = None if joules is None else (random**2 + gain**2) ** 0.5
    given: dict[str, Any] = {
        "kind": "gpu",
        "device": "GPU 0",
        "key": "nvidia:0",
        "joules": joules,
        "uncertainty": whole,
        "gain_uncertainty": None if joules is None else gain,
        "method": "counter",
        "quality": "measured",
        "scope": "whole board",
        "source": "nvidia",
    }
    return Component(**{**given, **changes})


def cell(joules: float | None, cell_id: str | None = "a", code: str | None = "code", **changes: Any) -> EnergyRecord:
    """One finished execution of a cell; what is no field of a record goes to its only device."""
    own = ("random", "gain", "kind", "method", "quality", "source", "shared", "key")
    device = {name: changes.pop(name) for name in own if name in changes}
    given: dict[str, Any] = {
        "components": (part(joules, **device),),
        "seconds": 1.0,
        "started_at": float(next(_clock)),
        "run_id": "now",
        "cell_id": cell_id,
        "code_hash": code,
        "notebook": "films.ipynb",
        "project": "films",
    }
    return EnergyRecord(**{**given, **changes})
