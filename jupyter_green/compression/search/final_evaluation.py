"""The verdict: a short list fixed beforehand is tried afresh, on the examples that nothing was chosen by.

The judging part answers one question, put once: of the short list, the surest gain first, how far down it does the
loss stay proven? Testing in a fixed order up to the first failure keeps the error of the whole at 5 % (Maurer,
Hothorn, Lehmacher 1995). The order is one of losses alone: a cost that can't be told stops nothing. Of those whose loss
is proven the cheapest is kept whose cost is proven too. It is saved, loaded in a fresh process and asked again.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from jupyter_green.compression.cost.ratio import Ratio, paired_ratio
from jupyter_green.compression.cost.thread_spin_guard import ALONE, told
from jupyter_green.compression.cost.trial import (
    AIMED_ROUNDS,
    FEWEST_ROUNDS,
    MOST_ROUNDS,
    UNTOLD,
    Outcome,
    Runner,
    Trial,
)
from jupyter_green.compression.data.batch import Batch, independent
from jupyter_green.compression.data.groups import classes_by_group, groups_of
from jupyter_green.compression.errors import RAISED, ShrinkError, why
from jupyter_green.compression.model.workload import CHOOSING_TOKENS, PROMPT
from jupyter_green.compression.process import deadline
from jupyter_green.compression.process.deadline import TimeIsUp
from jupyter_green.compression.quality.loss import Loss
from jupyter_green.compression.store.reload_check import inspect

from .candidate import AcceptedCandidate, FinalEvaluation
from .evaluator import BESIDE, FINAL_SHARE, REPEATED, SEARCH_SHARE, UNTRIED
from .runtime_baselines import threads_of

if TYPE_CHECKING:
    import numpy as np

    from .search import Search

LISTED = 4
"""So many are judged at most, which all have to pass in turn."""
INSPECTED_FROM = 30.0
"""Seconds of search from which the fresh process is worth its start, which alone takes several."""
CHECK_GRACE, CHECK_SECONDS = 5.0, 8.0
"""Seconds that the fresh process may take beyond the time allowed, and what it takes at least."""
INTERRUPTED = "The search was interrupted before this was judged."
TOO_LATE = "The time was up: it was tried, and not judged."
TOO_EARLY = "The time was up before your own model had answered the examples; allow more with time=."
RUNTIME, BF16, THREADS = "runtime", "bf16", "threads"


def shortlist(entries: Sequence[AcceptedCandidate], examples: int, max_loss: float) -> list[AcceptedCandidate]:
    """Return at most `LISTED` entries, the surer first, fixed before the judging part is looked at.

    Each costs less than the one before it and is less sure: where the boldest is not proven, the one before it is. So
    the last may be one whose proof is not even likely, if its loss as it was found would do.
    """
    cheap = sorted(entries, key=lambda entry: (entry.cost, entry.name))
    likely = [entry for entry in cheap if entry.expected_high(examples) <= max_loss]
    front: list[AcceptedCandidate] = []
    for entry in likely or cheap:
        if not front or entry.expected_high(examples) < front[-1].expected_high(examples):
            front.append(entry)
    bolder = [e for e in cheap if e.lost <= max_loss < e.expected_high(examples) and e.cost < front[0].cost]
    bold = sorted(bolder, key=lambda entry: entry.expected_high(examples))[:1] if likely else []
    # The surest and the boldest stay; of those between, the bolder.
    most = LISTED - len(bold)
    front = front if len(front) <= most else [*front[: most - 1], front[-1]]
    return [*front[::-1], *bold]


class OriginalFails(ShrinkError):
    """The original itself fails on an example that judges."""


@dataclass(frozen=True)
class _Judged:
    """What the judging part said of a candidate's loss, before its cost is looked at again."""

    entry: AcceptedCandidate
    base: np.ndarray
    """The original's parts."""
    parts: np.ndarray
    loss: Loss
    against: Loss | None
    same: bool
    """Whether it gives the same numbers out, so that no loss has to be proven."""
    passed: bool


def evaluate_shortlist(search: Search) -> FinalEvaluation:
    """Try the short list afresh, and look at the judging part; an interrupt leaves the best so far, unproven."""
    if not search.interrupted:
        search.last_chance()
    end = search.began + search.seconds
    judged = _that_fit(search, end)
    chosen = shortlist(search.entries, independent(judged), search.max_loss)
    if not chosen:
        untold = [row for row in search.rows if row.reason.startswith(UNTOLD)]
        late = TOO_EARLY if search.parts is None and not search.interrupted else ""
        return FinalEvaluation(None, reason=untold[0].reason if untold else late)
    if search.interrupted:
        return _unjudged(chosen, INTERRUPTED)
    passed: list[_Judged] = []
    refused: dict[str, str] = {}
    try:
        with deadline.until(end):
            return _judged(search, chosen, judged, passed, refused)
    except OriginalFails as error:
        search.unjudged, said = True, str(error)
    except KeyboardInterrupt:
        search.interrupted, said = True, INTERRUPTED
    except TimeIsUp:
        search.unjudged = search.out_of_time = True
        said = TOO_LATE
    left = [entry for entry in chosen if entry.name not in refused]
    found = _half(search, passed, said) or (_unjudged(left, said) if left else FinalEvaluation(None, reason=said))
    found.refused = refused
    return found


def _that_fit(search: Search, end: float) -> Sequence[Batch]:
    """Return as many batches of the judging part as the original and one candidate can answer, a trial after them.

    The others stay unseen. What is left out is no matter of what they hold, so it changes no proof but its size.
    """
    judged = search.material.judge
    left = end - deadline.now() - search.trial_seconds
    each = search.call_seconds * (2 if search.varies is None else 1 + REPEATED)
    if each <= 0 or left >= len(judged) * each:
        return judged
    return judged[: max(1, int(left / each))]


def _unjudged(chosen: Sequence[AcceptedCandidate], said: str) -> FinalEvaluation:
    """Return the boldest whose cost is told, as what was not judged; nothing is kept where no cost is."""
    entry = next((entry for entry in reversed(chosen) if entry.outcome.ratio is not None), None)
    if entry is None:
        return FinalEvaluation(None, reason=said if chosen[-1].outcome is UNTRIED else chosen[-1].outcome.reason)
    return FinalEvaluation(entry, entry.loss, entry.against_control, None, entry.outcome, reason=said)


def _half(search: Search, passed: Sequence[_Judged], said: str) -> FinalEvaluation | None:
    """Return the boldest of those whose loss is proven, with the cost that it was chosen by; None without any."""
    one = next((one for one in reversed(passed) if one.entry.outcome.ratio is not None), None)
    if one is None:
        return None
    metric, entry, loss = search.metric, one.entry, one.loss
    seen = f"Its loss is proven on {loss.examples:,} examples, its cost is that of choosing. {said}"
    scores = (metric.value(one.base), metric.value(one.parts))
    return FinalEvaluation(entry, loss, one.against, scores, entry.outcome, reason=seen)


def _judged(
    search: Search,
    chosen: Sequence[AcceptedCandidate],
    judged: Sequence[Batch],
    passed: list[_Judged],
    refused: dict[str, str],
) -> FinalEvaluation:
    """Return what is proven of the short list.

    `passed` is filled with those whose loss is, until their cost is looked at; `refused` with those that are not, and
    why. The fixed order is one of losses, tested up to the first that isn't proven. What fails on an example is out of
    that order: it has no loss. What each costs is a question of its own, put to the cheapest of those that passed
    first: whether it can be told changes nothing of the losses.
    """
    search.tell("judging")
    try:
        base, kept, wavering = search.of_original(judged)
    except ShrinkError as error:
        raise OriginalFails(f"Nothing could be judged: {error}") from error
    _note_what_fits(search, judged)
    controls: dict[int, np.ndarray] = {}
    failed: _Judged | None = None
    end = deadline.now() + deadline.left()
    for entry in chosen:
        try:
            # Time is kept for the cost of one of them, without which no loss is of use.
            with deadline.until(end - search.trial_seconds if passed else end):
                # What was made of one structure shares one control, which is looked at once.
                control, key = entry.control, id(entry.control)
                if control is not None and key not in controls:
                    controls[key] = search.asked(control, judged, kept)[0]
                found = _loss_of(search, entry, (base, controls.get(key)), kept, judged, wavering)
        except TimeIsUp:
            if not passed:
                raise
            search.remark(entry.name, TOO_LATE)
            break
        except RAISED as error:  # somebody else's model; its row says what it raised
            said = str(error) if isinstance(error, ShrinkError) else why(error)
            refused[entry.name] = f"It failed on the examples that judge: {said}"
            continue
        if not found.passed:
            failed = found
            refused[entry.name] = _reason(search.max_loss, None, found.loss, found.against, same=found.same)
            break
        passed.append(found)
    best = _cheapest(search, passed, failed, judged, refused)
    if best is None:
        best = FinalEvaluation(
            next(entry for entry in chosen if entry.name in refused), reason=next(iter(refused.values()))
        )
    assert best.entry is not None
    best.refused = {name: said for name, said in refused.items() if name != best.entry.name}
    return best


def _cheapest(
    search: Search,
    passed: list[_Judged],
    failed: _Judged | None,
    judged: Sequence[Batch],
    refused: dict[str, str],
) -> FinalEvaluation | None:
    """Return the cheapest whose cost is proven too, else what says why there is none; None where nothing was judged.

    One that was told to cost less when it was chosen, and whose cost could not be told again, is kept unproven.
    """
    share = FINAL_SHARE / 2 / max(1, len(passed))
    verdicts: list[FinalEvaluation] = []
    untold: list[tuple[_Judged, str]] = []
    for one in [*reversed(passed)] or ([] if failed is None else [failed]):
        verdict = _verdict(search, one, judged, share)
        verdicts.append(verdict)
        if verdict.proven and _holds(search, verdict, judged):
            break
        refused[one.entry.name] = verdict.reason
        if one in passed:
            passed.remove(one)
            if verdict.outcome is not None and verdict.outcome.verdict == "can't tell":
                untold.insert(0, (one, verdict.reason))
    if not verdicts or verdicts[-1].proven:
        return verdicts[-1] if verdicts else None
    half = _half(search, [one for one, _ in untold], untold[-1][1] if untold else "")
    search.unjudged = half is not None
    return half or _first(verdicts)


def _note_what_fits(search: Search, judged: Sequence[Batch]) -> None:
    """Note how many examples are judged where the time allows no more."""
    whole = search.material
    if len(judged) == len(whole.judge):
        return
    count, fewer = (sum(batch.size for batch in part) for part in (whole.judge, judged))
    note = f"{fewer:,} of the {count:,} examples that were kept for judging were looked at: the time allowed no more."
    search.material = replace(whole, notes=(*whole.notes, note))


def _first(verdicts: Sequence[FinalEvaluation]) -> FinalEvaluation:
    """Return which of those that are not proven says why nothing is kept: a failed last check, or the boldest."""
    return next((one for one in verdicts if one.inspection is not None), verdicts[0])


def _holds(search: Search, verdict: FinalEvaluation, judged: Sequence[Batch]) -> bool:
    """Whether what is proven passes the last check too; what does not is proven no more."""
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
        search.interrupted = True  # what is proven stays so, unchecked
        return True
    if not verdict.inspection.passed:
        verdict.proven, verdict.reason = False, verdict.inspection.said
    return verdict.proven


def _loss_of(  # noqa: PLR0917 - one place calls it
    search: Search,
    entry: AcceptedCandidate,
    scores: tuple[np.ndarray, np.ndarray | None],
    kept: Sequence[Any],
    judged: Sequence[Batch],
    wavering: float,
) -> _Judged:
    """Return what the judging part says of a candidate's loss, also against an equally trained original."""
    base, trained = scores
    parts, _ = search.asked(entry.product.model, judged, kept)
    loss = search.loss(base, parts, wavering, judged)
    against = None if trained is None else search.loss(trained, parts, wavering, judged)
    worst = max((x for x in (loss, against) if x is not None), key=lambda x: x.high)
    same = entry.product.same_numbers and loss.same
    return _Judged(entry, base, parts, loss, against, same, passed=same or worst.within(search.max_loss))


def _verdict(search: Search, one: _Judged, judged: Sequence[Batch], share: float) -> FinalEvaluation:
    """Return the whole of what is said of a candidate: its loss as it was judged, its cost in a trial of its own."""
    import torch

    metric, entry, parts, loss = search.metric, one.entry, one.parts, one.loss
    scores = (metric.value(one.base), metric.value(parts))
    try:
        trial = _trial(search, entry, share)
    except RAISED as error:  # somebody else's model; the next is judged all the same
        said = f"Its cost could not be judged: {why(error)}"
        untold = Outcome("can't tell", None, said, entry.outcome.cost)
        return FinalEvaluation(entry, loss, one.against, scores, untold, reason=said)
    outcome, cpu, held = told(trial, entry.name, _alone(entry, trial.laps), torch.get_num_threads())
    return FinalEvaluation(
        entry,
        loss,
        one.against,
        scores,
        outcome,
        trial,
        _reason(search.max_loss, outcome, loss, one.against, same=one.same),
        proven=one.passed and outcome.verdict == "less",
        # Against one thread the parts of the whole are others, which were not looked at.
        split=split(entry, trial, outcome.ratio) if held == trial.reference else None,
        in_threads=_in_threads(trial, entry) if held == trial.reference else None,
        cpu=cpu,
        held_against=held,
        against_bf16=trial.raw(entry.name, BF16) if BF16 in trial.laps else None,
        phases=phases(trial, entry.name, search.workload.new_tokens),
        agreement=metric.agreement(parts),
        by_class=classes_by_group(metric, one.base, parts, groups_of(judged)),
    )


def _trial(search: Search, entry: AcceptedCandidate, share: float) -> Trial:
    """Run original and candidate in turn for a share of the time, and beside them what tells the gain's parts.

    What stands beside them is left out where it fails, or where the time is short.
    """
    models = {"original": search.subject.model, entry.name: entry.product.model}
    # Late, a trial has no more rounds than it takes to tell anything; of processor time some laps may be far off.
    late = FEWEST_ROUNDS if search.gauge.measures else AIMED_ROUNDS
    rounds = MOST_ROUNDS if search.spent < SEARCH_SHARE * search.seconds else late
    runners = {name: search.workload.runner(model) for name, model in models.items()}

    def alone() -> Runner:
        return search.workload.runner(search.subject.model, threads=1)

    def run(beside: Mapping[str, Runner], seconds: float) -> Trial:
        wanted = alone if _alone(entry, {**runners, **beside}) is None else None
        return search.in_turn({**runners, **beside}, wanted, seconds=seconds, rounds=rounds, seed=1)

    if deadline.left() > BESIDE * search.trial_seconds:
        try:
            trial = run(_beside(search, entry, models), search.seconds * share)
            if trial.raw(entry.name) is not None or deadline.left() < search.trial_seconds:
                return trial
        except RAISED as error:  # where it is the candidate that fails, it does so once more
            search.remark(entry.name, f"The parts of its gain are not told apart: {why(error)}")
    # What is left of the time is best spent on the one question; a trial takes four times its seconds at most.
    return run({}, max(search.seconds * share, min(deadline.left(), search.seconds) / 4))


def _beside(search: Search, entry: AcceptedCandidate, models: Mapping[str, Any]) -> dict[str, Runner]:
    """Return the original in the candidate's runtime and in bfloat16, and the reading of a prompt alone.

    The original also runs in as few threads as the candidate's runtime takes: anybody can have that part.
    """
    import torch

    others: dict[str, Any] = {}
    runtime = search.runtimes.of(entry.product)
    if runtime is not None:
        others[RUNTIME] = runtime
    half = search.runtimes.bf16
    if half is not None and half is not entry.product.model:
        others[BF16] = half
    runners = {name: search.workload.runner(model) for name, model in others.items()}
    threads = threads_of(entry.product.model)
    # In PyTorch the original in its runtime is that already, and each lap of a language model takes seconds.
    if threads is not None and threads < torch.get_num_threads() and entry.product.runtime != "PyTorch":
        runners[THREADS] = search.workload.runner(search.subject.model, threads=threads)
    if search.workload.new_tokens:
        runners |= {f"{name}, {PROMPT}": search.workload.runner(model, 0) for name, model in models.items()}
    return runners


def _alone(entry: AcceptedCandidate, there: Container[str]) -> str | None:
    """Return whose laps are the original's in one thread; None where nobody's are."""
    if threads_of(entry.product.model) == 1:
        limited = RUNTIME if entry.product.runtime == "PyTorch" else THREADS
        if limited in there:
            return limited
    return ALONE if ALONE in there else None


def _in_threads(trial: Trial, entry: AcceptedCandidate) -> Ratio | None:
    """Return what fewer threads alone give; None where there are no fewer."""
    name = RUNTIME if entry.product.runtime == "PyTorch" else THREADS
    return trial.raw(name) if name in trial.laps else None


def phases(trial: Trial, name: str, new_tokens: int) -> dict[str, Ratio]:
    """Return the ratios of reading a prompt and of each new token; empty where nothing was generated.

    Decoding is what generating costs beyond reading the prompt, lap by lap of one round.
    """
    if not new_tokens or f"{name}, {PROMPT}" not in trial.laps:
        return {}
    whole = {who: trial.series(who) for who in ("original", name)}
    prompt = {who: trial.series(f"{who}, {PROMPT}") for who in ("original", name)}
    rest = {who: [a - b for a, b in zip(whole[who], prompt[who], strict=True)] for who in whole}
    found = {
        "prefill": paired_ratio(prompt["original"], prompt[name]),
        "decode": paired_ratio(rest["original"], rest[name]),
    }
    return {phase: ratio for phase, ratio in found.items() if ratio is not None}


def split(entry: AcceptedCandidate, trial: Trial, ratio: Ratio | None) -> tuple[Ratio, Ratio] | None:
    """Return what the runtime gave and what the smaller model gave; None where it can't be told apart."""
    if ratio is None:
        return None
    one = Ratio(1.0, 1.0, 1.0, ratio.pairs)
    whole = trial.raw(entry.name) or ratio
    if entry.product.same_numbers:
        return whole, one
    if RUNTIME not in trial.laps:
        # In PyTorch there is nothing to take off; in another runtime without its reference it can't be told.
        return (one, whole) if entry.product.runtime == "PyTorch" else None
    runtime, rest = trial.raw(RUNTIME), trial.raw(entry.name, RUNTIME)
    if runtime is None or rest is None:
        return None
    # The middle of three robust ratios need not multiply up; the runtime's part is what is left of the whole.
    return Ratio(whole.value / rest.value, runtime.low, runtime.high, runtime.pairs), rest


def _reason(max_loss: float, outcome: Outcome | None, loss: Loss, against: Loss | None, *, same: bool) -> str:
    """Return what is proven, or what stands in the way.

    `outcome` is None where the cost was not asked for; `against` is the loss against an equally trained original.
    """
    if outcome is not None and outcome.verdict == "can't tell":
        return outcome.reason
    if outcome is not None and outcome.verdict != "less":
        why = outcome.reason
        if outcome.verdict == "more":
            why = f"it {'costs more' if outcome.dearer else 'takes more processor time'}, seen in {why}"
        return f"Less cost is not proven: {why}."
    seen = f"{loss.examples:,} examples"
    if same:
        return f"The same numbers out: no score of {seen} differs."
    worst = loss if against is None or against.high <= loss.high else against
    if worst.within(max_loss):
        return f"Proven on {seen}{'' if against is None else ', also against an equally trained original'}."
    # Where the row's own loss would do, it is the one that can't be seen in it that is named.
    beside = " against an equally trained original" if worst is against else ""
    needed = worst.needed(max_loss)
    if needed is None:
        return f"It loses more than is accepted{beside}, on {seen}."
    return f"The loss{beside} is not proven with {seen}; it needs about {needed:,}."


__all__ = ["CHOOSING_TOKENS", "evaluate_shortlist", "phases", "shortlist", "split"]
