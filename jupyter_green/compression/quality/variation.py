"""Measures whether the original's outputs are reproducible, and makes a reference if they are not.

A model may use random numbers or keep state between calls. A candidate must not be penalized for that, nor be called
closer to the original than the original's own repeat is.
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
"""Number of batches that are run twice."""
CLOSE = 1e-5
"""Tolerance relative to the largest output, for sums taken in a different order."""


def share_that_varies(
    subject: SourceModel, batches: Sequence[Batch], tick: Callable[[], None], *, put_back: bool = False
) -> float | None:
    """Run batches twice; return the share of examples whose outputs differ, None if none does.

    With `put_back`, the model's state other than random generators is restored before each run, so that only random
    numbers vary.
    """
    import torch

    count = changed = 0
    with subject.kept(), torch.inference_mode():
        state = ModelState(subject.model, generators=False)
        for batch in batches[:ASKED_TWICE]:
            inputs = batch.to(subject.device).inputs
            outputs = []
            for _ in range(2):
                if put_back:
                    state.put_back()
                answered = tensors_of(subject.call(inputs))
                outputs.append([tensor for _, tensor in answered if not tensor.is_complex()])
                tick()
            count += batch.size
            changed += _different(outputs[0], outputs[1], batch.size)
    return changed / count if changed else None


def repeated(
    subject: SourceModel, batches: Sequence[Batch], metric: Metric, tick: Callable[[], None]
) -> tuple[np.ndarray, list[Any], float]:
    """Return the parts of an original that varies, what was stored of its outputs, and by how much its repeats differ.

    The parts are those of a second run compared with the first, as for a candidate. A third run measures by how much
    two of its own runs differ beyond sampling error: noise that is common to many examples.
    """
    import torch

    model = subject.model
    with subject.kept():
        # Consecutive runs advance the model's own generator; a candidate's copy starts from its initial state.
        with torch.inference_mode():
            subject.call(batches[0].to(subject.device).inputs)
        _, kept = evaluate(subject, model, batches, metric, tick=tick)
        parts, again = (evaluate(subject, model, batches, metric, kept, tick=tick)[0] for _ in range(2))
    repeat_loss = metric.loss(parts, again)
    return parts, kept, abs(repeat_loss.value) if repeat_loss.low > 0 or repeat_loss.high < 0 else 0.0


def _different(first: Sequence[Any], second: Sequence[Any], size: int) -> int:
    """Return the number of examples for which two calls differ; all if outputs can't be assigned to examples."""
    import torch

    if len(first) != len(second):
        return size
    differs = torch.zeros(size, dtype=torch.bool)
    for tensor, other in zip(first, second, strict=True):
        if tensor.shape != other.shape:
            return size
        allowed = max(CLOSE, 4 * torch.finfo(tensor.dtype).eps) if tensor.is_floating_point() else 0.0
        first_values, second_values = (x.double().nan_to_num().cpu() for x in (tensor, other))
        largest = float(first_values.abs().max()) if tensor.numel() else 0.0
        beyond = (first_values - second_values).abs() > allowed * largest
        if tensor.dim() and tensor.shape[0] == size:
            differs |= beyond.reshape(size, -1).any(-1)
        elif bool(beyond.any()):
            return size
    return int(differs.sum())
