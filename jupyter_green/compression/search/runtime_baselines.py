"""Reference models that separate a runtime's gain from a smaller model's: the original in each runtime and in bfloat16.

They are kept from the candidates as these are made, even where they are no gain themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jupyter_green.compression.recipes.recipe import RecipeContext, RecipeResult


class Runtimes:
    """The original in other runtimes; `case` returns a context with a copy of it, to export it if no candidate did."""

    def __init__(self, case: Callable[[], RecipeContext]) -> None:
        self._case = case
        self._kept: dict[tuple[str, int | None], Any] = {}
        self.bf16: Any = None
        """The original in bfloat16, if that recipe was applied."""

    def remember(self, product: RecipeResult) -> None:
        """Keep a result that is the original in another runtime or in bfloat16."""
        if product.same_numbers:
            self._kept.setdefault((product.runtime, threads_of(product.model)), product.model)
        if [step.get("recipe") for step in product.steps] == ["bf16"]:
            self.bf16 = product.model

    def forget(self, product: RecipeResult) -> None:
        """Drop the bfloat16 reference if it costs more than the original: nobody would choose it."""
        if self.bf16 is product.model:
            self.bf16 = None

    def of(self, product: RecipeResult) -> Any:
        """Return the original in the result's runtime; None where that is PyTorch, the result itself, or unavailable.

        It uses as many threads as the result, so that their gain is not attributed to the smaller model.
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
            runtime_model = next((model for (name, _), model in self._kept.items() if name == product.runtime), None)
            runtime_model = self._exported() if runtime_model is None else runtime_model
            if runtime_model is not None:
                self._kept[key] = runtime_model if threads is None else in_threads(runtime_model, threads)
        return self._kept.get(key)

    def _exported(self) -> Any:
        from jupyter_green.compression.recipes.onnx_runtime import OnnxFloat

        try:
            return OnnxFloat().apply(self._case()).model
        except Exception:  # noqa: BLE001 - then the gain is not divided
            return None


def threads_of(model: Any) -> int | None:
    """Return the number of threads of a model's own runtime; None where PyTorch's setting applies."""
    from jupyter_green.compression.recipes.onnx_model import session_of
    from jupyter_green.compression.recipes.threads import LIMIT

    part = session_of(model)
    threads: int | None = getattr(model, LIMIT, (None,))[0] if part is None else part.threads
    return threads
