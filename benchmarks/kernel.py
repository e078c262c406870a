"""A real kernel in its own process, and the resources it has used.

CPU time is read from outside, from the clock of the process, so that reading adds nothing to it.
"""

from __future__ import annotations

import queue
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from .guard import GUARD, processor_seconds
from .machine import clean


class KernelFault(Exception):
    """The kernel died or a cell failed; the message can be shown in a table."""


@dataclass(frozen=True)
class Use:
    """Resources that a kernel's process tree has used since its start.

    Parameters
    ----------
    cpu : float
        CPU seconds of the process and its children, including those that ended.
    background : float
        CPU seconds without the main thread, which runs the cells.
    rss : float
        Resident memory of the tree in MB (1e6 bytes).
    switches : int
        Number of voluntary context switches of its threads.
    """

    cpu: float
    background: float
    rss: float
    switches: int

    def __sub__(self, other: Use) -> Use:
        return Use(
            self.cpu - other.cpu,
            self.background - other.background,
            self.rss - other.rss,
            self.switches - other.switches,
        )


class Kernel:
    """A running IPython kernel.

    Parameters
    ----------
    folder : Path
        Its home folder, created if needed; default paths are below it.
    environment : dict of str to str
        Variables added to a clean copy of this process's environment.
    """

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # IPC, not TCP: no open ports, and no warning about them in every kernel.
        self._manager = KernelManager(kernel_name="python3", transport="ipc", ip=str(folder / "channel"))
        self._manager.start_kernel(env=clean(folder, environment), cwd=str(folder))
        self._client: BlockingKernelClient = self._manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=60)
        provisioner = self._manager.provisioner
        assert provisioner is not None, "a kernel that has started has one"
        self.pid = int(provisioner.pid)
        self.run(GUARD)

    def start(self, code: str) -> str:
        """Send a cell and return its message id."""
        return str(self._client.execute(code, allow_stdin=False))

    def finish(self, message: str, timeout: float = 180.0) -> str:
        """Wait until a cell has run and return what it printed.

        Raises
        ------
        KernelFault
            If it raised, or the kernel died.
        """
        deadline, reply, printed, idle = time.perf_counter() + timeout, None, [], False
        while reply is None or not idle:
            if time.perf_counter() > deadline:
                raise KernelFault("did not answer in time")
            if not self._manager.is_alive():
                raise KernelFault("its kernel ended")
            try:
                received: dict[str, Any] = (
                    self._client.get_shell_msg(timeout=2) if reply is None else self._client.get_iopub_msg(timeout=2)
                )
            except queue.Empty:
                continue
            if received["parent_header"].get("msg_id") != message:
                continue
            content = received["content"]
            if received["header"]["msg_type"] == "execute_reply":
                reply = content
            elif received["header"]["msg_type"] == "stream":
                printed.append(content["text"])
            elif received["header"]["msg_type"] == "status":
                idle = content["execution_state"] == "idle"
        if reply["status"] != "ok":
            raise KernelFault(f"{reply.get('ename')}: {str(reply.get('evalue')).splitlines()[0][:160]}")
        return "".join(printed)

    def run(self, code: str) -> str:
        """Run a cell and return what it printed."""
        return self.finish(self.start(code))

    def timed(self, code: str) -> float:
        """Run a cell and return the seconds from sending it until the kernel reports that it is idle."""
        began = time.perf_counter()
        self.run(code)
        return time.perf_counter() - began

    def use(self) -> Use:
        """Return the resources used so far by the process tree."""
        process = psutil.Process(self.pid)
        ended = process.cpu_times()
        tree = [process, *process.children(recursive=True)]
        cpu = processor_seconds(self.pid)
        main = float(Path(f"/proc/{self.pid}/task/{self.pid}/schedstat").read_text().split()[0]) / 1e9
        others = ended.children_user + ended.children_system
        rss, switches = 0.0, 0
        for part in tree:
            try:
                others += 0.0 if part.pid == self.pid else processor_seconds(part.pid)
                rss += part.memory_info().rss / 1e6
                for thread in Path(f"/proc/{part.pid}/task").iterdir():
                    status = (thread / "status").read_text()
                    switches += int(status.split("\nvoluntary_ctxt_switches:")[1].split()[0])
            except (OSError, psutil.NoSuchProcess):
                continue  # it ended meanwhile
        return Use(cpu + others, cpu + others - main, rss, switches)

    def close(self) -> None:
        """End the kernel and its child processes."""
        children = psutil.Process(self.pid).children(recursive=True) if psutil.pid_exists(self.pid) else []
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)
        for child in children:  # some meters leave helper processes behind
            if child.is_running():
                child.kill()

    def __enter__(self) -> Kernel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
