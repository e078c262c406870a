"""What came of comparing: a row for each candidate, which one to take, and why; or that the best is to be kept.

A pick is proven twice: it uses less, and it loses no more than is accepted, each with an interval that is wide enough
for all candidates looked at together. Where one looks good enough but is not proven so, the reason says about how many
examples would tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from jupyter_green.compression.cost.cost_meter import Basis
from jupyter_green.compression.cost.ratio import Ratio
from jupyter_green.compression.model.task import Task
from jupyter_green.compression.quality.class_scores import ClassScore
from jupyter_green.compression.quality.loss import Loss
from jupyter_green.reporting.drawing import bundle_of, text_of

from .selection import saving_in_use

Standing = Literal["best", "pick", "good enough", "can't tell", "loses too much", "uses no less", "unmetered", "failed"]


@dataclass(frozen=True)
class Row:
    """One candidate.

    Parameters
    ----------
    name, kind : str
        What it is called, and what it is.
    standing : str
        "best", "pick", "good enough", "can't tell", "loses too much", "uses no less", "unmetered" or "failed".
    reason : str
        Why, in one sentence.
    utility : float or None
        The metric over all examples; None where it is no number.
    loss : Loss or None
        Against the best, with an interval for all candidates together.
    accuracy_share : float or None
        Part of the examples it has right, where the metric counts that.
    joules_per_unit, uncertainty : float or None
        Energy for one example, and half its 95 % interval; None where it can't be metered.
    quality : str or None
        What these joules may be called.
    cpu_seconds, seconds : float or None
        Processor time and time for one example.
    ratio : Ratio or None
        Cost as a part of the best one's.
    co2e_grams, cost, currency : float, float, str or None
        Of one example, by the region and tariff that are set.
    failures, examples : int
        Examples without an answer, and all.
    varies : float
        Part of the answers that differ when asked again.
    groups : mapping
        Utility of each group.
    size_bytes, parameters : int or None
        Of its weights.
    device : str
        "cpu" or "gpu".
    generates, remote : bool
        Whether it writes text; whether it runs elsewhere.
    notes : tuple of str
        What should be known.
    """

    name: str
    kind: str
    standing: Standing
    reason: str = ""
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
    def joules_per_correct(self) -> float | None:
        """Energy for one right answer, E / right answers; None where these aren't counted or there are none."""
        if self.joules_per_unit is None or not self.accuracy_share:
            return None
        return self.joules_per_unit / self.accuracy_share

    @property
    def group_gap(self) -> float | None:
        """Difference between the best and the worst group; None without groups."""
        return max(self.groups.values()) - min(self.groups.values()) if len(self.groups) > 1 else None


@dataclass(frozen=True, repr=False)
class Comparison:
    """What came of comparing candidates; it shows itself.

    Parameters
    ----------
    rows : list of Row
        One each, the highest utility first, also those that failed.
    pick : str
        Name of the one to take; the best one's where it is to be kept.
    reason : str
        Why, in one sentence.
    best : str
        Name of the one of highest utility.
    basis : {"joules", "cpu_seconds"}
        What was compared.
    metric, unit : str
        What was counted, and whether a loss is in points or a share.
    accepted : float
        The accepted loss in that unit.
    max_relative_loss : float or None
        Δ, where the accepted loss was given as a share of the best.
    examples, batch : int
        How many examples, and at a time.
    key : str
        What every figure depends on, in words.
    origin : str
        Where the data comes from; empty where it wasn't told.
    group : str
        What groups were told apart by.
    by_class : mapping of label to ClassScore
        How well the best and the pick tell each class, where these differ.
    judged : Task or None
        How outputs of modules were read, and which of them.
    cost_joules, cost_uncertainty, cost_seconds
        What comparing took.
    advice : tuple of str
        What else would use less.
    notes : tuple of str
        Sentences for the person.
    """

    rows: list[Row]
    pick: str
    reason: str
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
    judged: Task | None = None
    cost_joules: float | None = None
    cost_uncertainty: float | None = None
    cost_quality: str = "estimated"
    cost_seconds: float = 0.0
    advice: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def keep(self) -> bool:
        """Whether the best is to be kept."""
        return self.pick == self.best

    @property
    def saving(self) -> float | None:
        """Part of the best one's cost that the pick saves; 0 where it is kept, None where it isn't known."""
        if self.keep:
            return 0.0
        ratio = self.row(self.pick).ratio
        return None if ratio is None else 1 - ratio.value

    def row(self, name: str) -> Row:
        """Return the row of a candidate.

        Raises
        ------
        KeyError
            If there is none of that name.
        """
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(f"{name!r} is no candidate; there is {', '.join(row.name for row in self.rows)}.")

    @property
    def costs(self) -> dict[str, float]:
        """Cost of one example of each candidate as a part of the best one's; those that can't be told are left out."""
        return {row.name: row.ratio.value for row in self.rows if row.ratio is not None}

    def saving_in_use(self, weights: Mapping[str, float]) -> float:
        """Return what is saved if all who use something dearer take the pick.

        Parameters
        ----------
        weights : mapping of str to float
            How much each candidate is used: requests a day, downloads, shares.

        Raises
        ------
        ValueError
            If one that is used has no cost here, or a weight is below 0.
        """
        return saving_in_use(self.costs, weights, self.pick)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON-ready data."""
        from dataclasses import asdict

        data = {name: value for name, value in vars(self).items() if name != "rows"}
        data["advice"], data["notes"], data["saving"] = list(self.advice), list(self.notes), self.saving
        data["judged"] = None if self.judged is None else asdict(self.judged)
        data["by_class"] = {str(key): asdict(score) for key, score in self.by_class.items()}
        data["rows"] = [
            {
                **asdict(row),
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
