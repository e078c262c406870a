"""How a board is read: the best of the ways that it answers to, tried out and never inferred from its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from jupyter_green.records import Method

from .connection import FUNCTION_NOT_FOUND, NOT_SUPPORTED, Refusal, connection

WHOLE_BOARD = "whole board"
WHOLE_MODULE = "whole module (CPU and GPU)"

# Fields of nvmlDeviceGetFieldValues and their scopes (nvml.h).
AVERAGE_POWER, INSTANT_POWER, ENERGY = 185, 186, 191
GPU, MODULE = 0, 1

ABSENT = (NOT_SUPPORTED, FUNCTION_NOT_FOUND)

_PART_TIME = {
    0.025: "This board looks at its power a quarter of the time; work in a rhythm near 0.1 s is missed or doubled.",
    0.01: "This board looks at its power half of the time; work in a rhythm near 20 ms is missed or doubled.",
}


@dataclass(frozen=True)
class Way:
    """One way to read a board: a call of its own, or a field in a scope; both in thousandths of `method`'s unit."""

    method: Method
    call: str | None = None
    field: tuple[int, int] = (0, 0)
    averaging: float = 0.0
    scope: str = WHOLE_BOARD
    note: str | None = None

    def value(self, handle: Any) -> float:
        """Return joules or watts; raises `Refusal`."""
        if self.call is not None:
            return float(connection.ask(self.call, handle)) / 1000.0
        answer = connection.fields(handle, [self.field])[0]
        if isinstance(answer, Refusal):
            raise answer
        return answer / 1000.0


def best_way(handle: Any) -> Way:
    """Return the best way to read a board, tried out; raises the most telling refusal where there is none."""
    refusals: list[Refusal] = []
    way = _way(handle, refusals)
    barred = next((refusal for refusal in refusals if refusal.code not in ABSENT), None)
    if way is None:
        raise barred or Refusal(NOT_SUPPORTED)
    # A counter that is there and can't be read is another matter than none: say so.
    return way if barred is None else replace(way, note=f"Its energy counter can't be read: {barred}.")


def _way(handle: Any, refusals: list[Refusal]) -> Way | None:
    """Try the ways in order of their worth; what was refused on the way is added to `refusals`."""

    def answers(ask: Callable[[], object]) -> bool:
        try:
            # A counter that stands at 0 is one that the driver does not keep.
            return bool(ask())
        except Refusal as refusal:
            refusals.append(refusal)
            return False

    pairs = [(field, scope) for scope in (GPU, MODULE) for field in (AVERAGE_POWER, INSTANT_POWER, ENERGY)]
    try:
        fields = dict(zip(pairs, connection.fields(handle, pairs), strict=True))
    except Refusal as refusal:
        fields = dict.fromkeys(pairs, refusal)
    offered = {pair for pair, value in fields.items() if not isinstance(value, Refusal) and value}
    # Grace: the GPU has no reading of its own, the module has.
    powers = {scope for field, scope in offered if field != ENERGY}
    scope = WHOLE_MODULE if powers == {MODULE} else WHOLE_BOARD
    if answers(lambda: connection.ask("nvmlDeviceGetTotalEnergyConsumption", handle)):
        return Way("counter", call="nvmlDeviceGetTotalEnergyConsumption", scope=scope)
    for pair, covered in (((ENERGY, GPU), WHOLE_BOARD), ((ENERGY, MODULE), WHOLE_MODULE)):
        if pair in offered:
            return Way("counter", field=pair, scope=covered)
    # The 1 s average sees all of the time; instantaneous readings of some boards see a quarter of it.
    for pair, covered in (((AVERAGE_POWER, GPU), WHOLE_BOARD), ((AVERAGE_POWER, MODULE), WHOLE_MODULE)):
        if pair in offered:
            return Way("power", field=pair, averaging=1.0, scope=covered)
    plain, instant = _windows(handle)
    if answers(lambda: connection.ask("nvmlDeviceGetPowerUsage", handle)):
        return Way("power", call="nvmlDeviceGetPowerUsage", averaging=plain, scope=scope, note=_PART_TIME.get(plain))
    for pair, covered in (((INSTANT_POWER, GPU), WHOLE_BOARD), ((INSTANT_POWER, MODULE), WHOLE_MODULE)):
        if pair in offered:
            return Way("power", field=pair, averaging=instant, scope=covered, note=_PART_TIME.get(instant))
    return None


def _windows(handle: Any) -> tuple[float, float]:
    """Return the seconds over which the plain and the instantaneous power reading are averaged.

    nvml.h: the plain one over 1 s on Ampere and later, except GA100. The rest: arXiv 2312.02741, data file.
    """
    try:
        capability = tuple(connection.ask("nvmlDeviceGetCudaComputeCapability", handle))
    except Refusal:
        return 1.0, 0.1
    if capability >= (8, 0):
        return 0.025 if capability == (8, 0) else 1.0, 0.025 if capability in {(8, 0), (9, 0)} else 0.1
    return (0.1, 0.1) if capability >= (7, 5) else (0.01, 0.01)
