"""Uncertainty of a power reading that samples its device for a part of each period only.

Such a reading assumes that the rest of each period equals the sampled part. Under a steady load this is correct. Under
a load that varies with nearly the reading's own period, it shows one phase of the load for a while. The error reaches
half the energy and changes slowly. A few readings can't separate the two cases; some seconds of readings can. So a
window is evaluated with all readings of the same load around it, up to a step between two steady powers. The mean over
that load is the energy if the variation is the load's own. The interval includes it and allows for a mean over less
than one cycle.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from itertools import pairwise

from .samples import PowerSample

LOOK_SECONDS = 4.0
"""Time around a window whose readings are used to characterize its load."""

EVIDENCE_SECONDS = 2.0
"""Length of readings that shows whether a load is steady; with less the uncertainty is larger."""

FLANK_SECONDS, FLANK_UPDATES = 0.3, 3
"""Duration, and number of samples, of steady power on either side of a step that separates two loads."""

STEP_SHARE, STEP_NOISES, FLANK_SHARE = 0.1, 5.0, 0.1
"""A step exceeds this fraction of the power and this multiple of the noise. The power beside it varies less than the
last fraction of the step."""


class PartTimeSampling:
    """Samples of a part-time reading, split into loads.

    Parameters
    ----------
    updates : sequence of PowerSample
        In order of time.
    edges : sequence of float
        Window edges; a step at an edge always separates two loads.
    period, noise : float
        Sampling period in seconds and noise in watts.
    """

    def __init__(self, updates: Sequence[PowerSample], edges: Sequence[float], period: float, noise: float) -> None:
        self._updates, self._edges, self._period, self._noise = updates, edges, period, noise

    def split(self) -> list[list[PowerSample]]:
        """Return the samples of each load."""
        loads: list[list[PowerSample]] = []
        for index, update in enumerate(self._updates):
            if not loads or self._parts(index):
                loads.append([])
            loads[-1].append(update)
        return loads

    def _parts(self, index: int) -> bool:
        """Whether another load begins with this sample."""
        previous, current = self._updates[index - 1], self._updates[index]
        if previous.epoch != current.epoch:
            return True
        step = abs(current.watts - previous.watts)
        if step <= max(STEP_NOISES * self._noise, STEP_SHARE * max(current.watts, previous.watts)):
            return False
        if any(previous.time - self._period <= edge <= current.time for edge in self._edges):
            return True
        # The samples next to the step may show a part of it.
        count = max(FLANK_UPDATES, math.ceil(FLANK_SECONDS / self._period))
        left = [u.watts for u in self._updates[max(0, index - 1 - count) : index - 1] if u.epoch == previous.epoch]
        right = [u.watts for u in self._updates[index + 1 : index + 1 + count] if u.epoch == previous.epoch]
        if min(len(left), len(right)) < count:
            return False
        step = abs(statistics.fmean(right) - statistics.fmean(left))
        return max(max(left) - min(left), max(right) - min(right)) <= FLANK_SHARE * step + STEP_NOISES * self._noise


def unseen(
    loads: Sequence[Sequence[PowerSample]], start: float, end: float, *, period: float, duty: float, most: float
) -> float:
    """Half-width in joules of the time that a part-time reading does not sample.

    `loads`: samples around the window, split into loads. `period`: sampling period in seconds, `duty`: the sampled
    fraction of it. `most`: power limit of the device in watts.
    """
    lowest = min((u.watts for load in loads for u in load), default=0.0)
    half_width, previous = 0.0, None
    for load in loads:
        overlaps = [min(end, u.time) - max(start, u.time - period) for u in load]
        seconds = math.fsum(max(0.0, overlap) for overlap in overlaps)
        if seconds <= 0:
            previous = load[-1]
            continue
        if previous is not None and load[0].time > start:
            # The time of the step within the period is unknown.
            half_width += (1.0 - duty) * period * abs(load[0].watts - previous.watts)
        previous = load[-1]
        joules = math.fsum(max(0.0, overlap) * u.watts for overlap, u in zip(overlaps, load, strict=True))
        powers = [u.watts for u in load]
        mean, power_range = statistics.fmean(powers), max(powers) - min(powers)
        crossings = sum((a - mean) * (b - mean) < 0 for a, b in pairwise(powers))
        load_seconds = load[-1].time - load[0].time + period
        half_width += abs(joules - mean * seconds) + power_range / (1 + crossings) * seconds
        missing_evidence = max(0.0, 1.0 - load_seconds / EVIDENCE_SECONDS) ** 2
        half_width += missing_evidence * (1.0 - duty) * max(most - mean, mean - lowest) * seconds
    return half_width
