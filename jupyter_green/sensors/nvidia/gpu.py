"""Sensor of one NVIDIA GPU: readings, epochs, condition, and the processes that use it."""

from __future__ import annotations

from typing import Any

from jupyter_green.records import clock
from jupyter_green.sensors.base import Condition, Reading, SensorFault, SensorInfo, Usage

from .conditions import ConditionReader
from .nvml import BROKEN, INSUFFICIENT_SIZE, NOT_SUPPORTED, UNINITIALIZED, NvmlError, connection
from .read_method import ReadMethod, power_limit, reported_power


class NvidiaSensor:
    """Sensor of one GPU."""

    def __init__(self, uuid: str, traits: SensorInfo, way: ReadMethod) -> None:
        self._uuid = uuid
        self.traits = traits
        self._way = way
        self._epoch = 0
        self._last: float | None = None
        self._broken = False
        self._closed = False
        self._conditions = ConditionReader()
        connection.acquire()

    def read(self) -> Reading:
        """Return one reading; a reset, or a fault that may have broken the count, starts a new epoch.

        Raises SensorFault if the driver returns an error; a later call reopens the library if that can help.
        """
        # Taken before the call, so that a read in another thread can't look like a reset.
        epoch, last = self._epoch, self._last
        try:
            if self._closed:
                raise NvmlError(UNINITIALIZED)
            if self._broken:
                connection.reopen()
            handle = connection.handle(self._uuid)
            before = clock.perf_counter()
            value = self._way.value(handle)
            after = clock.perf_counter()
        except NvmlError as refusal:
            self._broken = refusal.code in BROKEN
            # A counter continues while the driver is slow or denies access; power that was not read is lost.
            if self._broken or self._way.method == "power":
                self._epoch, self._last = epoch + 1, None
            raise SensorFault(f"It could not be read: {refusal}.") from refusal
        if self._broken:
            self._broken = False
            connection.works()
        if self._way.method == "counter":
            if last is not None and value < last:  # the driver was reloaded and counts from 0
                epoch += 1
                self._epoch = epoch
            self._last = value
        return Reading(time=(before + after) / 2, value=value, epoch=epoch)

    def reported_watts(self) -> float | None:
        """Return the GPU's mean power over 1 s in watts; None if it reports none, or a shorter mean."""
        if self._way.method != "counter" or self._closed or self._broken:
            return None
        try:
            return reported_power(connection.handle(self._uuid), self._way)
        except NvmlError:
            return None

    def power_limit_now(self) -> float | None:
        """Return the power limit enforced now in watts; None if the driver does not report it."""
        if self._closed or self._broken:
            return None
        try:
            return power_limit(connection.handle(self._uuid), self._way)
        except NvmlError:
            return None

    def condition(self) -> Condition | None:
        """Return temperature, clock and throttle reasons; None if the GPU can't be read."""
        if self._closed or self._broken:
            return None
        try:
            return self._conditions.read(connection.handle(self._uuid))
        except NvmlError:
            return None

    def close(self) -> None:
        """Release the library; may be called twice."""
        if not self._closed:
            self._closed = True
            connection.release()

    def processes(self) -> frozenset[int] | None:
        """Return ids of the compute and graphics processes on the GPU; None if the driver does not report them."""
        pids: set[int] = set()
        for call in ("nvmlDeviceGetComputeRunningProcesses", "nvmlDeviceGetGraphicsRunningProcesses"):
            try:
                pids.update(int(process.pid) for process in connection.ask(call, connection.handle(self._uuid)))
            except NvmlError as refusal:
                # A GPU without graphics has no list of graphics processes; without the compute list nothing is known.
                if "Compute" in call or refusal.code != NOT_SUPPORTED:
                    return None
        return frozenset(pids)

    def usage(self, since: float) -> Usage | None:
        """Return each process's mean busy share since a `time.perf_counter()` time; None if unknown."""
        # The driver's timestamps are microseconds since 1970; that clock is used only for this comparison.
        moment = clock.wall() - max(0.0, clock.perf_counter() - since)
        stamp = int(moment * 1e6)
        try:
            samples = self._samples(stamp)
        except NvmlError as refusal:
            if refusal.code != INSUFFICIENT_SIZE:
                return None
            # A sample was added between pynvml's two calls, for the number of samples and for the samples.
            try:
                samples = self._samples(stamp)
            except NvmlError:
                return None
        busy: dict[int, list[float]] = {}
        for sample in samples:
            # Empty entries and meaningless values have been reported by others.
            if sample.pid and sample.timeStamp > stamp and sample.smUtil <= 100:
                busy.setdefault(int(sample.pid), []).append(sample.smUtil / 100)
        if not busy:
            return None
        shares = {pid: sum(values) / len(values) for pid, values in busy.items()}
        return Usage(shares, "the driver's busy time of each process")

    def _samples(self, stamp: int) -> Any:
        return connection.ask("nvmlDeviceGetProcessUtilization", connection.handle(self._uuid), stamp)
