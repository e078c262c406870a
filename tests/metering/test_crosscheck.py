"""A counter and the shown power of one board: agreement is silent, disagreement widens and says so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jupyter_green.metering import Timeline
from jupyter_green.metering.crosscheck import CrossCheck
from jupyter_green.metering.meter import _component
from tests.support.course import COUNTER, Counter, Course


def checked(
    factor: float, noise: float = 0.0, gain: float = 0.05, seconds: int = 12, watts: float = 300.0
) -> tuple[CrossCheck, Timeline]:
    course = Course()
    course.then(10.0, watts)
    timeline = Timeline(replace(COUNTER, gain=gain))
    counter, check = Counter(course), CrossCheck(timeline)
    now, beat = 9.0, 11.0
    while now < 11.0 + seconds:
        timeline.add(counter.read(now))
        if now >= beat:
            check.add(now, factor * course.between(now - 1.0, now) + noise * (-1) ** int(beat))
            beat += 1.0
        now += 0.01
    return check, timeline


def test_two_that_agree_are_silent() -> None:
    check, _ = checked(1.0)
    assert check.judge(10.0, 22.0) is None


def test_a_difference_within_the_known_gain_is_silent() -> None:
    check, _ = checked(1.04)
    assert check.judge(10.0, 22.0) is None


def test_a_few_watts_are_within_a_sensors_offset() -> None:
    idle, _ = checked(1.12, watts=45.0)  # 5.4 W: beyond ±5 %, within ±5 % and ±5 W
    assert idle.judge(10.0, 22.0) is None
    busy, _ = checked(1.12)
    assert busy.judge(10.0, 22.0) is not None


@pytest.mark.parametrize("factor", [1.75, 0.6])
def test_a_difference_beyond_it_is_told_with_its_size(factor: float) -> None:
    check, _ = checked(factor)
    found = check.judge(10.0, 22.0)
    assert found is not None
    assert found.ratio == pytest.approx(factor - 1, rel=0.05)
    assert not found.recent


def test_scatter_is_not_taken_for_a_difference() -> None:
    check, _ = checked(1.08, noise=150.0)
    assert check.judge(10.0, 22.0) is None


def test_a_short_window_can_not_tell() -> None:
    check, _ = checked(1.75)
    assert check.judge(10.0, 13.0) is None


def test_a_short_window_is_told_what_was_found_in_those_before() -> None:
    check, _ = checked(1.75, seconds=14)
    found = check.judge(23.5, 24.0)
    assert found is not None
    assert found.ratio == pytest.approx(0.75, rel=0.05)
    assert found.recent
    agreeing, _ = checked(1.0, seconds=14)
    assert agreeing.judge(23.5, 24.0) is None


def test_what_else_is_said_of_the_figure_stays() -> None:
    check, timeline = checked(1.75)
    timeline.fault(15.0, "It could not be read: the NVIDIA driver did not answer in time.")
    part = _component(timeline, 10.0, 22.0, check)
    found = check.judge(10.0, 22.0)
    assert found is not None
    assert part.note == f"It could not be read: the NVIDIA driver did not answer in time. {found.sentence}"
    assert part.power_mismatch == found
