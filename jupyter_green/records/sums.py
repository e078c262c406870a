"""Records that are kept as their sum: components added up by sensor, so that the sum has the ± of all of them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from .component import Component
from .energy import EnergyRecord


def merged(components: Iterable[Component]) -> tuple[Component, ...]:
    """Return one component for each sensor and quality, those without a reading apart.

    Random errors add in quadrature and gain errors linearly, as in `EnergyRecord.uncertainty`. A half-width that is not
    known stays so.
    """
    groups: dict[tuple[object, ...], list[Component]] = {}
    for part in components:
        key = (part.kind, part.device, part.key, part.source, part.quality, part.method, part.joules is None)
        groups.setdefault(key, []).append(part)
    return tuple(_merged(parts) for parts in groups.values())


def _merged(parts: list[Component]) -> Component:
    first = parts[0]
    if len(parts) == 1 or first.joules is None:
        return first
    gain = math.fsum(part.gain_uncertainty or 0.0 for part in parts)
    squares = gain * gain
    for part in parts:
        own, whole = part.gain_uncertainty or 0.0, math.inf if part.uncertainty is None else part.uncertainty
        squares += max(0.0, whole - own) * (whole + own)
    idle = [part.idle_joules for part in parts if part.idle_joules is not None]
    own_joules = [part.own_joules for part in parts]
    shared = [part.shared for part in parts]
    return replace(
        first,
        joules=math.fsum(part.joules or 0.0 for part in parts),
        uncertainty=math.sqrt(squares),
        gain_uncertainty=gain,
        idle_joules=math.fsum(idle) if idle else None,
        own_joules=None if None in own_joules else math.fsum(own for own in own_joules if own is not None),
        shared=True if True in shared else (None if None in shared else False),
    )


def plus(record: EnergyRecord, other: EnergyRecord) -> EnergyRecord:
    """Return a record with another one's energy and seconds added; all else is as the first has it."""
    return record.with_(
        components=merged((*record.components, *other.components)),
        seconds=record.seconds + other.seconds,
        started_at=min(record.started_at, other.started_at),
    )


class EnergySum:
    """Records added up one by one, so that any number of them takes the room of one.

    The sum is that of `merged`: one component for each sensor and quality.
    """

    def __init__(self) -> None:
        self.count = self.unread = 0
        self.seconds = 0.0
        self._first = math.inf
        self._final = True
        self._parts: dict[tuple[object, ...], tuple[Component, list[float]]] = {}

    @property
    def joules(self) -> float | None:
        """Sum of the readings in joules; None where there is none."""
        read = [figures[0] for part, figures in self._parts.values() if part.joules is not None]
        return math.fsum(read) if read else None

    def add(self, record: EnergyRecord) -> None:
        """Add a record."""
        self.count += 1
        self.seconds += record.seconds
        self._first = min(self._first, record.started_at)
        self._final &= record.final
        unread = True
        for part in record.components:
            joules = part.joules
            key = (part.kind, part.device, part.key, part.source, part.quality, part.method, joules is None)
            known = self._parts.get(key)
            if known is None:
                known = self._parts[key] = (part, [0.0, 0.0, 0.0])
            if joules is not None:
                unread = False
                figures, gain = known[1], part.gain_uncertainty or 0.0
                whole = math.inf if part.uncertainty is None else part.uncertainty
                figures[0] += joules
                figures[1] += max(0.0, whole - gain) * (whole + gain)
                figures[2] += gain
        self.unread += unread

    def record(self) -> EnergyRecord:
        """Return the sum as one record."""
        parts = []
        for first, (joules, squares, gain) in self._parts.values():
            part = replace(first, idle_joules=None, own_joules=None, shared=None, note=None, power_mismatch=None)
            if first.joules is not None:
                width = math.sqrt(squares + gain * gain)
                part = replace(part, joules=joules, uncertainty=width, gain_uncertainty=gain)
            parts.append(part)
        return EnergyRecord(
            tuple(parts), self.seconds, self._first if self.count else 0.0, id="total", span="window", final=self._final
        )
