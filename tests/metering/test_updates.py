"""Where ticks are placed: what the reads around them tell, and nothing that depends on how the reads are timed."""

from __future__ import annotations

import statistics
from dataclasses import replace

import pytest

from jupyter_green.metering.counter.update_period import TickClock
from jupyter_green.metering.counter.updates import REMEMBER_SECONDS, CounterUpdates
from tests.support.course import COUNTER, Counter, Course

# A counter whose ticks are shown at once: what is off is the meter's own doing.
PROMPT = replace(COUNTER, latency=0.0, latency_low=0.0)


def followed(ticks: CounterUpdates, counter: Counter, start: float, seconds: float, wake: float = 0.0002) -> float:
    """Read as asked, each time a little late; return the moment of the last read."""
    now = start
    while now < start + seconds:
        ticks.add(counter.read(now))
        now = ticks.next_read(now) + wake
    return now


def misplaced(ticks: CounterUpdates, counter: Counter) -> list[float]:
    """By how many seconds each tick is off, by the value that it brought."""
    found = []
    for tick in ticks.all:
        number = round((tick.value - counter.course.joules(counter.phase)) / counter.course.watts[-1] / counter.tick)
        found.append(tick.time - counter.ticked(number))
    return found


@pytest.mark.parametrize("margin", [None, 0.016], ids=["a prompt machine", "one that woke it late before"])
@pytest.mark.parametrize("phase", [0.013, 0.041, 0.0777])
def test_a_machine_that_wakes_it_to_the_microsecond_does_not_shift_all_ticks(
    margin: float | None, phase: float
) -> None:
    course = Course()
    course.then(0.0, 100.0)
    counter, ticks = Counter(course, phase=phase), CounterUpdates(PROMPT)
    if margin is not None:
        ticks._margin = margin
    followed(ticks, counter, 20.0, 8.0)
    off = misplaced(ticks, counter)[20:]
    assert abs(statistics.fmean(off)) < 0.0006
    assert statistics.pstdev(off) < 0.0006


@pytest.mark.parametrize("late", [-0.0015, -0.0004, 0.0002, 0.0008, 0.002, 0.004])
@pytest.mark.parametrize("pause", [0.3, 0.7, 1.4])
def test_a_window_that_begins_beside_a_tick_after_a_pause_loses_no_tick(late: float, pause: float) -> None:
    course = Course()
    course.then(0.0, 100.0)
    counter, ticks = Counter(course, phase=0.05), CounterUpdates(PROMPT)
    stopped = followed(ticks, counter, 20.0, 4.0)
    begins = 0.05 + round((stopped + pause - 0.05) / 0.1) * 0.1 + late
    assert begins - stopped < REMEMBER_SECONDS
    followed(ticks, counter, begins, 1.0)
    off = misplaced(ticks, counter)
    assert max(map(abs, off[-12:])) < 0.002
    # The tick right before the window, which no read had seen come, is known all the same.
    right_before = begins - late - (0.1 if late < 0 else 0.0)
    assert min(abs(tick.time - right_before) for tick in ticks.all) < 0.002


@pytest.mark.parametrize("late", [-0.0015, -0.0004, 0.0002, 0.0008, 0.002, 0.004])
@pytest.mark.parametrize("held", [0.04, 0.06, 0.08, 0.09])
def test_a_read_beside_a_tick_counts_though_the_next_comes_late(late: float, held: float) -> None:
    """A busy machine wakes it late: the read at the window's edge is still the only one that tells of the pause."""
    course = Course()
    course.then(0.0, 100.0)
    counter, ticks = Counter(course, phase=0.05), CounterUpdates(PROMPT)
    stopped = followed(ticks, counter, 20.0, 4.0)
    begins = 0.05 + round((stopped + 0.7 - 0.05) / 0.1) * 0.1 + late
    ticks.add(counter.read(begins))
    followed(ticks, counter, begins + held, 1.0)
    assert max(map(abs, misplaced(ticks, counter)[-12:])) < 0.002
    right_before = begins - late - (0.1 if late < 0 else 0.0)
    assert min(abs(tick.time - right_before) for tick in ticks.all) < 0.002


def test_what_is_shown_after_a_long_while_is_the_latest_tick() -> None:
    comb = TickClock(0.02, 0.25)
    for number in range(20):
        comb.add(number * 0.1 - 0.001, number * 0.1 + 0.001)
    placed = comb.add(1.901, 2.503)
    assert placed.time == pytest.approx(2.5, abs=0.001)


def test_a_paused_meter_does_not_take_itself_for_a_late_one() -> None:
    course = Course()
    course.then(0.0, 100.0)
    counter, ticks = Counter(course, phase=0.05), CounterUpdates(PROMPT)
    now = followed(ticks, counter, 20.0, 4.0)
    settled = ticks._margin
    for _ in range(12):
        now = followed(ticks, counter, now + 0.73, 0.5)
    assert ticks._margin <= settled
