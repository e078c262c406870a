"""One way to make a model cheaper, and the small interface through which everybody's are tried alike.

A recipe says before it is tried whether it applies and why not, then makes a product from a copy. It decides nothing:
whether the product is cheaper and good enough is measured. Third parties offer theirs in the entry-point group
``jupyter_green.recipes``: a function without arguments that returns a recipe. One that fails is a row, not a fault.
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
    """What a recipe gets.

    Parameters
    ----------
    subject : SourceModel
        A copy, to do with as it likes; in a chain what the recipe before it made.
    original : SourceModel
        The original, to learn from and never to change.
    tune : sequence of Batch
        Examples to calibrate and repair with; never those the result is chosen or judged by.
    labelled : bool
        Whether these have labels.
    metric : Metric
        What counts.
    seconds : float
        Time it may take.
    options : mapping
        Wishes of the person: ``ratio``, ``layers``, ``form``, ``new_tokens``.
    tick : callable
        To be called now and then by what takes long, so that the progress bar moves.
    inference : Batch or None
        What one inference is, as it will be measured; None where that isn't known.
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
        """Inputs of one batch."""
        return self.tune[0].to(self.subject.device).inputs


@dataclass(frozen=True)
class RecipeResult:
    """What a recipe made.

    Parameters
    ----------
    model : object
        Called like the original.
    form : {"torch", "onnx"}
        What it runs in.
    steps : sequence of mapping
        What was done, enough to do it again: each has a ``recipe``; what else depends on that.
    training : Training or None
        Further training that it got; it is then judged against an equally trained original as well.
    same_numbers : bool
        Whether it computes the same function at the same precision, so that any gain is the runtime's.
    notes : tuple of str
        What should be known, a sentence each.
    weights : object or None
        The module whose weights are saved where these aren't `model`'s own: what was quantized, before it was.
    runtime : str
        What computes it; gains of a faster one are told apart from those of a smaller model.
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
        """Bytes that the weights take."""
        if self.form == "onnx":
            from .onnx_model import session_of

            return len(session_of(self.model).onnx)
        total, seen = 0, set[int]()
        for tensor in self.model.state_dict().values():
            # A quantized layer packs weight and bias into one entry; tied weights are one tensor under two names.
            for part in tensor if isinstance(tensor, tuple) else (tensor,):
                if not hasattr(part, "element_size") or (part.numel() and part.data_ptr() in seen):
                    continue
                seen.add(part.data_ptr())
                total += part.numel() * part.element_size()
        return total


@runtime_checkable
class Recipe(Protocol):
    """The whole interface."""

    name: str
    """What stands in the table."""
    trains: bool
    """Whether it trains, which takes most of the time."""

    def applies(self, case: RecipeContext) -> str | None:
        """Return None where it can be tried, else one sentence why not."""

    def apply(self, case: RecipeContext) -> RecipeResult:
        """Make the product. May raise anything: its reason becomes a row."""


@runtime_checkable
class Adjustable(Recipe, Protocol):
    """What a recipe may offer besides: settings from gentle to harsh, of which the search takes the harshest it can."""

    def dial(self, case: RecipeContext) -> tuple[Sequence[Recipe], int]:
        """Return the same recipe with each setting, gentle first, and which of them this one is nearest to.

        There are none where the person fixed it.
        """


@runtime_checkable
class Repairable(Recipe, Protocol):
    """What a recipe of whole numbers may offer besides: to leave out layers that suffer most."""

    def without(self, layers: Sequence[str]) -> Recipe:
        """Return the same recipe that leaves these layers as they are."""


@dataclass(frozen=True)
class Chain:
    """Recipes one after the other, such as fewer layers, then int8 in ONNX Runtime.

    Parameters
    ----------
    recipes : tuple of Recipe
        In the order in which they are applied.
    """

    recipes: tuple[Recipe, ...]

    @property
    def name(self) -> str:
        """The names in order."""
        return ", ".join(recipe.name for recipe in self.recipes)

    @property
    def trains(self) -> bool:
        """Whether any of them trains."""
        return any(recipe.trains for recipe in self.recipes)

    def applies(self, case: RecipeContext) -> str | None:
        """Return the first reason against one of them, seen from the original."""
        return next((reason for recipe in self.recipes if (reason := recipe.applies(case)) is not None), None)

    def apply(self, case: RecipeContext) -> RecipeResult:
        """Apply each to what the one before it made."""
        return follow(self.recipes[0].apply(case), self.recipes[1:], case)


def follow(product: RecipeResult, recipes: Sequence[Recipe], case: RecipeContext) -> RecipeResult:
    """Apply further recipes to a product; what was done and learnt before stays with it."""
    for recipe in recipes:
        if product.form != "torch":
            raise ValueError(f"{recipe.name} needs a PyTorch model, and {product.form} came before it.")
        subject = replace(case.subject, model=product.model)
        made = recipe.apply(replace(case, subject=replace(subject, model=subject.copy())))
        product = replace(
            made,
            steps=(*product.steps, *made.steps),
            training=made.training or product.training,
            same_numbers=made.same_numbers and product.same_numbers,
            notes=(*product.notes, *made.notes),
        )
    return product
