"""A window that opens later than its work begins: what was used before it is not known from what was used in it."""

from __future__ import annotations

import pytest

from jupyter_green.metering import Timeline
from tests.support.course import COUNTER, Counter, Course, sample


@pytest.mark.parametrize("late", [0.0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06])
def test_what_was_used_just_before_it_opened_is_in_its_interval(late: float) -> None:
    """A machine too busy to wake it in time, or a device that somebody else began to use."""
    missed, wide = [], []
    for place in range(20):
        course, begins = Course(), 10.0 + 0.005 * place
        for moment, watts in ((-100.0, 70.0), (begins, 400.0), (begins + 0.5, 70.0)):
            course.then(moment, watts)
        start, end = begins + late, begins + 0.5
        timeline = Timeline(COUNTER)
        sample(timeline, Counter(course, tick=0.1, phase=0.0), [(8.0, 8.5), (start, end)], tail=0.7)
        energy, truth = timeline.energy(start, end), course.between(start, end)
        assert energy.joules is not None
        if abs(energy.joules - truth) > energy.uncertainty:
            missed.append((place, energy.joules, energy.uncertainty, truth))
        if energy.uncertainty > 0.25 * truth:
            wide.append((place, energy.uncertainty, truth))
    assert len(missed) <= 1, missed
    assert not wide
