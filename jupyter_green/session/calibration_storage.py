"""Stores calibrations of counters in one small file in the user's data folder.

A calibration is valid for one device and one driver version. It is applied when the next session starts. If the file is
invalid, no calibration is applied and the problem is reported.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from jupyter_green.errors import GreenError
from jupyter_green.metering.calibration.model import Calibration
from jupyter_green.records import clock
from jupyter_green.sensors import Sensor, SensorInfo
from jupyter_green.storage.atomic_file import write_whole
from jupyter_green.storage.location import data_folder

NAME = "calibration.json"
VERSION = 1
_LARGEST = 1e6
_LATEST = 253_402_300_800  # the year 10000: `datetime` ends there


class CalibrationError(GreenError, ValueError):
    """The calibration file can't be read or written."""


@dataclass(frozen=True)
class StoredCalibration:
    """A calibration as stored in the file."""

    key: str
    device: str
    driver: str
    """Key of the sensor, device name, and driver version at the time of the calibration."""
    found_at: float | None
    """Unix time of the calibration in seconds; None if the file does not say."""
    found: Calibration


def kept_calibrations() -> list[StoredCalibration]:
    """Return all calibrations in the file, for any device and driver.

    Raises CalibrationError if the file can't be read.
    """
    calibrations = []
    for key, entry in _entries(_path()).items():
        found_at = entry.get("found_at")
        timestamp = float(found_at) if isinstance(found_at, (int, float)) and 0 < found_at < _LATEST else None
        device, driver = (str(entry.get(name, "")) for name in ("device", "driver"))
        calibrations.append(StoredCalibration(key, device, driver, timestamp, _calibration(entry.get("found"))))
    return calibrations


def known_calibrations(sensors: Iterable[Sensor]) -> tuple[dict[str, Calibration], str | None]:
    """Return the valid calibrations of some sensors by sensor key, and the problem with the file or None."""
    try:
        entries = _entries(_path())
        calibrations = {}
        for traits in (sensor.traits for sensor in sensors):
            entry = entries.get(traits.key)
            if entry is not None and entry.get("driver") == traits.driver and traits.method == "counter":
                calibrations[traits.key] = _calibration(entry.get("found"))
    except CalibrationError as error:
        return {}, str(error)
    return calibrations, None


def keep(traits: SensorInfo, calibration: Calibration) -> None:
    """Store the calibration of a sensor, replacing an earlier one.

    Raises CalibrationError if the file can't be read or written.
    """
    entries = _entries(_path())
    entries[traits.key] = {
        "device": traits.device,
        "driver": traits.driver,
        "found_at": clock.wall(),
        "found": asdict(calibration),
    }
    _write(entries)


def forget(traits: SensorInfo) -> bool:
    """Delete the calibration of a sensor, for any driver; return whether there was one.

    Raises
    ------
    CalibrationError
        If the file can't be read or written.
    """
    entries = _entries(_path())
    existed = entries.pop(traits.key, None) is not None
    if existed:
        _write(entries)
    return existed


def _path() -> Path:
    return data_folder() / NAME


def _entries(path: Path) -> dict[str, dict[str, Any]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise CalibrationError(f"Calibrations in {path} can't be read ({error}); delete the file.") from error
    devices = content.get("devices") if isinstance(content, dict) and content.get("version") == VERSION else None
    if not isinstance(devices, dict) or not all(isinstance(entry, dict) for entry in devices.values()):
        raise CalibrationError(f"Calibrations in {path} have another format than this version reads; delete the file.")
    return devices


def _calibration(held: Any) -> Calibration:
    """Parse one stored calibration; raise CalibrationError if a value is out of range."""
    values: dict[str, Any] = {}
    for parameter in fields(Calibration):
        value: Any = held.get(parameter.name) if isinstance(held, dict) else None
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < _LARGEST
        if not is_number and not (value is None and parameter.default is None):
            raise CalibrationError(f"A calibration in {_path()} holds impossible values; delete the file.")
        values[parameter.name] = value
    if not 0 < values["duty"] <= 1 or max(values["latency"], values["latency_doubt"]) > 1 or values["gain"] == 0:
        raise CalibrationError(f"A calibration in {_path()} holds impossible values; delete the file.")
    return Calibration(**values)


def _write(entries: dict[str, dict[str, Any]]) -> None:
    path = _path()
    try:
        write_whole(path, json.dumps({"version": VERSION, "devices": entries}, indent=1))
    except OSError as error:
        raise CalibrationError(f"Calibrations can't be saved in {path} ({error.strerror or error}).") from error
