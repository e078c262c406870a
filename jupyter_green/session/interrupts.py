"""An interrupt that falls into our own work: the work is done all the same, and the interrupt still arrives.

Python raises KeyboardInterrupt between any two instructions of the main thread. There is no signal handler of ours that
could hold it back, so a step that must be whole is written such that it may be begun again: what it has done already it
does not do twice. Then an interrupt only means that it is begun again, and is raised once it is through.
"""

from __future__ import annotations

from collections.abc import Callable

MOST = 100
"""Interrupts during one step after which the step itself counts as what raises them."""


def uninterrupted(step: Callable[[], object]) -> None:
    """Do a step to its end, whatever interrupts it, and then raise the interrupt.

    Parameters
    ----------
    step : callable
        May be begun again at any point.

    Raises
    ------
    KeyboardInterrupt
        Where there was one, once the step is through.
    """
    interrupt: KeyboardInterrupt | None = None
    for _ in range(MOST):
        try:
            step()
            break
        except KeyboardInterrupt as error:
            interrupt = error
    if interrupt is not None:
        raise interrupt.with_traceback(None)
