"""Calibration of one counter, and how the meter applies it.

A counter reports neither its latency nor whether it samples its device all the time. Without a calibration the meter
assumes the worst case. A calibration with a known load (see `fit`) replaces these bounds. Two readings of a wall meter
give the counter's gain, if the power supply's efficiency is known. The gain is applied only if it is more precise than
the sensor's own specification, or contradicts it.

Tested on simulated counters only, not on hardware.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from jupyter_green.errors import GreenError
from jupyter_green.sensors import SensorInfo

EFFICIENCY, EFFICIENCY_DOUBT, TOLD_DOUBT = 0.90, 0.06, 0.02
"""Efficiency of an unknown power supply and its half-width (80 PLUS classes require 0.82 to 0.96 at half load), and
the half-width if the user states the efficiency."""

READING_WATTS, READING_PART = 1.0, 0.01
"""Error of a wall meter's reading: absolute in watts, and relative."""

HOST_WATTS = 10.0
"""Additional power of the host while it keeps a device busy."""

LEAST_WALL_WATTS = 50.0


class UnclearError(GreenError, ValueError):
    """The readings are insufficient for a calibration."""


@dataclass(frozen=True)
class Calibration:
    """Calibration of one counter."""

    latency: float
    latency_doubt: float
    """Age of the newest energy in an update, in seconds, and the half-width of its 95 % interval."""
    duty: float
    """Fraction of the time that the counter samples; 1 for all of it."""
    period: float
    jitter: float
    """Update period in seconds, and by how much an update may be early or late."""
    edges: int
    """Number of load edges used."""
    idle_watts: float | None = None
    busy_watts: float | None = None
    """Mean power shown by the counter in two long intervals for reading a wall meter."""
    gain: float | None = None
    gain_doubt: float | None = None
    """Ratio of the counter's value to the true value, and its half-width, from a wall meter."""

    @property
    def part_time(self) -> bool:
        """Whether the counter leaves out a part of each period."""
        return self.duty < 1.0

    def _scale(self, traits: SensorInfo) -> float:
        """Correction factor for the counter's values; 1 if the wall meter adds no information.

        It does if it gives a more precise gain than the sensor states, or contradicts the sensor.
        """
        if self.gain is None or self.gain_doubt is None:
            return 1.0
        contradicts = abs(self.gain - 1.0) > self.gain_doubt + traits.gain
        return 1.0 / self.gain if contradicts or self.gain_doubt < traits.gain else 1.0

    def applied(self, traits: SensorInfo) -> SensorInfo:
        """Return the sensor's description with the calibration applied."""
        scale = self._scale(traits)
        notes = [] if traits.duty < 1.0 or traits.note is None else [traits.note]
        if self.part_time:
            # The unsampled time dominates the uncertainty of an edge: the latency stays unchanged.
            calibrated = replace(traits, duty=self.duty)
            notes.append(f"Calibrated: its counter samples {self.duty:.0%} of the time; the interval allows for it.")
        else:
            low, high = self.latency - self.latency_doubt, self.latency + self.latency_doubt
            calibrated = replace(traits, duty=1.0, latency=high, latency_low=max(0.0, low))
        if scale != 1.0:
            calibrated = replace(calibrated, gain=(self.gain_doubt or 0.0) * scale, scale=scale)
            notes.append(f"Calibrated: multiplied by {scale:.3f} because of a wall meter's readings.")
        return replace(calibrated, note=" ".join(notes) or None)


def gain_of(
    counter: tuple[float, float], wall: tuple[float, float], efficiency: float | None = None
) -> tuple[float, float]:
    """Return the gain of a counter and its half-width, from its own and a wall meter's idle and busy power.

    The gain is the power step shown by the counter, divided by the step at the wall times the power supply's
    efficiency.

    Parameters
    ----------
    counter, wall : tuple of float
        Power in watts with the device idle, and busy.
    efficiency : float, optional
        Efficiency of the power supply, 0 to 1. By default 0.9 with an uncertainty of about 7 %.

    Raises
    ------
    UnclearError
        If the readings can't be of this device.
    """
    step = wall[1] - wall[0]
    if not all(math.isfinite(watts) and watts > 0 for watts in wall) or step < LEAST_WALL_WATTS:
        raise UnclearError(
            f"--wall takes the watts at idle, then those under load, at least {LEAST_WALL_WATTS:.0f} W more."
        )
    supply_efficiency = EFFICIENCY if efficiency is None else efficiency
    if not 0.5 <= supply_efficiency <= 1.0:
        raise UnclearError("--efficiency takes the power supply's, 0.5 to 1, such as 0.92.")
    gain = (counter[1] - counter[0]) / (step * supply_efficiency)
    if not 0.3 <= gain <= 3.0:
        raise UnclearError(
            f"The wall meter shows a step of {step:.0f} W, the counter one of {counter[1] - counter[0]:.0f} W; "
            "these can't be of one device."
        )
    supply_error = (EFFICIENCY_DOUBT if efficiency is None else TOLD_DOUBT) / supply_efficiency
    reading_error = math.hypot(*(READING_WATTS + READING_PART * watts for watts in wall)) / step
    return gain, gain * math.hypot(supply_error, reading_error, HOST_WATTS / step)
