"""How a GPU is read: the best method that works, found by trying, not from the GPU's name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from jupyter_green.records import Method

from .nvml import FUNCTION_NOT_FOUND, NOT_SUPPORTED, NvmlError, connection

ENERGY_CALL, POWER_CALL = "nvmlDeviceGetTotalEnergyConsumption", "nvmlDeviceGetPowerUsage"

# Fields of nvmlDeviceGetFieldValues and their scopes (nvml.h).
AVERAGE_POWER, INSTANT_POWER, ENERGY = 185, 186, 191
GPU, MODULE = 0, 1
SCOPES = {GPU: "whole board", MODULE: "whole module (CPU and GPU)"}

ABSENT = (NOT_SUPPORTED, FUNCTION_NOT_FOUND)

_PART_TIME = {
    0.025: "This GPU samples power a quarter of the time; work repeated about every 0.1 s is missed or counted twice.",
    0.01: "This GPU samples power half of the time; work repeated about every 20 ms is missed or counted twice.",
}

# Generations whose power reading samples only part of the time, with that share (architecture and compute capability
# of nvml.h; Yang et al., arXiv 2312.02741, data file). For their energy counters nothing has been published.
_PART_TIME_CHIPS = {(4, None): 0.5, (5, None): 0.5, (7, (8, 0)): 0.25, (9, None): 0.25}

MAYBE_PART_TIME = (
    "Its power reading samples {:.0%} of the time; if its counter does so too, short or varying work "
    "is as uncertain as the interval states (%energy calibrate finds out)."
)


def least_duty(handle: Any) -> float:
    """Return the smallest share of the time that GPUs of this generation may be sampled; 1 if unknown."""
    try:
        architecture = connection.ask("nvmlDeviceGetArchitecture", handle)
        capability = tuple(connection.ask("nvmlDeviceGetCudaComputeCapability", handle))
    except NvmlError:
        return 1.0
    return _PART_TIME_CHIPS.get((architecture, None), _PART_TIME_CHIPS.get((architecture, capability), 1.0))


@dataclass(frozen=True)
class ReadMethod:
    """A method to read a GPU: an NVML call, or a field. Raw values are in mJ or mW.

    `scope` is that of nvml.h: `GPU`, or `MODULE` with CPU and memory.
    """

    method: Method
    call: str | None = None
    field: int = 0
    averaging: float = 0.0
    scope: int = GPU
    note: str | None = None

    def value(self, handle: Any) -> float:
        """Return joules or watts; raises `NvmlError`."""
        if self.call is not None:
            return float(connection.ask(self.call, handle)) / 1000.0
        reading = connection.fields(handle, [(self.field, self.scope)])[0]
        if isinstance(reading, NvmlError):
            raise reading
        return reading / 1000.0


def best_read_method(handle: Any) -> ReadMethod:
    """Return the best method that works; raise the most informative `NvmlError` if there is none."""
    refusals: dict[str, NvmlError] = {}
    read_method = _way(handle, refusals)
    barred = {call: refusal for call, refusal in refusals.items() if refusal.code not in ABSENT}
    if read_method is None:
        raise next(iter(barred.values()), NvmlError(NOT_SUPPORTED))
    if read_method.method == "power" and ENERGY_CALL in barred:
        # State that there is a counter, but it can't be read.
        note = f"Its energy counter can't be read: {barred[ENERGY_CALL]}."
        read_method = replace(read_method, note=" ".join(filter(None, (note, read_method.note))))
    return read_method


def _way(handle: Any, refusals: dict[str, NvmlError]) -> ReadMethod | None:
    """Try the methods from best to worst; errors are added to `refusals`, by call."""

    def answers(call: str) -> bool:
        try:
            # A counter at 0 is one that the driver does not update.
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
    # Grace: the module has a meter, the GPU perhaps none. The call without a scope counts the module there (Zeus, pull
    # request 172). A GPU field with the same value as the module's field counts the module too.
    scoped = [scope for scope in (GPU, MODULE) if (ENERGY, scope) in offered]
    if len(scoped) == 2 and fields[ENERGY, GPU] == fields[ENERGY, MODULE]:
        scoped = [MODULE]
    total_scope = MODULE if MODULE in powers or scoped == [MODULE] else GPU
    if not (scoped and MODULE in powers) and answers(ENERGY_CALL):
        return ReadMethod("counter", call=ENERGY_CALL, scope=total_scope)
    if scoped:
        return ReadMethod("counter", field=ENERGY, scope=scoped[0])
    # The 1 s average samples all of the time; instantaneous readings of some GPUs a quarter of it.
    for scope in (GPU, MODULE):
        if (AVERAGE_POWER, scope) in offered:
            return ReadMethod("power", field=AVERAGE_POWER, averaging=1.0, scope=scope)
    plain, instant = _windows(handle)
    if answers(POWER_CALL):
        return ReadMethod("power", call=POWER_CALL, averaging=plain, scope=total_scope, note=_PART_TIME.get(plain))
    for scope in (GPU, MODULE):
        if (INSTANT_POWER, scope) in offered:
            note = _PART_TIME.get(instant)
            return ReadMethod("power", field=INSTANT_POWER, averaging=instant, scope=scope, note=note)
    return None


def reported_power(handle: Any, way: ReadMethod) -> float | None:
    """Return a GPU's reported power in watts, of the same scope as its counter and averaged over 1 s.

    None for GPUs that report only a shorter mean (GA100, Volta and older): it can't be compared with 1 s of the
    counter. Raises `NvmlError` if the driver returns an error.
    """
    reading = connection.fields(handle, [(AVERAGE_POWER, way.scope)])[0]
    if not isinstance(reading, NvmlError) and reading:
        return reading / 1000.0
    if way.scope == GPU and _windows(handle)[0] == 1.0:
        return float(connection.ask(POWER_CALL, handle)) / 1000.0
    return None


def _windows(handle: Any) -> tuple[float, float]:
    """Return the averaging times of the plain and the instantaneous power reading in seconds.

    The plain reading averages over 1 s on Ampere and later, except GA100 (nvml.h). Others: arXiv 2312.02741, data file.
    """
    try:
        capability = tuple(connection.ask("nvmlDeviceGetCudaComputeCapability", handle))
    except NvmlError:
        return 1.0, 0.1
    if capability >= (8, 0):
        return 0.025 if capability == (8, 0) else 1.0, 0.025 if capability in {(8, 0), (9, 0)} else 0.1
    return (0.1, 0.1) if capability >= (7, 5) else (0.01, 0.01)


def power_limit(handle: Any, way: ReadMethod) -> float | None:
    """Return the power limit enforced now in watts; None if it is unknown, as for a whole module."""
    if way.scope == MODULE:
        return None
    try:
        return float(connection.ask("nvmlDeviceGetEnforcedPowerLimit", handle)) / 1000.0
    except NvmlError:
        return None
