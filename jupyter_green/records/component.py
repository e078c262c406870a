"""Energy of one device over a window.

A component always states how its figure was obtained: `method` (hardware counter, integrated power, model) and
`quality`. A device that could not be read has a component with ``joules=None`` and a `note`; it never counts as 0.
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
    """Return the quality of a sum: the weakest quality among its parts; None without any."""
    present = set(qualities)
    return next((quality for quality in _WEAKEST if quality in present), None)


@dataclass(frozen=True)
class Component:
    """Energy of one device over one window.

    Parameters
    ----------
    kind : {"gpu", "cpu", "dram", "other"}
        Class of device.
    device : str
        Display name, such as ``"GPU 0, NVIDIA A10"``.
    key : str
        Stable id of the sensor, such as ``"nvidia:GPU-6f0c…"``.
    joules : float or None
        Energy in joules; None without a reading.
    uncertainty : float or None
        Half-width of the 95 % interval in joules, gain error included.
    gain_uncertainty : float or None
        The part of `uncertainty` that is the sensor's systematic (gain) error, in joules.
    method : {"counter", "power", "model"}
        How the figure was obtained.
    quality : {"measured", "estimated", "simulated"}
        Quality of the figure.
    scope : str
        What the figure covers, such as ``"whole board"`` or ``"this kernel and its children"``.
    source : str
        Name of the sensor's source; gain errors are fully correlated within one source.
    idle_joules : float or None
        Energy that the idle device would have used in the same time.
    own_joules : float or None
        Energy attributed to this process tree; None if unknown.
    shared : bool or None
        Whether other processes used the device in the window; None if unknown.
    tick_seconds : float or None
        Observed update period of the sensor, in seconds.
    note : str or None
        Why a reading is missing, uncertain or attributed, one sentence for each; never parsed by code.
    cpu_seconds : float or None
        CPU time from which a model computed the figure, in seconds; None for a sensor.
    others_busy : float or None
        Share of the machine's cores that other processes kept busy, 0 to 1; None if unknown.
    celsius, clock_mhz, clock_spread_mhz, throttle
        As in `Conditions`; None if the driver does not report them.
    power_mismatch : PowerMismatch or None
        Difference between the device's power readings and its counter; None if they agree or can't be compared.
    covers_memory : bool
        Whether the figure includes the main memory, as that of a whole module or platform does.
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
    covers_memory: bool = False

    @property
    def conditions(self) -> Conditions:
        """Conditions of the device."""
        return Conditions(self.celsius, self.clock_mhz, self.clock_spread_mhz, self.throttle)

    def noted(self, said: str) -> Component:
        """Return a copy with a sentence added to its note, unless the note contains it."""
        note = self.note or ""
        return self if said in note else replace(self, note=f"{note} {said}".strip())

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        data = asdict(self)
        data["throttle"] = None if self.throttle is None else list(self.throttle)
        return data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Component:
        """Rebuild a component from the output of `to_dict`; unknown keys are ignored."""
        codes, mismatch = data.get("throttle"), data.get("power_mismatch")
        values = {name: value for name, value in data.items() if name in _FIELDS}
        values["throttle"] = tuple(codes) if isinstance(codes, (list, tuple)) else None
        if mismatch is not None:
            values["power_mismatch"] = PowerMismatch.from_dict(mismatch)
        elif "power_mismatch" not in data:
            values["power_mismatch"] = old_mismatch(data.get("note"))
        if "covers_memory" not in data:
            values["covers_memory"] = _old_covers_memory(data.get("scope"))
        return cls(**values)


def _old_covers_memory(scope: object) -> bool:
    """Return the fact that records stored before the field existed state in their scope only."""
    words = ("dram", "module", "platform", "whole machine")
    return isinstance(scope, str) and any(word in scope.lower() for word in words)


_FIELDS = frozenset(field.name for field in fields(Component))
