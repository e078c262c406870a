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
