"""An incremental sum of records: records can be added and removed in constant time.

A run may have ten thousand cells and snapshots are made several times a second, so sums are not recomputed. Per device
we keep joules, the sum of squared random errors, and the gain errors, which add up within one source. The result is one
record, so that the rule for uncertainties is applied in one place.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from jupyter_green.records import Component, EnergyRecord


@dataclass
class _Device:
    """Sums of one device's readings."""

    component: Component
    readings: int = 0
    joules: float = 0.0
    squares: float = 0.0
    gain: float = 0.0
    boundless: int = 0
    """Readings without a finite half-width; the sum's uncertainty is infinite while there are any."""

    def count(self, part: Component, sign: int) -> None:
        if part.joules is None:
            return
        self.readings += sign
        if not self.readings:  # empty again: clear rounding errors
            self.joules = self.squares = self.gain = 0.0
            self.boundless = 0
            return
        gain, whole = part.gain_uncertainty or 0.0, part.uncertainty
        self.joules += sign * part.joules
        if whole is None or not math.isfinite(whole) or not math.isfinite(gain):
            self.boundless += sign
            return
        self.squares = max(0.0, self.squares + sign * max(0.0, whole - gain) * (whole + gain))
        self.gain = max(0.0, self.gain + sign * gain)

    def sum(self) -> Component:
        has_readings = self.readings > 0
        spread = math.inf if self.boundless else math.sqrt(self.squares + self.gain * self.gain)
        return replace(
            self.component,
            joules=self.joules if has_readings else None,
            uncertainty=spread if has_readings else None,
            gain_uncertainty=(0.0 if self.boundless else self.gain) if has_readings else None,
            idle_joules=None,
            own_joules=None,
            shared=None,
            note=None if has_readings else self.component.note,
            power_mismatch=None,
        )


class RunningSum:
    """A sum, with count and seconds, to which records can be added and from which they can be removed."""

    def __init__(self) -> None:
        self.count = 0
        self.seconds = 0.0
        self._began: float | None = None
        self._devices: dict[tuple[str, ...], _Device] = {}

    def add(self, record: EnergyRecord) -> None:
        """Add a record."""
        self._count(record, 1)
        self._began = record.started_at if self._began is None else min(self._began, record.started_at)

    def remove(self, record: EnergyRecord) -> None:
        """Remove a record that was added."""
        self._count(record, -1)

    def _count(self, record: EnergyRecord, sign: int) -> None:
        self.count += sign
        self.seconds = self.seconds + sign * record.seconds if self.count else 0.0
        for part in record.components:
            identity = (part.key, part.kind, part.quality, part.method, part.source)
            device = self._devices.get(identity)
            if device is None:
                device = self._devices[identity] = _Device(part)
            device.count(part, sign)

    def record(self, *others: EnergyRecord) -> EnergyRecord:
        """Return the sum, plus `others` (executions still running), as one record."""
        components = tuple(device.sum() for device in self._devices.values())
        starts = [record.started_at for record in others]
        return EnergyRecord(
            components=(*components, *(part for record in others for part in record.components)),
            seconds=self.seconds + math.fsum(record.seconds for record in others),
            started_at=min(starts if self._began is None else [*starts, self._began], default=0.0),
            id="total",
            span="window",
            final=not others,
        )
