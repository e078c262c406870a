"""Distillation into the user's own smaller model."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

from .recipe import RecipeContext, RecipeResult
from .training import distil, too_few


class Student:
    """Distil the original into a copy of a smaller given model."""

    trains = True
    control_takes = 3.0
    """Upper bound on the time of a control's training step relative to the student's.

    The control runs forward and backward, where the student's step runs the original forward only.
    """

    def __init__(self, student: Any) -> None:
        self._student = student
        self.name = f"{type(student).__name__}, distilled"

    def applies(self, case: RecipeContext) -> str | None:
        """Only if its outputs have the original's shape and there are enough examples."""
        import torch

        if (reason := too_few(case.tune, "Distilling")) is not None:
            return reason
        self._student.to(case.subject.device)
        with torch.inference_mode():
            try:
                output = case.subject.main(case.subject.call(case.sample, self._student))
            except (TypeError, RuntimeError, IndexError) as error:
                return f"The student can't be called like the original: {str(error).splitlines()[0][:120]}"
            expected = case.subject.main(case.subject.call(case.sample))
        if output.shape != expected.shape:
            return f"The student answers in shape {tuple(output.shape)}, the original in {tuple(expected.shape)}."
        return None

    def apply(self, case: RecipeContext) -> RecipeResult:
        """Train a copy of the student."""
        model = copy.deepcopy(self._student)
        learner = replace(case.subject, model=model)
        training = distil(learner, case.original, case.tune, seconds=case.seconds, labels=case.labelled, tick=case.tick)
        return RecipeResult(model, steps=({"recipe": "student"},), training=training)
