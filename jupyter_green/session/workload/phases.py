"""A phase of a window's work, such as prefill: intervals whose energy becomes one record.

A phase is part of its window: its record's parent is the window's record, and totals exclude it. Consecutive intervals
share an edge, and each edge has one count. So phases without gaps between them add up to the window exactly.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from jupyter_green.metering import Meter
from jupyter_green.records import Component, EnergyRecord
from jupyter_green.session.gaps import add_up
from jupyter_green.session.timestamp import Timestamp


class Phase:
    """Energy of one phase, summed over its intervals; its name is the label of its record."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.units: float | None = None
        self.notes: tuple[str, ...] = ()
        self._waiting: deque[tuple[Timestamp, Timestamp]] = deque()
        self._components: tuple[Component, ...] = ()
        self._seconds = 0.0
        self._began: float | None = None

    def add(self, start: Timestamp, end: Timestamp) -> None:
        """Add an interval between two marked moments; its energy is added once it has settled."""
        self._waiting.append((start, end))

    def gather(self, meter: Meter, *, all_of_it: bool = False) -> None:
        """Add the energy of settled intervals, or of all intervals; called on the sampler thread."""
        while self._waiting:
            start, end = self._waiting[0]
            if not (all_of_it or meter.settled(end.time)):
                return
            parts = meter.components(start.time, end.time)
            self._components = add_up([self._components, parts] if self._components else [parts])
            self._seconds += end.time - start.time
            self._began = start.wall if self._began is None else self._began
            self._waiting.popleft()

    def record(self, whole: EnergyRecord) -> EnergyRecord | None:
        """Return the phase as a child of its window's record; None if it has no intervals."""
        if self._began is None:
            return None
        return EnergyRecord(
            components=tuple(_within(part, whole.components) for part in self._components),
            seconds=self._seconds,
            started_at=self._began,
            span="window",
            parent=whole.id,
            label=self.label,
            units=self.units,
            unit="tokens",
            notes=self.notes,
            **{name: getattr(whole, name) for name in _SHARED},
        )


_SHARED = ("run_id", "status", "notebook", "project", "batch_size")


def _within(part: Component, whole: tuple[Component, ...]) -> Component:
    """Limit a half-width to the window's own, which linear addition over many intervals may exceed."""
    upper = next(
        (other.joules + (other.uncertainty or 0.0) for other in whole if other.key == part.key and other.joules), None
    )
    if upper is None or part.joules is None or part.uncertainty is None:
        return part
    width = min(part.uncertainty, max(part.joules, upper - part.joules))
    return replace(part, uncertainty=width, gain_uncertainty=min(part.gain_uncertainty or 0.0, width))
