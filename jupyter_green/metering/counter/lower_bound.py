"""A lower bound for a window whose readings broke off: stated in the note, not as a value.

If a GPU is lost or a counter is reset, the energy of the whole window is unknown, but the energy up to the last update
is known. It must not be added to complete values, so it appears only in the sentence that says why there is no value.
"""

from __future__ import annotations

import math

from jupyter_green.records import Quality


def partial_energy_note(reason: str, joules: float, uncertainty: float, seconds: float, quality: Quality) -> str:
    """Return why there is no value, with the energy that was used at least.

    Energy and half-width are in joules, up to the last reading, `seconds` after the window's start.
    """
    if not (joules > uncertainty >= 0 and seconds > 0):  # the interval includes zero
        return reason
    # One significant digit, or two if the first is 1 or rounds to 1, as for ± everywhere else.
    leading = {f"{value:e}"[0] for value in (uncertainty, _rounded(uncertainty, 1))}
    digits = 2 if "1" in leading else 1
    spread = _rounded(uncertainty, digits)
    places = max(0, digits - 1 - math.floor(math.log10(spread))) if spread > 0 else 3
    amount = f"{joules:,.{places}f} J ± {spread:,.{places}f}"
    return f"{reason.rstrip('.')}; it used at least {amount} ({quality}) in the {_rounded(seconds, 2):g} s up to then."


def _rounded(value: float, digits: int) -> float:
    """Round `value` to `digits` significant digits."""
    return round(value, digits - 1 - math.floor(math.log10(value))) if value > 0 else 0.0
