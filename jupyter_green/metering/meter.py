"""The meter: reads all sensors and returns the components of a window.

Only the sampler thread calls `read`; other threads use what has been read. A failing sensor leaves a note in its
component and does not affect the window otherwise.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace

from jupyter_green.records import Component, Conditions, Trace, clock
from jupyter_green.sensors import Attributing, Conditioned, Reading, Sensor, SensorFault, SensorInfo

from .calibration.model import Calibration
from .conditions import ConditionLog
from .counter.timeline import Timeline
from .cpu_time import CpuTimeline
from .crosscheck import CrossCheck
from .power.timeline import PowerTimeline
from .validation import ValidatedSensor

FAULT_SECONDS = 0.5
"""Pause before a failed sensor is read again."""

TOO_LATE_SECONDS = 0.25
"""Time uncertainty from which on a reading is rejected: half the duration of its call."""

REST = 4.0
"""A sensor that hangs again is not read for this multiple of its hang time, except at edges, since it blocks the
others."""

STANDSTILL_SECONDS = 0.5
"""Time between two reads beyond which the meter was suspended or blocked."""


class Meter:
    """Turns sensor readings into components of records; it closes the sensors.

    `calibrations` are by sensor key.
    """

    def __init__(self, sensors: Sequence[Sensor], calibrations: Mapping[str, Calibration] | None = None) -> None:
        self.sensors = tuple(sensors)
        by_key = calibrations or {}
        nominal = [sensor.traits for sensor in self.sensors]
        self.traits = tuple(by_key[info.key].applied(info) if info.key in by_key else info for info in nominal)
        """Description of each sensor, with its calibration applied."""
        self.timelines = {traits.key: timeline_for(traits) for traits in self.traits}
        self._validated_sensors = {
            info.key: ValidatedSensor(sensor, info.scale)
            for sensor, info in zip(self.sensors, self.traits, strict=True)
        }
        self._checks = {key: CrossCheck(timeline) for key, timeline in self.timelines.items()}
        self._conditions = {
            sensor.traits.key: ConditionLog(sensor) for sensor in self.sensors if isinstance(sensor, Conditioned)
        }
        self._due: dict[str, float] = {}
        self._latest = clock.perf_counter()
        self.resumed = self._latest
        """When readings resumed after an interruption; records are waited for from then on."""
        self._slow_reads: dict[str, int] = {}

    def read(self, *, only_due: bool = False, at_edge: bool = False) -> None:
        """Read the sensors once: all, or only those that are due.

        At the edge of a window, sensors that need readings there are read even if they are not due.
        """
        for key, timeline in self.timelines.items():
            is_wanted = not only_due or (at_edge and timeline.read_at_edges)
            if not is_wanted and clock.perf_counter() < self._due.get(key, 0.0):
                continue
            self._take(key, timeline)
        previous, self._latest = self._latest, clock.perf_counter()
        if self._latest - previous > STANDSTILL_SECONDS:
            self.resumed = self._latest

    def _take(self, key: str, timeline: Timeline) -> None:
        """Read one sensor and add the reading, or the fault, to its timeline."""
        started = clock.perf_counter()
        try:
            reading = self._validated_sensors[key].read()
            if reading.uncertainty > TOO_LATE_SECONDS and timeline.read_at_edges:
                raise SensorFault(f"It took {clock.perf_counter() - started:.1f} s to answer.")
        except SensorFault as fault:
            now = clock.perf_counter()
            timeline.fault(now, str(fault))
            pause = FAULT_SECONDS
            if now - started > STANDSTILL_SECONDS:
                self._slow_reads[key] = self._slow_reads.get(key, 0) + 1
                pause = 0.0 if self._slow_reads[key] == 1 else REST * (now - started)
            self._due[key] = now + pause
            return
        self._slow_reads.pop(key, None)
        _bound(timeline, self._validated_sensors[key].power_limit)
        timeline.add(reading)
        complaint = self._validated_sensors[key].complaint
        if complaint is not None:
            timeline.fault(clock.perf_counter(), complaint)
        self._due[key] = timeline.next_read(clock.perf_counter())

    def check(self) -> None:
        """Read the power that devices report beside their counters; about once a second while a window is open."""
        for key, gate in self._validated_sensors.items():
            watts = gate.reported_watts()
            if watts is not None:
                self._checks[key].add(clock.perf_counter(), self.timelines[key].traits.scale * watts)

    def look(self, *, at_edge: bool = False) -> None:
        """Read the devices' conditions; called after the sensors were read, and skipped for a sensor that hangs."""
        for key, log in self._conditions.items():
            if key not in self._slow_reads:
                log.look(at_edge=at_edge)

    def conditions(self, kind: str, start: float, end: float) -> Conditions:
        """Return the conditions of all devices of a kind between two moments of `time.perf_counter()`."""
        logs = (self._conditions.get(traits.key) for traits in self.traits if traits.kind == kind)
        return Conditions.over(log.over(start, end) for log in logs if log is not None)

    def mark(self, moment: float, *, quiet: bool = False) -> None:
        """Add a window edge at this moment of `time.perf_counter()`; `quiet` if no window is open after it."""
        for timeline in self.timelines.values():
            timeline.mark(moment, quiet=quiet)

    def book(self, key: str, reading: Reading) -> None:
        """Add a reading that was taken elsewhere, such as CPU time at a window's edge."""
        self.timelines[key].add(reading)

    def wait_seconds(self) -> float:
        """Time until the next sensor is due while a window is open, in seconds."""
        now = clock.perf_counter()
        return max(0.0, min((self._due.get(key, now) for key in self.timelines), default=now + 1.0) - now)

    def settle_seconds(self) -> float:
        """Time after a window's end until its energy is final, in seconds."""
        return max((timeline.settle_seconds() for timeline in self.timelines.values()), default=0.0)

    def settled(self, end: float, *, soon: bool = False) -> bool:
        """Whether no later reading changes the energy of a window that ended at `end`.

        With `soon`, also True when later readings can change little.
        """
        return all(timeline.settled(end, soon=soon) for timeline in self.timelines.values())

    def components(self, start: float, end: float, *, final: bool = False) -> tuple[Component, ...]:
        """Return the components of the interval between two moments of `time.perf_counter()`.

        With `final`, the counts at both edges become final, so that adjacent intervals add up with this one.
        """
        if final:
            for key, timeline in self.timelines.items():
                if key not in self._slow_reads:
                    _bound(timeline, self._validated_sensors[key].refresh_limit())
                timeline.conclude(start)
                timeline.conclude(end)
        components = []
        for key, timeline in self.timelines.items():
            component = _component(timeline, start, end, self._checks[key])
            log = self._conditions.get(key)
            components.append(component if log is None else replace(component, **asdict(log.over(start, end))))
        return tuple(components)

    def timing_uncertainty(self, start: float) -> float:
        """Relative half-width of the timing uncertainty of the energy since `start`.

        Uses settled readings only. Infinite if there are none, 0 without sensors.
        """
        until = min((timeline.known_until() for timeline in self.timelines.values()), default=start)
        energies = [timeline.energy(start, until) for timeline in self.timelines.values()] if until > start else []
        joules = sum(energy.joules or 0.0 for energy in energies)
        if not self.timelines:
            return 0.0
        return sum(energy.random for energy in energies) / joules if joules > 0 else float("inf")

    def watts(self) -> float | None:
        """Present power of all devices in watts; None if unknown."""
        readings = [watts for watts in (timeline.watts() for timeline in self.timelines.values()) if watts is not None]
        return sum(readings) if readings else None

    def trace(self, start: float, end: float) -> Trace | None:
        """Power over time in a window; None if the window was too short."""
        series = {timeline.traits.device: timeline.course(start, end) for timeline in self.timelines.values()}
        series = {name: pairs for name, pairs in series.items() if pairs}
        if not series:
            return None
        simulated = any(timeline.traits.quality == "simulated" for timeline in self.timelines.values())
        return Trace(series=series, seconds=end - start, simulated=simulated)

    def thin(self, now: float, edges: list[float]) -> None:
        """Drop readings that no open window needs."""
        for timeline in self.timelines.values():
            timeline.thin(now, edges)

    def forget(self, before: float) -> None:
        """Drop readings older than a moment."""
        for timeline in self.timelines.values():
            timeline.forget(before)
        for log in self._conditions.values():
            log.forget(before)

    def attributing(self) -> Iterable[tuple[str, Attributing]]:
        """Yield the sensors that report which processes used their device, with their keys."""
        for sensor in self.sensors:
            if isinstance(sensor, Attributing):
                yield sensor.traits.key, sensor

    def close(self) -> None:
        """Release the sensors; warn of each that can't be released."""
        for sensor in self.sensors:
            try:
                sensor.close()
            except Exception as error:  # noqa: BLE001 - third-party code: the other sensors are still released
                device, reason = sensor.traits.device, " ".join(f"{type(error).__name__}: {error}".split())
                warnings.warn(f"{device} could not be released ({reason}); ending the process does it.", stacklevel=2)


def timeline_for(traits: SensorInfo) -> Timeline:
    """Return a new timeline of the type that suits the sensor."""
    if traits.method == "power":
        return PowerTimeline(traits)
    return CpuTimeline(traits) if traits.period[1] == 0.0 else Timeline(traits)


def _bound(timeline: Timeline, limit: float | None) -> None:
    if limit != timeline.traits.power_limit:
        timeline.limit_power(limit)


def _component(timeline: Timeline, start: float, end: float, check: CrossCheck) -> Component:
    traits = timeline.traits
    energy = timeline.energy(start, end)
    has_energy = energy.joules is not None
    if energy.joules is not None and energy.joules < 0:  # possible for short windows before they settle
        energy = replace(energy, joules=0.0)
    mismatch = check.judge(start, end)
    if mismatch is not None and energy.joules is not None:
        energy = replace(energy, gain=max(energy.gain, abs(mismatch.ratio) * energy.joules))
    component = Component(
        kind=traits.kind,
        device=traits.device,
        key=traits.key,
        joules=energy.joules,
        uncertainty=energy.uncertainty if has_energy else None,
        gain_uncertainty=energy.gain if has_energy else None,
        method=traits.method,
        quality=traits.quality,
        scope=traits.scope,
        covers_memory=traits.covers_memory,
        source=traits.source,
        tick_seconds=timeline.tick_seen,
        note=energy.note or traits.note,
        power_mismatch=mismatch if has_energy else None,
    )
    return component.noted(mismatch.sentence) if mismatch is not None and has_energy else component
