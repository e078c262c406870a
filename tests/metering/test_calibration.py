"""Calibration: what a known load tells of a counter, in virtual time, against parameters it can't see."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from jupyter_green.metering import Meter, Timeline
from jupyter_green.metering.calibration.fit import CounterSample, calibration_of
from jupyter_green.metering.calibration.model import Calibration, UnclearError, gain_of
from jupyter_green.sensors import Reading, SensorInfo
from tests.support.course import COUNTER, Counter, Course, sample

IDLE = 60.0
PLAIN = Calibration(latency=0.012, latency_doubt=0.001, duty=1.0, period=0.1, jitter=0.0, edges=32)


class PartTime(Counter):
    """A counter that looks at the last part of each period and takes the whole for it."""

    def shown(self, first: float, last: float, duty: float) -> Callable[[float], float]:
        """What it shows between two moments."""
        number = int((first - self.phase) // self.tick)
        values = {number: self.course.joules(self.ticked(number))}
        while self.ticked(number) < last:
            number += 1
            end = self.ticked(number)
            watts = self.course.between(end - duty, end) / duty
            values[number] = values[number - 1] + watts * (end - self.ticked(number - 1))

        def read(now: float) -> float:
            at = int((now - self.latency - self.phase) // self.tick) + 1
            while self.ticked(at) > now - self.latency:
                at -= 1
            return round(values[at], 3)

        return read


def watched(
    seed: int,
    latency: float,
    *,
    watts: float = 250.0,
    waver: float = 1.0,
    warm: float = 0.0,
    tick: float = 0.1,
    jitter: float = 0.0,
    duty: float | None = None,
    stretches: int = 16,
    slip: float = 0.001,
    held_up: float = 0.0,
) -> tuple[list[CounterSample], list[tuple[float, float]]]:
    """Ticks of a counter, and when the load was on; power wavers, and falls slowly after the load if it is warm.

    The reader is `held_up` now and then, a part of its reads, for up to two ticks.
    """
    draw = random.Random(f"calibration {seed}")
    course, now, loads = Course(), 10.0, []
    for _ in range(stretches):
        start = now + draw.uniform(0.45, 0.6)
        end = start + draw.uniform(0.45, 0.6)
        moment = now
        while moment < start:
            tail = warm * math.exp(-(moment - now) / 0.5) if loads else 0.0
            course.then(moment, IDLE + tail + draw.gauss(0, waver))
            moment += 0.01
        moment = start
        while moment < end:
            course.then(moment, IDLE + watts + draw.gauss(0, waver))
            moment += 0.01
        course.then(end, IDLE)
        loads.append((start, end))
        now = end + 1e-6
    counter = PartTime(course, tick=tick, phase=draw.random() * tick, latency=latency, jitter=jitter)
    read = counter.shown(9.0, now + 2.0, duty) if duty else lambda moment: counter.read(moment).value
    ticks, moment = [], 9.7
    last, seen = read(moment), moment
    while moment < now + 0.8:
        moment += 0.001 + draw.expovariate(1 / slip)
        if held_up and draw.random() < held_up:
            moment += draw.uniform(0.03, 0.2)
        value = read(moment)
        if value != last:
            ticks.append(CounterSample((seen + moment) / 2, value, (moment - seen) / 2))
        last, seen = value, moment
    return ticks, loads


CASES = {
    "steady": {},
    "fast": {"tick": 0.02},
    "jittered": {"jitter": 0.008},
    "warm": {"warm": 25.0},
    "wavering": {"watts": 100.0, "waver": 25.0},
    "late reads": {"slip": 0.006},
    "few edges": {"stretches": 6},
}


LONG = pytest.mark.long
EACH_TIME = ("steady", "jittered", "warm")
"""The other cases take minutes together; they belong to the long tests."""


@pytest.mark.parametrize("case", [case if case in EACH_TIME else pytest.param(case, marks=LONG) for case in CASES])
def test_latency_is_within_its_interval(case: str) -> None:
    covered, widths, count = 0, [], 24
    for seed in range(count):
        truth = random.Random(seed).uniform(0.0, 0.02)
        found = calibration_of(*watched(seed, truth, **CASES[case]))
        assert not found.part_time
        assert found.period == pytest.approx(CASES[case].get("tick", 0.1), rel=1e-3)
        covered += abs(found.latency - truth) <= found.latency_doubt
        widths.append(found.latency_doubt)
    assert covered >= 0.93 * count
    assert max(widths) <= COUNTER.latency / 2, "narrower than what was known before"
    if case == "steady":
        assert max(widths) <= 0.0015


def test_jitter_is_found() -> None:
    assert calibration_of(*watched(1, 0.01, jitter=0.008)).jitter == pytest.approx(0.008, rel=0.3)
    assert calibration_of(*watched(1, 0.01)).jitter < 0.001


@pytest.mark.parametrize(
    ("tick", "duty"), [(0.1, 0.025), pytest.param(0.1, 0.05, marks=LONG), pytest.param(0.02, 0.01, marks=LONG)]
)
def test_a_part_time_counter_is_recognised(tick: float, duty: float) -> None:
    for seed in range(12):
        truth = random.Random(seed).uniform(0.0, 0.02)
        found = calibration_of(*watched(seed, truth, tick=tick, duty=duty))
        assert found.part_time
        assert found.duty == pytest.approx(duty / tick, abs=0.1)
        assert abs(found.latency - truth) <= found.latency_doubt


@pytest.mark.parametrize("duty", [None, 0.025])
def test_a_reader_that_is_held_up_again_and_again_does_not_mislead(duty: float | None) -> None:
    for seed in range(6):
        found = calibration_of(*watched(seed, 0.007, duty=duty, held_up=0.0015))
        assert found.duty == (pytest.approx(0.25, abs=0.05) if duty else 1.0)
        assert abs(found.latency - 0.007) <= found.latency_doubt


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"watts": 1.0, "waver": 3.0}, "too little to calibrate"),
        ({"watts": 0.0}, "too little to calibrate"),
        ({"watts": 20.0, "waver": 15.0}, "does not follow the load|latency open|too little"),
        ({"stretches": 3}, "Only 6 edges"),
    ],
)
def test_what_does_not_tell_is_said(options: dict[str, float], why: str) -> None:
    for seed in range(5):
        with pytest.raises(UnclearError, match=why) as caught:
            calibration_of(*watched(seed, 0.01, **options))
        assert str(caught.value).endswith(".")
        assert "\n" not in str(caught.value)


def test_a_counter_that_stands_still_or_stumbles_tells_nothing() -> None:
    ticks, loads = watched(1, 0.01)
    with pytest.raises(UnclearError, match="Only 5 updates"):
        calibration_of(ticks[:5], loads)
    draw = random.Random(3)
    stumbling = [CounterSample(tick.time + draw.uniform(0, 0.09), tick.value, tick.uncertainty) for tick in ticks]
    with pytest.raises(UnclearError, match="regular"):
        calibration_of(sorted(stumbling, key=lambda tick: tick.time), loads)


def test_a_load_that_ran_at_other_times_tells_nothing() -> None:
    ticks, loads = watched(1, 0.01)
    with pytest.raises(UnclearError):
        calibration_of(ticks, [(start + 0.3, end + 0.3) for start, end in loads])


# ---- what the meter makes of it ---------------------------------------------------------------------------


def test_a_known_latency_narrows_windows_that_still_cover_the_truth() -> None:
    known, before, after, covered = Calibration(0.015, 0.001, 1.0, 0.1, 0.0, 32), [], [], 0
    for seed in range(60):
        draw = random.Random(seed)
        course, start = Course(), 20.0 + draw.random()
        end = start + 0.5
        course.then(0.0, 300.0)  # a step in power at one edge alone: where latency matters
        course.then(start, draw.uniform(300, 600))
        course.then(end, 60.0)
        counter = Counter(course, phase=draw.random() * 0.1, latency=0.015)
        for traits, widths in ((COUNTER, before), (known.applied(COUNTER), after)):
            timeline = Timeline(traits)
            sample(timeline, counter, [(start - 3.0, start - 2.0), (start, end)], tail=0.5, slip=random.Random(seed))
            found = timeline.energy(start, end)
            assert found.joules is not None
            widths.append(found.uncertainty)
        covered += abs(found.joules - course.between(start, end)) <= found.uncertainty
    assert sum(after) < 0.6 * sum(before)
    assert covered >= 0.93 * 60


def test_bounds_take_the_place_of_the_worst_case() -> None:
    found = PLAIN.applied(COUNTER)
    assert (found.latency_low, found.latency) == pytest.approx((0.011, 0.013))
    assert (found.late, found.latency_uncertainty) == pytest.approx((0.012, 0.001))
    assert (COUNTER.late, COUNTER.latency_uncertainty) == (0.015, 0.015)
    assert replace(PLAIN, latency=0.0005).applied(COUNTER).latency_low == 0.0
    maybe = replace(COUNTER, duty=0.25, note="It may look a quarter of the time.")
    assert (PLAIN.applied(maybe).duty, PLAIN.applied(maybe).note) == (1.0, None)
    assert PLAIN.applied(replace(COUNTER, note="Grace.")).note == "Grace."


def test_a_part_time_counter_keeps_its_latency_and_says_so() -> None:
    found = replace(PLAIN, duty=0.25).applied(COUNTER)
    assert (found.duty, found.latency, found.latency_low) == (0.25, COUNTER.latency, 0.0)
    assert "25%" in (found.note or "")


# ---- gain -------------------------------------------------------------------------------------------------


def test_gain_is_the_step_at_the_counter_over_the_step_behind_the_power_supply() -> None:
    gain, uncertainty = gain_of((50.0, 350.0), (100.0, 100.0 + 300.0 / 0.95 / 0.92), 0.92)
    assert gain == pytest.approx(0.95)
    assert 0.02 < uncertainty < 0.06
    _, wider = gain_of((50.0, 350.0), (100.0, 450.0))
    assert wider > uncertainty


@pytest.mark.parametrize(
    ("wall", "efficiency", "why"),
    [
        ((100.0, 120.0), None, "at least 50 W more"),
        ((400.0, 100.0), None, "at least 50 W more"),
        ((math.nan, 100.0), None, "at least 50 W more"),
        ((100.0, 450.0), 92.0, "0.5 to 1"),
        ((100.0, 2000.0), None, "can't be of one device"),
    ],
)
def test_readings_that_make_no_sense_are_one_sentence(
    wall: tuple[float, float], efficiency: float | None, why: str
) -> None:
    with pytest.raises(UnclearError, match=why):
        gain_of((50.0, 350.0), wall, efficiency)


def test_a_gain_is_believed_where_it_knows_better_or_contradicts() -> None:
    sensor = replace(COUNTER, gain=0.05)
    agrees = replace(PLAIN, gain=0.97, gain_doubt=0.07).applied(sensor)
    assert (agrees.scale, agrees.gain) == (1.0, 0.05)
    better = replace(PLAIN, gain=0.96, gain_doubt=0.02).applied(sensor)
    assert better.scale == pytest.approx(1 / 0.96)
    assert better.gain == pytest.approx(0.02 / 0.96)
    contradicts = replace(PLAIN, gain=0.6, gain_doubt=0.07).applied(sensor)
    assert contradicts.scale == pytest.approx(1 / 0.6)
    assert "wall meter" in (contradicts.note or "")


def test_a_corrected_gain_reaches_the_readings_and_is_said() -> None:
    class Steady:
        def __init__(self, traits: SensorInfo) -> None:
            self.traits = traits
            self.value = 0.0

        def read(self) -> Reading:
            self.value += 1.0
            return Reading(time.perf_counter(), self.value)

        def close(self) -> None:
            pass

    traits = replace(COUNTER, gain=0.05, period=(0.001, 0.002), latency=0.0)
    plain, corrected = (
        Meter([Steady(traits)], found) for found in (None, {traits.key: replace(PLAIN, gain=0.5, gain_doubt=0.02)})
    )
    for meter in (plain, corrected):
        for _ in range(10):
            meter.read()
        (line,) = meter.timelines.values()
        assert line.ticks.all[-1].value == pytest.approx(10.0 if meter is plain else 20.0)
    assert corrected.traits[0].scale == 2.0
    assert "wall meter" in (corrected.traits[0].note or "")
