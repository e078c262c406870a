"""Exact conversion of joules to kilowatt-hours in decimal arithmetic, so that sums of money and mass do not drift.

A float is read as its shortest decimal representation. All further arithmetic has 60 digits, until the result is
converted to a float. It uses its own decimal context, because a notebook may have changed the shared one.
"""

from __future__ import annotations

import math
from decimal import Context, Decimal

EXACT = Context(prec=60, traps=[])
"""Decimal context of all multiplications and divisions in this package."""

JOULES_PER_KWH = Decimal(3_600_000)


def decimal(value: float) -> Decimal:
    """Return the shortest decimal that represents `value`. Raises ValueError if `value` is negative or not finite."""
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"An amount must be a finite number from 0 up; this one is {value!r}.")
    return Decimal(repr(float(value)))


def kilowatt_hours(joules: float) -> Decimal:
    """Return `joules` (J) in kWh. Raises ValueError if `joules` is negative or not finite."""
    return EXACT.divide(decimal(joules), JOULES_PER_KWH)
