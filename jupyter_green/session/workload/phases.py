"""A phase of a window's work, such as reading the prompts: stretches of time whose energy is one record.

A phase is part of its window, so its record names the window's as its parent and totals leave it out. The
stretches share edges with those of the next phase, and an edge has one count: phases that follow each other
without a gap add up to the whole exactly.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from jupyter_green.metering import Meter
from jupyter_green.records import Component, EnergyRecord
from jupyter_green.session.idle import add_up
from jupyter_green.session.timestamp import Timestamp


class Phase:
    """Energy of one phase, gathered stretch by stretch.

    Parameters
    ----------
    label : str
        Name of the phase, the label of its record.
    """

    def __init__(self, label: str) -> None:
        self.label = label
        self.units: float | None = None
        self.notes: tuple[str, ...] = ()
        self._waiting: deque[tuple[Timestamp, Timestamp]] = deque()
        self._components: tuple[Component, ...] = ()
        self._seconds = 0.0
        self._began: float | None = None

    def add(self, start: Timestamp, end: Timestamp) -> None:
        """Add a stretch between two moments that were marked; its energy is gathered once it has settled."""
        self._waiting.append((start, end))

    def gather(self, meter: Meter, *, all_of_it: bool = False) -> None:
        """Take the energy of the stretches that have settled, or of all (the sampler's thread)."""
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
        """The phase as a part of its window's record; None where it never came."""
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
    """A half-width that reaches no further than the window's own; added up over many stretches it would."""
    top = next(
        (other.joules + (other.uncertainty or 0.0) for other in whole if other.key == part.key and other.joules), None
    )
    if top is None or part.joules is None or part.uncertainty is None:
        return part
    width = min(part.uncertainty, max(part.joules, top - part.joules))
    return replace(part, uncertainty=width, gain_uncertainty=min(part.gain_uncertainty or 0.0, width))
