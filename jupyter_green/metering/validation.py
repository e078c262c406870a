"""Checks every sensor reading before it is used.

Sensors are third-party drivers and code. Any exception becomes a fault of that sensor, and so does an impossible
reading. A count that goes backwards or jumps starts a new epoch. So a bad sensor affects only its own component, with a
reason.
"""

from __future__ import annotations

import math
from dataclasses import replace
from numbers import Real

from jupyter_green.records import clock
from jupyter_green.sensors import Checked, Limited, Reading, Sensor, SensorFault

CLOCK_SECONDS = 0.001
"""Tolerance for a reading's time outside its own call, since clocks are not read at the same moment."""

LEAP = 4.0
"""Multiple of the power limit up to which power is accepted: limits may be raised, and peaks exceed them."""

LIMIT_SECONDS = 0.1
"""Least time between two reads of the power limit for final figures."""

LEAP_SECONDS = 0.5
"""Added to the time between two reads before power is checked, since the first may show an old value."""


ASIDE_SECONDS, ASIDE_TRIES = 0.25, 3
"""Longest duration of a reading of the reported power, and number of failures after which it is not read any more."""


class ValidatedSensor:
    """Reads one sensor and rejects impossible readings; only with a calibration are its values scaled."""

    def __init__(self, sensor: Sensor, scale: float = 1.0) -> None:
        self._sensor = sensor
        self._scale = scale
        self._traits = sensor.traits
        self.power_limit = sensor.traits.power_limit
        """Upper bound of the device's power in watts. It is a setting that may be raised at run time, so it is read
        again before a reading above it is judged, and before an energy is bounded by it; see `refresh_limit`."""
        self._limit_read = clock.monotonic()
        self._last: Reading | None = None
        self._breaks = 0
        self._tries = ASIDE_TRIES
        self.complaint: str | None = None
        """Problem with the last reading that was accepted; None if there is none."""

    def read(self) -> Reading:
        """Return one reading; its epoch increases whenever the count was interrupted.

        Raises SensorFault if the sensor fails or its reading is impossible.
        """
        started = clock.perf_counter()
        try:
            reading = self._sensor.read()
        except SensorFault:
            raise
        except (Exception, SystemExit) as error:
            text = " ".join(f"{type(error).__name__}: {error}".split())[:200].rstrip(".: ")
            raise SensorFault(f"It could not be read ({text}).") from error
        finished = clock.perf_counter()
        self._judge(reading, started, finished)
        last, self._last = self._last, reading
        self.complaint = None
        if last is not None and self._broken(last, reading):
            self.complaint = "It counted backwards, or more than it can have drawn."
        if last is not None and (reading.epoch != last.epoch or self.complaint):
            self._breaks += 1
        half_width = max(0.0, reading.time - started, finished - reading.time)
        return replace(reading, value=self._scale * float(reading.value), epoch=self._breaks, uncertainty=half_width)

    def reported_watts(self) -> float | None:
        """Power that the device reports beside its counter, in watts; None if there is none or it is unreliable."""
        if self._tries == 0 or not isinstance(self._sensor, Checked):
            return None
        started = clock.perf_counter()
        try:
            watts = self._sensor.reported_watts()
        except (Exception, SystemExit):  # noqa: BLE001 - the counter is usable without it
            watts = math.nan
        slow = clock.perf_counter() - started > ASIDE_SECONDS  # a driver that times out gives no value
        if slow or (watts is not None and not (isinstance(watts, Real) and 0 <= watts < math.inf)):
            self._tries -= 1
            return None
        return None if watts is None else float(watts)

    def _judge(self, reading: Reading, began: float, ended: float) -> None:
        if not isinstance(reading, Reading) or not isinstance(reading.value, Real):
            raise SensorFault("It returned something that is not a reading.")
        if not math.isfinite(reading.value):
            raise SensorFault(f"It answered with {reading.value}, which is not an energy or power.")
        if self._traits.method == "power" and not (reading.value >= 0 and self._can_draw(reading.value)):
            raise SensorFault(f"It answered with {reading.value:.6g} W, which it can't draw.")
        if not began - CLOCK_SECONDS <= reading.time <= ended + CLOCK_SECONDS:
            raise SensorFault("It returned a reading with a wrong time.")

    def _broken(self, last: Reading, reading: Reading) -> bool:
        """Whether a count went backwards or rose more than the device can draw, without a new epoch."""
        if self._traits.method == "power" or reading.epoch != last.epoch:
            return False
        step = reading.value - last.value
        seconds = reading.time - last.time + self._traits.period[1] + self._traits.latency + LEAP_SECONDS
        return step < 0 or not self._can_draw(step / seconds)

    def _can_draw(self, watts: float) -> bool:
        """Whether the device can draw this power under its present limit."""
        if self.power_limit is None or watts <= self.power_limit:
            return True
        self._read_limit()
        return watts <= LEAP * self.power_limit

    def refresh_limit(self) -> float | None:
        """Return the power limit, read again unless that was just done."""
        if clock.monotonic() - self._limit_read >= LIMIT_SECONDS:
            self._read_limit()
        return self.power_limit

    def _read_limit(self) -> None:
        """Read the power limit again. One that was lowered is kept: the device may have drawn more until now."""
        self._limit_read = clock.monotonic()
        if self.power_limit is None or not isinstance(self._sensor, Limited):
            return
        try:
            current_limit = self._sensor.power_limit_now()
        except (Exception, SystemExit):  # noqa: BLE001 - third-party code: the known limit applies
            return
        if isinstance(current_limit, Real) and self.power_limit < current_limit < math.inf:
            self.power_limit = float(current_limit)
