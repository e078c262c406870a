"""What a power reading that looks at its board a part of the time leaves open.

Such a reading takes the rest of each period to be like the part it saw. Under a steady load it is. Under a load
that changes in a rhythm near the reading's own it shows one phase of it for a while: too much, then too little, by up
to half, and slowly changing. A few readings can't tell the two apart; some seconds of readings can. So a
window is judged by all readings of the load around it, up to a step between two steady powers, which is another
load's. Their mean is what the energy comes to if the rhythm is the load's own; the interval reaches it, and
allows for what a mean of less than one turn leaves open.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from itertools import pairwise

from .samples import PowerSample

LOOK_SECONDS = 4.0
"""How far around a window readings tell of its load."""

EVIDENCE_SECONDS = 2.0
"""Length of readings that show whether a load is steady or turns slowly; with fewer, less is taken from them."""

FLANK_SECONDS, FLANK_UPDATES = 0.3, 3
"""How long power is steady to either side of a step, for the step to part two loads."""

STEP_SHARE, STEP_NOISES, FLANK_SHARE = 0.1, 5.0, 0.1
"""A step is larger than this part of the power, and than so many times the noise; what lies beside it varies less
than this part of the step."""


class PartTimeSampling:
    """Updates of a part-time reading, parted into loads.

    Parameters
    ----------
    updates : sequence of PowerSample
        In order of time.
    edges : sequence of float
        Where windows begin and end; a step there parts two loads, however short they are.
    period, noise : float
        Seconds between updates and watts of a reading's spread.
    """

    def __init__(self, updates: Sequence[PowerSample], edges: Sequence[float], period: float, noise: float) -> None:
        self._updates, self._edges, self._period, self._noise = updates, edges, period, noise

    def split(self) -> list[list[PowerSample]]:
        """Return the updates of each load."""
        loads: list[list[PowerSample]] = []
        for index, update in enumerate(self._updates):
            if not loads or self._parts(index):
                loads.append([])
            loads[-1].append(update)
        return loads

    def _parts(self, index: int) -> bool:
        """Whether another load begins with an update."""
        before, after = self._updates[index - 1], self._updates[index]
        if before.epoch != after.epoch:
            return True
        step = abs(after.watts - before.watts)
        if step <= max(STEP_NOISES * self._noise, STEP_SHARE * max(after.watts, before.watts)):
            return False
        if any(before.time - self._period <= edge <= after.time for edge in self._edges):
            return True
        # The updates beside the step may show a part of it.
        count = max(FLANK_UPDATES, math.ceil(FLANK_SECONDS / self._period))
        left = [u.watts for u in self._updates[max(0, index - 1 - count) : index - 1] if u.epoch == before.epoch]
        right = [u.watts for u in self._updates[index + 1 : index + 1 + count] if u.epoch == before.epoch]
        if min(len(left), len(right)) < count:
            return False
        step = abs(statistics.fmean(right) - statistics.fmean(left))
        return max(max(left) - min(left), max(right) - min(right)) <= FLANK_SHARE * step + STEP_NOISES * self._noise


def unseen(
    loads: Sequence[Sequence[PowerSample]], start: float, end: float, *, period: float, duty: float, most: float
) -> float:
    """Half-width in joules of what a part-time reading leaves open of a window's energy.

    Parameters
    ----------
    loads : sequence of sequences of PowerSample
        Updates around the window, parted into loads.
    start, end : float
        The window.
    period, duty : float
        Seconds between updates, and the share of them that the reading looks at.
    most : float
        Most watts that the board may draw.
    """
    least = min((u.watts for load in loads for u in load), default=0.0)
    half, last = 0.0, None
    for load in loads:
        spoken = [min(end, u.time) - max(start, u.time - period) for u in load]
        seconds = math.fsum(max(0.0, each) for each in spoken)
        if seconds <= 0:
            last = load[-1]
            continue
        if last is not None and load[0].time > start:
            half += (1.0 - duty) * period * abs(load[0].watts - last.watts)  # when within a period it stepped
        last = load[-1]
        joules = math.fsum(max(0.0, each) * u.watts for each, u in zip(spoken, load, strict=True))
        powers = [u.watts for u in load]
        mean, swing = statistics.fmean(powers), max(powers) - min(powers)
        turns = sum((a - mean) * (b - mean) < 0 for a, b in pairwise(powers))
        known = load[-1].time - load[0].time + period
        half += abs(joules - mean * seconds) + swing / (1 + turns) * seconds
        lacking = max(0.0, 1.0 - known / EVIDENCE_SECONDS) ** 2
        half += lacking * (1.0 - duty) * max(most - mean, mean - least) * seconds
    return half
