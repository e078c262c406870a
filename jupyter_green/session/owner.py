"""Whose work a window meters: a thread, one call on its stack, or an object that a person holds.

A ``with`` block closes its window however it ends. A window that a callback opened has no such block: when the work
raises, or is given up, nobody calls back any more. So it has an owner, who is looked for while it is open; when the
owner is gone, it ends where that was last seen alive.
"""

from __future__ import annotations

import sys
import threading
import weakref
from dataclasses import dataclass, field
from types import CodeType


@dataclass(frozen=True)
class Owner:
    """Who has to close a window.

    Parameters
    ----------
    thread : threading.Thread
        The thread that works.
    frame, code : int, CodeType or None
        Identity and code of the call that works; None where all of the thread does. The frame itself is not held: it
        holds what the work holds.
    handle : weakref or None
        The object whose end is the window's; None where there is none.
    """

    thread: threading.Thread
    frame: int | None = None
    code: CodeType | None = None
    handle: weakref.ref[object] | None = field(default=None, compare=False)

    @classmethod
    def here(cls, package: str | None = None) -> Owner:
        """Return this thread, or the outermost call of a package's code on its stack where there is one."""
        found = None
        frame = sys._getframe(1) if package is not None else None
        while frame is not None:
            if str(frame.f_globals.get("__name__", "")).partition(".")[0] == package:
                found = frame
            frame = frame.f_back
        if found is None:
            return cls(threading.current_thread())
        return cls(threading.current_thread(), id(found), found.f_code)

    def alive(self) -> bool:
        """Whether the work goes on; from any thread."""
        if self.handle is not None and self.handle() is None:
            return False
        # Not by `is_alive`: up to Python 3.12 an interrupt inside it marks a running thread as ended.
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
