"""The energy between cells, recorded on its own so that all energy of the devices is accounted for.

Cells often follow each other within milliseconds, so short gaps are accumulated into one record of at least a second.
Work that continues after its cell has ended is counted here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from jupyter_green.records import Component, EnergyRecord

LEAST_SECONDS = 1.0


class IdleAccumulator:
    """Accumulates the energy of the gaps between windows."""

    def __init__(self) -> None:
        self._parts: list[tuple[Component, ...]] = []
        self._seconds = 0.0
        self._began = 0.0

    def add(self, components: tuple[Component, ...], seconds: float, wall: float) -> None:
        """Add one gap that began at `wall` (Unix time in seconds)."""
        if not self._parts:
            self._began = wall
        self._parts.append(components)
        self._seconds += seconds

    def take(self, *, all_of_it: bool = False) -> EnergyRecord | None:
        """Return the accumulated gaps as one record, or None while they are too short."""
        if not self._parts or (self._seconds < LEAST_SECONDS and not all_of_it):
            return None
        record = EnergyRecord(components=add_up(self._parts), seconds=self._seconds, started_at=self._began, span="gap")
        self._parts, self._seconds = [], 0.0
        return record


def add_up(parts: Sequence[tuple[Component, ...]], weights: Sequence[float] | None = None) -> tuple[Component, ...]:
    """Sum the components of several intervals, device by device.

    The devices are the same in each; `weights` are the fractions that count (0 to 1). Timing errors of adjacent
    intervals may be correlated, so half-widths add linearly. A device without a reading in one interval has none in the
    sum.
    """
    shares = [1.0] * len(parts) if weights is None else list(weights)
    by_device: dict[str, list[tuple[float, Component]]] = {}
    for share, components in zip(shares, parts, strict=True):
        for component in components:
            by_device.setdefault(component.key, []).append((share, component))
    return tuple(_sum(items) for items in by_device.values())


def _sum(items: list[tuple[float, Component]]) -> Component:
    last = items[-1][1]
    missing = next((item for _, item in items if item.joules is None), None)
    if missing is not None:
        return missing
    notes = list(dict.fromkeys(item.note for _, item in items if item.note))
    fields = {**last.to_dict(), "note": notes[0] if notes else None}
    for name in ("joules", "uncertainty", "gain_uncertainty"):
        fields[name] = sum(share * (getattr(item, name) or 0.0) for share, item in items)
    fields["idle_joules"] = fields["own_joules"] = None
    mismatch = next((item.power_mismatch for _, item in items if item.power_mismatch is not None), None)
    return replace(Component.from_dict(fields), power_mismatch=mismatch)
