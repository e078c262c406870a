"""How a board is read: the best of the ways that it answers to, tried out and never inferred from its name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from jupyter_green.records import Method

from .nvml import FUNCTION_NOT_FOUND, NOT_SUPPORTED, NvmlError, connection

WHOLE_BOARD = "whole board"
WHOLE_MODULE = "whole module (CPU and GPU)"

ENERGY_CALL, POWER_CALL = "nvmlDeviceGetTotalEnergyConsumption", "nvmlDeviceGetPowerUsage"

# Fields of nvmlDeviceGetFieldValues and their scopes (nvml.h).
AVERAGE_POWER, INSTANT_POWER, ENERGY = 185, 186, 191
GPU, MODULE = 0, 1
COVERED = {GPU: WHOLE_BOARD, MODULE: WHOLE_MODULE}

ABSENT = (NOT_SUPPORTED, FUNCTION_NOT_FOUND)

_PART_TIME = {
    0.025: "This board looks at its power a quarter of the time; work in a rhythm near 0.1 s is missed or doubled.",
    0.01: "This board looks at its power half of the time; work in a rhythm near 20 ms is missed or doubled.",
}

# Generations whose power reading looks at a part of the time only (architecture and compute capability of nvml.h;
# Yang et al., arXiv 2312.02741, data file). Whether their energy counter does so too has not been published.
_PART_TIME_CHIPS = {(4, None): 0.5, (5, None): 0.5, (7, (8, 0)): 0.25, (9, None): 0.25}

MAYBE_PART_TIME = (
    "Its power reading looks at the board {:.0%} of the time; should the counter do so too, short or changeable work "
    "is known as badly as the interval says (%energy calibrate can tell)."
)


def least_duty(handle: Any) -> float:
    """Return the least share of the time that a board of this generation may be looked at; 1 where it can't be told."""
    try:
        chip = connection.ask("nvmlDeviceGetArchitecture", handle)
        capability = tuple(connection.ask("nvmlDeviceGetCudaComputeCapability", handle))
    except NvmlError:
        return 1.0
    return _PART_TIME_CHIPS.get((chip, None), _PART_TIME_CHIPS.get((chip, capability), 1.0))


@dataclass(frozen=True)
class ReadMethod:
    """One way to read a board: a call of its own, or a field in a scope; both in thousandths of `method`'s unit."""

    method: Method
    call: str | None = None
    field: tuple[int, int] = (0, 0)
    averaging: float = 0.0
    scope: str = WHOLE_BOARD
    note: str | None = None

    def value(self, handle: Any) -> float:
        """Return joules or watts; raises `NvmlError`."""
        if self.call is not None:
            return float(connection.ask(self.call, handle)) / 1000.0
        answer = connection.fields(handle, [self.field])[0]
        if isinstance(answer, NvmlError):
            raise answer
        return answer / 1000.0


def best_read_method(handle: Any) -> ReadMethod:
    """Return the best way to read a board, tried out; raises the most telling refusal where there is none."""
    refusals: dict[str, NvmlError] = {}
    way = _way(handle, refusals)
    barred = {call: refusal for call, refusal in refusals.items() if refusal.code not in ABSENT}
    if way is None:
        raise next(iter(barred.values()), NvmlError(NOT_SUPPORTED))
    if way.method == "power" and ENERGY_CALL in barred:
        # A counter that is there and can't be read is another matter than none: say so.
        said = f"Its energy counter can't be read: {barred[ENERGY_CALL]}."
        way = replace(way, note=" ".join(filter(None, (said, way.note))))
    return way


def _way(handle: Any, refusals: dict[str, NvmlError]) -> ReadMethod | None:
    """Try the ways in order of their worth; what was refused on the way goes into `refusals`."""

    def answers(call: str) -> bool:
        try:
            # A counter that stands at 0 is one that the driver does not keep.
            return bool(connection.ask(call, handle))
        except NvmlError as refusal:
            refusals[call] = refusal
            return False

    pairs = [(field, scope) for scope in (GPU, MODULE) for field in (AVERAGE_POWER, INSTANT_POWER, ENERGY)]
    try:
        fields = dict(zip(pairs, connection.fields(handle, pairs), strict=True))
    except NvmlError as refusal:
        fields = dict.fromkeys(pairs, refusal)
    offered = {pair for pair, value in fields.items() if not isinstance(value, NvmlError) and value}
    powers = {scope for field, scope in offered if field != ENERGY}
    # Grace: the module has a meter, and the GPU perhaps none of its own. The call that names no scope counts the
    # module there (so Zeus found, pull request 172); a GPU's field that shows the module's figure is the module's.
    scoped = [scope for scope in (GPU, MODULE) if (ENERGY, scope) in offered]
    if len(scoped) == 2 and fields[ENERGY, GPU] == fields[ENERGY, MODULE]:
        scoped = [MODULE]
    whole = COVERED[MODULE] if MODULE in powers or scoped == [MODULE] else COVERED[GPU]
    if not (scoped and MODULE in powers) and answers(ENERGY_CALL):
        return ReadMethod("counter", call=ENERGY_CALL, scope=whole)
    if scoped:
        return ReadMethod("counter", field=(ENERGY, scoped[0]), scope=COVERED[scoped[0]])
    # The 1 s average sees all of the time; instantaneous readings of some boards see a quarter of it.
    for scope in (GPU, MODULE):
        if (AVERAGE_POWER, scope) in offered:
            return ReadMethod("power", field=(AVERAGE_POWER, scope), averaging=1.0, scope=COVERED[scope])
    plain, instant = _windows(handle)
    if answers(POWER_CALL):
        return ReadMethod("power", call=POWER_CALL, averaging=plain, scope=whole, note=_PART_TIME.get(plain))
    for scope in (GPU, MODULE):
        if (INSTANT_POWER, scope) in offered:
            note = _PART_TIME.get(instant)
            return ReadMethod("power", field=(INSTANT_POWER, scope), averaging=instant, scope=COVERED[scope], note=note)
    return None


def shown_power(handle: Any, way: ReadMethod) -> float | None:
    """Return the power that a board shows in watts, of the same scope as its counter and averaged over a second.

    Boards that show only a shorter mean (GA100, Volta and older) have nothing to hold a second of the counter
    against. Raises `NvmlError` where the driver does not answer.
    """
    scope = MODULE if way.scope == WHOLE_MODULE else GPU
    answer = connection.fields(handle, [(AVERAGE_POWER, scope)])[0]
    if not isinstance(answer, NvmlError) and answer:
        return answer / 1000.0
    if scope == GPU and _windows(handle)[0] == 1.0:
        return float(connection.ask(POWER_CALL, handle)) / 1000.0
    return None


def _windows(handle: Any) -> tuple[float, float]:
    """Return the seconds over which the plain and the instantaneous power reading are averaged.

    nvml.h: the plain one over 1 s on Ampere and later, except GA100. The rest: arXiv 2312.02741, data file.
    """
    try:
        capability = tuple(connection.ask("nvmlDeviceGetCudaComputeCapability", handle))
    except NvmlError:
        return 1.0, 0.1
    if capability >= (8, 0):
        return 0.025 if capability == (8, 0) else 1.0, 0.025 if capability in {(8, 0), (9, 0)} else 0.1
    return (0.1, 0.1) if capability >= (7, 5) else (0.01, 0.01)


def power_limit(handle: Any, way: ReadMethod) -> float | None:
    """Return the power in watts that a board is held to now; None where none is told.

    The limit of a whole module is another one, which is not told.
    """
    if way.scope == WHOLE_MODULE:
        return None
    try:
        return float(connection.ask("nvmlDeviceGetEnforcedPowerLimit", handle)) / 1000.0
    except NvmlError:
        return None
