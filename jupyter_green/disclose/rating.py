"""Stars by the rule of AI Energy Score: five bins of equal width between the least and the most energy of a class.

The published rule speaks of quintiles and of equal width in one paragraph; the published stars of all 24 text
generators of class A (Hugging Face space AIEnergyScore/Label) follow equal width, and 10 of them would differ by
quintiles. Stars stand only among models of one task, one class and one edition: with one more model they can move.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from .errors import DiscloseError

BINS = 5
OFFICIAL_EDITION = "AI Energy Score, September 2024"
"""The edition that the published figures behind the tests belong to."""
CLASSES = (("A", 20e9), ("B", 66e9), ("C", math.inf))
"""Most parameters of each class of text generators: those that fit one consumer GPU, one cloud GPU, several."""


def stars(energy: Mapping[str, float]) -> dict[str, int]:
    """Give each model of a class its stars: 5 for the least energy, 1 for the most.

    Parameters
    ----------
    energy : mapping of str to float
        Energy for the same number of units, in one unit and with one boundary (Wh per 1,000, for one).

    Returns
    -------
    dict of str to int
        1 to 5, in the order given.

    Raises
    ------
    DiscloseError
        If there are fewer than two models, or an energy is no number above 0.

    Notes
    -----
    With w = (max - min) / 5, a model at e is in bin max(0, ⌈(e - min) / w⌉ - 1), and its stars are 5 minus that.
    """
    bounds = edges(energy)
    low, width = bounds[0], (bounds[-1] - bounds[0]) / BINS

    def place(value: float) -> int:
        return 0 if width <= 0 else min(BINS - 1, max(0, math.ceil((value - low) / width) - 1))

    return {name: BINS - place(value) for name, value in energy.items()}


def edges(energy: Mapping[str, float]) -> list[float]:
    """Return the six edges of the five bins, in the energy's unit.

    Raises
    ------
    DiscloseError
        As for `stars`.
    """
    if len(energy) < 2:
        raise DiscloseError("Stars compare models of one class; give the energy of two at least.")
    for name, value in energy.items():
        if not (isinstance(value, (int, float)) and math.isfinite(value) and value > 0):
            raise DiscloseError(f"The energy of {name!r} is {value!r}; stars need a number above 0.")
    low, high = min(energy.values()), max(energy.values())
    return [low + (high - low) * place / BINS for place in range(BINS + 1)]


def size_class(parameters: float) -> str:
    """Return the class of a text generator by its number of parameters: "A", "B" or "C".

    Raises
    ------
    DiscloseError
        If it is no number above 0.
    """
    if not parameters > 0 or not math.isfinite(parameters):
        raise DiscloseError(f"{parameters!r} parameters are none; give a number above 0.")
    return next(name for name, most in CLASSES if parameters <= most)


def memory_gigabytes(billions: float, bits: int = 16, bytes_each: float = 4.0) -> float:
    """Return about how much memory a model needs, as AI Energy Score states it: M = P·B / (32 / Q) · 1.2.

    Parameters
    ----------
    billions : float
        P, parameters in 1e9.
    bits : int
        Q, bits per weight as loaded.
    bytes_each : float
        B, bytes of a 32-bit weight.
    """
    return billions * bytes_each / (32 / bits) * 1.2
