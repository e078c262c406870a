"""The gate: what a sensor says is looked at before it is believed.

Sensors are other people's drivers and other people's code. Whatever one raises becomes a fault of that
sensor alone, a reading that can't be true is a fault too, and a count that goes backwards or leaps is a
broken one. So a bad sensor costs its own figure, with a reason, and nobody else's.
"""

from __future__ import annotations

import math
from dataclasses import replace
from numbers import Real

from jupyter_green.records import clock
from jupyter_green.sensors import Checked, Limited, Reading, Sensor, SensorFault

CLOCK_SECONDS = 0.001
"""By how much a reading's time may lie outside its own call; clocks are not read at one moment."""

LEAP = 4.0
"""How far above its limit a device's power is believed: a limit may be raised later, and peaks go above it."""

LEAP_SECONDS = 0.5
"""Added to the time between two reads before power is judged: the first may show an old value, the second a new one."""


ASIDE_SECONDS, ASIDE_TRIES = 0.25, 3
"""How long a look aside may take, and how often it may fail or take longer before it is given up."""


class ValidatedSensor:
    """Reads one sensor and lets through what can be true.

    Parameters
    ----------
    sensor : Sensor
        The sensor.
    scale : float
        What its figures are multiplied by; other than 1 only where a calibration says so.
    """

    def __init__(self, sensor: Sensor, scale: float = 1.0) -> None:
        self._sensor = sensor
        self._scale = scale
        self._traits = sensor.traits
        self.power_limit = sensor.traits.power_limit
        """Upper bound of the device's power in watts: a setting, read again before anything is called impossible."""
        self._last: Reading | None = None
        self._breaks = 0
        self._tries = ASIDE_TRIES
        self.complaint: str | None = None
        """What was wrong with the last reading that was let through."""

    def read(self) -> Reading:
        """Return one reading, its epoch raised wherever the count was broken.

        Raises
        ------
        SensorFault
            If there is none, or none that can be true; one sentence.
        """
        began = clock.perf_counter()
        try:
            reading = self._sensor.read()
        except SensorFault:
            raise
        except (Exception, SystemExit) as error:
            text = " ".join(f"{type(error).__name__}: {error}".split())[:200].rstrip(".: ")
            raise SensorFault(f"{self._traits.device} could not be read ({text}).") from error
        ended = clock.perf_counter()
        self._judge(reading, began, ended)
        last, self._last = self._last, reading
        self.complaint = None
        if last is not None and self._broken(last, reading):
            self.complaint = f"{self._traits.device} counted backwards, or further than it can have drawn."
        if last is not None and (reading.epoch != last.epoch or self.complaint):
            self._breaks += 1
        doubt = max(0.0, reading.time - began, ended - reading.time)
        return replace(reading, value=self._scale * float(reading.value), epoch=self._breaks, doubt=doubt)

    def shown_watts(self) -> float | None:
        """What the device shows beside its counter, in watts; None where that is nothing, or nothing to rely on."""
        if self._tries == 0 or not isinstance(self._sensor, Checked):
            return None
        began = clock.perf_counter()
        try:
            watts = self._sensor.shown_watts()
        except (Exception, SystemExit):  # noqa: BLE001 - the counter stands without it
            watts = math.nan
        slow = clock.perf_counter() - began > ASIDE_SECONDS  # a driver that times out says nothing, and says it late
        if slow or (watts is not None and not (isinstance(watts, Real) and 0 <= watts < math.inf)):
            self._tries -= 1
            return None
        return None if watts is None else float(watts)

    def _judge(self, reading: Reading, began: float, ended: float) -> None:
        device = self._traits.device
        if not isinstance(reading, Reading) or not isinstance(reading.value, Real):
            raise SensorFault(f"{device} answered with something that is no reading.")
        if not math.isfinite(reading.value):
            raise SensorFault(f"{device} answered with {reading.value}, which is no energy or power.")
        if self._traits.method == "power" and not (reading.value >= 0 and self._can_draw(reading.value)):
            raise SensorFault(f"{device} answered with {reading.value:.6g} W, which it can't draw.")
        if not began - CLOCK_SECONDS <= reading.time <= ended + CLOCK_SECONDS:
            raise SensorFault(f"{device} gave a reading of another time than that at which it was asked.")

    def _broken(self, last: Reading, reading: Reading) -> bool:
        """Whether a count went backwards, or further than the device can have drawn, and its sensor did not notice."""
        if self._traits.method == "power" or reading.epoch != last.epoch:
            return False
        step = reading.value - last.value
        seconds = reading.time - last.time + self._traits.period[1] + self._traits.latency + LEAP_SECONDS
        return step < 0 or not self._can_draw(step / seconds)

    def _can_draw(self, watts: float) -> bool:
        """Whether the device can draw so much, by the limit that is set now."""
        if self.power_limit is None or watts <= LEAP * self.power_limit:
            return True
        if isinstance(self._sensor, Limited):
            try:
                now = self._sensor.power_limit_now()
            except (Exception, SystemExit):  # noqa: BLE001 - other people's code: the limit known before holds
                now = None
            if isinstance(now, Real) and self.power_limit < now < math.inf:
                self.power_limit = float(now)
        return watts <= LEAP * self.power_limit
