"""Statistics of small samples, without libraries, since they are needed while nothing heavy is imported."""

from __future__ import annotations

import math

_T_95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)

MEDIAN_VARIANCE = (1.0, 1.0, 1.346, 1.193, 1.434)
"""Variance of the median of n normal values relative to that of their mean, from n = 1 on."""


def t_quantile(freedom: int) -> float:
    """Two-sided 95 % quantile of Student's t: tabulated up to ten degrees of freedom, then Hill's expansion.

    Raises
    ------
    ValueError
        If `freedom` is below 1.
    """
    if freedom < 1:
        raise ValueError("Student's t needs at least one degree of freedom.")
    if freedom <= len(_T_95):
        return _T_95[freedom - 1]
    z = 1.959964
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return z + math.fsum(term / freedom**power for power, term in enumerate(terms, 1))


def random_half_width(width: float | None, gain: float | None) -> float:
    """Return the random part of a 95 % half-width that includes a systematic part; infinite if it is unknown."""
    if width is None or math.isinf(width):
        return math.inf
    own = gain or 0.0
    return math.sqrt(max(0.0, width - own)) * math.sqrt(width + own)  # large squares would overflow
