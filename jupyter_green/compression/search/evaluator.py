"""The bench of a search: looks at one candidate at a time, at its loss first and then at its cost.

What is surely worse goes early: the loss is looked at after a quarter of the examples, and what already loses more
than is accepted is dropped there; a trial ends when it is sure to cost more. Both can only throw away, never accept.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jupyter_green.compression.cost.cost_meter import CostMeter
from jupyter_green.compression.cost.ratio import LEAST_PAIRS
from jupyter_green.compression.cost.thread_spin_guard import ALONE, crowded, may_wait, told
from jupyter_green.compression.cost.trial import SHORT_SECONDS, Cost, Outcome, Runner, Trial, run_trial, share_of_others
from jupyter_green.compression.data.batch import Batch, independent, smaller
from jupyter_green.compression.data.groups import groups_of, loss_by_group
from jupyter_green.compression.data.splits import LEAST_BATCHES, DataSplits
from jupyter_green.compression.errors import ShrinkError
from jupyter_green.compression.model.source_model import SourceModel
from jupyter_green.compression.model.state import ModelState
from jupyter_green.compression.model.workload import CHOOSING_TOKENS, Workload, in_threads
from jupyter_green.compression.process import deadline
from jupyter_green.compression.process.deadline import TimeIsUp
from jupyter_green.compression.quality.loss import Loss
from jupyter_green.compression.quality.metric import Metric, evaluate
from jupyter_green.compression.quality.skill import Constant, without_skill
from jupyter_green.compression.quality.variation import repeated, share_that_varies
from jupyter_green.compression.recipes.recipe import Recipe, RecipeContext, RecipeResult
from jupyter_green.compression.result import ResultRow

from .candidate import AcceptedCandidate
from .runtime_baselines import Runtimes

if TYPE_CHECKING:
    import numpy as np

TRIAL_SHARE = 0.04
"""Share of the time for one candidate's trial."""
SELECT_SHARE, JUDGE_SHARE = 0.02, 0.06
"""Shares of the time that one model's run over the choosing and the judging part may take."""
FINAL_SHARE = 0.25
"""Share of the time for the final trial, judging and the last check."""
SEARCH_SHARE = 0.85
"""Share of the time after which nothing more is looked at; what began before 1 - `FINAL_SHARE` may take until then."""
BESIDE = 3.5
"""Laps of the original that a round of the final trial takes: it, in its runtime, in bfloat16, and the candidate."""
CHOOSING_ROUNDS = 12
UNTRIED = Outcome("can't tell", None, "It was not tried yet.", Cost(None, None, 0.0, 0.0))
TRIED_AGAIN = 3
"""So many of those that a busy machine left untold are tried once more."""
FIRST_LOOK = 4
"""The first look is at one part in so many of the choosing examples,"""
LEAST_LOOKED = 8
"""and at so many of them at least."""
LEAST_JUDGED = 400
"""Examples to judge by where an eighth of the time suffices for them: to prove a point takes 381 without any loss."""
CHEAPER = 1.5
"""A call with fewer examples is cheaper where each takes no more than so many times as long as before."""
REPEATED = 3
"""How often an original that varies is asked for all examples."""
LOOKED_SECONDS = 0.2
"""How long it is looked whether others use the machine."""
MOST_JUDGING = 0.5
"""Most of the time that is kept for judging, where the model is slow."""


class CandidateEvaluator:
    """Where candidates are looked at, and what was found of each.

    Parameters
    ----------
    subject : SourceModel
        The original; never changed.
    material : DataSplits
        The data in its parts.
    metric : Metric
        What counts.
    gauge : CostMeter
        Reads the laps.
    workload : Workload
        What one inference is.
    seconds : float
        Time for all of it.
    max_loss : float
        Accepted loss, in the metric's unit.
    options : dict
        ``ratio``, ``layers``, ``form``; recipes are given them, with the workload's ``new_tokens``.
    say : callable
        Told what is done now and which part of the time has passed.
    began : float, optional
        When the time began, by `deadline.now`; now otherwise.
    """

    def __init__(
        self,
        subject: SourceModel,
        material: DataSplits,
        metric: Metric,
        gauge: CostMeter,
        *,
        workload: Workload,
        seconds: float,
        max_loss: float,
        options: dict[str, Any],
        say: Callable[[str, float], None],
        began: float | None = None,
    ) -> None:
        self.subject, self.material, self.metric, self.gauge = subject, material, metric, gauge
        self.workload, self.max_loss, self.say = workload, max_loss, say
        self.points = metric.unit == "points"
        self.seconds, self._others = seconds, gauge.others()
        self.began = deadline.now() if began is None else began
        self.options = {**options, "new_tokens": workload.new_tokens}
        self.entries: list[AcceptedCandidate] = []
        self.rows: list[ResultRow] = []
        self._untold: list[AcceptedCandidate] = []
        self._recipes: dict[str, Recipe] = {}
        self.remarks: dict[str, list[str]] = {}
        self.parts: np.ndarray | None = None
        self.references: Sequence[Any] = ()
        self._trained: tuple[Any, np.ndarray] | None = None
        self.fingerprint, self._state = subject.fingerprint(), ModelState(subject.model)
        self.call_seconds = self.lap_seconds = 0.0
        """Seconds of one batch of the data, and of one run in a trial, by the original."""
        self.varies: float | None = None
        """Share of the examples that the original answers differently when asked again; None where it does not."""
        self._in_one_thread = False
        """Whether others used the machine at the beginning."""
        self.carries = False
        """Whether the original's answers depend on what it keeps between calls, and on nothing that it draws."""
        self.wavering = 0.0
        self.constant: Constant | None = None
        """What the original is no better than on the choosing examples; None where it is."""
        self.doing = "the original"
        self.overran = ""
        """What ran when the time was up, as far as that was seen."""
        self.runtimes = Runtimes(lambda: self.case(0.0))

    def begin(self) -> None:
        """Look at the original, on as much as the time allows."""
        self.tell("the original")
        self._in_one_thread = self._is_crowded()
        self.material = self._affordable(self.material)
        wanted, pairs = self.workload.new_tokens, LEAST_PAIRS * BESIDE
        self.workload = self.workload.within(FINAL_SHARE * self.seconds / pairs)
        if self.workload.new_tokens < wanted:
            note = f"{self.workload.new_tokens} new tokens are written, not {wanted}: the time allowed no more."
            self.material = replace(self.material, notes=(*self.material.notes, note))
        self.lap_seconds = FINAL_SHARE * self.seconds / pairs
        if not wanted:
            runner, began, cpu = self.workload.runner(self.subject.model), deadline.now(), time.process_time()
            runner.run(0)
            took, cpu = deadline.now() - began, time.process_time() - cpu
            # Beside others a lap that can be read takes many times as long as the processor works for it.
            self.lap_seconds = max(took, SHORT_SECONDS * took / max(1e-6, cpu, 0.2 * took))
        asked = self.material.select[: max(1, int(SELECT_SHARE * self.seconds / max(1e-6, 2 * self.call_seconds)))]
        with self.undisturbed():
            self.varies = share_that_varies(self.subject, asked, self.tick)
            if self.varies is not None:
                drawn = share_that_varies(self.subject, asked, self.tick, put_back=True)
                self.carries, self.varies = drawn is None, drawn and self.varies
        self.parts, self.references, self.wavering = self.of_original(self.material.select)
        if self.subject.fingerprint() != self.fingerprint:
            raise ShrinkError(
                "Your model changes its own parameters when it is called; hand over one that doesn't learn."
            )
        self.constant = without_skill(self.metric, self.parts, self.material.select)
        if not math.isfinite(self.metric.value(self.parts)):
            raise ShrinkError(
                f"The metric {self.metric.name} is no number for your own model; nothing can be judged by it."
            )

    def _is_crowded(self) -> bool:
        """Look for a moment whether others use the machine."""
        import torch

        if self.gauge.measures or torch.get_num_threads() == 1:
            return False
        began, before = deadline.now(), self.gauge.others()
        time.sleep(LOOKED_SECONDS)
        used = share_of_others(before, self.gauge.others(), deadline.now() - began)
        return crowded("cpu_seconds", used, torch.get_num_threads())

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Let what is not timed be done in one thread where others use the machine, since threads wait by spinning.

        It was found at the beginning and holds for the whole search: sums of other threads differ in the last digits.
        """
        with in_threads(1) if self._in_one_thread else nullcontext():
            yield

    def _affordable(self, material: DataSplits) -> DataSplits:
        """Return as much to choose and judge by as the time allows; nothing of it has been looked at yet."""
        self.asked(self.subject.model, material.select[:1])
        once, few = self._seconds_of(material.select[0]), LEAST_BATCHES // 2
        if once * few > SELECT_SHARE * self.seconds:
            # One batch is so dear that a few would take all of the time, as with long texts: fewer examples at once.
            most = max(batch.size for batch in material.select)
            size = max(1, int(most * SELECT_SHARE * self.seconds / (once * few)))
            less = self._seconds_of(material.select[0].part(0, size))
            if less * most < once * size * CHEAPER:
                material = replace(material, select=smaller(material.select, size), judge=smaller(material.judge, size))
                once = less
            else:
                few = 1  # a call is as dear with fewer examples: then fewer calls
        self.call_seconds = once
        select, judge = (max(few, int(share * self.seconds / once)) for share in (SELECT_SHARE, JUDGE_SHARE))
        wanted = -(-LEAST_JUDGED // max(batch.size for batch in material.select))
        judge = max(judge, min(wanted, int(MOST_JUDGING / 4 * self.seconds / once)))
        chosen = list(material.select[:select])
        # What is of one group stays in one part, so nothing is taken over from another where there are groups.
        spare = material.select[select:] if groups_of(material.select) is None else []
        judged = [*material.judge, *spare][:judge]
        left = sum(b.size for b in (*material.select, *material.judge)) - sum(b.size for b in (*chosen, *judged))
        note = (f"{left:,} examples were not looked at: the time allowed no more.",) if left > 0 else ()
        return replace(material, select=chosen, judge=judged, notes=(*material.notes, *note))

    def _seconds_of(self, batch: Batch) -> float:
        began = deadline.now()
        self.asked(self.subject.model, [batch])
        return max(1e-6, deadline.now() - began)

    @property
    def trial_seconds(self) -> float:
        """What it takes at least to tell the cost of one candidate beside the original's: warm, timed, and in turn."""
        return 2 * (2 + LEAST_PAIRS) * self.lap_seconds

    @property
    def judging_seconds(self) -> float:
        """What it takes to judge one candidate on all examples kept for that; at most `MOST_JUDGING` of the time."""
        asked = self.call_seconds * len(self.material.judge) * (1 + (1 if self.varies is None else REPEATED))
        return min(MOST_JUDGING * self.seconds, asked + self.trial_seconds)

    def asked(self, model: Any, batches: Sequence[Batch], references: Sequence[Any] | None = None) -> Any:
        """Run a model over batches, and put back what it holds beside its parameters."""
        with self.subject.kept(model), self.undisturbed():
            return evaluate(self.subject, model, batches, self.metric, references, tick=self.tick)

    def of_original(self, batches: Sequence[Batch]) -> tuple[np.ndarray, list[Any], float]:
        """Return the original's parts, what is kept of its outputs, and by how much its repeats differ."""
        if self.varies is None:
            return (*self.asked(self.subject.model, batches), 0.0)
        with self.undisturbed():
            return repeated(self.subject, batches, self.metric, self.tick)

    def loss(self, base: np.ndarray, parts: np.ndarray, wavering: float, batches: Sequence[Batch]) -> Loss:
        """Return the loss on the first examples of some batches; the original's own variation is in its interval."""
        groups = groups_of(batches)
        found = loss_by_group(self.metric, base, parts, None if groups is None else groups[: len(parts)])
        if self.varies is None:
            return found
        return replace(found, low=found.low - wavering, high=found.high + wavering, same=False)

    @property
    def spent(self) -> float:
        """Seconds since the beginning."""
        return deadline.now() - self.began

    @property
    def others(self) -> float | None:
        """Share of the machine that others used since the beginning; None where it can't be told."""
        return share_of_others(self._others, self.gauge.others(), self.spent)

    def tell(self, what: str) -> None:
        """Say what is done now."""
        if not self.overran and self.spent > self.seconds:
            self.overran = self.doing
        self.doing = what
        self.tick()

    def tick(self) -> None:
        """Move the progress bar."""
        self.say(self.doing, self.spent / self.seconds)

    def case(self, seconds: float, *, copy: bool = True) -> RecipeContext:
        """Return what a recipe gets: a copy of its own, unless it is only asked whether it applies."""
        subject = replace(self.subject, model=self.subject.copy()) if copy else self.subject
        tune, labelled = self.material.tune, self.material.labelled
        one = self.workload.batches[0]
        return RecipeContext(subject, self.subject, tune, labelled, self.metric, seconds, self.options, self.tick, one)

    # ---- one candidate --------------------------------------------------------------------------

    def look(self, model: Any) -> tuple[Loss, float]:
        """Return a model's loss and score on the choosing examples.

        It stops at a quarter of them where more than is accepted is lost already.
        """
        loss, done = self._seen(model)
        return loss, self.metric.value(done)

    def _seen(self, model: Any) -> tuple[Loss, np.ndarray]:
        """Return a model's loss, and what it stands on."""
        import numpy as np

        assert self.parts is not None
        batches = self.material.select
        # What is kept from batch to batch has to come as it came to the original: from the first on, and all at once.
        first = len(batches) if self.carries else max(1, len(batches) // FIRST_LOOK)
        while first < len(batches) and sum(batch.size for batch in batches[:first]) < LEAST_LOOKED:
            first += 1  # an interval of one example has no width
        parts: list[Any] = []
        for begin, end in ((0, first), (first, len(batches))):
            if begin == end:
                break
            some, kept = batches[begin:end], self.references[begin:end]
            parts.append(self.asked(model, some, kept)[0])
            done = np.concatenate(parts)
            loss = self.loss(self.parts[: len(done)], done, self.wavering, self.material.select)
            if loss.beyond(self.max_loss):
                break
        return loss, done

    def _against(self, control: Any, done: np.ndarray) -> Loss:
        """Return the loss against an equally trained original, which is looked at once, whatever is made of it."""
        if self._trained is None or self._trained[0] is not control:
            select = self.material.select
            parts, _ = self.asked(control, select, self.references)
            self._trained = control, parts
            self._note_control(parts)
        return self.loss(self._trained[1][: len(done)], done, self.wavering, self.material.select)

    def consider(self, name: str, product: RecipeResult, control: Any) -> bool:
        """Look at the loss, then at the cost; return whether its loss is likely to be accepted."""
        self.tell(name)
        self.runtimes.remember(product)
        reason = self.workload.against(product.model)
        if reason is not None:
            self.drop(name, "dropped", reason, product)
            return False
        loss, done = self._seen(product.model)
        score = self.metric.value(done)
        against = None if control is None else self._against(control, done)
        worst = max((x for x in (loss, against) if x is not None), key=lambda x: x.low)
        if worst.beyond(self.max_loss):
            beside = " against the equally trained original" if worst is against else ""
            said = f"It loses more than is accepted{beside}, seen on {worst.examples:,} examples."
            self.drop(name, "dropped", said, product, loss=loss, score=score, against=against)
            return False
        entry = AcceptedCandidate(name, product, loss, score, UNTRIED, against, control)
        return self._settle(entry)

    def again(self) -> None:
        """Try once more what could not be told, the cheapest first: the machine may be quieter by now."""
        waiting = sorted(self._untold, key=lambda entry: entry.outcome.cost.cpu_seconds)[:TRIED_AGAIN]
        self._untold = []
        for place, entry in enumerate(waiting):
            self.tell(f"{entry.name}, once more")
            rows = self.rows
            self.rows = [row for row in rows if row.name != entry.name]
            try:
                self._settle(entry)
            except (KeyboardInterrupt, TimeIsUp):
                # What was told of it before still holds.
                left = [one for one in self._untold if one is not entry]
                self.rows, self._untold = rows, [*left, *waiting[place:]]
                raise

    def last_chance(self) -> None:
        """Let the cheapest of what can't be told be judged where it looks cheaper than all others.

        Without any other, that may be one whose cost there was no time to look at.
        """
        examples = independent(self.material.judge)
        hopeful = [entry for entry in self._untold if entry.outcome.cost.cpu_seconds > 0]
        if self.entries:
            least = min(entry.cost for entry in self.entries)
            hopeful = [e for e in hopeful if e.cost < least and e.expected_high(examples) <= self.max_loss]
        elif not hopeful:
            hopeful = self._untold
        if not hopeful:
            return
        entry = min(hopeful, key=lambda entry: (entry.cost, entry.outcome.cost.cpu_seconds))
        self.rows = [row for row in self.rows if row.name != entry.name]
        self.entries.append(entry)

    def _settle(self, entry: AcceptedCandidate) -> bool:
        """Look at the cost of a candidate whose loss may be accepted, and keep it or drop it."""
        import torch

        name, product = entry.name, entry.product
        try:
            trial = self.try_out(name, product.model, CHOOSING_ROUNDS)
        except TimeIsUp:
            self._untold.append(entry)  # its loss may be accepted, so it may be judged all the same
            raise
        outcome = entry.outcome = told(trial, name, ALONE, torch.get_num_threads()).outcome
        if outcome.verdict == "less":
            self.entries.append(entry)
            examples = independent(self.material.judge)
            return entry.expected_high(examples) <= self.max_loss
        if outcome.verdict == "can't tell":
            self._untold.append(entry)
        if outcome.verdict == "more":
            self.runtimes.forget(product)
        said = {
            "more": f"It {'costs more' if outcome.dearer else 'takes more processor time'} than the original"
            f"{'' if outcome.ratio is not None else f', {outcome.reason}'}.",
            "no difference": f"No less cost is proven: {outcome.reason}.",
            "can't tell": outcome.reason,
        }[outcome.verdict]
        self.drop(
            name,
            "dropped",
            said,
            product,
            loss=entry.loss,
            score=entry.score,
            against=entry.against_control,
            outcome=outcome,
        )
        return True

    def try_out(self, name: str, model: Any, rounds: int) -> Trial:
        """Run a model and the original in turn, as briefly as choosing allows; on a busy machine in one thread too."""
        models = {"original": self.subject.model, name: model}
        runners = {who: self.workload.runner(made, CHOOSING_TOKENS) for who, made in models.items()}

        def alone() -> Runner:
            return self.workload.runner(self.subject.model, CHOOSING_TOKENS, threads=1)

        return self.in_turn(runners, alone, seconds=self.seconds * TRIAL_SHARE, rounds=rounds, drop=name)

    def in_turn(self, runners: dict[str, Runner], alone: Callable[[], Runner] | None, **options: Any) -> Trial:
        """Run in turn, the original in one thread too where others use the machine: `alone` makes that runner.

        Where they only came meanwhile, it is done once more: without it nothing could be told.
        """
        import torch

        threads = torch.get_num_threads()
        if alone is not None and may_wait(self.gauge.measures, self.others, threads):
            runners, alone = {**runners, ALONE: alone()}, None
        trial = run_trial(runners, self.gauge, tick=self.tick, **options)
        if alone is not None and crowded(trial.basis, trial.others, threads):
            trial = run_trial({**runners, ALONE: alone()}, self.gauge, tick=self.tick, **options)
        return trial

    def lost(self, name: str) -> bool:
        """Whether a candidate was dropped for its loss, its cost not looked at."""
        return any(row.name == name and row.loss is not None and row.cost is None for row in self.rows)

    def outdone(self, name: str) -> bool:
        """Whether another candidate, whose loss is likely to be accepted, costs no more than this one does already."""
        examples = independent(self.material.judge)
        mine = next((entry.cost for entry in self.entries if entry.name == name), 0.0)
        others = [entry for entry in self.entries if entry.name != name]
        return any(e.cost <= mine and e.expected_high(examples) <= self.max_loss for e in others)

    def _note_control(self, parts: np.ndarray) -> None:
        if any(row.standing == "control" for row in self.rows):
            return
        assert self.parts is not None
        said = "The extra training alone; what was trained is held against this too."
        loss = self.loss(self.parts, parts, self.wavering, self.material.select)
        self.rows.append(ResultRow("original, trained on", "control", said, None, loss, self.metric.value(parts)))

    # ---- rows -----------------------------------------------------------------------------------

    def see_that_the_original_is_whole(self, name: str) -> None:
        """Put back its state; raise ShrinkError where the original's parameters are not what they were."""
        self._state.put_back()
        if self.subject.fingerprint() != self.fingerprint:
            raise ShrinkError(f"Recipe {name} changed the original model, which none may; load your model again.")

    def remark(self, name: str, said: str) -> None:
        """Note a sentence on a candidate."""
        self.remarks.setdefault(name, []).append(said)

    def drop(
        self,
        name: str,
        standing: Any,
        reason: str,
        product: RecipeResult | None = None,
        *,
        loss: Loss | None = None,
        score: float | None = None,
        against: Loss | None = None,
        outcome: Outcome | None = None,
    ) -> None:
        """Add the row of what is not kept."""
        self.rows.append(
            ResultRow(
                name,
                standing,
                reason,
                None if outcome is None else outcome.ratio,
                loss,
                score,
                None if outcome is None else outcome.cost,
                None if product is None else product.size_bytes,
                against,
                () if product is None else notes_of(product),
                "" if product is None else product.runtime,
            )
        )


def notes_of(product: RecipeResult) -> tuple[str, ...]:
    """Return what should be known of a product, its training last."""
    training = product.training
    if training is None:
        return product.notes
    return (*product.notes, f"{training.steps} steps of distillation{', also on labels' if training.labels else ''}.")
