"""Throttling of long computations on background threads, so that they barely slow down a running cell.

Processing five runs of ten thousand cells takes seconds. Because of Python's global interpreter lock, a background
thread that computes slows down the user's cell. So every thread except the main one sleeps after each `FEW` items,
`SHARE` times as long as these took. On the main thread the user is waiting for the result, and nothing sleeps.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

from jupyter_green.records import clock

T = TypeVar("T")

FEW = 100
"""Items between two sleeps."""
SHARE = 3.0
"""Sleep as a multiple of the CPU time that the items took."""


def throttled(items: Iterable[T]) -> Iterator[T]:
    """Yield the items, with sleeps in between on any thread but the main one.

    The CPU time of an item includes that of the caller's loop body.
    """
    if threading.current_thread() is threading.main_thread():
        yield from items
        return
    began = clock.thread_time()
    for number, item in enumerate(items, 1):
        yield item
        if number % FEW == 0:
            clock.sleep(SHARE * max(0.0, clock.thread_time() - began))
            began = clock.thread_time()
