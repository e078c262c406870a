"""What edges of windows tell of a counter's latency: it is held, gets narrower, and no single edge is believed."""

from __future__ import annotations

import random
import statistics
from dataclasses import replace
from itertools import pairwise

from jupyter_green.metering import Timeline
from tests.support.course import COUNTER, Counter, Course, sample


def session(
    seed: int, *, late_start: float = 0.0, early_end: float = 0.0, windows: int = 8, duty: float = 1.0
) -> tuple[Timeline, float]:
    """A session of steady cells with pauses, whose work may begin after a cell does and end before it."""
    draw = random.Random(f"lateness {seed}")
    course, now, cells, idle = Course(), 20.0, [], draw.uniform(40, 90)
    for _ in range(windows):
        start = now + draw.uniform(1.0, 3.0)
        end = start + draw.uniform(0.6, 2.0)
        course.then(start + late_start, draw.uniform(200, 600))
        course.then(end - early_end, idle)
        cells.append((start, end))
        now = end
    latency = draw.uniform(0.0, 0.025)
    timeline = Timeline(replace(COUNTER, duty=duty))
    counter = Counter(course, phase=draw.random() * 0.1, latency=latency, duty=duty)
    sample(timeline, counter, cells, tail=1.0, slip=draw)
    return timeline, latency


def test_it_is_held_and_known_better_after_some_windows() -> None:
    sessions = [session(seed) for seed in range(60)]
    held = [line.traits.latency_low <= latency <= line.traits.latency for line, latency in sessions]
    assert sum(held) >= 57
    assert statistics.median(line.traits.latency_uncertainty for line, _ in sessions) <= 0.008
    assert statistics.median(abs(line.traits.late - latency) for line, latency in sessions) <= 0.003


def test_delays_of_the_cells_own_do_not_make_it_sure_of_something_wrong() -> None:
    sessions = [session(seed, late_start=0.006, early_end=0.004) for seed in range(60)]
    held = [line.traits.latency_low <= latency <= line.traits.latency for line, latency in sessions]
    assert sum(held) >= 54


def test_work_that_begins_long_after_its_cell_tells_nothing() -> None:
    for seed in range(10):
        line, latency = session(seed, late_start=0.2, early_end=0.2)
        assert line.traits.latency_low <= latency <= line.traits.latency
        assert line.traits.latency_uncertainty > 0.010


def test_nothing_is_learnt_of_a_part_time_counter_nor_of_one_that_was_calibrated() -> None:
    line, _ = session(1, duty=0.25)
    assert (line.traits.latency_low, line.traits.latency) == (COUNTER.latency_low, COUNTER.latency)
    calibrated = replace(COUNTER, latency_low=0.010, latency=0.014)
    known = Timeline(calibrated)
    course = Course()
    course.then(20.0, 400.0)
    course.then(22.0, 60.0)
    course.then(25.0, 400.0)
    course.then(26.0, 60.0)
    sample(known, Counter(course, latency=0.012), [(20.0, 22.0), (25.0, 26.0)], tail=1.0)
    assert known.traits == calibrated


def test_windows_and_pauses_add_up_over_a_change_of_what_is_known() -> None:
    """Ticks are placed anew between windows: what was said before and what is said after must fit all the same."""
    for seed in range(20):
        line, _ = session(seed)
        edges = line._edges
        parts = [line.energy(a, b).joules for a, b in pairwise(edges)]
        whole = line.energy(edges[0], edges[-1]).joules
        assert whole is not None
        assert abs(sum(part or 0.0 for part in parts) - whole) < 1e-6
