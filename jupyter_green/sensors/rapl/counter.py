"""Sensor of one RAPL domain: a counter that wraps.

Each read undoes a wrap, modulo the range that the zone states. Other decreases start a new epoch: a step that needs
more power than the domain can draw is a reset, and after a pause in which the counter may have wrapped more than
once the count is ambiguous. The file is kept open, since opening takes longer than reading; a file that was removed
is opened again at the next read.
"""

from __future__ import annotations

import os
import threading

from jupyter_green.records import clock
from jupyter_green.sensors.base import Condition, Reading, SensorFault, SensorInfo, Usage
from jupyter_green.sensors.cpu_model import OTHERS, BusyShare
from jupyter_green.sensors.cpu_throttling import ThrottleCounts

from . import powercap
from .powercap import Zone

UNSEEN_SECONDS = 2.0
"""Time between two reads after which a decrease of the count may be a wrap or a reset."""

LEAP, LEAP_WATTS = 4.0, 50.0
"""Factor and watts by which the mean power between two reads may exceed the last known power."""

SLACK_SECONDS = 0.1
"""Added to the time between reads when a step is checked: counters update irregularly, about every millisecond."""

LIMIT_FACTOR = 2.0
"""Factor by which power may exceed a domain's stated limit, which holds for averages over seconds."""

CLOSING_SECONDS = 0.1
"""Longest time in seconds that `close` waits for a running read."""


class RaplDomain:
    """Counter of one domain, with wraps undone.

    `power_limit` and `span` of `traits` must not be None. Raises OSError if the counter can't be opened, ValueError if
    the file holds no number.
    """

    def __init__(self, zone: Zone, traits: SensorInfo) -> None:
        assert traits.power_limit is not None
        assert traits.span is not None
        self._zone = zone
        self.traits = traits
        self._bound = traits.power_limit
        self._longest = traits.span
        self._span_joules = traits.power_limit * traits.span
        self._range = zone.span_joules
        self._lock = threading.Lock()
        self._descriptor: int | None = None
        self._epoch = 0
        self._watts: float | None = None
        self._total = 0.0
        try:
            self._last = (clock.perf_counter(), self.raw())
        except ValueError:
            self._release()
            raise

    def read(self) -> Reading:
        """Return joules since the first read.

        Raises SensorFault if the counter can't be read now; the next read tries again.
        """
        with self._lock:
            before = clock.perf_counter()
            try:
                joules = self.raw()
            except (OSError, ValueError) as error:
                self._release()
                why = getattr(error, "strerror", None) or str(error)
                raise SensorFault(f"It could not be read ({why}).") from error
            moment = (before + clock.perf_counter()) / 2
            self._book(moment, joules)
            return Reading(moment, self._total, self._epoch)

    def raw(self) -> float:
        """Return the counter's raw value in joules.

        Raises OSError if the file can't be read. Raises ValueError if the file holds no number.
        """
        if self._descriptor is None:
            self._descriptor = os.open(self._zone.energy, os.O_RDONLY | os.O_CLOEXEC)
            self._check_range()
        if os.fstat(self._descriptor).st_nlink == 0:
            raise FileNotFoundError(2, "its file was removed")
        text = os.pread(self._descriptor, 64, 0).strip()
        if not text.isdigit():
            raise ValueError("its file holds no number")
        return int(text) / 1e6

    def power_limit_now(self) -> float | None:
        """Return an upper bound of the domain's power in watts, from the limits it states now."""
        stated = powercap.limit_watts(self._zone.path)
        if stated is not None and LIMIT_FACTOR * stated > self._bound:
            self._bound = LIMIT_FACTOR * stated
            self._longest = self._span_joules / self._bound
        return self._bound

    def close(self) -> None:
        """Close the file; may be called twice. While a read hangs, the file stays open."""
        if self._lock.acquire(timeout=CLOSING_SECONDS):
            try:
                self._release()
            finally:
                self._lock.release()

    def _book(self, moment: float, joules: float) -> None:
        then, shown = self._last
        self._last = (moment, joules)
        step, seconds = joules - shown, moment - then
        wrapped = step < 0 and self._range is not None
        if wrapped and self._range is not None:
            step += self._range
        if seconds > UNSEEN_SECONDS or step > self._bound * (seconds + SLACK_SECONDS):
            self.power_limit_now()  # the limit may have been raised since
        plausible = 0 <= step <= self._bound * (seconds + SLACK_SECONDS)
        if wrapped and seconds > UNSEEN_SECONDS:
            # After a long pause a reset looks like a wrap: does a wrap agree with the power before?
            usual = self._watts if self._watts is not None else self._bound
            plausible = plausible and step <= (LEAP * usual + LEAP_WATTS) * seconds
        if plausible and seconds <= self._longest:
            self._total += step
            if seconds > 0:
                self._watts = step / seconds
        else:
            self._epoch += 1

    def _check_range(self) -> None:
        """Check the range after the file was reopened: another range means another counter."""
        stated = powercap.span_joules(self._zone.path)
        if stated is not None and stated != self._range:
            self._range = stated
            self._epoch += 1

    def _release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class RaplPackage(RaplDomain):
    """Counter of CPU energy that also reports this process tree's share of the machine's work."""

    def __init__(self, zone: Zone, traits: SensorInfo, share: BusyShare) -> None:
        super().__init__(zone, traits)
        self._share = share
        self._counts = ThrottleCounts()

    def read(self) -> Reading:
        """Return joules since the first read; raise `SensorFault` if there is no reading."""
        reading = super().read()
        self._share.note()
        return reading

    def condition(self) -> Condition | None:
        """Return the number of throttling events; None if it is not reported."""
        return self._counts.condition()

    def processes(self) -> frozenset[int] | None:
        """Return this process and `OTHERS`: a CPU is always shared."""
        return frozenset({os.getpid(), OTHERS})

    def usage(self, since: float) -> Usage | None:
        """Return the shares of the machine's busy CPU time since a time: ours and that of all others."""
        return self._share.usage(since)


def same(one: RaplDomain, other: RaplDomain) -> bool:
    """Whether two zones show one counter: a read of the second lies between two reads of the first."""
    if one.traits.kind != other.traits.kind:
        return False
    try:
        for _ in range(3):  # an update between two reads is rare; three in a row do not happen
            before, between, after = one.raw(), other.raw(), one.raw()
            if 0 < before <= between <= after:
                return True
    except (OSError, ValueError):
        return False
    return False
