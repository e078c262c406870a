"""Clocks that cannot be frozen, bound directly to the interpreter's built-in functions.

Test libraries freeze time by replacing the functions of module `time`, there and wherever they were imported; users may
do the same. Measurements must not be affected. So the functions here belong to a private copy of the built-in module.
All times are in seconds.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from importlib.machinery import BuiltinImporter
from importlib.util import module_from_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import time as _time
else:
    _time = module_from_spec(BuiltinImporter.find_spec("time"))
    BuiltinImporter.exec_module(_time)

monotonic = _time.monotonic
perf_counter = _time.perf_counter
process_time = _time.process_time
sleep = _time.sleep
thread_time = _time.thread_time

STEP_SECONDS = 1.0
"""A wall clock that deviates from its expected time by more than this was set or is faked."""
AGAIN_SECONDS = 5.0
"""How long the result of such a check is reused."""


def thread_clock() -> Callable[[], float] | None:
    """Return a clock of the calling thread's CPU time that other threads can read; None if unavailable.

    It may be read only while the calling thread lives.
    """
    if not hasattr(_time, "pthread_getcpuclockid"):
        return None
    kind = _time.pthread_getcpuclockid(threading.get_ident())
    return lambda: _time.clock_gettime(kind)


def _since_boot() -> float:
    """Return a monotonic time that includes suspend."""
    kind = getattr(_time, "CLOCK_BOOTTIME", getattr(_time, "CLOCK_MONOTONIC", None))
    return _time.monotonic() if kind is None else _time.clock_gettime(kind)


class WallClock:
    """Seconds since 1970, robust against libraries that fake the time inside the interpreter.

    A faked time jumps; the machine's own advances with the time since boot, unless the clock is set. The operating
    system's boot time distinguishes the two cases, because it changes when the clock is set.
    """

    def __init__(self) -> None:
        self._offset = _time.time() - _since_boot()
        self._looked: float | None = None

    def now(self) -> float:
        """Return the machine's time in seconds since 1970."""
        reported, boot = _time.time(), _since_boot()
        if abs(reported - boot - self._offset) <= STEP_SECONDS:
            self._offset = reported - boot
            return reported
        if self._looked is None or boot - self._looked > AGAIN_SECONDS:
            self._looked = boot
            booted = _booted()
            if booted is not None and abs(booted - self._offset) > 2 * STEP_SECONDS:
                self._offset = booted  # the clock was set
        return boot + self._offset


def _booted() -> float | None:
    """Return the system's boot time, to the second; None if unavailable."""
    import psutil

    try:
        return float(psutil.boot_time())
    except (psutil.Error, OSError, RuntimeError, ValueError):
        return None


wall = WallClock().now
"""Seconds since 1970, from the machine's own clock."""
