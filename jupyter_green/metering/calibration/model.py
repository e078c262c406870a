"""What was found out of one counter by a known load, and what the meter makes of it.

A counter says nothing of how late it is, nor of whether it looks at its device all the time; without knowing,
the meter allows for the worst. What a load of known edges told (see `response`) takes the place of these
bounds. A wall meter's two readings tell the counter's gain, as well as the power supply's efficiency is known;
they are believed only where they know better than the sensor states of itself, or contradict it.

Untested on hardware so far; tried on simulated counters only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from jupyter_green.errors import GreenError
from jupyter_green.sensors import SensorInfo

EFFICIENCY, EFFICIENCY_DOUBT, TOLD_DOUBT = 0.90, 0.06, 0.02
"""Of a power supply nobody knows (the 80 PLUS programme's classes ask for 0.82 to 0.96 at half load), and of one that
was told."""

READING_WATTS, READING_PART = 1.0, 0.01
"""By how much a wall meter's reading may be off: a digit, and a part of it."""

HOST_WATTS = 10.0
"""What the host may draw more itself while it keeps a device busy."""

LEAST_WALL_WATTS = 50.0


class UnclearError(GreenError, ValueError):
    """The readings don't tell; the message is one sentence that says why."""


@dataclass(frozen=True)
class Calibration:
    """What was found out of one counter.

    Parameters
    ----------
    latency, latency_doubt : float
        How old the newest energy is that a tick shows, in seconds, and the half-width of its 95 % interval.
    duty : float
        Share of the time that the counter looks at; 1 for all of it.
    period, jitter : float
        Seconds between ticks, and by how much one may come early or late.
    edges : int
        Number of edges of the load that told it.
    idle_watts, busy_watts : float or None
        What the counter showed in two long stretches during which a wall meter could be read.
    gain, gain_doubt : float or None
        What the counter shows as a multiple of the truth, and its half-width, from a wall meter.
    """

    latency: float
    latency_doubt: float
    duty: float
    period: float
    jitter: float
    edges: int
    idle_watts: float | None = None
    busy_watts: float | None = None
    gain: float | None = None
    gain_doubt: float | None = None

    @property
    def part_time(self) -> bool:
        """Whether the counter leaves out a part of each period."""
        return self.duty < 1.0

    def _scale(self, traits: SensorInfo) -> float:
        """By what the counter's figures are to be multiplied; 1 where a wall meter told nothing new.

        It does where it knows the gain better than the sensor states it, or contradicts what that states.
        """
        if self.gain is None or self.gain_doubt is None:
            return 1.0
        contradicts = abs(self.gain - 1.0) > self.gain_doubt + traits.gain
        return 1.0 / self.gain if contradicts or self.gain_doubt < traits.gain else 1.0

    def applied(self, traits: SensorInfo) -> SensorInfo:
        """What the sensor says about itself, with what was found put in its place."""
        scale = self._scale(traits)
        notes = [] if traits.duty < 1.0 or traits.note is None else [traits.note]
        if self.part_time:
            # When an edge was matters less than what the counter didn't look at: the latency stays as it is.
            found = replace(traits, duty=self.duty)
            notes.append(f"Calibrated: its counter looks {self.duty:.0%} of the time; the interval allows for it.")
        else:
            low, high = self.latency - self.latency_doubt, self.latency + self.latency_doubt
            found = replace(traits, duty=1.0, latency=high, latency_low=max(0.0, low))
        if scale != 1.0:
            found = replace(found, gain=(self.gain_doubt or 0.0) * scale, scale=scale)
            notes.append(f"Calibrated: multiplied by {scale:.3f} because of a wall meter's readings.")
        return replace(found, note=" ".join(notes) or None)


def gain_of(
    counter: tuple[float, float], wall: tuple[float, float], efficiency: float | None = None
) -> tuple[float, float]:
    """Gain of a counter and its half-width, from what it and a wall meter show idle and busy.

    The gain is the step in power that the counter shows, divided by the step at the wall times the power
    supply's efficiency.

    Parameters
    ----------
    counter, wall : tuple of float
        Watts with the device idle, and busy.
    efficiency : float, optional
        Of the power supply, 0 to 1; about 0.9 where it isn't known, which leaves the gain open by some 7 %.

    Raises
    ------
    UnclearError
        If the readings can't be of this device; one sentence.
    """
    step = wall[1] - wall[0]
    if not all(math.isfinite(watts) and watts > 0 for watts in wall) or step < LEAST_WALL_WATTS:
        raise UnclearError(
            f"--wall wants the watts at idle, then those under load, at least {LEAST_WALL_WATTS:.0f} W more."
        )
    share = EFFICIENCY if efficiency is None else efficiency
    if not 0.5 <= share <= 1.0:
        raise UnclearError("--efficiency wants the power supply's, 0.5 to 1, such as 0.92.")
    gain = (counter[1] - counter[0]) / (step * share)
    if not 0.3 <= gain <= 3.0:
        raise UnclearError(
            f"The wall meter shows a step of {step:.0f} W, the counter one of {counter[1] - counter[0]:.0f} W; "
            "these can't be of one device."
        )
    supply = (EFFICIENCY_DOUBT if efficiency is None else TOLD_DOUBT) / share
    reading = math.hypot(*(READING_WATTS + READING_PART * watts for watts in wall)) / step
    return gain, gain * math.hypot(supply, reading, HOST_WATTS / step)
