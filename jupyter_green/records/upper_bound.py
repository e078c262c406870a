"""When a figure is only an upper bound: its 95 % interval includes 0."""

from __future__ import annotations


def is_upper_bound(joules: float | None, uncertainty: float | None) -> bool:
    """Whether the 95 % interval of an energy includes 0, so that only its upper end can be stated.

    Parameters
    ----------
    joules : float or None
        Energy in joules; None without a reading.
    uncertainty : float or None
        Half-width of the 95 % interval in joules; None if unknown, infinite if unbounded.
    """
    return joules is not None and uncertainty is not None and uncertainty >= joules
