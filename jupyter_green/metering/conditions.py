"""What a device was like over a window: what its sensor told about the window's edges and now and then between them."""

from __future__ import annotations

from collections import deque
from itertools import pairwise

from jupyter_green.records import Conditions, clock
from jupyter_green.records.conditions import FEWEST_CLOCKS, POWER_CAP, half_range, middle
from jupyter_green.sensors import Condition, Conditioned

LOOK_SECONDS = 0.25
"""How often a device is asked while a window is open, at first."""
SLOWER = 1000
"""After so many answers it is asked half as often, after twice as many a third as often: a day fits in `KEPT`."""
REST = 50
"""How many times as long as an answer took a device is left alone: asking takes 2 % of the time at most."""
AFTER_SECONDS = 0.05
"""How long after a window's end the first answer still speaks of it."""
BEFORE_SECONDS = 1.0
"""How long before a window's start a count may have been read; what rose since an older one may have done so before."""
KEPT = 50_000


class ConditionLog:
    """Asks one device how it does, and keeps what it said.

    Parameters
    ----------
    sensor : Conditioned
        Who is asked.
    """

    def __init__(self, sensor: Conditioned) -> None:
        self._sensor = sensor
        self._kept: deque[tuple[float, Condition]] = deque(maxlen=KEPT)
        self._due = self._rested = 0.0

    def look(self, *, at_edge: bool) -> None:
        """Ask the device, where it is time; at an edge unless the last answer took long."""
        began = clock.perf_counter()
        if began < (self._rested if at_edge else self._due):
            return
        try:
            found = self._sensor.condition()
        except Exception:  # noqa: BLE001 - other people's code: the device's energy stands without it
            found = None
        now = clock.perf_counter()
        if isinstance(found, Condition):
            self._kept.append((began, found))
        self._rested = now + REST * (now - began)
        self._due = max(self._rested, now + LOOK_SECONDS * (1 + len(self._kept) / SLOWER))

    def over(self, start: float, end: float) -> Conditions:
        """Return what the device was like between two moments of `time.perf_counter()`."""
        kept = [*self._kept]
        told = [one for moment, one in kept if start <= moment <= end]
        told += [one for moment, one in kept if end < moment <= end + AFTER_SECONDS][:1]
        clocks = [one.clock_mhz for one in told if one.clock_mhz is not None]
        heat = [one.celsius for one in told if one.celsius is not None]
        return Conditions(
            max(heat, default=None),
            middle(clocks),
            half_range(clocks) if len(clocks) >= FEWEST_CLOCKS else None,
            _throttle(told) if any(one.throttle is not None for one in told) else _counted(kept, start, end),
        )

    def forget(self, before: float) -> None:
        """Drop what was said before a moment, but for the last of it."""
        while len(self._kept) > 1 and self._kept[1][0] < before:
            self._kept.popleft()


def _throttle(told: list[Condition]) -> tuple[str, ...]:
    """Return why the clock was lowered at any time; the power limit where it held for half of the busy time."""
    codes = {code for one in told for code in one.throttle or ()}
    busy = [one for one in told if one.clock_mhz is not None]
    capped = sum(POWER_CAP in (one.throttle or ()) for one in busy)
    if 2 * capped < len(busy) or not capped:
        codes.discard(POWER_CAP)
    return tuple(sorted(codes))


def _counted(kept: list[tuple[float, Condition]], start: float, end: float) -> tuple[str, ...] | None:
    """Return whether heat throttled it, by a count; None where that can't be told."""
    pairs = [
        later.throttlings - earlier.throttlings
        for (before, earlier), (after, later) in pairwise(kept)
        if earlier.throttlings is not None
        and later.throttlings is not None
        and start - BEFORE_SECONDS <= before < end
        and after > start
    ]
    if not pairs:
        return None
    return ("thermal",) if any(rise > 0 for rise in pairs) else ()
