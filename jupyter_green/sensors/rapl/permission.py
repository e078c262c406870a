"""Why the RAPL counters can't be read, and the commands that fix it permanently.

The fix is a udev rule, since the counters appear when their kernel module is loaded, possibly after scripts
that run once at start-up. Newer kernels restrict the file of the counter's range as well.
"""

from __future__ import annotations

from pathlib import Path

from jupyter_green.sensors.base import Diagnostic
from jupyter_green.sensors.host import Host

from . import powercap

SOURCE = "rapl"
SUBJECT = "CPU energy counters (RAPL)"

_RULE = (
    'SUBSYSTEM=="powercap", KERNEL=="intel-rapl*:*", ACTION=="add", '
    'RUN+="/bin/chmod a+r /sys%p/energy_uj /sys%p/max_energy_range_uj"'
)
OPEN_TO_ALL = (
    f"echo '{_RULE}' | sudo tee /etc/udev/rules.d/70-jupyter-green.rules",
    "sudo udevadm control --reload",
    "sudo udevadm trigger --settle --action=add --subsystem-match=powercap",
)
"""Commands that let every user read the counters, now and after each start."""

LOAD_MODULE = (
    "echo intel_rapl_msr | sudo tee /etc/modules-load.d/jupyter-green.conf",
    "sudo modprobe intel_rapl_msr",
)


def finding(detail: str, fix: tuple[str, ...] = (), advice: str | None = None) -> Diagnostic:
    """Return a diagnostic for counters that can't be read."""
    return Diagnostic(SOURCE, SUBJECT, False, detail, fix, advice)


def closed(zones: list[str], host: Host) -> Diagnostic:
    """Return the diagnostic for counters that only root may read."""
    detail = f"Linux keeps {', '.join(zones)} closed to all but root since CVE-2020-8694, and this process is not root."
    return finding(detail, OPEN_TO_ALL, _advice_on_opening(host))


def _advice_on_opening(host: Host) -> str:
    if host.place == "container":
        return "Run these on the machine that hosts this container."
    return "Leave them closed on a machine whose users don't trust one another: power readings can leak secrets."


def absent(tree: Path, simulated: bool, host: Host) -> Diagnostic:
    """Return the diagnostic for a tree without zones, with the reason if it is known."""
    if simulated:
        return finding(f"{powercap.VARIABLE} names {tree}, which holds no RAPL zones.")
    if host.place == "WSL":
        return finding("WSL passes no energy counter of the processor on to Linux.")
    if host.place == "container":
        hidden = "the container hides what is in them" if powercap.present(tree) else "the container shows none"
        return finding(
            f"The host may have energy counters, but {hidden}.",
            advice="Ask who starts the container to show it /sys/devices/virtual/powercap "
            "(docker: --security-opt systempaths=unconfined); in a virtual machine nothing helps.",
        )
    if host.place == "virtual machine":
        return finding(
            "A virtual machine is not given the counters of the machine it runs on.",
            advice="Measured processor energy needs a bare-metal machine.",
        )
    if host.chip.vendor in {"arm", "ampere", "apple"}:
        return finding("This processor has no RAPL counters.")
    return finding(
        "The kernel shows no energy counters of this processor.",
        LOAD_MODULE,
        "Needs an Intel processor since 2011 or an AMD one since 2017.",
    )
