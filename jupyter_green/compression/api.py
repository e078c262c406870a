"""The public calls: what a person hands over, checked, searched, judged, and handed back with its figures."""

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
from .report.result_builder import as_proven, outcome_of, result_of
from .result import ShrinkResult
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
    task : str, optional
        What the model is asked to do, where neither it nor the labels tell: "classification", "binary", "multi-label",
        "token-classification", "segmentation", "causal-lm", "masked-lm", "seq2seq" or "regression".
    tokenizer : object, optional
        For texts.
    group : str or sequence, optional
        What belongs together, such as the sentences of one person: a column of the data, or a value for each example
        (for each item of a loader's dataset); two such sequences where `train` is given. Examples of one group stand in
        one part of the data and count as one.
    batch : int, optional
        Examples at a time in trials; as in the data otherwise, and 1 for a language model that generates.
    length : int, optional
        Tokens of each example in trials; as in the data otherwise.
    new_tokens : int, optional
        Tokens that a language model generates for each prompt (128); 0 measures one call.
    form : {"torch"}, optional
        Keep a PyTorch module.
    per_day : int, optional
        Inferences a day, for the yearly saving; 10,000 otherwise, and the report says so.
    recipes : sequence of Recipe, optional
        What to try; everything known otherwise.
    options : dict, optional
        ``ratio`` and ``layers`` for pruning and depth.
    say : callable, optional
        ``say(what, share)`` is told what is done and which part of the time has passed.
    progress : bool, optional
        Whether to show a bar; by default in notebooks and terminals.
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
    subject = source_model_of(model)
    began = deadline.now()
    seconds, use = seconds_of(time), use_of(per_day)
    if form not in (None, "torch"):
        raise ShrinkError(f"{form!r} is no form; give form='torch' to keep a PyTorch module, or leave it out.")
    session = current() if session is None else session
    problems: list[str] = []
    if recipes is None:
        recipes, problems = known_recipes()
    kind: Any = "gpu" if subject.device.type == "cuda" else "cpu"
    gauge = SessionCostMeter(session, kind)
    if kind == "gpu":
        others = wait_for_idle_gpu(used_by_others(subject.device), min(PATIENCE_SECONDS, 0.05 * seconds))
        problems.extend([others] if others else [])
    with session.window("trial", label="shrink") as window, thinned(), subject.quiet():
        try:
            with deadline.until(began + seconds):
                material = splits_of(subject, data, train, tokenizer=tokenizer, metric=metric, group=group, task=task)
                first = first_outputs(subject, material, trained=train is not None)
        except deadline.TimeIsUp:
            raise ShrinkError(TOO_EARLY) from None
        subject, material, measure = judged_by(subject, material, first, metric=metric, task=task)
        most = accepted(measure, max_loss, max_relative_loss)
        workload = workload_of(subject, material, batch=batch, length=length, new_tokens=new_tokens)
        bar = Progress(window, seconds, shown=wanted() if progress is None else progress, say=say)
        try:
            search = Search(
                subject,
                material,
                measure,
                gauge,
                workload=workload,
                seconds=seconds,
                max_loss=most,
                options={**(options or {}), "form": form},
                say=bar,
                began=began,
            )
            search.run(recipes)
            verdict = evaluate_shortlist(search)
            # The cell that it ran in says what came of it, in the panel and wherever its record is shown.
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
            bar.close()
    return result_of(search, verdict, window, use, (*subject.notes, *search.material.notes, *problems))


def quantize(model: Any, data: Any, **options: Any) -> ShrinkResult:
    """Fewer bits alone: bf16 and int8, in PyTorch and in ONNX Runtime; measured and reported as by `shrink`.

    Parameters
    ----------
    model, data, **options
        As for `shrink`.
    """
    return shrink(model, data, recipes=recipes_of("quantize", options)[0], **options)


def prune(model: Any, data: Any, ratio: float = 0.5, *, score: str = "taylor", **options: Any) -> ShrinkResult:
    """Narrower layers alone, repaired by distillation; measured and reported as by `shrink`.

    Parameters
    ----------
    model, data, **options
        As for `shrink`.
    ratio : float
        Share of the channels (or feed-forward units) that goes, between 0 and 1.
    score : {"taylor", "fisher"}
        What says which are missed least.
    """
    return shrink(model, data, recipes=recipes_of("prune", {"ratio": ratio, "score": score})[0], **options)


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

__all__ = ["distil", "distill", "prune", "quantize", "recipes_of", "seconds_of", "share_of", "shrink"]


def recipes_of(what: str, options: Mapping[str, Any]) -> tuple[list[Recipe], list[str]]:
    """Return the recipes of a call, and what was wrong with third parties'.

    Raises
    ------
    ShrinkError
        If an option of one of them makes no sense.
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
            raise ShrinkError(f"A ratio is a number between 0 and 1, and {ratio!r} is none.")
        if not 0 < float(ratio) < 1:
            raise ShrinkError(f"A ratio of {ratio} takes nothing or everything; give a number between 0 and 1.")
        score = options.get("score") or SCORES[0]
        if score not in SCORES:
            raise ShrinkError(f"{score!r} is no score; take taylor or fisher.")
        return [Prune(float(ratio), score)], []
    if what == "distil":
        layers, student = options.get("layers"), options.get("student")
        if student is not None and layers is not None:
            raise ShrinkError("Give layers or a student, not both.")
        if layers is not None and layers < 1:
            raise ShrinkError(f"A model of {layers} layers is none; give a whole number from 1 on.")
        return [Depth(layers) if student is None else Student(source_model_of(student).model)], []
    return known_recipes()


def first_outputs(subject: SourceModel, material: DataSplits, *, trained: bool = False) -> Any:
    """Return what the model returns for one batch.

    Where it is `trained` with data of its own, the model is called with that too.

    Raises
    ------
    ShrinkError
        If the model can't be called with the data; one sentence.
    """
    import torch

    with torch.inference_mode():
        careful = replace(subject, writes=True)  # whether it writes into its inputs isn't known yet
        output = called(careful, material.select[0])
        if trained:  # where it is of another make, each recipe that repairs would fail after minutes
            called(careful, material.tune[0], "training data")
    return output
