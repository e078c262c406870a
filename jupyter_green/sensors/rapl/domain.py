"""A counter that wraps: one RAPL domain, read again and again and counted on.

Wraps are undone at each read, modulo the range the zone states. What can't be a wrap raises the epoch: a
step that would take more power than the domain can draw is a reset, and after a silence in which the
counter may have wrapped more than once nothing can be told. The file stays open, since opening it costs
more than reading; one that has gone is opened again at the next read.
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
"""Time between two reads after which a fall of the count may be a wrap or a new beginning."""

LEAP, LEAP_WATTS = 4.0, 50.0
"""By how much, and by how many watts beside, power may have risen unseen above what it was before."""

SLACK_SECONDS = 0.1
"""Added to the time between reads before power is judged: counters tick irregularly, about every millisecond."""


LIMIT_FACTOR = 2.0
"""How far a domain may exceed the limits it states: they are averages over seconds, peaks go above."""

CLOSING_SECONDS = 0.1
"""How long closing waits for a read under way."""


class RaplDomain:
    """One domain's counter, its wraps undone.

    Parameters
    ----------
    zone : Zone
        Where it lies.
    traits : SensorInfo
        What it says about itself; `power_limit` and `span` must be given.

    Raises
    ------
    OSError
        If the counter can't be opened.
    ValueError
        If it holds no number.
    """

    def __init__(self, zone: Zone, traits: SensorInfo) -> None:
        assert traits.power_limit is not None
        assert traits.span is not None
        self._zone = zone
        self._traits = traits
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

    @property
    def traits(self) -> SensorInfo:
        """What the sensor says about itself."""
        return self._traits

    def read(self) -> Reading:
        """Return joules since the first read.

        Raises
        ------
        SensorFault
            If the counter can't be read now; the next read tries again.
        """
        with self._lock:
            before = clock.perf_counter()
            try:
                joules = self.raw()
            except (OSError, ValueError) as error:
                self._release()
                why = getattr(error, "strerror", None) or str(error)
                raise SensorFault(f"{self._traits.device} could not be read ({why}).") from error
            moment = (before + clock.perf_counter()) / 2
            self._book(moment, joules)
            return Reading(moment, self._total, self._epoch)

    def raw(self) -> float:
        """Return what the counter shows, in joules.

        Raises
        ------
        OSError
            If it can't be read.
        ValueError
            If it holds no number.
        """
        if self._descriptor is None:
            self._descriptor = os.open(self._zone.energy, os.O_RDONLY | os.O_CLOEXEC)
            self._check_range()
        if os.fstat(self._descriptor).st_nlink == 0:
            raise FileNotFoundError(2, "its file has gone")
        text = os.pread(self._descriptor, 64, 0).strip()
        if not text.isdigit():
            raise ValueError("its file holds no number")
        return int(text) / 1e6

    def power_limit_now(self) -> float | None:
        """Return an upper bound of the domain's power, by the limits it states now, in watts."""
        stated = powercap.limit_watts(self._zone.path)
        if stated is not None and LIMIT_FACTOR * stated > self._bound:
            self._bound = LIMIT_FACTOR * stated
            self._longest = self._span_joules / self._bound
        return self._bound

    def close(self) -> None:
        """Close the file; calling it twice is harmless. A read that hangs keeps it open: nobody waits for that."""
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
            self.power_limit_now()  # a limit is a setting: it may have been raised since
        plausible = 0 <= step <= self._bound * (seconds + SLACK_SECONDS)
        if wrapped and seconds > UNSEEN_SECONDS:
            # Long unread, a count that began anew looks like one that went round: was the end of the range due?
            usual = self._watts if self._watts is not None else self._bound
            plausible = plausible and step <= (LEAP * usual + LEAP_WATTS) * seconds
        if plausible and seconds <= self._longest:
            self._total += step
            if seconds > 0:
                self._watts = step / seconds
        else:
            self._epoch += 1

    def _check_range(self) -> None:
        """After the file came back: another range means another counter."""
        stated = powercap.span_joules(self._zone.path)
        if stated is not None and stated != self._range:
            self._range = stated
            self._epoch += 1

    def _release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class RaplPackage(RaplDomain):
    """A counter of processor energy; it also tells which share of the machine's work was ours."""

    def __init__(self, zone: Zone, traits: SensorInfo, share: BusyShare) -> None:
        super().__init__(zone, traits)
        self._share = share
        self._counts = ThrottleCounts()

    def read(self) -> Reading:
        """Return joules since the first read; raise `SensorFault` where there is none."""
        reading = super().read()
        self._share.note()
        return reading

    def condition(self) -> Condition | None:
        """Return how often the processor was throttled; None where it does not tell."""
        return self._counts.condition()

    def processes(self) -> frozenset[int] | None:
        """Return this process and `OTHERS`: a processor is never ours alone."""
        return frozenset({os.getpid(), OTHERS})

    def usage(self, since: float) -> Usage | None:
        """Return our share of the machine's busy CPU time since a moment, and the others'."""
        return self._share.usage(since)


def same(one: RaplDomain, other: RaplDomain) -> bool:
    """Tell whether two counters are one: the second shows what the first showed just before or just after."""
    if one.traits.kind != other.traits.kind:
        return False
    try:
        for _ in range(3):  # a tick between two reads is rare, three in a row do not happen
            before, between, after = one.raw(), other.raw(), one.raw()
            if 0 < before <= between <= after:
                return True
    except (OSError, ValueError):
        return False
    return False
