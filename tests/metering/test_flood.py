"""Short cells without a pause: figures that settle while they go on, at a cost that does not grow with their number."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise

import pytest

from jupyter_green.metering import Timeline
from jupyter_green.metering.counter.timeline import Energy
from jupyter_green.metering.counter.updates import CounterUpdates
from tests.support.course import COUNTER, Counter, Course


class Flood:
    """Short cells one after the other without a pause, read and asked for as by the session; what it costs is counted.

    Attributes
    ----------
    edges : list of float
        Starts and ends of the cells.
    joules : list of Energy
        Of each cell and each gap after one, taken as soon as it was settled.
    waiting : int
        The most of them that were not settled at one moment.
    looks : int
        How often a tick was looked up.
    """

    def __init__(self, cells: int, every: float, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("at_or_before", "at_or_after"):
            monkeypatch.setattr(CounterUpdates, name, self._counted(getattr(CounterUpdates, name)))
        draw = random.Random(7)
        self.course, timeline = Course(), Timeline(COUNTER)
        counter, now = Counter(self.course, phase=0.03, latency=0.01), 10.0
        timeline.add(counter.read(now - 0.3))
        self.edges: list[float] = []
        self.joules: list[Energy] = []
        self.waiting = self.looks = 0
        for _ in range(cells):
            end = now + every * draw.uniform(0.2, 0.8)
            self.course.then(now, draw.uniform(150, 600))
            self.course.then(end, draw.uniform(60, 110))
            for moment in (now, end):
                timeline.mark(moment, quiet=moment == end)
                timeline.add(counter.read(moment))
                self.edges.append(moment)
            spans = [*pairwise(self.edges)][len(self.joules) :]
            ready = [timeline.settled(end) for _, end in spans]
            for start, end in spans[: ready.index(False) if False in ready else len(ready)]:
                self.joules.append(timeline.energy(start, end))
                timeline.conclude(start)
                timeline.conclude(end)
            self.waiting = max(self.waiting, len(self.edges) - 1 - len(self.joules))
            now += every

    def _counted(self, look: Callable[..., int | None]) -> Callable[..., int | None]:
        def counted(*arguments: float) -> int | None:
            self.looks += 1
            return look(*arguments)

        return counted


EVERY = pytest.mark.parametrize("every", [0.005, 0.05])


@EVERY
def test_a_cell_costs_no_more_in_a_long_flood_than_in_a_short_one(
    every: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as first, monkeypatch.context() as second:
        short, long = Flood(100, every, first), Flood(400, every, second)
    assert long.looks / 400 < 1.3 * short.looks / 100
    assert round(long.waiting * every / 2, 6) <= 1.2, (
        "they settle while it goes on: after three blocks of edges at most"
    )


@EVERY
def test_in_a_flood_intervals_cover_and_nothing_is_lost(every: float, monkeypatch: pytest.MonkeyPatch) -> None:
    flood = Flood(400, every, monkeypatch)
    known = [*zip(pairwise(flood.edges), flood.joules, strict=False)]
    assert len(known) > 300
    assert all(energy.joules is not None and energy.joules >= 0 for _, energy in known)
    missed = [
        span for span, energy in known if abs((energy.joules or 0) - flood.course.between(*span)) > energy.uncertainty
    ]
    assert len(missed) <= 0.05 * len(known), missed
    whole = flood.course.between(known[0][0][0], known[-1][0][1])
    assert sum(energy.joules or 0.0 for _, energy in known) == pytest.approx(whole, rel=0.03)
