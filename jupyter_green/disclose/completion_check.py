"""Evidence that labelled work was really done: accuracy or output length, compared with an expected value."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .errors import DiscloseError

TOLERANCE = 0.1
"""Largest relative deviation of accuracy or output length from the expected value."""


@dataclass(frozen=True)
class CompletionCheck:
    """Evidence that the work was done.

    Parameters
    ----------
    accuracy, expected_accuracy : float, optional
        Share of correct answers in the metered runs, and the model's known accuracy.
    chance : float, optional
        Share of the most frequent answer, if no accuracy is known: the accuracy must be above it.
    output_length, expected_length : float, optional
        Mean length of an answer in the metered runs (in tokens, for example), and its known value.
    tolerance : float
        Largest relative deviation from the expected value: below it for accuracy, either side for length.

    Raises
    ------
    DiscloseError
        If an expected value is not a valid share or length.
    """

    accuracy: float | None = None
    expected_accuracy: float | None = None
    chance: float | None = None
    output_length: float | None = None
    expected_length: float | None = None
    tolerance: float = TOLERANCE

    def __post_init__(self) -> None:
        for name, value, zero_allowed, upper in (
            ("expected accuracy", self.expected_accuracy, False, 1.0),
            ("share of the most frequent answer", self.chance, True, 1.0),
            ("expected length", self.expected_length, False, math.inf),
            ("tolerance", self.tolerance, True, 1.0),
        ):
            if value is None or (math.isfinite(value) and (0.0 < value <= upper or (zero_allowed and value == 0))):
                continue
            bounds = f"{'from 0' if zero_allowed else 'above 0'}{' up to 1' if upper == 1.0 else ''}"
            raise DiscloseError(f"The {name} is a number {bounds}, not {value!r}.")

    @property
    def given(self) -> bool:
        """Whether there is any evidence."""
        accuracy_known = self.accuracy is not None and (self.expected_accuracy is not None or self.chance is not None)
        return accuracy_known or (self.output_length is not None and self.expected_length is not None)

    def problems(self) -> list[str]:
        """Return what is not as expected, one clause each."""
        problems = []
        for name, value in (("accuracy", self.accuracy), ("output length", self.output_length)):
            if value is not None and not math.isfinite(value):
                problems.append(f"the {name} is not a number")
        if problems:
            return problems
        lowest = None if self.expected_accuracy is None else self.expected_accuracy * (1 - self.tolerance)
        if self.accuracy is not None and lowest is not None and self.accuracy < lowest:
            problems.append(f"accuracy {self.accuracy:.3g}, expected {self.expected_accuracy:.3g}")
        if self.accuracy is not None and lowest is None and self.chance is not None and self.accuracy <= self.chance:
            problems.append(f"accuracy {self.accuracy:.3g} is not above chance ({self.chance:.3g})")
        if self.output_length is not None and self.expected_length is not None:
            deviation = abs(self.output_length - self.expected_length)
            if deviation > self.tolerance * self.expected_length:
                problems.append(f"output length {self.output_length:.3g}, expected {self.expected_length:.3g}")
        return problems
