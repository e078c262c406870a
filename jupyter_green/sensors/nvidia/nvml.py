"""The connection of this process to NVML, NVIDIA's management library.

It is opened on first use, once for all GPUs. It is reopened in a forked child, and after a lost GPU or a driver
reload, since the GPU is visible again only after reopening. The time between attempts grows while they fail,
because each may take a second. NVML counts its users: what was not opened here is never shut down. Results are
returned unchanged; an error becomes an `NvmlError` with NVML's code.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from jupyter_green.errors import GreenError
from jupyter_green.records import clock

UNINITIALIZED = 1
NOT_SUPPORTED = 3
NO_PERMISSION = 4
NOT_FOUND = 6
INSUFFICIENT_SIZE = 7
DRIVER_NOT_LOADED = 9
LIBRARY_NOT_FOUND = 12
FUNCTION_NOT_FOUND = 13
GPU_IS_LOST = 15
VERSION_MISMATCH = 18
UNKNOWN = 999

BROKEN = frozenset({UNINITIALIZED, 2, NOT_FOUND, DRIVER_NOT_LOADED, GPU_IS_LOST, 16, 17, VERSION_MISMATCH, 28, UNKNOWN})
"""Error codes after which only reopening the library can help."""

REASONS = {
    UNINITIALIZED: "the connection to the NVIDIA driver was closed by another part of this program",
    2: "the NVIDIA driver no longer knows it",
    NOT_SUPPORTED: "this GPU or its driver does not offer the reading",
    NO_PERMISSION: "this user may not read it",
    NOT_FOUND: "the NVIDIA driver no longer lists it",
    DRIVER_NOT_LOADED: "the NVIDIA driver is not loaded",
    10: "the NVIDIA driver did not answer in time",
    LIBRARY_NOT_FOUND: "the driver's library libnvidia-ml.so.1 was not found",
    FUNCTION_NOT_FOUND: "the NVIDIA driver is too old for the reading",
    14: "the GPU's stored identity (InfoROM) is damaged",
    GPU_IS_LOST: "the NVIDIA driver lost the GPU (it fell off the bus, was reset, or its driver was reloaded)",
    16: "the GPU must be reset before it answers again",
    17: "the operating system blocked the request",
    VERSION_MISMATCH: "the NVIDIA driver was updated and not yet reloaded",
    20: "the NVIDIA driver is out of memory",
    28: "the NVIDIA driver no longer lists it",
    UNKNOWN: "the NVIDIA driver reported an unknown error",
}

_FIELD_VALUES = ("dVal", "uiVal", "ulVal", "ullVal", "sllVal", "siVal")


class NvmlError(GreenError):
    """The driver returned an error; the message is a part of a sentence."""

    def __init__(self, code: int) -> None:
        super().__init__(REASONS.get(code, f"the NVIDIA driver answered with error {code}"))
        self.code = code


class Connection:
    """Calls to NVML, opened on first use.

    Raises
    ------
    ImportError
        From any call, if the package nvidia-ml-py is not installed.
    NvmlError
        From any call for which the driver returns an error.
    """

    FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0  # seconds between attempts to reopen

    def __init__(self) -> None:
        self._nvml: ModuleType | None = None
        self._handles: dict[str, Any] = {}
        self._process = 0
        self._users = 0
        self._code = 0
        self._wait = self.FIRST_WAIT
        self._next = 0.0
        self._lock = threading.RLock()

    def acquire(self) -> None:
        """Open the library if it is closed, and add one user."""
        with self._lock:
            self._ensure(patient=False)
            self._users += 1

    def release(self) -> None:
        """Remove one user; the last one closes the library."""
        with self._lock:
            self._users -= 1
            if self._users <= 0 and self._process == os.getpid():
                self._shut()

    def ask(self, name: str, *arguments: Any) -> Any:
        """Call a function of `pynvml` and return its result."""
        nvml = self._module()
        function = getattr(nvml, name, None)
        if function is None:  # an older package, or another one of the same name
            raise NvmlError(FUNCTION_NOT_FOUND)
        try:
            return function(*arguments)
        except nvml.NVMLError as error:
            raise NvmlError(int(getattr(error, "value", UNKNOWN))) from error
        except getattr(nvml, "NVMLLibraryMismatchError", nvml.NVMLError) as error:
            raise NvmlError(FUNCTION_NOT_FOUND) from error

    def fields(self, handle: Any, wanted: Sequence[tuple[int, int]]) -> list[float | NvmlError]:
        """Return the values of (field, scope) pairs; an `NvmlError` for each that can't be read."""
        values = self.ask("nvmlDeviceGetFieldValues", handle, list(wanted))
        return [_value(value) for value in values]

    def handle(self, uuid: str) -> Any:
        """Return the driver's handle of a GPU."""
        if self._process != os.getpid():
            self._ensure()
        device_handle = self._handles.get(uuid)
        if device_handle is None:
            device_handle = self._handles[uuid] = self.ask("nvmlDeviceGetHandleByUUID", uuid)
        return device_handle

    def reopen(self) -> None:
        """Close and reopen the library, unless the last attempt is too recent."""
        with self._lock:
            if clock.monotonic() < self._next:
                return
            self._postpone()
            self._shut()
            self._open()

    def works(self) -> None:
        """Reset the waiting time after a successful reading."""
        self._wait = self.FIRST_WAIT
        self._next = min(self._next, clock.monotonic() + self.FIRST_WAIT)

    def forget(self) -> None:
        """Reset in a forked child, which inherits neither the connection nor a usable lock."""
        self._lock = threading.RLock()
        self._process = 0
        self._handles = {}
        self._next = 0.0

    def _module(self) -> ModuleType:
        if self._nvml is None:
            with warnings.catch_warnings():  # an old package of this name warns
                warnings.simplefilter("ignore")
                import pynvml
            self._nvml = pynvml
        return self._nvml

    def _ensure(self, patient: bool = True) -> None:
        with self._lock:
            if self._process == os.getpid():
                return
            if patient and clock.monotonic() < self._next:
                raise NvmlError(self._code)
            try:
                self._open()
            except NvmlError:
                self._postpone()
                raise

    def _open(self) -> None:
        try:
            self.ask("nvmlInit")
        except NvmlError as refusal:
            self._code = refusal.code
            raise
        self._process = os.getpid()

    def _shut(self) -> None:
        self._handles = {}
        if self._process != os.getpid():
            return
        self._process = 0
        try:
            self.ask("nvmlShutdown")
        except NvmlError:
            return  # already closed by other code, or the driver is gone

    def _postpone(self) -> None:
        self._next = clock.monotonic() + self._wait
        self._wait = min(2 * self._wait, self.LONGEST_WAIT)


def _value(answer: Any) -> float | NvmlError:
    if answer.nvmlReturn != 0:
        return NvmlError(int(answer.nvmlReturn))
    if not 0 <= answer.valueType < len(_FIELD_VALUES):
        return NvmlError(NOT_SUPPORTED)
    return float(getattr(answer.value, _FIELD_VALUES[answer.valueType]))


connection = Connection()
"""Shared by all sensors of this process."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=connection.forget)
