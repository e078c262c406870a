"""A counter held against the power that the same board shows: two ways of its own that ought to agree.

Once a second while a window is open the shown power is read beside the counter. Over a window of some
seconds both tell a mean power. Where they differ by more than the spread of the readings allows, nobody
can say from inside which is right, so the figure keeps the counter's value and its interval reaches the
other one.
"""

from __future__ import annotations

import math
import statistics

from jupyter_green.records.power_mismatch import PowerMismatch

from .counter.timeline import Timeline

LEAST_SAMPLES = 5
LOOK_BACK = 10
"""Readings, so many of them, by which a window is judged that is too short for readings of its own."""
SPAN_SECONDS = 1.0
"""Time that a shown power speaks about, and distance at which it is read."""

KEEP = 4000


class CrossCheck:
    """Shown powers of one board, beside its counter's timeline.

    Parameters
    ----------
    timeline : Timeline
        The counter's.
    """

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._pairs: list[tuple[float, float, float]] = []
        self._waiting: tuple[float, float] | None = None

    def add(self, moment: float, watts: float) -> None:
        """Book a shown power at a moment of `time.perf_counter()`.

        The counter's side of it is worked out when the next one comes: by then its ticks are known.
        """
        before, self._waiting = self._waiting, (moment, watts)
        if before is None:
            return
        counted = self._timeline.energy(before[0] - SPAN_SECONDS, before[0]).joules
        if counted is not None:
            self._pairs.append((before[0], before[1], counted / SPAN_SECONDS))
            del self._pairs[:-KEEP]

    def judge(self, start: float, end: float) -> PowerMismatch | None:
        """Return by how much the two differ in a window; None where they agree, or too little was read to tell.

        A window too short to tell by itself is judged by the latest readings before its end: a board that counted
        wrongly in the windows before does so in a short one too.
        """
        # A sample speaks about the second before it: one in the window's first second tells of what came before.
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
        mean = statistics.fmean(differences)
        spread = 2 * statistics.stdev(differences) / math.sqrt(len(differences))
        ratio = mean / counted_mean
        if abs(mean) <= spread or abs(mean) <= self._timeline.traits.systematic(counted_mean, 1.0):
            return None
        return PowerMismatch(ratio, recent)
