"""Diagnostics for NVIDIA GPUs that can't be read: the cause, and what to do about it.

The same NVML error has different causes in a container, on a machine without a GPU and on one without a driver.
The PCI bus and the device files show which it is.
"""

from __future__ import annotations

import getpass
import os
import platform
import shlex
import sys
from pathlib import Path

from jupyter_green.sensors.base import Diagnostic

from . import nvml

SOURCE, SUBJECT = "nvidia", "NVIDIA GPUs"
VENDOR, DISPLAY = "0x10de", "0x03"  # PCI: NVIDIA, and the class of display controllers
ROOT = Path("/")


def explain(error: ImportError | nvml.NvmlError) -> Diagnostic:
    """Return the diagnostic for an error that prevents reading one GPU or all of them."""
    if isinstance(error, ImportError):
        command = f"{shlex.quote(sys.executable)} -m pip install nvidia-ml-py"
        return Diagnostic(SOURCE, SUBJECT, False, "The Python package nvidia-ml-py is not installed.", (command,))
    if error.code in (nvml.LIBRARY_NOT_FOUND, nvml.DRIVER_NOT_LOADED):
        return _without_driver(error)
    detail = f"The NVIDIA driver gives no readings: {error}."
    if error.code == nvml.VERSION_MISMATCH:
        return Diagnostic(SOURCE, SUBJECT, False, detail, ("sudo reboot",))
    if error.code == nvml.NO_PERMISSION:
        fix, advice = _permission()
        return Diagnostic(SOURCE, SUBJECT, False, detail, fix, advice)
    if error.code == nvml.NOT_SUPPORTED:
        advice = "Nothing can be done here: virtual GPUs and some GPUs have no energy sensor that a user can read."
        return Diagnostic(SOURCE, SUBJECT, False, detail, advice=advice)
    advice = "Look at `nvidia-smi` and `sudo dmesg | grep -i nvrm`; a lost GPU comes back after a reset or a reboot."
    return Diagnostic(SOURCE, SUBJECT, False, detail, advice=advice)


def _without_driver(error: nvml.NvmlError) -> Diagnostic:
    if in_container() and (has_gpu() or (ROOT / "proc/driver/nvidia").exists()):
        detail = "This machine has an NVIDIA GPU, but the driver is not visible inside this container."
        start = (
            "Start the container with `docker run --gpus all -e NVIDIA_DRIVER_CAPABILITIES=compute,utility …` "
            "(the host needs the NVIDIA Container Toolkit)."
        )
        return Diagnostic(SOURCE, SUBJECT, False, detail, advice=start)
    if not has_gpu():
        return Diagnostic(SOURCE, SUBJECT, False, "No NVIDIA GPU and no NVIDIA driver was found on this machine.")
    if error.code == nvml.LIBRARY_NOT_FOUND:
        fix, advice = _installation()
        return Diagnostic(SOURCE, SUBJECT, False, "This machine has an NVIDIA GPU but no NVIDIA driver.", fix, advice)
    detail = "The NVIDIA driver is installed but not loaded."
    return Diagnostic(SOURCE, SUBJECT, False, detail, ("sudo modprobe nvidia",), "If that fails, reboot the machine.")


def has_gpu() -> bool:
    """Whether the PCI bus lists an NVIDIA display controller; False on systems other than Linux."""
    for vendor in (ROOT / "sys/bus/pci/devices").glob("*/vendor"):
        try:
            if vendor.read_text().strip() == VENDOR and vendor.with_name("class").read_text().startswith(DISPLAY):
                return True
        except OSError:
            continue  # the device was removed meanwhile
    return False


def in_container() -> bool:
    """Whether this process appears to run in a container."""
    marks = (ROOT / ".dockerenv", ROOT / "run/.containerenv")
    return "KUBERNETES_SERVICE_HOST" in os.environ or any(mark.exists() for mark in marks)


def _installation() -> tuple[tuple[str, ...], str | None]:
    try:
        system = platform.freedesktop_os_release()
    except OSError:
        system = {}
    family = (system.get("ID", ""), *system.get("ID_LIKE", "").split())
    if "ubuntu" in family:
        return ("sudo ubuntu-drivers install", "sudo reboot"), None
    if "debian" in family:
        advice = "The package is in Debian's non-free component; add that to the apt sources first."
        return ("sudo apt install nvidia-driver", "sudo reboot"), advice
    return (), "Install NVIDIA's driver for this system and reboot."


def _permission() -> tuple[tuple[str, ...], str | None]:
    device = ROOT / "dev/nvidiactl"
    try:
        import grp  # not on Windows

        state = device.stat()
        group, user = grp.getgrgid(state.st_gid).gr_name, getpass.getuser()
    except (ImportError, OSError, KeyError):
        return (), "Ask the administrator of this machine for access to the files /dev/nvidia*."
    if state.st_gid and state.st_mode & 0o060 == 0o060:
        fix = (f"sudo usermod -aG {shlex.quote(group)} {shlex.quote(user)}",)
        return fix, "Log out and in again afterwards."
    return (), "Ask the administrator of this machine for read and write access to the files /dev/nvidia*."
