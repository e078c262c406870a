"""Dry run of a search: which recipes apply, why others do not, and the time, memory and energy needed.

The energy is an upper bound: the model's power over one batch times the time limit. Memory is that of the copies that
exist at the same time.
"""

from __future__ import annotations

import time as clock
from typing import Any

from jupyter_green.reporting import numbers
from jupyter_green.reporting.text_table import TextTable
from jupyter_green.session import current

from .api import first_outputs, recipes_of
from .data.splits import splits_of
from .errors import RAISED, why
from .model.source_model import source_model_of
from .model.workload import workload_of
from .options import accepted, seconds_of
from .process.memory import COPIES, lacking
from .process.output_capture import captured_output, thinned
from .quality.metric_selection import judged_by
from .recipes.recipe import Recipe, RecipeContext

SENTENCE = 200
"""Maximum characters of a reason."""


def plan(what: str, model: Any, data: Any, **options: Any) -> TextTable:
    """Return what ``green.shrink`` (or quantize, prune, distil) would try; it takes and raises the same."""
    subject, seconds = source_model_of(model), seconds_of(options.get("time", "5min"))
    session = options.get("session") or current()
    recipes, problems = recipes_of(what, options)
    with thinned(), subject.quiet():
        wanted = options.get("metric")
        data_options: dict[str, Any] = {name: options.get(name) for name in ("tokenizer", "group", "task")}
        material = splits_of(subject, data, options.get("train"), metric=wanted, **data_options)
        window = session.window("trial", label="shrink: dry run")
        began = clock.perf_counter()
        with window:
            output = first_outputs(subject, material, trained=options.get("train") is not None)
        batch_seconds = clock.perf_counter() - began
        subject, material, metric = judged_by(subject, material, output, metric=wanted, task=options.get("task"))
        accepted(metric, options.get("max_loss"), options.get("max_relative_loss"))
        sizes = {name: options.get(name) for name in ("batch", "length", "new_tokens")}
        workload = workload_of(subject, material, **sizes)
        recipe_options = {**options, "new_tokens": workload.new_tokens}
        case = RecipeContext(subject, subject, material.tune, material.labelled, metric, seconds, recipe_options)
        rows = [(recipe.name, _against(recipe, case) or lacking(subject, recipe.trains)) for recipe in recipes]
    tried = [recipe for recipe, (_, reason) in zip(recipes, rows, strict=True) if reason is None]
    watts = window.record.watts
    energy_limit = f" and at most about {numbers.energy(watts * seconds)}" if watts is not None else ""
    size = subject.size_bytes * COPIES[any(recipe.trains for recipe in tried)]
    counts = [sum(batch.size for batch in part) for part in (material.tune, material.select, material.judge)]
    title = (
        f"{len(tried)} of {len(rows)} recipes would be tried on {subject.name} "
        f"within {numbers.seconds(seconds)}{energy_limit}, "
        f"with about {numbers.significant(size / 1e6, 2)} MB more memory; judged by {metric.name} on {counts[2]:,} "
        f"examples ({counts[0]:,} to repair with, {counts[1]:,} to choose by; "
        f"one batch takes {numbers.seconds(batch_seconds)}). "
        f"An inference is {workload.key()}. Nothing was run but that one batch."
    )
    lines = [(name, "would be tried" if reason is None else "not: " + reason) for name, reason in rows]
    return TextTable(title, ("recipe", ""), [*lines, *(("", problem) for problem in problems)], widest=SENTENCE)


def _against(recipe: Recipe, case: RecipeContext) -> str | None:
    """Return in one sentence why a recipe would not be tried; None if it would."""
    try:
        with captured_output():
            return recipe.applies(case)
    except RAISED as error:  # third-party code
        return f"It can't be checked ({why(error)})."
