"""One device's share of the energy of a window.

A component never exists without saying how its number came about: ``method`` names the way (a
hardware counter, integrated power, a model), ``quality`` the standing of the figure. A device that
could not be read keeps its component with ``joules=None`` and a ``note``; it is never turned into 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from .conditions import Conditions
from .power_mismatch import PowerMismatch, old_mismatch

Kind = Literal["gpu", "cpu", "dram", "other"]
Method = Literal["counter", "power", "model"]
Quality = Literal["measured", "estimated", "simulated"]
_WEAKEST: tuple[Quality, ...] = ("simulated", "estimated", "measured")


def weakest(qualities: Iterable[str | None]) -> Quality | None:
    """Return what a sum of figures may be called: the weakest quality among them; None where there is none."""
    found = set(qualities)
    return next((quality for quality in _WEAKEST if quality in found), None)


@dataclass(frozen=True)
class Component:
    """Energy of one device over one window.

    Parameters
    ----------
    kind : {"gpu", "cpu", "dram", "other"}
        Class of device.
    device : str
        Name for people, such as ``"GPU 0, NVIDIA A10"``.
    key : str
        Stable identity of the sensor, such as ``"nvidia:GPU-6f0c…"``.
    joules : float or None
        Energy in joules; None where there is no reading.
    uncertainty : float or None
        Half-width in joules of the 95 % interval, sensor gain included.
    gain_uncertainty : float or None
        The part of `uncertainty` that is the sensor's own systematic error, in joules.
    method : {"counter", "power", "model"}
        How the figure came about.
    quality : {"measured", "estimated", "simulated"}
        What the figure may be called.
    scope : str
        What the figure covers, such as ``"whole board"`` or ``"this kernel and its children"``.
    source : str
        Name of the sensor source; gain errors are shared within one source.
    idle_joules : float or None
        What the idle device would have drawn over the same seconds.
    own_joules : float or None
        The part attributed to this process tree; None where it can't be told.
    shared : bool or None
        Whether other processes used the device meanwhile; None where it can't be told.
    tick_seconds : float or None
        Update period of the sensor as seen, in seconds.
    note : str or None
        Why a reading is absent, wide or attributed; a sentence for each of these that holds, for people alone.
    cpu_seconds : float or None
        The processor time that a figure of a model was made from, in seconds; None for a sensor's.
    others_busy : float or None
        The share of the machine's cores that other processes kept busy meanwhile, 0 to 1; None where it is not known.
    celsius, clock_mhz, clock_spread_mhz, throttle
        As in `Conditions`; None where the driver does not tell.
    power_mismatch : PowerMismatch or None
        By how much the device's shown power differs from its counter; None where they agree, or nobody could tell.
    """

    kind: Kind
    device: str
    key: str
    joules: float | None
    uncertainty: float | None
    gain_uncertainty: float | None
    method: Method
    quality: Quality
    scope: str
    source: str = ""
    idle_joules: float | None = None
    own_joules: float | None = None
    shared: bool | None = None
    tick_seconds: float | None = None
    note: str | None = None
    cpu_seconds: float | None = None
    others_busy: float | None = None
    celsius: float | None = None
    clock_mhz: float | None = None
    clock_spread_mhz: float | None = None
    throttle: tuple[str, ...] | None = None
    power_mismatch: PowerMismatch | None = None

    @property
    def conditions(self) -> Conditions:
        """What the device was like."""
        return Conditions(self.celsius, self.clock_mhz, self.clock_spread_mhz, self.throttle)

    def noted(self, said: str) -> Component:
        """Return a copy whose note says one more sentence; what it said before stays."""
        before = self.note or ""
        return self if said in before else replace(self, note=f"{before} {said}".strip())

    def to_dict(self) -> dict[str, Any]:
        """Return the component as plain JSON-ready data."""
        data = asdict(self)
        data["throttle"] = None if self.throttle is None else list(self.throttle)
        return data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Component:
        """Build a component from `to_dict` output; unknown keys are ignored."""
        codes, mismatch = data.get("throttle"), data.get("power_mismatch")
        known = {name: value for name, value in data.items() if name in _FIELDS}
        known["throttle"] = tuple(codes) if isinstance(codes, (list, tuple)) else None
        if mismatch is not None:
            known["power_mismatch"] = PowerMismatch.from_dict(mismatch)
        elif "power_mismatch" not in data:
            known["power_mismatch"] = old_mismatch(data.get("note"))
        return cls(**known)


_FIELDS = frozenset(field.name for field in fields(Component))
