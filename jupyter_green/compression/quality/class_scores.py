"""How well each class is told: a mean over examples hides what a rare class loses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ClassScore:
    """How well one class was told by two models.

    Parameters
    ----------
    examples : int
        Examples (or tokens, or places) that are of it.
    before, after : float
        Share that the original and the candidate have right.
    different : int or None
        Different examples that hold any of it, those of one group as one; None where that was not counted.
    """

    examples: int
    before: float
    after: float
    different: int | None = None

    @property
    def held(self) -> str:
        """How many there are, in words: 12 examples, or 1,204 places in 80 examples."""
        if self.different is None or self.different == self.examples:
            return f"{self.examples:,}"
        return f"{self.examples:,} in {self.different:,} different example{'' if self.different == 1 else 's'}"

    @property
    def loss(self) -> float:
        """How much less of it the candidate has right."""
        return self.before - self.after


RARE = 0.5
"""A class is rare below this part of an even share of the examples."""


def has_rare(by_class: Mapping[Any, ClassScore]) -> bool:
    """Whether a class is so rare that the mean over examples hides what it loses."""
    counts = [score.examples for score in by_class.values()]
    return len(counts) > 1 and min(counts) < RARE * sum(counts) / len(counts)


def balanced(by_class: Mapping[Any, ClassScore]) -> tuple[float, float]:
    """Return the mean over classes of what the original and the candidate have right."""
    scores = by_class.values()
    return sum(one.before for one in scores) / len(scores), sum(one.after for one in scores) / len(scores)


def tallied(classes: Any, where: Any, count: int) -> Any:
    """Return how many places of each example are of each class, only where it says so; shape (examples, classes)."""
    import torch

    rows = torch.arange(len(classes), device=classes.device)[:, None] * count
    found = torch.bincount((classes + rows)[where], minlength=len(classes) * count)
    return found.reshape(len(classes), count).double()
