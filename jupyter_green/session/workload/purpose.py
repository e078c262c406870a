"""What a cell does with a model: whether it trains, infers or does something else, found by what it calls.

Training is a call of `Tensor.backward`. Inference is a call of `generate`, of a model's `eval`, or a block under
`no_grad` or `inference_mode` that is not the library's own. Both is training: an evaluation inside it is part of it.
Looked for only while a budget asks; each tap stands in for one method of one class, does nothing after its first hit in
a cell, and is taken out when the cell ends. A library that a cell imports itself is not seen in that cell.
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
    """Looks what one cell does."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._taps = (
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
        """What was seen so far."""
        return "training" if "training" in self._seen else "inference" if "inference" in self._seen else "other"

    def open(self) -> None:
        """Look from here on; libraries that are not there yet are not looked at."""
        for tap in self._taps:
            tap.open()

    def close(self) -> None:
        """Look no more."""
        for tap in reversed(self._taps):
            tap.close()

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
    """Whether a block is a library's own: it makes weights and steps under `no_grad` as well."""
    name = f"{module}."
    return name.startswith(_OWN) and not name.startswith(_THEIRS)


def guessed(source: str) -> Purpose:
    """Return what a cell will probably do, from its text; it is only asked for before the cell's first run."""
    code = "\n".join(line for line in source.splitlines() if not line.lstrip().startswith("#"))
    if _TRAINING.search(code):
        return "training"
    return "inference" if _INFERENCE.search(code) else "other"
