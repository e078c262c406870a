"""The task of a model, and which of its outputs is the prediction: one rule for compression and comparison.

A task is determined by the user, by the model (class and configuration) or by the labels (their values, -100, whether
they equal the inputs). Shapes only decide whether a task fits; they never choose one. If the task remains unknown, the
error asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from jupyter_green.compression.data.batch import leaves
from jupyter_green.compression.errors import ShrinkError

from .outputs import Path, main_tensor
from .task_names import Name, is_classifier, is_one_output, named, of_model

IGNORED = -100
"""Label of an element that is not evaluated, as in PyTorch."""
LANGUAGE = ("causal-lm", "masked-lm", "seq2seq")


@dataclass(frozen=True)
class Task:
    """A task, and how outputs are read as predictions."""

    name: Name = "classification"
    """"unknown" if undetermined, as with the user's own metric; labels are not used for training then."""
    axis: int | None = -1
    """Axis of the class scores; None where each number is a prediction by itself."""
    threshold: float | None = None
    """Above which such a number means yes: 0 for a logit, 0.5 for a probability."""
    shift: bool = False
    """Whether the prediction at a position is for the label at the next one."""
    ignored: int = IGNORED
    """Label of an element that is not evaluated."""
    output: Path = field(default=())
    """Location of the prediction in the model's output; empty if that is a single tensor."""
    classes: int | None = None
    """Number of classes."""
    told: bool = True
    """Whether the model's class or the user determines it; False if it was inferred from the labels."""

    def of(self, output: Any) -> Any:
        """Return the prediction tensor in a model's output."""
        value: Any = output
        steps: tuple[Any, ...] = self.output
        try:
            for step in steps:
                by_item = isinstance(value, Mapping) or isinstance(step, int)
                value = value[step] if by_item else getattr(value, str(step))
        except (KeyError, IndexError, TypeError, AttributeError):
            value = None  # a model with this signature may return only this tensor
        if hasattr(value, "dim"):
            return value
        return main_tensor(output)

    def aligned(self, outputs: Any, labels: Any) -> tuple[Any, Any]:
        """Return outputs and labels that correspond element by element: shifted, or class maps resized."""
        if self.shift:
            return outputs[:, :-1], labels[:, 1:]
        maps = self.name == "segmentation" and self.axis == 1 and outputs.dim() == 4 and labels.dim() == 3
        if maps and outputs.shape[2:] != labels.shape[1:]:
            from torch.nn.functional import interpolate

            outputs = interpolate(outputs, size=labels.shape[1:], mode="bilinear", align_corners=False)
        return outputs, labels

    def answers(self, outputs: Any) -> Any:
        """Return the predicted classes."""
        if self.axis is None:
            return (outputs > (self.threshold or 0.0)).long()
        return outputs.argmax(self.axis)

    def wanted(self, labels: Any, answers: Any) -> tuple[Any, Any]:
        """Return the expected classes in the shape of the answers, and a mask of those to evaluate."""
        labels = labels.to(answers.device).reshape(answers.shape)
        mask = labels != self.ignored
        labels = labels > 0 if self.axis is None else labels
        return labels.long(), mask

    def loss(self, outputs: Any, labels: Any) -> Any:
        """Return the loss for training on the labels, the mean over the evaluated elements."""
        from torch.nn.functional import binary_cross_entropy, binary_cross_entropy_with_logits, cross_entropy, mse_loss

        outputs, labels = self.aligned(outputs, labels.to(outputs.device))
        if self.name == "regression":
            return mse_loss(outputs, labels.reshape(outputs.shape).to(outputs.dtype))
        if self.axis is not None:
            scores = outputs.movedim(self.axis, -1)
            return cross_entropy(
                scores.flatten(0, -2), labels.reshape(scores.shape[:-1]).flatten().long(), ignore_index=self.ignored
            )
        expected, mask = self.wanted(labels, outputs)
        predicted, target = outputs[mask], expected[mask].to(outputs.dtype)
        if self.threshold:
            return binary_cross_entropy(predicted.clamp(0.0, 1.0), target)
        return binary_cross_entropy_with_logits(predicted, target)

    @property
    def trainable(self) -> bool:
        """Whether the meaning of the labels is known, so that they can be used for training."""
        return self.name != "unknown"


def task_of(
    outputs: Any,
    labels: Any,
    *,
    model: Any = None,
    inputs: Any = None,
    task: str | None = None,
    metric: Any = None,
) -> Task:
    """Return the task of a model from its outputs and labels for one batch.

    Class and configuration of the model, the user's choice and metric may determine it; a language model's labels are
    its own tokens, so its inputs matter. Raises ShrinkError if the task is unknown or doesn't fit.
    """
    name = named(task) or ("regression" if metric == "mse" else of_model(model))
    if not outputs.is_floating_point():
        kind = str(outputs.dtype).removeprefix("torch.")
        raise ShrinkError(
            f"The model answers with {kind} numbers, which are no scores; hand over a module that returns the scores, "
            "or give metric= a function of your own."
        )
    if labels is None:
        return _unlabelled(name, outputs)
    if name is None and _same_places(outputs, labels) and is_one_output(model) and _is_yes_or_no(labels):
        raise ShrinkError(
            "The model gives one number for each example and the labels are yes or no, and its configuration does not "
            "say whether the number is a logit: give task='binary' (--task), or task='regression'."
        )
    is_known, name = name is not None, name or _of_labels(outputs, labels, inputs, metric)
    result = _fitted(name, outputs, labels, known=is_known)
    if result is None:
        raise ShrinkError(_unfit(name, outputs, labels))
    result = replace(result, told=is_known or metric is not None or is_classifier(model))
    if name == "causal-lm":
        result = replace(result, shift=label_alignment(inputs, labels) != "next")
    if name == "segmentation":
        ignored = getattr(getattr(model, "config", None), "semantic_loss_ignore_index", None)
        result = replace(result, ignored=IGNORED if ignored is None else int(ignored))
    return result


def label_alignment(inputs: Any, labels: Any) -> Literal["same", "next"] | None:
    """Return "same" if labels are the input's tokens, "next" if shifted by one already; None otherwise."""
    labelled = labels != IGNORED
    for leaf in leaves(inputs):
        if leaf.is_floating_point() or leaf.shape != labels.shape or labels.dim() != 2 or labels.shape[1] < 2:
            continue
        moved_labels = labels.to(leaf.device)
        if bool(labelled.any()) and bool((leaf == moved_labels)[labelled.to(leaf.device)].all()):
            return "same"
        inner = labelled[:, :-1].to(leaf.device)
        if bool(inner.any()) and bool((leaf[:, 1:] == moved_labels[:, :-1])[inner].all()):
            return "next"
    return None


def _of_labels(outputs: Any, labels: Any, inputs: Any, metric: Any) -> Name:  # noqa: PLR0911 - one return for each task
    """Return the task that the values of the labels imply."""
    if _same_places(outputs, labels):
        if _is_yes_or_no(labels):
            return "binary" if labels[0].numel() == 1 else "multi-label"
        if labels.is_floating_point():
            _check_not_probabilities(outputs, labels)
            return "regression"
        if labels[0].numel() == 1:
            return "regression"  # one output can't distinguish more than two classes
        raise ShrinkError(
            f"There are {labels[0].numel()} outputs for each example and as many whole-number labels, which may be "
            "amounts or classes: give task='regression' (--task), or metric= with a function of your own."
        )
    if labels.is_floating_point() and not (metric in ("accuracy", "f1") and are_whole(labels)):
        return "regression"
    if labels.numel() == len(labels) or outputs.dim() < 3:
        return "classification"
    if outputs.dim() > 3:
        return "segmentation"
    tokens = label_alignment(inputs, labels)
    if tokens == "next" or (tokens == "same" and metric == "perplexity"):
        return "causal-lm"
    if tokens == "same":
        raise ShrinkError(
            "The labels are the tokens of the inputs, and the model does not state what it predicts for them: give "
            "task='causal-lm' where it predicts the next one, or task='token-classification' where it gives each back "
            "(--task)."
        )
    if metric == "perplexity":
        raise ShrinkError(
            "Perplexity of the next token or of hidden ones? The model and its labels don't say: give "
            "task='causal-lm' or task='masked-lm' (--task)."
        )
    return "token-classification"


def _fitted(name: Name, outputs: Any, labels: Any, *, known: bool) -> Task | None:
    """Return the task if outputs and labels have its shapes; None otherwise.

    Where either of two axes may be that of the classes, a task that is `known` decides; otherwise an error asks for it.
    """
    if name == "regression":
        return Task(name, None) if _same_places(outputs, labels) else None
    if name in ("binary", "multi-label"):
        if not _same_places(outputs, labels) or not _is_yes_or_no(labels):
            return None
        is_probability = bool(((outputs >= 0) & (outputs <= 1)).all())
        return Task(name, None, 0.5 if is_probability else 0.0, classes=2 if name == "binary" else labels[0].numel())
    if not are_whole(labels) or outputs.dim() < 2:
        return None
    places = _bare(labels.shape[1:])
    last, first = _bare(outputs.shape[1:-1]) == places, _bare(outputs.shape[2:]) == places
    if name == "classification":
        last, first = last and not places, False
    elif name == "segmentation":
        # A class map may be resized to the labels only if it is known to be one.
        alike = known and outputs.dim() == 4 and len(places) == 2 and not last
        first = (first or alike) and outputs.dim() >= 3
    elif name == "token-classification":
        last, first = (one and outputs.dim() == 3 and len(places) <= 1 for one in (last, first and bool(places)))
    else:
        last, first = last and outputs.dim() == 3 and len(places) <= 1, False
    if not (last or first):
        return None
    if last and first and not known:
        move_axis = "hand over a module that moves them to the second"
        advice = "give task='token-classification'" if outputs.dim() == 3 else move_axis
        raise ShrinkError(
            f"The outputs of shape {tuple(outputs.shape)} may hold the scores of classes along the second axis or the "
            f"last one: where it is the second, give task='segmentation' (--task); where it is the last, {advice}."
        )
    first = first and not (last and name == "token-classification")
    axis = 1 if first else -1
    count = outputs.shape[axis]
    return Task(name, axis, classes=count) if count > 1 else None


def _unlabelled(name: Name | None, outputs: Any) -> Task:
    """Return how outputs are read if they are only compared with the original's."""
    if name == "segmentation":
        return Task(name, 1, classes=outputs.shape[1])
    if name in ("binary", "multi-label"):
        is_probability = bool(((outputs >= 0) & (outputs <= 1)).all())
        return Task(name, None, 0.5 if is_probability else 0.0)
    if outputs.dim() > 3:
        raise ShrinkError(
            f"The model answers in shape {tuple(outputs.shape)}, and which of it are classes is not known: give "
            "labels, task='segmentation' (--task), or metric= with a function of your own."
        )
    return Task(name or "unknown", -1, classes=outputs.shape[-1] if outputs.dim() > 1 else None)


def _check_not_probabilities(outputs: Any, labels: Any) -> None:
    """Raise ShrinkError where labels are class probabilities and the outputs are not."""
    if labels.dim() != 2 or labels.shape[1] < 2 or outputs.dim() != 2:
        return
    sums, within_unit = labels.sum(-1), bool(((labels >= 0) & (labels <= 1)).all())
    shares = within_unit and bool(((sums - 1).abs() < 1e-3).all())
    if shares and not bool(((outputs >= 0) & (outputs <= 1)).all()):
        raise ShrinkError(
            "Each example's labels are shares of classes that add up to 1, and the outputs are scores: give the class "
            "itself as label, or task='regression' (--task)."
        )


def _unfit(name: Name, outputs: Any, labels: Any) -> str:
    shapes = f"not labels of {tuple(labels.shape)} and outputs of shape {tuple(outputs.shape)}"
    if name == "regression":
        classes = "; where the labels are classes, give them as whole numbers, such as y.astype(int)"
        hint = classes if labels.is_floating_point() and are_whole(labels) else ""
        return f"The metric mean squared error needs a number for each output, {shapes}{hint}."
    requirements = {
        "classification": "one whole number per example and scores of classes",
        "binary": "one yes or no (1 or 0) for each output",
        "multi-label": "one yes or no (1 or 0) for each output",
        "token-classification": "a whole number for each token and scores of classes at each",
        "segmentation": "a whole number for each place and scores of classes along the second axis",
    }.get(name, "tokens and scores of each")
    return f"The task {name} needs {requirements}, {shapes}; give another task= (--task), or metric= with a function."


def are_whole(labels: Any) -> bool:
    """Whether labels are integers, in any dtype."""
    return not labels.is_floating_point() or bool((labels == labels.round()).all())


def _is_yes_or_no(labels: Any) -> bool:
    """Whether all labels are 0 or 1, or -1 or 1, apart from -100."""
    import torch

    values = set(torch.unique(labels.detach().cpu()).tolist()) - {IGNORED}
    return bool(values) and (values <= {0, 1} or values <= {-1, 1})


def _same_places(outputs: Any, labels: Any) -> bool:
    """Whether outputs and labels have the same number of elements in each dimension, apart from those of size 1."""
    return _bare(outputs.shape[1:]) == _bare(labels.shape[1:])


def _bare(shape: Any) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)
