"""Evaluate one candidate at a time: its loss on the validation split first, then its cost in a benchmark.

Poor candidates are rejected early. The loss is first evaluated on a quarter of the validation split, and a candidate
that already loses significantly more than is accepted is dropped. A benchmark stops once the candidate is sure to cost
more. Early stopping only rejects; it never accepts.
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
from jupyter_green.compression.quality.skill import Constant, constant_of, without_share, without_skill
from jupyter_green.compression.quality.variation import repeated, share_that_varies
from jupyter_green.compression.reasons import Reason
from jupyter_green.compression.recipes.recipe import Recipe, RecipeContext, RecipeResult
from jupyter_green.compression.result import ResultRow

from .candidate import AcceptedCandidate
from .runtime_baselines import Runtimes

if TYPE_CHECKING:
    import numpy as np

TRIAL_SHARE = 0.04
"""Share of the time budget for one candidate's benchmark."""
SELECT_SHARE, JUDGE_SHARE = 0.02, 0.06
"""Shares of the time budget for one model's pass over the validation split and over the test split."""
FINAL_SHARE = 0.25
"""Share of the time budget for the final benchmark, the test split and the reload check."""
SEARCH_SHARE = 0.85
"""Share of the time budget after which the search stops. What began before 1 - `FINAL_SHARE` may run until then."""
BESIDE = 3.5
"""Length of a round of the final benchmark, in runs of the original.

A round runs the original, the original in the candidate's runtime and in bfloat16, and the candidate.
"""
CHOOSING_ROUNDS = 12
UNTRIED = Outcome("can't tell", None, Reason("not benchmarked"), Cost(None, None, 0.0, 0.0))
TRIED_AGAIN = 3
"""At most this many candidates whose cost was inconclusive are benchmarked a second time."""
FIRST_LOOK = 4
"""Early stopping first evaluates 1/`FIRST_LOOK` of the validation split."""
LEAST_LOOKED = 8
"""Minimum number of examples for early stopping."""
LEAST_JUDGED = 400
"""Number of test examples wanted where an eighth of the time budget suffices for them.

A loss of at most 1 point takes 381 examples to prove even where nothing is lost.
"""
CHEAPER = 1.5
"""A smaller batch is worth it if its time per example is at most this many times that of the larger batch."""
REPEATED = 3
"""How many times a nondeterministic original is evaluated on all examples."""
LOOKED_SECONDS = 0.2
"""Seconds for which the load from other processes is observed."""
MOST_JUDGING = 0.5
"""Largest share of the time budget that is reserved for the test split, where the model is slow."""


class CandidateEvaluator:
    """Evaluates candidates and keeps the results; the original is never changed.

    `gauge` measures energy, processor time and wall time of each run, `workload` is what one inference is. `seconds` is
    the time budget of the whole search, which began at `began`, by `deadline.now`. `max_loss` is in the metric's unit.
    `options` are ``ratio``, ``layers`` and ``form``, passed to the recipes together with the workload's ``new_tokens``.
    `say` is called with the current activity and the share of the time budget that has passed.
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
        """Seconds of the original for one batch of the data, and for one run of a benchmark."""
        self.varies: float | None = None
        """Share of the examples that the original answers differently on a second call; None if it is deterministic."""
        self._in_one_thread = False
        """Whether other processes used the processor when the search began."""
        self.carries = False
        """Whether the original's answers depend on state that it keeps between calls, and not on random numbers."""
        self.repeat_variation = 0.0
        self.constant: Constant | None = None
        """The constant answer that the original does not beat on the validation split; None if it beats them all."""
        self.doing = "the original"
        self.overran = ""
        """The activity during which the time budget ran out, if that was observed."""
        self.runtimes = Runtimes(lambda: self.case(0.0))

    def begin(self) -> None:
        """Evaluate the original, on as many examples as the time budget allows."""
        self.tell("the original")
        self._in_one_thread = self._is_crowded()
        self.material = self._affordable(self.material)
        wanted_tokens, pairs = self.workload.new_tokens, LEAST_PAIRS * BESIDE
        self.workload = self.workload.within(FINAL_SHARE * self.seconds / pairs)
        if self.workload.new_tokens < wanted_tokens:
            note = f"{self.workload.new_tokens} new tokens are written, not {wanted_tokens}: the time allowed no more."
            self.material = replace(self.material, notes=(*self.material.notes, note))
        self.lap_seconds = FINAL_SHARE * self.seconds / pairs
        if not wanted_tokens:
            runner, began, cpu_seconds = self.workload.runner(self.subject.model), deadline.now(), time.process_time()
            runner.run(0)
            elapsed, cpu_seconds = deadline.now() - began, time.process_time() - cpu_seconds
            # On a busy machine a run that is long enough in processor time takes several times as long in wall time.
            self.lap_seconds = max(elapsed, SHORT_SECONDS * elapsed / max(1e-6, cpu_seconds, 0.2 * elapsed))
        batches = self.material.select[: max(1, int(SELECT_SHARE * self.seconds / max(1e-6, 2 * self.call_seconds)))]
        with self.single_thread_if_busy():
            self.varies = share_that_varies(self.subject, batches, self.tick)
            if self.varies is not None:
                varies_when_seeded = share_that_varies(self.subject, batches, self.tick, put_back=True)
                self.carries, self.varies = varies_when_seeded is None, varies_when_seeded and self.varies
        self.parts, self.references, self.repeat_variation = self.of_original(self.material.select)
        if self.subject.fingerprint() != self.fingerprint:
            raise ShrinkError(
                "Your model changes its own parameters when it is called; hand over one that doesn't learn."
            )
        self.constant = without_skill(self.metric, self.parts, self.material.select)
        if not math.isfinite(self.metric.value(self.parts)):
            raise ShrinkError(
                f"The metric {self.metric.name} is no number for your own model; nothing can be judged by it."
            )
        constant = constant_of(self.metric, self.parts, self.material.select)
        refusal = without_share(self.metric, self.metric.value(self.parts), constant, "your model")
        if refusal is not None:
            raise ShrinkError(f"{refusal[0].upper()}{refusal[1:]}.")

    def _is_crowded(self) -> bool:
        """Observe briefly whether other processes use the processor."""
        import torch

        if self.gauge.measures or torch.get_num_threads() == 1:
            return False
        began, before = deadline.now(), self.gauge.others()
        time.sleep(LOOKED_SECONDS)
        others_share = share_of_others(before, self.gauge.others(), deadline.now() - began)
        return crowded("cpu_seconds", others_share, torch.get_num_threads())

    @contextmanager
    def single_thread_if_busy(self) -> Iterator[None]:
        """Compute in a single thread where the machine is busy, since waiting threads spin. Not for timed runs.

        The decision is made once for the whole search: floating-point sums depend on the number of threads.
        """
        with in_threads(1) if self._in_one_thread else nullcontext():
            yield

    def _affordable(self, material: DataSplits) -> DataSplits:
        """Return splits that are small enough for the time budget; no example has been evaluated yet."""
        self.asked(self.subject.model, material.select[:1])
        batch_seconds, fewest_batches = self._seconds_of(material.select[0]), LEAST_BATCHES // 2
        if batch_seconds * fewest_batches > SELECT_SHARE * self.seconds:
            # A few batches alone would take all of the time, as with long texts: use smaller batches.
            largest = max(batch.size for batch in material.select)
            size = max(1, int(largest * SELECT_SHARE * self.seconds / (batch_seconds * fewest_batches)))
            smaller_seconds = self._seconds_of(material.select[0].part(0, size))
            if smaller_seconds * largest < batch_seconds * size * CHEAPER:
                material = replace(material, select=smaller(material.select, size), judge=smaller(material.judge, size))
                batch_seconds = smaller_seconds
            else:
                fewest_batches = 1  # smaller batches are no faster, so use fewer of them
        self.call_seconds = batch_seconds
        select, judge = (
            max(fewest_batches, int(share * self.seconds / batch_seconds)) for share in (SELECT_SHARE, JUDGE_SHARE)
        )
        wanted_batches = -(-LEAST_JUDGED // max(batch.size for batch in material.select))
        judge = max(judge, min(wanted_batches, int(MOST_JUDGING / 4 * self.seconds / batch_seconds)))
        select_batches = list(material.select[:select])
        # Groups must not be divided between splits, so nothing moves to the test split where there are groups.
        spare = material.select[select:] if groups_of(material.select) is None else []
        judge_batches = [*material.judge, *spare][:judge]
        unused = sum(b.size for b in (*material.select, *material.judge)) - sum(
            b.size for b in (*select_batches, *judge_batches)
        )
        note = (f"{unused:,} examples were not looked at: the time allowed no more.",) if unused > 0 else ()
        return replace(material, select=select_batches, judge=judge_batches, notes=(*material.notes, *note))

    def _seconds_of(self, batch: Batch) -> float:
        began = deadline.now()
        self.asked(self.subject.model, [batch])
        return max(1e-6, deadline.now() - began)

    @property
    def trial_seconds(self) -> float:
        """Minimum seconds to compare a candidate's cost with the original's: warm-up, timing and paired runs."""
        return 2 * (2 + LEAST_PAIRS) * self.lap_seconds

    @property
    def test_seconds(self) -> float:
        """Seconds to test one candidate on the whole test split; at most `MOST_JUDGING` of the time budget."""
        evaluation = self.call_seconds * len(self.material.judge) * (1 + (1 if self.varies is None else REPEATED))
        return min(MOST_JUDGING * self.seconds, evaluation + self.trial_seconds)

    def asked(self, model: Any, batches: Sequence[Batch], references: Sequence[Any] | None = None) -> Any:
        """Evaluate a model on batches, and restore its buffers and other state afterwards.

        The original always begins in the state in which the search found it, whatever called it meanwhile.
        """
        if model is self.subject.model:
            self._state.put_back()
        with self.subject.kept(model), self.single_thread_if_busy():
            return evaluate(self.subject, model, batches, self.metric, references, tick=self.tick)

    def of_original(self, batches: Sequence[Batch]) -> tuple[np.ndarray, list[Any], float]:
        """Return the original's per-example parts, its outputs to compare with, and its variation on repetition."""
        self._state.put_back()
        if self.varies is None:
            return (*self.asked(self.subject.model, batches), 0.0)
        with self.single_thread_if_busy():
            return repeated(self.subject, batches, self.metric, self.tick)

    def loss(self, base: np.ndarray, parts: np.ndarray, repeat_variation: float, batches: Sequence[Batch]) -> Loss:
        """Return the loss on the first `len(parts)` examples; the interval includes the original's own variation."""
        groups = groups_of(batches)
        loss = loss_by_group(self.metric, base, parts, None if groups is None else groups[: len(parts)])
        if self.varies is None:
            return loss
        return replace(loss, low=loss.low - repeat_variation, high=loss.high + repeat_variation, same=False)

    @property
    def spent(self) -> float:
        """Seconds since the beginning."""
        return deadline.now() - self.began

    @property
    def others(self) -> float | None:
        """Share of the processor that others used since the beginning; None if unknown."""
        return share_of_others(self._others, self.gauge.others(), self.spent)

    def tell(self, what: str) -> None:
        """Report the current activity."""
        if not self.overran and self.spent > self.seconds:
            self.overran = self.doing
        self.doing = what
        self.tick()

    def tick(self) -> None:
        """Move the progress bar."""
        self.say(self.doing, self.spent / self.seconds)

    def case(self, seconds: float, *, copy: bool = True) -> RecipeContext:
        """Return a recipe's context, with a copy of the model unless it is only for `applies`."""
        self._state.put_back()
        subject = replace(self.subject, model=self.subject.copy()) if copy else self.subject
        tune, labelled = self.material.tune, self.material.labelled
        inference = self.workload.batches[0]
        return RecipeContext(
            subject, self.subject, tune, labelled, self.metric, seconds, self.options, self.tick, inference
        )

    # ---- one candidate --------------------------------------------------------------------------

    def look(self, model: Any) -> tuple[Loss, float]:
        """Return a model's loss and score on the validation split.

        If the loss on the first quarter is already significantly more than accepted, the rest is not evaluated.
        """
        loss, done = self._seen(model)
        return loss, self.metric.value(done)

    def _seen(self, model: Any) -> tuple[Loss, np.ndarray]:
        """Return a model's loss, and the per-example parts from which it was computed."""
        import numpy as np

        assert self.parts is not None
        batches = self.material.select
        # A stateful model must see the batches as the original did: in one pass from the first batch.
        first = len(batches) if self.carries else max(1, len(batches) // FIRST_LOOK)
        while first < len(batches) and sum(batch.size for batch in batches[:first]) < LEAST_LOOKED:
            first += 1  # the interval of a single example has no width
        parts: list[Any] = []
        for begin, end in ((0, first), (first, len(batches))):
            if begin == end:
                break
            chunk, references = batches[begin:end], self.references[begin:end]
            parts.append(self.asked(model, chunk, references)[0])
            evaluated = np.concatenate(parts)
            loss = self.loss(self.parts[: len(evaluated)], evaluated, self.repeat_variation, self.material.select)
            if loss.beyond(self.max_loss):
                break
        return loss, evaluated

    def _against(self, control: Any, done: np.ndarray) -> Loss:
        """Return the loss against an equally trained original, which is evaluated once per structure."""
        if self._trained is None or self._trained[0] is not control:
            select = self.material.select
            parts, _ = self.asked(control, select, self.references)
            self._trained = control, parts
            self._note_control(parts)
        return self.loss(self._trained[1][: len(done)], done, self.repeat_variation, self.material.select)

    def consider(self, name: str, product: RecipeResult, control: Any) -> bool:
        """Evaluate the loss, then the cost; return whether the loss is likely to be accepted."""
        self.tell(name)
        self.runtimes.remember(product)
        unsupported = self.workload.against(product.model)
        if unsupported is not None:
            self.drop(name, "dropped", Reason("not applicable", detail=unsupported), product)
            return False
        loss, evaluated = self._seen(product.model)
        score = self.metric.value(evaluated)
        against = None if control is None else self._against(control, evaluated)
        worst = max((x for x in (loss, against) if x is not None), key=lambda x: x.low)
        if worst.beyond(self.max_loss):
            reason = Reason("loses more", examples=worst.examples, against_control=worst is against)
            self.drop(name, "dropped", reason, product, loss=loss, score=score, against=against)
            return False
        entry = AcceptedCandidate(name, product, loss, score, UNTRIED, against, control)
        return self._settle(entry)

    def again(self) -> None:
        """Benchmark again the cheapest candidates whose cost was inconclusive: the machine may be idle by now."""
        waiting = sorted(self._untold, key=lambda entry: entry.outcome.cost.cpu_seconds)[:TRIED_AGAIN]
        self._untold = []
        for place, entry in enumerate(waiting):
            self.tell(f"{entry.name}, once more")
            rows = self.rows
            self.rows = [row for row in rows if row.name != entry.name]
            try:
                self._settle(entry)
            except (KeyboardInterrupt, TimeIsUp):
                # The first results remain valid.
                others = [candidate for candidate in self._untold if candidate is not entry]
                self.rows, self._untold = rows, [*others, *waiting[place:]]
                raise

    def accept_inconclusive(self) -> None:
        """Accept the cheapest inconclusive candidate for the test if it looks cheaper than all accepted ones.

        If none was accepted, that may be a candidate whose cost there was no time to measure.
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
        """Benchmark a candidate whose loss may be accepted, then accept or drop it."""
        import torch

        name, product = entry.name, entry.product
        try:
            trial = self.benchmark(name, product.model, CHOOSING_ROUNDS)
        except TimeIsUp:
            self._untold.append(entry)  # its loss may be accepted, so it can still be tested
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
        reasons = {
            "more": Reason(
                "costs more", cause=outcome.reason if outcome.ratio is None else None, energy=outcome.dearer
            ),
            "no difference": Reason("not less", cause=outcome.reason),
            "can't tell": outcome.reason,
        }
        self.drop(
            name,
            "dropped",
            reasons[outcome.verdict],
            product,
            loss=entry.loss,
            score=entry.score,
            against=entry.against_control,
            outcome=outcome,
        )
        return True

    def benchmark(self, name: str, model: Any, rounds: int) -> Trial:
        """Benchmark a model beside the original, briefly; on a busy machine also the original in a single thread."""
        models = {"original": self.subject.model, name: model}
        runners = {who: self.workload.runner(made, CHOOSING_TOKENS) for who, made in models.items()}

        def alone() -> Runner:
            return self.workload.runner(self.subject.model, CHOOSING_TOKENS, threads=1)

        return self.in_turn(runners, alone, seconds=self.seconds * TRIAL_SHARE, rounds=rounds, drop=name)

    def in_turn(self, runners: dict[str, Runner], alone: Callable[[], Runner] | None, **options: Any) -> Trial:
        """Benchmark interleaved; on a busy machine also the original in a single thread, made by `alone`.

        If the machine only became busy during the benchmark, it is repeated: otherwise its result would be
        inconclusive.
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
        """Whether a candidate was dropped for its loss, before its cost was measured."""
        return any(row.name == name and row.loss is not None and row.cost is None for row in self.rows)

    def is_dominated(self, name: str) -> bool:
        """Whether another candidate with a loss likely to be accepted costs no more than this one."""
        examples = independent(self.material.judge)
        own_cost = next((entry.cost for entry in self.entries if entry.name == name), 0.0)
        others = [entry for entry in self.entries if entry.name != name]
        return any(e.cost <= own_cost and e.expected_high(examples) <= self.max_loss for e in others)

    def _note_control(self, parts: np.ndarray) -> None:
        if any(row.standing == "control" for row in self.rows):
            return
        assert self.parts is not None
        loss = self.loss(self.parts, parts, self.repeat_variation, self.material.select)
        self.rows.append(
            ResultRow("original, trained on", "control", Reason("control"), None, loss, self.metric.value(parts))
        )

    # ---- rows -----------------------------------------------------------------------------------

    def check_original_unchanged(self, name: str) -> None:
        """Restore the original's state. Raises ShrinkError if the original's parameters have changed."""
        self._state.put_back()
        if self.subject.fingerprint() != self.fingerprint:
            raise ShrinkError(f"Recipe {name} changed the original model, which none may; load your model again.")

    def remark(self, name: str, said: str) -> None:
        """Add a sentence to a candidate's remarks."""
        self.remarks.setdefault(name, []).append(said)

    def drop(
        self,
        name: str,
        standing: Any,
        reason: Reason,
        product: RecipeResult | None = None,
        *,
        loss: Loss | None = None,
        score: float | None = None,
        against: Loss | None = None,
        outcome: Outcome | None = None,
    ) -> None:
        """Add the row of a rejected candidate."""
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
    """Return a result's notes, those on its training last."""
    training = product.training
    if training is None:
        return product.notes
    return (*product.notes, f"{training.steps} steps of distillation{', also on labels' if training.labels else ''}.")
