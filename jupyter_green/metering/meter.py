"""The meter: sensors on one side, joules of a window on the other.

`read` is called by one thread only (the sampler); everything else only looks at what has been read. A
sensor that fails costs a note in the component, never the window.
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
"""How long a sensor that failed is left alone."""

TOO_LATE_SECONDS = 0.25
"""Half of a call's duration from which on its answer belongs to no moment and is not used."""

REST = 4.0
"""How many times as long as it hung a sensor that hangs again is left alone, edges apart; it holds up the others."""

STANDSTILL_SECONDS = 0.5
"""Time between two reads after which the meter was asleep, or was held up."""


class Meter:
    """Turns readings of some sensors into components of records.

    Parameters
    ----------
    sensors : sequence of Sensor
        The sensors to read; owned from here on.
    calibrations : mapping of str to Calibration, optional
        What was found out of some of them, by their keys.
    """

    def __init__(self, sensors: Sequence[Sensor], calibrations: Mapping[str, Calibration] | None = None) -> None:
        self.sensors = tuple(sensors)
        found = calibrations or {}
        stated = [sensor.traits for sensor in self.sensors]
        self.traits = tuple(found[one.key].applied(one) if one.key in found else one for one in stated)
        """What each sensor says about itself, and what was found out of it."""
        self.timelines = {traits.key: timeline_for(traits) for traits in self.traits}
        self._gates = {
            one.key: ValidatedSensor(sensor, one.scale) for sensor, one in zip(self.sensors, self.traits, strict=True)
        }
        self._checks = {key: CrossCheck(timeline) for key, timeline in self.timelines.items()}
        self._conditions = {
            sensor.traits.key: ConditionLog(sensor) for sensor in self.sensors if isinstance(sensor, Conditioned)
        }
        self._due: dict[str, float] = {}
        self._latest = clock.perf_counter()
        self.resumed = self._latest
        """When readings came again after nothing could be read for a while; figures are waited for from then on."""
        self._hung: dict[str, int] = {}

    def read(self, *, only_due: bool = False, at_edge: bool = False) -> None:
        """Read the sensors once and book what they say.

        Parameters
        ----------
        only_due : bool
            Leave out sensors that need no reading yet.
        at_edge : bool
            A window has just begun or ended: counters with ticks are read, due or not.
        """
        for key, timeline in self.timelines.items():
            wanted = not only_due or (at_edge and timeline.read_at_edges)
            if not wanted and clock.perf_counter() < self._due.get(key, 0.0):
                continue
            self._take(key, timeline)
        before, self._latest = self._latest, clock.perf_counter()
        if self._latest - before > STANDSTILL_SECONDS:
            self.resumed = self._latest

    def _take(self, key: str, timeline: Timeline) -> None:
        """Read one sensor and book what it says, or why it says nothing."""
        began = clock.perf_counter()
        try:
            reading = self._gates[key].read()
            if reading.doubt > TOO_LATE_SECONDS and timeline.read_at_edges:
                raise SensorFault(f"{timeline.traits.device} took {clock.perf_counter() - began:.1f} s to answer.")
        except SensorFault as fault:
            now = clock.perf_counter()
            timeline.fault(now, str(fault))
            pause = FAULT_SECONDS
            if now - began > STANDSTILL_SECONDS:
                self._hung[key] = self._hung.get(key, 0) + 1
                pause = 0.0 if self._hung[key] == 1 else REST * (now - began)
            self._due[key] = now + pause
            return
        self._hung.pop(key, None)
        limit = self._gates[key].power_limit
        if limit != timeline.traits.power_limit:
            timeline.traits = replace(timeline.traits, power_limit=limit)
        timeline.add(reading)
        complaint = self._gates[key].complaint
        if complaint is not None:
            timeline.fault(clock.perf_counter(), complaint)
        self._due[key] = timeline.next_read(clock.perf_counter())

    def check(self) -> None:
        """Read what boards show beside their counters; about once a second while a window is open."""
        for key, gate in self._gates.items():
            watts = gate.shown_watts()
            if watts is not None:
                self._checks[key].add(clock.perf_counter(), self.timelines[key].traits.scale * watts)

    def look(self, *, at_edge: bool = False) -> None:
        """Ask devices how they do; after they were read, and not while one hangs."""
        for key, log in self._conditions.items():
            if key not in self._hung:
                log.look(at_edge=at_edge)

    def conditions(self, kind: str, start: float, end: float) -> Conditions:
        """What the devices of a kind were like between two moments of `time.perf_counter()`, as far as is known."""
        logs = (self._conditions.get(one.key) for one in self.traits if one.kind == kind)
        return Conditions.over(log.over(start, end) for log in logs if log is not None)

    def mark(self, moment: float, *, quiet: bool = False) -> None:
        """An edge of a window is at this moment of `time.perf_counter()`; `quiet` if none is open after it."""
        for timeline in self.timelines.values():
            timeline.mark(moment, quiet=quiet)

    def book(self, key: str, reading: Reading) -> None:
        """Book a reading that was taken elsewhere, such as processor time at a window's edge."""
        self.timelines[key].add(reading)

    def wait_seconds(self) -> float:
        """Time until a sensor needs reading again while a window is open, in seconds."""
        now = clock.perf_counter()
        return max(0.0, min((self._due.get(key, now) for key in self.timelines), default=now + 1.0) - now)

    def settle_seconds(self) -> float:
        """How long after its end a window's figure may still settle, in seconds."""
        return max((timeline.settle_seconds() for timeline in self.timelines.values()), default=0.0)

    def settled(self, end: float, *, soon: bool = False) -> bool:
        """Whether no later reading changes a window that ended at `end`, or few do where it is wanted `soon`."""
        return all(timeline.settled(end, soon=soon) for timeline in self.timelines.values())

    def components(self, start: float, end: float, *, final: bool = False) -> tuple[Component, ...]:
        """Components of the window between two moments of `time.perf_counter()`.

        What is `final` holds the counts at its edges, so that the windows on their other sides add up with it.
        """
        if final:
            for timeline in self.timelines.values():
                timeline.conclude(start)
                timeline.conclude(end)
        found = []
        for key, timeline in self.timelines.items():
            component = _component(timeline, start, end, self._checks[key])
            log = self._conditions.get(key)
            found.append(component if log is None else replace(component, **asdict(log.over(start, end))))
        return tuple(found)

    def timing_doubt(self, start: float) -> float:
        """Half-width, as a part of the energy since `start`, of what the sensors' timing leaves open.

        Looks only at what is settled already; infinite while nothing is, 0 where no sensor has a timing.
        """
        until = min((line.known_until() for line in self.timelines.values()), default=start)
        known = [line.energy(start, until) for line in self.timelines.values()] if until > start else []
        joules = sum(energy.joules or 0.0 for energy in known)
        if not self.timelines:
            return 0.0
        return sum(energy.random for energy in known) / joules if joules > 0 else float("inf")

    def watts(self) -> float | None:
        """Power of all devices now in watts; None where none can be told."""
        known = [watts for watts in (line.watts() for line in self.timelines.values()) if watts is not None]
        return sum(known) if known else None

    def trace(self, start: float, end: float) -> Trace | None:
        """Course of power in a window; None where it was too short for one."""
        series = {line.traits.device: line.course(start, end) for line in self.timelines.values()}
        series = {name: pairs for name, pairs in series.items() if pairs}
        if not series:
            return None
        simulated = any(line.traits.quality == "simulated" for line in self.timelines.values())
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
        """Sensors that know who used their device, with their keys."""
        for sensor in self.sensors:
            if isinstance(sensor, Attributing):
                yield sensor.traits.key, sensor

    def close(self) -> None:
        """Release the sensors; one that can't be released is warned of."""
        for sensor in self.sensors:
            try:
                sensor.close()
            except Exception as error:  # noqa: BLE001 - other people's code: the others are released all the same
                device, why = sensor.traits.device, " ".join(f"{type(error).__name__}: {error}".split())
                warnings.warn(f"{device} could not be released ({why}); ending the process does it.", stacklevel=2)


def timeline_for(traits: SensorInfo) -> Timeline:
    """The timeline that fits a sensor."""
    if traits.method == "power":
        return PowerTimeline(traits)
    return CpuTimeline(traits) if traits.period[1] == 0.0 else Timeline(traits)


def _component(timeline: Timeline, start: float, end: float, check: CrossCheck) -> Component:
    traits = timeline.traits
    energy = timeline.energy(start, end)
    read = energy.joules is not None
    if energy.joules is not None and energy.joules < 0:  # before it has settled, a short window's may be
        energy = replace(energy, joules=0.0)
    differs = check.judge(start, end)
    if differs is not None and energy.joules is not None:
        energy = replace(energy, gain=max(energy.gain, abs(differs.ratio) * energy.joules))
    component = Component(
        kind=traits.kind,
        device=traits.device,
        key=traits.key,
        joules=energy.joules,
        uncertainty=energy.uncertainty if read else None,
        gain_uncertainty=energy.gain if read else None,
        method=traits.method,
        quality=traits.quality,
        scope=traits.scope,
        source=traits.source,
        tick_seconds=timeline.tick_seen,
        note=energy.note or traits.note,
        power_mismatch=differs if read else None,
    )
    return component.noted(differs.sentence) if differs is not None and read else component
