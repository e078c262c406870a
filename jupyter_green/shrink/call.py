"""The public calls: what a person hands over, checked, searched, judged, and handed back with its figures."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jupyter_green.session import Session, current

from .fault import ShrinkError
from .gauge import SessionGauge
from .material import Material, leaves, material_of
from .metric import Metric, metric_of
from .ratio import Ratio
from .recipe import Recipe, known_recipes
from .result import Candidate, Facts, ShrinkResult
from .search import Entry, Search, Verdict
from .subject import Subject, main_tensor, subject_of

POINT = 0.01
_UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0, "": 1.0}


def shrink(  # noqa: PLR0917 - the order is public
    model: Any,
    data: Any,
    train: Any = None,
    metric: str | Callable[[Any, Any], float] | None = None,
    max_loss: float | str | None = None,
    max_relative_loss: float | str | None = None,
    time: float | str = "5min",
    *,
    tokenizer: Any = None,
    batch: int | None = None,
    form: str | None = None,
    recipes: Sequence[Recipe] | None = None,
    options: dict[str, Any] | None = None,
    say: Callable[[str, float], None] | None = None,
    session: Session | None = None,
) -> ShrinkResult:
    """Make a model cheaper to run, and prove it.

    Parameters
    ----------
    model : torch.nn.Module, transformers or sentence-transformers model, pipeline or Trainer
        The original; it is never changed.
    data : DataLoader, dataset, (X, y) or list of str
        Examples that the model was not trained on; labels are used where there are any.
    train : same, optional
        Examples to repair with; without it a part of `data` is kept for that.
    metric : str or callable, optional
        "accuracy", "f1", "perplexity", "cosine", "mse", "agreement" or ``function(outputs, labels)``.
    max_loss : float or str, optional
        Accepted loss of a bounded metric: 0.01 or "1pt" is one point (the default).
    max_relative_loss : float or str, optional
        Accepted loss of another metric as a share: 0.01 or "1%" (the default).
    time : float or str
        How long to search: seconds, or "5min", "90s", "1h".
    tokenizer : object, optional
        For texts.
    batch : int, optional
        Examples at a time in trials; as in the data otherwise.
    form : {"torch"}, optional
        Keep a PyTorch module.
    recipes : sequence of Recipe, optional
        What to try; everything known otherwise.
    options : dict, optional
        ``ratio`` and ``layers`` for pruning and depth.
    say : callable, optional
        ``say(what, share)`` is told what is done and which part of the time has passed.
    session : Session, optional
        Who meters; this process' otherwise.

    Returns
    -------
    ShrinkResult
        The best that is proven within the accepted loss; the original where nothing is.

    Raises
    ------
    ShrinkError
        If model, data or an option make no sense; one sentence, nothing was run.
    """
    subject = subject_of(model)
    seconds = seconds_of(time)
    session = current() if session is None else session
    problems: list[str] = []
    if recipes is None:
        recipes, problems = known_recipes()
    kind: Any = "gpu" if subject.device.type == "cuda" else "cpu"
    gauge = SessionGauge(session, kind)
    with session.window("trial", label="shrink") as window, subject.quiet():
        material = material_of(subject, data, train, tokenizer=tokenizer)
        first = first_outputs(subject, material)
        measure = metric_of(metric, first[0], material.select[0].labels, vectors=first[1])
        accepted = _accepted(measure, max_loss, max_relative_loss)
        search = Search(
            subject,
            material,
            measure,
            gauge,
            seconds=seconds,
            max_loss=accepted,
            options={**(options or {}), "form": form, "batch": batch},
            say=say or (lambda _what, _share: None),
        )
        search.run(recipes)
        verdict = search.judge()
    return _result(search, verdict, window, (*subject.notes, *search.material.notes, *problems))


def quantize(model: Any, data: Any, **options: Any) -> ShrinkResult:
    """Fewer bits alone: bf16 and int8, in PyTorch and in ONNX Runtime; measured and reported as by `shrink`.

    Parameters
    ----------
    model, data, **options
        As for `shrink`.
    """
    return shrink(model, data, recipes=recipes_of("quantize", options)[0], **options)


def prune(model: Any, data: Any, ratio: float = 0.5, **options: Any) -> ShrinkResult:
    """Narrower layers alone, repaired by distillation; measured and reported as by `shrink`.

    Parameters
    ----------
    model, data, **options
        As for `shrink`.
    ratio : float
        Share of the channels (or feed-forward units) that goes, between 0 and 1.
    """
    return shrink(model, data, recipes=recipes_of("prune", {"ratio": ratio})[0], **options)


def distil(model: Any, data: Any, layers: int | None = None, student: Any = None, **options: Any) -> ShrinkResult:
    """A smaller model that learns from the original: fewer of its layers, or a student of the person's own.

    Parameters
    ----------
    model, data, **options
        As for `shrink`.
    layers : int, optional
        How many layers stay; two thirds otherwise.
    student : torch.nn.Module, optional
        A smaller model that is called like the original and answers in the same form; it is copied.
    """
    recipes, _ = recipes_of("distil", {"layers": layers, "student": student})
    return shrink(model, data, recipes=recipes, **options)


distill = distil


def recipes_of(what: str, options: Mapping[str, Any]) -> tuple[list[Recipe], list[str]]:
    """Return the recipes of a call, and what was wrong with third parties'.

    Raises
    ------
    ShrinkError
        If an option of one of them makes no sense.
    """
    from .recipes.depth import Depth
    from .recipes.integer import TorchInteger
    from .recipes.onnx_runtime import OnnxDynamic, OnnxFloat, OnnxStatic
    from .recipes.precision import BFloat16
    from .recipes.pruning import RATIO, Prune
    from .recipes.student import Student

    if what == "quantize":
        # ONNX Runtime alone is tried too: without it nobody could tell what int8 gives and what the runtime does.
        return [OnnxFloat(), OnnxDynamic(), OnnxStatic(), BFloat16(), TorchInteger()], []
    if what == "prune":
        ratio = options.get("ratio") or RATIO
        if not 0 < ratio < 1:
            raise ShrinkError(f"A ratio of {ratio} takes nothing or everything; give a number between 0 and 1.")
        return [Prune(ratio)], []
    if what == "distil":
        layers, student = options.get("layers"), options.get("student")
        if student is not None and layers is not None:
            raise ShrinkError("Give layers or a student, not both.")
        return [Depth(layers) if student is None else Student(subject_of(student).model)], []
    return known_recipes()


def seconds_of(text: float | str) -> float:
    """Return a time in seconds: 90, "90s", "5min", "1h".

    Raises
    ------
    ShrinkError
        If it is no time above 0.
    """
    found = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(s|min|h|)\s*", str(text))
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if seconds <= 0:
        raise ShrinkError(f"{text!r} is no time; write it as 90s, 5min or 1h.")
    return seconds


def share_of(text: float | str) -> float:
    """Return an accepted loss as a number: 0.01, "1pt" and "1%" are all one hundredth.

    Raises
    ------
    ShrinkError
        If it is none from 0 up.
    """
    found = re.fullmatch(r"\s*([0-9]*\.?[0-9]+(?:[eE]-?[0-9]+)?)\s*(pt|%|)\s*", str(text))
    if not found:
        raise ShrinkError(f"{text!r} is no accepted loss; write 0.01, 1pt or 1%.")
    return float(found[1]) * (POINT if found[2] else 1.0)


def _accepted(metric: Metric, points: float | str | None, relative: float | str | None) -> float:
    if points is not None and relative is not None:
        raise ShrinkError("Give max_loss (points) or max_relative_loss (a share), not both.")
    given = points if points is not None else relative
    if given is None:
        return POINT
    if metric.unit == "points" and (relative is not None or str(given).strip().endswith("%")):
        raise ShrinkError(f"The metric {metric.name} is bounded, so its loss is in points; give max_loss='1pt'.")
    if metric.unit == "relative" and str(given).strip().endswith("pt"):
        raise ShrinkError(f"The metric {metric.name} has no points; give max_relative_loss='1%'.")
    return share_of(given)


def first_outputs(subject: Subject, material: Material) -> tuple[Any, bool]:
    """Return one batch's outputs, and whether these are embeddings.

    Raises
    ------
    ShrinkError
        If the model can't be called with the data; one sentence.
    """
    import torch

    with torch.inference_mode():
        try:
            output = subject.call(material.select[0].to(subject.device).inputs)
        except (TypeError, RuntimeError, IndexError) as error:
            first = (str(error).splitlines() or [""])[0]
            raise ShrinkError(f"The model can't be called with the data: {first}") from error
    vectors = subject.kind == "sentence-transformers" or (
        hasattr(output, "last_hidden_state") and not hasattr(output, "logits")
    )
    return main_tensor(output), vectors


def _result(search: Search, verdict: Verdict, window: Any, notes: tuple[str, ...]) -> ShrinkResult:
    record = window.record
    entry, trial = verdict.entry, verdict.trial
    accepted = entry is not None and (verdict.proven or search.interrupted)
    kept = entry if accepted else None
    ratio = verdict.outcome.ratio if verdict.outcome is not None else None
    split = _split(verdict, ratio)
    basis = "joules" if search.gauge.measures else "cpu_seconds"
    said = verdict.reason if entry is not None else _nothing(search, verdict)
    cpu = window.closed.cpu - window.opened.cpu
    facts = Facts(
        original=search.subject,
        product=None if kept is None else kept.product,
        metric=search.metric.name,
        unit=search.metric.unit,
        max_loss=search.max_loss,
        key=_key(search),
        scores=verdict.scores,
        examples=0 if verdict.loss is None else verdict.loss.examples,
        interval=verdict.loss,
        split=split,
        cost_uncertainty=record.uncertainty,
        by_class=verdict.by_class,
        notes=notes,
        sample=search.material.select[0].part(0, 2).inputs,
    )
    return ShrinkResult(
        model=search.subject.model if kept is None else kept.product.model,
        recipe=None if kept is None else kept.name,
        energy_ratio=None if ratio is None else ratio.value,
        energy_ratio_interval=None if ratio is None else (ratio.low, ratio.high),
        runtime_ratio=None if split is None else split[0].value,
        model_ratio=None if split is None else split[1].value,
        basis=trial.basis if trial is not None else basis,  # type: ignore[arg-type]
        quality=trial.quality if trial is not None else ("measured" if search.gauge.measures else "estimated"),
        loss=None if verdict.loss is None else verdict.loss.value,
        loss_interval=None if verdict.loss is None else (verdict.loss.low, verdict.loss.high),
        proven=verdict.proven,
        reason=said,
        candidates=_rows(search, verdict, kept),
        cost_joules=record.joules,
        cost_seconds=record.seconds,
        break_even=None if kept is None or trial is None else _break_even(trial, kept.name, record.joules, cpu),
        facts=facts,
    )


def _split(verdict: Verdict, ratio: Ratio | None) -> tuple[Ratio, Ratio] | None:
    """Return what the runtime gave and what the smaller model gave."""
    if ratio is None or verdict.trial is None or verdict.entry is None:
        return None
    one = Ratio(1.0, 1.0, 1.0, ratio.pairs)
    if verdict.entry.product.same_numbers:
        return ratio, one
    if verdict.runtime is None:
        # In PyTorch too there is nothing to take off; in another runtime without its reference it can't be told.
        return None if verdict.entry.product.form != "torch" else (one, ratio)
    runtime, rest = verdict.trial.raw("runtime"), verdict.trial.raw(verdict.entry.name, "runtime")
    if runtime is None or rest is None:
        return None
    # The middle of three robust ratios need not multiply up; the runtime's part is what is left of the whole.
    return Ratio(ratio.value / rest.value, runtime.low, runtime.high, runtime.pairs), rest


def _break_even(trial: Any, name: str, joules: float | None, cpu_seconds: float) -> int | None:
    before, after = trial.cost("original"), trial.cost(name)
    if trial.basis == "joules" and joules is not None and before.joules is not None and after.joules is not None:
        cost, saved = joules, before.joules - after.joules
    else:
        cost, saved = cpu_seconds, before.cpu_seconds - after.cpu_seconds
    return int(-(-cost // saved)) if saved > 0 else None


def _rows(search: Search, verdict: Verdict, kept: Entry | None) -> list[Candidate]:
    original = None if verdict.trial is None else verdict.trial.cost("original")
    score = search.metric.value(search.parts)
    reference = f"{next(search.subject.model.parameters()).dtype}".removeprefix("torch.")
    rows = [
        Candidate(
            "original",
            "reference",
            f"{reference}, {_threads()}; every row is compared with this one.",
            Ratio(1.0, 1.0, 1.0, 0),
            None,
            score,
            original,
            search.subject.size_bytes,
        )
    ]
    for entry in search.entries:
        mine = entry is kept
        judged = entry is verdict.entry
        beaten = any(_beats(other, entry) for other in search.entries if other is not entry)
        said = (
            verdict.reason
            if judged
            else ("Another costs less and loses no more." if beaten else "Nothing costs less and loses no more.")
        )
        outcome = verdict.outcome if judged and verdict.outcome is not None else entry.outcome
        rows.append(
            Candidate(
                entry.name,
                "kept" if mine else ("dropped" if judged or beaten else "front"),
                said,
                outcome.ratio,
                entry.loss,
                entry.score,
                outcome.cost,
                entry.product.size_bytes,
                entry.against_control,
                entry.product.notes,
            )
        )
    return [*rows, *search.rows]


def _beats(first: Entry, second: Entry) -> bool:
    if first.outcome.ratio is None or second.outcome.ratio is None:
        return False
    cheaper, better = first.outcome.ratio.value - second.outcome.ratio.value, first.loss.value - second.loss.value
    return cheaper <= 0 and better <= 0 and (cheaper < 0 or better < 0)


def _nothing(search: Search, verdict: Verdict) -> str:
    if verdict.reason:
        return verdict.reason
    tried = [row for row in search.rows if row.standing in ("dropped", "failed")]
    if search.interrupted:
        return "The search was interrupted before anything was found."
    if not tried:
        return "No recipe applies to this model; the rows say why."
    return f"{len(tried)} candidates were tried; none proves less cost within the accepted loss."


def _threads() -> str:
    import torch

    count = torch.get_num_threads()
    return f"{count} thread{'s' if count > 1 else ''}"


def _key(search: Search) -> str:
    batch = search.batches[0]
    shapes = [tuple(leaf.shape[1:]) for leaf in leaves(batch.inputs)]
    length = " x ".join(map(str, shapes[0])) if shapes and shapes[0] else "one number"
    where = "" if search.subject.device.type == "cpu" else f", {search.subject.device}"
    return f"batch {batch.size}, {length} per example, {_threads()}{where}"
