"""A page in front of a real kernel: runs cells as a notebook front end does, and hears everything the kernel says.

Every frame is held against the schema when it is heard, so that no test can see one that breaks the contract.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from jsonschema import Draft202012Validator
from jupyter_client.blocking import BlockingKernelClient

from jupyter_green.live.frame import schema
from tests.support.kernel import PATIENCE, Kernel, wait_until_ready

TARGET = "jupyter_green"
VALIDATOR = Draft202012Validator(schema())


@dataclass(frozen=True)
class Frame:
    """A frame, the comm it came through, and when the kernel sent it, in seconds since 1970."""

    comm: str
    data: dict[str, Any]
    sent: float
    opening: bool = False

    def __getitem__(self, name: str) -> Any:
        return self.data[name]

    @property
    def type(self) -> str:
        return str(self.data["type"])


@dataclass
class Run:
    """One request to run a cell, and what came back for it."""

    cell_id: str | None
    reply: dict[str, Any] | None = None
    outputs: list[dict[str, Any]] = field(default_factory=list)
    idle: bool = False

    @property
    def text(self) -> str:
        """All text of streams, values and errors."""
        said = [
            one["content"].get("text")
            or one["content"].get("data", {}).get("text/plain")
            or one["content"].get("evalue", "")
            for one in self.outputs
        ]
        return "".join(said)


class Page:
    """One browser page on a kernel.

    Parameters
    ----------
    kernel : Kernel
        The kernel; several pages may be on one.
    """

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.name = uuid.uuid4().hex
        self.heard: list[Frame] = []
        self.closed: list[str] = []
        self.opened: list[str] = []
        self.others: list[dict[str, Any]] = []
        """Comm messages of other targets."""
        self.runs: dict[str, Run] = {}
        # A session of its own: two clients of one session would take each other's replies.
        self.client = BlockingKernelClient()
        self.client.load_connection_info(kernel.manager.get_connection_info(session=False))
        self.client.start_channels()
        self.ready()

    def ready(self) -> None:
        """Wait until the kernel answers, also one that was restarted."""
        wait_until_ready(self.client, lambda: self.kernel.alive)

    def close(self) -> None:
        self.client.stop_channels()

    # ---- running cells ------------------------------------------------------------------------

    def send(self, source: str, cell_id: str | None = None, **content: Any) -> Run:
        """Ask for a cell to be run; metadata as JupyterLab's."""
        request = {
            "code": source,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": False,
            **content,
        }
        metadata = {} if cell_id is None else {"cellId": cell_id, "deletedCells": [], "recordTiming": False}
        message = self.client.session.msg("execute_request", request, metadata=metadata)
        run = self.runs[message["header"]["msg_id"]] = Run(cell_id)
        self.client.shell_channel.send(message)
        return run

    def run(self, source: str, cell_id: str | None = None, **content: Any) -> Run:
        """Run a cell to its end."""
        run = self.send(source, cell_id, **content)
        self.wait(lambda: run.idle and run.reply is not None, f"the end of {source!r}")
        return run

    def hold(self, cell_id: str, first: str = "") -> Run:
        """Send a cell that computes until `release`: how much is told meanwhile is then not a matter of speed."""
        go = self.kernel.work / "go"
        go.unlink(missing_ok=True)
        return self.send(f"{first}import os\nwhile not os.path.exists({str(go)!r}): sum(range(1000))", cell_id)

    def release(self) -> None:
        """Let the cell that is held end."""
        (self.kernel.work / "go").touch()

    # ---- the link -----------------------------------------------------------------------------

    def say(self, comm: str, data: Any) -> None:
        """Say something through a comm."""
        self._tell("comm_msg", {"comm_id": comm, "data": data})

    def open(self, data: Any = None) -> str:
        """Open a comm of the page's own."""
        comm = uuid.uuid4().hex
        self._tell("comm_open", {"comm_id": comm, "target_name": TARGET, "data": {} if data is None else data})
        return comm

    def hang_up(self, comm: str) -> None:
        """Close a comm."""
        self._tell("comm_close", {"comm_id": comm, "data": {}})

    def _tell(self, kind: str, content: dict[str, Any]) -> None:
        self.client.shell_channel.send(self.client.session.msg(kind, content))

    def request(self, kind: str, **facts: Any) -> dict[str, Any]:
        """Return a request as the page makes it."""
        own = {"client": self.name} if kind in ("sync", "visible") else {}
        return {"v": 1, "type": kind, **own, **facts}

    @property
    def comm(self) -> str:
        """The comm that the kernel last spoke through."""
        return self.heard[-1].comm

    def frames(self, kind: str) -> list[Frame]:
        return [frame for frame in self.heard if frame.type == kind]

    @property
    def snapshots(self) -> list[Frame]:
        return self.frames("snapshot")

    # ---- hearing ------------------------------------------------------------------------------

    def wait(self, until: Callable[[], Any], what: str = "what was waited for") -> Any:
        """Hear until something is so; return it."""
        end = time.monotonic() + PATIENCE
        while True:
            found = until()
            if found:
                return found
            assert time.monotonic() < end, f"{what} did not come; heard: {[f.data for f in self.heard[-3:]]}"
            self._hear(0.05)

    def fence(self) -> None:
        """Hear all that the kernel said before it answers this."""
        identity = self.client.kernel_info()
        self.runs[identity] = Run(None)
        self.wait(lambda: self.runs[identity].idle, "the kernel's idle")

    def silence(self, seconds: float) -> list[dict[str, Any]]:
        """Say nothing for a while; return all messages that came all the same."""
        end = time.monotonic() + seconds
        came = []
        while time.monotonic() < end:
            message = self._hear(0.1)
            if message is not None:
                came.append(message)
        return came

    def settled(self, cell_id: str, execution: int | None = None) -> dict[str, Any]:
        """Wait until a cell is told with its final figure; return it."""

        def found() -> dict[str, Any] | None:
            for frame in reversed(self.heard):
                for cell in frame.data.get("cells", ()):
                    if cell["cell_id"] == cell_id and cell["final"] and execution in (None, cell["execution_count"]):
                        return dict(cell)
            return None

        cell: dict[str, Any] = self.wait(found, f"the final figure of {cell_id}")
        return cell

    def _hear(self, seconds: float) -> dict[str, Any] | None:
        while self.client.shell_channel.msg_ready():
            reply = self.client.get_shell_msg(timeout=PATIENCE)
            run = self.runs.get(reply["parent_header"].get("msg_id", ""))
            if run is not None:
                run.reply = reply["content"]
        if not self.client.iopub_channel.socket.poll(round(1000 * seconds)):
            return None
        message: dict[str, Any] = self.client.get_iopub_msg(timeout=PATIENCE)
        self._sort(message)
        return message

    def _sort(self, message: dict[str, Any]) -> None:
        kind, content = message["msg_type"], message["content"]
        run = self.runs.get(message["parent_header"].get("msg_id", ""))
        if kind in ("comm_open", "comm_msg"):
            data = content["data"]
            if data.get("app") != TARGET:
                self.others.append(message)
                return
            if kind == "comm_open":
                assert content["target_name"] == TARGET
                self.opened.append(content["comm_id"])
            VALIDATOR.validate(data)
            sent = message["header"]["date"]
            assert isinstance(sent, datetime)
            self.heard.append(Frame(content["comm_id"], data, sent.timestamp(), kind == "comm_open"))
        elif kind == "comm_close":
            self.closed.append(content["comm_id"])
        elif run is not None and kind == "status":
            run.idle = run.idle or content["execution_state"] == "idle"
        elif run is not None and kind in ("stream", "execute_result", "display_data", "error"):
            run.outputs.append(message)


def crowded(frames: list[Frame], most: int = 5) -> list[list[float]]:
    """Return the stretches of a second in which more frames were sent than the most that may be."""
    moments = sorted(frame.sent for frame in frames)
    groups = [[later for later in moments if moment <= later < moment + 1] for moment in moments]
    return [group for group in groups if len(group) > most]
