"""Sums of records: components added up by sensor, with the uncertainty of the sum."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from .component import Component, Kind, Method, Quality
from .flat import FlatRecord
from .record import EnergyRecord
from .statistics import random_half_width


def merged(components: Iterable[Component]) -> tuple[Component, ...]:
    """Return one component for each sensor and quality. Components without a reading are kept separate.

    Random errors add in quadrature and gain errors linearly, as in `EnergyRecord.uncertainty`. If a half-width is
    unknown, that of the sum is infinite.
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
    randoms = (random_half_width(part.uncertainty, part.gain_uncertainty) for part in parts)
    idle = [part.idle_joules for part in parts if part.idle_joules is not None]
    own_joules = [part.own_joules for part in parts]
    shared = [part.shared for part in parts]
    return replace(
        first,
        joules=math.fsum(part.joules or 0.0 for part in parts),
        uncertainty=math.hypot(gain, *randoms),
        gain_uncertainty=gain,
        idle_joules=math.fsum(idle) if idle else None,
        own_joules=None if None in own_joules else math.fsum(own for own in own_joules if own is not None),
        shared=True if True in shared else (None if None in shared else False),
    )


def plus(record: EnergyRecord, other: EnergyRecord) -> EnergyRecord:
    """Return a record with another one's energy and duration added; all other fields are the first record's."""
    return record.with_(
        components=merged((*record.components, *other.components)),
        seconds=record.seconds + other.seconds,
        started_at=min(record.started_at, other.started_at),
    )


Sensor = tuple[Kind, str, str, str, Quality, Method]
"""Kind, device, key, source, quality and method of a component: the key of a sum."""
Figures = tuple[Sensor, float | None, float, float]
"""For one sensor: joules, square of the random half-width in J², and gain error in joules."""


class EnergySum:
    """Running sum of records, in constant memory.

    The result is that of `merged`: one component for each sensor and quality.
    """

    def __init__(self) -> None:
        self.count = self.unread = 0
        self.seconds = 0.0
        self._first = math.inf
        self._read: dict[Sensor, list[float]] = {}
        """Joules, sum of squared random half-widths, and gain error."""
        self._absent: dict[Sensor, None] = {}

    @property
    def joules(self) -> float | None:
        """Sum of the readings in joules; None without a reading."""
        return math.fsum(figures[0] for figures in self._read.values()) if self._read else None

    def add(self, record: FlatRecord) -> None:
        """Add a record."""
        self.add_figures(record, figures_of(record))

    def add_figures(self, record: FlatRecord, given: Iterable[Figures]) -> None:
        """Add a record whose figures were computed before, because they are added to several sums."""
        self.count += 1
        self.seconds += record.seconds
        self._first = min(self._first, record.started_at)
        unread = True
        for sensor, joules, square, gain in given:
            if joules is None:
                self._absent[sensor] = None
                continue
            unread = False
            figures = self._read.get(sensor)
            if figures is None:
                self._read[sensor] = [joules, square, gain]
            else:
                figures[0] += joules
                figures[1] += square
                figures[2] += gain
        self.unread += unread

    def record(self) -> EnergyRecord:
        """Return the sum as a record."""
        parts = [_summed(sensor, None, None, None) for sensor in self._absent]
        for sensor, (joules, squares, gain) in self._read.items():
            parts.append(_summed(sensor, joules, math.sqrt(squares + gain * gain), gain))
        first = self._first if self.count else 0.0
        return EnergyRecord(tuple(parts), self.seconds, first, id="total", span="window")


def figures_of(record: FlatRecord) -> list[Figures]:
    """Return what each device of a record adds to a sum."""
    figures: list[Figures] = []
    for part in record.parts:
        random = random_half_width(part.uncertainty, part.gain_uncertainty)
        figures.append((part[:6], part.joules, random * random, part.gain_uncertainty or 0.0))
    return figures


def _summed(sensor: Sensor, joules: float | None, width: float | None, gain: float | None) -> Component:
    kind, device, key, source, quality, method = sensor
    return Component(kind, device, key, joules, width, gain, method, quality, "", source)
