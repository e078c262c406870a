"""torch.compile with frozen weights, in float32, bfloat16 or int8.

Compiling takes up to minutes, again in every new process. So it is tried late and only if the time budget allows it.
Its time counts towards the cost of the search and is reported. Compiler options are set for this compilation only.
"""

from __future__ import annotations

import warnings
from typing import Any

from jupyter_green.compression.data.batch import leaves
from jupyter_green.compression.model.source_model import has_hooks
from jupyter_green.compression.process import deadline

from .precision import unsupported_reason
from .recipe import RecipeContext, RecipeResult
from .torchao import at_integers, no_torchao

LEAST_SECONDS = 480.0
"""Minimum time budget for compiling on a processor.

A small BERT took 20 to 40 s per shape on two cores, and there are two or three shapes.
"""
LEAST_SECONDS_TORCH = 120.0
"""The same if other runtimes are excluded."""
RUNTIME = "PyTorch, compiled"
INSIDE = ("float", "bf16", "int8")


class Compiled:
    """Compile a copy: in float, bf16 or int8. int8 is torchao's, which pays off on a processor only when compiled."""

    trains = False

    def __init__(self, inside: str = "float") -> None:
        self.inside = inside
        self.name = "compiled" if inside == "float" else f"{inside}, compiled"

    def applies(self, case: RecipeContext) -> str | None:
        """Only with a compiler, enough time, and no hooks."""
        import shutil

        processor = case.subject.device.type == "cpu"
        least = LEAST_SECONDS_TORCH if case.options.get("form") == "torch" else LEAST_SECONDS
        compilers = any(shutil.which(name) for name in ("g++", "clang++", "c++", "cl"))
        reasons = {
            "The model has hooks, which a compiled program may leave out.": has_hooks(case.subject.model),
            "Generating with a compiled model is not tried: each length would be compiled.": bool(
                case.options.get("new_tokens")
            ),
            "A sentence-transformers model takes dictionaries of many kinds, which is not compiled here.": (
                case.subject.kind == "sentence-transformers"
            ),
            "There is no C++ compiler; on Debian and Ubuntu 'apt install g++' brings one.": processor and not compilers,
            f"Compiling takes minutes; allow more than {least / 60:.0f} min with time=.": (
                processor and 0 < case.seconds < least
            ),
        }
        reason = next((sentence for sentence, true in reasons.items() if true), None)
        if reason is not None or self.inside == "float":
            return reason
        return unsupported_reason(case, "bf16") if self.inside == "bf16" else no_torchao(case, "int8")

    def apply(self, case: RecipeContext) -> RecipeResult:
        """Compile for one example and for a batch, with dynamic sizes if lengths vary."""
        import torch

        from .precision import wrapped as half

        weights, free = case.subject.model, _lengths_change(case)
        if self.inside == "bf16":
            weights = weights.to(torch.bfloat16)
            model = half(weights)
        else:
            model = case.subject.copy() if self.inside == "int8" else weights
            if self.inside == "int8":
                at_integers(model, "int8")
        began = deadline.now()
        program = compiled(model, free)
        with torch.inference_mode():
            for batch in (case.tune[0].part(0, 1), case.tune[0], case.tune[-1]):
                case.subject.call(batch.to(case.subject.device).inputs, program)
                case.tick()
        elapsed = deadline.now() - began
        steps = ({"recipe": "compiled", "inside": self.inside, "free": free},)
        note = f"Compiling took {elapsed:.0f} s; every new process pays that again."
        return RecipeResult(
            program, steps=steps, weights=weights, same_numbers=self.inside == "float", notes=(note,), runtime=RUNTIME
        )


def compiled(model: Any, free: bool) -> Any:
    """Return a module that runs a model compiled with frozen weights, without gradients.

    It is compiled at the first call; `free`: sizes are dynamic from the beginning.
    """
    import torch

    options: dict[str, Any] = {"freezing": True, "compile_threads": 1}
    run: Any = torch.compile(model, options=options, dynamic=True if free else None)

    class CompiledModel(torch.nn.Module):
        """A compiled model."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = model

        def forward(self, *arguments: Any, **named: Any) -> Any:
            """Run the model; always without gradients, so that one program serves all callers."""
            with warnings.catch_warnings(), torch.inference_mode():
                warnings.simplefilter("ignore")
                return run(*arguments, **named)

        def __deepcopy__(self, memo: dict[int, Any]) -> Any:
            import copy

            return compiled(copy.deepcopy(model, memo), free)

    return CompiledModel().eval()


def _lengths_change(case: RecipeContext) -> bool:
    return len({tuple(leaf.shape[1:]) for batch in case.tune for leaf in leaves(batch.inputs)[:1]}) > 1
