"""The data behind a result: for its report, for saving it, and for choosing another candidate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .cost.ratio import Ratio
from .model.task import Task
from .options import A_DAY
from .quality.class_scores import ClassScore
from .quality.loss import Loss
from .quality.metric import MetricKind
from .quality.skill import Constant

if TYPE_CHECKING:
    from .model.source_model import SourceModel
    from .recipes.recipe import RecipeResult


@dataclass(frozen=True)
class Late:
    """How a search ran out of time."""

    allowed: float
    """Time limit, in seconds."""
    tried: int = 0
    """Number of recipes that were tried."""
    untried: tuple[str, ...] = ()
    """Names of the recipes that were not tried for lack of time."""
    unjudged: bool = False
    """Whether time ran out before the evaluation on the test split."""
    over: float = 0.0
    """Seconds by which the limit was exceeded."""
    running: str = ""
    """What was running at the limit and could not be stopped."""


@dataclass(frozen=True)
class ParetoPoint:
    """A candidate on the Pareto front, which a user may choose instead."""

    name: str
    """The recipe."""
    product: RecipeResult
    """The compressed model."""
    ratio: Ratio | None
    """Cost relative to the original."""
    loss: Loss
    """Loss on the validation split, or on the test split if it was evaluated there."""


@dataclass(frozen=True)
class ResultDetails:
    """The data behind a result's figures."""

    original: SourceModel = field(repr=False)
    product: RecipeResult | None = field(repr=False)
    """The kept candidate."""
    metric: str
    """Name of the metric."""
    unit: str
    """Unit of a loss."""
    max_loss: float
    """The accepted loss, in that unit."""
    key: str
    """Batch size, length, threads and precision, on which all figures depend."""
    scores: tuple[float, float] | None = None
    """The metric of the original and of the kept model on the test split."""
    examples: int = 0
    """Examples in the test split."""
    interval: Loss | None = None
    """Loss on the test split."""
    split: tuple[Ratio, Ratio] | None = None
    """Ratio due to the runtime and ratio due to the model, with their intervals."""
    in_threads: Ratio | None = None
    """The factor of the runtime's ratio that is due to fewer threads alone."""
    cost_uncertainty: float | None = None
    """Half the 95 % interval of the search's energy, in joules."""
    by_class: Mapping[int, ClassScore] = field(default_factory=dict)
    """Accuracy of each class."""
    per_day: int = A_DAY
    """Inferences a day for the yearly saving."""
    front: tuple[ParetoPoint, ...] = field(default=(), repr=False)
    """Candidates that a user may choose instead, most expensive first."""
    phases: Mapping[str, Ratio] = field(default_factory=dict)
    """For a language model: ratios of "prefill" and "decode"."""
    agreement: float | None = None
    """Share of the greedy answers that equal the original's."""
    cpu: Ratio | None = None
    """Ratio of processor time as measured, if no sensor measures joules."""
    against_bf16: Ratio | None = None
    """Cost relative to the original in bfloat16."""
    chosen_by: tuple[int, float] | None = None
    """Examples in the validation split, and the original's score on them."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """Fingerprint of the data: a digest, and the number of examples in each split."""
    earlier_searches: int = 0
    """Searches of this process that used the same test split before."""
    inspected: str = ""
    """Outcome of loading the saved model in a fresh process."""
    notes: tuple[str, ...] = ()
    """Sentences for the user."""
    metric_kind: MetricKind = "own function"
    """What the metric computes, as `Metric.kind`."""
    judged: Task | None = None
    """The task and the output that were evaluated."""
    constant: Constant | None = None
    """The constant answer that the original is not better than; None if it is better."""
    sample: Any = field(default=None, repr=False)
    """Inputs of one batch, from whose shapes the saved probe is made."""
    late: Late | None = None
    """How the search ran out of time; None if it did not."""
