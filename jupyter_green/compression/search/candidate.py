"""The candidates of a search, and the result of their final evaluation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jupyter_green.compression.cost.ratio import Ratio
from jupyter_green.compression.cost.trial import Outcome, Trial
from jupyter_green.compression.quality.class_scores import ClassScore
from jupyter_green.compression.quality.loss import Loss
from jupyter_green.compression.reasons import Reason
from jupyter_green.compression.recipes.recipe import RecipeResult
from jupyter_green.compression.store.reload_check import Inspection


@dataclass
class AcceptedCandidate:
    """A candidate that costs less than the original and whose loss may be accepted."""

    name: str
    """Name in the table."""
    product: RecipeResult
    """What the recipe made."""
    loss: Loss
    """Loss on the validation split."""
    score: float
    """The metric's value there."""
    outcome: Outcome
    """Cost relative to the original's."""
    against_control: Loss | None = None
    """Loss against an equally trained original."""
    control: Any = None
    """The equally trained original."""

    def expected_high(self, examples: int) -> float:
        """Return the expected upper end of the loss interval on that many examples."""
        losses = [loss for loss in (self.loss, self.against_control) if loss is not None]
        if self.product.same_numbers and self.loss.same:
            return 0.0
        return max(x.value + (x.high - x.value) * math.sqrt(x.examples / examples) for x in losses)

    @property
    def lost(self) -> float:
        """The estimated loss; the larger one where there is a control."""
        return max(loss.value for loss in (self.loss, self.against_control) if loss is not None)

    @property
    def cost(self) -> float:
        """Cost relative to the original's: the reading if the comparison is inconclusive, 1 if there is none."""
        if self.outcome.ratio is not None:
            return self.outcome.ratio.value
        return 1.0 if self.outcome.about is None else self.outcome.about

    def beats(self, other: AcceptedCandidate) -> bool:
        """Whether it is no worse than another candidate in cost and loss, and better in one of them."""
        cheaper, better = self.cost - other.cost, self.loss.value - other.loss.value
        return cheaper <= 0 and better <= 0 and (cheaper < 0 or better < 0)


@dataclass
class FinalEvaluation:
    """Result of the final evaluation: a candidate's loss and score on the test split, and its cost."""

    entry: AcceptedCandidate | None
    """The candidate."""
    loss: Loss | None = None
    against_control: Loss | None = None
    """Losses on the test split, against the original and against an equally trained original."""
    scores: tuple[float, float] | None = None
    """The metric of original and candidate there."""
    outcome: Outcome | None = None
    """Cost in the final benchmark."""
    trial: Trial | None = None
    """The final benchmark."""
    reason: Reason | None = None
    """What is proven, or why it isn't; None if nothing was tested and there is nothing more to say."""
    proven: bool = False
    """Whether both cost and loss are proven."""
    split: tuple[Ratio, Ratio] | None = None
    """Cost ratios of the runtime alone and of the smaller model alone."""
    in_threads: Ratio | None = None
    """Cost of the original in as few threads as the runtime uses, relative to its cost in PyTorch's number of threads.
    None where the numbers are equal.
    """
    cpu: Ratio | None = None
    """Ratio of processor time, where no sensor measures energy."""
    compared_with: str = "original"
    """Name of the runner that the cost is relative to: the original, or on a busy machine the original in one thread.
    """
    against_bf16: Ratio | None = None
    """Cost relative to the original's in bfloat16."""
    phases: Mapping[str, Ratio] = field(default_factory=dict)
    """Cost ratios of a language model's "prefill" and "decode"."""
    agreement: float | None = None
    """Share of the greedy answers that equal the original's."""
    by_class: Mapping[int, ClassScore] = field(default_factory=dict)
    """Score of each class."""
    inspection: Inspection | None = None
    """Result of the reload check."""
    refused: Mapping[str, Reason] = field(default_factory=dict)
    """Other candidates that were tested and not proven, with the reason."""
