"""Exact kilowatt-hours: joules become decimals here, so that sums of money and mass do not drift.

A joule figure arrives as a float. Its shortest decimal form is taken as meant, and everything after that
keeps 60 digits until the result is handed back as a float. The arithmetic has a context of its own: a notebook
may have set the precision or the traps of the shared one.
"""

from __future__ import annotations

import math
from decimal import Context, Decimal

EXACT = Context(prec=60, traps=[])
"""Context of every multiplication and division in this room."""

JOULES_PER_KWH = Decimal(3_600_000)


def decimal(value: float) -> Decimal:
    """Return the shortest decimal that stands for `value`.

    Raises
    ------
    ValueError
        If `value` is not finite, or negative.
    """
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"An amount must be a finite number from 0 up; this one is {value!r}.")
    return Decimal(repr(float(value)))


def kilowatt_hours(joules: float) -> Decimal:
    """Return `joules` (J) in kWh.

    Raises
    ------
    ValueError
        If `joules` is not finite, or negative.
    """
    return EXACT.divide(decimal(joules), JOULES_PER_KWH)
