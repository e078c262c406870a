"""Quality metrics, computed from per-example parts so that two models are compared on the same examples.

A metric is a function of sums over examples (correct answers; log-likelihood and tokens; hits and misses per class). So
parts can be resampled by example, and outputs need not be stored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from jupyter_green.compression.errors import RAISED, ShrinkError, why
from jupyter_green.compression.model.task import Task

from .class_scores import ClassScore, tallied
from .loss import LEAST_RESAMPLED, LEVEL, Loss, counted, drawn, resampled, share_lost

if TYPE_CHECKING:
    import numpy as np

    from jupyter_green.compression.data.batch import Batch
    from jupyter_green.compression.model.source_model import SourceModel

OWN_RESAMPLES = 200
MOST_CLASSES = 1000
"""Number of classes above which there are no figures per class: they take memory for every example and class."""
PLACES = {"token-classification": "token", "causal-lm": "token", "masked-lm": "token", "seq2seq": "token"} | {
    "segmentation": "pixel"
}


MetricKind = Literal[
    "accuracy",
    "accuracy per place",
    "agreement",
    "cosine",
    "F1",
    "perplexity",
    "squared error",
    "rank correlation",
    "own function",
]
"""What a metric computes. Its `name` is for display: a user's function may be called accuracy too."""


class Metric:
    """Accuracy, and the base class of the other metrics.

    `unit` is "points" for bounded metrics and "relative" for others; `labels` says whether it needs labels.
    """

    name = "accuracy"
    kind: MetricKind = "accuracy"
    unit: Literal["points", "relative"] = "points"
    higher_is_better = True
    labels = True
    shared = True
    """Whether the metric is a function of sums of parts; a user's function is not."""
    counts_places = False
    """Whether it counts correct answers. The loss of such a metric has an interval even if the models never differ."""

    def __init__(self, task: Task | None = None) -> None:
        self.task = Task() if task is None else task

    def reference(self, outputs: Any) -> Any:
        """Return what must be stored of the original's outputs for this metric; None for nothing."""
        return None

    def parts(self, outputs: Any, labels: Any, reference: Any) -> Any:
        """Return the parts of each example of a batch, shape (examples, parts); here: correct or not, and the class."""
        import torch

        answers = self.task.answers(outputs)
        wanted, _ = self.task.wanted(labels, answers)
        return torch.stack([(answers == wanted).reshape(len(wanted)), wanted.reshape(len(wanted))], dim=-1).double()

    def total(self, sums: Any, examples: int | None = None) -> Any:
        """Return the metric from sums of parts; by default the mean."""
        return sums[..., 0] / examples

    def value(self, parts: np.ndarray) -> float:
        """Return the metric over examples."""
        return float(self.total(parts.sum(0), len(parts)))

    def agreement(self, parts: np.ndarray) -> float | None:
        """Return the share of greedy answers that equal the original's, if this metric stores them."""
        return None

    def is_count(self, parts: np.ndarray) -> bool:
        """Whether the metric counts examples that are right or wrong, and these parts are 0 or 1."""
        return type(self) in (Metric, Agreement) and set(parts[:, 0].tolist()) <= {0.0, 1.0}

    def by_class(self, original: np.ndarray, candidate: np.ndarray) -> dict[int, ClassScore]:
        """Return the accuracy of each class, if the metric is accuracy or agreement."""
        if self.kind not in ("accuracy", "agreement") or original.shape[1] < 2:
            return {}
        scores = {}
        for number in sorted(set(original[:, 1].tolist())):
            members = original[:, 1] == number
            before, after = float(original[members, 0].mean()), float(candidate[members, 0].mean())
            scores[int(number)] = ClassScore(int(members.sum()), before, after)
        return scores

    def holding(self, parts: np.ndarray, number: int) -> np.ndarray:
        """Return which examples are of a class of `by_class`."""
        members: np.ndarray = parts[:, 1] == number
        return members

    def loss(self, original: np.ndarray, candidate: np.ndarray, level: float = LEVEL) -> Loss:
        """Return the candidate's loss with its interval."""
        first, second = original[:, 0] > 0.5, candidate[:, 0] > 0.5
        return counted(int((first & ~second).sum()), int((second & ~first).sum()), len(first), level)


class PerPlace(Metric):
    """Accuracy over the labelled elements of examples (tokens, pixels, labels); the loss is resampled by example."""

    kind = "accuracy per place"
    counts_places = True

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.name = f"accuracy per {PLACES.get(task.name, 'label')}"
        self.counted = task.classes if task.classes is not None and task.classes <= MOST_CLASSES else 0

    def parts(self, outputs: Any, labels: Any, reference: Any) -> Any:
        """Return correct and labelled elements of each example, then both for each class if there are not too many."""
        import torch

        outputs, labels = self.task.aligned(outputs, labels)
        answers = self.task.answers(outputs)
        wanted, labelled = self.task.wanted(labels, answers)
        right, wanted, labelled = (
            tensor.reshape(len(tensor), -1) for tensor in ((answers == wanted) & labelled, wanted, labelled)
        )
        parts = [right.sum(-1, keepdim=True), labelled.sum(-1, keepdim=True)]
        if self.task.name == "multi-label" and self.counted:
            parts += [right & (wanted > 0), labelled & (wanted > 0)]  # positives of each label
        elif self.counted:
            parts += [tallied(wanted, where, self.counted) for where in (right, labelled)]
        return torch.cat([part.double() for part in parts], dim=-1)

    def total(self, sums: Any, examples: int | None = None) -> Any:
        """Correct elements / labelled elements."""
        import numpy as np

        return sums[..., 0] / np.maximum(sums[..., 1], 1)

    def by_class(self, original: np.ndarray, candidate: np.ndarray) -> dict[int, ClassScore]:
        """Return the accuracy of each class over its elements; for multi-label data, over the positive labels."""
        import numpy as np

        if not self.counted:
            return {}
        (first, count), second = np.split(original[:, 2:].sum(0), 2), np.split(candidate[:, 2:].sum(0), 2)[0]
        return {
            int(number): ClassScore(int(count[number]), first[number] / count[number], second[number] / count[number])
            for number in np.flatnonzero(count)
        }

    def holding(self, parts: np.ndarray, number: int) -> np.ndarray:
        """Return which examples have a labelled element of a class."""
        members: np.ndarray = parts[:, 2 + self.counted + number] > 0
        return members

    def loss(self, original: np.ndarray, candidate: np.ndarray, level: float = LEVEL) -> Loss:
        """Bootstrap over examples."""
        return by_example(self, original, candidate, level)


class Agreement(Metric):
    """Share of answers that equal the original's; needs no labels."""

    name = "agreement with the original"
    kind = "agreement"
    labels = False
    counts_places = True

    def reference(self, outputs: Any) -> Any:
        """Store the answers."""
        return self.task.answers(outputs)

    def parts(self, outputs: Any, labels: Any, reference: Any) -> Any:
        """Return whether the answer is equal, and the original's; for sequences the share of equal elements."""
        import torch

        same = (self.task.answers(outputs) == reference).double().reshape(len(reference), -1)
        if same.shape[1] == 1:
            return torch.cat([same, reference.reshape(len(reference), 1).double()], dim=-1)
        return same.mean(-1)[:, None]

    def loss(self, original: np.ndarray, candidate: np.ndarray, level: float = LEVEL) -> Loss:
        """Counted if each example is right or wrong, else a bootstrap."""
        if self.is_count(candidate):
            return super().loss(original, candidate, level)
        return by_example(self, original, candidate, level)


class Cosine(Metric):
    """Cosine similarity of the candidate's and the original's vectors; needs no labels."""

    name = "cosine agreement with the original"
    kind = "cosine"
    labels = False

    def reference(self, outputs: Any) -> Any:
        """Store the vectors."""
        return _vectors(outputs)

    def parts(self, outputs: Any, labels: Any, reference: Any) -> Any:
        """Return the cosine similarity of each example."""
        from torch.nn.functional import cosine_similarity

        return cosine_similarity(_vectors(outputs).double(), reference.double(), dim=-1)[:, None]

    def loss(self, original: np.ndarray, candidate: np.ndarray, level: float = LEVEL) -> Loss:
        """Bootstrap over examples."""
        return by_example(self, original, candidate, level)


class F1(Metric):
    """F1 of each class, averaged over the classes that occur (macro)."""

    name = "F1"
    kind = "F1"
    counts_places = True

    def __init__(self, classes: int, task: Task | None = None) -> None:
        super().__init__(task)
        self.classes = classes

    def parts(self, outputs: Any, labels: Any, reference: Any) -> Any:
        """Return hits, false positives and false negatives of each class."""
        import torch

        outputs, labels = self.task.aligned(outputs, labels)
        predicted = self.task.answers(outputs)
        true, labelled = self.task.wanted(labels, predicted)
        predicted, true, labelled = (tensor.reshape(len(tensor), -1) for tensor in (predicted, true, labelled))
        hit = (predicted == true) & labelled
        if self.task.name == "multi-label":  # F1 of the positives of each label
            yes, no = (predicted > 0) & labelled, (true > 0) & labelled
            return torch.cat([yes & no, yes & ~no, ~yes & no], dim=-1).double()
        wrong = labelled & ~hit
        parts = [tallied(true, hit, self.classes), tallied(predicted, wrong, self.classes)]
        return torch.cat([*parts, tallied(true, wrong, self.classes)], dim=-1)

    def total(self, sums: Any, examples: int | None = None) -> Any:
        """Mean F1 of the classes that occur."""
        import numpy as np

        hits, alarms, misses = np.split(np.asarray(sums, float), 3, axis=-1)
        occurs = hits + misses > 0
        scores = 2 * hits / np.maximum(2 * hits + alarms + misses, 1e-12)
        return (scores * occurs).sum(-1) / np.maximum(occurs.sum(-1), 1)

    def loss(self, original: np.ndarray, candidate: np.ndarray, level: float = LEVEL) -> Loss:
        """Bootstrap over examples."""
        return by_example(self, original, candidate, level)


class Perplexity(Metric):
    """Perplexity of a language model: exp of the mean negative log-likelihood per predicted token."""

    name = "perplexity"
    kind = "perplexity"
    unit = "relative"
    higher_is_better = False

    def __init__(self, task: Task | None = None) -> None:
        super().__init__(Task("causal-lm", shift=True) if task is None else task)

    def reference(self, outputs: Any) -> Any:
        """Store the most likely tokens."""
        return (outputs[:, :-1] if self.task.shift else outputs).argmax(-1)

    def agreement(self, parts: np.ndarray) -> float | None:
        """Return the share of positions whose most likely token is the original's, given the data's text before it."""
        return float(parts[:, 2].sum() / max(parts[:, 1].sum(), 1))

    def parts(self, outputs: Any, labels: Any, reference: Any) -> Any:
        """Return negative log-likelihood, predicted tokens and agreeing tokens of each sequence, without label -100."""
        import torch

        outputs, wanted = self.task.aligned(outputs, labels.to(outputs.device))
        labelled = wanted != self.task.ignored
        losses = torch.nn.functional.cross_entropy(
            at_least_single(outputs).transpose(1, 2), wanted.clamp_min(0).long(), reduction="none"
        )
        agreed = (outputs.argmax(-1) == reference) & labelled
        return torch.stack(
            [(losses * labelled).double().sum(-1), labelled.double().sum(-1), agreed.double().sum(-1)], dim=-1
        )

    def total(self, sums: Any, examples: int | None = None) -> Any:
        """Perplexity over all tokens."""
        import numpy as np

        return np.exp(sums[..., 0] / np.maximum(sums[..., 1], 1))

    def loss(self, original: np.ndarray, candidate: np.ndarray, level: float = LEVEL) -> Loss:
        """Bootstrap over sequences."""
        return by_example(self, original, candidate, level)


class SquaredError(Metric):
    """Mean squared error."""

    name = "mean squared error"
    kind = "squared error"
    unit = "relative"
    higher_is_better = False

    def parts(self, outputs: Any, labels: Any, reference: Any) -> Any:
        """Return the squared error of each example, averaged over its outputs."""
        wanted = labels.to(outputs.device).reshape(outputs.shape)
        error = (outputs.double() - wanted.double()) ** 2
        return error.reshape(len(error), -1).mean(-1)[:, None]

    def loss(self, original: np.ndarray, candidate: np.ndarray, level: float = LEVEL) -> Loss:
        """Bootstrap over examples."""
        return by_example(self, original, candidate, level)


class Own(Metric):
    """A user's function ``metric(outputs, labels) -> float``; higher is better, and the loss is relative."""

    kind = "own function"
    unit = "relative"
    shared = False

    def __init__(self, function: Callable[[Any, Any], float]) -> None:
        super().__init__()
        self.function = function
        self.name = getattr(function, "__name__", type(function).__name__)
        self.shapes: Any = None

    def parts(self, outputs: Any, labels: Any, reference: Any) -> Any:
        """Return outputs and labels of each example in one row."""
        import torch

        shapes = tuple(
            None if tensor is None else (tuple(tensor.shape[1:]), tensor.dtype) for tensor in (outputs, labels)
        )
        if self.shapes is not None and shapes != self.shapes:
            raise ShrinkError(
                f"The metric {self.name} is called with all examples at once, and they differ in length; give data "
                "that is padded to one length."
            )
        self.shapes = shapes
        columns = (tensor for tensor in (outputs, labels) if tensor is not None)
        return torch.cat([tensor.reshape(len(outputs), -1).to(outputs.device).double() for tensor in columns], dim=-1)

    def value(self, parts: np.ndarray) -> float:
        """Return the function's value."""
        import torch

        (shape, dtype), label_shape = self.shapes
        width, rows = int(torch.Size(shape).numel()), torch.from_numpy(parts)
        outputs = rows[:, :width].to(dtype).reshape(len(parts), *shape)
        labels = (
            None if label_shape is None else rows[:, width:].to(label_shape[1]).reshape(len(parts), *label_shape[0])
        )
        try:
            return float(self.function(outputs, labels))
        except RAISED as error:  # the user's code may raise anything
            raise ShrinkError(f"Your metric {self.name} failed: {why(error)}.") from error

    def loss(self, original: np.ndarray, candidate: np.ndarray, level: float = LEVEL) -> Loss:
        """Bootstrap over examples, with a few hundred calls of the function."""
        import numpy as np

        count = len(original)

        def loss(chosen: Any) -> float:
            first = self.value(original[chosen])
            return float(share_lost(first - self.value(candidate[chosen]), first))

        if np.array_equal(original, candidate):
            return Loss(0.0, 0.0, 0.0, count, self.unit, same=True, least=LEAST_RESAMPLED)
        return drawn(loss, count, self.unit, OWN_RESAMPLES, level)


def by_example(metric: Metric, original: np.ndarray, candidate: np.ndarray, level: float = LEVEL) -> Loss:
    """Return the candidate's loss by a bootstrap over examples."""
    count = len(original)
    return resampled(
        lambda sums: metric.total(sums, count),
        original,
        candidate,
        metric.unit,
        higher_is_better=metric.higher_is_better,
        level=level,
        effective=count if metric.counts_places else None,
    )


def at_least_single(outputs: Any) -> Any:
    """Return outputs in single precision, or double if they have that."""
    return outputs if outputs.element_size() >= 8 else outputs.float()


def _vectors(outputs: Any) -> Any:
    return outputs.mean(1) if outputs.dim() == 3 else outputs.reshape(len(outputs), -1)


def evaluate(  # noqa: PLR0917 - the last two are rarely given
    subject: SourceModel,
    model: Any,
    batches: Sequence[Batch],
    metric: Metric,
    references: Sequence[Any] | None = None,
    tick: Callable[[], None] = lambda: None,
) -> tuple[np.ndarray, list[Any]]:
    """Run a model over batches; return the parts of all examples and what was stored of its outputs.

    `references` is what was stored of the original's outputs, for each batch; without it the model is its own
    reference. `tick` is called after each batch. Raises ShrinkError if an output is not finite.
    """
    import numpy as np
    import torch

    from jupyter_green.compression.model.call_errors import called, not_numbers

    parts, kept = [], []
    with torch.inference_mode():
        for position, batch in enumerate(batches):
            own_outputs = references is None and model is subject.model
            output = called(subject, batch) if own_outputs else subject.call(batch.to(subject.device).inputs, model)
            outputs = at_least_single(subject.main(output))
            if not bool(torch.isfinite(outputs).all()):
                raise ShrinkError(not_numbers(batch, outputs))
            stored = metric.reference(outputs)
            kept.append(stored)
            part = metric.parts(outputs, batch.labels, stored if references is None else references[position])
            parts.append(part.cpu().numpy())
            tick()
    return np.concatenate(parts), kept
