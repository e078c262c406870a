"""Which metric fits: what a person asked for, or what the labels and the outputs are of."""

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
"""So many examples say above which number an output is a yes."""
VOID = 255
"""Label of a pixel that is of no class, in Cityscapes, VOC and what follows them."""
VOID_NOTE = "Pixels with the label 255, which is none of the classes, were left out."
UNIT = 1e-2
"""By how much the length of a normalized vector may differ from one, in half precision too."""
MUCH_BETTER = 0.1
"""Share of right answers by which a half has to be better than zero to doubt that outputs are logits."""


def metric_of(wanted: Any, outputs: Any, labels: Any, *, vectors: bool, task: Task | None = None) -> Metric:
    """Return the metric a person asked for, or the one that fits the task.

    Parameters
    ----------
    wanted : str, callable or None
        ``"accuracy"``, ``"f1"``, ``"perplexity"``, ``"cosine"``, ``"mse"``, ``"agreement"``, or
        ``function(outputs, labels) -> float``.
    outputs, labels : Tensor
        One batch's, to see what fits; labels may be None.
    vectors : bool
        Whether the outputs are embeddings and not scores of classes.
    task : Task, optional
        What the model is asked to do; told by the labels otherwise.

    Raises
    ------
    ShrinkError
        If it is unknown or its labels are missing or don't fit; one sentence.
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
    places = task.name in PLACES or task.name == "multi-label" or (labels is not None and labels.numel() > len(labels))
    known: dict[str, Callable[[], Metric]] = {
        "accuracy": lambda: PerPlace(task) if places else Metric(task),
        "perplexity": lambda: Perplexity(task),
        "cosine": Cosine,
        "mse": SquaredError,
        "agreement": lambda: Agreement(task),
        "f1": lambda: F1(task.classes or outputs.shape[-1], task),
    }
    found = known.get(str(wanted).lower())
    if found is None:
        raise ShrinkError(
            f"{wanted!r} is no metric; take accuracy, f1, perplexity, cosine, mse, agreement or a function of your own."
        )
    metric = found()
    if metric.labels and labels is None:
        raise ShrinkError(f"The metric {metric.name} needs labels, and the data has none; take metric='agreement'.")
    if by_class(metric) and task.classes is None:
        raise ShrinkError(f"The metric {metric.name} wants classes, and the task is {task.name}; take metric='mse'.")
    if isinstance(metric, Perplexity) and (task.name not in LANGUAGE or labels.dim() != 2 or outputs.dim() != 3):
        raise ShrinkError(
            f"The metric perplexity wants tokens and scores of each, not labels of {tuple(labels.shape)} and outputs "
            f"of shape {tuple(outputs.shape)}; of a language model say which: task='causal-lm' or 'masked-lm' (--task)."
        )
    if not metric.labels and task.axis is not None and (outputs.dim() < 2 or outputs.shape[task.axis] < 2):
        raise ShrinkError(
            f"The model gives one number for each example, and {metric.name} is the same whatever that is; "
            "give labels, or metric= with a function of your own."
        )
    return metric


def by_class(metric: Metric) -> bool:
    """Whether right answers to classes are counted."""
    return isinstance(metric, (F1, PerPlace)) or metric.name == "accuracy"


def see_that_classes_fit(metric: Metric, batches: Sequence[Batch]) -> None:
    """Look at the labels of all batches, where these are numbers of classes or tokens.

    Raises
    ------
    ShrinkError
        If a label is none of the classes that the model tells apart, or nothing is labelled.
    """
    task = metric.task
    if not by_class(metric) and not isinstance(metric, Perplexity):
        return
    labels = [batch.labels for batch in batches if batch.labels is not None]
    known = [label[label != task.ignored] for label in labels]
    if not any(len(label) for label in known):
        raise ShrinkError(f"Every label is {task.ignored}, which stands for none; nothing can be judged.")
    least = min(int(label.min()) for label in known if len(label))
    most = max(int(label.max()) for label in known if len(label))
    alone = isinstance(metric, (Metric, F1)) and all(label.dim() == 1 for label in labels)
    if alone and any(len(one) < len(label) for one, label in zip(known, labels, strict=True)):
        least = task.ignored  # an example without a label is not judged by the right answers of examples
    if task.axis is not None and task.classes is not None and (most >= task.classes or least < 0):
        hint = "; where some stand for none, give -100 in their place" if isinstance(metric, PerPlace) else ""
        hint = "; labels that count from 1 are given as y - 1" if (least, most) == (1, task.classes) else hint
        raise ShrinkError(
            f"The labels run from {least} to {most}, but the model tells {task.classes} classes apart{hint}."
        )
    if task.axis is None and not (least >= -1 and most <= 1):
        raise ShrinkError(f"The labels run from {least} to {most}, and the model answers with yes or no.")


def judged_by(
    subject: SourceModel, material: DataSplits, output: Any, *, metric: Any = None, task: str | None = None
) -> tuple[SourceModel, DataSplits, Metric]:
    """Return the subject that knows its task, the data as far as can be learnt from it, and the metric.

    Parameters
    ----------
    subject : SourceModel
        The model.
    material : DataSplits
        The data in its parts.
    output : object
        What the model returned for the first batch for choosing.
    metric, task
        What the person asked for.

    Raises
    ------
    ShrinkError
        If it isn't known what to judge, or the data doesn't fit; one sentence.
    """
    batch = material.select[0]
    free = isinstance(metric, str) and metric.lower() in ("cosine", "agreement")
    labels = None if free else batch.labels
    known = {"model": subject.model, "inputs": batch.inputs, "task": task, "metric": metric}
    try:
        every = () if labels is None else (*material.select, *material.judge)
        most = max((int(one.labels.max()) for one in every), default=None)
        found = judged_output(output, labels, size=batch.size, most=most, **known)
    except ShrinkError:
        if not callable(metric) or task is not None:
            raise
        # A function of the person's own judges, so nothing else needs to be known; nothing is trained on labels.
        tensors = _of_examples(output, batch.size)
        if len(tensors) > 1 and not _is_named(tensors):
            raise ShrinkError(
                f"The model returns {len(tensors)} tensors ({listed(tensors)}), and your metric gets one; hand over a "
                "module that returns one tensor of all that counts."
            ) from None
        found = Task("unknown", output=tensors[0][0])
    subject = replace(subject, writes=_writes_inputs(subject, batch))
    if is_void(found, labels if labels is None else [one.labels for one in every]):
        found = replace(found, ignored=VOID)
        material = replace(material, notes=(*material.notes, VOID_NOTE))
    if found.threshold is not None and labels is not None and metric != "mse":
        found = _with_threshold(subject, found, material.select)
    names = {path[-1] for path, _ in tensors_of(output) if len(path) == 1}
    vectors = subject.kind == "sentence-transformers" or (not names.isdisjoint(VECTORS) and "logits" not in names)
    unsure = found.name == "unknown" if labels is None else found.name == "classification" and not found.told
    vectors = vectors or (unsure and _of_unit_length(found.of(output)))
    if vectors and labels is not None and not callable(metric):
        raise ShrinkError(
            f"{subject.name} gives embeddings, which no label is the right answer to; leave the labels out, or put a "
            "classifier behind it."
        )
    subject = replace(subject, task=found)
    measure = metric_of(metric, found.of(output), labels, vectors=vectors, task=found)
    see_that_classes_fit(measure, [*material.select, *material.judge])
    return subject, replace(material, labelled=material.labelled and found.trainable and not free), measure


def is_void(task: Task, labels: Sequence[Any] | None) -> bool:
    """Whether 255 stands for no class in maps of classes, as most such data has it: it is none that there can be."""
    if task.name != "segmentation" or task.ignored == VOID or labels is None:
        return False
    values = {int(value) for one in labels for value in one.unique().tolist()}
    most = 1 + max(values - {VOID}, default=0) if task.classes is None else task.classes
    return VOID in values and task.ignored not in values and max(values - {VOID}, default=0) < most < VOID


def _of_unit_length(outputs: Any) -> bool:
    """Whether every row is a vector of length one, as embeddings are made and scores of classes are not."""
    if outputs.dim() != 2 or outputs.shape[1] < 2:
        return False
    outputs = outputs.float()
    shares = bool((outputs >= 0).all()) and bool(((outputs.sum(-1) - 1).abs() < UNIT).all())
    return not shares and bool(((outputs.norm(dim=-1) - 1).abs() < UNIT).all())


def _writes_inputs(subject: SourceModel, batch: Batch) -> bool:
    """Whether a model changes the numbers that it is called with, as layers that work in place do."""
    import torch

    given = batch.to(subject.device)
    copied = replace(given, inputs=mapped(given.inputs, lambda leaf: leaf.clone()))
    with torch.inference_mode(), subject.kept():
        called(subject, copied)
    pairs = zip(leaves(given.inputs), leaves(copied.inputs), strict=True)
    return any(one.shape != other.shape or not torch.equal(one, other) for one, other in pairs)


def _with_threshold(subject: SourceModel, task: Task, batches: Sequence[Batch]) -> Task:
    """Return the task with the number above which an output says yes, looked for on some more examples.

    Raises
    ------
    ShrinkError
        If the outputs are no probabilities, and are right far oftener above a half than above zero.
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
    given, wanted = torch.cat(outputs), torch.cat(labels)
    given, wanted = given[wanted != task.ignored], wanted[wanted != task.ignored] > 0
    if bool(((given >= 0) & (given <= 1)).all()):
        return replace(task, threshold=0.5)
    zero, half = (float(((given > at) == wanted).double().mean()) for at in (0.0, 0.5))
    if not task.told and half - zero > MUCH_BETTER:
        raise ShrinkError(
            f"Read by its sign the model's one output is right {100 * zero:.0f} % of the time, and above 0.5 it is "
            f"{100 * half:.0f} %, so it may be no logit: give task='regression' (--task) where it was trained to give "
            "the label as a number, or task='binary' where above 0 is yes."
        )
    return replace(task, threshold=0.0)


def judged_output(output: Any, labels: Any, *, size: int, most: int | None = None, **known: Any) -> Task:
    """Return the task with the output that is judged: the one that fits the labels.

    Parameters
    ----------
    output : object
        What the model returned for one batch.
    labels : Tensor or None
        The same batch's.
    size : int
        Examples of the batch.
    most : int, optional
        The largest label of all; of this batch otherwise.
    **known
        As for `task_of`.

    Raises
    ------
    ShrinkError
        If none fits, or several do and no name tells which counts.
    """
    if known.get("task") is None:
        of_model(known.get("model"))  # what answers with more than one tensor tells is refused first
    found = _of_examples(output, size)
    first = found[0]
    if len(found) == 1 or (labels is None and _is_named(found)):
        return replace(task_of(first[1], labels, **known), output=first[0])
    if labels is None:
        raise ShrinkError(
            f"The model returns {len(found)} tensors ({listed(found)}), and without labels it is not known which of "
            "them counts; give labels, or hand over a module that returns that one."
        )
    fitting, refusals = list[tuple[Path, Task]](), list[ShrinkError]()
    for path, tensor in found:
        try:
            fitting.append((path, replace(task_of(tensor, labels, **known), output=path)))
        except ShrinkError as error:
            refusals.append(error)
    if not fitting:
        raise refusals[0]
    return _the_one(fitting, int(labels.max()) if most is None else most)


def _of_examples(output: Any, size: int) -> list[tuple[Path, Any]]:
    """Return the tensors that have a row for each example, those first that a name says count; all where none has."""
    main_tensor(output)  # says where there is no tensor at all
    every = list(tensors_of(output))
    found = [item for item in every if item[1].dim() and len(item[1]) == size and item[1].is_floating_point()] or every
    return sorted(found, key=lambda item: rank(item[0]))


def _is_named(found: Sequence[tuple[Path, Any]]) -> bool:
    """Whether a name says that the first of several outputs counts, and of no other as much."""
    first = rank(found[0][0])
    return first < len(MAIN) and (len(found) == 1 or rank(found[1][0]) > first)


def _the_one(fitting: list[tuple[Path, Task]], most: int) -> Task:
    """Return the fitting output that a name tells, else the only one as wide as there are classes."""
    if len(fitting) == 1 or _is_named(fitting):
        return fitting[0][1]
    exact = [task for _, task in fitting if task.axis is not None and task.classes == most + 1]
    if len(exact) == 1:
        return exact[0]
    raise ShrinkError(
        f"Several of the model's outputs fit the labels ({listed(fitting)}); hand over a module that returns the one "
        "that counts."
    )
