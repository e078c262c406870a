"""What a model is asked to do, and which of its outputs answers: one rule for shrinking and for comparing.

A task is known from what the person says, from the model (its class, its configuration), or from the labels (their
values, -100, whether they are the inputs themselves). Shapes only say whether a task fits: they never choose one. Where
nothing tells, one sentence asks for it.
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
"""Label of a place that is not judged, as PyTorch has it."""
LANGUAGE = ("causal-lm", "masked-lm", "seq2seq")


@dataclass(frozen=True)
class Task:
    """A task, and how outputs are read as its answers.

    Parameters
    ----------
    name : str
        "unknown" where nothing tells it, as with a metric of the person's own: nothing is trained on labels then.
    axis : int or None
        Axis of the outputs that has one score of each class; None where each number is an answer by itself.
    threshold : float or None
        Above which such a number says yes: 0 of a logit, 0.5 of a probability.
    shift : bool
        Whether the answer at a place is to the label at the next one.
    ignored : int
        Label of what is not judged.
    output : tuple
        Where the judged tensor stands in what the model returns; empty where it returns nothing else.
    classes : int or None
        How many classes are told apart.
    told : bool
        Whether the model's class or the person says it; False where it was read off the labels.
    """

    name: Name = "classification"
    axis: int | None = -1
    threshold: float | None = None
    shift: bool = False
    ignored: int = IGNORED
    output: Path = field(default=())
    classes: int | None = None
    told: bool = True

    def of(self, output: Any) -> Any:
        """Return the judged tensor of what a model returned."""
        found: Any = output
        steps: tuple[Any, ...] = self.output
        try:
            for step in steps:
                held = isinstance(found, Mapping) or isinstance(step, int)
                found = found[step] if held else getattr(found, str(step))
        except (KeyError, IndexError, TypeError, AttributeError):
            found = None  # what stands in for the model may return this one tensor alone
        if hasattr(found, "dim"):
            return found
        return main_tensor(output)

    def aligned(self, outputs: Any, labels: Any) -> tuple[Any, Any]:
        """Return outputs and labels place by place: shifted, and of a map of classes in the labels' size."""
        if self.shift:
            return outputs[:, :-1], labels[:, 1:]
        maps = self.name == "segmentation" and self.axis == 1 and outputs.dim() == 4 and labels.dim() == 3
        if maps and outputs.shape[2:] != labels.shape[1:]:
            from torch.nn.functional import interpolate

            outputs = interpolate(outputs, size=labels.shape[1:], mode="bilinear", align_corners=False)
        return outputs, labels

    def answers(self, outputs: Any) -> Any:
        """Return the class that each answer says."""
        if self.axis is None:
            return (outputs > (self.threshold or 0.0)).long()
        return outputs.argmax(self.axis)

    def wanted(self, labels: Any, answers: Any) -> tuple[Any, Any]:
        """Return the class that each answer should be, in the answers' shape, and where there is one."""
        labels = labels.to(answers.device).reshape(answers.shape)
        known = labels != self.ignored
        labels = labels > 0 if self.axis is None else labels
        return labels.long(), known

    def loss(self, outputs: Any, labels: Any) -> Any:
        """Return what training on the labels makes small, a mean over what is judged."""
        from torch.nn.functional import binary_cross_entropy, binary_cross_entropy_with_logits, cross_entropy, mse_loss

        outputs, labels = self.aligned(outputs, labels.to(outputs.device))
        if self.name == "regression":
            return mse_loss(outputs, labels.reshape(outputs.shape).to(outputs.dtype))
        if self.axis is not None:
            scores = outputs.movedim(self.axis, -1)
            return cross_entropy(
                scores.flatten(0, -2), labels.reshape(scores.shape[:-1]).flatten().long(), ignore_index=self.ignored
            )
        wanted, known = self.wanted(labels, outputs)
        given, right = outputs[known], wanted[known].to(outputs.dtype)
        if self.threshold:
            return binary_cross_entropy(given.clamp(0.0, 1.0), right)
        return binary_cross_entropy_with_logits(given, right)

    @property
    def trainable(self) -> bool:
        """Whether it is known what labels ask for, so that something can be trained on them."""
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
    """Return the task by which a tensor of outputs is an answer to labels.

    Parameters
    ----------
    outputs : Tensor
        One batch's.
    labels : Tensor or None
        The same batch's.
    model : object, optional
        Whose they are; its class and configuration are asked.
    inputs : object, optional
        The batch's: labels of a language model are its own tokens.
    task : str, optional
        What the person says.
    metric : object, optional
        What the person wants to judge with, which says something of the task too.

    Raises
    ------
    ShrinkError
        If it isn't known, or doesn't fit; one sentence.
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
    known, name = name is not None, name or _of_labels(outputs, labels, inputs, metric)
    found = _fitted(name, outputs, labels, known=known)
    if found is None:
        raise ShrinkError(_unfit(name, outputs, labels))
    found = replace(found, told=known or metric is not None or is_classifier(model))
    if name == "causal-lm":
        found = replace(found, shift=told_by_tokens(inputs, labels) != "next")
    if name == "segmentation":
        ignored = getattr(getattr(model, "config", None), "semantic_loss_ignore_index", None)
        found = replace(found, ignored=IGNORED if ignored is None else int(ignored))
    return found


def told_by_tokens(inputs: Any, labels: Any) -> Literal["same", "next"] | None:
    """Return whether labels are the input's own tokens, at their places or moved on by one already; None where not."""
    known = labels != IGNORED
    for leaf in leaves(inputs):
        if leaf.is_floating_point() or leaf.shape != labels.shape or labels.dim() != 2 or labels.shape[1] < 2:
            continue
        beside = labels.to(leaf.device)
        if bool(known.any()) and bool((leaf == beside)[known.to(leaf.device)].all()):
            return "same"
        inner = known[:, :-1].to(leaf.device)
        if bool(inner.any()) and bool((leaf[:, 1:] == beside[:, :-1])[inner].all()):
            return "next"
    return None


def _of_labels(outputs: Any, labels: Any, inputs: Any, metric: Any) -> Name:  # noqa: PLR0911 - one return a task
    """Return the task that the labels' own values tell."""
    if _same_places(outputs, labels):
        if _is_yes_or_no(labels):
            return "binary" if labels[0].numel() == 1 else "multi-label"
        if labels.is_floating_point():
            _see_that_no_shares(outputs, labels)
            return "regression"
        if labels[0].numel() == 1:
            return "regression"  # one output can't tell more than two classes apart
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
    tokens = told_by_tokens(inputs, labels)
    if tokens == "next" or (tokens == "same" and metric == "perplexity"):
        return "causal-lm"
    if tokens == "same":
        raise ShrinkError(
            "The labels are the tokens of the inputs, and the model does not tell what it makes of them: give "
            "task='causal-lm' where it predicts the next one, or task='token-classification' where it gives each back "
            "(--task)."
        )
    if metric == "perplexity":
        raise ShrinkError(
            "Perplexity of the next token or of hidden ones? The model and its labels don't tell: give "
            "task='causal-lm' or task='masked-lm' (--task)."
        )
    return "token-classification"


def _fitted(name: Name, outputs: Any, labels: Any, *, known: bool) -> Task | None:
    """Return the task where outputs and labels are of its shapes; None where not.

    Where the scores of classes may lie along either of two axes, a task that is `known` says which; else it is asked.
    """
    if name == "regression":
        return Task(name, None) if _same_places(outputs, labels) else None
    if name in ("binary", "multi-label"):
        if not _same_places(outputs, labels) or not _is_yes_or_no(labels):
            return None
        sure = bool(((outputs >= 0) & (outputs <= 1)).all())
        return Task(name, None, 0.5 if sure else 0.0, classes=2 if name == "binary" else labels[0].numel())
    if not are_whole(labels) or outputs.dim() < 2:
        return None
    places = _bare(labels.shape[1:])
    last, first = _bare(outputs.shape[1:-1]) == places, _bare(outputs.shape[2:]) == places
    if name == "classification":
        last, first = last and not places, False
    elif name == "segmentation":
        # A map of classes of another size is made the labels': only where it is known to be one.
        alike = known and outputs.dim() == 4 and len(places) == 2 and not last
        first = (first or alike) and outputs.dim() >= 3
    elif name == "token-classification":
        last, first = (one and outputs.dim() == 3 and len(places) <= 1 for one in (last, first and bool(places)))
    else:
        last, first = last and outputs.dim() == 3 and len(places) <= 1, False
    if not (last or first):
        return None
    if last and first and not known:
        moved = "hand over a module that moves them to the second"
        end = "give task='token-classification'" if outputs.dim() == 3 else moved
        raise ShrinkError(
            f"The outputs of shape {tuple(outputs.shape)} may hold the scores of classes along the second axis or the "
            f"last one: where it is the second, give task='segmentation' (--task); where it is the last, {end}."
        )
    first = first and not (last and name == "token-classification")
    axis = 1 if first else -1
    count = outputs.shape[axis]
    return Task(name, axis, classes=count) if count > 1 else None


def _unlabelled(name: Name | None, outputs: Any) -> Task:
    """Return how answers are read where they are only held against the original's."""
    if name == "segmentation":
        return Task(name, 1, classes=outputs.shape[1])
    if name in ("binary", "multi-label"):
        sure = bool(((outputs >= 0) & (outputs <= 1)).all())
        return Task(name, None, 0.5 if sure else 0.0)
    if outputs.dim() > 3:
        raise ShrinkError(
            f"The model answers in shape {tuple(outputs.shape)}, and which of it are classes is not known: give "
            "labels, task='segmentation' (--task), or metric= with a function of your own."
        )
    return Task(name or "unknown", -1, classes=outputs.shape[-1] if outputs.dim() > 1 else None)


def _see_that_no_shares(outputs: Any, labels: Any) -> None:
    """Raise ShrinkError where labels are shares of classes and the outputs are not."""
    if labels.dim() != 2 or labels.shape[1] < 2 or outputs.dim() != 2:
        return
    ones, between = labels.sum(-1), bool(((labels >= 0) & (labels <= 1)).all())
    shares = between and bool(((ones - 1).abs() < 1e-3).all())
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
        return f"The metric mean squared error wants a number for each output, {shapes}{hint}."
    wants = {
        "classification": "one whole number per example and scores of classes",
        "binary": "one yes or no (1 or 0) for each output",
        "multi-label": "one yes or no (1 or 0) for each output",
        "token-classification": "a whole number for each token and scores of classes at each",
        "segmentation": "a whole number for each place and scores of classes along the second axis",
    }.get(name, "tokens and scores of each")
    return f"The task {name} wants {wants}, {shapes}; give another task= (--task), or metric= with a function."


def are_whole(labels: Any) -> bool:
    """Whether labels are whole numbers, whatever their type."""
    return not labels.is_floating_point() or bool((labels == labels.round()).all())


def _is_yes_or_no(labels: Any) -> bool:
    """Whether all labels are 0 or 1, or -1 or 1; -100 aside."""
    import torch

    values = set(torch.unique(labels.detach().cpu()).tolist()) - {IGNORED}
    return bool(values) and (values <= {0, 1} or values <= {-1, 1})


def _same_places(outputs: Any, labels: Any) -> bool:
    """Whether there is a number for each label."""
    return _bare(outputs.shape[1:]) == _bare(labels.shape[1:])


def _bare(shape: Any) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)
