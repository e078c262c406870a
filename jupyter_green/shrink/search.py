"""The search: what is cheap to try comes first, what is surely worse goes early, the rest has until the time is up.

Choosing and judging use different examples and different laps, because the best of many looks better than it is. The
judging part answers one question, put once: of a short list fixed before, the surest gain first, how far down it does
the loss stay proven? Testing in a fixed order up to the first failure keeps the error of the whole at 5 % (Maurer,
Hothorn, Lehmacher 1995). An interrupt ends the search, not the result: the best so far is kept, and called unproven.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from .fault import ShrinkError, why
from .gauge import Gauge
from .loss import Loss
from .material import LEAST_BATCHES, Batch, Material
from .metric import Metric, evaluate
from .recipe import Case, Product, Recipe, follow
from .result import Candidate
from .subject import Subject
from .training import Training, train_equally
from .trial import Outcome, Runner, Trial, run_trial

if TYPE_CHECKING:
    import numpy as np

TRIAL_SHARE, FINAL_SHARE, FIRST_SHARE = 0.04, 0.2, 0.35
"""Shares of the time: one candidate's trial, the final trial and judging, recipes that don't train."""
SELECT_SHARE, JUDGE_SHARE = 0.02, 0.06
"""Shares of the time that one model's run over the choosing and the judging part may take."""
TRAINED_SHARE = 0.4
"""Part of a training recipe's time in which it trains, where an equally trained control takes as long again."""


@dataclass
class Entry:
    """A candidate in the search: its product, and what was found."""

    name: str
    product: Product
    loss: Loss
    score: float
    outcome: Outcome
    against_control: Loss | None = None
    control: Any = None

    def expected_high(self, examples: int) -> float:
        """Return about where the loss' interval will end on so many examples."""
        losses = [loss for loss in (self.loss, self.against_control) if loss is not None]
        if self.product.same_numbers and self.loss.same:
            return 0.0
        return max(x.value + (x.high - x.value) * math.sqrt(x.examples / examples) for x in losses)


@dataclass
class Verdict:
    """What the final trial and the judging part said."""

    entry: Entry | None
    loss: Loss | None = None
    scores: tuple[float, float] | None = None
    outcome: Outcome | None = None
    trial: Trial | None = None
    runtime: str | None = None
    reason: str = ""
    proven: bool = False
    by_class: dict[int, float] = field(default_factory=dict)


class Search:
    """One search.

    Parameters
    ----------
    subject : Subject
        The original; never changed.
    material : Material
        The data in its parts.
    metric : Metric
        What counts.
    gauge : Gauge
        Reads the laps.
    seconds : float
        Time for all of it.
    max_loss : float
        Accepted loss, in the metric's unit.
    options : mapping
        ``ratio``, ``layers``, ``form``, ``batch``.
    say : callable
        Told what is done now and which part of the time has passed.
    """

    def __init__(
        self,
        subject: Subject,
        material: Material,
        metric: Metric,
        gauge: Gauge,
        *,
        seconds: float,
        max_loss: float,
        options: dict[str, Any],
        say: Callable[[str, float], None],
    ) -> None:
        self.subject, self.material, self.metric, self.gauge = subject, material, metric, gauge
        self.max_loss, self.options, self.say = max_loss, options, say
        self.seconds, self.began = seconds, time.perf_counter()
        self.entries: list[Entry] = []
        self.rows: list[Candidate] = []
        self.interrupted = False
        self.batches = material.sized(options.get("batch"))
        self.fingerprint = subject.fingerprint()
        self.material = material = self._affordable(material)
        self.parts, self.references = evaluate(subject, subject.model, material.select, metric)

    def _affordable(self, material: Material) -> Material:
        """Return as much to choose and judge by as the time allows; nothing of it has been looked at yet."""
        evaluate(self.subject, self.subject.model, material.select[:1], self.metric)
        began = time.perf_counter()
        evaluate(self.subject, self.subject.model, material.select[:1], self.metric)
        once = max(1e-6, time.perf_counter() - began)
        select, judge = (
            max(LEAST_BATCHES // 2, int(share * self.seconds / once)) for share in (SELECT_SHARE, JUDGE_SHARE)
        )
        chosen = list(material.select[:select])
        judged = [*material.judge, *material.select[select:]][:judge]
        left = sum(b.size for b in (*material.select, *material.judge)) - sum(b.size for b in (*chosen, *judged))
        note = (f"{left:,} examples were not looked at: the time allowed no more.",) if left > 0 else ()
        return replace(material, select=chosen, judge=judged, notes=(*material.notes, *note))

    @property
    def spent(self) -> float:
        """Seconds since the beginning."""
        return time.perf_counter() - self.began

    # ---- trying ---------------------------------------------------------------------------------

    def run(self, recipes: Sequence[Recipe]) -> None:
        """Try recipes until the time is up or the person interrupts."""
        try:
            for recipe in (recipe for recipe in recipes if not recipe.trains):
                self._try(recipe, until=FIRST_SHARE + (0 if any(r.trains for r in recipes) else 0.4))
            training = [recipe for recipe in recipes if recipe.trains]
            for place, recipe in enumerate(training):
                left = (1 - FINAL_SHARE) * self.seconds - self.spent
                self._try(recipe, until=1 - FINAL_SHARE, seconds=left / (len(training) - place))
        except KeyboardInterrupt:
            self.interrupted = True

    def case(self, seconds: float, *, copy: bool = True) -> Case:
        """Return what a recipe gets: a copy of its own, unless it is only asked whether it applies."""
        subject = replace(self.subject, model=self.subject.copy()) if copy else self.subject
        material = self.material
        return Case(subject, self.subject, material.tune, material.labelled, self.metric, seconds, self.options)

    def _try(self, recipe: Recipe, *, until: float, seconds: float | None = None) -> None:
        try:
            reason = recipe.applies(self.case(0, copy=False))
        except Exception as error:  # noqa: BLE001 - somebody else's code must not end the search
            self._drop(recipe.name, "failed", why(error))
            return
        if reason is None and self.spent > until * self.seconds:
            reason = "The time was up before it; allow more with time=."
        if reason is not None:
            self._drop(recipe.name, "not tried", reason)
            return
        self.say(recipe.name, self.spent / self.seconds)
        seconds = self.seconds * TRIAL_SHARE if seconds is None else seconds
        try:
            if recipe.trains:
                trials = 2 * TRIAL_SHARE * self.seconds
                seconds = max(0.2 * seconds, (seconds - trials) * TRAINED_SHARE * (1 if self.material.labelled else 2))
            product = recipe.apply(self.case(seconds))
            control = self._control(product.training)
            self._consider(recipe.name, product, control)
            for finisher in self._finishers(product):
                case = self.case(0)
                self._consider(f"{recipe.name}, {finisher.name}", follow(product, [finisher], case), control)
        except Exception as error:  # noqa: BLE001 - a recipe that raises is a row, never the end
            self._drop(recipe.name, "failed", why(error))
        self._see_that_the_original_is_whole(recipe.name)

    def _finishers(self, product: Product) -> list[Recipe]:
        """Return what is applied on top of a new structure: what did best on the original."""
        if product.training is None or product.form != "torch":
            return []
        from .recipe import known_recipes

        good = [e for e in self.entries if e.outcome.ratio is not None and e.loss.low <= self.max_loss]
        names = [e.name for e in sorted(good, key=lambda e: e.outcome.ratio.value if e.outcome.ratio else 1.0)]
        by_name = {recipe.name: recipe for recipe in known_recipes()[0] if not recipe.trains}
        return [by_name[name] for name in names if name in by_name][:1]

    def _control(self, training: Training | None) -> Any:
        """Return an original that was trained as much, where there are labels that could have made it better."""
        if training is None or not training.labels:
            return None
        control = replace(self.subject, model=self.subject.copy())
        train_equally(control, self.material.tune, training)
        return control.model

    def _consider(self, name: str, product: Product, control: Any) -> None:
        """Look at the loss, then at the cost; keep what may be accepted, and a row for the rest."""
        parts, _ = evaluate(self.subject, product.model, self.material.select, self.metric, self.references)
        loss, score = self.metric.loss(self.parts, parts), self.metric.value(parts)
        against = None
        if control is not None:
            trained, _ = evaluate(self.subject, control, self.material.select, self.metric, self.references)
            against = self.metric.loss(trained, parts)
            self._note_control(trained)
        worst = max((x for x in (loss, against) if x is not None), key=lambda x: x.low)
        if worst.low > self.max_loss:
            beside = " against the equally trained original" if worst is against else ""
            self._drop(
                name,
                "dropped",
                f"It loses more than is accepted{beside}.",
                product,
                loss=loss,
                score=score,
                against=against,
            )
            return
        seconds = self.seconds * TRIAL_SHARE
        runners = {"original": self.runner(self.subject.model), name: self.runner(product.model)}
        outcome = run_trial(runners, self.gauge, seconds=seconds, rounds=12).outcome(name)
        if outcome.verdict == "less":
            self.entries.append(Entry(name, product, loss, score, outcome, against, control))
            return
        said = {
            "more": "It costs more than the original.",
            "no difference": "No difference in cost is proven.",
            "can't tell": outcome.reason,
        }[outcome.verdict]
        self._drop(name, "dropped", said, product, loss=loss, score=score, against=against, outcome=outcome)

    def _note_control(self, trained: np.ndarray) -> None:
        if any(row.standing == "control" for row in self.rows):
            return
        loss = self.metric.loss(self.parts, trained)
        said = "The extra training alone; what was trained is held against this too."
        self.rows.append(Candidate("original, trained on", "control", said, None, loss, self.metric.value(trained)))

    def runner(self, model: Any) -> Runner:
        """Return how a model is run in a trial."""
        import torch

        batches = [batch.to(self.subject.device) for batch in self.batches]

        def run(turn: int) -> None:
            with torch.inference_mode():
                self.subject.call(batches[turn % len(batches)].inputs, model)

        return Runner(run, lambda turn: batches[turn % len(batches)].size)

    def _see_that_the_original_is_whole(self, name: str) -> None:
        if self.subject.fingerprint() != self.fingerprint:
            raise ShrinkError(f"Recipe {name} changed the original model, which none may; load your model again.")

    def _drop(
        self,
        name: str,
        standing: Any,
        reason: str,
        product: Product | None = None,
        *,
        loss: Loss | None = None,
        score: float | None = None,
        against: Loss | None = None,
        outcome: Outcome | None = None,
    ) -> None:
        self.rows.append(
            Candidate(
                name,
                standing,
                reason,
                None if outcome is None else outcome.ratio,
                loss,
                score,
                None if outcome is None else outcome.cost,
                None if product is None else product.size_bytes,
                against,
                () if product is None else product.notes,
            )
        )

    # ---- the verdict ----------------------------------------------------------------------------

    def shortlist(self) -> list[Entry]:
        """Return at most two entries, the surer first, fixed before the judging part is looked at."""
        examples = sum(batch.size for batch in self.material.judge)
        cheap = sorted(self.entries, key=lambda entry: entry.outcome.ratio.value if entry.outcome.ratio else 1.0)
        likely = [entry for entry in cheap if entry.expected_high(examples) <= self.max_loss]
        best = (likely or cheap)[:1]
        if not best or best[0].product.same_numbers:
            return best
        surest = min(likely or cheap, key=lambda entry: (entry.expected_high(examples), entry.name))
        return [surest, *best] if surest is not best[0] else best

    def judge(self) -> Verdict:
        """Try the short list afresh, and look at the judging part."""
        chosen = self.shortlist()
        if not chosen:
            untold = [row for row in self.rows if row.reason.startswith(("The machine was busy", "It can't be told"))]
            return Verdict(None, reason=untold[0].reason if untold else "")
        if self.interrupted:
            best = chosen[-1]
            said = "The search was interrupted before this was judged."
            return Verdict(best, best.loss, None, best.outcome, reason=said)
        self.say("judging", self.spent / self.seconds)
        judge = self.material.judge
        base, kept = evaluate(self.subject, self.subject.model, judge, self.metric)
        verdict = Verdict(None)
        for entry in chosen:
            found = self._judged(entry, base, kept, judge)
            if verdict.entry is None or found.proven:
                verdict = found
            if not found.proven:
                break
        return verdict

    def _judged(self, entry: Entry, base: np.ndarray, kept: Sequence[Any], judge: Sequence[Batch]) -> Verdict:
        parts, _ = evaluate(self.subject, entry.product.model, judge, self.metric, kept)
        loss, against = self.metric.loss(base, parts), None
        if entry.control is not None:
            against = self.metric.loss(evaluate(self.subject, entry.control, judge, self.metric, kept)[0], parts)
        runners = {"original": self.runner(self.subject.model), entry.name: self.runner(entry.product.model)}
        runtime = self._runtime_of(entry)
        if runtime is not None:
            runners["runtime"] = self.runner(runtime)
        trial = run_trial(runners, self.gauge, seconds=self.seconds * FINAL_SHARE / 2, seed=1)
        outcome = trial.outcome(entry.name)
        worst = max((x for x in (loss, against) if x is not None), key=lambda x: x.high)
        same = entry.product.same_numbers and loss.same
        good = same or worst.within(self.max_loss)
        verdict = Verdict(
            entry,
            loss,
            (self.metric.value(base), self.metric.value(parts)),
            outcome,
            trial,
            None if runtime is None else "runtime",
            proven=good and outcome.verdict == "less",
            by_class=_by_class(self.metric, base, parts, judge),
        )
        verdict.reason = self._reason(outcome, worst, good, same=same, control=worst is against)
        entry.against_control = against
        return verdict

    def _reason(self, outcome: Outcome, loss: Loss, good: bool, *, same: bool, control: bool) -> str:
        if outcome.verdict == "can't tell":
            return outcome.reason
        if outcome.verdict != "less":
            return f"Less cost is not proven: {outcome.reason}."
        if same:
            return f"The same numbers out: no score of {loss.examples:,} examples differs."
        beside = ", also against an equally trained original" if control else ""
        if good:
            return f"Proven on {loss.examples:,} examples{beside}."
        needed = loss.needed(self.max_loss)
        if needed is None:
            return f"It loses more than is accepted on {loss.examples:,} examples{beside}."
        return f"The loss is not proven with {loss.examples:,} examples{beside}; it needs about {needed:,}."

    def _runtime_of(self, entry: Entry) -> Any:
        """Return the original in the winner's runtime; None where that is PyTorch, or is the winner itself."""
        if entry.product.form != "onnx" or entry.product.same_numbers:
            return None
        found = next((e for e in self.entries if e.product.form == "onnx" and e.product.same_numbers), None)
        return None if found is None else found.product.model


def _by_class(metric: Metric, base: np.ndarray, parts: np.ndarray, judge: Sequence[Batch]) -> dict[int, float]:
    import numpy as np

    if metric.name != "accuracy":
        return {}
    labels = np.concatenate([batch.labels.cpu().numpy() for batch in judge])
    lost = (base - parts)[:, 0]
    return {int(label): float(lost[labels == label].mean()) for label in np.unique(labels)}
