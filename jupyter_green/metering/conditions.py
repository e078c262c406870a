"""Conditions of a device over a window (temperature, clock, throttling), read at its edges and in between."""

from __future__ import annotations

from collections import deque
from itertools import pairwise

from jupyter_green.records import Conditions, clock
from jupyter_green.records.conditions import FEWEST_CLOCKS, POWER_CAP, half_range, middle
from jupyter_green.sensors import Condition, Conditioned

LOOK_SECONDS = 0.25
"""Initial sampling period while a window is open."""
SLOWER = 1000
"""The sampling period grows by `LOOK_SECONDS` after this number of readings, so that a day fits in `KEPT`."""
REST = 50
"""Pause after a reading as a multiple of its duration: reading takes 2 % of the time at most."""
AFTER_SECONDS = 0.05
"""The first reading up to this time after a window's end counts for it."""
BEFORE_SECONDS = 1.0
"""Throttle counts read up to this time before a window's start are used; a rise since an older one may precede it."""
KEPT = 50_000


class ConditionLog:
    """Reads and stores the conditions of one device."""

    def __init__(self, sensor: Conditioned) -> None:
        self._sensor = sensor
        self._kept: deque[tuple[float, Condition]] = deque(maxlen=KEPT)
        self._due = self._rested = 0.0

    def look(self, *, at_edge: bool) -> None:
        """Read the device if due; at an edge also before that, unless the last reading was slow."""
        started = clock.perf_counter()
        if started < (self._rested if at_edge else self._due):
            return
        try:
            condition = self._sensor.condition()
        except Exception:  # noqa: BLE001 - third-party code: the device's energy stands without it
            condition = None
        now = clock.perf_counter()
        if isinstance(condition, Condition):
            self._kept.append((started, condition))
        self._rested = now + REST * (now - started)
        self._due = max(self._rested, now + LOOK_SECONDS * (1 + len(self._kept) / SLOWER))

    def over(self, start: float, end: float) -> Conditions:
        """Return the device's conditions between two moments of `time.perf_counter()`."""
        readings = [*self._kept]
        conditions = [condition for moment, condition in readings if start <= moment <= end]
        conditions += [condition for moment, condition in readings if end < moment <= end + AFTER_SECONDS][:1]
        clocks = [condition.clock_mhz for condition in conditions if condition.clock_mhz is not None]
        temperatures = [condition.celsius for condition in conditions if condition.celsius is not None]
        return Conditions(
            max(temperatures, default=None),
            middle(clocks),
            half_range(clocks) if len(clocks) >= FEWEST_CLOCKS else None,
            _throttle(conditions)
            if any(condition.throttle is not None for condition in conditions)
            else _counted(readings, start, end),
        )

    def forget(self, before: float) -> None:
        """Drop readings before a moment, except the last of them."""
        while len(self._kept) > 1 and self._kept[1][0] < before:
            self._kept.popleft()


def _throttle(told: list[Condition]) -> tuple[str, ...]:
    """Return why the clock was throttled; the power limit counts if active in half of the busy readings."""
    codes = {code for condition in told for code in condition.throttle or ()}
    busy = [condition for condition in told if condition.clock_mhz is not None]
    power_capped = sum(POWER_CAP in (condition.throttle or ()) for condition in busy)
    if 2 * power_capped < len(busy) or not power_capped:
        codes.discard(POWER_CAP)
    return tuple(sorted(codes))


def _counted(kept: list[tuple[float, Condition]], start: float, end: float) -> tuple[str, ...] | None:
    """Return whether it was throttled by heat, from a counter; None if unknown."""
    rises = [
        later.throttlings - earlier.throttlings
        for (earlier_time, earlier), (later_time, later) in pairwise(kept)
        if earlier.throttlings is not None
        and later.throttlings is not None
        and start - BEFORE_SECONDS <= earlier_time < end
        and later_time > start
    ]
    if not rises:
        return None
    return ("thermal",) if any(rise > 0 for rise in rises) else ()
