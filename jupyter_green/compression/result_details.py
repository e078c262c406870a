"""What a result of a search stands on: for its report, for saving it, for going back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .cost.ratio import Ratio
from .model.task import Task
from .options import A_DAY
from .quality.class_scores import ClassScore
from .quality.loss import Loss
from .quality.skill import Constant

if TYPE_CHECKING:
    from .model.source_model import SourceModel
    from .recipes.recipe import RecipeResult


INTERRUPTED = "The search was interrupted before anything was found."
NOTHING_APPLIES = "No recipe applies to this model; the rows say why."
NO_TIME = "The time was up before anything was tried."
"""Reasons for which nothing is kept though nothing was refused."""


@dataclass(frozen=True)
class Late:
    """What the time allowed did not suffice for.

    Parameters
    ----------
    allowed : float
        The time, in seconds.
    tried : int
        Recipes that were tried.
    untried : tuple of str
        Names of those that it was up before.
    unjudged : bool
        Whether it was up before anything was judged.
    over : float
        Seconds by which it was passed.
    running : str
        What ran when it was up, since that can't be stopped.
    """

    allowed: float
    tried: int = 0
    untried: tuple[str, ...] = ()
    unjudged: bool = False
    over: float = 0.0
    running: str = ""


@dataclass(frozen=True)
class ParetoPoint:
    """A candidate on the Pareto front, which a person may take instead.

    Parameters
    ----------
    name : str
        The recipe.
    product : RecipeResult
        What was made.
    ratio : Ratio or None
        Cost as a part of the original's.
    loss : Loss
        On the examples for choosing, or for judging where it was judged.
    """

    name: str
    product: RecipeResult
    ratio: Ratio | None
    loss: Loss


@dataclass(frozen=True)
class ResultDetails:
    """What a result stands on beside its figures: for the report, for saving, for going back.

    Parameters
    ----------
    original : SourceModel
        The original.
    product : RecipeResult or None
        What was kept.
    metric : str
        What was looked at.
    unit : {"points", "relative"}
        What a loss is.
    max_loss : float
        What was accepted.
    key : str
        Batch, length, threads and precision, which every figure depends on.
    scores : (float, float) or None
        The metric of the original and of the kept model on the judging examples.
    examples : int
        How many these are.
    interval : Loss or None
        The judged loss.
    split : (Ratio, Ratio) or None
        Runtime's and model's ratio with their intervals.
    in_threads : Ratio or None
        Part of the runtime's ratio that is fewer threads alone.
    cost_uncertainty : float or None
        Half the 95 % interval of what the search cost, in joules.
    by_class : mapping of int to ClassScore
        How well each class is told.
    judged : Task or None
        What is judged, and of which output.
    constant : Constant or None
        The constant answer that the original is no better than; None where it is better.
    per_day : int
        Inferences a day at which the yearly saving is stated.
    front : tuple of ParetoPoint
        What a person may take instead, the dearest first.
    phases : mapping
        Of a language model: ratios of "prefill" and "decode".
    agreement : float or None
        Share of the greedy answers that are the original's.
    cpu : Ratio or None
        Processor time as it was measured, where no sensor measures joules.
    against_bf16 : Ratio or None
        Cost as a part of the original's in bfloat16.
    chosen_by : (int, float) or None
        Number of examples for choosing, and the original's score on them.
    data : mapping
        Fingerprint of the data: a digest, and how many examples each part has.
    inspected : str
        What the last check found.
    notes : tuple of str
        Sentences for the person.
    sample : object
        Inputs of a batch, whose shapes a probe is made by.
    late : Late or None
        What the time did not suffice for; None where it did.
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
    judged: Task | None = None
    constant: Constant | None = None
    sample: Any = field(default=None, repr=False)
    late: Late | None = None
