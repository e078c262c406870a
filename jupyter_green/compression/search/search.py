"""The search: fast recipes first, poor candidates rejected early, the rest within the time budget.

Recipes without training come first. An int8 recipe that loses too much is tried again without its most sensitive
layers. Of the recipes that train, each begins and the better half continues (successive halving); the strength of its
compression is then bisected. The result is combined with what did best on the original. Selection and the final test
use different examples and different runs, because the best of many candidates looks better than it is. An interrupt
ends the search and keeps the best candidate so far, unproven.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from jupyter_green.compression.cost.trial import FEWEST_ROUNDS
from jupyter_green.compression.errors import RAISED, ShrinkError, why
from jupyter_green.compression.process import deadline
from jupyter_green.compression.process.deadline import TimeIsUp
from jupyter_green.compression.process.memory import lacking
from jupyter_green.compression.process.output_capture import captured_output
from jupyter_green.compression.process.state import ProcessState
from jupyter_green.compression.reasons import Reason
from jupyter_green.compression.recipes.recipe import Adjustable, Recipe, RecipeResult, Repairable, follow
from jupyter_green.compression.recipes.training import Training, distil, train_equally

from .bisection import bisect
from .evaluator import FINAL_SHARE, SEARCH_SHARE, CandidateEvaluator
from .sensitivity import by_sensitivity

TIME_UP = Reason("time up")
FIRST_SHARE, ALONE_SHARE = 0.35, 0.75
"""Shares of the time budget for recipes without training, if others train and if none can."""
BEGUN_SHARE, TRAINED_SHARE = 0.15, 0.4
"""Shares of the training time for each beginning and for the continued training.

The control takes as long as the latter.
"""
HEALING = 0.7
"""Exponent of training time with which the loss falls during distillation.

Observed between 0.3 (a pruned ResNet) and 0.9 (a MiniLM without a third of its layers). It only decides which of two
beginnings continues.
"""
COMBINED = 2
"""How many of the best recipes on the original are applied to a new structure."""
MOST_TRIES = 4
LARGE_BYTES = 1_000_000_000
"""A model larger than this takes minutes to export, so recipes that take seconds come first."""
REPAIR_SHARE = 0.5
"""Share of the remaining time for finding the layers most sensitive to int8; the rest is for candidates."""
LEFT_OUT = (0.05, 0.1, 0.2, 0.4)
"""Shares of the layers that int8 may skip, the most sensitive first."""


class Search(CandidateEvaluator):
    """One search; parameters as for `CandidateEvaluator`."""

    interrupted = False
    late = False
    """Whether the time was up before every recipe was tried."""
    out_of_time = False
    """Whether the time was up before the final evaluation had ended."""
    unjudged = False
    """Whether the final evaluation had no result: the time was up, or every cost was inconclusive."""
    _by_sensitivity: list[str] | None = None

    def run(self, recipes: Sequence[Recipe]) -> None:
        """Try recipes until the time is up or the user interrupts."""
        try:
            with deadline.until(self.began + SEARCH_SHARE * self.seconds):
                self._run(recipes)
        except (KeyboardInterrupt, TimeIsUp) as error:
            self.interrupted = isinstance(error, KeyboardInterrupt)
            reason = Reason("interrupted before it was tried") if self.interrupted else TIME_UP
            names = {row.name for row in self.rows} | {entry.name for entry in self.entries}
            self.late = self.late or not self.interrupted
            for recipe in recipes:
                if recipe.name not in names:
                    self.drop(recipe.name, "not tried", reason)

    def _run(self, recipes: Sequence[Recipe]) -> None:
        self.begin()
        with deadline.until(self.began + self._last_share * self.seconds):
            self._tried(recipes)

    @property
    def _last_share(self) -> float:
        """Share of the time budget after which the search stops: earlier where the final evaluation takes long."""
        return min(SEARCH_SHARE, 1 - self.test_seconds / self.seconds)

    @property
    def _open_share(self) -> float:
        """Share of the time budget after which nothing new begins."""
        return self._last_share - SEARCH_SHARE + 1 - FINAL_SHARE

    def _tried(self, recipes: Sequence[Recipe]) -> None:
        training = [recipe for recipe in recipes if recipe.trains]
        # Reserve time for training only if a recipe can train.
        until = FIRST_SHARE if any(self._may(recipe) for recipe in training) else ALONE_SHARE
        self._first([recipe for recipe in recipes if not recipe.trains], until)
        self._again()
        self._train(training)
        self._again()

    # ---- recipes without training ----------------------------------------------------------------

    def _first(self, recipes: Sequence[Recipe], until: float) -> None:
        if self.subject.size_bytes > LARGE_BYTES:
            recipes = sorted(recipes, key=lambda recipe: bool(getattr(recipe, "exports", False)))
        for recipe in recipes:
            if not self._applies(recipe, until):
                continue
            self._recipes[recipe.name] = recipe
            if not self._try(recipe):
                self._repair(recipe, until)

    def _try(self, recipe: Recipe) -> bool:
        """Make and evaluate a candidate; return whether it may be accepted."""

        def attempt() -> bool:
            return self.consider(recipe.name, self._applied(recipe, self.seconds * FIRST_SHARE), None)

        return bool(self._guarded(recipe.name, attempt, default=True))

    def _repair(self, recipe: Recipe, until: float) -> None:
        """Skip the most sensitive layers, as few as possible; not if another candidate is cheaper without that."""
        if not isinstance(recipe, Repairable) or self.spent > until * self.seconds or self.is_dominated(recipe.name):
            return

        def attempt() -> None:
            if self._by_sensitivity is None:
                left = max(0.0, until * self.seconds - self.spent)
                self._by_sensitivity = by_sensitivity(self.case(0).subject, self.material.tune, REPAIR_SHARE * left)
            if not self._by_sensitivity:
                message = "Finding the layers that suffer most from it would take too long; allow more with time=."
                self.remark(recipe.name, message)
                return
            counts = sorted({round(share * len(self._by_sensitivity)) for share in LEFT_OUT} - {0}, reverse=True)
            harmed = self._by_sensitivity

            def accepted(count: int) -> bool:
                repaired = recipe.without(harmed[:count])
                return self.spent <= until * self.seconds and self._try(repaired)

            bisect(counts, accepted, tries=3)

        self._guarded(recipe.name, attempt, default=None)

    def _again(self) -> None:
        if self.spent < self._open_share * self.seconds:
            self._guarded("what could not be told", self.again, default=None)

    # ---- recipes with training -------------------------------------------------------------------

    def _train(self, recipes: Sequence[Recipe]) -> None:
        until = self._open_share
        applicable = [recipe for recipe in recipes if self._applies(recipe, until)]
        available = until * self.seconds - self.spent
        if not applicable:
            return
        if available <= 0:
            raise TimeIsUp
        started = (
            self._begin_each(applicable, BEGUN_SHARE * available / len(applicable))
            if len(applicable) > 1
            else [(applicable[0], None)]
        )
        for place, (recipe, product) in enumerate(started):
            left = (until * self.seconds - self.spent) / (len(started) - place)
            if left <= 0:
                self.late = True
                self.drop(recipe.name, "not tried", TIME_UP)
                continue
            self._finish(recipe, product, self._share(recipe) * left)

    def _share(self, recipe: Recipe) -> float:
        """Return the share of the time for a recipe's training; the rest is for its equally trained control."""
        if not self.material.labelled:
            return 2 * TRAINED_SHARE
        longer = getattr(recipe, "control_takes", None)
        return TRAINED_SHARE if longer is None else 1 / (1 + float(longer))

    def _begin_each(self, recipes: Sequence[Recipe], seconds: float) -> list[tuple[Recipe, RecipeResult | None]]:
        """Train each recipe briefly; return the better half by loss per saving."""
        started: list[tuple[float, Recipe, RecipeResult]] = []
        for recipe in recipes:

            def attempt(recipe: Recipe = recipe) -> RecipeResult:
                self.tell(recipe.name)
                return self._applied(recipe, seconds)

            product = self._guarded(recipe.name, attempt, default=None)
            if product is not None:
                started.append((self._price(recipe.name, product), recipe, product))
        started.sort(key=lambda item: item[0])
        kept = started[: max(1, len(started) // 2)]
        for _, recipe, product in started[len(kept) :]:
            reason = Reason("other trained on", steps=None if product.training is None else product.training.steps)
            loss, score = self.look(product.model)
            self.drop(recipe.name, "dropped", reason, product, loss=loss, score=score)
        return [(recipe, product) for _, recipe, product in kept]

    def _price(self, name: str, product: RecipeResult) -> float:
        """Return the loss per halving of the cost, approximately; infinity where nothing is saved.

        The loss is extrapolated to the end of training and clipped below at half of the accepted loss, since it is
        uncertain after such a short training.
        """
        loss, _ = self.look(product.model)
        trained_seconds = 0.0 if product.training is None else product.training.seconds
        remaining_seconds = TRAINED_SHARE * max(0.0, self._open_share * self.seconds - self.spent)
        remaining_loss: float = (
            (trained_seconds / (trained_seconds + remaining_seconds)) ** HEALING if trained_seconds > 0 else 1.0
        )
        ratio = self.benchmark(name, product.model, FEWEST_ROUNDS).raw(name)
        if ratio is None or ratio.value >= 1:
            return math.inf
        return max(remaining_loss * loss.value, self.max_loss / 2) / -math.log2(ratio.value)

    def _finish(self, recipe: Recipe, product: RecipeResult | None, seconds: float) -> None:
        """Train what was begun, then bisect its strength within the accepted loss and the time budget."""
        began = deadline.now()
        accepted_first = self._structure(recipe, product, seconds)
        elapsed = deadline.now() - began
        settings, own = recipe.dial(self.case(0, copy=False)) if isinstance(recipe, Adjustable) else ([], 0)
        left = self._open_share * self.seconds - self.spent
        tries = min(MOST_TRIES, int(left / max(elapsed, 1e-9)))
        if not settings or tries < 1:
            return
        candidates = settings[own + 1 :] if accepted_first else settings[:own]

        def accepted(setting: Recipe) -> bool:
            fits = self.spent + elapsed <= self._open_share * self.seconds
            return fits and self._applies(setting, 1.0) and self._structure(setting, None, seconds)

        bisect(candidates, accepted, tries=tries)

    def _structure(self, recipe: Recipe, begun: RecipeResult | None, seconds: float) -> bool:
        """Make and train a structure and its control, and combine it; return whether any candidate may be accepted."""

        def attempt() -> bool:
            self.tell(recipe.name)
            product = self._applied(recipe, seconds) if begun is None else self._trained_on(begun, seconds)
            control = self._control(product)
            any_accepted = self.consider(recipe.name, product, control)
            if self.lost(recipe.name):
                return False
            for place, finisher in enumerate(self._finishers(product)):
                name = f"{recipe.name}, {finisher.name}"
                if place and self.spent > self._open_share * self.seconds:
                    self.late = True
                    self.drop(name, "not tried", TIME_UP)
                    continue
                self.tell(name)
                with captured_output():
                    combined = follow(product, [finisher], self.case(0))
                any_accepted = self.consider(name, combined, control) or any_accepted
            return any_accepted

        return bool(self._guarded(recipe.name, attempt, default=False))

    def _trained_on(self, product: RecipeResult, seconds: float) -> RecipeResult:
        if product.training is None or product.form != "torch":
            return product
        case = self.case(seconds, copy=False)
        learner = replace(self.subject, model=product.model)
        labels = self.material.labelled
        with captured_output(), self.single_thread_if_busy():
            further = distil(learner, self.subject, case.tune, seconds=seconds, labels=labels, tick=self.tick)
        return replace(product, training=product.training.then(further))

    def _finishers(self, product: RecipeResult) -> list[Recipe]:
        """Return the recipes to apply to a new structure: those that did best on the original."""
        if product.training is None or product.form != "torch":
            return []
        accepted = sorted((e for e in self.entries if not e.loss.beyond(self.max_loss)), key=lambda entry: entry.cost)
        return [self._recipes[e.name] for e in accepted if e.name in self._recipes][:COMBINED]

    def _control(self, product: RecipeResult) -> Any:
        """Return a copy of the original with equal training, if that training used labels.

        None if the loss against the original itself is already too large.
        """
        training: Training | None = product.training
        if training is None or not training.labels:
            return None
        loss, _ = self.look(product.model)
        if loss.beyond(self.max_loss):
            return None
        self.tell("the original, trained equally")
        control = replace(self.subject, model=self.subject.copy())
        with captured_output(), self.single_thread_if_busy():
            train_equally(control, self.material.tune, training, tick=self.tick)
        return control.model

    # ---- applying and guarding recipes -----------------------------------------------------------

    def _applied(self, recipe: Recipe, seconds: float) -> RecipeResult:
        """Return what a recipe makes of a copy; its console output is captured."""
        with captured_output(), self.single_thread_if_busy() if recipe.trains else nullcontext():
            return recipe.apply(self.case(seconds))

    def _may(self, recipe: Recipe) -> bool:
        try:
            with captured_output():
                return recipe.applies(self.case(self.seconds, copy=False)) is None
        except RAISED:  # third-party code; its row gives the error
            return True

    def _applies(self, recipe: Recipe, until: float) -> bool:
        """Whether a recipe is to be tried; if not, a row gives the reason."""
        try:
            with captured_output():
                unsupported = recipe.applies(self.case(self.seconds, copy=False))
        except RAISED as error:  # a third-party error must not end the search
            self.drop(recipe.name, "failed", Reason("failed", detail=why(error)))
            return False
        if unsupported is None and self.spent > until * self.seconds:
            self.late = True
            self.drop(recipe.name, "not tried", TIME_UP)
            return False
        if unsupported is None:
            unsupported = lacking(self.subject, recipe.trains)
        if unsupported is not None:
            self.drop(recipe.name, "not tried", Reason("not applicable", detail=unsupported))
        return unsupported is None

    def _guarded(self, name: str, attempt: Callable[[], Any], default: Any) -> Any:
        """Run third-party code: an exception becomes a row, process settings are restored, the original is checked."""
        self.tell(name)
        result, before = default, ProcessState()
        try:
            with warnings.catch_warnings():
                # Libraries warn of every layer that they skip; a candidate's row has what matters.
                warnings.simplefilter("ignore")
                result = attempt()
        except ShrinkError as error:
            self.drop(name, "failed", Reason("failed", detail=str(error)))
        except RAISED as error:  # a recipe's exception becomes a row
            self.drop(name, "failed", Reason("failed", detail=why(error)))
        finally:
            changed = before.put_back()
        if changed:
            self.remark(name, f"It changed settings of the whole process, which were put back: {', '.join(changed)}.")
        self.check_original_unchanged(name)
        return result


__all__ = ["Search"]
