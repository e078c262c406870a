"""The interface of a compression recipe, and recipes in sequence.

A recipe reports whether it applies, and makes a smaller or faster model from a copy. The search measures the result's
cost and quality. Third parties register recipes in the entry-point group ``jupyter_green.recipes``: a function without
arguments that returns a recipe. A recipe that fails becomes a row in the table; the search goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol, runtime_checkable

from jupyter_green.compression.data.batch import Batch
from jupyter_green.compression.model.source_model import SourceModel
from jupyter_green.compression.quality.metric import Metric

from .training import Training

Form = Literal["torch", "onnx"]


@dataclass(frozen=True)
class RecipeContext:
    """Input of a recipe.

    Parameters
    ----------
    subject : SourceModel
        A copy of the model, to be changed freely; in a chain, the result of the recipe before.
    original : SourceModel
        The original, as a teacher; it must not be changed.
    tune : sequence of Batch
        The calibration split, also for distillation. Its examples are in neither the validation nor the test split.
    labelled : bool
        Whether the examples have labels.
    metric : Metric
        The quality metric.
    seconds : float
        Time limit.
    options : mapping
        The user's options: ``ratio``, ``layers``, ``form``, ``new_tokens``.
    tick : callable
        Updates the progress bar; to be called regularly during long work.
    inference : Batch or None
        One inference as it will be benchmarked; None if unknown.
    """

    subject: SourceModel
    original: SourceModel
    tune: Sequence[Batch]
    labelled: bool
    metric: Metric
    seconds: float
    options: Mapping[str, Any] = field(default_factory=dict)
    tick: Callable[[], None] = lambda: None
    inference: Batch | None = None

    @property
    def sample(self) -> Any:
        """Inputs of the first batch."""
        return self.tune[0].to(self.subject.device).inputs


@dataclass(frozen=True)
class RecipeResult:
    """Result of a recipe.

    Parameters
    ----------
    model : object
        Called like the original.
    form : {"torch", "onnx"}
        Format of the model.
    steps : sequence of mapping
        Steps to reproduce the model from its weights. Each has a ``recipe``; other keys depend on it.
    training : Training or None
        Further training that the model got. It is then compared with an equally trained original as well.
    same_numbers : bool
        Whether it computes the same function at the same precision, so that any gain is the runtime's.
    notes : tuple of str
        Notes for the report, a sentence each.
    weights : object or None
        The module whose weights are saved if not `model` itself, such as the module before quantization.
    runtime : str
        Name of the runtime; its gain is reported separately from that of a smaller model.
    """

    model: Any
    form: Form = "torch"
    steps: tuple[Mapping[str, Any], ...] = ()
    training: Training | None = None
    same_numbers: bool = False
    notes: tuple[str, ...] = ()
    weights: Any = None
    runtime: str = "PyTorch"

    @property
    def size_bytes(self) -> int:
        """Bytes of the weights."""
        if self.form == "onnx":
            from .onnx_model import session_of

            return len(session_of(self.model).onnx)
        total, seen = 0, set[int]()
        for tensor in self.model.state_dict().values():
            # A quantized layer packs weight and bias into a tuple; tied weights are one tensor with two names.
            for part in tensor if isinstance(tensor, tuple) else (tensor,):
                if not hasattr(part, "element_size") or (part.numel() and part.data_ptr() in seen):
                    continue
                seen.add(part.data_ptr())
                total += part.numel() * part.element_size()
        return total


@runtime_checkable
class Recipe(Protocol):
    """Interface of a recipe."""

    name: str
    """Name in the table."""
    trains: bool
    """Whether it trains, which takes most of the time."""

    def applies(self, case: RecipeContext) -> str | None:
        """Return None if the recipe can be tried, else the reason in one sentence."""

    def apply(self, case: RecipeContext) -> RecipeResult:
        """Make the smaller or faster model. Exceptions of any class are reported in the table."""


@runtime_checkable
class Adjustable(Recipe, Protocol):
    """A recipe with settings of different strength, which the search bisects."""

    def dial(self, case: RecipeContext) -> tuple[Sequence[Recipe], int]:
        """Return this recipe at each setting, weakest first, and the index of the one nearest to itself.

        Empty where the user fixed the setting.
        """


@runtime_checkable
class Repairable(Recipe, Protocol):
    """An integer quantization recipe that can skip sensitive layers."""

    def without(self, layers: Sequence[str]) -> Recipe:
        """Return the same recipe that skips these layers."""


def follow(product: RecipeResult, recipes: Sequence[Recipe], case: RecipeContext) -> RecipeResult:
    """Apply further recipes to a result; steps, notes and training accumulate."""
    for recipe in recipes:
        if product.form != "torch":
            raise ValueError(f"{recipe.name} needs a PyTorch model, and {product.form} came before it.")
        subject = replace(case.subject, model=product.model)
        result = recipe.apply(replace(case, subject=replace(subject, model=subject.copy())))
        product = replace(
            result,
            steps=(*product.steps, *result.steps),
            training=result.training or product.training,
            same_numbers=result.same_numbers and product.same_numbers,
            notes=(*product.notes, *result.notes),
        )
    return product
