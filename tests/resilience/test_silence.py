"""Stretches in which nothing is read: a sampler held up, a call that is slow or hangs, a machine asleep.

In virtual time, so that hundreds of drawn courses take seconds and the truth is exact. What others use in a
silence must never be billed to a window with a narrow interval; a steady course must not lose its figure.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Iterator
from dataclasses import replace

import pytest

from jupyter_green.metering import Meter, Timeline
from jupyter_green.metering.counter.timeline import Energy
from jupyter_green.sensors import Reading
from tests.support.course import COUNTER, Counter, Course

EARLIER = (10.0, 11.0)
"""A window long before, from which the sensor's rhythm is known."""


def silent_stretch(draw: random.Random, where: str, start: float, end: float) -> tuple[float, float]:
    """When nothing is read: around the opening (from up to half a minute before), around the closing, or all along."""
    first = start - draw.uniform(0.0, 30.0)
    if where == "closing":
        return end - draw.uniform(0.05, end - start - 0.1), end + draw.uniform(0.05, 2.0)
    last = start + draw.uniform(0.05, end - start - 0.1) if where == "opening" else end + draw.uniform(0.01, 2.0)
    return max(first, EARLIER[1] + 1.5), last


def metered(seed: str, where: str, *, others: bool, changing: bool) -> tuple[Energy, float]:
    """A window with a silence at one edge or at both, and its truth."""
    draw = random.Random(seed)
    course, idle = Course(), draw.uniform(40, 90)
    start = 20.0 + draw.random()
    end = start + draw.uniform(0.3, 3.0)
    silence = silent_stretch(draw, where, start, end)
    events = [(start, draw.uniform(120, 650)), (end, idle)]
    if changing:
        events += [(draw.uniform(start, end), draw.uniform(60, 650)) for _ in range(3)]
    stretches = [(silence[0], start - 0.001), (end + 0.001, silence[1])]
    for low, high in stretches if others else []:
        if high > low:
            begin = draw.uniform(low, high)
            events += [(begin, draw.uniform(100, 650)), (draw.uniform(begin, high), idle)]
    course.then(0.0, idle)
    course.then(EARLIER[0], 300.0)
    course.then(EARLIER[1], idle)
    for moment, watts in sorted(events):
        course.then(moment, watts)
    counter = Counter(course, tick=draw.choice([0.02, 0.1]), phase=draw.random() * 0.1)
    timeline = Timeline(COUNTER)
    now = EARLIER[0] - 0.3
    timeline.add(counter.read(now))
    for opened, closed, tail in ((*EARLIER, 1.0), (start, end, 0.6)):
        now = max(now, opened + 0.0003)
        timeline.mark(opened)
        marked = False
        while now < max(closed, silence[1] if opened == start else closed) + tail:
            if now >= closed and not marked:
                marked = True
                timeline.mark(closed, quiet=True)
            if not silence[0] < now < silence[1]:
                timeline.add(counter.read(now))
            wanted = timeline.next_read(now)
            now = (min(wanted, closed) if now < closed else wanted) + 0.0003
            if silence[0] < now < silence[1]:
                now = silence[1] + 0.0001
    return timeline.energy(start, end), course.between(start, end)


def covered(drawn: Iterator[tuple[Energy, float]]) -> tuple[float, float, int]:
    """Share of known figures that cover their truth, their median relative half-width, and how many are unknown."""
    found = list(drawn)
    known = [(energy, truth) for energy, truth in found if energy.joules is not None]
    hits = sum(abs(energy.joules - truth) <= energy.uncertainty for energy, truth in known)
    widths = [energy.uncertainty / truth for energy, truth in known]
    return hits / len(known), statistics.median(widths), len(found) - len(known)


@pytest.mark.parametrize("where", ["opening", "closing", "both"])
@pytest.mark.parametrize("others", [False, True], ids=["alone", "others too"])
@pytest.mark.parametrize("changing", [False, True], ids=["steady", "changing"])
def test_what_was_used_while_nothing_was_read_is_not_billed(where: str, others: bool, changing: bool) -> None:
    name = f"{where} {others} {changing}"
    drawn = (metered(f"{name} {seed}", where, others=others, changing=changing) for seed in range(150))
    share, _, unknown = covered(drawn)
    assert share >= 0.93
    assert unknown <= 15


@pytest.mark.parametrize("where", ["opening", "closing"])
def test_a_steady_window_keeps_its_figure_through_a_silence(where: str) -> None:
    drawn = (metered(f"steady {where} {seed}", where, others=False, changing=False) for seed in range(100))
    _, width, unknown = covered(drawn)
    assert width <= 0.1
    assert unknown == 0


# ---- calls that take their time ---------------------------------------------------------------------------


def slowly(seed: str, call: float, wait: float) -> tuple[Energy, float]:
    """A window read by calls that take `call` seconds, or return up to `wait` seconds after they have looked."""
    draw = random.Random(seed)
    course, idle = Course(), draw.uniform(40, 90)
    start = 20.0 + draw.random()
    end, looked = start + draw.uniform(0.2, 2.0), draw.choice([0.0, 0.5, 1.0])
    course.then(0.0, idle)
    course.then(EARLIER[0], 300.0)
    course.then(EARLIER[1], idle)
    course.then(start, draw.uniform(120, 650))
    course.then(end, idle)
    counter = Counter(course, tick=0.1, phase=draw.random() * 0.1)
    timeline = Timeline(replace(COUNTER, latency=0.0))

    def read(now: float) -> float:
        held = wait > 0 and draw.random() < 0.3
        took = draw.uniform(0.0, wait) if held else call
        shown = counter.read(now if held else now + looked * took)
        timeline.add(Reading(now + took / 2, shown.value, uncertainty=took / 2))
        return now + took

    now = read(EARLIER[0] - 0.3)
    for opened, closed in (EARLIER, (start, end)):
        now = max(now, opened + 0.0003)
        timeline.mark(opened)
        marked = False
        while now < closed + 0.5:
            if now >= closed and not marked:
                marked = True
                timeline.mark(closed, quiet=True)
            now = read(now)
            wanted = timeline.next_read(now)
            now = (min(wanted, closed) if now < closed else wanted) + 0.0003
    return timeline.energy(start, end), course.between(start, end)


@pytest.mark.parametrize(
    ("call", "wait"),
    [(1e-5, 0.0), (0.01, 0.0), (0.05, 0.0), (0.2, 0.0), (1e-5, 0.02), (1e-5, 0.1), (1e-5, 0.2), (0.005, 0.2)],
)
def test_a_slow_call_widens_the_interval(call: float, wait: float) -> None:
    """Wherever a call took so long that ticks came and went in it, the ticks' times are known no better than that."""
    share, _, unknown = covered(slowly(f"slow {call} {wait} {seed}", call, wait) for seed in range(200))
    assert share >= 0.93
    assert unknown <= 4


# ---- figures on the way -----------------------------------------------------------------------------------


class Nothing:
    """A sensor that is never read; its timeline is fed by hand."""

    traits = COUNTER

    def read(self) -> Reading:
        raise AssertionError

    def close(self) -> None:
        pass


@pytest.mark.parametrize("latency", [0.0, 0.02])
def test_a_figure_is_never_below_nothing_at_any_moment(latency: float) -> None:
    """As heartbeats and live views ask for it: short windows, between ticks, before anything has settled."""
    for seed in range(60):
        draw = random.Random(f"on the way {seed}")
        course = Course()
        course.then(0.0, draw.uniform(5, 90))
        counter = Counter(course, tick=draw.choice([0.02, 0.1]), latency=latency, jitter=0.004)
        meter = Meter([Nothing()])
        timeline = meter.timelines[COUNTER.key]
        now = 9.0
        timeline.add(counter.read(now))
        for _ in range(12):
            start = now = now + draw.uniform(0.0, 0.2)
            end = start + draw.uniform(0.0, 0.06)
            timeline.mark(start)
            while now < end:
                timeline.add(counter.read(now))
                assert all((part.joules or 0.0) >= 0 for part in meter.components(start, now))
                now += draw.uniform(0.0005, 0.01)
            timeline.mark(end, quiet=True)
            assert all((part.joules or 0.0) >= 0 for part in meter.components(start, end))
