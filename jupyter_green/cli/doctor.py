"""``jupyter green doctor``: look at every sensor now and say what works, what does not and what mends it."""

from __future__ import annotations

from jupyter_green.reporting import Doctor
from jupyter_green.sensors import discover


def doctor() -> int:
    """Print the doctor's report; return 0 where at least one device is measured, else 1."""
    from .exit_codes import FAILED, OK

    found = discover()
    print(Doctor(found.findings, [sensor.traits for sensor in found.sensors]).text())
    for sensor in found.sensors:
        sensor.close()
    return OK if any(sensor.traits.quality == "measured" for sensor in found.sensors) else FAILED
