"""The public functions that compress a model: check the input, search, evaluate on the test split, return a result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from numbers import Real
from typing import Any

from jupyter_green.session import Session, current

from .cost.cost_meter import SessionCostMeter, estimated_watts
from .data.splits import DataSplits, splits_of
from .errors import ShrinkError
from .model.call_errors import called
from .model.source_model import SourceModel, source_model_of
from .model.workload import workload_of
from .options import accepted, seconds_of, share_of, use_of
from .process import deadline
from .process.gpu_idle_wait import PATIENCE_SECONDS, used_by_others, wait_for_idle_gpu
from .process.output_capture import thinned
from .progress import Progress, wanted
from .quality.metric_selection import judged_by
from .recipes.recipe import Recipe
from .recipes.registry import known_recipes, quantizing
from .report.messages import sentence
from .result import ShrinkResult
from .result_builder import as_proven, outcome_of, result_of
from .search.final_evaluation import TOO_EARLY, evaluate_shortlist
from .search.search import Search


def shrink(  # noqa: PLR0917 - the order is public
    model: Any,
    data: Any,
    train: Any = None,
    metric: str | Callable[[Any, Any], float] | None = None,
    max_loss: float | str | None = None,
    max_relative_loss: float | str | None = None,
    time: float | str = "5min",
    *,
    task: str | None = None,
    tokenizer: Any = None,
    group: str | Sequence[Any] | None = None,
    batch: int | None = None,
    length: int | None = None,
    new_tokens: int | None = None,
    form: str | None = None,
    per_day: int | None = None,
    recipes: Sequence[Recipe] | None = None,
    options: dict[str, Any] | None = None,
    say: Callable[[str, float], None] | None = None,
    progress: bool | None = None,
    session: Session | None = None,
) -> ShrinkResult:
    """Make a model cheaper to run, and test the result against the original.

    Parameters
    ----------
    model : torch.nn.Module, transformers or sentence-transformers model, pipeline or Trainer
        The original; it is never changed.
    data : DataLoader, dataset, (X, y) or list of str
        Examples that the model was not trained on; labels are used if there are any.
    train : same, optional
        Examples for fine-tuning; by default a part of `data` is used for it.
    metric : str or callable, optional
        "accuracy", "f1", "perplexity", "cosine", "mse", "agreement" or ``function(outputs, labels)``.
    max_loss : float or str, optional
        Accepted loss of a bounded metric: 0.01 or "1pt" is one point (the default).
    max_relative_loss : float or str, optional
        Accepted loss of another metric as a share: 0.01 or "1%" (the default).
    time : float or str
        Time limit of the search: seconds, or "5min", "90s", "1h".
    task : str, optional
        The model's task, if neither the model nor the labels define it: "classification", "binary", "multi-label",
        "token-classification", "segmentation", "causal-lm", "masked-lm", "seq2seq" or "regression".
    tokenizer : object, optional
        For texts.
    group : str or sequence, optional
        Which examples belong together, such as sentences of one author: a column of the data, or a value for each
        example (for each item of a loader's dataset); two such sequences if `train` is given. Examples of a group are
        never split between parts of the data and count as one.
    batch : int, optional
        Batch size in trials; by default that of the data, and 1 for a language model that generates.
    length : int, optional
        Tokens of each example in trials; by default as in the data.
    new_tokens : int, optional
        Tokens that a language model generates for each prompt (128); 0 measures a single call.
    form : {"torch"}, optional
        Keep a PyTorch module.
    per_day : int, optional
        Inferences a day for the yearly saving; 10,000 by default. The report states it.
    recipes : sequence of Recipe, optional
        Recipes to try; all known ones by default.
    options : dict, optional
        ``ratio`` and ``layers`` for pruning and layer removal.
    say : callable, optional
        ``say(what, share)`` is called with the current step and the elapsed share of the time.
    progress : bool, optional
        Whether to show a bar; by default in notebooks and terminals.
    session : Session, optional
        The metering session; that of this process by default.

    Returns
    -------
    ShrinkResult
        The best candidate whose lower cost and accepted loss are proven; the original if there is none.

    Raises
    ------
    ShrinkError
        If model, data or an option are invalid; nothing was run.
    """
    subject = source_model_of(model)
    start = deadline.now()
    seconds, daily_use = seconds_of(time), use_of(per_day)
    if form not in (None, "torch"):
        raise ShrinkError(f"{form!r} is not a form; give form='torch' to keep a PyTorch module, or leave it out.")
    session = current() if session is None else session
    problems: list[str] = []
    if recipes is None:
        recipes, problems = known_recipes()
    device: Any = "gpu" if subject.device.type == "cuda" else "cpu"
    gauge = SessionCostMeter(session, device)
    if device == "gpu":
        others = wait_for_idle_gpu(used_by_others(subject.device), min(PATIENCE_SECONDS, 0.05 * seconds))
        problems.extend([others] if others else [])
    with session.window("trial", label="shrink") as window, thinned(), subject.quiet():
        try:
            with deadline.until(start + seconds):
                material = splits_of(subject, data, train, tokenizer=tokenizer, metric=metric, group=group, task=task)
                first_output = first_outputs(subject, material, trained=train is not None)
        except deadline.TimeIsUp:
            raise ShrinkError(sentence(TOO_EARLY)) from None
        subject, material, measure = judged_by(subject, material, first_output, metric=metric, task=task)
        accepted_loss = accepted(measure, max_loss, max_relative_loss)
        workload = workload_of(subject, material, batch=batch, length=length, new_tokens=new_tokens)
        progress_bar = Progress(window, seconds, shown=wanted() if progress is None else progress, say=say)
        try:
            search = Search(
                subject,
                material,
                measure,
                gauge,
                workload=workload,
                seconds=seconds,
                max_loss=accepted_loss,
                options={**(options or {}), "form": form},
                say=progress_bar,
                began=start,
            )
            search.run(recipes)
            verdict = evaluate_shortlist(search)
            # The record of the cell shows the outcome.
            window.add_shrink(
                outcome_of(
                    subject,
                    as_proven(verdict, search.constant),
                    measure,
                    estimated_watts(session),
                    interrupted=search.interrupted,
                )
            )
        finally:
            progress_bar.close()
    return result_of(search, verdict, window, daily_use, (*subject.notes, *search.material.notes, *problems))


def quantize(model: Any, data: Any, **options: Any) -> ShrinkResult:
    """Quantize only: bf16 and int8, in PyTorch and in ONNX Runtime; measured and reported as by `shrink`.

    Parameters
    ----------
    model, data, **options
        As for `shrink`.
    """
    return shrink(model, data, recipes=recipes_of("quantize", options)[0], **options)


def prune(model: Any, data: Any, ratio: float = 0.5, *, score: str = "taylor", **options: Any) -> ShrinkResult:
    """Prune layer widths only, repaired by distillation; measured and reported as by `shrink`.

    Parameters
    ----------
    model, data, **options
        As for `shrink`.
    ratio : float
        Share of the channels (or feed-forward units) to remove, between 0 and 1.
    score : {"taylor", "fisher"}
        Importance score that selects them.
    """
    return shrink(model, data, recipes=recipes_of("prune", {"ratio": ratio, "score": score})[0], **options)


def distil(model: Any, data: Any, layers: int | None = None, student: Any = None, **options: Any) -> ShrinkResult:
    """Train a smaller model on the original's outputs: the original with fewer layers, or the user's own student.

    Parameters
    ----------
    model, data, **options
        As for `shrink`.
    layers : int, optional
        Number of layers to keep; two thirds by default.
    student : torch.nn.Module, optional
        A smaller model with the same inputs and outputs as the original; it is copied.
    """
    recipes, _ = recipes_of("distil", {"layers": layers, "student": student})
    return shrink(model, data, recipes=recipes, **options)


distill = distil

__all__ = ["distil", "distill", "prune", "quantize", "recipes_of", "seconds_of", "share_of", "shrink"]


def recipes_of(what: str, options: Mapping[str, Any]) -> tuple[list[Recipe], list[str]]:
    """Return the recipes of a call, and the problems of third-party recipes.

    Raises ShrinkError if an option of one of them makes no sense.
    """
    from .recipes.depth import Depth
    from .recipes.pruning import RATIO, Prune
    from .recipes.scores import SCORES
    from .recipes.student import Student

    if what == "quantize":
        return quantizing(), []
    if what == "prune":
        ratio = RATIO if options.get("ratio") is None else options["ratio"]
        if isinstance(ratio, bool) or not isinstance(ratio, Real):
            raise ShrinkError(f"A ratio is a number between 0 and 1, and {ratio!r} is not.")
        if not 0 < float(ratio) < 1:
            raise ShrinkError(f"A ratio of {ratio} takes nothing or everything; give a number between 0 and 1.")
        score = options.get("score") or SCORES[0]
        if score not in SCORES:
            raise ShrinkError(f"{score!r} is not a score; take taylor or fisher.")
        return [Prune(float(ratio), score)], []
    if what == "distil":
        layers, student = options.get("layers"), options.get("student")
        if student is not None and layers is not None:
            raise ShrinkError("Give layers or a student, not both.")
        if layers is not None and layers < 1:
            raise ShrinkError(f"A model of {layers} layers is invalid; give a whole number from 1 on.")
        return [Depth(layers) if student is None else Student(source_model_of(student).model)], []
    return known_recipes()


def first_outputs(subject: SourceModel, material: DataSplits, *, trained: bool = False) -> Any:
    """Return the model's output for one batch.

    If `trained`, the model is also called with the separate training data. Raises ShrinkError if the model can't be
    called with the data.
    """
    import torch

    with torch.inference_mode():
        careful = replace(subject, writes=True)  # assume that it modifies its inputs
        output = called(careful, material.select[0])
        if trained:  # fail now, not in each recipe that trains
            called(careful, material.tune[0], "training data")
    return output
