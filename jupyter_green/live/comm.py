"""The comms with the pages: one is spoken through, any may be spoken to.

All pages of a kernel hear what is said through any comm, so each frame goes out once. The kernel opens a comm only
where a front end sends cell ids, and never again once one of its own was closed: a front end that knows nothing of
us answers each opening with an error on its console. What pages say arrives on the kernel's shell threads and is
put into `inbox`; everything else here belongs to the sampler's thread, so that nothing needs a lock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from comm import create_comm, get_comm_manager
from comm.base_comm import BaseComm

TARGET = "jupyter_green"
MARK = {"app": TARGET}
"""What tells our closing of a comm from anybody else's."""
MOST_WAITING = 1000
MOST_COMMS = 50


class CommEvent(NamedTuple):
    """What a page did: opened a comm, said something, or closed it."""

    what: Literal["opened", "said", "closed"]
    comm: BaseComm
    data: Any


class Channel:
    """The comms of one kernel.

    Parameters
    ----------
    arrived : callable
        Called on a shell thread when something lies in the inbox.
    """

    def __init__(self, arrived: Callable[[], None]) -> None:
        self.inbox: deque[CommEvent] = deque(maxlen=MOST_WAITING)
        self._arrived = arrived
        self._comms: dict[str, BaseComm] = {}
        self._own: str | None = None
        self._refused = False

    # ---- the pages' side ----------------------------------------------------------------------

    def register(self) -> None:
        """Let pages open comms."""
        get_comm_manager().register_target(TARGET, self._opened)

    def unregister(self) -> None:
        """Close all comms, and let pages open no more."""
        manager = get_comm_manager()
        if manager.targets.get(TARGET) == self._opened:
            manager.unregister_target(TARGET, self._opened)
        for comm in [*self._comms.values()]:
            comm.on_msg(None)
            comm.on_close(None)
            if manager.comms.get(comm.comm_id) is comm:
                comm.close(data=MARK)
        self._comms.clear()
        self.inbox.clear()

    def _opened(self, comm: BaseComm, message: dict[str, Any]) -> None:
        self._follow(comm)
        self._put("opened", comm, message)

    def _follow(self, comm: BaseComm) -> None:
        comm.on_msg(lambda message: self._put("said", comm, message))
        comm.on_close(lambda message: self._put("closed", comm, message))

    def _put(self, what: Literal["opened", "said", "closed"], comm: BaseComm, message: dict[str, Any]) -> None:
        content = message.get("content")
        self.inbox.append(CommEvent(what, comm, content.get("data") if isinstance(content, dict) else None))
        self._arrived()

    # ---- the sampler's side -------------------------------------------------------------------

    @property
    def open(self) -> bool:
        """Whether there is a comm to speak through."""
        return bool(self._comms)

    @property
    def may_begin(self) -> bool:
        """Whether the kernel may open a comm by itself."""
        return not self._comms and not self._refused

    def forgive(self) -> None:
        """Forget that a comm was closed: the person has asked for metering again."""
        self._refused = False

    def begin(self, frame: dict[str, Any]) -> None:
        """Open a comm; the frame is the first thing said."""
        comm = create_comm(target_name=TARGET, data=frame)
        self._own = comm.comm_id
        self._comms[comm.comm_id] = comm
        self._follow(comm)
        if get_comm_manager().comms.get(comm.comm_id) is not comm:  # it was closed before anybody listened
            self.lose(comm)

    def take(self, comm: BaseComm) -> None:
        """A page opened a comm; of more than fifty, the oldest is closed."""
        self._comms[comm.comm_id] = comm
        if len(self._comms) > MOST_COMMS:
            self._comms.pop(next(name for name in self._comms if name != self._own)).close(data=MARK)

    def lose(self, comm: BaseComm) -> None:
        """A comm was closed from the other side."""
        self._comms.pop(comm.comm_id, None)
        if comm.comm_id == self._own:
            self._own = None
            self._refused = True

    def send(self, frame: dict[str, Any]) -> None:
        """Say something: through the kernel's own comm, else through the one that was opened last."""
        if self._comms:
            self._comms[self._own or next(reversed(self._comms))].send(frame)
