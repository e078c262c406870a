"""Distillation: the student is trained on the calibration split to give the teacher's outputs.

Further training on labels improves a model by itself. So steps, rate and use of labels are recorded, and a copy of the
original can be trained equally: a distilled candidate is compared with that control as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jupyter_green.compression.data.batch import Batch
from jupyter_green.compression.model.source_model import SourceModel
from jupyter_green.compression.model.task import task_of
from jupyter_green.compression.process import deadline

from .hardware import processor_can, too_old

TEMPERATURE = 2.0
RATES = {"transformers": 1e-4, "sentence-transformers": 1e-4, "module": 1e-3}
"""Peak learning rates of AdamW. For transformers it is above the usual 2e-5 to 5e-5 of fine-tuning, for recovery."""
WARM_UP = 0.1
LEAST_EXAMPLES = 200
"""Minimum number of examples for distillation."""
HIDDEN = 1.0
"""Weight of the hidden states' relative mean squared error in the loss."""


def too_few(batches: Sequence[Batch], what: str = "Repairing") -> str | None:
    """Return a sentence if there are too few examples for training; None if there are enough."""
    if sum(batch.size for batch in batches) < LEAST_EXAMPLES:
        return f"{what} needs {LEAST_EXAMPLES} examples at least; give train=."
    return None


@dataclass(frozen=True)
class Training:
    """Further training.

    Parameters
    ----------
    steps : int
        Number of optimizer steps.
    rate : float
        Peak learning rate.
    labels : bool
        Whether labels were used beside the original's outputs.
    seconds : float
        Duration.
    parts : tuple of int
        Steps of each part, if it was resumed; the learning rate schedule restarts in each.
    """

    steps: int
    rate: float
    labels: bool
    seconds: float
    parts: tuple[int, ...] = ()

    def then(self, more: Training) -> Training:
        """Return this training followed by another."""
        parts = (*(self.parts or (self.steps,)), *(more.parts or (more.steps,)))
        labels = self.labels or more.labels
        return Training(self.steps + more.steps, self.rate, labels, self.seconds + more.seconds, parts)


def distil(
    student: SourceModel,
    teacher: SourceModel,
    batches: Sequence[Batch],
    *,
    seconds: float,
    labels: bool,
    seed: int = 0,
    tick: Callable[[], None] = lambda: None,
) -> Training:
    """Train the student in place to give the teacher's outputs; return what was done.

    The student is called like the teacher, which is not changed. `seconds` is the approximate duration. `labels`: the
    labels are used as well. `seed` is that of the order and of dropout; the global random state is unchanged. `tick` is
    called after each step.
    """
    # Returning hidden states leaves hooks in a transformers model permanently, so use copies.
    learner, tutor = student, teacher
    hidden = student.kind == teacher.kind == "transformers" and isinstance(batches[0].inputs, dict)
    if hidden:
        learner, tutor = (replace(subject, model=subject.copy()) for subject in (student, teacher))
        hidden = _hidden_states(learner, tutor, batches[0])

    def loss(batch: Batch) -> Any:
        return _imitation(learner, tutor, batch, hidden) + (_labels(learner, batch) if labels else 0.0)

    training = _train(learner, batches, loss, seconds=seconds, steps=None, labels=labels, seed=seed, tick=tick)
    if learner is not student:
        student.model.load_state_dict(learner.model.state_dict())
    student.model.eval()
    return training


def train_equally(
    control: SourceModel,
    batches: Sequence[Batch],
    training: Training,
    seed: int = 0,
    tick: Callable[[], None] = lambda: None,
) -> Training:
    """Train a copy of the original on the labels, with equally many steps at the same rate."""

    def loss(batch: Batch) -> Any:
        return _labels(control, batch)

    total: Training | None = None
    for steps in training.parts or (training.steps,):
        part = _train(control, batches, loss, seconds=0, steps=steps, labels=True, seed=seed, tick=tick)
        total = part if total is None else total.then(part)
    assert total is not None
    return total


def _train(
    subject: SourceModel,
    batches: Sequence[Batch],
    loss: Any,
    *,
    seconds: float,
    steps: int | None,
    labels: bool,
    seed: int,
    tick: Callable[[], None],
) -> Training:
    import torch

    rate = RATES[subject.kind]
    model = subject.model
    parameters = [parameter for parameter in model.parameters() if parameter.is_floating_point()]
    for parameter in parameters:
        parameter.requires_grad_(True)
    began = deadline.now()
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(seed)
        optimizer = torch.optim.AdamW(parameters, lr=rate, weight_decay=0.01)
        model.train()
        try:
            step, max_steps = 0, steps or 10_000_000
            order: list[int] = []
            while step < max_steps:
                order = order or torch.randperm(len(batches)).tolist()
                batch = batches[order.pop()].to(subject.device)
                elapsed = deadline.now() - began
                progress = step / max_steps if steps else elapsed / max(seconds, 1e-9)
                if progress >= 1:
                    break
                for group in optimizer.param_groups:
                    group["lr"] = (
                        rate * min(1.0, progress / WARM_UP + 0.02) * (0.5 + 0.5 * math.cos(math.pi * progress))
                    )
                optimizer.zero_grad(set_to_none=True)
                with _half_precision(subject.device):
                    value = loss(batch)
                if not bool(torch.isfinite(value)):
                    raise ValueError("Training diverged: its loss is not a number.")
                value.backward()
                torch.nn.utils.clip_grad_norm_(parameters, 1.0)
                optimizer.step()
                step += 1
                tick()
        finally:
            model.eval()
            optimizer.zero_grad(set_to_none=True)
    return Training(step, rate, labels, deadline.now() - began)


def _half_precision(device: Any) -> Any:
    """Return a context that computes in bfloat16 where the hardware supports it, for twice the steps per second.

    Weights, gradients and the optimizer stay in float32.
    """
    import torch

    if device.type == "cuda":
        able = too_old("bf16", torch.cuda.get_device_capability(device)) is None
    else:
        able = device.type == "cpu" and processor_can("bf16")
    return torch.autocast(device.type if able else "cpu", torch.bfloat16, enabled=able)


def _imitation(student: SourceModel, teacher: SourceModel, batch: Batch, hidden: bool) -> Any:
    import torch
    from torch.nn.functional import kl_div, log_softmax, mse_loss

    options = {"output_hidden_states": True} if hidden else {}
    inputs = {**batch.inputs, **options} if hidden else batch.inputs
    with torch.no_grad():
        teacher_output = teacher.call(inputs)
    student_output = student.call(inputs)
    expected, predicted = teacher.main(teacher_output).float(), student.main(student_output).float()
    axis = -1 if teacher.task is None else teacher.task.axis
    if predicted.shape[-1] < 2 or axis is None or _is_vector(teacher_output):
        loss = mse_loss(predicted, expected) / expected.pow(2).mean().clamp_min(1e-12)
    else:
        expected, predicted = (tensor.movedim(axis, -1).flatten(0, -2) for tensor in (expected, predicted))
        if (
            isinstance(batch.inputs, dict)
            and "attention_mask" in batch.inputs
            and teacher.main(teacher_output).dim() == 3
        ):
            unmasked = batch.inputs["attention_mask"].flatten().bool()
            expected, predicted = expected[unmasked], predicted[unmasked]
        soft = log_softmax(expected / TEMPERATURE, -1)
        loss = TEMPERATURE**2 * kl_div(
            log_softmax(predicted / TEMPERATURE, -1), soft, reduction="batchmean", log_target=True
        )
    if hidden:
        loss = loss + HIDDEN * _hidden_loss(student_output.hidden_states, teacher_output.hidden_states)
    return loss


def _hidden_loss(student: Sequence[Any], teacher: Sequence[Any]) -> Any:
    """Mean squared error of hidden states at the same relative depth, relative to their mean square."""
    last = len(student) - 1
    total = 0.0
    for place, state in enumerate(student[1:], 1):
        target = teacher[round(place * (len(teacher) - 1) / last)].detach().float()
        total = total + (state.float() - target).pow(2).mean() / target.pow(2).mean().clamp_min(1e-12)
    return total / last


def _hidden_states(student: SourceModel, teacher: SourceModel, batch: Batch) -> bool:
    """Whether both return hidden states of equal width."""
    import torch

    widths = []
    for subject in (student, teacher):
        try:
            with torch.no_grad():
                inputs = {**batch.part(0, 1).to(subject.device).inputs, "output_hidden_states": True}
                states = subject.call(inputs).hidden_states
        except (TypeError, AttributeError):
            return False
        if not states:
            return False
        widths.append(states[-1].shape[-1])
    return bool(widths[0] == widths[1])


def _labels(subject: SourceModel, batch: Batch) -> Any:
    output = subject.main(subject.call(batch.inputs)).float()
    return (subject.task or task_of(output, batch.labels)).loss(output, batch.labels)


def _is_vector(output: Any) -> bool:
    return not hasattr(output, "logits") and (
        hasattr(output, "last_hidden_state") or (isinstance(output, dict) and "sentence_embedding" in output)
    )
