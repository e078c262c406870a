"""Whether the original answers the same when asked twice, and what it is held against where it does not.

A model may draw random numbers as it answers, or keep something between calls. It is then no exact reference of itself:
a candidate must not be blamed for that, and must not be called closer to it than its own repeat is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from jupyter_green.compression.data.batch import Batch
from jupyter_green.compression.model.outputs import tensors_of
from jupyter_green.compression.model.source_model import SourceModel
from jupyter_green.compression.model.state import ModelState

from .metric import Metric, evaluate

if TYPE_CHECKING:
    import numpy as np

ASKED_TWICE = 4
"""Batches that the original is asked twice to see whether it varies."""
CLOSE = 1e-5
"""By how much (relative to the largest output) the same may come out of one sum taken in two orders."""


def share_that_varies(
    subject: SourceModel, batches: Sequence[Batch], tick: Callable[[], None], *, put_back: bool = False
) -> float | None:
    """Ask twice; return which share is answered differently, None where nothing is.

    Where what it holds is `put_back` before each time, random generators aside, only what it draws is left to vary.
    """
    import torch

    count = changed = 0
    with subject.kept(), torch.inference_mode():
        state = ModelState(subject.model, generators=False)
        for batch in batches[:ASKED_TWICE]:
            inputs = batch.to(subject.device).inputs
            found = []
            for _ in range(2):
                if put_back:
                    state.put_back()
                answered = tensors_of(subject.call(inputs))
                found.append([tensor for _, tensor in answered if not tensor.is_complex()])
                tick()
            count += batch.size
            changed += _different(found[0], found[1], batch.size)
    return changed / count if changed else None


def repeated(
    subject: SourceModel, batches: Sequence[Batch], metric: Metric, tick: Callable[[], None]
) -> tuple[np.ndarray, list[Any], float]:
    """Return an original's parts, what is kept of its outputs, and by how much its repeats differ.

    The parts are those of a second run, held against the first as a candidate's are. A third run says by how much more
    than the examples explain two of its own runs differ: by noise that is drawn once for many examples.
    """
    import torch

    model = subject.model
    with subject.kept():
        # One after the other, so that a generator of its own goes on; a candidate's copy begins at the start.
        with torch.inference_mode():
            subject.call(batches[0].to(subject.device).inputs)
        _, kept = evaluate(subject, model, batches, metric, tick=tick)
        parts, again = (evaluate(subject, model, batches, metric, kept, tick=tick)[0] for _ in range(2))
    own = metric.loss(parts, again)
    return parts, kept, abs(own.value) if own.low > 0 or own.high < 0 else 0.0


def _different(first: Sequence[Any], second: Sequence[Any], size: int) -> int:
    """Return of how many examples two calls differ; of all where that can't be told from their outputs."""
    import torch

    if len(first) != len(second):
        return size
    found = torch.zeros(size, dtype=torch.bool)
    for one, other in zip(first, second, strict=True):
        if one.shape != other.shape:
            return size
        allowed = max(CLOSE, 4 * torch.finfo(one.dtype).eps) if one.is_floating_point() else 0.0
        first_values, second_values = (x.double().nan_to_num().cpu() for x in (one, other))
        most = float(first_values.abs().max()) if one.numel() else 0.0
        beyond = (first_values - second_values).abs() > allowed * most
        if one.dim() and one.shape[0] == size:
            found |= beyond.reshape(size, -1).any(-1)
        elif bool(beyond.any()):
            return size
    return int(found.sum())
