"""Selects the metric: the one the user asked for, or the one that fits labels and outputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from jupyter_green.compression.data.batch import Batch, leaves, mapped
from jupyter_green.compression.data.splits import DataSplits
from jupyter_green.compression.errors import ShrinkError
from jupyter_green.compression.model.call_errors import called
from jupyter_green.compression.model.outputs import MAIN, VECTORS, Path, listed, main_tensor, rank, tensors_of
from jupyter_green.compression.model.source_model import SourceModel
from jupyter_green.compression.model.task import LANGUAGE, Task, task_of
from jupyter_green.compression.model.task_names import of_model

from .metric import F1, PLACES, Agreement, Cosine, Metric, Own, PerPlace, Perplexity, SquaredError

THRESHOLD_EXAMPLES = 256
"""Examples from which the decision threshold of a binary output is determined."""
VOID = 255
"""Label of a pixel without a class, as in Cityscapes and Pascal VOC."""
VOID_LABEL_NOTE = "Pixels with the label 255, which is none of the classes, were left out."
UNIT = 1e-2
"""Tolerance of a normalized vector's length, sufficient for half precision."""
MUCH_BETTER = 0.1
"""If a threshold of 0.5 is better than 0 by this share of correct answers, outputs may not be logits."""


def metric_of(wanted: Any, outputs: Any, labels: Any, *, vectors: bool, task: Task | None = None) -> Metric:
    """Return the metric that the user asked for by name or as ``function(outputs, labels)``, or the one of the task.

    Outputs and labels are those of one batch; labels may be None. `vectors`: outputs are embeddings rather than class
    scores. The task is by default derived from the labels. Raises ShrinkError if it is unknown, or its labels are
    missing or do not fit.
    """
    if callable(wanted):
        return Own(wanted)
    free = wanted is not None and str(wanted).lower() in ("cosine", "agreement")
    if task is None:
        task = task_of(outputs, None if free else labels, metric=wanted)
    if wanted is None:
        if labels is None:
            wanted = "cosine" if vectors else "agreement"
        elif task.name in LANGUAGE:
            wanted = "perplexity"
        else:
            wanted = "mse" if task.name == "regression" else "accuracy"
    per_element = (
        task.name in PLACES or task.name == "multi-label" or (labels is not None and labels.numel() > len(labels))
    )
    factories: dict[str, Callable[[], Metric]] = {
        "accuracy": lambda: PerPlace(task) if per_element else Metric(task),
        "perplexity": lambda: Perplexity(task),
        "cosine": Cosine,
        "mse": SquaredError,
        "agreement": lambda: Agreement(task),
        "f1": lambda: F1(task.classes or outputs.shape[-1], task),
    }
    factory = factories.get(str(wanted).lower())
    if factory is None:
        raise ShrinkError(
            f"{wanted!r} is not a metric; take accuracy, f1, perplexity, cosine, mse, agreement or your own function."
        )
    metric = factory()
    if metric.labels and labels is None:
        raise ShrinkError(f"The metric {metric.name} needs labels, and the data has none; take metric='agreement'.")
    if by_class(metric) and task.classes is None:
        raise ShrinkError(f"The metric {metric.name} needs classes, and the task is {task.name}; take metric='mse'.")
    if isinstance(metric, Perplexity) and (task.name not in LANGUAGE or labels.dim() != 2 or outputs.dim() != 3):
        raise ShrinkError(
            f"The metric perplexity needs tokens and scores of each, not labels of {tuple(labels.shape)} and outputs "
            f"of shape {tuple(outputs.shape)}; of a language model say which: task='causal-lm' or 'masked-lm' (--task)."
        )
    if not metric.labels and task.axis is not None and (outputs.dim() < 2 or outputs.shape[task.axis] < 2):
        raise ShrinkError(
            f"The model gives one number for each example, and {metric.name} is the same whatever that is; "
            "give labels, or metric= with a function of your own."
        )
    return metric


def by_class(metric: Metric) -> bool:
    """Whether the metric counts correct classes."""
    return metric.kind in ("accuracy", "accuracy per place", "F1")


def check_classes(metric: Metric, batches: Sequence[Batch]) -> None:
    """Check the labels of all batches, if they are numbers of classes or tokens.

    Raises ShrinkError if a label is not one of the model's classes, or nothing is labelled.
    """
    task = metric.task
    if not by_class(metric) and not isinstance(metric, Perplexity):
        return
    labels = [batch.labels for batch in batches if batch.labels is not None]
    labelled = [label[label != task.ignored] for label in labels]
    if not any(len(label) for label in labelled):
        raise ShrinkError(f"Every label is {task.ignored}, which means no class; nothing can be evaluated.")
    lowest = min(int(label.min()) for label in labelled if len(label))
    highest = max(int(label.max()) for label in labelled if len(label))
    single_label = isinstance(metric, (Metric, F1)) and all(label.dim() == 1 for label in labels)
    if single_label and any(len(kept) < len(label) for kept, label in zip(labelled, labels, strict=True)):
        lowest = task.ignored  # plain accuracy can't ignore an unlabelled example
    if task.axis is not None and task.classes is not None and (highest >= task.classes or lowest < 0):
        hint = "; where some stand for none, give -100 in their place" if isinstance(metric, PerPlace) else ""
        hint = "; labels that count from 1 are given as y - 1" if (lowest, highest) == (1, task.classes) else hint
        raise ShrinkError(f"The labels run from {lowest} to {highest}, but the model has {task.classes} classes{hint}.")
    if task.axis is None and not (lowest >= -1 and highest <= 1):
        raise ShrinkError(f"The labels run from {lowest} to {highest}, and the model answers with yes or no.")


def judged_by(
    subject: SourceModel, material: DataSplits, output: Any, *, metric: Any = None, task: str | None = None
) -> tuple[SourceModel, DataSplits, Metric]:
    """Return the model with its task, the data with what was learnt about it, and the metric.

    `output` is the model's for the first batch of the validation split; `metric` and `task` are the user's options.
    Raises ShrinkError if it is not clear what to evaluate, or the data does not fit.
    """
    batch = material.select[0]
    free = isinstance(metric, str) and metric.lower() in ("cosine", "agreement")
    labels = None if free else batch.labels
    options = {"model": subject.model, "inputs": batch.inputs, "task": task, "metric": metric}
    try:
        labelled_batches = () if labels is None else (*material.select, *material.judge)
        highest = max((int(item.labels.max()) for item in labelled_batches), default=None)
        judged = judged_output(output, labels, size=batch.size, most=highest, **options)
    except ShrinkError:
        if not callable(metric) or task is not None:
            raise
        # A user's function needs no known task; nothing is trained on the labels.
        tensors = _of_examples(output, batch.size)
        if len(tensors) > 1 and not _is_named(tensors):
            raise ShrinkError(
                f"The model returns {len(tensors)} tensors ({listed(tensors)}), and your metric gets one; hand over a "
                "module that returns one tensor of all that counts."
            ) from None
        judged = Task("unknown", output=tensors[0][0])
    subject = replace(subject, writes=_writes_inputs(subject, batch))
    if has_void_label(judged, labels if labels is None else [item.labels for item in labelled_batches]):
        judged = replace(judged, ignored=VOID)
        material = replace(material, notes=(*material.notes, VOID_LABEL_NOTE))
    if judged.threshold is not None and labels is not None and metric != "mse":
        judged = _with_threshold(subject, judged, material.select)
    names = {path[-1] for path, _ in tensors_of(output) if len(path) == 1}
    vectors = subject.kind == "sentence-transformers" or (not names.isdisjoint(VECTORS) and "logits" not in names)
    unsure = judged.name == "unknown" if labels is None else judged.name == "classification" and not judged.told
    vectors = vectors or (unsure and _of_unit_length(judged.of(output)))
    if vectors and labels is not None and not callable(metric):
        raise ShrinkError(
            f"{subject.name} gives embeddings, for which there is no right label; leave the labels out, or put a "
            "classifier behind it."
        )
    subject = replace(subject, task=judged)
    measure = metric_of(metric, judged.of(output), labels, vectors=vectors, task=judged)
    check_classes(measure, [*material.select, *material.judge])
    return subject, replace(material, labelled=material.labelled and judged.trainable and not free), measure


def has_void_label(task: Task, labels: Sequence[Any] | None) -> bool:
    """Whether 255 marks pixels without a class in segmentation maps: it is larger than any class."""
    if task.name != "segmentation" or task.ignored == VOID or labels is None:
        return False
    values = {int(value) for batch_labels in labels for value in batch_labels.unique().tolist()}
    classes = 1 + max(values - {VOID}, default=0) if task.classes is None else task.classes
    return VOID in values and task.ignored not in values and max(values - {VOID}, default=0) < classes < VOID


def _of_unit_length(outputs: Any) -> bool:
    """Whether every row has length one, like embeddings and unlike class scores."""
    if outputs.dim() != 2 or outputs.shape[1] < 2:
        return False
    outputs = outputs.float()
    shares = bool((outputs >= 0).all()) and bool(((outputs.sum(-1) - 1).abs() < UNIT).all())
    return not shares and bool(((outputs.norm(dim=-1) - 1).abs() < UNIT).all())


def _writes_inputs(subject: SourceModel, batch: Batch) -> bool:
    """Whether a model changes its inputs, as in-place layers do."""
    import torch

    original = batch.to(subject.device)
    copied = replace(original, inputs=mapped(original.inputs, lambda leaf: leaf.clone()))
    with torch.inference_mode(), subject.kept():
        called(subject, copied)
    pairs = zip(leaves(original.inputs), leaves(copied.inputs), strict=True)
    return any(before.shape != after.shape or not torch.equal(before, after) for before, after in pairs)


def _with_threshold(subject: SourceModel, task: Task, batches: Sequence[Batch]) -> Task:
    """Return the task with the threshold above which an output is positive, determined on more examples.

    Raises ShrinkError if outputs are no probabilities, and a threshold of 0.5 is far better than one of 0.
    """
    import torch

    outputs, labels, count = [], [], 0
    with torch.inference_mode():
        for batch in batches:
            if count >= THRESHOLD_EXAMPLES:
                break
            outputs.append(task.of(called(subject, batch)).reshape(-1))
            labels.append(batch.labels.to(outputs[-1].device).reshape(-1))
            count += batch.size
    scores, wanted = torch.cat(outputs), torch.cat(labels)
    scores, wanted = scores[wanted != task.ignored], wanted[wanted != task.ignored] > 0
    if bool(((scores >= 0) & (scores <= 1)).all()):
        return replace(task, threshold=0.5)
    zero, half = (float(((scores > at) == wanted).double().mean()) for at in (0.0, 0.5))
    if not task.told and half - zero > MUCH_BETTER:
        raise ShrinkError(
            f"Read by its sign the model's one output is right {100 * zero:.0f} % of the time, and above 0.5 it is "
            f"{100 * half:.0f} %, so it may be no logit: give task='regression' (--task) where it was trained to give "
            "the label as a number, or task='binary' where above 0 is yes."
        )
    return replace(task, threshold=0.0)


def judged_output(output: Any, labels: Any, *, size: int, most: int | None = None, **known: Any) -> Task:
    """Return the task with the output to evaluate: the one that fits the labels.

    Output and labels are those of one batch of `size` examples; `most` is the largest label of all data, by default of
    this batch. Other options are those of `task_of`. Raises ShrinkError if no output fits, or several do and their
    names do not decide.
    """
    if known.get("task") is None:
        of_model(known.get("model"))  # unsupported model heads are rejected first
    items = _of_examples(output, size)
    first = items[0]
    if len(items) == 1 or (labels is None and _is_named(items)):
        return replace(task_of(first[1], labels, **known), output=first[0])
    if labels is None:
        raise ShrinkError(
            f"The model returns {len(items)} tensors ({listed(items)}), and without labels it is not known which of "
            "them counts; give labels, or hand over a module that returns that one."
        )
    fitting, refusals = list[tuple[Path, Task]](), list[ShrinkError]()
    for path, tensor in items:
        try:
            fitting.append((path, replace(task_of(tensor, labels, **known), output=path)))
        except ShrinkError as error:
            refusals.append(error)
    if not fitting:
        raise refusals[0]
    return _the_one(fitting, int(labels.max()) if most is None else most)


def _of_examples(output: Any, size: int) -> list[tuple[Path, Any]]:
    """Return the tensors with one row per example, in the order of their names' rank; all tensors if there are none."""
    main_tensor(output)  # raises an error if there is no tensor
    tensors = list(tensors_of(output))
    per_example = [
        item for item in tensors if item[1].dim() and len(item[1]) == size and item[1].is_floating_point()
    ] or tensors
    return sorted(per_example, key=lambda item: rank(item[0]))


def _is_named(found: Sequence[tuple[Path, Any]]) -> bool:
    """Whether the first of several outputs has a name that marks it as the main one, and no other is equal in rank."""
    first = rank(found[0][0])
    return first < len(MAIN) and (len(found) == 1 or rank(found[1][0]) > first)


def _the_one(fitting: list[tuple[Path, Task]], most: int) -> Task:
    """Return the fitting output that is marked by its name, else the only one with one score per class."""
    if len(fitting) == 1 or _is_named(fitting):
        return fitting[0][1]
    exact = [task for _, task in fitting if task.axis is not None and task.classes == most + 1]
    if len(exact) == 1:
        return exact[0]
    raise ShrinkError(
        f"Several of the model's outputs fit the labels ({listed(fitting)}); hand over a module that returns the one "
        "that counts."
    )
