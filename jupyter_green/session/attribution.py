"""Whose energy it was: fills in idle, own and shared, and names the way it was told.

A device's energy is measured; how much of it belongs to this kernel is attributed, and only where the
driver shows which processes used the device. Where processes are invisible the device's energy stands
alone and nothing is called "own".
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

DIVIDED = "This board is cut into slices; others may use them unseen, so its energy is the whole board's."


class Attribution:
    """Remembers what devices drew between windows, and asks who used them during one."""

    def __init__(self, meter: Meter) -> None:
        self._attributing = dict(meter.attributing())
        self._divided = {traits.key for traits in meter.traits if traits.divided}
        self._idle_watts: dict[str, float] = {}
        self._processor = next((sensor for sensor in meter.sensors if isinstance(sensor, ProcessorModel)), None)

    def observe_gap(self, components: tuple[Component, ...], seconds: float) -> None:
        """Take the power of a gap as the idle power of what follows it."""
        for part in components:
            if part.joules is None or part.method == "model" or seconds < IDLE_LEAST_SECONDS:
                continue
            self._idle_watts[part.key] = part.joules / seconds

    def attribute(self, components: tuple[Component, ...], start: float, seconds: float) -> tuple[Component, ...]:
        """Return the components with idle, own and shared filled in where they can be told."""
        result = []
        for part in components:
            sensor = self._attributing.get(part.key)
            if part.joules is None:
                result.append(part)
                continue
            if part.method == "model":  # processor time is counted for this process tree alone
                told = replace(part, own_joules=part.joules, shared=False)
                result.append(self._timed(told, part.joules, start, start + seconds))
                continue
            idle = self._idle_watts.get(part.key)
            # What ran between windows may have drawn more than this window: then idle is not known.
            known = idle is not None and idle * seconds <= part.joules
            told = replace(part, idle_joules=idle * seconds if known and idle is not None else None)
            if part.key in self._divided:
                told = replace(told, shared=True).noted(DIVIDED)
            elif sensor is not None:
                told = _owned(told, sensor, start)
            result.append(told)
        return tuple(result)

    def _timed(self, part: Component, joules: float, start: float, end: float) -> Component:
        """Return a model's component with the processor time behind it, and how busy others kept the machine."""
        model = self._processor
        if model is None or part.key != model.traits.key:
            return part
        return replace(part, cpu_seconds=joules / model.watts_per_busy_core, others_busy=model.others_busy(start, end))


def process_tree() -> frozenset[int]:
    """Ids of this process and everything it started."""
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
            tree = process_tree()  # looks at every process of the machine: only where it matters
            usage = sensor.usage(start) if running - tree else None
        if usage is not None:
            shares = {pid: share for pid, share in usage.shares.items() if 0 < share < math.inf}
    except SensorFault as fault:
        return part.noted(str(fault))
    except Exception as error:  # noqa: BLE001 - other people's code: the device's energy stands without it
        why = " ".join(f"{type(error).__name__}: {error}".split())[:200].rstrip(".: ")
        return part.noted(f"Who used this device can't be told ({why}).")
    if running is None:
        return part.noted("Which processes used this device can't be seen here.")
    if not running - tree:
        # A container may hide the others; that we see ourselves shows that ids are not hidden.
        return replace(part, own_joules=part.joules, shared=False) if running & tree else part
    if usage is None or not shares:
        return replace(part, shared=True).noted("Others used this device too; their share can't be told.")
    own = sum(share for pid, share in shares.items() if pid in tree) / sum(shares.values())
    above_idle = (part.joules or 0.0) - (part.idle_joules or 0.0)
    note = f"Others used this device too; attributed by {usage.method}, {own:.0%} of it to this kernel."
    return replace(part, shared=True, own_joules=own * above_idle).noted(note)
