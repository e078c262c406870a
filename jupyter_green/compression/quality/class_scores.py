"""Accuracy of each class: a mean over examples hides what a rare class loses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ClassScore:
    """Accuracy of one class for two models."""

    examples: int
    """Examples (or tokens, or other elements) of the class."""
    before: float
    after: float
    """Share that the original and the candidate have right."""
    different: int | None = None
    """Independent examples that contain the class, those of a group counted once; None if not counted."""

    @property
    def held(self) -> str:
        """The number of examples in words: 12, or 1,204 in 80 different examples."""
        if self.different is None or self.different == self.examples:
            return f"{self.examples:,}"
        return f"{self.examples:,} in {self.different:,} different example{'' if self.different == 1 else 's'}"

    @property
    def loss(self) -> float:
        """Accuracy lost by the candidate."""
        return self.before - self.after


RARE = 0.5
"""A class is rare if it has less than this share of the mean number of examples per class."""


def has_rare(by_class: Mapping[Any, ClassScore]) -> bool:
    """Whether a class is so rare that the mean over examples hides its loss."""
    counts = [score.examples for score in by_class.values()]
    return len(counts) > 1 and min(counts) < RARE * sum(counts) / len(counts)


def balanced(by_class: Mapping[Any, ClassScore]) -> tuple[float, float]:
    """Return the balanced accuracy (mean over classes) of the original and the candidate."""
    scores = by_class.values()
    return sum(score.before for score in scores) / len(scores), sum(score.after for score in scores) / len(scores)


def tallied(classes: Any, where: Any, count: int) -> Any:
    """Return the elements of each class in each example, where a mask is true; shape (examples, classes)."""
    import torch

    rows = torch.arange(len(classes), device=classes.device)[:, None] * count
    counts = torch.bincount((classes + rows)[where], minlength=len(classes) * count)
    return counts.reshape(len(classes), count).double()
