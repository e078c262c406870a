"""The search: what is cheap to try comes first, what is surely worse goes early, the rest has until the time is up.

Recipes that don't train come first. Whole numbers that lose too much are tried again without the layers that suffer
most. Of the recipes that train each begins, the better half goes on (successive halving), and its dial is bisected:
the harshest setting that is accepted. What came of that is combined with what did best on the original. Choosing and
judging use different examples and different laps, because the best of many looks better than it is. An interrupt ends
the search, not the result: the best so far is kept, and called unproven.
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
from jupyter_green.compression.recipes.recipe import Adjustable, Recipe, RecipeResult, Repairable, follow
from jupyter_green.compression.recipes.training import Training, distil, train_equally

from .bisection import bisect
from .evaluator import FINAL_SHARE, SEARCH_SHARE, CandidateEvaluator
from .sensitivity import most_harmed

UP = "The time was up before it was tried."
FIRST_SHARE, ALONE_SHARE = 0.35, 0.75
"""Shares of the time for recipes that don't train, where others do and where none can."""
BEGUN_SHARE, TRAINED_SHARE = 0.15, 0.4
"""Parts of the training time: for each that begins, and for what goes on; an equally trained control takes as long."""
HEALING = 0.7
"""Power of the training time with which a loss falls while it is repaired; between 0.3 (a pruned ResNet) and 0.9 (a
MiniLM without a third of its layers) was seen. It only says which of two beginnings goes on."""
COMBINED = 2
"""How many of what did best on the original are applied to a new structure."""
MOST_TRIES = 4
LARGE_BYTES = 1_000_000_000
"""A model larger than this takes minutes to export, so what is made in a second comes first."""
REPAIR_SHARE = 0.5
"""Share of the time that is left for finding the layers that suffer most from int8; the rest is for trying."""
LEFT_OUT = (0.05, 0.1, 0.2, 0.4)
"""Shares of the layers that int8 may leave out, the worst first."""


class Search(CandidateEvaluator):
    """One search; parameters as for `CandidateEvaluator`."""

    interrupted = False
    late = False
    """Whether the time was up before all was tried."""
    out_of_time = False
    """Whether the time was up before the judging had ended."""
    unjudged = False
    """Whether the judging ended without an answer: the time was up, or no cost could be told."""
    _harmed: list[str] | None = None

    def run(self, recipes: Sequence[Recipe]) -> None:
        """Try recipes until the time is up or the person interrupts."""
        try:
            with deadline.until(self.began + SEARCH_SHARE * self.seconds):
                self._run(recipes)
        except (KeyboardInterrupt, TimeIsUp) as end:
            self.interrupted = isinstance(end, KeyboardInterrupt)
            said = "The search was interrupted before this was told." if self.interrupted else UP
            told = {row.name for row in self.rows} | {entry.name for entry in self.entries}
            self.late = self.late or not self.interrupted
            for recipe in recipes:
                if recipe.name not in told:
                    self.drop(recipe.name, "not tried", said)

    def _run(self, recipes: Sequence[Recipe]) -> None:
        self.begin()
        with deadline.until(self.began + self._last_share * self.seconds):
            self._tried(recipes)

    @property
    def _last_share(self) -> float:
        """The share of the time after which nothing more is looked at: earlier where judging takes long."""
        return min(SEARCH_SHARE, 1 - self.judging_seconds / self.seconds)

    @property
    def _open_share(self) -> float:
        """The share of the time after which nothing more begins."""
        return self._last_share - SEARCH_SHARE + 1 - FINAL_SHARE

    def _tried(self, recipes: Sequence[Recipe]) -> None:
        training = [recipe for recipe in recipes if recipe.trains]
        # Time is kept for training only where something can be trained.
        until = FIRST_SHARE if any(self._may(recipe) for recipe in training) else ALONE_SHARE
        self._first([recipe for recipe in recipes if not recipe.trains], until)
        self._again()
        self._train(training)
        self._again()

    # ---- what does not train --------------------------------------------------------------------

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
        """Make a candidate and look at it; return whether it may be accepted."""

        def attempt() -> bool:
            return self.consider(recipe.name, self._applied(recipe, self.seconds * FIRST_SHARE), None)

        return bool(self._guarded(recipe.name, attempt, default=True))

    def _repair(self, recipe: Recipe, until: float) -> None:
        """Leave out the layers that suffer most: as few as suffice; not where another is cheaper as it is."""
        if not isinstance(recipe, Repairable) or self.spent > until * self.seconds or self.outdone(recipe.name):
            return

        def attempt() -> None:
            if self._harmed is None:
                left = max(0.0, until * self.seconds - self.spent)
                self._harmed = most_harmed(self.case(0).subject, self.material.tune, REPAIR_SHARE * left)
            if not self._harmed:
                said = "Finding the layers that suffer most from it would take too long; allow more with time=."
                self.remark(recipe.name, said)
                return
            counts = sorted({round(share * len(self._harmed)) for share in LEFT_OUT} - {0}, reverse=True)
            harmed = self._harmed

            def accepted(count: int) -> bool:
                repaired = recipe.without(harmed[:count])
                return self.spent <= until * self.seconds and self._try(repaired)

            bisect(counts, accepted, tries=3)

        self._guarded(recipe.name, attempt, default=None)

    def _again(self) -> None:
        if self.spent < self._open_share * self.seconds:
            self._guarded("what could not be told", self.again, default=None)

    # ---- what trains ----------------------------------------------------------------------------

    def _train(self, recipes: Sequence[Recipe]) -> None:
        until = self._open_share
        able = [recipe for recipe in recipes if self._applies(recipe, until)]
        whole = until * self.seconds - self.spent
        if not able:
            return
        if whole <= 0:
            raise TimeIsUp
        begun = self._begin_each(able, BEGUN_SHARE * whole / len(able)) if len(able) > 1 else [(able[0], None)]
        for place, (recipe, product) in enumerate(begun):
            left = (until * self.seconds - self.spent) / (len(begun) - place)
            if left <= 0:
                self.late = True
                self.drop(recipe.name, "not tried", UP)
                continue
            self._finish(recipe, product, self._share(recipe) * left)

    def _share(self, recipe: Recipe) -> float:
        """Return which part of the time its training may take; the rest is its equally trained control's."""
        if not self.material.labelled:
            return 2 * TRAINED_SHARE
        longer = getattr(recipe, "control_takes", None)
        return TRAINED_SHARE if longer is None else 1 / (1 + float(longer))

    def _begin_each(self, recipes: Sequence[Recipe], seconds: float) -> list[tuple[Recipe, RecipeResult | None]]:
        """Train each for a little; return the better half: what gives most for what it loses."""
        begun: list[tuple[float, Recipe, RecipeResult]] = []
        for recipe in recipes:

            def attempt(recipe: Recipe = recipe) -> RecipeResult:
                self.tell(recipe.name)
                return self._applied(recipe, seconds)

            product = self._guarded(recipe.name, attempt, default=None)
            if product is not None:
                begun.append((self._price(recipe.name, product), recipe, product))
        begun.sort(key=lambda item: item[0])
        kept = begun[: max(1, len(begun) // 2)]
        for _, recipe, product in begun[len(kept) :]:
            steps = "" if product.training is None else f" of {product.training.steps} steps"
            said = f"After a beginning{steps} another gave more for what it lost: that one was trained on."
            loss, score = self.look(product.model)
            self.drop(recipe.name, "dropped", said, product, loss=loss, score=score)
        return [(recipe, product) for _, recipe, product in kept]

    def _price(self, name: str, product: RecipeResult) -> float:
        """Return what is lost for each halving of the cost, give or take; infinite where nothing is saved.

        A loss counts as what further training is expected to leave of it, and not below half of what is accepted:
        it says little after so short a training.
        """
        loss, _ = self.look(product.model)
        begun = 0.0 if product.training is None else product.training.seconds
        to_come = TRAINED_SHARE * max(0.0, self._open_share * self.seconds - self.spent)
        left: float = (begun / (begun + to_come)) ** HEALING if begun > 0 else 1.0
        ratio = self.try_out(name, product.model, FEWEST_ROUNDS).raw(name)
        if ratio is None or ratio.value >= 1:
            return math.inf
        return max(left * loss.value, self.max_loss / 2) / -math.log2(ratio.value)

    def _finish(self, recipe: Recipe, product: RecipeResult | None, seconds: float) -> None:
        """Train what began, then turn the dial as far as is accepted and the time allows."""
        began = deadline.now()
        good = self._structure(recipe, product, seconds)
        took = deadline.now() - began
        settings, own = recipe.dial(self.case(0, copy=False)) if isinstance(recipe, Adjustable) else ([], 0)
        left = self._open_share * self.seconds - self.spent
        tries = min(MOST_TRIES, int(left / max(took, 1e-9)))
        if not settings or tries < 1:
            return
        rest = settings[own + 1 :] if good else settings[:own]

        def accepted(setting: Recipe) -> bool:
            fits = self.spent + took <= self._open_share * self.seconds
            return fits and self._applies(setting, 1.0) and self._structure(setting, None, seconds)

        bisect(rest, accepted, tries=tries)

    def _structure(self, recipe: Recipe, begun: RecipeResult | None, seconds: float) -> bool:
        """Make a structure, train it and its control, combine it; return whether any of that may be accepted."""

        def attempt() -> bool:
            self.tell(recipe.name)
            product = self._applied(recipe, seconds) if begun is None else self._trained_on(begun, seconds)
            control = self._control(product)
            good = self.consider(recipe.name, product, control)
            if self.lost(recipe.name):
                return False
            for place, finisher in enumerate(self._finishers(product)):
                name = f"{recipe.name}, {finisher.name}"
                if place and self.spent > self._open_share * self.seconds:
                    self.late = True
                    self.drop(name, "not tried", UP)
                    continue
                self.tell(name)
                with captured_output():
                    combined = follow(product, [finisher], self.case(0))
                good = self.consider(name, combined, control) or good
            return good

        return bool(self._guarded(recipe.name, attempt, default=False))

    def _trained_on(self, product: RecipeResult, seconds: float) -> RecipeResult:
        if product.training is None or product.form != "torch":
            return product
        case = self.case(seconds, copy=False)
        learner = replace(self.subject, model=product.model)
        labels = self.material.labelled
        with captured_output(), self.undisturbed():
            more = distil(learner, self.subject, case.tune, seconds=seconds, labels=labels, tick=self.tick)
        return replace(product, training=product.training.then(more))

    def _finishers(self, product: RecipeResult) -> list[Recipe]:
        """Return what is applied on top of a new structure: what did best on the original."""
        if product.training is None or product.form != "torch":
            return []
        good = sorted((e for e in self.entries if not e.loss.beyond(self.max_loss)), key=lambda entry: entry.cost)
        return [self._recipes[e.name] for e in good if e.name in self._recipes][:COMBINED]

    def _control(self, product: RecipeResult) -> Any:
        """Return an original that was trained as much, where labels could have made it better.

        What already loses too much against the given original needs none.
        """
        training: Training | None = product.training
        if training is None or not training.labels:
            return None
        loss, _ = self.look(product.model)
        if loss.beyond(self.max_loss):
            return None
        self.tell("the original, trained equally")
        control = replace(self.subject, model=self.subject.copy())
        with captured_output(), self.undisturbed():
            train_equally(control, self.material.tune, training, tick=self.tick)
        return control.model

    # ---- what holds for all ---------------------------------------------------------------------

    def _applied(self, recipe: Recipe, seconds: float) -> RecipeResult:
        """Return what a recipe makes of a copy; what it prints is no output of the cell."""
        with captured_output(), self.undisturbed() if recipe.trains else nullcontext():
            return recipe.apply(self.case(seconds))

    def _may(self, recipe: Recipe) -> bool:
        try:
            with captured_output():
                return recipe.applies(self.case(self.seconds, copy=False)) is None
        except RAISED:  # somebody else's code; its row says what it raised
            return True

    def _applies(self, recipe: Recipe, until: float) -> bool:
        """Whether a recipe is tried; where not, its row says why."""
        try:
            with captured_output():
                reason = recipe.applies(self.case(self.seconds, copy=False))
        except RAISED as error:  # somebody else's code must not end the search
            self.drop(recipe.name, "failed", why(error))
            return False
        if reason is None and self.spent > until * self.seconds:
            reason, self.late = UP, True
        if reason is None:
            reason = lacking(self.subject, recipe.trains)
        if reason is not None:
            self.drop(recipe.name, "not tried", reason)
        return reason is None

    def _guarded(self, name: str, attempt: Callable[[], Any], default: Any) -> Any:
        """Run somebody's code: what it raises is a row, what it sets is put back, the original stays whole."""
        self.tell(name)
        found, before = default, ProcessState()
        try:
            with warnings.catch_warnings():
                # Libraries warn of each layer they leave alone; what matters of a candidate stands in its row.
                warnings.simplefilter("ignore")
                found = attempt()
        except ShrinkError as error:
            self.drop(name, "failed", str(error))
        except RAISED as error:  # a recipe that raises is a row, never the end
            self.drop(name, "failed", why(error))
        finally:
            changed = before.put_back()
        if changed:
            self.remark(name, f"It changed settings of the whole process, which were put back: {', '.join(changed)}.")
        self.see_that_the_original_is_whole(name)
        return found


__all__ = ["Search"]
