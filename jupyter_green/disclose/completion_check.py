"""What shows that the labelled work was really done: an accuracy or a length of output, held against what is known."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .errors import DiscloseError

TOLERANCE = 0.1
"""How far accuracy or output length may fall from what is expected, as a part of it."""


@dataclass(frozen=True)
class CompletionCheck:
    """What shows that the work was done.

    Parameters
    ----------
    accuracy, expected_accuracy : float, optional
        Share of right answers in the metered runs, and what the model is known to reach.
    chance : float, optional
        Share of the most frequent answer, where nothing is known: the accuracy has to be above it.
    output_length, expected_length : float, optional
        Mean length of an answer in the metered runs (tokens, for one), and what it is known to be.
    tolerance : float
        How far below (accuracy) or off (length) it may be, as a part of the expected.

    Raises
    ------
    DiscloseError
        If what is expected is no such share or length; one sentence.
    """

    accuracy: float | None = None
    expected_accuracy: float | None = None
    chance: float | None = None
    output_length: float | None = None
    expected_length: float | None = None
    tolerance: float = TOLERANCE

    def __post_init__(self) -> None:
        for name, value, none, most in (
            ("expected accuracy", self.expected_accuracy, False, 1.0),
            ("share of the most frequent answer", self.chance, True, 1.0),
            ("expected length", self.expected_length, False, math.inf),
            ("tolerance", self.tolerance, True, 1.0),
        ):
            if value is None or (math.isfinite(value) and (0.0 < value <= most or (none and value == 0))):
                continue
            scale = f"{'from 0' if none else 'above 0'}{' up to 1' if most == 1.0 else ''}"
            raise DiscloseError(f"The {name} is a number {scale}, not {value!r}.")

    @property
    def given(self) -> bool:
        """Whether anything is shown at all."""
        right = self.accuracy is not None and (self.expected_accuracy is not None or self.chance is not None)
        return right or (self.output_length is not None and self.expected_length is not None)

    def problems(self) -> list[str]:
        """Return what is not as expected, a clause each."""
        found = []
        for name, value in (("accuracy", self.accuracy), ("output length", self.output_length)):
            if value is not None and not math.isfinite(value):
                found.append(f"the {name} is no number")
        if found:
            return found
        least = None if self.expected_accuracy is None else self.expected_accuracy * (1 - self.tolerance)
        if self.accuracy is not None and least is not None and self.accuracy < least:
            found.append(f"accuracy {self.accuracy:.3g}, expected {self.expected_accuracy:.3g}")
        if self.accuracy is not None and least is None and self.chance is not None and self.accuracy <= self.chance:
            found.append(f"accuracy {self.accuracy:.3g} is not above chance ({self.chance:.3g})")
        if self.output_length is not None and self.expected_length is not None:
            off = abs(self.output_length - self.expected_length)
            if off > self.tolerance * self.expected_length:
                found.append(f"output length {self.output_length:.3g}, expected {self.expected_length:.3g}")
        return found
