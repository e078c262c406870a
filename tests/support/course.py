"""A course of power in virtual time, and what a counter or a power sensor would show of it.

No clock and no waiting: thousands of windows run in a second, and the truth is exact. The parameters are
drawn by seed and are not visible to the meter, which is given only what a real sensor tells of itself.
"""

from __future__ import annotations

import bisect
import random
from dataclasses import dataclass, field

from jupyter_green.metering import PowerTimeline, Timeline
from jupyter_green.sensors import Reading, SensorInfo

COUNTER = SensorInfo(
    key="test:counter",
    kind="gpu",
    device="GPU 0",
    method="counter",
    quality="simulated",
    scope="whole board",
    source="test",
    gain=0.0,
    power_limit=700.0,
)


@dataclass
class Course:
    """Power in watts over time: constant pieces, integrated exactly."""

    starts: list[float] = field(default_factory=lambda: [-1e9])
    watts: list[float] = field(default_factory=lambda: [60.0])
    energy: list[float] = field(default_factory=lambda: [0.0])

    def then(self, start: float, watts: float) -> None:
        """From `start` on, `watts`."""
        self.energy.append(self.energy[-1] + self.watts[-1] * (start - self.starts[-1]))
        self.starts.append(start)
        self.watts.append(watts)

    def joules(self, moment: float) -> float:
        """Energy up to a moment."""
        index = bisect.bisect_right(self.starts, moment) - 1
        return self.energy[index] + self.watts[index] * (moment - self.starts[index])

    def between(self, start: float, end: float) -> float:
        """Energy between two moments."""
        return self.joules(end) - self.joules(start)


@dataclass
class Counter:
    """What a counter shows of a course: its integral at the last tick, shown late."""

    course: Course
    tick: float = 0.1
    phase: float = 0.0
    latency: float = 0.0
    jitter: float = 0.0
    duty: float = 1.0
    sums: dict[int, float] = field(default_factory=dict)

    def ticked(self, number: int) -> float:
        """When a tick happens; early or late by at most the jitter, the same each time it is asked."""
        return self.phase + number * self.tick + self.jitter * (2 * random.Random(number).random() - 1)

    def read(self, now: float) -> Reading:
        """The reading at a moment; quantised to a millijoule."""
        number = int((now - self.latency - self.phase) // self.tick) + 1
        while self.ticked(number) > now - self.latency:
            number -= 1
        return Reading(now, round(self._counted(number), 3))

    def _counted(self, number: int) -> float:
        """Joules up to a tick; a part-time counter takes each period to be like its last part."""
        if self.duty >= 1.0:
            return self.course.joules(self.ticked(number))
        known = self.sums.get(number)
        if known is None:
            tick = self.ticked(number)
            seen = self.course.between(tick - self.duty * self.tick, tick) / self.duty
            before = self.sums.get(number - 1)
            # The first one asked for fixes the origin; later ones add up.
            if before is None:
                last = max((n for n in self.sums if n < number), default=None)
                if last is None:
                    known = 1000.0
                else:
                    for n in range(last + 1, number):
                        self._counted(n)
                    known = self.sums[number - 1] + seen
            else:
                known = before + seen
            self.sums[number] = known
        return known


@dataclass
class Average:
    """What a power sensor shows: the mean over the last `span` seconds, renewed every `tick`."""

    course: Course
    tick: float = 0.1
    phase: float = 0.0
    span: float = 1.0
    noise: float = 0.0
    draw: random.Random = field(default_factory=lambda: random.Random(0))
    shown: tuple[float, float] = (-1e9, 0.0)

    def read(self, now: float) -> Reading:
        """The reading at a moment, in watts."""
        tick = (now - self.phase) // self.tick * self.tick + self.phase
        if tick != self.shown[0]:
            watts = self.course.between(tick - self.span, tick) / self.span
            self.shown = (tick, watts + self.draw.gauss(0.0, self.noise))
        return Reading(now, self.shown[1])


def sample(
    timeline: Timeline | PowerTimeline,
    sensor: Counter | Average,
    windows: list[tuple[float, float]],
    *,
    tail: float,
    slip: random.Random | None = None,
    wake: float = 0.0,
) -> None:
    """Read a sensor as the sampler does: from a window's start until its figures are settled, then not at all.

    Parameters
    ----------
    timeline, sensor : Timeline, Counter
        What is filled, and with what.
    windows : list of (float, float)
        Starts and ends, in order.
    tail : float
        Seconds after a window's end at which its figures are taken as they are.
    slip : random.Random, optional
        Draws by how much each wake-up is late, as on a busy machine.
    wake : float
        Seconds by which the first read of a window comes late, where the sampler slept before.
    """
    timeline.add(sensor.read(windows[0][0] - 0.3))  # the one read at load
    edges = [(moment, place) for window in windows for place, moment in enumerate(window)]
    ended, running = -1e9, False
    now = edges[0][0]
    while edges or running or not (timeline.settled(ended) or now > ended + tail):
        parked = edges and not running and (timeline.settled(ended) or now > ended + tail)
        now = max(now, edges[0][0] + wake) if parked else now
        while edges and now >= edges[0][0]:
            moment, place = edges.pop(0)
            timeline.mark(moment, quiet=place == 1)
            running = place == 0
            ended = moment if place == 1 else ended
        timeline.add(sensor.read(now))
        late = slip.expovariate(1 / 0.002) if slip is not None else 0.0003
        # An edge wakes the sampler, whatever it was waiting for.
        now = min(timeline.next_read(now), edges[0][0] if edges else 1e18) + late
