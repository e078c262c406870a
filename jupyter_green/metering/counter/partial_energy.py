"""What is left of a window whose count broke off inside it: a lower bound, told in words.

A board that is lost, or a counter that is reset, has no energy for the whole window; what it had used up to the last
tick before is known all the same. A figure has no place for a bound, and half a window's joules must not be added up
with whole ones, so it stands in the sentence that says why there is no figure.
"""

from __future__ import annotations

import math

from jupyter_green.records import Quality


def partial_energy_note(reason: str, joules: float, uncertainty: float, seconds: float, quality: Quality) -> str:
    """Return why there is no figure, and what was used at least.

    Parameters
    ----------
    reason : str
        One sentence.
    joules, uncertainty : float
        Energy up to the last reading before the count broke off, and the half-width of its 95 % interval.
    seconds : float
        Time from the window's start to that reading.
    quality : {"measured", "estimated", "simulated"}
        Standing of the readings.
    """
    if not (joules > uncertainty >= 0 and seconds > 0):  # it reaches nothing, which says nothing
        return reason
    # One significant digit, two where the first is 1 or is rounded to it, as ± is written everywhere.
    leading = {f"{one:e}"[0] for one in (uncertainty, _rounded(uncertainty, 1))}
    digits = 2 if "1" in leading else 1
    spread = _rounded(uncertainty, digits)
    places = max(0, digits - 1 - math.floor(math.log10(spread))) if spread > 0 else 3
    amount = f"{joules:,.{places}f} J ± {spread:,.{places}f}"
    return f"{reason.rstrip('.')}; it used at least {amount} ({quality}) in the {_rounded(seconds, 2):g} s up to then."


def _rounded(value: float, digits: int) -> float:
    """Return `value` with so many significant digits."""
    return round(value, digits - 1 - math.floor(math.log10(value))) if value > 0 else 0.0
