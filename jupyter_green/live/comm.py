"""Comms between kernel and pages: frames are sent through one, messages are received from all.

All pages of a kernel receive what is sent through any comm, so each frame is sent once. The kernel opens a comm only if
the front end sends cell ids, and never again after its own was closed: a front end without our extension answers each
opening with an error on its console. Messages arrive on the kernel's shell threads and are put into `received_events`;
everything else runs on the sampler thread, so no lock is needed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from comm import create_comm, get_comm_manager
from comm.base_comm import BaseComm

TARGET = "jupyter_green"
MARK = {"app": TARGET}
"""Data of our own close messages, which distinguishes them from others."""
MOST_WAITING = 1000
MOST_COMMS = 50


class CommEvent(NamedTuple):
    """A page opened a comm, sent a message (``said``), or closed it."""

    what: Literal["opened", "said", "closed"]
    comm: BaseComm
    data: Any


class Channel:
    """The comms of one kernel; `arrived` is called on a shell thread when the inbox has a new event."""

    def __init__(self, arrived: Callable[[], None]) -> None:
        self.received_events: deque[CommEvent] = deque(maxlen=MOST_WAITING)
        self._arrived = arrived
        self._comms: dict[str, BaseComm] = {}
        self._own: str | None = None
        self._refused = False

    # ---- called on shell threads --------------------------------------------------------------

    def register(self) -> None:
        """Accept comms from pages."""
        get_comm_manager().register_target(TARGET, self._opened)

    def unregister(self) -> None:
        """Close all comms and accept no more."""
        manager = get_comm_manager()
        if manager.targets.get(TARGET) == self._opened:
            manager.unregister_target(TARGET, self._opened)
        for comm in [*self._comms.values()]:
            comm.on_msg(None)
            comm.on_close(None)
            if manager.comms.get(comm.comm_id) is comm:
                comm.close(data=MARK)
        self._comms.clear()
        self.received_events.clear()

    def _opened(self, comm: BaseComm, message: dict[str, Any]) -> None:
        self._follow(comm)
        self._put("opened", comm, message)

    def _follow(self, comm: BaseComm) -> None:
        comm.on_msg(lambda message: self._put("said", comm, message))
        comm.on_close(lambda message: self._put("closed", comm, message))

    def _put(self, what: Literal["opened", "said", "closed"], comm: BaseComm, message: dict[str, Any]) -> None:
        content = message.get("content")
        self.received_events.append(CommEvent(what, comm, content.get("data") if isinstance(content, dict) else None))
        self._arrived()

    # ---- called on the sampler thread ---------------------------------------------------------

    @property
    def open(self) -> bool:
        """Whether there is an open comm."""
        return bool(self._comms)

    @property
    def may_begin(self) -> bool:
        """Whether the kernel may open a comm."""
        return not self._comms and not self._refused

    def allow_again(self) -> None:
        """Allow opening a comm again after one was closed; the user turned metering on."""
        self._refused = False

    def begin(self, frame: dict[str, Any]) -> None:
        """Open a comm with a frame as its data."""
        comm = create_comm(target_name=TARGET, data=frame)
        self._own = comm.comm_id
        self._comms[comm.comm_id] = comm
        self._follow(comm)
        if get_comm_manager().comms.get(comm.comm_id) is not comm:  # it was closed before the handlers were set
            self.lose(comm)

    def take(self, comm: BaseComm) -> None:
        """Add a comm opened by a page; beyond `MOST_COMMS` the oldest is closed."""
        self._comms[comm.comm_id] = comm
        if len(self._comms) > MOST_COMMS:
            self._comms.pop(next(name for name in self._comms if name != self._own)).close(data=MARK)

    def lose(self, comm: BaseComm) -> None:
        """Remove a comm that the page closed."""
        self._comms.pop(comm.comm_id, None)
        if comm.comm_id == self._own:
            self._own = None
            self._refused = True

    def send(self, frame: dict[str, Any]) -> None:
        """Send a frame through the kernel's own comm, else through the newest one."""
        if self._comms:
            self._comms[self._own or next(reversed(self._comms))].send(frame)
