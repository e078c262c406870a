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
    """How a search ran out of time.

    Parameters
    ----------
    allowed : float
        Time limit, in seconds.
    tried : int
        Number of recipes that were tried.
    untried : tuple of str
        Names of the recipes that were not tried for lack of time.
    unjudged : bool
        Whether time ran out before the evaluation on the test split.
    over : float
        Seconds by which the limit was exceeded.
    running : str
        What was running at the limit and could not be stopped.
    """

    allowed: float
    tried: int = 0
    untried: tuple[str, ...] = ()
    unjudged: bool = False
    over: float = 0.0
    running: str = ""


@dataclass(frozen=True)
class ParetoPoint:
    """A candidate on the Pareto front, which a user may choose instead.

    Parameters
    ----------
    name : str
        The recipe.
    product : RecipeResult
        The compressed model.
    ratio : Ratio or None
        Cost relative to the original.
    loss : Loss
        Loss on the validation split, or on the test split if it was evaluated there.
    """

    name: str
    product: RecipeResult
    ratio: Ratio | None
    loss: Loss


@dataclass(frozen=True)
class ResultDetails:
    """The data behind a result's figures.

    Parameters
    ----------
    original : SourceModel
        The original.
    product : RecipeResult or None
        The kept candidate.
    metric : str
        Name of the metric.
    unit : {"points", "relative"}
        Unit of a loss.
    max_loss : float
        The accepted loss, in that unit.
    key : str
        Batch size, length, threads and precision, on which all figures depend.
    scores : (float, float) or None
        The metric of the original and of the kept model on the test split.
    examples : int
        Examples in the test split.
    interval : Loss or None
        Loss on the test split.
    split : (Ratio, Ratio) or None
        Ratio due to the runtime and ratio due to the model, with their intervals.
    in_threads : Ratio or None
        The factor of the runtime's ratio that is due to fewer threads alone.
    cost_uncertainty : float or None
        Half the 95 % interval of the search's energy, in joules.
    by_class : mapping of int to ClassScore
        Accuracy of each class.
    metric_kind : str
        What the metric computes, as `Metric.kind`.
    judged : Task or None
        The task and the output that were evaluated.
    constant : Constant or None
        The constant answer that the original is not better than; None if it is better.
    per_day : int
        Inferences a day for the yearly saving.
    front : tuple of ParetoPoint
        Candidates that a user may choose instead, most expensive first.
    phases : mapping
        For a language model: ratios of "prefill" and "decode".
    agreement : float or None
        Share of the greedy answers that equal the original's.
    cpu : Ratio or None
        Ratio of processor time as measured, if no sensor measures joules.
    against_bf16 : Ratio or None
        Cost relative to the original in bfloat16.
    chosen_by : (int, float) or None
        Examples in the validation split, and the original's score on them.
    data : mapping
        Fingerprint of the data: a digest, and the number of examples in each split.
    inspected : str
        Outcome of loading the saved model in a fresh process.
    notes : tuple of str
        Sentences for the user.
    sample : object
        Inputs of one batch, from whose shapes the saved probe is made.
    late : Late or None
        How the search ran out of time; None if it did not.
    """

    original: SourceModel = field(repr=False)
    product: RecipeResult | None = field(repr=False)
    metric: str
    unit: str
    max_loss: float
    key: str
    scores: tuple[float, float] | None = None
    examples: int = 0
    interval: Loss | None = None
    split: tuple[Ratio, Ratio] | None = None
    in_threads: Ratio | None = None
    cost_uncertainty: float | None = None
    by_class: Mapping[int, ClassScore] = field(default_factory=dict)
    per_day: int = A_DAY
    front: tuple[ParetoPoint, ...] = field(default=(), repr=False)
    phases: Mapping[str, Ratio] = field(default_factory=dict)
    agreement: float | None = None
    cpu: Ratio | None = None
    against_bf16: Ratio | None = None
    chosen_by: tuple[int, float] | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    inspected: str = ""
    notes: tuple[str, ...] = ()
    metric_kind: MetricKind = "own function"
    judged: Task | None = None
    constant: Constant | None = None
    sample: Any = field(default=None, repr=False)
    late: Late | None = None
