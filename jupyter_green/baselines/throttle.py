"""Long work that leaves the interpreter to others: a cell that runs meanwhile is to notice little of it.

Five runs of ten thousand cells are seconds of work. Python lets one thread run at a time, and a thread that computes
takes its share from the person's cell. So on any thread but the main one, where a person waits, there is a rest after
each few items, three times as long as they took. A notebook of usual length is done before the first.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

from jupyter_green.records import clock

T = TypeVar("T")

FEW = 100
SHARE = 3.0


def throttled(items: Iterable[T]) -> Iterator[T]:
    """Yield the items, with rests in between.

    Parameters
    ----------
    items : iterable
        What is worked on, by whoever takes the items, too.
    """
    if threading.current_thread() is threading.main_thread():
        yield from items
        return
    began = clock.thread_time()
    for place, item in enumerate(items, 1):
        yield item
        if place % FEW == 0:
            clock.sleep(SHARE * max(0.0, clock.thread_time() - began))
            began = clock.thread_time()
