"""Discovery of NVIDIA GPUs: which exist, which this process may use, and how each can be read."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from jupyter_green.sensors.base import Diagnostic, Discovery, Sensor, SensorInfo
from jupyter_green.sensors.cpu_model import KEY as PROCESSOR_MODEL

from .cuda_visible_devices import Device, choose
from .diagnostics import SOURCE, SUBJECT, explain
from .gpu import NvidiaSensor
from .nvml import BROKEN, NvmlError, connection
from .read_method import MAYBE_PART_TIME, MODULE, SCOPES, best_read_method, least_duty, power_limit

WHOLE_SLICED = "whole GPU; MIG slices have no energy sensor of their own"

# NVIDIA's usual figure for power readings is ±5 %. Compared with external meters, GPUs were off by -6 % to +11 %
# (arXiv 2312.02741, data of its repository), each by a constant gain error that repetition does not average out.
GAIN = 0.05

# Observed update periods: 20 ms (Volta) to 104 ms (A100), same data. Latency is the longest delay of a value.
PERIOD = (0.02, 0.1)
LATENCY = 0.03


def discover() -> Discovery:
    """Return a sensor for each GPU that CUDA_VISIBLE_DEVICES leaves visible, and diagnostics."""
    try:
        connection.acquire()
    except (ImportError, NvmlError) as error:
        return Discovery(findings=(explain(error),))
    try:
        return _look()
    except NvmlError as refusal:
        return Discovery(findings=(explain(refusal),))
    finally:
        connection.release()


def _look() -> Discovery:
    driver = _text(connection.ask("nvmlSystemGetDriverVersion"))
    gpus, refusals = _boards()
    if any(refusal.code in BROKEN for refusal in refusals.values()):
        # The library was perhaps opened before the GPU came back: reopening it may help.
        connection.reopen()
        gpus, refusals = _boards()
    if not gpus:
        return Discovery(
            findings=(Diagnostic(SOURCE, SUBJECT, False, "The NVIDIA driver is loaded but lists no GPU."),)
        )
    visible_devices = os.environ.get("CUDA_VISIBLE_DEVICES")
    choice = choose(gpus, visible_devices)
    sensors: list[Sensor] = []
    findings: list[Diagnostic] = []
    for index, gpu in enumerate(choice.boards):
        if gpu.number in refusals:
            findings.append(_unreadable(f"GPU {index}", refusals[gpu.number]))
            continue
        sensor, finding = _sensor(index, gpu, driver)
        sensors += [sensor] if sensor else []
        findings.append(finding)
    if choice.problem or not choice.boards:
        findings.append(_hidden(choice.problem, len(gpus), bool(choice.boards)))
    elif choice.numbered and len(gpus) > 1 and os.environ.get("CUDA_DEVICE_ORDER") != "PCI_BUS_ID":
        findings.append(_order(visible_devices is not None))
    return Discovery(tuple(sensors), tuple(findings))


def _boards() -> tuple[list[Device], dict[int, NvmlError]]:
    """Return all GPUs, and the errors of those without a UUID; these stay in the list, so that indices are right."""
    gpus: list[Device] = []
    refusals: dict[int, NvmlError] = {}
    for number in range(connection.ask("nvmlDeviceGetCount")):
        try:
            handle = connection.ask("nvmlDeviceGetHandleByIndex", number)
            gpus.append(Device(number, _text(connection.ask("nvmlDeviceGetUUID", handle)), _slices(handle)))
        except NvmlError as refusal:
            refusals[number] = refusal
            gpus.append(Device(number, ""))
    return gpus, refusals


def _sensor(index: int, board: Device, driver: str) -> tuple[Sensor | None, Diagnostic]:
    simulated = "simulated" in driver.lower()
    device = f"GPU {index}"
    try:
        handle = connection.handle(board.uuid)
        device = f"GPU {index}, {_text(connection.ask('nvmlDeviceGetName', handle))}"
        method = best_read_method(handle)
    except NvmlError as refusal:
        return None, _unreadable(device, refusal)
    divided = bool(board.slices) or _sliced(handle)
    scope = WHOLE_SLICED if divided else SCOPES[method.scope]
    # A mean over 1 s samples all of the time. The meter finds out from the readings whether they are such a mean.
    duty = least_duty(handle)
    note = method.note or (MAYBE_PART_TIME.format(duty) if duty < 1.0 and method.averaging < 1.0 else None)
    traits = SensorInfo(
        key=f"{SOURCE}:{board.uuid}",
        kind="gpu",
        device=device,
        method=method.method,
        quality="simulated" if simulated else "measured",
        scope=scope,
        covers_memory=method.scope == MODULE,
        source=SOURCE,
        gain=GAIN,
        resolution=1e-3,
        period=PERIOD,
        latency=LATENCY,
        averaging=method.averaging,
        duty=duty,
        power_limit=power_limit(handle, method),
        # The module's meter includes the CPU: the CPU model must not be added.
        covers=(PROCESSOR_MODEL,) if method.scope == MODULE else (),
        driver=driver,
        divided=divided,
        note=note,
    )
    summary = (
        "Its energy counter works"
        if method.method == "counter"
        else "Its power reading works, an energy counter does not"
    )
    detail = f"{summary}; scope: {scope}{', simulated' if simulated else ''}."
    detail += f" {method.note}" if method.note else ""
    return NvidiaSensor(board.uuid, traits, method), Diagnostic(SOURCE, device, True, detail)


def _slices(handle: Any) -> tuple[str, ...]:
    if not _sliced(handle):
        return ()
    uuids = []
    try:
        count = connection.ask("nvmlDeviceGetMaxMigDeviceCount", handle)
    except NvmlError:
        return ()  # the board is metered as a whole all the same
    for number in range(count):
        try:
            part = connection.ask("nvmlDeviceGetMigDeviceHandleByIndex", handle, number)
            uuids.append(_text(connection.ask("nvmlDeviceGetUUID", part)))
        except NvmlError:
            continue  # an index without a slice returns NOT_FOUND
    return tuple(uuids)


def _sliced(handle: Any) -> bool:
    try:
        return bool(connection.ask("nvmlDeviceGetMigMode", handle)[0])
    except NvmlError:
        return False  # GPUs without MIG return an error


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _unreadable(device: str, refusal: NvmlError) -> Diagnostic:
    return replace(explain(refusal), subject=device, detail=f"It has no reading: {refusal}.")


def _hidden(problem: str | None, count: int, some: bool) -> Diagnostic:
    detail = problem or f"CUDA_VISIBLE_DEVICES hides the {count} NVIDIA GPU(s) of this machine from this process."
    advice = "Set CUDA_VISIBLE_DEVICES to what this process uses, or unset it, and restart the kernel."
    return Diagnostic(SOURCE, SUBJECT, some, detail, advice=advice)


def _order(chosen: bool) -> Diagnostic:
    effect = "another GPU than the one used may be metered" if chosen else "a GPU may have another number than in CUDA"
    detail = f"The driver numbers GPUs by their place on the bus, CUDA by speed unless configured otherwise; {effect}."
    fix = ("export CUDA_DEVICE_ORDER=PCI_BUS_ID",)
    return Diagnostic(SOURCE, "order of NVIDIA GPUs", True, detail, fix, "Set it before the kernel starts.")
