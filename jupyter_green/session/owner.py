"""The owner of a window's work: a thread, a call on its stack, or an object that user code holds.

A ``with`` block always closes its window. A window opened by a callback may never be closed: if the work raises or is
cancelled, the closing callback is not called. So the session checks whether a window's owner still exists; if not, the
window ends when the owner was last seen.
"""

from __future__ import annotations

import sys
import threading
import weakref
from dataclasses import dataclass, field
from types import CodeType


@dataclass(frozen=True)
class Owner:
    """Who has to close a window."""

    thread: threading.Thread
    """The thread that does the work."""
    frame: int | None = None
    code: CodeType | None = None
    """Id and code of the call that does the work; None for the whole thread. The frame itself is not kept, since it
    would keep the work's objects alive.
    """
    handle: weakref.ref[object] | None = field(default=None, compare=False)
    """The object whose end also ends the window; None if there is none."""

    @classmethod
    def here(cls, package: str | None = None) -> Owner:
        """Return the current thread, or the outermost call of a package's code on its stack if there is one."""
        outermost = None
        frame = sys._getframe(1) if package is not None else None
        while frame is not None:
            if str(frame.f_globals.get("__name__", "")).partition(".")[0] == package:
                outermost = frame
            frame = frame.f_back
        if outermost is None:
            return cls(threading.current_thread())
        return cls(threading.current_thread(), id(outermost), outermost.f_code)

    def alive(self) -> bool:
        """Whether the work still goes on; may be called from any thread."""
        if self.handle is not None and self.handle() is None:
            return False
        # Not `is_alive`: up to Python 3.12 an interrupt inside it marks a running thread as ended.
        if self.thread not in (threading.current_thread(), threading.main_thread(), *threading.enumerate()):
            return False
        if self.frame is None:
            return True
        frame = sys._current_frames().get(self.thread.ident or 0)
        while frame is not None:
            if id(frame) == self.frame and frame.f_code is self.code:
                return True
            frame = frame.f_back
        return False
