"""The final evaluation: a short list fixed beforehand is benchmarked again and tested on unused examples.

The test split is used once: shortlisted candidates are tested for non-inferiority in a fixed order until one fails,
which keeps the family-wise error at 5 % (Maurer, Hothorn, Lehmacher 1995). The order depends on losses alone; an
inconclusive cost does not stop it. Of the candidates whose loss is proven, the cheapest one whose cost is proven too is
kept. It is saved, loaded in a fresh process and compared.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from jupyter_green.compression.cost.ratio import Ratio, paired_ratio
from jupyter_green.compression.cost.thread_spin_guard import ALONE, told
from jupyter_green.compression.cost.trial import AIMED_ROUNDS, FEWEST_ROUNDS, MOST_ROUNDS, Outcome, Runner, Trial
from jupyter_green.compression.data.batch import Batch, independent
from jupyter_green.compression.data.groups import classes_by_group, groups_of
from jupyter_green.compression.errors import RAISED, ShrinkError, why
from jupyter_green.compression.model.workload import CHOOSING_TOKENS, PROMPT
from jupyter_green.compression.process import deadline
from jupyter_green.compression.process.deadline import TimeIsUp
from jupyter_green.compression.quality.loss import Loss
from jupyter_green.compression.reasons import Code, Reason
from jupyter_green.compression.report.messages import sentence
from jupyter_green.compression.store.reload_check import inspect

from .candidate import AcceptedCandidate, FinalEvaluation
from .evaluator import BESIDE, FINAL_SHARE, REPEATED, SEARCH_SHARE, UNTRIED
from .runtime_baselines import threads_of

if TYPE_CHECKING:
    import numpy as np

    from .search import Search

LISTED = 4
"""Maximum length of the short list, whose candidates are tested in turn."""
INSPECTED_FROM = 30.0
"""Time budget in seconds from which the reload check is run; starting its process alone takes several."""
CHECK_GRACE, CHECK_SECONDS = 5.0, 8.0
"""Seconds that the reload check may exceed the time budget by, and its minimum duration."""
INTERRUPTED = Reason("interrupted before the test")
TOO_LATE = Reason("not tested in time")
TOO_EARLY = Reason("no time for the original")
RUNTIME, BF16, THREADS = "runtime", "bf16", "threads"


def shortlist(entries: Sequence[AcceptedCandidate], examples: int, max_loss: float) -> list[AcceptedCandidate]:
    """Return at most `LISTED` entries, safest first, fixed before the test split is used.

    Each costs less than the one before it, and its loss is less certain to be accepted. If the last is not proven, the
    one before it may be. So the last may be one that is unlikely to pass, provided that its estimated loss is accepted.
    """
    by_cost = sorted(entries, key=lambda entry: (entry.cost, entry.name))
    likely = [entry for entry in by_cost if entry.expected_high(examples) <= max_loss]
    listed: list[AcceptedCandidate] = []
    for entry in likely or by_cost:
        if not listed or entry.expected_high(examples) < listed[-1].expected_high(examples):
            listed.append(entry)
    bolder = [e for e in by_cost if e.lost <= max_loss < e.expected_high(examples) and e.cost < listed[0].cost]
    bold = sorted(bolder, key=lambda entry: entry.expected_high(examples))[:1] if likely else []
    # Keep the safest and the cheapest; of those between, drop the safer.
    most_likely = LISTED - len(bold)
    listed = listed if len(listed) <= most_likely else [*listed[: most_likely - 1], listed[-1]]
    return [*listed[::-1], *bold]


class OriginalFails(ShrinkError):
    """The original itself fails on a test example."""


@dataclass(frozen=True)
class _Evaluated:
    """A candidate's loss on the test split, before its final benchmark."""

    entry: AcceptedCandidate
    base: np.ndarray
    """The original's per-example parts."""
    parts: np.ndarray
    loss: Loss
    against: Loss | None
    same: bool
    """Whether it computes numerically equal outputs, so that no loss has to be proven."""
    passed: bool


def evaluate_shortlist(search: Search) -> FinalEvaluation:
    """Evaluate the short list on the test split; an interrupt leaves the best candidate so far, unproven."""
    if not search.interrupted:
        search.accept_inconclusive()
    end = search.began + search.seconds
    judged = _that_fit(search, end)
    chosen = shortlist(search.entries, independent(judged), search.max_loss)
    if not chosen:
        reason = TOO_EARLY if search.parts is None and not search.interrupted else None
        inconclusive = (row.why for row in search.rows if row.why.inconclusive)
        return FinalEvaluation(None, reason=next(inconclusive, reason))
    if search.interrupted:
        return _unjudged(chosen, INTERRUPTED)
    passed: list[_Evaluated] = []
    refused: dict[str, Reason] = {}
    try:
        with deadline.until(end):
            return _judged(search, chosen, judged, passed, refused)
    except OriginalFails as error:
        search.unjudged, reason = True, Reason("original failed", detail=str(error))
    except KeyboardInterrupt:
        search.interrupted, reason = True, INTERRUPTED
    except TimeIsUp:
        search.unjudged = search.out_of_time = True
        reason = TOO_LATE
    remaining = [entry for entry in chosen if entry.name not in refused]
    evaluation = _half(search, passed, reason) or (
        _unjudged(remaining, reason) if remaining else FinalEvaluation(None, reason=reason)
    )
    evaluation.refused = refused
    return evaluation


def _that_fit(search: Search, end: float) -> Sequence[Batch]:
    """Return as many test batches as the time until `end` allows, with time for one benchmark.

    The original and one candidate are evaluated on them. The choice does not depend on the examples' content, so it
    affects the precision of the test, not its validity.
    """
    batches = search.material.judge
    left = end - deadline.now() - search.trial_seconds
    batch_seconds = search.call_seconds * (2 if search.varies is None else 1 + REPEATED)
    if batch_seconds <= 0 or left >= len(batches) * batch_seconds:
        return batches
    return batches[: max(1, int(left / batch_seconds))]


def _unjudged(chosen: Sequence[AcceptedCandidate], cause: Reason) -> FinalEvaluation:
    """Return the cheapest candidate with a measured cost, as untested; nothing is kept if none was measured."""
    entry = next((entry for entry in reversed(chosen) if entry.outcome.ratio is not None), None)
    if entry is None:
        return FinalEvaluation(None, reason=cause if chosen[-1].outcome is UNTRIED else chosen[-1].outcome.reason)
    return FinalEvaluation(entry, entry.loss, entry.against_control, None, entry.outcome, reason=cause)


def _half(search: Search, passed: Sequence[_Evaluated], cause: Reason | None) -> FinalEvaluation | None:
    """Return the cheapest candidate whose loss is proven, with its cost from the search; None if there is none."""
    candidate = next((candidate for candidate in reversed(passed) if candidate.entry.outcome.ratio is not None), None)
    if candidate is None:
        return None
    metric, entry, loss = search.metric, candidate.entry, candidate.loss
    reason = Reason("cost not tested", cause=cause, examples=loss.examples)
    scores = (metric.value(candidate.base), metric.value(candidate.parts))
    return FinalEvaluation(entry, loss, candidate.against, scores, entry.outcome, reason=reason)


def _judged(
    search: Search,
    chosen: Sequence[AcceptedCandidate],
    judged: Sequence[Batch],
    passed: list[_Evaluated],
    refused: dict[str, Reason],
) -> FinalEvaluation:
    """Test the losses of the short list, then the costs of those that passed.

    The short list is safest first. Losses are tested in a fixed order up to the first that is not proven. A candidate
    that fails on an example has no loss and is skipped. Costs are tested separately, the cheapest candidate first, and
    do not affect the losses. `passed` is filled with candidates whose loss is proven; each is removed when its cost is
    not. `refused` is filled with the others, and the reason.
    """
    search.tell("judging")
    try:
        base, kept, repeat_variation = search.of_original(judged)
    except ShrinkError as error:
        raise OriginalFails(str(error)) from error
    _note_what_fits(search, judged)
    controls: dict[int, np.ndarray] = {}
    failed: _Evaluated | None = None
    end = deadline.now() + deadline.left()
    for entry in chosen:
        try:
            # Reserve time to measure the cost of one candidate, without which no loss is of use.
            with deadline.until(end - search.trial_seconds if passed else end):
                # Candidates of one structure share a control, which is evaluated once.
                control, key = entry.control, id(entry.control)
                if control is not None and key not in controls:
                    controls[key] = search.asked(control, judged, kept)[0]
                result = _loss_of(search, entry, (base, controls.get(key)), kept, judged, repeat_variation)
        except TimeIsUp:
            if not passed:
                raise
            search.remark(entry.name, sentence(TOO_LATE))
            break
        except RAISED as error:  # a third-party model; its row gives the error
            message = str(error) if isinstance(error, ShrinkError) else why(error)
            refused[entry.name] = Reason("failed in the test", detail=message)
            continue
        if not result.passed:
            failed = result
            refused[entry.name] = _reason(search.max_loss, None, result.loss, result.against, same=result.same)
            break
        passed.append(result)
    best = _cheapest(search, passed, failed, judged, refused)
    if best is None:
        best = FinalEvaluation(
            next(entry for entry in chosen if entry.name in refused), reason=next(iter(refused.values()))
        )
    assert best.entry is not None
    best.refused = {name: reason for name, reason in refused.items() if name != best.entry.name}
    return best


def _cheapest(
    search: Search,
    passed: list[_Evaluated],
    failed: _Evaluated | None,
    judged: Sequence[Batch],
    refused: dict[str, Reason],
) -> FinalEvaluation | None:
    """Return the cheapest candidate with a proven cost, else the reason why there is none; None if none was tested.

    A candidate that cost less in the search and whose final benchmark is inconclusive is kept, unproven.
    """
    share = FINAL_SHARE / 2 / max(1, len(passed))
    verdicts: list[FinalEvaluation] = []
    inconclusive: list[_Evaluated] = []
    for candidate in [*reversed(passed)] or ([] if failed is None else [failed]):
        verdict = _verdict(search, candidate, judged, share)
        verdicts.append(verdict)
        if verdict.proven and _holds(search, verdict, judged):
            break
        assert verdict.reason is not None
        refused[candidate.entry.name] = verdict.reason
        if candidate in passed:
            passed.remove(candidate)
            if verdict.outcome is not None and verdict.outcome.verdict == "can't tell":
                inconclusive.insert(0, candidate)
    if not verdicts or verdicts[-1].proven:
        return verdicts[-1] if verdicts else None
    partial = _half(search, inconclusive, refused[inconclusive[-1].entry.name] if inconclusive else None)
    search.unjudged = partial is not None
    return partial or _first(verdicts)


def _note_what_fits(search: Search, judged: Sequence[Batch]) -> None:
    """Add a note with the number of test examples if the time budget did not allow all."""
    splits = search.material
    if len(judged) == len(splits.judge):
        return
    count, fewer = (sum(batch.size for batch in part) for part in (splits.judge, judged))
    note = f"{fewer:,} of the {count:,} examples that were kept for judging were looked at: the time allowed no more."
    search.material = replace(splits, notes=(*splits.notes, note))


def _first(verdicts: Sequence[FinalEvaluation]) -> FinalEvaluation:
    """Return the unproven evaluation that explains the result: a failed reload check, or else the cheapest."""
    return next((verdict for verdict in verdicts if verdict.inspection is not None), verdicts[0])


def _holds(search: Search, verdict: FinalEvaluation, judged: Sequence[Batch]) -> bool:
    """Whether a proven candidate passes the reload check too; if not, it is marked unproven."""
    assert verdict.entry is not None
    if search.seconds < INSPECTED_FROM:
        return True
    left = search.seconds - search.spent + CHECK_GRACE
    if left < CHECK_SECONDS:
        return True
    search.tell("checked in a fresh process")
    try:
        with deadline.until(deadline.now() + left):
            verdict.inspection = inspect(search.subject, verdict.entry.product, judged)
    except TimeIsUp:
        return True
    except KeyboardInterrupt:
        search.interrupted = True  # the result stays proven, without a reload check
        return True
    if not verdict.inspection.passed:
        verdict.proven, verdict.reason = False, Reason("reload failed", detail=verdict.inspection.said)
    return verdict.proven


def _loss_of(  # noqa: PLR0917 - one place calls it
    search: Search,
    entry: AcceptedCandidate,
    scores: tuple[np.ndarray, np.ndarray | None],
    kept: Sequence[Any],
    judged: Sequence[Batch],
    repeat_variation: float,
) -> _Evaluated:
    """Return a candidate's loss on the test split, also against an equally trained original."""
    base, trained = scores
    parts, _ = search.asked(entry.product.model, judged, kept)
    loss = search.loss(base, parts, repeat_variation, judged)
    against = None if trained is None else search.loss(trained, parts, repeat_variation, judged)
    worst = max((x for x in (loss, against) if x is not None), key=lambda x: x.high)
    same = entry.product.same_numbers and loss.same
    return _Evaluated(entry, base, parts, loss, against, same, passed=same or worst.within(search.max_loss))


def _verdict(search: Search, one: _Evaluated, judged: Sequence[Batch], share: float) -> FinalEvaluation:
    """Return a candidate's final evaluation: its loss on the test split and its cost in a benchmark of its own."""
    import torch

    metric, entry, parts, loss = search.metric, one.entry, one.parts, one.loss
    scores = (metric.value(one.base), metric.value(parts))
    try:
        trial = _trial(search, entry, share)
    except RAISED as error:  # a third-party model; the next one is evaluated all the same
        reason = Reason("benchmark failed", detail=why(error))
        inconclusive = Outcome("can't tell", None, reason, entry.outcome.cost)
        return FinalEvaluation(entry, loss, one.against, scores, inconclusive, reason=reason)
    outcome, cpu, reference = told(trial, entry.name, _alone(entry, trial.laps), torch.get_num_threads())
    return FinalEvaluation(
        entry,
        loss,
        one.against,
        scores,
        outcome,
        trial,
        _reason(search.max_loss, outcome, loss, one.against, same=one.same),
        proven=one.passed and outcome.verdict == "less",
        # Relative to a single thread the parts of the gain are different, and were not measured.
        split=split(entry, trial, outcome.ratio) if reference == trial.reference else None,
        in_threads=_in_threads(trial, entry) if reference == trial.reference else None,
        cpu=cpu,
        compared_with=reference,
        against_bf16=trial.raw(entry.name, BF16) if BF16 in trial.laps else None,
        phases=phases(trial, entry.name, search.workload.new_tokens),
        agreement=metric.agreement(parts),
        by_class=classes_by_group(metric, one.base, parts, groups_of(judged)),
    )


def _trial(search: Search, entry: AcceptedCandidate, share: float) -> Trial:
    """Benchmark original and candidate for a share of the time, with the references that explain the gain.

    References are left out where one fails or time is short.
    """
    models = {"original": search.subject.model, entry.name: entry.product.model}
    # When late, only as many rounds as the test needs. Processor time has outliers, so it needs more.
    fewest = FEWEST_ROUNDS if search.gauge.measures else AIMED_ROUNDS
    rounds = MOST_ROUNDS if search.spent < SEARCH_SHARE * search.seconds else fewest
    runners = {name: search.workload.runner(model) for name, model in models.items()}

    def alone() -> Runner:
        return search.workload.runner(search.subject.model, threads=1)

    def run(beside: Mapping[str, Runner], seconds: float) -> Trial:
        extra = alone if _alone(entry, {**runners, **beside}) is None else None
        return search.in_turn({**runners, **beside}, extra, seconds=seconds, rounds=rounds, seed=1)

    if deadline.left() > BESIDE * search.trial_seconds:
        try:
            trial = run(_beside(search, entry, models), search.seconds * share)
            if trial.raw(entry.name) is not None or deadline.left() < search.trial_seconds:
                return trial
        except RAISED as error:  # if the candidate is what fails, it fails again below
            search.remark(entry.name, f"The parts of its gain are not told apart: {why(error)}")
    # Spend the rest of the time on this one comparison. A benchmark takes at most four times its `seconds`.
    return run({}, max(search.seconds * share, min(deadline.left(), search.seconds) / 4))


def _beside(search: Search, entry: AcceptedCandidate, models: Mapping[str, Any]) -> dict[str, Runner]:
    """Return runners of the references: original in the candidate's runtime, in bfloat16, and prefill alone.

    The original also runs in as few threads as the candidate's runtime uses: that gain needs no smaller model.
    """
    import torch

    models_beside: dict[str, Any] = {}
    runtime = search.runtimes.of(entry.product)
    if runtime is not None:
        models_beside[RUNTIME] = runtime
    bf16 = search.runtimes.bf16
    if bf16 is not None and bf16 is not entry.product.model:
        models_beside[BF16] = bf16
    runners = {name: search.workload.runner(model) for name, model in models_beside.items()}
    threads = threads_of(entry.product.model)
    # In PyTorch the runtime reference has the thread limit already, and each run of a language model takes seconds.
    if threads is not None and threads < torch.get_num_threads() and entry.product.runtime != "PyTorch":
        runners[THREADS] = search.workload.runner(search.subject.model, threads=threads)
    if search.workload.new_tokens:
        runners |= {f"{name}, {PROMPT}": search.workload.runner(model, 0) for name, model in models.items()}
    return runners


def _alone(entry: AcceptedCandidate, there: Container[str]) -> str | None:
    """Return the name of the runner that is the original in a single thread; None if there is none."""
    if threads_of(entry.product.model) == 1:
        limited = RUNTIME if entry.product.runtime == "PyTorch" else THREADS
        if limited in there:
            return limited
    return ALONE if ALONE in there else None


def _in_threads(trial: Trial, entry: AcceptedCandidate) -> Ratio | None:
    """Return the cost ratio of fewer threads alone; None where the number of threads is the same."""
    name = RUNTIME if entry.product.runtime == "PyTorch" else THREADS
    return trial.raw(name) if name in trial.laps else None


def phases(trial: Trial, name: str, new_tokens: int) -> dict[str, Ratio]:
    """Return the cost ratios of prefill and of decoding; empty where no text was generated.

    Decoding is generation minus prefill, within each round.
    """
    if not new_tokens or f"{name}, {PROMPT}" not in trial.laps:
        return {}
    total = {who: trial.series(who) for who in ("original", name)}
    prompt = {who: trial.series(f"{who}, {PROMPT}") for who in ("original", name)}
    decoding = {who: [a - b for a, b in zip(total[who], prompt[who], strict=True)] for who in total}
    ratios = {
        "prefill": paired_ratio(prompt["original"], prompt[name]),
        "decode": paired_ratio(decoding["original"], decoding[name]),
    }
    return {phase: ratio for phase, ratio in ratios.items() if ratio is not None}


def split(entry: AcceptedCandidate, trial: Trial, ratio: Ratio | None) -> tuple[Ratio, Ratio] | None:
    """Return the cost ratios of the runtime and of the smaller model; None where they can't be separated."""
    if ratio is None:
        return None
    unchanged = Ratio(1.0, 1.0, 1.0, ratio.pairs)
    total = trial.raw(entry.name) or ratio
    if entry.product.same_numbers:
        return total, unchanged
    if RUNTIME not in trial.laps:
        # PyTorch is no other runtime; a gain in another one can't be divided without that reference.
        return (unchanged, total) if entry.product.runtime == "PyTorch" else None
    runtime, model_ratio = trial.raw(RUNTIME), trial.raw(entry.name, RUNTIME)
    if runtime is None or model_ratio is None:
        return None
    # Medians of ratios need not multiply, so the runtime's ratio is the whole divided by the model's.
    return Ratio(total.value / model_ratio.value, runtime.low, runtime.high, runtime.pairs), model_ratio


def _reason(max_loss: float, outcome: Outcome | None, loss: Loss, against: Loss | None, *, same: bool) -> Reason:
    """Return what is proven, or why it is not.

    `outcome` is the cost; None if only the loss counts. `against` is the loss against an equally trained original.
    `same`: the outputs are numerically equal.
    """
    if outcome is not None and outcome.verdict == "can't tell":
        return outcome.reason
    if outcome is not None and outcome.verdict == "more":
        return Reason("proven to cost more", cause=outcome.reason, energy=outcome.dearer)
    if outcome is not None and outcome.verdict != "less":
        return Reason("less not proven", cause=outcome.reason)
    examples = loss.examples
    if same:
        return Reason("same numbers", examples=examples)
    worst = loss if against is None or against.high <= loss.high else against
    if worst.within(max_loss):
        return Reason("proven", examples=examples, against_control=against is not None)
    needed = worst.needed(max_loss)
    # Name the equally trained original only if the loss against the original would be accepted.
    code: Code = "loss too large" if needed is None else "loss not proven"
    return Reason(code, examples=examples, needed=needed, against_control=worst is against)


__all__ = ["CHOOSING_TOKENS", "evaluate_shortlist", "phases", "shortlist", "split"]
