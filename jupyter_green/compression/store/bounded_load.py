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
from typing import Any

from jupyter_green.compression.errors import ShrinkError, of_memory, why
from jupyter_green.compression.process.offline import VARIABLES
from jupyter_green.reporting.sanitize import one_line

from .folder import Contents, opened

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
    "from jupyter_green.compression.store.bounded_load import child; child(*sys.argv[1:6])"
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


def child(folder: str, digest: str, threads: str, room: str, seconds: str) -> None:
    """Do in this process what is to be done in the other; say in one line of JSON why not."""
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    json.dump({"refused": _refused(Path(folder), digest, int(threads), int(room), int(seconds))}, answer)
    answer.close()
    os._exit(0)  # what a library does when it is closed is not waited for


def _refused(folder: Path, digest: str, threads: int, room: int, seconds: int) -> str | None:
    """Return why a folder is not to be loaded; None where nothing is against it."""
    import torch

    from . import load

    torch.set_num_threads(threads)
    asked: list[str] = []
    try:
        contents = opened(folder)
        if contents.digest != digest:
            return "The folder was changed while it was read; load it again when nobody writes to it."
        if contents.note.get("form") != "onnx":
            import transformers  # noqa: F401 - what the library needs itself is not the folder's
        _limit(room, seconds)
        sys.addaudithook(lambda event, arguments: _nobody(event, arguments, asked))
        load.tried(contents)
    except Exception as error:  # noqa: BLE001 - whatever a library makes of a folder is one sentence
        if of_memory(error):
            return f"It needs more than the {room / 1e6:,.0f} MB that its files account for, so it was not loaded."
        if not asked:
            return str(error) if isinstance(error, ShrinkError) else f"It can't be loaded: {one_line(why(error), 160)}"
    return (
        f"It asks for {asked[0]}, so it was not loaded; a saved model needs nothing from elsewhere." if asked else None
    )


def _nobody(event: str, arguments: tuple[Any, ...], asked: list[str]) -> None:
    """Let nothing in this process reach the network or ask a person."""
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
    """Limit what this process may take from now on, where the system can."""
    try:
        import resource
    except ImportError:  # Windows has no such limits; the time is bounded from outside
        return
    import psutil

    memory = getattr(psutil.Process().memory_info(), "data", None)
    wanted = {
        resource.RLIMIT_DATA: None if memory is None else memory + room,
        resource.RLIMIT_CPU: int(sum(os.times()[:2]) + seconds * (os.cpu_count() or 1)) + 1,
        resource.RLIMIT_CORE: 0,
    }
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(seconds)  # it ends the process, whatever that is busy with
    for kind, most in wanted.items():
        before = resource.getrlimit(kind)[1]
        if most is not None and (before == resource.RLIM_INFINITY or most < before):
            resource.setrlimit(kind, (most, most))
