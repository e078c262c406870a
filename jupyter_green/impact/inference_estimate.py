"""Estimates of a language model's inference energy from its size, before it has run.

Size predicts energy only for outputs of similar length and on the hardware of the fit. Such estimators were up to 40 %
off, so no interval is narrower than that. A single measurement is better than both estimates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

LEAST_BAND = 0.4
"""Minimum relative half-width: estimators were up to 40 % off against wall meters (Fischer, arXiv 2509.22092)."""
_INTERCEPT, _SLOPE, _RESIDUAL = -9.547, 0.547, 0.132
_ALPHA, _BETA, _GAMMA = 1.16653e-6, -0.0112059, 4.05293e-5
FITTED = (82e6, 14.7e9)
"""Range of sizes in the fit, in parameters."""
SCORED = "one H100, GPU only, batch 1, outputs of similar length"
SERVED = "H100, GPU only, many requests at once"


@dataclass(frozen=True)
class Prior:
    """An estimate from a model's size."""

    joules: float
    low: float
    high: float
    """Energy of one `unit` in joules, with its interval."""
    unit: str
    """"query" or "token"."""
    boundary: str
    source: str
    """What the estimate covers, and its source."""


def by_score(parameters: float) -> Prior:
    """Estimate the energy of a query: ln(Wh per 1,000) = -9.547 + 0.547 ln N.

    Parameters
    ----------
    parameters : float
        N, the total number of parameters.

    Raises
    ------
    ValueError
        If it is not a finite number above 0.

    Notes
    -----
    Least squares over 17 text generators of AI Energy Score (R² 0.981, residual 0.132); 1e9 parameters give 5.99 Wh
    per 1,000 queries.
    """
    _sound(parameters)
    wh = math.exp(_INTERCEPT + _SLOPE * math.log(parameters))
    joules = wh * 3600 / 1000
    half_width = max(LEAST_BAND, math.exp(1.96 * _RESIDUAL) - 1)
    source = "fitted to 17 text generators of AI Energy Score, September 2024"
    if not FITTED[0] <= parameters <= FITTED[1]:
        source += "; outside the 82M to 14.7B parameters it was fitted on, so the band is too narrow"
    return Prior(joules, joules / (1 + half_width), joules * (1 + half_width), "query", SCORED, source)


def by_token(active: float, batch: float = 64) -> Prior:
    """Estimate the energy of a token: Wh = α·exp(β·batch)·P + γ.

    Parameters
    ----------
    active : float
        P, the number of parameters active for a token; all, except for mixtures of experts.
    batch : float
        Concurrent requests.

    Raises
    ------
    ValueError
        If `active` is not above 0 or `batch` is below 1.

    Notes
    -----
    Formula and constants are those of EcoLogits for an H100; 8e9 parameters and a batch of 64 give 0.1623 J.
    """
    _sound(active)
    if not (math.isfinite(batch) and batch >= 1):
        raise ValueError(f"A batch of {batch!r} is invalid; give a number from 1 up.")
    joules = (_ALPHA * math.exp(_BETA * batch) * active / 1e9 + _GAMMA) * 3600
    boundary = f"{SERVED} ({batch:g})"
    source = "formula of EcoLogits, fitted to ML.ENERGY's measurements"
    return Prior(joules, joules / (1 + LEAST_BAND), joules * (1 + LEAST_BAND), "token", boundary, source)


def size_of(text: str) -> float:
    """Parse a number of parameters: 7e9, 7B, 135M. Raises ValueError if it is not a number above 0."""
    multipliers = {"k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}
    folded = text.strip().casefold()
    factor = multipliers.get(folded[-1:], 1.0)
    try:
        size = float(folded[:-1] if factor > 1 else folded) * factor
    except ValueError:
        raise ValueError(f"{text!r} is not a number of parameters; write 7e9, 7B or 135M.") from None
    _sound(size)
    return size


def _sound(parameters: float) -> None:
    if not (math.isfinite(parameters) and parameters > 0):
        raise ValueError(f"{parameters!r} is not a number of parameters; give a number above 0.")
