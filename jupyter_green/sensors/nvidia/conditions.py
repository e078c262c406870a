"""Condition of a GPU: temperature, clock and throttle reasons, as far as the driver reports them."""

from __future__ import annotations

from typing import Any

from jupyter_green.records import Throttle
from jupyter_green.sensors.base import Condition

from .nvml import FUNCTION_NOT_FOUND, NOT_SUPPORTED, NvmlError, connection

CORE_SENSOR = 0  # NVML_TEMPERATURE_GPU
SM_CLOCK = 1  # NVML_CLOCK_SM
IDLE = 0x1
CAUSES: dict[int, Throttle] = {
    0x4: "power_cap",  # SwPowerCap
    0x20: "thermal",  # SwThermalSlowdown
    0x40: "thermal",  # HwThermalSlowdown
    0x80: "power_brake",  # HwPowerBrakeSlowdown
}
"""Bits of nvml.h's clocks event reasons, without those that are user settings (set clocks, sync boost, display)."""
SLOWDOWN = 0x8
"""HwSlowdown: set together with one of the two hardware causes, or alone."""

REASONS = ("nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons")
"""Name of the call, and its name before driver 535."""


class ConditionReader:
    """Reads the condition of a GPU; a call that its driver does not support is made only once."""

    def __init__(self) -> None:
        self._absent: set[str] = set()

    def read(self, handle: Any) -> Condition:
        """Return the present condition."""
        celsius = self._ask("nvmlDeviceGetTemperature", handle, CORE_SENSOR)
        reasons = None
        for name in REASONS:
            reasons = self._ask(name, handle)
            if reasons is not None:
                break
        idle = reasons is not None and int(reasons) & IDLE
        clock = None if idle else self._ask("nvmlDeviceGetClockInfo", handle, SM_CLOCK)
        return Condition(
            None if celsius is None else float(celsius),
            None if clock is None else float(clock),
            None if reasons is None else causes(int(reasons)),
        )

    def _ask(self, name: str, handle: Any, *arguments: Any) -> Any:
        if name in self._absent:
            return None
        try:
            return connection.ask(name, handle, *arguments)
        except NvmlError as refusal:
            if refusal.code in (NOT_SUPPORTED, FUNCTION_NOT_FOUND):
                self._absent.add(name)
            return None


def causes(bits: int) -> frozenset[Throttle]:
    """Return why the clock is reduced, from the driver's bits."""
    reasons: set[Throttle] = {cause for bit, cause in CAUSES.items() if bits & bit}
    if bits & SLOWDOWN and not bits & (0x40 | 0x80):
        reasons.add("hardware")
    return frozenset(reasons)
