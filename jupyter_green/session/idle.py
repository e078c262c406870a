"""The time between cells: its energy is a line of its own, so that nothing a device used is lost.

Notebook cells often follow each other within milliseconds; short gaps are therefore gathered, and one
record is made for at least a second of them. Work that goes on after its cell has ended is in here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from jupyter_green.records import Component, EnergyRecord

LEAST_SECONDS = 1.0


class IdleAccumulator:
    """Gathers the energy of the gaps between windows."""

    def __init__(self) -> None:
        self._parts: list[tuple[Component, ...]] = []
        self._seconds = 0.0
        self._began = 0.0

    def add(self, components: tuple[Component, ...], seconds: float, wall: float) -> None:
        """Add one gap that began at `wall` (seconds since 1970)."""
        if not self._parts:
            self._began = wall
        self._parts.append(components)
        self._seconds += seconds

    def take(self, *, all_of_it: bool = False) -> EnergyRecord | None:
        """Return the gathered gaps as one record, or None while there is too little."""
        if not self._parts or (self._seconds < LEAST_SECONDS and not all_of_it):
            return None
        record = EnergyRecord(components=add_up(self._parts), seconds=self._seconds, started_at=self._began, span="gap")
        self._parts, self._seconds = [], 0.0
        return record


def add_up(parts: Sequence[tuple[Component, ...]], weights: Sequence[float] | None = None) -> tuple[Component, ...]:
    """Sum components of several stretches of time, device by device.

    Timing errors of neighbouring stretches need not be independent, so half-widths add linearly. A
    device without a reading in one stretch has none in the sum.

    Parameters
    ----------
    parts : sequence of tuple of Component
        Components of each stretch, the same devices in each.
    weights : sequence of float, optional
        Share of each stretch that counts (0 to 1).
    """
    shares = [1.0] * len(parts) if weights is None else list(weights)
    by_device: dict[str, list[tuple[float, Component]]] = {}
    for share, components in zip(shares, parts, strict=True):
        for component in components:
            by_device.setdefault(component.key, []).append((share, component))
    return tuple(_sum(items) for items in by_device.values())


def _sum(items: list[tuple[float, Component]]) -> Component:
    last = items[-1][1]
    absent = next((item for _, item in items if item.joules is None), None)
    if absent is not None:
        return absent
    notes = list(dict.fromkeys(item.note for _, item in items if item.note))
    fields = {**last.to_dict(), "note": notes[0] if notes else None}
    for name in ("joules", "uncertainty", "gain_uncertainty"):
        fields[name] = sum(share * (getattr(item, name) or 0.0) for share, item in items)
    fields["idle_joules"] = fields["own_joules"] = None
    mismatch = next((item.power_mismatch for _, item in items if item.power_mismatch is not None), None)
    return replace(Component.from_dict(fields), power_mismatch=mismatch)
