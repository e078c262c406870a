"""Compares an energy counter with the power that the same device reports.

The reported power is read once a second while a window is open. Over a window of some seconds both give a mean power.
If these differ significantly, either may be wrong. The record then keeps the counter's value and widens its interval to
include the other one.
"""

from __future__ import annotations

import math
import statistics

from jupyter_green.records.power_mismatch import PowerMismatch

from .counter.timeline import Timeline

LEAST_SAMPLES = 5
LOOK_BACK = 10
"""Number of latest readings that are compared if the window itself has too few."""
SPAN_SECONDS = 1.0
"""Averaging time of a reported power, and interval between readings."""

KEEP = 4000


class CrossCheck:
    """Reported powers of one device, compared with its counter."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._pairs: list[tuple[float, float, float]] = []
        self._waiting: tuple[float, float] | None = None

    def add(self, moment: float, watts: float) -> None:
        """Add a reported power at a moment of `time.perf_counter()`.

        The counter's mean power is computed at the next call, since its updates are complete by then.
        """
        previous, self._waiting = self._waiting, (moment, watts)
        if previous is None:
            return
        counted = self._timeline.energy(previous[0] - SPAN_SECONDS, previous[0]).joules
        if counted is not None:
            self._pairs.append((previous[0], previous[1], counted / SPAN_SECONDS))
            del self._pairs[:-KEEP]

    def judge(self, start: float, end: float) -> PowerMismatch | None:
        """Return the mismatch in a window; None if the two agree or there are too few readings.

        A window with too few readings of its own is compared by the latest readings before its end.
        """
        # A reported power covers the second before it, so one in the window's first second covers earlier time.
        pairs = [(shown, counted) for moment, shown, counted in self._pairs if start + SPAN_SECONDS <= moment <= end]
        recent = False
        if len(pairs) < LEAST_SAMPLES:
            recent = True
            pairs = [(shown, counted) for moment, shown, counted in self._pairs[-LOOK_BACK:] if moment <= end]
        if len(pairs) < (LOOK_BACK if recent else LEAST_SAMPLES):
            return None
        counted_mean = statistics.fmean(counted for _, counted in pairs)
        if counted_mean <= 0:
            return None
        differences = [shown - counted for shown, counted in pairs]
        mean_difference = statistics.fmean(differences)
        half_width = 2 * statistics.stdev(differences) / math.sqrt(len(differences))
        ratio = mean_difference / counted_mean
        if abs(mean_difference) <= half_width or abs(mean_difference) <= self._timeline.traits.systematic(
            counted_mean, 1.0
        ):
            return None
        return PowerMismatch(ratio, recent)
