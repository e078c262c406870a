"""``%energy calibrate``: measure the delay, averaging and gain of a GPU's energy counter with a known load.

It prints one sentence before (load, duration, energy) and one after (the result). Ambiguous results are not stored.
Untested on real hardware so far.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import NoReturn

from IPython.core.error import UsageError

from jupyter_green.metering.calibration.fit import calibration_of
from jupyter_green.metering.calibration.model import Calibration, UnclearError, gain_of
from jupyter_green.reporting.doctor import seen
from jupyter_green.reporting.numbers import energy, plain
from jupyter_green.sensors import Sensor, SensorFault, SensorInfo
from jupyter_green.session import Session
from jupyter_green.session.calibration_runner import observe, seconds_of
from jupyter_green.session.calibration_storage import CalibrationError, forget, keep, known_calibrations

from .known_load import NoLoadError, known_load

STRETCHES, FEWEST = 16, 6
USAGE = "calibrate [--device N] [--stretches N] [--hold SECONDS] [--wall IDLE BUSY [--efficiency E]] [--forget]"


class _Options(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"%energy calibrate: {message}; it takes {USAGE}.")


def calibrate(session: Session, words: list[str]) -> None:
    """Run ``%energy calibrate`` with these arguments.

    Raises UsageError if it fails (one sentence), and nothing is changed.
    """
    options = _options(words)
    try:
        sensor = _counter(session, options.device)
        traits = sensor.traits
        if options.forget:
            print(_forgotten(traits))
        elif options.wall is not None:
            print(_weighed(sensor, (options.wall[0], options.wall[1]), options.efficiency))
        else:
            _run(sensor, options.stretches, options.hold)
    except (UnclearError, NoLoadError, CalibrationError, SensorFault) as error:
        raise UsageError(f"%energy calibrate: {error} Nothing was changed.") from None


def _options(words: list[str]) -> argparse.Namespace:
    parser = _Options(prog="%energy calibrate", add_help=False, allow_abbrev=False)
    parser.add_argument("--device", type=int, default=0)
    parser.add_argument("--stretches", type=int, default=STRETCHES)
    parser.add_argument("--hold", type=float, default=0.0)
    parser.add_argument("--wall", type=float, nargs=2, metavar=("IDLE", "BUSY"))
    parser.add_argument("--efficiency", type=float)
    parser.add_argument("--forget", action="store_true")
    options = parser.parse_args(words)
    if options.stretches < FEWEST or options.stretches > 1000:
        parser.error(f"--stretches takes {FEWEST} or more, and no more than 1000")
    if options.hold and not 4 <= options.hold <= 600:
        parser.error("--hold takes 4 seconds or more, and no more than 600")
    if options.efficiency is not None and options.wall is None:
        parser.error("--efficiency goes with --wall")
    return options


def _counter(session: Session, number: int) -> Sensor:
    """Return the counter of the GPU with this number; raises UnclearError if there is none."""
    gpus = [sensor for sensor in session.discovery.sensors if sensor.traits.kind == "gpu"]
    if not gpus:
        raise UnclearError("There is no GPU whose energy is read here (%energy doctor).")
    if not 0 <= number < len(gpus):
        raise UnclearError(f"--device takes a GPU's number, 0 to {len(gpus) - 1}.")
    sensor = gpus[number]
    if sensor.traits.method != "counter":
        raise UnclearError(f"{sensor.traits.device} shows its power only; there is no counter to calibrate.")
    return sensor


def _run(sensor: Sensor, stretches: int, hold: float) -> None:
    traits = sensor.traits
    load = known_load(traits)
    seconds = seconds_of(stretches, traits.period[1]) + 2 * hold
    print(
        plain(
            f"Calibrating {traits.device}: {stretches} stretches of full load in about {seconds:.0f} s, "
            f"{_takes(traits, seconds / 2)}."
        )
    )
    observed = observe(sensor, load, stretches, hold=hold)
    calibration = calibration_of(observed.ticks, observed.loads)
    calibration = replace(calibration, idle_watts=observed.idle_watts, busy_watts=observed.busy_watts)
    keep(traits, calibration)
    print(plain(_sentence(traits, calibration)))
    if observed.idle_watts is not None and observed.busy_watts is not None:
        print(
            f"The counter showed {observed.idle_watts:.0f} W and {observed.busy_watts:.0f} W; add what the wall meter "
            "showed with: %energy calibrate --wall IDLE BUSY"
        )


def _takes(traits: SensorInfo, busy_seconds: float) -> str:
    """Return a clause on the energy that the load may use."""
    if traits.power_limit is None:
        return "at up to the device's full power"
    return f"using at most {energy(traits.power_limit * busy_seconds).head}"


def _sentence(traits: SensorInfo, found: Calibration) -> str:
    simulated = "simulated, " if traits.quality == "simulated" else ""
    return (
        f"{traits.device} ({simulated}{found.edges} edges): {seen(found)}; "
        "saved, and used from the next %reload_ext jupyter_green or kernel start."
    )


def _weighed(sensor: Sensor, wall: tuple[float, float], efficiency: float | None) -> str:
    """Add the gain that follows from a wall meter, store it, and return a sentence on it."""
    traits = sensor.traits
    stored, problem = known_calibrations([sensor])
    if problem is not None:
        raise CalibrationError(problem)
    calibration = stored.get(traits.key)
    if calibration is None or calibration.idle_watts is None or calibration.busy_watts is None:
        raise UnclearError("First run %energy calibrate --hold 15 and read the wall meter when it says so.")
    gain, uncertainty = gain_of((calibration.idle_watts, calibration.busy_watts), wall, efficiency)
    calibration = replace(calibration, gain=gain, gain_doubt=uncertainty)
    keep(traits, calibration)
    finding = f"{traits.device}: its counter shows {gain:.0%} of the wall meter's power (±{100 * uncertainty:.0f} %)"
    if calibration.applied(traits).scale == 1.0:
        return plain(f"{finding}, within its stated ±{100 * traits.gain:.0f} %; no correction is applied.")
    return plain(f"{finding}; saved, and corrected from the next %reload_ext jupyter_green or kernel start.")


def _forgotten(traits: SensorInfo) -> str:
    if forget(traits):
        return plain(
            f"The calibration of {traits.device} is deleted; it is unused from the next %reload_ext jupyter_green."
        )
    return plain(f"{traits.device} has no calibration.")
