"""Stars by the rule of AI Energy Score: five bins of equal width between the lowest and the highest energy of a class.

The published rule mentions both quintiles and equal width. The published stars of all 24 text generators of class A
(Hugging Face space AIEnergyScore/Label) follow equal width; with quintiles, 10 of them would differ. Stars are relative
to the models of one task, class and edition: another model can change them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from .errors import DiscloseError

BINS = 5
CLASSES = (("A", 20e9), ("B", 66e9), ("C", math.inf))
"""Upper bound of parameters per class of text generators: for one consumer GPU, one cloud GPU, several GPUs."""


def stars(energy: Mapping[str, float]) -> dict[str, int]:
    """Return the stars of each model of a class: 5 for the lowest energy, 1 for the highest.

    Parameters
    ----------
    energy : mapping of str to float
        Energy of each model for the same number of units, in the same unit and boundary (Wh per 1,000, for example).

    Returns
    -------
    dict of str to int
        1 to 5, in the order given.

    Raises
    ------
    DiscloseError
        If there are fewer than two models, or an energy is not a number above 0.

    Notes
    -----
    With w = (max - min) / 5, a model with energy e is in bin b = max(0, ⌈(e - min) / w⌉ - 1) and has 5 - b stars.
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
    return [low + (high - low) * number / BINS for number in range(BINS + 1)]


def size_class(parameters: float) -> str:
    """Return the class of a text generator by its number of parameters: "A", "B" or "C".

    Raises DiscloseError if the number is not finite and above 0.
    """
    if not parameters > 0 or not math.isfinite(parameters):
        raise DiscloseError(f"{parameters!r} is not a number of parameters; give a number above 0.")
    return next(name for name, limit in CLASSES if parameters <= limit)
