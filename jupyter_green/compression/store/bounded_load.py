"""Before the first load of a folder: load and call it once in a child process with limits on time and memory.

The time and memory that a model needs can't be determined from its files. So a child process loads the same bytes
first. If that takes too long or more memory than the files account for, uses the network or console input, or crashes,
the folder is not loaded here and the error says why.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from jupyter_green.compression.errors import ShrinkError, why
from jupyter_green.compression.process.offline import VARIABLES
from jupyter_green.reporting.sanitize import one_line

from .folder import Contents

SECONDS = 60.0
"""Time limit in seconds for building and calling a model, after the imports."""
STARTING_SECONDS = 240.0
"""Time limit in seconds for starting the interpreter and importing the libraries; long enough for a busy machine."""
COMPILING_SECONDS = 300.0
BYTES_A_SECOND = 50e6
"""Minimum speed of reading files and filling weights."""
ROOM_BYTES = 1 << 30
TIMES = 8
"""The child may use this multiple of the file sizes plus `ROOM_BYTES`; libraries copy the weights once or twice."""
_START = (
    "import sys; sys.path[:] = sys.argv[6:]; "
    "from jupyter_green.compression.store.bounded_load_child import child; child(*sys.argv[1:6])"
)
_answered: set[str] = set()


def bounded_first_call(folder: Path, contents: Contents) -> None:
    """Load a folder in a child process and call the model once, unless that was done before.

    Raises ShrinkError if that fails, takes too long or too much memory, or needs anything from outside.
    """
    if contents.digest in _answered:
        return
    import torch

    compiling = any(step["recipe"] == "compiled" for step in contents.steps)
    seconds = (COMPILING_SECONDS if compiling else SECONDS) + contents.size_bytes / BYTES_A_SECOND
    room = ROOM_BYTES + TIMES * contents.size_bytes
    numbers = (contents.digest, str(torch.get_num_threads()), str(room), str(int(seconds) + 1))
    # Import the same libraries as here, but nothing from the working directory.
    paths = [path for path in sys.path if isinstance(path, str) and path]
    try:
        child = subprocess.run(
            [sys.executable, "-c", _START, str(folder.resolve()), *numbers, *paths],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=False,
            timeout=seconds + STARTING_SECONDS,
            env={**os.environ, **dict.fromkeys(VARIABLES, "1")},
        )
    except subprocess.TimeoutExpired:
        raise _too_long(seconds) from None
    except OSError as error:
        raise ShrinkError(f"No process could be started to try it in: {one_line(why(error), 160)}") from error
    if child.returncode in [-getattr(signal, name) for name in ("SIGALRM", "SIGXCPU") if hasattr(signal, name)]:
        raise _too_long(seconds)
    try:
        reason = json.loads(child.stdout.splitlines()[-1])["refused"]
    except (ValueError, KeyError, TypeError, IndexError):
        raise ShrinkError(
            f"The process in which it was tried first ended with {child.returncode}; it is damaged, or needs more than "
            f"the {room / 1e6:,.0f} MB that its files account for."
        ) from None
    if reason is not None:
        raise ShrinkError(reason)
    _answered.add(contents.digest)


def _too_long(seconds: float) -> ShrinkError:
    return ShrinkError(f"It did not answer within {seconds:,.0f} s, so it was not loaded; it may never end.")
