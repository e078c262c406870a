"""The timeline against a truth that is known exactly: intervals cover it, and nothing is lost between windows."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_green.metering import CpuTimeline, Timeline
from jupyter_green.sensors import Reading
from tests.support.course import COUNTER, Counter, Course, sample


def alone(seed: int, length: float, *, latency: float = 0.0) -> tuple[Timeline, Course, tuple[float, float]]:
    draw = random.Random(seed)
    course = Course()
    start = 10.0 + draw.random()
    end = start + length
    course.then(-100.0, draw.uniform(40, 90))
    course.then(start, draw.uniform(120, 650))
    course.then(end, draw.uniform(40, 140))
    counter = Counter(course, tick=draw.choice([0.02, 0.05, 0.1]), phase=draw.random() * 0.1, latency=latency)
    timeline = Timeline(COUNTER)
    sample(timeline, counter, [(start, end)], tail=0.3, slip=draw)
    return timeline, course, (start, end)


@pytest.mark.parametrize("length", [0.005, 0.02, 0.1, 0.5, 2.0])
def test_interval_covers_the_truth(length: float) -> None:
    missed = []
    for seed in range(200):
        timeline, course, (start, end) = alone(seed, length, latency=random.Random(seed + 1).uniform(0, 0.02))
        energy = timeline.energy(start, end)
        assert energy.joules is not None
        if abs(energy.joules - course.between(start, end)) > energy.uncertainty:
            missed.append(seed)
    assert len(missed) <= 200 * 0.05, missed


def test_long_windows_have_narrow_intervals() -> None:
    for seed in range(50):
        timeline, course, (start, end) = alone(seed, 10.0)
        energy = timeline.energy(start, end)
        assert energy.joules == pytest.approx(course.between(start, end), rel=0.02)
        assert energy.uncertainty < 0.05 * course.between(start, end)


@given(
    st.lists(st.tuples(st.floats(0.0, 0.4), st.floats(0.003, 1.5), st.floats(30, 650)), min_size=2, max_size=8),
    st.sampled_from([0.02, 0.1]),
)
@settings(max_examples=60, deadline=None)
def test_windows_and_gaps_add_up_to_the_device(cells: list[tuple[float, float, float]], tick: float) -> None:
    course, now, windows = Course(), 5.0, []
    for gap, length, watts in cells:
        start = now + gap
        course.then(start, watts)
        course.then(start + length, 60.0)
        windows.append((start, start + length))
        now = start + length
    timeline = Timeline(COUNTER)
    edges = [edge for window in windows for edge in window]
    sample(timeline, Counter(course, tick=tick, phase=0.013), windows, tail=0.3)
    parts = [timeline.energy(a, b).joules for a, b in pairwise(edges)]
    whole = timeline.energy(edges[0], edges[-1]).joules
    assert whole is not None
    assert sum(part for part in parts if part is not None) == pytest.approx(whole, abs=0.01)


@dataclass
class Reset(Counter):
    """A counter that counts from nothing again from a moment on."""

    since: float = 0.0

    def read(self, now: float) -> Reading:
        shown = super().read(now)
        if now < self.since:
            return shown
        return Reading(now, max(0.0, shown.value - self.course.joules(self.since)), epoch=1)


@pytest.mark.parametrize("wake", [0.0003, 0.002, 0.01, 0.05])
@pytest.mark.parametrize("pause", [0.6, 3.0])
def test_the_window_after_a_reset_is_known_wherever_the_ticks_lie(pause: float, wake: float) -> None:
    missed = []
    for step in range(100):
        course, start = Course(), 9.3 + pause
        for moment, watts in ((8.0, 300.0), (9.0, 60.0), (start, 300.0), (start + 1.0, 60.0)):
            course.then(moment, watts)
        timeline = Timeline(COUNTER)
        counter = Reset(course, tick=0.1, phase=step * 0.001, since=start - 0.05)
        sample(timeline, counter, [(8.0, 9.0), (start, start + 1.0)], tail=0.5, wake=wake)
        energy = timeline.energy(start, start + 1.0)
        assert energy.joules is not None, (step, energy.note)
        if abs(energy.joules - course.between(start, start + 1.0)) > energy.uncertainty:
            missed.append(step)
    assert len(missed) <= 5, missed


def test_a_broken_count_is_unknown_not_a_number() -> None:
    timeline = Timeline(COUNTER)
    for time, value, epoch in ((0.0, 800.0, 0), (0.5, 950.0, 0), (1.0, 3.0, 1), (1.5, 20.0, 1)):
        timeline.add(Reading(time, value, epoch))
    energy = timeline.energy(0.2, 1.2)
    assert energy.joules is None
    assert energy.note


def test_the_window_after_a_broken_count_is_right_again() -> None:
    timeline = Timeline(COUNTER)
    timeline.add(Reading(0.0, 800.0, 0))
    for step in range(100):
        timeline.add(Reading(1.0 + step * 0.1, step * 10.0, 1))
    energy = timeline.energy(2.0, 8.0)
    assert energy.joules == pytest.approx(600.0, abs=20.0)


def test_a_fault_says_why_there_is_no_reading() -> None:
    timeline = Timeline(COUNTER)
    timeline.fault(1.0, "The GPU fell off the bus.")
    assert timeline.energy(0.9, 1.1).note == "The GPU fell off the bus."


def test_a_short_window_is_bounded_never_negative() -> None:
    above = 0
    for seed in range(100):
        timeline, course, (start, end) = alone(seed, 0.003)
        energy = timeline.energy(start, end)
        assert energy.joules is not None
        assert energy.joules >= 0
        assert energy.uncertainty > 0
        above += energy.joules + energy.uncertainty >= course.between(start, end)
    assert above >= 95


def test_exact_readings_are_taken_as_they_are() -> None:
    timeline = CpuTimeline(replace(COUNTER, period=(0.0, 0.0), latency=0.0, resolution=0.0, power_limit=None))
    timeline.add(Reading(0.0, 0.0))
    timeline.add(Reading(3.0, 30.0))
    timeline.add(Reading(1.0, 4.0))
    timeline.add(Reading(2.0, 24.0))
    energy = timeline.energy(1.0, 2.0)
    assert energy.joules == pytest.approx(20.0)
    assert energy.random == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("late", [0.0, 0.002, 0.004, 0.006, 0.01])
def test_a_long_window_has_a_live_figure_on_a_machine_that_wakes_late(late: float) -> None:
    """Reads that come too near to a tick tell nothing; the next ones must not be put off as if they had."""
    course = Course()
    counter = Counter(course, tick=0.1, phase=0.013)
    timeline = Timeline(replace(COUNTER, period=(0.02, 0.1), latency=0.03))
    draw, now, unknown, looks = random.Random(7), 0.0, 0, 0
    timeline.mark(0.5)
    while now < 20.0:
        timeline.add(counter.read(now))
        following = max(timeline.next_read(now), now + 0.0005)
        for moment in (now + share * (following - now) for share in (0.0, 0.5, 1.0)):
            if moment > 1.0:
                looks += 1
                unknown += timeline.energy(0.5, moment).joules is None
        now = following + draw.uniform(0.5, 1.0) * late
    assert unknown < 0.02 * looks


def test_thinning_keeps_what_open_windows_need() -> None:
    course = Course()
    counter = Counter(course)
    timeline = Timeline(COUNTER)
    for step in range(20_000):
        timeline.add(counter.read(step * 0.02))
    before = timeline.energy(50.0, 399.0).joules
    timeline.thin(400.0, [50.0])
    assert len(timeline.ticks.all) < 3000
    assert timeline.energy(50.0, 399.0).joules == pytest.approx(before, abs=1.0)


def test_a_window_that_begins_with_a_new_count_has_its_reading() -> None:
    """A pause too long to tell how often the counter wrapped costs the pause its figure, not the cell after it."""
    fast = replace(COUNTER, period=(0.001, 0.005), latency=0.002, power_limit=1000.0)
    timeline = Timeline(fast)
    timeline.add(Reading(0.0, 500.0, 0))
    timeline.add(Reading(0.05, 505.0, 0))
    timeline.mark(0.06, quiet=True)
    timeline.mark(100.0)
    now = 100.0006
    while now < 108.1:
        timeline.add(Reading(now, 7.0 + (now - 100.0) * 100.0, 1))
        now += 0.05
    timeline.mark(108.0, quiet=True)
    assert timeline.energy(0.06, 100.0).joules is None
    energy = timeline.energy(100.0, 108.0)
    assert energy.joules == pytest.approx(800.0, abs=max(1.0, energy.uncertainty))
    assert energy.uncertainty < 20.0
    assert timeline.settled(100.0)


@pytest.mark.parametrize("length", [0.003, 0.005, 0.02, 0.1])
def test_the_first_cell_is_covered_before_the_rhythm_is_known(length: float) -> None:
    """A tick found after a silence is known badly while the period is not; its doubt must reach the interval."""
    covered = 0
    for seed in range(20_000, 20_500):
        timeline, course, (start, end) = alone(seed, length)
        energy = timeline.energy(start, end)
        assert energy.joules is not None
        covered += abs(energy.joules - course.between(start, end)) <= energy.uncertainty
    assert covered >= 0.95 * 500


@given(
    st.lists(st.tuples(st.floats(0.0, 0.15), st.floats(0.003, 0.3), st.floats(30, 650)), min_size=2, max_size=8),
    st.integers(0, 10_000),
)
@settings(max_examples=60, deadline=None)
def test_figures_taken_before_they_settled_add_up_all_the_same(
    cells: list[tuple[float, float, float]], seed: int
) -> None:
    """A record is made when it can wait no longer; what is said of its neighbours later must fit it."""
    course, now, edges = Course(), 5.0, []
    for gap, length, watts in cells:
        course.then(now + gap, watts)
        course.then(now + gap + length, 60.0)
        edges += [now + gap, now + gap + length]
        now += gap + length
    counter, timeline, chance = Counter(course, phase=0.013), Timeline(COUNTER), random.Random(seed)
    parts: dict[float, float | None] = {}
    moment, due = 4.9, list(pairwise(edges))
    while due:
        timeline.add(counter.read(moment))
        for edge in [edge for edge in edges if edge <= moment]:
            timeline.mark(edge)
        while due and moment > due[0][1] and chance.random() < 0.1:
            start, end = due.pop(0)
            timeline.conclude(start)
            timeline.conclude(end)
            parts[start] = timeline.energy(start, end).joules
        moment += chance.choice([0.005, 0.005, 0.005, 0.005, 0.3])
    for _ in range(50):
        timeline.add(counter.read(moment := moment + 0.01))
    whole = timeline.energy(edges[0], edges[-1]).joules
    assert whole is not None
    if None not in parts.values():
        assert sum(part for part in parts.values() if part is not None) == pytest.approx(whole, abs=1e-6)


def test_a_window_is_not_settled_while_ticks_around_it_are_shared_with_edges_to_come() -> None:
    """Short cells that follow closely share their ticks: the last of these ticks settles them all."""
    course = Course()
    course.then(-10.0, 60.0)
    counter, timeline = Counter(course, phase=0.053), Timeline(COUNTER)
    timeline.add(counter.read(5.0))
    for step in range(20):
        timeline.mark(5.36 + 0.03 * step)
    now = 5.389
    while now < 6.2:
        timeline.add(counter.read(now))
        now += 0.002
        if timeline.settled(5.36 + 0.03):
            energy = timeline.energy(5.36, 5.36 + 0.03)
            assert energy.joules is not None, now
            assert abs(energy.joules - course.between(5.36, 5.36 + 0.03)) <= energy.uncertainty


@pytest.mark.parametrize("wake", [0.0003, 0.0022, 0.005])
def test_a_window_soon_after_another_is_as_narrow_wherever_the_ticks_lie(wake: float) -> None:
    """A tick right before the edge is all that is known of the pause, for nothing was read in it."""
    widths = []
    for step in range(50):
        course, start = Course(), 9.9
        for moment, watts in ((8.0, 400.0), (9.0, 70.0), (start, 300.0), (start + 0.6, 70.0)):
            course.then(moment, watts)
        timeline = Timeline(COUNTER)
        sample(timeline, Counter(course, phase=step * 0.002), [(8.0, 9.0), (start, start + 0.6)], tail=0.5, wake=wake)
        energy, truth = timeline.energy(start, start + 0.6), course.between(start, start + 0.6)
        assert energy.joules == pytest.approx(truth, abs=energy.uncertainty)
        widths.append(energy.uncertainty / truth)
    assert max(widths) < 0.1, [round(width, 3) for width in widths]


def test_a_reading_of_another_moment_moves_no_edge_of_an_exact_count() -> None:
    """The sampler's thread waited on a busy machine: its value is of a later moment than it says."""
    timeline = CpuTimeline(replace(COUNTER, period=(0.0, 0.0), latency=0.0, resolution=0.0, power_limit=None))
    timeline.add(Reading(0.0, 0.0))
    timeline.add(Reading(0.9, 15.0, uncertainty=0.2))  # in truth of 1.5
    timeline.add(Reading(1.0, 10.0))
    timeline.add(Reading(2.0, 20.0))
    assert timeline.energy(0.0, 1.0).joules == 10.0
    assert timeline.energy(1.0, 2.0).joules == 10.0
    timeline.add(Reading(2.1, 19.0, uncertainty=0.2))  # in truth of 1.9
    timeline.add(Reading(2.2, 22.0))
    timeline.add(Reading(2.15, 21.0))
    assert timeline.energy(2.0, 2.15).joules == 1.0
