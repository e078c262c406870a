"""A count that breaks off inside a window: no figure for the whole, a lower bound that holds, the next window right."""

from __future__ import annotations

import random
import re
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jupyter_green.metering import PowerTimeline, Timeline
from jupyter_green.metering.counter.lower_bound import partial_energy_note
from tests.support.course import COUNTER, Average, Counter, Course

BOUND = re.compile(r"; it used at least ([\d.,]+) J ± ([\d.,]+) \(simulated\) in the ([\d.]+) s up to then\.$")
FAULT = "It could not be read: the NVIDIA driver lost the GPU."


def bound(note: str | None) -> tuple[float, float] | None:
    """The lower bound in a note, and its half-width, in joules; None where it states none."""
    found = BOUND.search(note or "")
    return (float(found[1].replace(",", "")), float(found[2].replace(",", ""))) if found else None


def lost(timeline: Timeline, back: bool, seed: int) -> tuple[Course, float, list[tuple[float, float]]]:
    """A board lost inside a window of two seconds, for good or until it counts anew, and a window after that."""
    draw, course = random.Random(f"lost {seed}"), Course()
    start = 20.0 + draw.random()
    windows = [(start - 5.0, start - 4.0), (start, start + 2.0), (start + 6.0, start + 7.0)]
    for begin, end in windows:
        moment = begin
        while moment < end:
            course.then(moment, draw.uniform(90, 650))
            moment += draw.uniform(0.1, 1.0)
        course.then(end, 60.0)
    away = start + draw.uniform(0.3, 1.9)
    until = away + draw.uniform(0.1, 2.5) if back else 1e9
    power = isinstance(timeline, PowerTimeline)
    phase = draw.random() * 0.1
    sensor = Average(course, phase=phase, noise=0.5, draw=draw) if power else Counter(course, phase=phase)
    for begin, end in windows:
        now, marked = begin + 0.0003, False
        timeline.mark(begin)
        while now < end + 2.0:
            if now >= end and not marked:
                marked = True
                timeline.mark(end, quiet=True)
            if away < now < until:
                timeline.fault(now, FAULT)
                now += 0.5
                continue
            reading = sensor.read(now)
            timeline.add(replace(reading, epoch=int(now >= until)))
            wanted = max(now, timeline.next_read(now))
            now = (min(wanted, end) if now < end else wanted) + 0.0003
    return course, away, windows


@pytest.mark.parametrize("back", [False, True], ids=["for good", "back again"])
def test_a_lost_board_keeps_what_it_had_counted_as_a_lower_bound(back: bool) -> None:
    told = 0
    for seed in range(100):
        timeline = Timeline(COUNTER)
        course, away, (_, window, following) = lost(timeline, back, seed)
        energy = timeline.energy(*window)
        if energy.joules is not None:  # lost so late that its last ticks tell the end as well
            continue
        assert energy.note is not None
        assert energy.note.startswith((FAULT[:-1], "The sensor's count was broken inside the window"))
        stated = bound(energy.note)
        assert stated is not None, energy.note
        known, used = stated[0], course.between(window[0], away)
        assert known - stated[1] <= used <= course.between(*window)
        assert known >= 0.3 * used  # far from an edge a tick is read four times a second
        told += 1
        if back:
            after = timeline.energy(*following)
            assert after.joules == pytest.approx(course.between(*following), abs=after.uncertainty)
            assert bound(after.note) is None
    assert told >= 70


@pytest.mark.parametrize("back", [False, True], ids=["for good", "back again"])
def test_power_that_breaks_off_keeps_what_it_had_shown_as_a_lower_bound(back: bool) -> None:
    told = 0
    for seed in range(100):
        timeline = PowerTimeline(replace(COUNTER, method="power", averaging=1.0))
        course, away, (_, window, following) = lost(timeline, back, seed)
        energy = timeline.energy(*window)
        stated = bound(energy.note) if energy.joules is None else None
        if stated is not None:
            assert stated[0] - stated[1] <= course.between(window[0], away)
            told += 1
        if back:
            assert bound(timeline.energy(*following).note) is None
    assert told >= 25


def test_a_window_that_begins_after_the_loss_has_no_bound() -> None:
    timeline = Timeline(COUNTER)
    _, _, (_, _, following) = lost(timeline, False, 1)
    energy = timeline.energy(*following)
    assert (energy.joules, energy.note) == (None, FAULT)


def test_a_bound_that_reaches_nothing_is_not_said() -> None:
    assert partial_energy_note("It was lost.", 1.0, 1.5, 0.1, "measured") == "It was lost."
    assert partial_energy_note("It was lost.", -1.0, 0.5, 0.1, "measured") == "It was lost."


@example(0.3359375, 0.296875, 1.0)
@given(st.floats(1e-3, 1e9), st.floats(0.0, 0.99), st.floats(1e-4, 1e5))
def test_a_bound_is_written_as_it_is(joules: float, share: float, seconds: float) -> None:
    note = partial_energy_note("It was lost.", joules, share * joules, seconds, "simulated")
    found = BOUND.search(note)
    if found is not None:  # very long ones are written with an exponent
        written, spread = (float(found[place].replace(",", "")) for place in (1, 2))
        assert written == pytest.approx(joules, abs=max(0.51e-3, 0.3 * share * joules + 1e-9))
        assert spread == pytest.approx(share * joules, rel=0.3, abs=1e-3)
