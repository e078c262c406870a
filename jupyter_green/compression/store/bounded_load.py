"""The first ask: a folder is loaded and called once in a process of its own, with a limit on time and memory.

What a graph or a setting makes a library do can't be read off. So before this process loads a folder for the first
time, another one does the very same, with the same bytes. If it runs too long, takes more memory than the files account
for, asks the network or a person, or dies, that is told in a sentence, and nothing was loaded here.
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
"""How long making a model and asking it may take, from when the libraries are there."""
STARTING_SECONDS = 240.0
"""How long an interpreter and the libraries may take to start; on a busy machine that is most of it."""
COMPILING_SECONDS = 300.0
BYTES_A_SECOND = 50e6
"""How fast files are read and weights are put in place at least."""
ROOM_BYTES = 1 << 30
TIMES = 8
"""A process may take so many times the bytes of the files, and the room beside: each library holds a copy or two."""
_START = (
    "import sys; sys.path[:] = sys.argv[6:]; "
    "from jupyter_green.compression.store.bounded_load_child import child; child(*sys.argv[1:6])"
)
_answered: set[str] = set()


def bounded_first_call(folder: Path, contents: Contents) -> None:
    """Load a folder elsewhere and call it once, unless that was done before.

    Raises
    ------
    ShrinkError
        If that fails, takes too long or too much, or reaches outside; one sentence.
    """
    if contents.digest in _answered:
        return
    import torch

    compiling = any(step["recipe"] == "compiled" for step in contents.steps)
    seconds = (COMPILING_SECONDS if compiling else SECONDS) + contents.size_bytes / BYTES_A_SECOND
    room = ROOM_BYTES + TIMES * contents.size_bytes
    numbers = (contents.digest, str(torch.get_num_threads()), str(room), str(int(seconds) + 1))
    # What is imported there is what would be imported here, but nothing from the folder somebody works in.
    paths = [path for path in sys.path if isinstance(path, str) and path]
    try:
        done = subprocess.run(
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
    if done.returncode in [-getattr(signal, name) for name in ("SIGALRM", "SIGXCPU") if hasattr(signal, name)]:
        raise _too_long(seconds)
    try:
        refused = json.loads(done.stdout.splitlines()[-1])["refused"]
    except (ValueError, KeyError, TypeError, IndexError):
        raise ShrinkError(
            f"The process in which it was tried first ended with {done.returncode}; it is damaged, or needs more than "
            f"the {room / 1e6:,.0f} MB that its files account for."
        ) from None
    if refused is not None:
        raise ShrinkError(refused)
    _answered.add(contents.digest)


def _too_long(seconds: float) -> ShrinkError:
    return ShrinkError(f"It did not answer within {seconds:,.0f} s, so it was not loaded; it may never end.")
