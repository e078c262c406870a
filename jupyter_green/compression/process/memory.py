"""Memory check before copies of a model are made.

A machine that runs out of memory kills the kernel and the user's model with it; on a shared GPU others need memory too.
So the copies must fit beside a reserve that is not used. The kernel enforces the limit of this process' control group
and of each one above it, in either version of Linux' interface (cgroup v1, v2); one that can't be read is no limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from jupyter_green.compression.model.source_model import SourceModel

COPIES = {False: 3, True: 7}
"""Models in memory at once: original, copy and result; training adds gradients, two moments and a control."""
RESERVE = 0.1
"""Share of the total memory that is kept free."""
PROC, CGROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")
_FILES = {
    "": ("memory.max", "memory.current", "inactive_file"),
    "memory": ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}
"""Files with limit and use, and the line of ``memory.stat`` with the cache that is given up first, by controller (none
in version 2)."""


def free_bytes(device: Any) -> tuple[int, int]:
    """Return free and total memory of a device in bytes, within the limits of this process' control groups."""
    import psutil
    import torch

    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        return int(free), int(total)
    memory = psutil.virtual_memory()
    free, total = int(memory.available), int(memory.total)
    for limit, used in _limits(PROC, CGROUPS):
        free, total = min(free, max(0, limit - used)), min(total, limit)
    return free, total


def _limits(proc: Path, root: Path) -> Iterator[tuple[int, int]]:
    """Yield limit and use in bytes of each control group of this process that has a limit."""
    try:
        groups = [line.split(":", 2) for line in proc.read_text(encoding="utf-8").splitlines()]
    except OSError:
        return  # not Linux
    for _, controllers, path in (group for group in groups if len(group) == 3):
        for controller, (limit_file, used_file, cache) in _FILES.items():
            if controller not in controllers.split(","):
                continue
            # In a container the path may be the host's, and what is mounted is the container's own group.
            own = PurePosixPath(path.lstrip("/"))
            for parent in dict.fromkeys((own, *own.parents)):
                folder = root / controller / parent
                try:
                    limit, used = int((folder / limit_file).read_text()), int((folder / used_file).read_text())
                except (OSError, ValueError):
                    continue  # no such group here, or "max"
                yield limit, max(0, used - _reclaimable(folder, cache))


def _reclaimable(folder: Path, name: str) -> int:
    """Return the bytes of cache in a control group that Linux gives up before it runs out of memory."""
    try:
        fields = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        return int(fields.get(name, 0))
    except (OSError, ValueError):
        return 0


def lacking(subject: SourceModel, trains: bool, found: tuple[int, int] | None = None) -> str | None:
    """Return a sentence if there is too little memory for a recipe's copies; None if there is enough.

    A recipe that trains takes more. Free and total memory in bytes are by default read from the system.
    """
    free, total = free_bytes(subject.device) if found is None else found
    needed = subject.size_bytes * (COPIES[trains] - 1)
    usable = free - RESERVE * total
    if needed <= usable:
        return None
    return (
        f"Not enough memory: copies need about {needed / 1e6:,.0f} MB, and {max(0.0, usable) / 1e6:,.0f} MB are "
        "free beyond what is left to others."
    )
