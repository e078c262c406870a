"""Looks at a power that come late, too rarely, or show no change: each watt counts for the time for which it was."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

import pytest

from jupyter_green.metering import PowerTimeline
from jupyter_green.sensors import Reading
from tests.support.course import COUNTER

WATTS, PERIOD = 100.0, 0.02


def shown(now: float) -> Reading:
    """A steady power whose last digit tells that it was renewed."""
    return Reading(now, WATTS + now // PERIOD % 2 * 0.01)


def look(timeline: PowerTimeline, start: float, end: float) -> float:
    """Read until a moment; return when the next look is due."""
    now = start
    while now < end:
        timeline.add(shown(now))
        now += 0.007
    return now


@pytest.mark.parametrize("averaging", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("silence", [0.5, 1.5, 600.0])
@pytest.mark.parametrize("late", [0.001, 0.005, 0.012, 0.02, 0.03, 0.045, 0.2])
def test_a_silence_before_a_window_is_not_billed_to_it(averaging: float, silence: float, late: float) -> None:
    timeline = PowerTimeline(replace(COUNTER, method="power", averaging=averaging, period=(PERIOD, 0.1), latency=0.0))
    look(timeline, 8.0, 10.0)
    start = 10.0 + silence
    timeline.mark(start)
    now = look(timeline, start + late, start + 0.5)
    timeline.mark(start + 0.5, quiet=True)
    look(timeline, now, start + 2.5)
    energy = timeline.energy(start, start + 0.5)
    if energy.joules is None:
        assert energy.note
        assert late > PERIOD, "a look within an update or two tells"
        return
    assert abs(energy.joules - 0.5 * WATTS) <= energy.uncertainty, energy
    assert energy.uncertainty < 0.15 * WATTS or late > 5 * PERIOD, "what went unread for long is open"


@pytest.mark.parametrize("period", [0.02, 0.05, 0.1])
@pytest.mark.parametrize("phase", [0.0, 0.3, 0.7])
def test_the_first_window_is_as_right_as_any(period: float, phase: float) -> None:
    """How often the power is renewed is not known yet when it begins."""
    timeline = PowerTimeline(replace(COUNTER, method="power", averaging=0.0, period=(0.02, 0.1), latency=0.0))

    def renewed(now: float) -> Reading:
        return Reading(now, WATTS + (now / period + phase) // 1 % 2 * 0.01)

    now = 10.0
    for _ in range(3):
        start, end = now + 0.2, now + 0.7
        timeline.mark(start)
        now = start + 0.0003
        while now < end:
            timeline.add(renewed(now))
            now = max(now + 0.001, timeline.next_read(now)) + 0.0003
        timeline.mark(end, quiet=True)
        now = end + 0.0003
        while now < end + 0.7:
            timeline.add(renewed(now))
            now = max(now + 0.001, timeline.next_read(now)) + 0.0003
        energy = timeline.energy(start, end)
        timeline.conclude(start)
        timeline.conclude(end)
        assert energy.joules == pytest.approx(0.5 * WATTS, rel=0.018)
        assert abs(energy.joules - 0.5 * WATTS) <= energy.uncertainty


@pytest.mark.parametrize("averaging", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("renewed", [False, True], ids=["never seen", "seen before"])
def test_a_value_that_stays_the_same_held_until_it_changed(averaging: float, renewed: bool) -> None:
    """A sensor of whole watts shows nothing new for seconds; then the window's power, and the old one again."""
    timeline = PowerTimeline(replace(COUNTER, method="power", averaging=averaging, period=(PERIOD, 0.1), latency=0.0))

    def shown(now: float) -> Reading:
        tick = now // PERIOD * PERIOD
        span = max(averaging, PERIOD)
        busy = max(0.0, min(tick, 15.0) - max(tick - span, 14.0)) / span
        rhythm = now // PERIOD % 2 if renewed and now < 11.0 else 0.0
        return Reading(now, round(70.0 + 330.0 * busy, 2) + rhythm * 0.01)

    for edge in (13.0, 14.0, 15.0, 16.0):
        timeline.mark(edge)
    now = 10.0
    while now < 18.5:
        timeline.add(shown(now))
        now = max(now + 0.001, timeline.next_read(now)) + 0.0003
    assert timeline.settled(17.0), "nothing new came, and yet it was read"
    for start, joules in ((14.0, 400.0), (13.0, 70.0), (15.0, 70.0)):
        energy = timeline.energy(start, start + 1.0)
        assert abs(energy.joules - joules) <= energy.uncertainty, energy
    energy = timeline.energy(14.0, 15.0)
    # Over how long the board averages is told by this step alone: the interval reaches what it may be.
    assert energy.uncertainty < {0.0: 370.0, 0.1: 190.0, 1.0: 190.0}[averaging]
    assert not renewed or energy.joules == pytest.approx(400.0, rel=0.05)


@pytest.mark.parametrize("averaging", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("call", [0.01, 0.015, 0.03])
def test_a_rhythm_that_looks_are_too_rare_to_show_bills_a_steady_power_as_it_was(averaging: float, call: float) -> None:
    for seed in range(40):
        draw = random.Random(f"{seed} {averaging} {call}")
        timeline = PowerTimeline(
            replace(COUNTER, method="power", averaging=averaging, period=(PERIOD, 0.1), latency=0.0)
        )
        edges = [10.2, 10.7, 11.7, 12.2, 13.2]
        for edge in edges:
            timeline.mark(edge)
        now = 10.0 + draw.random() * PERIOD
        while now < 15.0:
            read = now + call + draw.expovariate(1 / 0.004)
            timeline.add(shown(read))
            now = max(read + 0.001, timeline.next_read(now)) + draw.expovariate(1 / 0.004)
            if now > 12.0:
                timeline.conclude(10.2)  # by the rhythm as it seemed then
        for start, end in pairwise(edges):
            assert timeline.energy(start, end).joules == pytest.approx(WATTS * (end - start), rel=0.002)
