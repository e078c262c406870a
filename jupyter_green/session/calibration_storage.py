"""Where calibrations are kept: one small file in the person's data folder.

A calibration belongs to one device under one version of its driver, which may look at the device in another way
than the next. It is used from the next session on; a file that can't be read is said, and nothing is calibrated.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from jupyter_green.metering.calibration.model import Calibration
from jupyter_green.records import clock
from jupyter_green.sensors import Sensor, SensorInfo
from jupyter_green.storage.atomic_file import write_whole
from jupyter_green.storage.location import data_folder

NAME = "calibration.json"
VERSION = 1
_LARGEST = 1e6
_LATEST = 253_402_300_800  # the year 10000: no calendar goes beyond


class CalibrationError(ValueError):
    """The file of calibrations can't be read or written; the message is one sentence."""


@dataclass(frozen=True)
class StoredCalibration:
    """A calibration as it lies in the file.

    Parameters
    ----------
    key, device, driver : str
        The sensor that it was found of, its name for people, and the version of its driver then.
    found_at : float or None
        When, in seconds since 1970; None where the file does not say.
    found : Calibration
        What was found.
    """

    key: str
    device: str
    driver: str
    found_at: float | None
    found: Calibration


def kept_calibrations() -> list[StoredCalibration]:
    """Return all calibrations in the file, of whatever device and driver.

    Raises
    ------
    CalibrationError
        If the file can't be read; one sentence.
    """
    kept = []
    for key, entry in _entries(_path()).items():
        found_at = entry.get("found_at")
        when = float(found_at) if isinstance(found_at, (int, float)) and 0 < found_at < _LATEST else None
        device, driver = (str(entry.get(name, "")) for name in ("device", "driver"))
        kept.append(StoredCalibration(key, device, driver, when, _calibration(entry.get("found"))))
    return kept


def known_calibrations(sensors: Iterable[Sensor]) -> tuple[dict[str, Calibration], str | None]:
    """What is known of these sensors by their keys, and what is wrong with the file in one sentence, or None."""
    try:
        entries = _entries(_path())
        found = {}
        for traits in (sensor.traits for sensor in sensors):
            entry = entries.get(traits.key)
            if entry is not None and entry.get("driver") == traits.driver and traits.method == "counter":
                found[traits.key] = _calibration(entry.get("found"))
    except CalibrationError as error:
        return {}, str(error)
    return found, None


def keep(traits: SensorInfo, calibration: Calibration) -> None:
    """Keep what was found of a sensor, in the place of what was known of it; raises `CalibrationError`."""
    entries = _entries(_path())
    entries[traits.key] = {
        "device": traits.device,
        "driver": traits.driver,
        "found_at": clock.wall(),
        "found": asdict(calibration),
    }
    _write(entries)


def forget(traits: SensorInfo) -> bool:
    """Forget what was found of a sensor, under any driver; return whether there was anything to forget.

    Raises
    ------
    CalibrationError
        If the file can't be read or written; one sentence.
    """
    entries = _entries(_path())
    known = entries.pop(traits.key, None) is not None
    if known:
        _write(entries)
    return known


def _path() -> Path:
    return data_folder() / NAME


def _entries(path: Path) -> dict[str, dict[str, Any]]:
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise CalibrationError(f"Calibrations in {path} can't be read ({error}); delete the file.") from error
    devices = held.get("devices") if isinstance(held, dict) and held.get("version") == VERSION else None
    if not isinstance(devices, dict) or not all(isinstance(entry, dict) for entry in devices.values()):
        raise CalibrationError(f"Calibrations in {path} are of another form than this version's; delete the file.")
    return devices


def _calibration(held: Any) -> Calibration:
    """A calibration as it was kept; figures that can't be true are refused."""
    given: dict[str, Any] = {}
    for item in fields(Calibration):
        value: Any = held.get(item.name) if isinstance(held, dict) else None
        number = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < _LARGEST
        if not number and not (value is None and item.default is None):
            raise CalibrationError(f"A calibration in {_path()} holds figures that can't be true; delete the file.")
        given[item.name] = value
    if not 0 < given["duty"] <= 1 or max(given["latency"], given["latency_doubt"]) > 1 or given["gain"] == 0:
        raise CalibrationError(f"A calibration in {_path()} holds figures that can't be true; delete the file.")
    return Calibration(**given)


def _write(entries: dict[str, dict[str, Any]]) -> None:
    path = _path()
    try:
        write_whole(path, json.dumps({"version": VERSION, "devices": entries}, indent=1))
    except OSError as error:
        raise CalibrationError(f"Calibrations can't be kept in {path} ({error.strerror or error}).") from error
