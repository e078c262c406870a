"""Which metric fits: what a person asked for, or what the labels and the outputs are of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .batch import Batch
from .fault import ShrinkError
from .metric import F1, Agreement, Cosine, Metric, Own, Perplexity, SquaredError


def metric_of(wanted: Any, outputs: Any, labels: Any, *, vectors: bool) -> Metric:
    """Return the metric a person asked for, or the one that fits.

    Parameters
    ----------
    wanted : str, callable or None
        ``"accuracy"``, ``"f1"``, ``"perplexity"``, ``"cosine"``, ``"mse"``, ``"agreement"``, or
        ``function(outputs, labels) -> float``.
    outputs, labels : Tensor
        One batch's, to see what fits; labels may be None.
    vectors : bool
        Whether the outputs are embeddings and not scores of classes.

    Raises
    ------
    ShrinkError
        If it is unknown or its labels are missing or don't fit; one sentence.
    """
    import torch

    whole = labels is not None and not torch.is_floating_point(labels)
    if callable(wanted):
        return Own(wanted)
    if wanted is None:
        if labels is None:
            wanted = "cosine" if vectors else "agreement"
        elif not whole:
            wanted = "mse"
        else:
            wanted = "perplexity" if labels.dim() == 2 and outputs.dim() == 3 else "accuracy"
    known: dict[str, Callable[[], Metric]] = {
        "accuracy": Metric,
        "perplexity": Perplexity,
        "cosine": Cosine,
        "mse": SquaredError,
        "agreement": Agreement,
        "f1": lambda: F1(outputs.shape[-1]),
    }
    found = known.get(str(wanted).lower())
    if found is None:
        raise ShrinkError(
            f"{wanted!r} is no metric; take accuracy, f1, perplexity, cosine, mse, agreement or a function of your own."
        )
    metric = found()
    if metric.labels and labels is None:
        raise ShrinkError(f"The metric {metric.name} needs labels, and the data has none; take metric='agreement'.")
    if metric.name in ("accuracy", "F1") and (not whole or labels.dim() != 1 or outputs.dim() != 2):
        raise ShrinkError(
            f"The metric {metric.name} wants one whole number per example and scores of classes, not labels of "
            f"{tuple(labels.shape)} and outputs of shape {tuple(outputs.shape)}; several labels of one example are "
            "judged by squared error as numbers (floats), or by metric= with a function of your own."
        )
    if not metric.labels and (outputs.dim() < 2 or outputs.shape[-1] < 2):
        raise ShrinkError(
            f"The model gives one number for each example, and {metric.name} is the same whatever that is; "
            "give labels, or metric= with a function of your own."
        )
    _see_that_labels_fit(metric, outputs, labels)
    return metric


def see_that_classes_fit(metric: Metric, batches: Sequence[Batch], classes: int) -> None:
    """Look at the labels of all batches, where these are numbers of classes.

    Raises
    ------
    ShrinkError
        If a label is none of the classes that the model tells apart.
    """
    if metric.name not in ("accuracy", "F1"):
        return
    labels = [batch.labels for batch in batches if batch.labels is not None]
    least = min(int(label.min()) for label in labels)
    most = max(int(label.max()) for label in labels)
    if most >= classes or least < 0:
        raise ShrinkError(f"The labels run from {least} to {most}, but the model tells {classes} classes apart.")


def _see_that_labels_fit(metric: Metric, outputs: Any, labels: Any) -> None:
    """Raise ShrinkError where labels are of another shape than this metric compares."""
    wants = ""
    if isinstance(metric, SquaredError) and labels.numel() != outputs.numel():
        wants = "a number for each output"
    elif isinstance(metric, Perplexity) and (labels.dim(), outputs.dim()) != (2, 3):
        wants = "tokens and scores of each"
    if wants:
        raise ShrinkError(
            f"The metric {metric.name} wants {wants}, not labels of {tuple(labels.shape)} and outputs of shape "
            f"{tuple(outputs.shape)}."
        )
