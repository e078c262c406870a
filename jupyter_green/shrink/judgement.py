"""The verdict: a short list fixed beforehand is tried afresh, on the examples that nothing was chosen by.

The judging part answers one question, put once: of the short list, the surest gain first, how far down it does the
loss stay proven? Testing in a fixed order up to the first failure keeps the error of the whole at 5 % (Maurer,
Hothorn, Lehmacher 1995). What wins is then saved, loaded in a fresh process and asked again.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import TYPE_CHECKING, Any

from .batch import Batch, independent
from .bench import FINAL_SHARE
from .entry import Entry, Verdict
from .groups import groups_of, loss_by_group
from .inspection import inspect
from .loss import Loss
from .metric import Metric, evaluate
from .ratio import Ratio, paired_ratio
from .runtimes import threads_of
from .trial import FEWEST_ROUNDS, MOST_ROUNDS, UNTOLD, Outcome, Trial, run_trial
from .waiting import ALONE, may_wait, told
from .workload import CHOOSING_TOKENS, PROMPT

if TYPE_CHECKING:
    import numpy as np

    from .search import Search

LISTED = 4
"""So many are judged at most, which all have to pass in turn."""
INSPECTED_FROM = 30.0
"""Seconds of search from which the fresh process is worth its start, which alone takes several."""
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


def judge(search: Search) -> Verdict:
    """Try the short list afresh, and look at the judging part; an interrupt leaves the best so far, unproven."""
    judged = search.material.judge
    if not search.interrupted:
        search.last_chance()
    chosen = shortlist(search.entries, independent(judged), search.max_loss)
    if not chosen:
        untold = [row for row in search.rows if row.reason.startswith(UNTOLD)]
        return Verdict(None, reason=untold[0].reason if untold else "")
    if search.interrupted:
        return _unjudged(chosen[-1])
    try:
        verdicts = _judged(search, chosen, judged)
        found = _inspected(search, verdicts, judged)
        rest = [one for one in verdicts if one is not found and not one.proven]
        found.refused = {one.entry.name: one.reason for one in rest if one.entry is not None}
        return found
    except KeyboardInterrupt:
        search.interrupted = True
        return _unjudged(chosen[-1])


def _unjudged(entry: Entry) -> Verdict:
    said = "The search was interrupted before this was judged."
    return Verdict(entry, entry.loss, entry.against_control, None, entry.outcome, reason=said)


def _judged(search: Search, chosen: Sequence[Entry], judged: Sequence[Batch]) -> list[Verdict]:
    """Return a verdict on each of the short list, up to the first that isn't proven."""
    search.tell("judging")
    base, kept = evaluate(search.subject, search.subject.model, judged, search.metric, tick=search.tick)
    found: list[Verdict] = []
    controls: dict[int, np.ndarray] = {}
    for entry in chosen:
        # What was made of one structure shares one control, which is looked at once.
        control, key = entry.control, id(entry.control)
        if control is not None and key not in controls:
            controls[key] = evaluate(search.subject, control, judged, search.metric, kept, tick=search.tick)[0]
        share = FINAL_SHARE / 2 / len(chosen)
        found.append(_verdict(search, entry, (base, controls.get(key)), kept, judged, share))
        if not found[-1].proven:
            break
    return found


def _inspected(search: Search, verdicts: Sequence[Verdict], judged: Sequence[Batch]) -> Verdict:
    """Return the last that is proven and passes the last check; else what stopped it."""
    proven = [verdict for verdict in verdicts if verdict.proven]
    if not proven or search.seconds < INSPECTED_FROM:
        return (proven or verdicts)[-1]
    failed: Verdict | None = None
    for verdict in reversed(proven):
        assert verdict.entry is not None
        search.tell("checked in a fresh process")
        verdict.inspection = inspect(search.subject, verdict.entry.product, judged)
        if verdict.inspection.passed:
            return verdict
        verdict.proven, verdict.reason = False, verdict.inspection.said
        failed = failed or verdict
    assert failed is not None
    return failed


def _verdict(  # noqa: PLR0917 - one place calls it
    search: Search,
    entry: Entry,
    scores: tuple[np.ndarray, np.ndarray | None],
    kept: Sequence[Any],
    judged: Sequence[Batch],
    share: float,
) -> Verdict:
    import torch

    metric, (base, trained) = search.metric, scores
    parts, _ = evaluate(search.subject, entry.product.model, judged, metric, kept, tick=search.tick)
    groups = groups_of(judged)
    loss = loss_by_group(metric, base, parts, groups)
    against = None if trained is None else loss_by_group(metric, trained, parts, groups)
    trial = _trial(search, entry, share)
    outcome, cpu, held = told(trial, entry.name, _alone(entry, trial.laps), torch.get_num_threads())
    worst = max((x for x in (loss, against) if x is not None), key=lambda x: x.high)
    same = entry.product.same_numbers and loss.same
    return Verdict(
        entry,
        loss,
        against,
        (metric.value(base), metric.value(parts)),
        outcome,
        trial,
        _reason(search.max_loss, outcome, loss, against, same=same),
        proven=(same or worst.within(search.max_loss)) and outcome.verdict == "less",
        # Against one thread the parts of the whole are others, which were not looked at.
        split=split(entry, trial, outcome.ratio) if held == trial.reference else None,
        in_threads=_in_threads(trial, entry) if held == trial.reference else None,
        cpu=cpu,
        held_against=held,
        against_bf16=trial.raw(entry.name, BF16) if BF16 in trial.laps else None,
        phases=phases(trial, entry.name, search.workload.new_tokens),
        agreement=metric.agreement(parts),
        by_class=_by_class(metric, base, parts, judged),
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
    # Once the time is up, a trial has no more rounds than it takes to tell anything.
    rounds = MOST_ROUNDS if search.spent < search.seconds else FEWEST_ROUNDS
    runners = {name: search.workload.runner(model) for name, model in models.items()}
    threads = threads_of(entry.product.model)
    # In PyTorch the original in its runtime is that already, and each lap of a language model takes seconds.
    if threads is not None and threads < torch.get_num_threads() and entry.product.runtime != "PyTorch":
        runners[THREADS] = search.workload.runner(search.subject.model, threads=threads)
    if may_wait(search.gauge.measures, search.others, torch.get_num_threads()) and _alone(entry, runners) is None:
        runners[ALONE] = search.workload.runner(search.subject.model, threads=1)
    if tokens:
        for name in ("original", entry.name):
            runners[f"{name}, {PROMPT}"] = search.workload.runner(models[name], 0)
    seconds = search.seconds * share
    return run_trial(runners, search.gauge, seconds=seconds, rounds=rounds, seed=1, tick=search.tick)


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


def _reason(max_loss: float, outcome: Outcome, loss: Loss, against: Loss | None, *, same: bool) -> str:
    """Return what is proven, or what stands in the way; `against` is the loss against an equally trained original."""
    if outcome.verdict == "can't tell":
        return outcome.reason
    if outcome.verdict != "less":
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


def _by_class(metric: Metric, base: np.ndarray, parts: np.ndarray, judged: Sequence[Batch]) -> dict[int, float]:
    import numpy as np

    if metric.name != "accuracy":
        return {}
    labels = np.concatenate([batch.labels.cpu().numpy() for batch in judged])
    lost = (base - parts)[:, 0]
    return {int(label): float(lost[labels == label].mean()) for label in np.unique(labels)}


__all__ = ["CHOOSING_TOKENS", "judge", "phases", "shortlist", "split"]
