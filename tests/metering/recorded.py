"""Recordings of real boards, served to the meter in virtual time: what the driver showed beside the card's inputs.

A sensor shows the reading that had been taken last. Windows lie anywhere in a recording; the truth is the energy at
the card's inputs in them. Where the data are from is said in ``boards/README.md``.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from jupyter_green.metering import PowerTimeline
from jupyter_green.sensors import Reading, SensorInfo
from tests.metering.campaign import Outcome
from tests.support.course import COUNTER, sample

FOLDER = Path(__file__).with_name("boards")
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.npz")))
LENGTHS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)

BOARD = replace(COUNTER, method="power", quality="measured", gain=0.05, period=(0.02, 0.1), latency=0.03)
A100 = replace(BOARD, averaging=0.025, duty=0.25, power_limit=250.0)
MEAN, PLAIN = replace(BOARD, averaging=1.0, power_limit=350.0), replace(BOARD, averaging=0.1, power_limit=350.0)
"""What sensors of such boards say about themselves: an A100, and the two readings of an RTX 3090."""


@dataclass(frozen=True)
class Recording:
    """One board: power at its inputs, and what its driver showed.

    Parameters
    ----------
    start, step : float
        Seconds at which the truth begins, and of its grid.
    joules : array
        Energy at the card's inputs since `start`, at each point of the grid.
    times, draw, instant : array
        Seconds of the driver's readings, and the watts shown.
    """

    start: float
    step: float
    joules: Any
    times: Any
    draw: Any
    instant: Any

    @classmethod
    @cache
    def load(cls, name: str) -> Recording:
        """Return one of `NAMES`."""
        with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as data:
            step = float(data["truth_step"])
            watts = data["truth_centiwatts"] / 100
            return cls(
                float(data["truth_start"]),
                step,
                np.concatenate(([0.0], np.cumsum(watts) * step)),
                data["read_ms"] / 1000,
                data["draw_centiwatts"] / 100,
                data["instant_centiwatts"] / 100,
            )

    @property
    def end(self) -> float:
        """Seconds at which the truth ends."""
        return self.start + self.step * (len(self.joules) - 1)

    def between(self, start: float, end: float) -> float:
        """Energy at the card's inputs between two moments, in joules."""
        grid = self.start + self.step * np.arange(len(self.joules))
        return float(np.interp(end, grid, self.joules) - np.interp(start, grid, self.joules))


@dataclass
class Shown:
    """A driver that shows what a recording holds: the reading that was taken last.

    A recorder that asks every 7 to 15 ms sees an update late by half of that in the mean.
    """

    recording: Recording
    field_name: str = "draw"
    values: list[float] = field(init=False)
    times: list[float] = field(init=False)

    def __post_init__(self) -> None:
        self.values = [float(one) for one in getattr(self.recording, self.field_name)]
        self.times = [float(one) for one in self.recording.times]

    def read(self, now: float) -> Reading:
        """The reading at a moment, in watts."""
        index = int(np.searchsorted(self.times, now, side="right")) - 1
        return Reading(now, self.values[max(0, index)])


def replay(
    name: str, traits: SensorInfo, seconds: float, *, shown: str = "draw", offsets: int = 40, awake: bool = False
) -> Iterator[tuple[float, Outcome]]:
    """Yield the start of each window and what the meter said of it.

    Parameters
    ----------
    name, traits, shown : str, Traits, str
        Recording, what the sensor says about itself, and which of the driver's readings it reads.
    seconds : float
        Length of the windows.
    offsets : int
        How many windows, spread over the recording and shifted by seed.
    awake : bool
        Whether the board is read all through the recording, as while a longer window is open, and not only around
        each window.
    """
    recording = Recording.load(name)
    draw = random.Random(f"{name} {seconds}")
    first, last = recording.start + 0.5, recording.end - seconds - 0.05
    sensor = Shown(recording, shown)
    for number in range(offsets):
        start = first + (last - first) * (number + draw.random()) / offsets
        timeline = PowerTimeline(traits)
        windows = [(start, start + seconds)]
        if awake:
            _read_through(timeline, sensor, windows[0])
        else:
            sample(timeline, sensor, windows, tail=timeline.settle_seconds(), slip=draw)
        energy = timeline.energy(*windows[0])
        assert energy.joules is not None, energy.note
        truth = recording.between(*windows[0])
        yield start, Outcome(seconds, truth, energy.joules, energy.uncertainty)


def _read_through(timeline: PowerTimeline, sensor: Shown, window: tuple[float, float]) -> None:
    """Read a board from the first reading to the last."""
    for edge in window:
        timeline.mark(edge, quiet=edge == window[1])
    for moment, watts in zip(sensor.times, sensor.values, strict=True):
        timeline.add(Reading(moment, watts))
