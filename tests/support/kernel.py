"""A real kernel in a folder of its own, and everything it says in answer to a cell.

The whole IOPub stream is kept in order, whatever its parent, so that a message nobody asked for is seen too. Which of
its contents differ between any two runs is the business of `comparison`.
"""

from __future__ import annotations

import ast
import json
import os
import queue
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

PATIENCE = 180.0
"""Seconds after which a kernel counts as hung; far above anything a slow machine needs."""

RECORD_MIME = "application/vnd.jupyter-green.cell.v1+json"
PROBING, NOBODY = "a look from outside", "nobody"
READY = "ready to be interrupted"
ROOT = Path(__file__).resolve().parents[2]

PROBE = {
    "_": "[_, __, ___]",
    "Out": "sorted(Out)[-3:]",
    "In": "In[-1]",
    "raw": "get_ipython().history_manager.input_hist_raw[-1]",
    "stored": "[line for *_, line in get_ipython().history_manager.get_tail(1, raw=True, include_latest=True)]",
    "names": "sorted(n for n in globals() if not __import__('re').fullmatch(r'_i?\\d+', n))",
    "listed": "get_ipython().run_line_magic('who_ls', '')",
    "last_type": "repr(getattr(__import__('sys'), 'last_type', None))",
    "exit_code": "globals().get('_exit_code')",
}
"""What a person could look at after a cell."""

FORGET = """
import sys
for name in ("last_type", "last_value", "last_traceback", "last_exc"):
    vars(sys).pop(name, None)
get_ipython().reset(new_session=False)
"""


class KernelDied(Exception):
    """The kernel process ended while it was expected to answer."""


@dataclass(frozen=True)
class Cell:
    """One request: the source and how it is sent."""

    source: str
    header: bool = True
    store_history: bool = True
    silent: bool = False
    answers: tuple[str | None, ...] = ()
    interrupt: bool = False
    subshell: bool = False


@dataclass(frozen=True)
class Message:
    """One IOPub message; `parent` is the identity of the cell it belongs to, or what else caused it."""

    parent: str
    type: str
    content: dict[str, Any]


@dataclass
class Outcome:
    """What came back for one cell."""

    sent: Cell
    cell_id: str
    messages: list[Message]
    reply: dict[str, Any]
    after: dict[str, str] = field(default_factory=dict)
    """The same looks as `PROBE`, taken once the cell was over (a failed cell's reply holds none)."""

    @property
    def status(self) -> str:
        return self.reply["status"]

    @property
    def records(self) -> list[dict[str, Any]]:
        """Records shown."""
        return [m.content["data"][RECORD_MIME] for m in self.messages if m.type == "display_data" and is_record(m)]

    @property
    def others(self) -> list[Message]:
        """Messages without records, status and input."""
        return [m for m in self.messages if m.type not in ("status", "execute_input") and not is_record(m)]

    def text(self, *types: str) -> str:
        """All text of the outputs, streams and payload, for people."""
        parts = [m.content.get("text") or m.content.get("data", {}).get("text/plain", "") for m in self.others]
        pages = [page.get("data", {}).get("text/plain", "") for page in self.reply.get("payload", [])]
        return plain_text("\n".join([*parts, *pages]))

    @property
    def value(self) -> Any:
        """The cell's value where it printed JSON."""
        return json.loads(self.text())


def is_record(message: Message) -> bool:
    """Whether this shows a record, or puts its settled figure in the place of the first one."""
    return message.type in ("display_data", "update_display_data") and RECORD_MIME in message.content["data"]


def is_frame(message: Message) -> bool:
    """Whether this is the link's, which pages hear beside the cells; it is no output of any."""
    return (
        message.type in ("comm_open", "comm_msg", "comm_close")
        and message.content["data"].get("app") == "jupyter_green"
    )


def display_id(message: Message) -> str | None:
    return message.content.get("transient", {}).get("display_id")


def plain_text(text: str) -> str:
    """Drop terminal colours."""
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)


class Kernel:
    """A running ipykernel; its data, history and configuration lie under `folder`.

    Parameters
    ----------
    folder : Path
        Becomes HOME; the data folder of every program the kernel runs lies in it.
    work : Path
        Where the kernel runs.
    environment : str or None
        Variables to set, or to remove where None.
    """

    def __init__(self, folder: Path, work: Path | None = None, **environment: str | None) -> None:
        self.folder = folder
        self.work = work or folder / "work"
        self.python = os.environ.get("JUPYTER_GREEN_TEST_KERNEL_PYTHON", sys.executable)
        self.environment = {name: text for name, text in os.environ.items() if not name.startswith("JUPYTER_GREEN")}
        self.environment |= {
            "HOME": str(folder),
            "XDG_DATA_HOME": str(folder / "data"),
            "XDG_STATE_HOME": str(folder / "state"),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "IPYTHONDIR": str(folder / "ipython"),
            "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
            "JUPYTER_PLATFORM_DIRS": "1",
            "PYTHONPATH": os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), str(ROOT)])),
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            "TERM": "dumb",
        }
        for name, text in environment.items():
            self.environment.pop(name, None)
            if text is not None:
                self.environment[name] = text
        self.work.mkdir(parents=True, exist_ok=True)
        self._parents: dict[str, str] = {}
        self._played = 0
        self._shown: set[str | None] = set()
        self._log: list[Message] = []
        self._start()

    # ---- life ---------------------------------------------------------------------------------

    def _start(self) -> None:
        specs = self.work.parent / f"{self.work.name}-kernels"
        (specs / "subject").mkdir(parents=True, exist_ok=True)
        argv = [self.python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        spec = {"argv": argv, "display_name": "subject", "language": "python"}
        (specs / "subject" / "kernel.json").write_text(json.dumps(spec))
        # Sockets that are files, in a folder of this kernel's own: kernels started side by side may pick one port.
        self._sockets = tempfile.TemporaryDirectory(prefix="green-", ignore_cleanup_errors=True)
        self.manager = KernelManager(
            kernel_name="subject",
            kernel_spec_manager=KernelSpecManager(kernel_dirs=[str(specs)]),
            transport="ipc",
            ip=str(Path(self._sockets.name) / "kernel"),
        )
        # What the kernel itself writes to its terminal is no output of a cell, and must not mix with pytest's.
        self.terminal = (self.work.parent / f"{self.work.name}-terminal.txt").open("ab")
        self.manager.start_kernel(
            env=self.environment, cwd=str(self.work), stdout=self.terminal, stderr=self.terminal, independent=False
        )
        self.client = self.manager.client()
        self.client.start_channels()
        wait_until_ready(self.client, lambda: self.alive)

    @property
    def alive(self) -> bool:
        return bool(self.manager.is_alive())

    @property
    def pid(self) -> int:
        return int(self.manager.provisioner.pid)

    def close(self) -> None:
        """End this kernel, and only this one."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.terminal.close()
        self._sockets.cleanup()

    # ---- running ------------------------------------------------------------------------------

    def run(self, cell: Cell | str, scene: str = "cell") -> Outcome:
        """Run one cell to its end."""
        return self.play([cell], scene)[0]

    def play(self, cells: Sequence[Cell | str], scene: str = "cell", together: bool = False) -> list[Outcome]:
        """Run cells one after another, or all at once where `together` (one of them on a subshell).

        Messages of all parents that come meanwhile are kept with the cell they belong to.
        """
        self._log.clear()
        asked = [cell if isinstance(cell, Cell) else Cell(cell) for cell in cells]
        self._played += 1
        numbers = [f"{scene}-{self._played}-{i}" for i in range(len(asked))]
        replies: list[dict[str, Any]] = []
        looks: list[dict[str, str]] = []
        if together:
            sent = [self._send(cell, number, {}) for cell, number in zip(asked, numbers, strict=True)]
            found = self._collect(dict(zip(sent, asked, strict=True)))
            replies = [found[identity] for identity in sent]
            looks = [{} for _ in asked]
        else:
            for cell, number in zip(asked, numbers, strict=True):
                identity = self._send(cell, number, {} if cell.silent else PROBE)
                replies.append(self._collect({identity: cell})[identity])
                looks.append(self._look())
        self._fence()
        updates = [message for message in self._log if message.type == "update_display_data" and is_record(message)]
        self._shown |= {display_id(message) for message in self._log if message.type == "display_data"}
        assert {display_id(message) for message in updates} <= self._shown, "an update of a record that was never shown"
        stray = [m for m in self._log if m.parent not in numbers and m not in updates and not is_frame(m)]
        assert not stray, f"messages that belong to no cell of the scene: {stray}"
        return [
            Outcome(
                cell, number, merge_streams(m for m in self._log if m.parent == number and not is_frame(m)), reply, look
            )
            for cell, number, reply, look in zip(asked, numbers, replies, looks, strict=True)
        ]

    def forget(self) -> None:
        """Make the namespace as new; history and everything that is not a person's stays."""
        identity = self.client.execute(FORGET, silent=True)
        self._parents[identity] = PROBING
        reply = self._collect({identity: Cell(FORGET)})[identity]
        assert reply["status"] == "ok", reply

    def json(self, expression: str) -> Any:
        """Evaluate an expression in the kernel without a trace, and return it as plain data."""
        found = self._ask({"it": f"__import__('json').dumps({expression})"})["it"]
        assert found["status"] == "ok", f"{expression} failed: {found}"
        return json.loads(ast.literal_eval(found["data"]["text/plain"]))

    def rows(self) -> list[dict[str, Any]]:
        """Cells in the ledger, as the kernel itself reads them."""
        return self.json("__import__('tests.support.inspection', fromlist=['rows']).rows()")

    def listen(self, seconds: float) -> list[Message]:
        """Say nothing for a while and return what came all the same."""
        self._log.clear()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._take(0.1)
        return list(self._log)

    @cached_property
    def subshell(self) -> str | None:
        """Identity of the kernel's one subshell, opened when first asked for; None where the kernel has none."""
        features = self.client.kernel_info(reply=True, timeout=PATIENCE)["content"].get("supported_features", [])
        if "kernel subshells" not in features:
            return None
        request = self.client.session.msg("create_subshell_request", {})
        self.client.control_channel.send(request)
        while True:
            reply = self.client.get_control_msg(timeout=PATIENCE)
            if reply["parent_header"]["msg_id"] == request["header"]["msg_id"]:
                return str(reply["content"]["subshell_id"])

    # ---- the wire -----------------------------------------------------------------------------

    def _send(self, cell: Cell, number: str, looks: dict[str, str]) -> str:
        content = {
            "code": cell.source,
            "silent": cell.silent,
            "store_history": cell.store_history,
            "user_expressions": looks,
            "allow_stdin": bool(cell.answers),
            "stop_on_error": True,
        }
        request = self.client.session.msg("execute_request", content, metadata={"cellId": number})
        if cell.subshell:
            request["header"]["subshell_id"] = self.subshell
        self._parents[request["header"]["msg_id"]] = number
        self.client.shell_channel.send(request)
        return str(request["header"]["msg_id"])

    def _collect(self, asked: dict[str, Cell]) -> dict[str, dict[str, Any]]:
        """Read until each request has its reply and its idle status."""
        replies: dict[str, dict[str, Any]] = {}
        idle: set[str] = set()
        answers = {identity: list(cell.answers) for identity, cell in asked.items()}
        waiting = {identity for identity, cell in asked.items() if cell.interrupt}
        end = time.monotonic() + PATIENCE
        while len(replies) < len(asked) or len(idle) < len(asked):
            if time.monotonic() > end:
                raise TimeoutError(f"no end after {PATIENCE:.0f} s: {[cell.source for cell in asked.values()]}")
            if not self.alive and not self._take(0.5):
                raise KernelDied([cell.source for cell in asked.values()])
            message = self._take(0.05)
            if message is not None:
                parent = message["parent_header"].get("msg_id", "")
                if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                    idle |= {parent} & set(asked)
                if parent in waiting and message["msg_type"] == "stream" and READY in message["content"]["text"]:
                    waiting.discard(parent)
                    time.sleep(0.5)  # lets the cell go from its print to its wait
                    self.manager.interrupt_kernel()
            while self.client.stdin_channel.msg_ready():
                request = self.client.get_stdin_msg(timeout=PATIENCE)
                said = answers[request["parent_header"]["msg_id"]].pop(0)
                if said is not None:  # else nobody is there
                    self.client.input(said)
            while self.client.shell_channel.msg_ready():
                reply = self.client.get_shell_msg(timeout=PATIENCE)
                if reply["parent_header"].get("msg_id") in asked:
                    replies[reply["parent_header"]["msg_id"]] = reply["content"]
        return replies

    def _take(self, seconds: float) -> dict[str, Any] | None:
        try:
            message = self.client.get_iopub_msg(timeout=seconds)
        except queue.Empty:
            return None
        parent = self._parents.get(message["parent_header"].get("msg_id", ""), NOBODY)
        noise = message["msg_type"] in ("status", "iopub_welcome") and parent in (PROBING, NOBODY)
        if not noise:
            self._log.append(Message(parent, message["msg_type"], message["content"]))
        return message

    def _look(self) -> dict[str, str]:
        return {name: look.get("data", {}).get("text/plain", str(look)) for name, look in self._ask(PROBE).items()}

    def _ask(self, expressions: dict[str, str]) -> dict[str, Any]:
        """Evaluate expressions by a request that IPython does not count as a cell."""
        identity = self.client.execute("", silent=True, user_expressions=expressions)
        self._parents[identity] = PROBING
        return self._collect({identity: Cell("")})[identity]["user_expressions"]

    def _fence(self) -> None:
        """Read all that the kernel had said before now."""
        identity = self.client.kernel_info()
        self._parents[identity] = PROBING
        self._collect({identity: Cell("")})


def wait_until_ready(client: BlockingKernelClient, alive: Callable[[], bool]) -> None:
    """Ask until the kernel answers and what it publishes is heard; drop what it had published before.

    The client's own `wait_for_ready` takes a kernel that misses a heartbeat, as one on a busy machine does, for dead.
    """
    end = time.monotonic() + PATIENCE
    while True:
        identity = client.kernel_info()
        ask_again = time.monotonic() + 1.0
        while client.iopub_channel.socket.poll(max(0, round(1000 * (ask_again - time.monotonic())))):
            message = client.get_iopub_msg(timeout=PATIENCE)
            idle = message["msg_type"] == "status" and message["content"]["execution_state"] == "idle"
            if idle and message["parent_header"].get("msg_id") == identity:
                while client.get_shell_msg(timeout=PATIENCE)["parent_header"].get("msg_id") != identity:
                    pass
                return
        if not alive():
            raise KernelDied("while it started")
        if time.monotonic() > end:
            raise TimeoutError(f"the kernel is not ready after {PATIENCE:.0f} s")


@contextmanager
def running(folder: Path, work: Path | None = None, **environment: str | None) -> Iterator[Kernel]:
    """Run a kernel for the length of a block."""
    kernel = Kernel(folder, work, **environment)
    try:
        yield kernel
    finally:
        kernel.close()


def merge_streams(messages: Iterator[Message]) -> list[Message]:
    """Join neighbouring pieces of one stream: where a stream is cut is a matter of timing."""
    merged: list[Message] = []
    for message in messages:
        last = merged[-1] if merged else None
        same = last is not None and last.type == message.type == "stream"
        if same and last.content["name"] == message.content["name"]:
            content = {**last.content, "text": last.content["text"] + message.content["text"]}
            merged[-1] = replace(last, content=content)
        else:
            merged.append(message)
    return merged


def settle(look: Callable[[], Any], wanted: Callable[[Any], bool], what: str) -> Any:
    """Look again until it is as wanted; a slow machine only makes this longer."""
    end = time.monotonic() + PATIENCE
    while True:
        seen = look()
        if wanted(seen):
            return seen
        assert time.monotonic() < end, f"{what}: last seen {seen}"
        time.sleep(0.2)
