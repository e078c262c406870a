"""What came of it: the model, what is proven of it, what was tried and dropped, and what finding it cost.

"Nothing gained: keep your model" is a result like any other. On processor time the result says so wherever a figure
stands: a ratio of CPU seconds is measured, the energy behind it is estimated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

from jupyter_green.reporting.drawing import bundle_of, text_of

from .cost.cost_meter import Basis
from .cost.ratio import Ratio
from .cost.trial import Cost
from .errors import ShrinkError
from .quality.loss import Loss
from .result_details import ResultDetails

Standing = Literal["reference", "control", "kept", "front", "dropped", "failed", "not tried"]


@dataclass(frozen=True)
class ResultRow:
    """One row: a model that was tried, or a recipe that was not.

    Parameters
    ----------
    name : str
        The recipe.
    standing : str
        "reference", "control", "kept", "front", "dropped", "failed" or "not tried".
    reason : str
        Why, in one sentence.
    ratio : Ratio or None
        Cost per inference as a part of the original's; None where it wasn't or couldn't be told.
    loss : Loss or None
        Against the original, on the examples that `judged` names.
    score : float or None
        The metric's value on the same examples.
    cost : Cost or None
        Of one inference.
    size_bytes : int or None
        Of the weights.
    against_control : Loss or None
        Loss against an equally trained original.
    notes : tuple of str
        What the recipe said.
    runtime : str
        What computes it; empty where nothing was made.
    judged : bool
        Whether loss and score are from the judging part; those of all other rows are from the choosing part.
    """

    name: str
    standing: Standing
    reason: str = ""
    ratio: Ratio | None = None
    loss: Loss | None = None
    score: float | None = None
    cost: Cost | None = None
    size_bytes: int | None = None
    against_control: Loss | None = None
    notes: tuple[str, ...] = ()
    runtime: str = ""
    judged: bool = False


@dataclass(repr=False)
class ShrinkResult:
    """What a shrink found.

    Parameters
    ----------
    model : object
        The best that is accepted; the original where nothing is.
    recipe : str or None
        What was done to it; None where nothing was.
    energy_ratio : float or None
        Cost per inference of `model` as a part of the original's (0.25 = four times less); see `basis`.
    energy_ratio_interval : (float, float) or None
        Its 95 % interval; on processor time widened by what power may differ.
    runtime_ratio, model_ratio : float or None
        What a faster runtime alone gives, and what the smaller model gives in that runtime; their product is the whole.
    bf16_ratio : float or None
        Cost as a part of what the original costs in bfloat16; None where that was not measured.
    basis : {"joules", "cpu_seconds"}
        What was compared.
    quality : {"measured", "estimated", "simulated"}
        What the energy may be called.
    loss : float or None
        How much worse it is, positive is worse: points / 100 for bounded metrics, a share of the original's for others.
    loss_interval : (float, float) or None
        Its 95 % interval, on examples that the search never saw.
    proven : bool
        Whether both less cost and a loss within the accepted one are proven.
    reason : str
        Why, in one sentence.
    candidates : list of ResultRow
        One row each, also the dropped.
    cost_joules : float or None
        Energy that finding it took, in joules.
    cost_seconds : float
        Time that finding it took.
    break_even : int or None
        Inferences after which that is paid back; None where nothing was gained.
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
    reason: str
    candidates: list[ResultRow]
    cost_joules: float | None
    cost_seconds: float
    break_even: int | None
    facts: ResultDetails = field(repr=False)
    bf16_ratio: float | None = None
    _write: ClassVar[Callable[[ShrinkResult, Path], Path]]
    """Writes a result into a folder: `store.save.save`, which the package assigns."""

    def save(self, path: str | Path) -> Path:
        """Write weights, settings, `shrink.json` and a model card into a new or an empty folder; nothing is pickled.

        Raises
        ------
        ShrinkError
            If nothing was gained, or something is there already; one sentence.
        """
        return type(self)._write(self, Path(path))

    def undo(self) -> Any:
        """Go back: `model` is the original again, which was never changed; returns it."""
        self.model = self.facts.original.model
        return self.model

    def use(self, name: str) -> Any:
        """Take another candidate of the Pareto front: `model` is that one from now on, and it is what `save` writes.

        It was chosen by a person and not judged, so nothing is called proven of it.

        Parameters
        ----------
        name : str
            The candidate's name, as in the table.

        Raises
        ------
        ShrinkError
            If it is not on the front.
        """
        found = next((item for item in self.facts.front if item.name == name), None)
        if found is None:
            there = ", ".join(repr(item.name) for item in self.facts.front) or "none"
            raise ShrinkError(f"{name!r} is not on the front; there is {there}.")
        self.model = found.product.model
        if name != self.recipe:
            self.recipe, self.proven = name, False
            self.reason = "Taken from the front by hand; it was not judged."
            self.loss, self.loss_interval = found.loss.value, (found.loss.low, found.loss.high)
            ratio = found.ratio
            self.energy_ratio = None if ratio is None else ratio.value
            self.energy_ratio_interval = None if ratio is None else (ratio.low, ratio.high)
            self.candidates = [_taken(row, name) for row in self.candidates]
            self.runtime_ratio = self.model_ratio = self.bf16_ratio = self.break_even = None
            # What was found of the one that was judged is not this one's.
            self.facts = replace(
                self.facts,
                product=found.product,
                interval=found.loss,
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
        """Return what `use` changes, to go back to."""
        return {name: getattr(self, name) for name in _CHANGED}

    def restore(self, state: Mapping[str, Any]) -> Any:
        """Go back to an earlier state; returns its model."""
        for name, value in state.items():
            setattr(self, name, value)
        return self.model

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return bundle_of(self)

    def __repr__(self) -> str:
        return text_of(self)


_CHANGED = (
    *("model", "recipe", "proven", "reason", "loss", "loss_interval", "energy_ratio", "energy_ratio_interval"),
    *("runtime_ratio", "model_ratio", "bf16_ratio", "break_even", "candidates", "facts"),
)
"""What choosing another candidate changes."""


def _taken(row: ResultRow, name: str) -> ResultRow:
    """Return a row as it stands when a person takes the candidate of that name."""
    if row.name == name:
        return replace(row, standing="kept", reason="Taken from the front by hand; it was not judged.")
    return replace(row, standing="front") if row.standing == "kept" else row
