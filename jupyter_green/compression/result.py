"""The result of a search: the model, its evaluation on the test split, all candidates, and the cost of the search.

"Nothing gained: keep your model" is also a result. Without an energy sensor, the ratio of CPU seconds is measured and
the ratio of energy is estimated from it; `basis` and `quality` say which applies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

from jupyter_green.reporting.renderers import bundle_of, text_of

from .cost.cost_meter import Basis
from .cost.ratio import Ratio
from .cost.trial import Cost
from .errors import ShrinkError
from .quality.loss import Loss
from .reasons import Reason
from .report.messages import sentence
from .result_details import ResultDetails

Standing = Literal["reference", "control", "kept", "front", "dropped", "failed", "not tried"]


@dataclass(frozen=True)
class ResultRow:
    """A candidate that was tried, or a recipe that was not.

    Parameters
    ----------
    name : str
        The recipe.
    standing : str
        "reference", "control", "kept", "front", "dropped", "failed" or "not tried".
    why : Reason
        The reason for that; `reason` is its sentence.
    ratio : Ratio or None
        Cost per inference relative to the original; None if it was not or could not be measured.
    loss : Loss or None
        Loss against the original, on the split that `judged` names.
    score : float or None
        The metric's value on the same split.
    cost : Cost or None
        Cost of one inference.
    size_bytes : int or None
        Size of the weights.
    against_control : Loss or None
        Loss against an original that was trained equally.
    notes : tuple of str
        Messages of the recipe.
    runtime : str
        The runtime that computes it; empty if no model was made.
    judged : bool
        True if loss and score are from the test split; otherwise they are from the validation split.
    """

    name: str
    standing: Standing
    why: Reason
    ratio: Ratio | None = None
    loss: Loss | None = None
    score: float | None = None
    cost: Cost | None = None
    size_bytes: int | None = None
    against_control: Loss | None = None
    notes: tuple[str, ...] = ()
    runtime: str = ""
    judged: bool = False

    @property
    def reason(self) -> str:
        """The reason for the standing, in one sentence."""
        return sentence(self.why)


@dataclass(repr=False)
class ShrinkResult:
    """The result of a search.

    Parameters
    ----------
    model : object
        The best accepted candidate; the original if none was accepted.
    recipe : str or None
        The recipe that made it; None for the original.
    energy_ratio : float or None
        Cost per inference of `model` relative to the original (0.25 = four times less); see `basis`.
    energy_ratio_interval : (float, float) or None
        95 % interval of it; if `basis` is "cpu_seconds", widened by the uncertainty of power.
    runtime_ratio, model_ratio : float or None
        Ratio due to the faster runtime, and ratio due to the smaller model in that runtime; their product is the total.
    bf16_ratio : float or None
        Cost relative to the original in bfloat16; None if that was not measured.
    basis : {"joules", "cpu_seconds"}
        The unit in which costs were compared.
    quality : {"measured", "estimated", "simulated"}
        Quality of the energy figures.
    loss : float or None
        Loss against the original, positive is worse: a difference (0.01 = 1 point) for bounded metrics, else a share of
        the original's value.
    loss_interval : (float, float) or None
        95 % interval of it, on the test split.
    proven : bool
        Whether both a lower cost and a loss within the accepted one are statistically significant.
    why : Reason
        The reason for that; `reason` is its sentence.
    candidates : list of ResultRow
        One row for each candidate, including those that were dropped.
    cost_joules : float or None
        Energy of the search, in joules.
    cost_seconds : float
        Duration of the search, in seconds.
    break_even : int or None
        Inferences after which the search has paid back; None if nothing was gained.
    """

    model: Any
    recipe: str | None
    energy_ratio: float | None
    energy_ratio_interval: tuple[float, float] | None
    runtime_ratio: float | None
    model_ratio: float | None
    basis: Basis
    quality: str
    loss: float | None
    loss_interval: tuple[float, float] | None
    proven: bool
    why: Reason
    candidates: list[ResultRow]
    cost_joules: float | None
    cost_seconds: float
    break_even: int | None
    facts: ResultDetails = field(repr=False)
    bf16_ratio: float | None = None
    _write: ClassVar[Callable[[ShrinkResult, Path], Path]]
    """Writes a result into a folder. The package's `__init__` assigns `store.save.save`."""

    @property
    def reason(self) -> str:
        """What is proven, or why it isn't, in one sentence."""
        return sentence(self.why)

    def save(self, path: str | Path) -> Path:
        """Write weights, settings, `shrink.json` and a model card into a new or empty folder; nothing is pickled.

        It takes as long as writing the weights and running the model once, and as much room on the disk as the weights;
        neither is limited, and `time` does not count it. An interrupt leaves nothing behind.

        Raises
        ------
        ShrinkError
            If nothing was gained, the folder is not empty, or it can't be written.
        """
        return type(self)._write(self, Path(path))

    def undo(self) -> Any:
        """Set `model` back to the original, which was never changed, and return it."""
        self.model = self.facts.original.model
        return self.model

    def use(self, name: str) -> Any:
        """Choose another candidate of the Pareto front; `model` is that candidate from then on, and `save` writes it.

        It was not evaluated on the test split, so `proven` is False for it.

        Parameters
        ----------
        name : str
            The candidate's name, as in the table.

        Raises
        ------
        ShrinkError
            If it is not on the front.
        """
        point = next((item for item in self.facts.front if item.name == name), None)
        if point is None:
            names = ", ".join(repr(item.name) for item in self.facts.front) or "none"
            raise ShrinkError(f"{name!r} is not on the front; there is {names}.")
        self.model = point.product.model
        if name != self.recipe:
            self.recipe, self.proven = name, False
            self.why = Reason("chosen by hand")
            self.loss, self.loss_interval = point.loss.value, (point.loss.low, point.loss.high)
            ratio = point.ratio
            self.energy_ratio = None if ratio is None else ratio.value
            self.energy_ratio_interval = None if ratio is None else (ratio.low, ratio.high)
            self.candidates = [_taken(row, name) for row in self.candidates]
            self.runtime_ratio = self.model_ratio = self.bf16_ratio = self.break_even = None
            # These describe the candidate that was evaluated on the test split.
            self.facts = replace(
                self.facts,
                product=point.product,
                interval=point.loss,
                scores=None,
                split=None,
                in_threads=None,
                cpu=None,
                against_bf16=None,
                agreement=None,
                phases={},
                by_class={},
                inspected="",
            )
        return self.model

    def state(self) -> dict[str, Any]:
        """Return the attributes that `use` changes, for `restore`."""
        return {name: getattr(self, name) for name in _CHANGED}

    def restore(self, state: Mapping[str, Any]) -> Any:
        """Set an earlier state again and return its model."""
        for name, value in state.items():
            setattr(self, name, value)
        return self.model

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return bundle_of(self)

    def __repr__(self) -> str:
        return text_of(self)


_CHANGED = (
    *("model", "recipe", "proven", "why", "loss", "loss_interval", "energy_ratio", "energy_ratio_interval"),
    *("runtime_ratio", "model_ratio", "bf16_ratio", "break_even", "candidates", "facts"),
)
"""Attributes that `use` changes."""


def _taken(row: ResultRow, name: str) -> ResultRow:
    """Return a row as it is after a user has chosen the candidate of that name."""
    if row.name == name:
        return replace(row, standing="kept", why=Reason("chosen by hand"))
    return replace(row, standing="front") if row.standing == "kept" else row
