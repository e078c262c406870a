"""AMD GPUs through ROCm's ``amdsmi``: the GPU's energy accumulator. Untested on hardware.

Written from the sources of amdsmi 6.x and 7.0.2: the accumulator counts in steps of ``counter_resolution``
microjoules and is not available in virtual machines. On a machine without the ROCm device nothing is imported
and there is no diagnostic. ``HIP_VISIBLE_DEVICES`` is not read yet: every GPU that the library lists is counted.
"""

from __future__ import annotations

import contextlib
import importlib
import io
from pathlib import Path
from typing import Any

from jupyter_green.records import clock

from .base import Diagnostic, Discovery, Reading, SensorFault, SensorInfo

SOURCE = "amd"
SUBJECT = "AMD GPUs"
DEVICE = Path("/dev/kfd")
"""ROCm's device file; without it amdsmi can read no GPU."""

UNTESTED = "Untested on hardware."


def discover() -> Discovery:
    """Return a counter for each GPU whose accumulator can be read; nothing without a ROCm device."""
    if not DEVICE.exists():
        return Discovery()
    try:
        # The package prints to standard output if the driver's library is missing, and raises many kinds of error.
        with contextlib.redirect_stdout(io.StringIO()):
            library = importlib.import_module("amdsmi")
            library.amdsmi_init()
            handles = library.amdsmi_get_processor_handles()
    except ModuleNotFoundError:
        detail = "There is an AMD GPU, but the package that reads it is not installed."
        return Discovery(findings=(_finding(SUBJECT, False, detail, ("pip install 'jupyter_green[amd]'",)),))
    except Exception as error:  # noqa: BLE001 - the library raises a dozen kinds of error; each becomes a diagnostic
        detail = f"The ROCm library does not answer ({_told(error)})."
        return Discovery(findings=(_finding(SUBJECT, False, detail),))
    sensors: list[GpuCounter] = []
    findings: list[Diagnostic] = []
    for index, handle in enumerate(handles):
        try:
            sensors.append(GpuCounter(library, handle, index))
        except SensorFault as fault:
            findings.append(_finding(f"AMD GPU {index}", False, str(fault)))
            continue
        detail = "Energy counter of the whole GPU."
        findings.append(_finding(sensors[-1].traits.device, True, detail))
    return Discovery(tuple(sensors), tuple(findings))


class GpuCounter:
    """Energy accumulator of one GPU, by its index in the library's list. Untested on hardware.

    Raises SensorFault if the GPU has no accumulator.
    """

    def __init__(self, library: Any, handle: Any, index: int) -> None:
        self._library = library
        self._handle = handle
        self._device = f"AMD GPU {index}"
        self._epoch = 0
        self._last, step = self._count()
        name = self._ask("amdsmi_get_gpu_asic_info", {}).get("market_name", "")
        identity = self._ask("amdsmi_get_gpu_device_uuid", "") or str(index)
        self._device = f"AMD GPU {index}, {name}" if name and name != "N/A" else self._device
        self.traits = SensorInfo(
            key=f"{SOURCE}:{identity}",
            kind="gpu",
            device=self._device,
            method="counter",
            quality="measured",
            scope="whole board",
            source=SOURCE,
            gain=0.10,  # the maker states none; wider than NVIDIA's usual ±5 %
            resolution=step,
            period=(0.001, 0.1),
            latency=0.03,
            note=UNTESTED,
        )

    def read(self) -> Reading:
        """Return joules since the driver was loaded; raise `SensorFault` if there is no reading."""
        before = clock.perf_counter()
        joules, _ = self._count()
        moment = (before + clock.perf_counter()) / 2
        if joules < self._last:  # 64 bits do not wrap: the driver was reloaded
            self._epoch += 1
        self._last = joules
        return Reading(moment, joules, self._epoch)

    def close(self) -> None:
        """Leave the library open: other code in this process may use it."""

    def _count(self) -> tuple[float, float]:
        """Return the accumulated energy and the counter's resolution, both in joules."""
        try:
            fields = self._library.amdsmi_get_energy_count(self._handle)
            # Before 6.4 the accumulator was only called "power".
            count = fields["energy_accumulator"] if "energy_accumulator" in fields else fields["power"]
            step = float(fields["counter_resolution"]) * 1e-6
            return int(count) * step, step
        except Exception as error:  # the library raises a dozen kinds
            raise SensorFault(f"It does not report its energy ({_told(error)}).") from error

    def _ask(self, name: str, otherwise: Any) -> Any:
        """Return an optional property; `otherwise` on any error."""
        try:
            return getattr(self._library, name)(self._handle)
        except Exception:  # noqa: BLE001 - the library raises a dozen kinds of error
            return otherwise


def _finding(subject: str, works: bool, detail: str, fix: tuple[str, ...] = ()) -> Diagnostic:
    return Diagnostic(SOURCE, subject, works, f"{detail} {UNTESTED}", fix)


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(": ")
