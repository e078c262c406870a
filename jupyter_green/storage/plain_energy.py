"""Energies as plain text, rounded to their uncertainty."""

from __future__ import annotations

import math

_STEPS = ((1e9, "GJ"), (1e6, "MJ"), (1e3, "kJ"), (1.0, "J"), (1e-3, "mJ"), (1e-6, "µJ"))


def amount(joules: float | None, uncertainty: float | None) -> str:
    """Return text such as ``12.3 kJ ± 0.4`` for joules and half-width; if the interval includes 0, its upper bound."""
    if joules is None:
        return "no reading"
    if uncertainty is None or not math.isfinite(uncertainty):
        scale, unit = _step(joules)
        return f"{joules / scale:.3g} {unit} ± unknown"
    if uncertainty <= 0:
        scale, unit = _step(joules)
        return f"{joules / scale:.4g} {unit} ± 0"
    if uncertainty >= joules:
        scale, unit = _step(joules + uncertainty)
        return f"below {(joules + uncertainty) / scale:.2g} {unit}"
    scale, unit = _step(joules)
    decimals = max(0, 1 - math.floor(math.log10(uncertainty / scale)))
    return f"{joules / scale:.{decimals}f} {unit} ± {uncertainty / scale:.{decimals}f}"


def _step(value: float) -> tuple[float, str]:
    return next(((scale, unit) for scale, unit in _STEPS if abs(value) >= scale), _STEPS[-1])
