"""The meter on recordings of real boards: its interval holds the energy at the card's inputs, and not by being wide."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace
from functools import cache

import pytest

from jupyter_green.sensors import SensorInfo
from tests.metering.campaign import Outcome, Summary
from tests.metering.recorded import A100, LENGTHS, MEAN, PLAIN, Recording, replay


@dataclass(frozen=True)
class Case:
    """A recording, which of its readings is served, and what the sensor says about itself."""

    name: str
    shown: str
    traits: SensorInfo
    awake: bool = False


CASES = {
    "A100, a rhythm near its own": Case("A100-square", "draw", A100),
    "A100, a rhythm near its own, read all the time": Case("A100-square", "draw", A100, awake=True),
    "A100, steps": Case("A100-steps", "draw", A100),
    "A100, steps, read all the time": Case("A100-steps", "draw", A100, awake=True),
    "3090, mean over a second": Case("3090-steps", "draw", MEAN),
    "3090, mean over a second, read all the time": Case("3090-steps", "draw", MEAN, awake=True),
    "3090, at once": Case("3090-steps", "instant", PLAIN),
    "3090, at once, read all the time": Case("3090-steps", "instant", PLAIN, awake=True),
    "3090, a mean that is stated at once": Case("3090-steps", "draw", PLAIN, awake=True),
    "3090, at once, stated a mean": Case("3090-steps", "instant", MEAN, awake=True),
    "A100, stated a mean": Case("A100-steps", "draw", replace(A100, averaging=1.0), awake=True),
}


@cache
def outcomes(name: str, seconds: float, offsets: int = 20) -> list[tuple[float, Outcome]]:
    case = CASES[name]
    return list(replay(case.name, case.traits, seconds, shown=case.shown, offsets=offsets, awake=case.awake))


@pytest.mark.parametrize("name", CASES)
def test_the_truth_at_the_inputs_lies_in_the_interval(name: str) -> None:
    found = Summary.of([one for seconds in LENGTHS for _, one in outcomes(name, seconds)])
    assert found.coverage >= 0.93, found


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [
        ("A100, steps", 2.5, 7.3),
        ("A100, steps, read all the time", 2.5, 7.3),
        ("3090, mean over a second, read all the time", 3.0, 7.0),
        ("3090, at once", 2.5, 7.0),
        ("3090, at once, read all the time", 2.5, 7.0),
    ],
)
def test_a_steady_load_has_a_narrow_interval(name: str, start: float, end: float) -> None:
    for seconds in (0.5, 1.0, 2.0):
        steady = [one for at, one in outcomes(name, seconds) if start <= at and at + seconds <= end]
        assert steady
        assert statistics.median(one.width for one in steady) < 0.10, seconds


def test_a_load_in_the_boards_own_rhythm_has_a_wide_interval() -> None:
    for seconds in (0.1, 0.5, 1.0):
        loaded = [one for at, one in outcomes("A100, a rhythm near its own", seconds) if 2.0 < at < 8.0]
        assert statistics.median(one.width for one in loaded) > 0.3


def test_the_recordings_hold_what_their_readme_says() -> None:
    recording = Recording.load("A100-square")
    assert recording.between(2.0, 8.0) / 6.0 == pytest.approx(129.3, abs=0.5)
