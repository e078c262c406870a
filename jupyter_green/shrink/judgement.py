"""The verdict: a short list fixed beforehand is tried afresh, on the examples that nothing was chosen by.

The judging part answers one question, put once: of the short list, the surest gain first, how far down it does the
loss stay proven? Testing in a fixed order up to the first failure keeps the error of the whole at 5 % (Maurer,
Hothorn, Lehmacher 1995). The order is one of losses alone: a cost that can't be told stops nothing. Of those whose loss
is proven the cheapest is kept whose cost is proven too. It is saved, loaded in a fresh process and asked again.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import deadline
from .batch import Batch, independent
from .bench import FINAL_SHARE, SEARCH_SHARE
from .deadline import TimeIsUp
from .entry import Entry, Verdict
from .inspection import inspect
from .loss import Loss
from .ratio import Ratio, paired_ratio
from .runtimes import threads_of
from .trial import FEWEST_ROUNDS, MOST_ROUNDS, UNTOLD, Outcome, Runner, Trial
from .waiting import ALONE, told
from .workload import CHOOSING_TOKENS, PROMPT

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
TOO_LATE = "The time was up before this was judged; allow more with time=."
TOO_EARLY = "The time was up before your own model had answered the examples; allow more with time=."
RUNTIME, BF16, THREADS = "runtime", "bf16", "threads"


def shortlist(entries: Sequence[Entry], examples: int, max_loss: float) -> list[Entry]:
    """Return at most `LISTED` entries, the surer first, fixed before the judging part is looked at.

    Each costs less than the one before it and is less sure: where the boldest is not proven, the one before it is. So
    the last may be one whose proof is not even likely, if its loss as it was found would do.
    """
    cheap = sorted(entries, key=lambda entry: (entry.cost, entry.name))
    likely = [entry for entry in cheap if entry.expected_high(examples) <= max_loss]
    front: list[Entry] = []
    for entry in likely or cheap:
        if not front or entry.expected_high(examples) < front[-1].expected_high(examples):
            front.append(entry)
    bolder = [e for e in cheap if e.lost <= max_loss < e.expected_high(examples) and e.cost < front[0].cost]
    bold = sorted(bolder, key=lambda entry: entry.expected_high(examples))[:1] if likely else []
    # The surest and the boldest stay; of those between, the bolder.
    most = LISTED - len(bold)
    front = front if len(front) <= most else [*front[: most - 1], front[-1]]
    return [*front[::-1], *bold]


@dataclass(frozen=True)
class _Judged:
    """What the judging part said of a candidate's loss, before its cost is looked at again."""

    entry: Entry
    parts: np.ndarray
    loss: Loss
    against: Loss | None
    same: bool
    """Whether it gives the same numbers out, so that no loss has to be proven."""
    passed: bool


def judge(search: Search) -> Verdict:
    """Try the short list afresh, and look at the judging part; an interrupt leaves the best so far, unproven."""
    judged = search.material.judge
    if not search.interrupted:
        search.last_chance()
    chosen = shortlist(search.entries, independent(judged), search.max_loss)
    if not chosen:
        untold = [row for row in search.rows if row.reason.startswith(UNTOLD)]
        late = TOO_EARLY if search.parts is None and not search.interrupted else ""
        return Verdict(None, reason=untold[0].reason if untold else late)
    if search.interrupted:
        return _unjudged(chosen, INTERRUPTED)
    passed: list[_Judged] = []
    try:
        with deadline.until(search.began + search.seconds):
            return _judged(search, chosen, judged, passed)
    except KeyboardInterrupt:
        search.interrupted = True
        return _unjudged([one.entry for one in passed] or chosen, INTERRUPTED)
    except TimeIsUp:
        search.unjudged = True
        return _unjudged([one.entry for one in passed] or chosen, TOO_LATE)


def _unjudged(chosen: Sequence[Entry], said: str) -> Verdict:
    """Return the boldest whose cost is told, as what was not judged; nothing is kept where no cost is."""
    entry = next((entry for entry in reversed(chosen) if entry.outcome.ratio is not None), None)
    if entry is None:
        return Verdict(None, reason=chosen[-1].outcome.reason)
    return Verdict(entry, entry.loss, entry.against_control, None, entry.outcome, reason=said)


def _judged(search: Search, chosen: Sequence[Entry], judged: Sequence[Batch], passed: list[_Judged]) -> Verdict:
    """Return what is proven of the short list; `passed` is filled with those whose loss is.

    The fixed order is one of losses, tested up to the first that isn't proven. What each costs is a question of its
    own, put to the cheapest of those that passed first: whether it can be told changes nothing of the losses.
    """
    search.tell("judging")
    base, kept, wavering = search.of_original(judged)
    scores: dict[int, np.ndarray] = {}
    failed: _Judged | None = None
    for entry in chosen:
        # What was made of one structure shares one control, which is looked at once.
        control, key = entry.control, id(entry.control)
        if control is not None and key not in scores:
            scores[key] = search.asked(control, judged, kept)[0]
        found = _loss_of(search, entry, (base, scores.get(key)), kept, judged, wavering)
        if not found.passed:
            failed = found
            break
        passed.append(found)
    share = FINAL_SHARE / 2 / max(1, len(passed))
    verdicts: list[Verdict] = []
    for one in reversed(passed):
        verdicts.append(_verdict(search, one, base, judged, share))
        if verdicts[-1].proven and _holds(search, verdicts[-1], judged):
            break
    if failed is not None and not verdicts:
        return _verdict(search, failed, base, judged, share)
    best = verdicts[-1] if verdicts[-1].proven else _first(verdicts)
    rest = [one for one in verdicts if one is not best]
    best.refused = {one.entry.name: one.reason for one in rest if one.entry is not None}
    if failed is not None:
        said = _reason(search.max_loss, None, failed.loss, failed.against, same=failed.same)
        best.refused[failed.entry.name] = said
    return best


def _first(verdicts: Sequence[Verdict]) -> Verdict:
    """Return which of those that are not proven says why nothing is kept: a failed last check, or the boldest."""
    return next((one for one in verdicts if one.inspection is not None), verdicts[0])


def _holds(search: Search, verdict: Verdict, judged: Sequence[Batch]) -> bool:
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
    if not verdict.inspection.passed:
        verdict.proven, verdict.reason = False, verdict.inspection.said
    return verdict.proven


def _loss_of(  # noqa: PLR0917 - one place calls it
    search: Search,
    entry: Entry,
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
    return _Judged(entry, parts, loss, against, same, passed=same or worst.within(search.max_loss))


def _verdict(search: Search, one: _Judged, base: np.ndarray, judged: Sequence[Batch], share: float) -> Verdict:
    """Return the whole of what is said of a candidate: its loss as it was judged, its cost in a trial of its own."""
    import torch

    metric, entry, parts, loss = search.metric, one.entry, one.parts, one.loss
    trial = _trial(search, entry, share)
    outcome, cpu, held = told(trial, entry.name, _alone(entry, trial.laps), torch.get_num_threads())
    return Verdict(
        entry,
        loss,
        one.against,
        (metric.value(base), metric.value(parts)),
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
        by_class=metric.by_class(base, parts),
    )


def _trial(search: Search, entry: Entry, share: float) -> Trial:
    """Run original, candidate, the original in its runtime and in bfloat16 in turn, for a share of the time.

    The original also runs in as few threads as the candidate's runtime takes: anybody can have that part.
    """
    import torch

    models = {"original": search.subject.model, entry.name: entry.product.model}
    runtime = search.runtimes.of(entry.product)
    if runtime is not None:
        models[RUNTIME] = runtime
    half = search.runtimes.bf16
    if half is not None and half is not entry.product.model:
        models[BF16] = half
    tokens = search.workload.new_tokens
    # Late, a trial has no more rounds than it takes to tell anything.
    rounds = MOST_ROUNDS if search.spent < SEARCH_SHARE * search.seconds else FEWEST_ROUNDS
    runners = {name: search.workload.runner(model) for name, model in models.items()}
    threads = threads_of(entry.product.model)
    # In PyTorch the original in its runtime is that already, and each lap of a language model takes seconds.
    if threads is not None and threads < torch.get_num_threads() and entry.product.runtime != "PyTorch":
        runners[THREADS] = search.workload.runner(search.subject.model, threads=threads)
    if tokens:
        for name in ("original", entry.name):
            runners[f"{name}, {PROMPT}"] = search.workload.runner(models[name], 0)

    def alone() -> Runner:
        return search.workload.runner(search.subject.model, threads=1)

    wanted = alone if _alone(entry, runners) is None else None
    return search.in_turn(runners, wanted, seconds=search.seconds * share, rounds=rounds, seed=1)


def _alone(entry: Entry, there: Container[str]) -> str | None:
    """Return whose laps are the original's in one thread; None where nobody's are."""
    if threads_of(entry.product.model) == 1:
        limited = RUNTIME if entry.product.runtime == "PyTorch" else THREADS
        if limited in there:
            return limited
    return ALONE if ALONE in there else None


def _in_threads(trial: Trial, entry: Entry) -> Ratio | None:
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


def split(entry: Entry, trial: Trial, ratio: Ratio | None) -> tuple[Ratio, Ratio] | None:
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


__all__ = ["CHOOSING_TOKENS", "judge", "phases", "shortlist", "split"]
