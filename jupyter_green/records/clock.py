"""The clocks of this package, bound once from the interpreter itself.

Libraries for tests freeze time by replacing the functions of the module `time`, in that module and wherever else they
were imported; a person may do the same by hand, before or after the extension is loaded. Figures must not follow. So
the functions here belong to a copy of the built-in module that nobody else holds. All are in seconds.
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
"""A wall clock that is further off than this from where it should be was set, or is not the machine's."""
AGAIN_SECONDS = 5.0
"""How long what was found out about such a clock holds."""


def thread_clock() -> Callable[[], float] | None:
    """Return a clock of this thread's processor time that other threads can read too, or None where there is none.

    It may be read only as long as this thread lives.
    """
    if not hasattr(_time, "pthread_getcpuclockid"):
        return None
    kind = _time.pthread_getcpuclockid(threading.get_ident())
    return lambda: _time.clock_gettime(kind)


def _since_boot() -> float:
    """Return a clock that nobody sets and that counts the time asleep too."""
    kind = getattr(_time, "CLOCK_BOOTTIME", getattr(_time, "CLOCK_MONOTONIC", None))
    return _time.monotonic() if kind is None else _time.clock_gettime(kind)


class WallClock:
    """Seconds since 1970, where a library that forges them in the interpreter itself is seen through.

    The forged time leaps; the machine's own runs on with the time since boot, unless it is set. Which of the two
    happened is told by the operating system's moment of booting, which is set along with its clock.
    """

    def __init__(self) -> None:
        self._offset = _time.time() - _since_boot()
        self._looked: float | None = None

    def now(self) -> float:
        """Return the machine's time."""
        told, boot = _time.time(), _since_boot()
        if abs(told - boot - self._offset) <= STEP_SECONDS:
            self._offset = told - boot
            return told
        if self._looked is None or boot - self._looked > AGAIN_SECONDS:
            self._looked = boot
            booted = _booted()
            if booted is not None and abs(booted - self._offset) > 2 * STEP_SECONDS:
                self._offset = booted  # it was set
        return boot + self._offset


def _booted() -> float | None:
    """Return when the system says that it was started, to the second; None where it doesn't say."""
    import psutil

    try:
        return float(psutil.boot_time())
    except (psutil.Error, OSError, RuntimeError, ValueError):
        return None


wall = WallClock().now
"""Seconds since 1970, of the machine's own clock."""
