"""One board as a sensor: its readings, its epochs, and who uses it."""

from __future__ import annotations

from typing import Any

from jupyter_green.records import clock
from jupyter_green.sensors.base import Condition, Reading, SensorFault, SensorInfo, Usage

from .conditions import ConditionReader
from .nvml import BROKEN, INSUFFICIENT_SIZE, NOT_SUPPORTED, UNINITIALIZED, NvmlError, connection
from .read_method import ReadMethod, power_limit, shown_power


class NvidiaSensor:
    """The meter of one board.

    Parameters
    ----------
    uuid : str
        The board's identity with the driver.
    traits : SensorInfo
        What it says about itself.
    way : ReadMethod
        How it is read.
    """

    def __init__(self, uuid: str, traits: SensorInfo, way: ReadMethod) -> None:
        self._uuid = uuid
        self._traits = traits
        self._way = way
        self._epoch = 0
        self._last: float | None = None
        self._broken = False
        self._closed = False
        self._conditions = ConditionReader()
        connection.acquire()

    @property
    def traits(self) -> SensorInfo:
        """What the sensor says about itself."""
        return self._traits

    def read(self) -> Reading:
        """Return one reading; after a reset, or a fault that may have broken the count, a new epoch begins.

        Raises
        ------
        SensorFault
            If the driver refuses; a later call opens the library anew where that can help.
        """
        # Looked at before the call, so that what another thread reads meanwhile can't look like a reset.
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
            # A counter goes on while the driver is slow or forbids looking; power that was not read is lost.
            if self._broken or self._way.method == "power":
                self._epoch, self._last = epoch + 1, None
            raise SensorFault(f"{self._traits.device} could not be read: {refusal}.") from refusal
        if self._broken:
            self._broken = False
            connection.works()
        if self._way.method == "counter":
            if last is not None and value < last:  # the driver was reloaded: it counts from 0 again
                epoch += 1
                self._epoch = epoch
            self._last = value
        return Reading(time=(before + after) / 2, value=value, epoch=epoch)

    def shown_watts(self) -> float | None:
        """Return the board's own mean power over a second; None where it shows none, or a shorter one."""
        if self._way.method != "counter" or self._closed or self._broken:
            return None
        try:
            return shown_power(connection.handle(self._uuid), self._way)
        except NvmlError:
            return None

    def power_limit_now(self) -> float | None:
        """Return the power in watts that the board is held to now; None where the driver does not tell."""
        if self._closed or self._broken:
            return None
        try:
            return power_limit(connection.handle(self._uuid), self._way)
        except NvmlError:
            return None

    def condition(self) -> Condition | None:
        """Return the board's temperature, clock and why that is lowered; None where it can't be asked."""
        if self._closed or self._broken:
            return None
        try:
            return self._conditions.read(connection.handle(self._uuid))
        except NvmlError:
            return None

    def close(self) -> None:
        """Release the library; calling it twice is harmless."""
        if not self._closed:
            self._closed = True
            connection.release()

    def processes(self) -> frozenset[int] | None:
        """Return ids of the processes that compute or draw on the board; None where the driver does not tell."""
        found: set[int] = set()
        for call in ("nvmlDeviceGetComputeRunningProcesses", "nvmlDeviceGetGraphicsRunningProcesses"):
            try:
                found.update(int(one.pid) for one in connection.ask(call, connection.handle(self._uuid)))
            except NvmlError as refusal:
                # A board that can't draw has no list of those who draw; one that can't list who computes tells nothing.
                if "Compute" in call or refusal.code != NOT_SUPPORTED:
                    return None
        return frozenset(found)

    def usage(self, since: float) -> Usage | None:
        """Return each process's mean busy share since a `time.perf_counter()` moment; None where it can't be told."""
        # The driver stamps its samples with microseconds since 1970; its clock is used for this comparison only.
        moment = clock.wall() - max(0.0, clock.perf_counter() - since)
        stamp = int(moment * 1e6)
        try:
            samples = self._samples(stamp)
        except NvmlError as refusal:
            if refusal.code != INSUFFICIENT_SIZE:
                return None
            # A sample came between pynvml's question for their number and the one for themselves.
            try:
                samples = self._samples(stamp)
            except NvmlError:
                return None
        busy: dict[int, list[float]] = {}
        for sample in samples:
            # Slots that the driver left empty, and values of no meaning, were seen by others.
            if sample.pid and sample.timeStamp > stamp and sample.smUtil <= 100:
                busy.setdefault(int(sample.pid), []).append(sample.smUtil / 100)
        if not busy:
            return None
        shares = {pid: sum(values) / len(values) for pid, values in busy.items()}
        return Usage(shares, "the driver's busy time of each process")

    def _samples(self, stamp: int) -> Any:
        return connection.ask("nvmlDeviceGetProcessUtilization", connection.handle(self._uuid), stamp)
