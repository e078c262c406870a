"""What a search holds of its candidates, and what was found when the best were judged."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jupyter_green.compression.cost.ratio import Ratio
from jupyter_green.compression.cost.trial import Outcome, Trial
from jupyter_green.compression.quality.class_scores import ClassScore
from jupyter_green.compression.quality.loss import Loss
from jupyter_green.compression.recipes.recipe import RecipeResult
from jupyter_green.compression.store.reload_check import Inspection


@dataclass
class AcceptedCandidate:
    """A candidate that costs less and may be accepted.

    Parameters
    ----------
    name : str
        What stands in the table.
    product : RecipeResult
        What was made.
    loss : Loss
        On the examples for choosing.
    score : float
        The metric's value there.
    outcome : Outcome
        How its cost stands against the original's.
    against_control : Loss or None
        Loss against an equally trained original.
    control : object
        That original.
    """

    name: str
    product: RecipeResult
    loss: Loss
    score: float
    outcome: Outcome
    against_control: Loss | None = None
    control: Any = None

    def expected_high(self, examples: int) -> float:
        """Return about where the loss' interval will end on so many examples."""
        losses = [loss for loss in (self.loss, self.against_control) if loss is not None]
        if self.product.same_numbers and self.loss.same:
            return 0.0
        return max(x.value + (x.high - x.value) * math.sqrt(x.examples / examples) for x in losses)

    @property
    def lost(self) -> float:
        """The loss as it was found, the larger one where there is a control."""
        return max(loss.value for loss in (self.loss, self.against_control) if loss is not None)

    @property
    def cost(self) -> float:
        """Cost as a part of the original's: as it was read where it can't be told, 1 where nothing was."""
        if self.outcome.ratio is not None:
            return self.outcome.ratio.value
        return 1.0 if self.outcome.about is None else self.outcome.about

    def beats(self, other: AcceptedCandidate) -> bool:
        """Whether it costs no more and loses no more than another one, and one of them less."""
        cheaper, better = self.cost - other.cost, self.loss.value - other.loss.value
        return cheaper <= 0 and better <= 0 and (cheaper < 0 or better < 0)


@dataclass
class FinalEvaluation:
    """What the final trial and the judging part said.

    Parameters
    ----------
    entry : AcceptedCandidate or None
        What was judged.
    loss, against_control : Loss or None
        On the judging examples.
    scores : (float, float) or None
        The metric of original and candidate there.
    outcome : Outcome or None
        Cost in the final trial.
    trial : Trial or None
        Its laps.
    reason : str
        What is proven, or why it isn't.
    proven : bool
        Whether cost and loss are.
    split : (Ratio, Ratio) or None
        What the runtime and what the smaller model gave.
    in_threads : Ratio or None
        What the original costs in as few threads as a runtime takes, as a part of its cost in PyTorch's; None where
        these are as many.
    cpu : Ratio or None
        Processor time as it was read, where no sensor measures joules.
    held_against : str
        Whose laps the cost is told against: the original's, or on a busy machine those of it in one thread.
    against_bf16 : Ratio or None
        Cost as a part of what the original costs in bfloat16.
    phases : mapping of str to Ratio
        Of a language model: "prefill" and "decode" apart.
    agreement : float or None
        Share of the greedy answers that are the original's.
    by_class : mapping of int to ClassScore
        How well each class is told.
    inspection : Inspection or None
        The last check, in a fresh process.
    refused : mapping of str to str
        What was judged too and not proven, with its reason.
    """

    entry: AcceptedCandidate | None
    loss: Loss | None = None
    against_control: Loss | None = None
    scores: tuple[float, float] | None = None
    outcome: Outcome | None = None
    trial: Trial | None = None
    reason: str = ""
    proven: bool = False
    split: tuple[Ratio, Ratio] | None = None
    in_threads: Ratio | None = None
    cpu: Ratio | None = None
    held_against: str = "original"
    against_bf16: Ratio | None = None
    phases: Mapping[str, Ratio] = field(default_factory=dict)
    agreement: float | None = None
    by_class: Mapping[int, ClassScore] = field(default_factory=dict)
    inspection: Inspection | None = None
    refused: Mapping[str, str] = field(default_factory=dict)
