"""What tells a runtime's part of a gain from a smaller model's: the original in each runtime, and in bfloat16.

It is kept from the candidates as they come, also where it is no gain itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jupyter_green.compression.recipes.recipe import RecipeContext, RecipeResult


class Runtimes:
    """The original in other runtimes.

    Parameters
    ----------
    case : callable
        Returns a case with a copy of the original, to export it where no candidate was.
    """

    def __init__(self, case: Callable[[], RecipeContext]) -> None:
        self._case = case
        self._kept: dict[tuple[str, int | None], Any] = {}
        self.bf16: Any = None
        """The original in bfloat16, where the hardware multiplies it and that was tried."""

    def remember(self, product: RecipeResult) -> None:
        """Keep a product that is the original in another runtime or in bfloat16."""
        if product.same_numbers:
            self._kept.setdefault((product.runtime, threads_of(product.model)), product.model)
        if [step.get("recipe") for step in product.steps] == ["bf16"]:
            self.bf16 = product.model

    def forget(self, product: RecipeResult) -> None:
        """Leave bfloat16 out where it is sure to cost more than the original: nobody would take it instead."""
        if self.bf16 is product.model:
            self.bf16 = None

    def of(self, product: RecipeResult) -> Any:
        """Return the original in a product's runtime; None where that is PyTorch, the product itself, or untold.

        It runs in as many threads as the product, or their number would be taken for a smaller model.
        """
        threads = threads_of(product.model)
        if product.same_numbers or (product.runtime == "PyTorch" and threads is None):
            return None
        from jupyter_green.compression.recipes.onnx_model import in_threads
        from jupyter_green.compression.recipes.threads import LIMIT, limit_threads

        key = product.runtime, threads
        if key not in self._kept and product.runtime == "PyTorch":
            self._kept[key] = limit_threads(self._case().subject.model, *getattr(product.model, LIMIT))
        elif key not in self._kept and product.form == "onnx":
            made = next((model for (name, _), model in self._kept.items() if name == product.runtime), None)
            made = self._exported() if made is None else made
            if made is not None:
                self._kept[key] = made if threads is None else in_threads(made, threads)
        return self._kept.get(key)

    def _exported(self) -> Any:
        from jupyter_green.compression.recipes.onnx_runtime import OnnxFloat

        try:
            return OnnxFloat().apply(self._case()).model
        except Exception:  # noqa: BLE001 - then the two parts can't be told apart, and nothing is claimed
            return None


def threads_of(model: Any) -> int | None:
    """Return in how many threads a runtime of its own works; None where PyTorch says that."""
    from jupyter_green.compression.recipes.onnx_model import session_of
    from jupyter_green.compression.recipes.threads import LIMIT

    part = session_of(model)
    found: int | None = getattr(model, LIMIT, (None,))[0] if part is None else part.threads
    return found
