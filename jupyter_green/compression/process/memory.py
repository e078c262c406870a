"""Memory check before copies of a model are made.

A machine that runs out of memory kills the kernel and the user's model with it; on a shared GPU others need memory too.
So the copies must fit beside a reserve that is not used.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jupyter_green.compression.model.source_model import SourceModel

COPIES = {False: 3, True: 7}
"""Models in memory at once: original, copy and result; training adds gradients, two moments and a control."""
RESERVE = 0.1
"""Share of the total memory that is kept free."""
_LIMIT, _USED = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")


def free_bytes(device: Any) -> tuple[int, int]:
    """Return free and total memory of a device in bytes, with a container's limit."""
    import psutil
    import torch

    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        return int(free), int(total)
    memory = psutil.virtual_memory()
    free, total = int(memory.available), int(memory.total)
    try:
        limit, used = int(_LIMIT.read_text()), int(_USED.read_text())
    except (OSError, ValueError):
        return free, total
    return min(free, max(0, limit - used)), min(total, limit)


def lacking(subject: SourceModel, trains: bool, found: tuple[int, int] | None = None) -> str | None:
    """Return a sentence if there is too little memory for a recipe's copies; None if there is enough.

    Parameters
    ----------
    subject : SourceModel
        The model.
    trains : bool
        Whether the recipe trains, which takes more.
    found : (int, int), optional
        Free and total memory in bytes. By default read from the system.
    """
    free, total = free_bytes(subject.device) if found is None else found
    needed = subject.size_bytes * (COPIES[trains] - 1)
    usable = free - RESERVE * total
    if needed <= usable:
        return None
    return (
        f"There is no room for it: copies need about {needed / 1e6:,.0f} MB, and {max(0.0, usable) / 1e6:,.0f} MB are "
        "free beyond what is left to others."
    )
