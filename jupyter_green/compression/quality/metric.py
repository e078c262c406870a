"""How well a model does, example by example, so that two models are compared on the same examples.

A metric is a function of sums over examples (right answers; log-likelihood and tokens; hits and misses per class). That
keeps one number for all of them, lets them be resampled by example, and needs no outputs to be kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from jupyter_green.compression.errors import RAISED, ShrinkError, why
from jupyter_green.compression.model.task import Task

from .class_scores import ClassScore, tallied
from .loss import LEAST_RESAMPLED, LEVEL, Loss, counted, drawn, resampled

if TYPE_CHECKING:
    import numpy as np

    from jupyter_green.compression.data.batch import Batch
    from jupyter_green.compression.model.source_model import SourceModel

OWN_RESAMPLES = 200
MOST_CLASSES = 1000
"""Classes beyond which none is told apart: some numbers of each are kept for every example."""
PLACES = {"token-classification": "token", "causal-lm": "token", "masked-lm": "token", "seq2seq": "token"} | {
    "segmentation": "pixel"
}


class Metric:
    """Accuracy, and what the other metrics have in common.

    `unit` is "points" where the metric is bounded and "relative" elsewhere; `labels` says whether it needs labels.
    """

    name = "accuracy"
    unit: Literal["points", "relative"] = "points"
    higher_is_better = True
    labels = True
    shared = True
    """Whether parts of examples add up; a callable's don't."""
    counts_places = False
    """Whether right places of examples are counted: examples on which nothing differs leave it open by how much."""

    def __init__(self, task: Task | None = None) -> None:
        self.task = Task() if task is None else task

    def reference(self, outputs: Any) -> Any:
        """Return what of the original's outputs has to be kept for this metric; None for nothing."""
        return None

    def parts(self, outputs: Any, labels: Any, reference: Any) -> Any:
        """Return the parts of each example of a batch, shape (examples, parts); here: is it right, and its class."""
        import torch

        answers = self.task.answers(outputs)
        wanted, _ = self.task.wanted(labels, answers)
        return torch.stack([(answers == wanted).reshape(len(wanted)), wanted.reshape(len(wanted))], dim=-1).double()

    def total(self, sums: Any, examples: int | None = None) -> Any:
        """Return the metric from sums of parts; the mean unless said otherwise."""
        return sums[..., 0] / examples

    def value(self, parts: np.ndarray) -> float:
        """Return the metric over examples."""
        return float(self.total(parts.sum(0), len(parts)))

    def agreement(self, parts: np.ndarray) -> float | None:
        """Return how often the greedy answer is the original's, where this metric keeps that."""
        return None

    def is_count(self, parts: np.ndarray) -> bool:
        """Whether these parts say of each example that it is right or wrong, and the metric counts that."""
        return type(self) in (Metric, Agreement) and set(parts[:, 0].tolist()) <= {0.0, 1.0}

    def by_class(self, original: np.ndarray, candidate: np.ndarray) -> dict[int, ClassScore]:
        """Return how well each class is told, where this metric counts right answers to classes."""
        if self.name not in ("accuracy", Agreement.name) or original.shape[1] < 2:
            return {}
        found = {}
        for number in sorted(set(original[:, 1].tolist())):
            there = original[:, 1] == number
            before, after = float(original[there, 0].mean()), float(candidate[there, 0].mean())
            found[int(number)] = ClassScore(int(there.sum()), before, after)
        return found

    def holding(self, parts: np.ndarray, number: int) -> np.ndarray:
        """Return which examples hold a class of `by_class`."""
        found: np.ndarray = parts[:, 1] == number
        return found

    def loss(self, original: np.ndarray, candidate: np.ndarray, level: float = LEVEL) -> Loss:
        """Return how much worse the candidate is, with its interval."""
        first, second = original[:, 0] > 0.5, candidate[:, 0] > 0.5
        return counted(int((first & ~second).sum()), int((second & ~first).sum()), len(first), level)


class PerPlace(Metric):
    """Accuracy over the labelled places of examples (tokens, pixels, labels); an example is what is resampled."""

    counts_places = True

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.name = f"accuracy per {PLACES.get(task.name, 'label')}"
        self.counted = task.classes if task.classes is not None and task.classes <= MOST_CLASSES else 0

    def parts(self, outputs: Any, labels: Any, reference: Any) -> Any:
        """Right places and labelled ones of each example; then both of each class, as far as there are not too many."""
        import torch

        outputs, labels = self.task.aligned(outputs, labels)
        answers = self.task.answers(outputs)
        wanted, known = self.task.wanted(labels, answers)
        right, wanted, known = (one.reshape(len(one), -1) for one in ((answers == wanted) & known, wanted, known))
        parts = [right.sum(-1, keepdim=True), known.sum(-1, keepdim=True)]
        if self.task.name == "multi-label" and self.counted:
            parts += [right & (wanted > 0), known & (wanted > 0)]  # of each label its own yes
        elif self.counted:
            parts += [tallied(wanted, where, self.counted) for where in (right, known)]
        return torch.cat([part.double() for part in parts], dim=-1)

    def total(self, sums: Any, examples: int | None = None) -> Any:
        """Right ones of all labelled places."""
        import numpy as np

        return sums[..., 0] / np.maximum(sums[..., 1], 1)

    def by_class(self, original: np.ndarray, candidate: np.ndarray) -> dict[int, ClassScore]:
        """Return how well the places of each class are told; of several labels each, those that are yes."""
        import numpy as np

        if not self.counted:
            return {}
        (first, count), second = np.split(original[:, 2:].sum(0), 2), np.split(candidate[:, 2:].sum(0), 2)[0]
        return {
            int(number): ClassScore(int(count[number]), first[number] / count[number], second[number] / count[number])
            for number in np.flatnonzero(count)
        }

    def holding(self, parts: np.ndarray, number: int) -> np.ndarray:
        """Return which examples have a labelled place of a class."""
        found: np.ndarray = parts[:, 2 + self.counted + number] > 0
        return found

    def loss(self, original: np.ndarray, candidate: np.ndarray, level: float = LEVEL) -> Loss:
        """Resampled by example."""
        return by_example(self, original, candidate, level)


class Agreement(Metric):
    """How often the candidate's answer is the original's; needs no labels."""

    name = "agreement with the original"
    labels = False
    counts_places = True

    def reference(self, outputs: Any) -> Any:
        """Keep the answers."""
        return self.task.answers(outputs)

    def parts(self, outputs: Any, labels: Any, reference: Any) -> Any:
        """Whether the answer is the same, and the original's; for sequences the share of places at which it is."""
        import torch

        same = (self.task.answers(outputs) == reference).double().reshape(len(reference), -1)
        if same.shape[1] == 1:
            return torch.cat([same, reference.reshape(len(reference), 1).double()], dim=-1)
        return same.mean(-1)[:, None]

    def loss(self, original: np.ndarray, candidate: np.ndarray, level: float = LEVEL) -> Loss:
        """Counted where each example is right or wrong, else resampled."""
        if self.is_count(candidate):
            return super().loss(original, candidate, level)
        return by_example(self, original, candidate, level)


class Cosine(Metric):
    """Cosine of the candidate's and the original's vector of each example; needs no labels."""

    name = "cosine agreement with the original"
    labels = False

    def reference(self, outputs: Any) -> Any:
        """Keep the vectors."""
        return _vectors(outputs)

    def parts(self, outputs: Any, labels: Any, reference: Any) -> Any:
        """Cosine of each pair of vectors."""
        from torch.nn.functional import cosine_similarity

        return cosine_similarity(_vectors(outputs).double(), reference.double(), dim=-1)[:, None]

    def loss(self, original: np.ndarray, candidate: np.ndarray, level: float = LEVEL) -> Loss:
        """Resampled by example."""
        return by_example(self, original, candidate, level)


class F1(Metric):
    """F1 of each class, averaged over the classes that occur (macro)."""

    name = "F1"
    counts_places = True

    def __init__(self, classes: int, task: Task | None = None) -> None:
        super().__init__(task)
        self.classes = classes

    def parts(self, outputs: Any, labels: Any, reference: Any) -> Any:
        """Hits, false alarms and misses of each class."""
        import torch

        outputs, labels = self.task.aligned(outputs, labels)
        said = self.task.answers(outputs)
        true, known = self.task.wanted(labels, said)
        said, true, known = (one.reshape(len(one), -1) for one in (said, true, known))
        hit = (said == true) & known
        if self.task.name == "multi-label":  # F1 of each label's yes
            yes, no = (said > 0) & known, (true > 0) & known
            return torch.cat([yes & no, yes & ~no, ~yes & no], dim=-1).double()
        wrong = known & ~hit
        parts = [tallied(true, hit, self.classes), tallied(said, wrong, self.classes)]
        return torch.cat([*parts, tallied(true, wrong, self.classes)], dim=-1)

    def total(self, sums: Any, examples: int | None = None) -> Any:
        """Mean F1 of the classes that occur."""
        import numpy as np

        hits, alarms, misses = np.split(np.asarray(sums, float), 3, axis=-1)
        there = hits + misses > 0
        each = 2 * hits / np.maximum(2 * hits + alarms + misses, 1e-12)
        return (each * there).sum(-1) / np.maximum(there.sum(-1), 1)

    def loss(self, original: np.ndarray, candidate: np.ndarray, level: float = LEVEL) -> Loss:
        """Resampled by example."""
        return by_example(self, original, candidate, level)


class Perplexity(Metric):
    """Perplexity of a language model: exp of the mean loss per token that it had to tell."""

    name = "perplexity"
    unit = "relative"
    higher_is_better = False

    def __init__(self, task: Task | None = None) -> None:
        super().__init__(Task("causal-lm", shift=True) if task is None else task)

    def reference(self, outputs: Any) -> Any:
        """Keep the likeliest tokens."""
        return (outputs[:, :-1] if self.task.shift else outputs).argmax(-1)

    def agreement(self, parts: np.ndarray) -> float | None:
        """Share of the places at which the likeliest token is the original's (the text before it being the data's)."""
        return float(parts[:, 2].sum() / max(parts[:, 1].sum(), 1))

    def parts(self, outputs: Any, labels: Any, reference: Any) -> Any:
        """Negative log-likelihood, predicted tokens and agreeing ones of each sequence; label -100 is left out."""
        import torch

        outputs, wanted = self.task.aligned(outputs, labels.to(outputs.device))
        known = wanted != self.task.ignored
        each = torch.nn.functional.cross_entropy(
            at_least_single(outputs).transpose(1, 2), wanted.clamp_min(0).long(), reduction="none"
        )
        agreed = (outputs.argmax(-1) == reference) & known
        return torch.stack([(each * known).double().sum(-1), known.double().sum(-1), agreed.double().sum(-1)], dim=-1)

    def total(self, sums: Any, examples: int | None = None) -> Any:
        """Perplexity over all tokens."""
        import numpy as np

        return np.exp(sums[..., 0] / np.maximum(sums[..., 1], 1))

    def loss(self, original: np.ndarray, candidate: np.ndarray, level: float = LEVEL) -> Loss:
        """Resampled by sequence."""
        return by_example(self, original, candidate, level)


class SquaredError(Metric):
    """Mean squared error against the labels."""

    name = "mean squared error"
    unit = "relative"
    higher_is_better = False

    def parts(self, outputs: Any, labels: Any, reference: Any) -> Any:
        """Squared error of each example, averaged over its outputs."""
        wanted = labels.to(outputs.device).reshape(outputs.shape)
        error = (outputs.double() - wanted.double()) ** 2
        return error.reshape(len(error), -1).mean(-1)[:, None]

    def loss(self, original: np.ndarray, candidate: np.ndarray, level: float = LEVEL) -> Loss:
        """Resampled by example."""
        return by_example(self, original, candidate, level)


class Own(Metric):
    """A person's own function ``metric(outputs, labels) -> float``; higher is better, and the loss is relative."""

    unit = "relative"
    shared = False

    def __init__(self, function: Callable[[Any, Any], float]) -> None:
        super().__init__()
        self.function = function
        self.name = getattr(function, "__name__", type(function).__name__)
        self.shapes: Any = None

    def parts(self, outputs: Any, labels: Any, reference: Any) -> Any:
        """Keep outputs and the whole labels side by side."""
        import torch

        now = tuple(None if one is None else (tuple(one.shape[1:]), one.dtype) for one in (outputs, labels))
        if self.shapes is not None and now != self.shapes:
            raise ShrinkError(
                f"The metric {self.name} is called with all examples at once, and they differ in length; give data "
                "that is padded to one length."
            )
        self.shapes = now
        both = (one for one in (outputs, labels) if one is not None)
        return torch.cat([one.reshape(len(outputs), -1).to(outputs.device).double() for one in both], dim=-1)

    def value(self, parts: np.ndarray) -> float:
        """Return what the function says."""
        import torch

        (shape, kind), beside = self.shapes
        width, held = int(torch.Size(shape).numel()), torch.from_numpy(parts)
        outputs = held[:, :width].to(kind).reshape(len(parts), *shape)
        labels = None if beside is None else held[:, width:].to(beside[1]).reshape(len(parts), *beside[0])
        try:
            return float(self.function(outputs, labels))
        except RAISED as error:  # the person's own code may raise anything; it is said and never hidden
            raise ShrinkError(f"Your metric {self.name} failed: {why(error)}.") from error

    def loss(self, original: np.ndarray, candidate: np.ndarray, level: float = LEVEL) -> Loss:
        """Resampled by example, a few hundred calls of the function."""
        import numpy as np

        count = len(original)

        def loss(chosen: Any) -> float:
            first = self.value(original[chosen])
            return (first - self.value(candidate[chosen])) / max(abs(first), 1e-12)

        if np.array_equal(original, candidate):
            return Loss(0.0, 0.0, 0.0, count, self.unit, same=True, least=LEAST_RESAMPLED)
        return drawn(loss, count, self.unit, OWN_RESAMPLES, level)


def by_example(metric: Metric, original: np.ndarray, candidate: np.ndarray, level: float = LEVEL) -> Loss:
    """Return how much worse the candidate is, by a bootstrap over examples."""
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
    """Return outputs in single precision, or in the double that they have."""
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
    """Run a model over batches; return the parts of all examples and what was kept of its outputs.

    Parameters
    ----------
    subject : SourceModel
        Knows how a batch is called.
    model : object
        The original, or what stands in for it.
    batches : sequence of Batch
        The examples.
    metric : Metric
        What is looked at.
    references : sequence, optional
        What was kept of the original's outputs; without it the model is its own reference.
    tick : callable
        Called after each batch.

    Raises
    ------
    ShrinkError
        If an output is not a number.
    """
    import numpy as np
    import torch

    from jupyter_green.compression.model.call_errors import called, not_numbers

    parts, kept = [], []
    with torch.inference_mode():
        for place, batch in enumerate(batches):
            own_outputs = references is None and model is subject.model
            raw = called(subject, batch) if own_outputs else subject.call(batch.to(subject.device).inputs, model)
            outputs = at_least_single(subject.main(raw))
            if not bool(torch.isfinite(outputs).all()):
                raise ShrinkError(not_numbers(batch, outputs))
            own = metric.reference(outputs)
            kept.append(own)
            part = metric.parts(outputs, batch.labels, own if references is None else references[place])
            parts.append(part.cpu().numpy())
            tick()
    return np.concatenate(parts), kept
