"""The result of a comparison: a row for each candidate, the pick, and the reason.

A pick has significantly lower cost and a loss that is significantly within the accepted one, with intervals that hold
for all candidates jointly. If a candidate seems good enough without being proven so, the reason estimates how many
examples would prove it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from jupyter_green.compression.cost.cost_meter import Basis
from jupyter_green.compression.cost.ratio import Ratio
from jupyter_green.compression.model.task import Task
from jupyter_green.compression.quality.class_scores import ClassScore
from jupyter_green.compression.quality.loss import Loss
from jupyter_green.compression.quality.metric import MetricKind
from jupyter_green.compression.reasons import plain_data
from jupyter_green.reporting.renderers import bundle_of, text_of

from .messages import DecisionReason, sentence

Standing = Literal["best", "pick", "good enough", "can't tell", "loses too much", "uses no less", "unmetered", "failed"]


@dataclass(frozen=True)
class Row:
    """One candidate.

    Parameters
    ----------
    name, kind : str
        Its name and its kind.
    standing : str
        "best", "pick", "good enough", "can't tell", "loses too much", "uses no less", "unmetered" or "failed".
    why : DecisionReason or None
        The reason for that; `reason` is its sentence.
    utility : float or None
        The metric over all examples; None if it is not finite.
    loss : Loss or None
        Loss against the best, with a joint interval for all candidates.
    accuracy_share : float or None
        Share of correct examples, if the metric is accuracy.
    joules_per_unit, uncertainty : float or None
        Energy of one example and half its 95 % interval; None if it can't be metered.
    quality : str or None
        Quality of these joules.
    cpu_seconds, seconds : float or None
        CPU time and wall time of one example.
    ratio : Ratio or None
        Cost relative to the best.
    co2e_grams, cost, currency : float, float, str or None
        Of one example, by the configured region and tariff.
    failures, examples : int
        Examples without an answer, and all examples.
    varies : float
        Share of the answers that differ in a repeat.
    groups : mapping
        Utility of each group.
    size_bytes, parameters : int or None
        Size of its weights.
    device : str
        "cpu" or "gpu".
    generates, remote : bool
        Whether it generates text; whether it runs on another machine.
    notes : tuple of str
        Sentences for the user.
    """

    name: str
    kind: str
    standing: Standing
    why: DecisionReason | None = None
    utility: float | None = None
    loss: Loss | None = None
    accuracy_share: float | None = None
    joules_per_unit: float | None = None
    uncertainty: float | None = None
    quality: str | None = None
    cpu_seconds: float | None = None
    seconds: float | None = None
    ratio: Ratio | None = None
    co2e_grams: float | None = None
    cost: float | None = None
    currency: str | None = None
    failures: int = 0
    examples: int = 0
    varies: float = 0.0
    groups: Mapping[Any, float] = field(default_factory=dict)
    size_bytes: int | None = None
    parameters: int | None = None
    device: str = "cpu"
    generates: bool = False
    remote: bool = False
    notes: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """The reason for the standing, in one sentence; empty if it is not decided."""
        return "" if self.why is None else sentence(self.why)

    @property
    def joules_per_correct(self) -> float | None:
        """Energy per correct answer; None if these are not counted or there are none."""
        if self.joules_per_unit is None or not self.accuracy_share:
            return None
        return self.joules_per_unit / self.accuracy_share

    @property
    def group_gap(self) -> float | None:
        """Difference between the best and the worst group; None without groups."""
        return max(self.groups.values()) - min(self.groups.values()) if len(self.groups) > 1 else None


@dataclass(frozen=True, repr=False)
class Comparison:
    """The result of a comparison.

    Parameters
    ----------
    rows : list of Row
        One for each candidate, highest utility first, including those that failed.
    pick : str
        Name of the candidate to take; the best one's name if it is kept.
    why : DecisionReason
        The reason; `reason` is its sentence.
    best : str
        Name of the candidate with the highest utility.
    basis : {"joules", "cpu_seconds"}
        The unit in which costs were compared.
    metric, unit : str
        The metric, and whether a loss is in "points" or "relative".
    accepted : float
        The accepted loss in that unit.
    max_relative_loss : float or None
        Δ, if the accepted loss was given as a share of the best.
    examples, batch : int
        Number of examples, and batch size.
    key : str
        What all figures depend on, in words.
    origin : str
        Source of the data; empty if unknown.
    group : str
        Name of the groups.
    by_class : mapping of label to ClassScore
        Accuracy of each class for the best and the pick, if these differ.
    metric_kind : str
        What the metric computes, as `Metric.kind`.
    judged : Task or None
        The task by which outputs of modules were read.
    cost_joules, cost_uncertainty, cost_seconds
        Energy, half its 95 % interval, and duration of the comparison.
    advice : tuple of str
        Suggestions for using less energy.
    notes : tuple of str
        Sentences for the user.
    """

    rows: list[Row]
    pick: str
    why: DecisionReason
    best: str
    basis: Basis
    metric: str
    unit: str
    accepted: float
    max_relative_loss: float | None
    examples: int
    batch: int
    key: str
    origin: str = ""
    group: str = ""
    by_class: Mapping[Any, ClassScore] = field(default_factory=dict)
    metric_kind: MetricKind = "own function"
    judged: Task | None = None
    cost_joules: float | None = None
    cost_uncertainty: float | None = None
    cost_quality: str = "estimated"
    cost_seconds: float = 0.0
    advice: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """Why it is picked, or what is missing, in one sentence."""
        return sentence(self.why)

    @property
    def keep(self) -> bool:
        """Whether the best is kept."""
        return self.pick == self.best

    @property
    def saving(self) -> float | None:
        """Share of the best one's cost that the pick saves; 0 if it is kept, None if unknown."""
        if self.keep:
            return 0.0
        ratio = self.row(self.pick).ratio
        return None if ratio is None else 1 - ratio.value

    def row(self, name: str) -> Row:
        """Return the row of a candidate.

        Raises
        ------
        KeyError
            If there is no candidate of that name.
        """
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(f"{name!r} is not a candidate; there is {', '.join(row.name for row in self.rows)}.")

    @property
    def costs(self) -> dict[str, float]:
        """Cost of one example of each candidate relative to the best; without those whose cost is unknown."""
        return {row.name: row.ratio.value for row in self.rows if row.ratio is not None}

    def saving_in_use(self, weights: Mapping[str, float]) -> float:
        """Return the saving if all users of a more expensive candidate take the pick: S = 1 - Σ w·min(E, E*) / Σ w·E.

        Parameters
        ----------
        weights : mapping of str to float
            w, use of each candidate: requests a day, downloads, shares.

        Raises
        ------
        ValueError
            If the pick or a used candidate has no cost here, a weight is no number from 0 up, or nothing is used.
        """
        costs = self.costs
        for name in (self.pick, *weights):
            if name not in costs:
                raise ValueError(f"{name!r} has no cost here; there is {', '.join(costs) or 'none'}.")
        for name, weight in weights.items():
            if not (math.isfinite(weight) and weight >= 0):
                raise ValueError(f"The weight of {name!r} is {weight!r}; give a number from 0 up.")
        before = math.fsum(weight * costs[name] for name, weight in weights.items())
        if before <= 0:
            raise ValueError("Nothing of what is used has an energy above 0.")
        return 1 - math.fsum(weight * min(costs[name], costs[self.pick]) for name, weight in weights.items()) / before

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON-ready data."""
        from dataclasses import asdict

        data = {name: value for name, value in vars(self).items() if name != "rows"}
        data["advice"], data["notes"], data["saving"] = list(self.advice), list(self.notes), self.saving
        data["why"], data["reason"] = plain_data(self.why), self.reason
        data["judged"] = None if self.judged is None else asdict(self.judged)
        data["by_class"] = {str(key): asdict(score) for key, score in self.by_class.items()}
        data["rows"] = [
            {
                **asdict(row),
                "why": None if row.why is None else plain_data(row.why),
                "reason": row.reason,
                "groups": {str(key): value for key, value in row.groups.items()},
                "notes": list(row.notes),
                "joules_per_correct": row.joules_per_correct,
            }
            for row in self.rows
        ]
        return data

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return bundle_of(self)

    def __repr__(self) -> str:
        return text_of(self)
