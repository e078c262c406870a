"""What the process that `bounded_load` starts runs: load a folder within limits, call the model once, and report.

`bounded_load` names this module as a string, so this module may import the loading code.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from jupyter_green.compression.errors import ShrinkError, of_memory, why
from jupyter_green.reporting.sanitize import one_line

from .folder import opened
from .load import tried


def child(folder: str, digest: str, threads: str, room: str, seconds: str) -> None:
    """Load a folder in this process, and write the reason against it (or null) as one line of JSON."""
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    json.dump({"refused": _refused(Path(folder), digest, int(threads), int(room), int(seconds))}, answer)
    answer.close()
    os._exit(0)  # without the libraries' exit handlers


def _refused(folder: Path, digest: str, threads: int, room: int, seconds: int) -> str | None:
    """Return why a folder must not be loaded; None if it may be."""
    import torch

    torch.set_num_threads(threads)
    asked: list[str] = []
    try:
        contents = opened(folder)
        if contents.digest != digest:
            return "The folder was changed while it was read; load it again when nobody writes to it."
        if contents.note.get("form") != "onnx":
            import transformers  # noqa: F401 - files that the library itself needs are allowed
        _limit(room, seconds)
        sys.addaudithook(lambda event, arguments: _block_network_and_input(event, arguments, asked))
        tried(contents)
    except Exception as error:  # noqa: BLE001 - any error of a library becomes one sentence
        if of_memory(error):
            return f"It needs more than the {room / 1e6:,.0f} MB that its files account for, so it was not loaded."
        if not asked:
            return str(error) if isinstance(error, ShrinkError) else f"It can't be loaded: {one_line(why(error), 160)}"
    return (
        f"It asks for {asked[0]}, so it was not loaded; a saved model needs nothing from elsewhere." if asked else None
    )


def _block_network_and_input(event: str, arguments: tuple[Any, ...], asked: list[str]) -> None:
    """Audit hook that blocks the network and console input."""
    if event == "builtins.input":
        asked.append("an answer of a person")
    elif event in ("socket.getaddrinfo", "socket.gethostbyname") or (
        event in ("socket.connect", "socket.sendto") and isinstance(arguments[1], tuple)
    ):
        asked.append("the network")
    else:
        return
    raise PermissionError("A folder that is loaded reaches nothing outside itself.")


def _limit(room: int, seconds: int) -> None:
    """Limit memory and processor time of this process from now on, where the system supports it."""
    try:
        import resource
    except ImportError:  # Windows has no such limits; the parent process has a timeout
        return
    import psutil

    memory = getattr(psutil.Process().memory_info(), "data", None)
    limits = {
        resource.RLIMIT_DATA: None if memory is None else memory + room,
        resource.RLIMIT_CPU: int(sum(os.times()[:2]) + seconds * (os.cpu_count() or 1)) + 1,
        resource.RLIMIT_CORE: 0,
    }
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(seconds)  # ends the process, whatever it does
    for kind, most in limits.items():
        before = resource.getrlimit(kind)[1]
        if most is not None and (before == resource.RLIM_INFINITY or most < before):
            resource.setrlimit(kind, (most, most))
