"""How well a model does, example by example, so that two models are compared on the same examples.

A metric is a function of sums over examples (right answers; log-likelihood and tokens; hits and misses per class). That
keeps one number for all of them, lets them be resampled by example, and needs no outputs to be kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from .fault import ShrinkError, why
from .loss import LEAST_RESAMPLED, LEVEL, Loss, counted, drawn, resampled

if TYPE_CHECKING:
    import numpy as np

    from .batch import Batch
    from .subject import Subject

OWN_RESAMPLES = 200


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

    def reference(self, outputs: Any) -> Any:
        """Return what of the original's outputs has to be kept for this metric; None for nothing."""
        return None

    def parts(self, outputs: Any, labels: Any, reference: Any) -> Any:
        """Return the parts of each example of a batch, shape (examples, parts)."""
        return (outputs.argmax(-1) == labels.to(outputs.device)).double()[:, None]

    def total(self, sums: Any, examples: int | None = None) -> Any:
        """Return the metric from sums of parts; the mean unless said otherwise."""
        return sums[..., 0] / examples

    def value(self, parts: np.ndarray) -> float:
        """Return the metric over examples."""
        return float(self.total(parts.sum(0), len(parts)))

    def agreement(self, parts: np.ndarray) -> float | None:
        """Return how often the greedy answer is the original's, where this metric keeps that."""
        return None

    def loss(self, original: np.ndarray, candidate: np.ndarray, level: float = LEVEL) -> Loss:
        """Return how much worse the candidate is, with its interval."""
        first, second = original[:, 0] > 0.5, candidate[:, 0] > 0.5
        return counted(int((first & ~second).sum()), int((second & ~first).sum()), len(first), level)


class Agreement(Metric):
    """How often the candidate's answer is the original's; needs no labels."""

    name = "agreement with the original"
    labels = False

    def reference(self, outputs: Any) -> Any:
        """Keep the answers."""
        return outputs.argmax(-1)

    def parts(self, outputs: Any, labels: Any, reference: Any) -> Any:
        """Whether the answer is the same; for sequences the share of places at which it is."""
        same = (outputs.argmax(-1) == reference).double()
        return same.reshape(len(same), -1).mean(-1)[:, None]

    def loss(self, original: np.ndarray, candidate: np.ndarray, level: float = LEVEL) -> Loss:
        """Counted where each example is right or wrong, else resampled."""
        if set(candidate[:, 0].tolist()) <= {0.0, 1.0}:
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

    def __init__(self, classes: int) -> None:
        self.classes = classes

    def parts(self, outputs: Any, labels: Any, reference: Any) -> Any:
        """Hits, false alarms and misses of each class."""
        import torch

        said = torch.nn.functional.one_hot(outputs.argmax(-1), self.classes).double()
        true = torch.nn.functional.one_hot(labels.to(outputs.device), self.classes).double()
        return torch.cat([said * true, said * (1 - true), (1 - said) * true], dim=-1)

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
    """Perplexity of a language model: exp of the mean loss per predicted token."""

    name = "perplexity"
    unit = "relative"
    higher_is_better = False

    def reference(self, outputs: Any) -> Any:
        """Keep the likeliest tokens."""
        return outputs[:, :-1].argmax(-1)

    def agreement(self, parts: np.ndarray) -> float | None:
        """Share of the places at which the likeliest token is the original's (the text before it being the data's)."""
        return float(parts[:, 2].sum() / max(parts[:, 1].sum(), 1))

    def parts(self, outputs: Any, labels: Any, reference: Any) -> Any:
        """Negative log-likelihood, predicted tokens and agreeing ones of each sequence; label -100 is left out."""
        import torch

        wanted = labels[:, 1:].to(outputs.device)
        known = wanted != -100
        each = torch.nn.functional.cross_entropy(
            outputs[:, :-1].float().transpose(1, 2), wanted.clamp_min(0), reduction="none"
        )
        agreed = (outputs[:, :-1].argmax(-1) == reference) & known
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
        self.function = function
        self.name = getattr(function, "__name__", type(function).__name__)
        self.answers: Any = None

    def parts(self, outputs: Any, labels: Any, reference: Any) -> Any:
        """Keep outputs, and the label in the last column."""
        import torch

        flat = outputs.reshape(len(outputs), -1).double()
        beside = torch.zeros(len(flat), 1) if labels is None else labels.reshape(len(flat), -1)[:, :1]
        self.answers = (tuple(outputs.shape[1:]), None if labels is None else labels.dtype)
        return torch.cat([flat, beside.to(flat)], dim=-1)

    def value(self, parts: np.ndarray) -> float:
        """Return what the function says."""
        import torch

        shape, kind = self.answers
        outputs = torch.from_numpy(parts[:, :-1]).float().reshape(len(parts), *shape)
        labels = None if kind is None else torch.from_numpy(parts[:, -1]).to(kind)
        try:
            return float(self.function(outputs, labels))
        except Exception as error:  # the person's own code may raise anything; it is said and never hidden
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
    )


def _vectors(outputs: Any) -> Any:
    return outputs.mean(1) if outputs.dim() == 3 else outputs.reshape(len(outputs), -1)


def evaluate(  # noqa: PLR0917 - the last two are rarely given
    subject: Subject,
    model: Any,
    batches: Sequence[Batch],
    metric: Metric,
    references: Sequence[Any] | None = None,
    tick: Callable[[], None] = lambda: None,
) -> tuple[np.ndarray, list[Any]]:
    """Run a model over batches; return the parts of all examples and what was kept of its outputs.

    Parameters
    ----------
    subject : Subject
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

    from .refusal import called
    from .subject import main_tensor

    parts, kept = [], []
    with torch.inference_mode():
        for place, batch in enumerate(batches):
            own_outputs = references is None and model is subject.model
            raw = called(subject, batch) if own_outputs else subject.call(batch.to(subject.device).inputs, model)
            outputs = main_tensor(raw).float()
            if not bool(torch.isfinite(outputs).all()):
                raise ShrinkError("Some outputs are not numbers (NaN or infinite).")
            own = metric.reference(outputs)
            kept.append(own)
            part = metric.parts(outputs, batch.labels, own if references is None else references[place])
            parts.append(part.cpu().numpy())
            tick()
    return np.concatenate(parts), kept
