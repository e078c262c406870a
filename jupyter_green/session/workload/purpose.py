"""Detects whether a cell trains, infers or does something else, from the methods it calls.

Training is a call of `Tensor.backward`. Inference is a call of `generate` or of a model's `eval`, or a block under
`no_grad` or `inference_mode` outside the library's own code. A cell with both trains: evaluation is part of training.

Active only while a budget needs it. Each hook replaces one method of one class, does nothing after its first call in a
cell, and is removed when the cell ends. A library that the cell itself imports is not observed in that cell.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable
from typing import Any

from jupyter_green.records import Purpose

from .hooks import MethodHook

_OWN = ("torch.", "transformers.", "torchvision.", "accelerate.", "lightning.", "pytorch_lightning.", "diffusers.")
_THEIRS = ("transformers.pipelines", "transformers.generation")
_TRAINING = re.compile(r"\.backward\(|\.fit\(|\bTrainer\(|\.train\(|%shrink\b|%distil\b|%prune\b")
_INFERENCE = re.compile(r"\.generate\(|\.eval\(|\bno_grad\b|\binference_mode\b|\bpipeline\(|\.predict\(|\.transcribe\(")


class WorkloadDetector:
    """Detects the purpose of one cell."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._method_hooks = (
            MethodHook("torch._tensor", "Tensor", "backward", (), self._around("training")),
            MethodHook("transformers.generation.utils", "GenerationMixin", "generate", (), self._around("inference")),
            MethodHook("torch.nn.modules.module", "Module", "eval", (), self._around("inference")),
            MethodHook("torch.autograd.grad_mode", "no_grad", "__enter__", (), self._around("inference", outside=True)),
            MethodHook(
                "torch.autograd.grad_mode", "inference_mode", "__enter__", (), self._around("inference", outside=True)
            ),
        )

    @property
    def purpose(self) -> Purpose:
        """The purpose detected so far."""
        return "training" if "training" in self._seen else "inference" if "inference" in self._seen else "other"

    def open(self) -> None:
        """Install the hooks in libraries that are already imported."""
        for hook in self._method_hooks:
            hook.open()

    def close(self) -> None:
        """Remove the hooks."""
        for hook in reversed(self._method_hooks):
            hook.close()

    def _around(self, what: str, *, outside: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        def around(original: Callable[..., Any]) -> Callable[..., Any]:
            @functools.wraps(original)
            def stand_in(*arguments: Any, **options: Any) -> Any:
                if what not in self._seen and not (outside and _library(sys._getframe(1).f_globals.get("__name__"))):
                    self._seen.add(what)
                return original(*arguments, **options)

            return stand_in

        return around


def _library(module: Any) -> bool:
    """Whether code is the library's own; libraries use `no_grad` for initialization and optimizer steps."""
    name = f"{module}."
    return name.startswith(_OWN) and not name.startswith(_THEIRS)


def guessed(source: str) -> Purpose:
    """Guess a cell's purpose from its source; used before its first run only."""
    code = "\n".join(line for line in source.splitlines() if not line.lstrip().startswith("#"))
    if _TRAINING.search(code):
        return "training"
    return "inference" if _INFERENCE.search(code) else "other"
