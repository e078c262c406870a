"""Memory: whether there is room for copies before they are made, with some left for others.

A machine that runs out of memory ends the kernel, and with it the person's model. On a shared GPU what we take is
missing elsewhere. So there has to be room for the copies and for a reserve that is never touched.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jupyter_green.compression.model.source_model import SourceModel

COPIES = {False: 3, True: 7}
"""Models held at once: original, copy and what is made of it; training adds gradients, two moments and a control."""
RESERVE = 0.1
"""Share of the whole memory that is left to others."""
_LIMIT, _USED = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")


def free_bytes(device: Any) -> tuple[int, int]:
    """Return free and whole memory of where a model is, in bytes; a container's own limit counts."""
    import psutil
    import torch

    if device.type == "cuda":
        free, whole = torch.cuda.mem_get_info(device)
        return int(free), int(whole)
    memory = psutil.virtual_memory()
    free, whole = int(memory.available), int(memory.total)
    try:
        limit, used = int(_LIMIT.read_text()), int(_USED.read_text())
    except (OSError, ValueError):
        return free, whole
    return min(free, max(0, limit - used)), min(whole, limit)


def lacking(subject: SourceModel, trains: bool, found: tuple[int, int] | None = None) -> str | None:
    """Return in one sentence what is missing for the copies of a recipe; None where there is room.

    Parameters
    ----------
    subject : SourceModel
        The model.
    trains : bool
        Whether the recipe trains, which takes more.
    found : (int, int), optional
        Free and whole memory; asked for otherwise.
    """
    free, whole = free_bytes(subject.device) if found is None else found
    needed = subject.size_bytes * (COPIES[trains] - 1)
    left = free - RESERVE * whole
    if needed <= left:
        return None
    return (
        f"There is no room for it: copies need about {needed / 1e6:,.0f} MB, and {max(0.0, left) / 1e6:,.0f} MB are "
        "free beyond what is left to others."
    )
