"""Attributes a device's energy to this kernel: fills in idle and own energy, whether it was shared, and the method.

The energy of a device is measured. The kernel's part of it is attributed, and only if the driver reports which
processes used the device. Otherwise only the device's energy is reported and nothing is called "own".
"""

from __future__ import annotations

import math
import os
from dataclasses import replace

import psutil

from jupyter_green.metering import Meter
from jupyter_green.records import Component
from jupyter_green.sensors import Attributing, SensorFault
from jupyter_green.sensors.cpu_model import ProcessorModel

IDLE_LEAST_SECONDS = 0.5

DIVIDED = "This GPU is divided into MIG slices; others may use them unseen, so its energy is that of the whole GPU."


class Attribution:
    """Keeps the idle power of each device and attributes the energy of windows."""

    def __init__(self, meter: Meter) -> None:
        self._attributing = dict(meter.attributing())
        self._divided = {traits.key for traits in meter.traits if traits.divided}
        self._idle_watts: dict[str, float] = {}
        self._processor = next((sensor for sensor in meter.sensors if isinstance(sensor, ProcessorModel)), None)

    def observe_gap(self, components: tuple[Component, ...], seconds: float) -> None:
        """Take the mean power of a gap as the idle power of the following window."""
        for part in components:
            if part.joules is None or part.method == "model" or seconds < IDLE_LEAST_SECONDS:
                continue
            self._idle_watts[part.key] = part.joules / seconds

    def attribute(self, components: tuple[Component, ...], start: float, seconds: float) -> tuple[Component, ...]:
        """Return the components with idle, own and shared filled in where these are known."""
        result = []
        for part in components:
            sensor = self._attributing.get(part.key)
            if part.joules is None:
                result.append(part)
                continue
            if part.method == "model":  # CPU time is counted for this process tree alone
                attributed = replace(part, own_joules=part.joules, shared=False)
                result.append(self._timed(attributed, part.joules, start, start + seconds))
                continue
            idle = self._idle_watts.get(part.key)
            # Work between windows may have drawn more power than this window: then the idle power is unknown.
            idle_known = idle is not None and idle * seconds <= part.joules
            attributed = replace(part, idle_joules=idle * seconds if idle_known and idle is not None else None)
            if part.key in self._divided:
                attributed = replace(attributed, shared=True).noted(DIVIDED)
            elif sensor is not None:
                attributed = _owned(attributed, sensor, start)
            result.append(attributed)
        return tuple(result)

    def _timed(self, part: Component, joules: float, start: float, end: float) -> Component:
        """Add the CPU time behind a model's component, and how busy other processes kept the machine."""
        model = self._processor
        if model is None or part.key != model.traits.key:
            return part
        return replace(part, cpu_seconds=joules / model.watts_per_busy_core, others_busy=model.others_busy(start, end))


def process_tree() -> frozenset[int]:
    """Ids of this process and its descendants."""
    try:
        children = psutil.Process().children(recursive=True)
    except psutil.Error:
        children = []
    return frozenset({os.getpid(), *(child.pid for child in children)})


def _owned(part: Component, sensor: Attributing, start: float) -> Component:
    tree = frozenset({os.getpid()})
    shares: dict[int, float] = {}
    try:
        running, usage = sensor.processes(), None
        if running is not None and running - tree:
            tree = process_tree()  # slow: scans every process of the machine
            usage = sensor.usage(start) if running - tree else None
        if usage is not None:
            shares = {pid: share for pid, share in usage.shares.items() if 0 < share < math.inf}
    except SensorFault as fault:
        return part.noted(str(fault))
    except Exception as error:  # noqa: BLE001 - third-party code: the device's energy stands without it
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200].rstrip(".: ")
        return part.noted(f"Which processes used this device is unknown ({reason}).")
    if running is None:
        return part.noted("Which processes used this device is unknown here.")
    if not running - tree:
        # A container may hide other processes. If it shows our own, process ids are not hidden.
        return replace(part, own_joules=part.joules, shared=False) if running & tree else part
    if usage is None or not shares:
        return replace(part, shared=True).noted("Others used this device too; their share is unknown.")
    own = sum(share for pid, share in shares.items() if pid in tree) / sum(shares.values())
    above_idle = (part.joules or 0.0) - (part.idle_joules or 0.0)
    note = f"Others used this device too; attributed by {usage.method}, {own:.0%} of it to this kernel."
    return replace(part, shared=True, own_joules=own * above_idle).noted(note)
