"""Looks at a power that come late or are the first: what was used while nothing was read is not the window's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jupyter_green.meter import PowerTimeline
from jupyter_green.sensors import Reading

from .course import COUNTER

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
