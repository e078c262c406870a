"""``jupyter green doctor``: check every sensor and print what works, what does not and how to fix it."""

from __future__ import annotations

from jupyter_green.reporting import Doctor
from jupyter_green.sensors import discover


def doctor() -> int:
    """Print the doctor's report; return 0 if at least one device is measured, else 1."""
    from .exit_codes import FAILED, OK

    discovery = discover()
    print(Doctor(discovery.findings, [sensor.traits for sensor in discovery.sensors]).text())
    for sensor in discovery.sensors:
        sensor.close()
    return OK if any(sensor.traits.quality == "measured" for sensor in discovery.sensors) else FAILED
