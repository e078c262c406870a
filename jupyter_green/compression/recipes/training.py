"""Repair by distillation: the smaller model learns to answer as the original does, on the examples kept for that.

A model that is trained further on labels gets better for that reason alone. So what was done is written down (steps,
rate, labels), and an original can be trained equally: a repaired candidate is held against that control too.
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
"""Peak rates of AdamW; a transformer that was fine-tuned at 2e-5 to 5e-5 takes more while it heals."""
WARM_UP = 0.1
LEAST_EXAMPLES = 200
"""Examples below which nothing is repaired."""
HIDDEN = 1.0
"""Weight of the hidden states' mean squared error, relative to that of zeros."""


def too_few(batches: Sequence[Batch], what: str = "Repairing") -> str | None:
    """Return in one sentence that there are too few examples to learn from; None where there are enough."""
    if sum(batch.size for batch in batches) < LEAST_EXAMPLES:
        return f"{what} needs {LEAST_EXAMPLES} examples at least; give train=."
    return None


@dataclass(frozen=True)
class Training:
    """Further training.

    Parameters
    ----------
    steps : int
        Batches learnt from.
    rate : float
        Peak learning rate.
    labels : bool
        Whether labels were learnt from, beside the original's answers.
    seconds : float
        How long it took.
    parts : tuple of int
        Steps of each part, where it was taken up again; the rate starts anew in each.
    """

    steps: int
    rate: float
    labels: bool
    seconds: float
    parts: tuple[int, ...] = ()

    def then(self, more: Training) -> Training:
        """Return this training and another one after it."""
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
    """Train the student in place to answer as the teacher.

    Parameters
    ----------
    student : SourceModel
        A model that is called like the teacher.
    teacher : SourceModel
        The original; it is not changed.
    batches : sequence of Batch
        What to learn from.
    seconds : float
        About how long.
    labels : bool
        Whether to learn from the labels as well.
    seed : int
        Seed of the order and of dropout; the person's own random numbers are left where they were.
    tick : callable
        Called after each step.
    """
    # Asked for hidden states, transformers leaves hooks in a model for good: that happens to copies only.
    learner, master = student, teacher
    hidden = student.kind == teacher.kind == "transformers" and isinstance(batches[0].inputs, dict)
    if hidden:
        learner, master = (replace(subject, model=subject.copy()) for subject in (student, teacher))
        hidden = _hidden_states(learner, master, batches[0])

    def loss(batch: Batch) -> Any:
        return _imitation(learner, master, batch, hidden) + (_labels(learner, batch) if labels else 0.0)

    done = _train(learner, batches, loss, seconds=seconds, steps=None, labels=labels, seed=seed, tick=tick)
    if learner is not student:
        student.model.load_state_dict(learner.model.state_dict())
    student.model.eval()
    return done


def train_equally(
    control: SourceModel,
    batches: Sequence[Batch],
    training: Training,
    seed: int = 0,
    tick: Callable[[], None] = lambda: None,
) -> Training:
    """Train a copy of the original on the labels with as many steps at the same rate."""

    def loss(batch: Batch) -> Any:
        return _labels(control, batch)

    done: Training | None = None
    for steps in training.parts or (training.steps,):
        part = _train(control, batches, loss, seconds=0, steps=steps, labels=True, seed=seed, tick=tick)
        done = part if done is None else done.then(part)
    assert done is not None
    return done


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
    wanted = [parameter for parameter in model.parameters() if parameter.is_floating_point()]
    for parameter in wanted:
        parameter.requires_grad_(True)
    began = deadline.now()
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(seed)
        optimizer = torch.optim.AdamW(wanted, lr=rate, weight_decay=0.01)
        model.train()
        try:
            step, most = 0, steps or 10_000_000
            order: list[int] = []
            while step < most:
                order = order or torch.randperm(len(batches)).tolist()
                batch = batches[order.pop()].to(subject.device)
                spent = deadline.now() - began
                done = step / most if steps else spent / max(seconds, 1e-9)
                if done >= 1:
                    break
                for group in optimizer.param_groups:
                    group["lr"] = rate * min(1.0, done / WARM_UP + 0.02) * (0.5 + 0.5 * math.cos(math.pi * done))
                optimizer.zero_grad(set_to_none=True)
                with _half_precision(subject.device):
                    value = loss(batch)
                if not bool(torch.isfinite(value)):
                    raise ValueError("Training went astray: its loss is no number.")
                value.backward()
                torch.nn.utils.clip_grad_norm_(wanted, 1.0)
                optimizer.step()
                step += 1
                tick()
        finally:
            model.eval()
            optimizer.zero_grad(set_to_none=True)
    return Training(step, rate, labels, deadline.now() - began)


def _half_precision(device: Any) -> Any:
    """Return a context that computes in bfloat16 where the hardware multiplies it: twice the steps in the same time.

    Weights, gradients and sums stay float32.
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

    more = {"output_hidden_states": True} if hidden else {}
    inputs = {**batch.inputs, **more} if hidden else batch.inputs
    with torch.no_grad():
        taught = teacher.call(inputs)
    learnt = student.call(inputs)
    wanted, given = teacher.main(taught).float(), student.main(learnt).float()
    axis = -1 if teacher.task is None else teacher.task.axis
    if given.shape[-1] < 2 or axis is None or _is_vector(taught):
        loss = mse_loss(given, wanted) / wanted.pow(2).mean().clamp_min(1e-12)
    else:
        wanted, given = (one.movedim(axis, -1).flatten(0, -2) for one in (wanted, given))
        if isinstance(batch.inputs, dict) and "attention_mask" in batch.inputs and teacher.main(taught).dim() == 3:
            real = batch.inputs["attention_mask"].flatten().bool()
            wanted, given = wanted[real], given[real]
        soft = log_softmax(wanted / TEMPERATURE, -1)
        loss = TEMPERATURE**2 * kl_div(
            log_softmax(given / TEMPERATURE, -1), soft, reduction="batchmean", log_target=True
        )
    if hidden:
        loss = loss + HIDDEN * _hidden_loss(learnt.hidden_states, taught.hidden_states)
    return loss


def _hidden_loss(student: Sequence[Any], teacher: Sequence[Any]) -> Any:
    """Mean squared error of hidden states that stand at the same depth, relative to their size."""
    last = len(student) - 1
    total = 0.0
    for place, state in enumerate(student[1:], 1):
        wanted = teacher[round(place * (len(teacher) - 1) / last)].detach().float()
        total = total + (state.float() - wanted).pow(2).mean() / wanted.pow(2).mean().clamp_min(1e-12)
    return total / last


def _hidden_states(student: SourceModel, teacher: SourceModel, batch: Batch) -> bool:
    """Whether both show hidden states of one width."""
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
    given = subject.main(subject.call(batch.inputs)).float()
    return (subject.task or task_of(given, batch.labels)).loss(given, batch.labels)


def _is_vector(output: Any) -> bool:
    return not hasattr(output, "logits") and (
        hasattr(output, "last_hidden_state") or (isinstance(output, dict) and "sentence_embedding" in output)
    )
