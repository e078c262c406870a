"""Builds the result of a search from the search and its final evaluation.

The evaluated candidates have their figures from the test split; all other rows have those of the validation split.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from jupyter_green.records.shrink_outcome import ShrinkOutcome
from jupyter_green.reporting import numbers

from .cost.break_even import break_even
from .cost.ratio import Ratio
from .cost.thread_spin_guard import crowded
from .cost.trial import Trial
from .data.batch import independent
from .model.source_model import SourceModel
from .quality.metric import Metric
from .quality.skill import Constant
from .reasons import Reason
from .recipes.recipe import RecipeResult
from .report.shrink_report import interval, span, times
from .result import ResultRow, ShrinkResult
from .result_details import Late, ParetoPoint, ResultDetails
from .search.candidate import AcceptedCandidate, FinalEvaluation
from .search.evaluator import notes_of
from .search.search import Search

OVER = 0.02
"""Share of the time limit by which it must be exceeded to be reported."""
_JUDGED: Counter[str] = Counter()
"""How often each test split was used in this process, by digest."""


def result_of(
    search: Search, verdict: FinalEvaluation, window: Any, per_day: int, notes: tuple[str, ...]
) -> ShrinkResult:
    """Return the result of a search.

    Parameters
    ----------
    search : Search
        The search.
    verdict : FinalEvaluation
        The evaluation on the test split.
    window : Window
        The closed window that metered the search.
    per_day : int
        Inferences a day for the yearly saving.
    notes : tuple of str
        Sentences for the user.
    """
    record = window.record
    entry, trial = verdict.entry, verdict.trial
    kept = entry if entry is not None and (verdict.proven or search.interrupted or search.unjudged) else None
    verdict = as_proven(verdict, search.constant)
    ratio = verdict.outcome.ratio if verdict.outcome is not None else None
    cpu = window.closed.cpu - window.opened.cpu
    basis: Any = trial.basis if trial is not None else ("joules" if search.gauge.measures else "cpu_seconds")
    data = search.material.fingerprint()
    before = _JUDGED[data["digest"]]
    if verdict.scores is not None:
        _JUDGED[data["digest"]] += 1
        notes = (*notes, *repeated_use(before))
    facts = ResultDetails(
        original=search.subject,
        product=None if kept is None else _noted(kept.product),
        metric=search.metric.name,
        metric_kind=search.metric.kind,
        unit=search.metric.unit,
        max_loss=search.max_loss,
        key=f"{search.workload.key()}, {_where(search)}",
        scores=verdict.scores,
        examples=0 if verdict.loss is None else verdict.loss.examples,
        interval=verdict.loss,
        split=verdict.split,
        in_threads=verdict.in_threads,
        cost_uncertainty=record.uncertainty,
        by_class=verdict.by_class,
        per_day=per_day,
        front=_front(search),
        phases=verdict.phases,
        agreement=verdict.agreement,
        cpu=verdict.cpu,
        against_bf16=verdict.against_bf16,
        chosen_by=None
        if search.parts is None
        else (independent(search.material.select), search.metric.value(search.parts)),
        data=data,
        earlier_searches=before if verdict.scores is not None else 0,
        inspected=_inspected(search, verdict),
        notes=(*_varies(search), *notes, *(_crowded(trial, verdict.compared_with) if kept is not None else ())),
        judged=search.subject.task,
        constant=search.constant,
        sample=search.material.select[0].part(0, 2).inputs,
        late=_late(search, verdict, record.seconds),
    )
    return ShrinkResult(
        model=search.subject.model if kept is None else kept.product.model,
        recipe=None if kept is None else kept.name,
        energy_ratio=None if ratio is None else ratio.value,
        energy_ratio_interval=None if ratio is None else (ratio.low, ratio.high),
        runtime_ratio=None if verdict.split is None else verdict.split[0].value,
        model_ratio=None if verdict.split is None else verdict.split[1].value,
        basis=basis,
        quality=trial.quality if trial is not None else ("measured" if search.gauge.measures else "estimated"),
        loss=None if verdict.loss is None else verdict.loss.value,
        loss_interval=None if verdict.loss is None else (verdict.loss.low, verdict.loss.high),
        proven=verdict.proven,
        why=verdict.reason or _nothing(search),
        candidates=_rows(search, verdict, kept),
        cost_joules=record.joules,
        cost_seconds=record.seconds,
        break_even=None
        if kept is None or trial is None
        else break_even(trial, kept.name, verdict.compared_with, record.joules, cpu),
        facts=facts,
        bf16_ratio=None if verdict.against_bf16 is None else verdict.against_bf16.value,
    )


def _late(search: Search, verdict: FinalEvaluation, seconds: float) -> Late | None:
    """Return how the search ran out of time; None if it did not."""
    untried = tuple(row.name for row in search.rows if row.why.code == "time up")
    over = max(0.0, seconds - search.seconds)
    over = over if over > OVER * search.seconds else 0.0
    if not (untried or search.out_of_time or search.late or over):
        return None
    tried = {row.name for row in search.rows if row.standing not in ("not tried", "control")}
    tried |= {entry.name for entry in search.entries}
    unjudged = verdict.scores is None and (search.out_of_time or search.late)
    return Late(search.seconds, len(tried), untried, unjudged, over, (search.overran or search.doing) if over else "")


def as_proven(verdict: FinalEvaluation, constant: Constant | None) -> FinalEvaluation:
    """Return the evaluation as not proven if the original is no better than a constant, unless outputs are equal."""
    same = verdict.entry is not None and verdict.entry.product.same_numbers
    if constant is None or not verdict.proven or (same and verdict.loss is not None and verdict.loss.same):
        return verdict
    return replace(verdict, proven=False, reason=Reason("no skill"))


def _varies(search: Search) -> list[str]:
    """Return one sentence if the original's outputs are not reproducible; empty if they are."""
    if search.carries:
        return [
            "Your model keeps something between calls that changes its answers; every run begins with it as it was."
        ]
    if search.varies is None:
        return []
    return [
        f"Your model varies: asked twice, it answered {100 * search.varies:.0f} % of the examples differently. "
        "Every loss is against its own repeat."
    ]


def repeated_use(before: int) -> list[str]:
    """Return one sentence if the test split was used before: repeated use weakens its evidence."""
    if not before:
        return []
    searches = "an earlier search" if before == 1 else f"{before} earlier searches"
    return [
        f"The same examples judged {searches} in this process: repeated searches on them weaken the proof. "
        "Evaluate your last choice on other examples."
    ]


def _crowded(trial: Trial | None, against: str = "original") -> list[str]:
    """Return one sentence if other programs used the machine, and its effect on a gain in processor time."""
    import torch

    if trial is None or trial.others is None or not crowded(trial.basis, trial.others, torch.get_num_threads()):
        return []
    busy = f"Other programs used {100 * trial.others:.0f} % of the machine meanwhile"
    if against != "original":
        return [f"{busy}, so your model was held in one thread too: the lesser gain of the two is told."]
    return [f"{busy}: threads that wait for one another then cost processor time. Measure again when it is quiet."]


def outcome_of(
    subject: SourceModel,
    verdict: FinalEvaluation,
    metric: Metric | None = None,
    watts: tuple[float, float] | None = None,
    *,
    interrupted: bool = False,
) -> ShrinkOutcome:
    """Return the outcome of a search for the ledger: model, kept candidate, reduction, and whether it is proven.

    Parameters
    ----------
    subject : SourceModel
        The model.
    verdict : FinalEvaluation
        The evaluation on the test split.
    metric : Metric, optional
        The metric; adds its values before and after.
    watts : (float, float), optional
        Estimated watts of a busy core and their relative uncertainty, to estimate joules if none are measured.
    interrupted : bool
        Whether the user interrupted the search.
    """
    entry, outcome = verdict.entry, verdict.outcome
    if entry is None or outcome is None or outcome.ratio is None:
        untold = verdict.reason is not None and verdict.reason.inconclusive
        return ShrinkOutcome("unknown" if untold else "interrupted" if interrupted else "nothing_gained", subject.name)
    proof = "proven" if verdict.proven else "not proven"
    if verdict.trial is None or verdict.trial.basis != "joules":
        less = f"{times(outcome.ratio.value)} less processor time (as energy {span(outcome.ratio)}, estimated)"
    else:
        quality = verdict.trial.quality
        less = f"{interval(outcome.ratio)} less energy{'' if quality == 'measured' else f', {quality}'}"
    kept = f"{entry.name}, {less}, {proof}{_before_and_after(verdict, metric, watts)}"
    return ShrinkOutcome("kept", subject.name, verdict.proven, kept)


def _before_and_after(verdict: FinalEvaluation, metric: Metric | None, watts: tuple[float, float] | None) -> str:
    """Return the metric and the joules of one inference before and after, as far as they are known."""
    text = ""
    if metric is not None and verdict.scores is not None:
        bounded = metric.unit == "points"
        before, after = (f"{100 * x:.1f} %" if bounded else numbers.significant(x, 3) for x in verdict.scores)
        text += f", {metric.name} {before} → {after}"
    trial, entry = verdict.trial, verdict.entry
    if trial is None or entry is None:
        return text
    costs = [trial.cost(name) for name in (verdict.compared_with, entry.name)]
    if trial.basis == "joules" and all(cost.joules is not None for cost in costs):
        text += f", {' → '.join(_joules(cost.joules, cost.uncertainty) for cost in costs)} each"
    elif trial.basis == "cpu_seconds" and watts is not None:
        joules = (cost.cpu_seconds * watts[0] for cost in costs)
        text += f", {' → '.join(f'~{_joules(value, watts[1] * value)}' for value in joules)} each, estimated"
    return text


def _joules(joules: float | None, uncertainty: float | None) -> str:
    return numbers.plain(str(numbers.energy(joules, uncertainty or None)))


def _noted(product: RecipeResult) -> RecipeResult:
    return replace(product, notes=notes_of(product))


def _inspected(search: Search, verdict: FinalEvaluation) -> str:
    if verdict.inspection is not None:
        return verdict.inspection.said
    short = "you interrupted that" if search.interrupted else "the time allowed was too short for that"
    return f"It was not loaded in a fresh process: {short}." if verdict.proven else ""


def _front(search: Search) -> tuple[ParetoPoint, ...]:
    """Return the candidates that no other dominates, most expensive first."""
    measured = [entry for entry in search.entries if entry.outcome.ratio is not None]
    front = [entry for entry in measured if _better(search, entry) is None]
    front.sort(key=lambda entry: -entry.cost)
    return tuple(ParetoPoint(entry.name, _noted(entry.product), entry.outcome.ratio, entry.loss) for entry in front)


def _better(search: Search, entry: AcceptedCandidate) -> AcceptedCandidate | None:
    """Return the cheapest candidate that dominates an entry; None if the entry is on the front."""
    measured = [other for other in search.entries if other.outcome.ratio is not None]
    dominating = [other for other in measured if other is not entry and other.beats(entry)]
    return min(dominating, key=lambda other: other.cost, default=None)


def _rows(search: Search, verdict: FinalEvaluation, kept: AcceptedCandidate | None) -> list[ResultRow]:
    original = None if verdict.trial is None else verdict.trial.cost(verdict.compared_with)
    single_thread = verdict.compared_with != "original"
    validation_score = None if search.parts is None else search.metric.value(search.parts)
    reference = f"{next(search.subject.model.parameters()).dtype}".removeprefix("torch.")
    rows = [
        ResultRow(
            "original",
            "reference",
            Reason("reference", detail=f"{reference}, {_threads()}", one_thread=single_thread),
            Ratio(1.0, 1.0, 1.0, 0),
            None,
            validation_score if verdict.scores is None else verdict.scores[0],
            original,
            search.subject.size_bytes,
            runtime="PyTorch",
            judged=verdict.scores is not None,
        )
    ]
    for entry in search.entries:
        judged = entry is verdict.entry and verdict.scores is not None
        better = _better(search, entry)
        on_front = better is None
        # Not visible in the table, since the kept row has figures of the test split.
        reason = Reason("front") if better is None else Reason("dominated", name=better.name)
        if entry.outcome.ratio is None:
            reason = entry.outcome.reason
        if entry.name in verdict.refused:
            reason = Reason("also tested", cause=verdict.refused[entry.name])
        if entry is verdict.entry and verdict.reason is not None:
            reason = verdict.reason
        measured = entry.outcome.ratio is not None
        standing: Any = "front" if on_front and measured and entry is not verdict.entry else "dropped"
        extra_notes = tuple(search.remarks.get(entry.name, ()))
        outcome = verdict.outcome if entry is verdict.entry and verdict.outcome is not None else entry.outcome
        rows.append(
            ResultRow(
                entry.name,
                "kept" if entry is kept else standing,
                reason,
                outcome.ratio,
                verdict.loss if judged else entry.loss,
                verdict.scores[1] if judged and verdict.scores is not None else entry.score,
                outcome.cost,
                entry.product.size_bytes,
                verdict.against_control if judged else entry.against_control,
                (*notes_of(entry.product), *extra_notes),
                entry.product.runtime,
                judged,
            )
        )
    others = [
        replace(row, notes=(*row.notes, *search.remarks.get(row.name, ()))) if row.name in search.remarks else row
        for row in search.rows
    ]
    return [*rows, *others]


def _nothing(search: Search) -> Reason:
    """Return why nothing was tested."""
    tried = [row for row in search.rows if row.standing in ("dropped", "failed")]
    if search.interrupted:
        return Reason("interrupted")
    if not tried:
        return Reason("no time" if search.late else "nothing applies")
    return Reason("none proven", tried=len(tried))


def _threads() -> str:
    import torch

    count = torch.get_num_threads()
    return f"{count} thread{'s' if count > 1 else ''}"


def _where(search: Search) -> str:
    """Return threads, device and precision of the original."""
    device = search.subject.device
    reference = f"{next(search.subject.model.parameters()).dtype}".removeprefix("torch.")
    return ", ".join([_threads(), *([] if device.type == "cpu" else [str(device)]), reference])
