"""What one inference is: one call with examples of the data, or for a language model a prompt and its continuation.

A causal language model that can generate is measured as it is used: one prompt at a time and 128 new tokens. The search
uses fewer tokens, because each costs about the same; the final benchmark uses all. Prefill and decoding are measured
separately, since what helps one may harm the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from jupyter_green.compression.cost.trial import Runner
from jupyter_green.compression.data.batch import Batch, leaves
from jupyter_green.compression.data.splits import DataSplits
from jupyter_green.compression.errors import ShrinkError
from jupyter_green.compression.process import deadline

from .source_model import SourceModel

NEW_TOKENS = 128
CHOOSING_TOKENS = 16
"""New tokens in the benchmarks of the search."""
PROMPT = "prompt"
"""Suffix of the name of a runner that only does prefill."""


@dataclass(frozen=True)
class Workload:
    """What is run in a benchmark."""

    subject: SourceModel
    """How the model is called."""
    batches: Sequence[Batch]
    """Inputs, on the model's device."""
    new_tokens: int = 0
    """Number of tokens to generate; 0 for one call."""
    asked: bool = False
    """Whether the user chose that number, so that it is fixed."""

    def runner(self, model: Any, new_tokens: int | None = None, threads: int | None = None) -> Runner:
        """Return a runner of a model, optionally with fewer new tokens, or with another number of PyTorch's threads."""
        import torch

        tokens = self.new_tokens if new_tokens is None else min(new_tokens, self.new_tokens)
        batches = self.batches

        def run(turn: int) -> None:
            inputs = batches[turn % len(batches)].inputs
            with torch.inference_mode():
                if tokens:
                    generated(model, inputs, tokens)
                else:
                    self.subject.call(inputs, model)

        def run_in_threads(turn: int) -> None:
            with in_threads(threads or torch.get_num_threads()):
                run(turn)

        inferences = lambda turn: batches[turn % len(batches)].size  # noqa: E731 - used once
        return Runner(run if threads is None else run_in_threads, inferences, model)

    def within(self, seconds: float) -> Workload:
        """Return this workload with as many new tokens as the original generates in that many seconds.

        At least `CHOOSING_TOKENS`; a number that the user chose is kept.
        """
        if self.asked or self.new_tokens <= CHOOSING_TOKENS:
            return self
        durations = []
        for tokens in (0, CHOOSING_TOKENS):
            runner = self.runner(self.subject.model, tokens)
            runner.run(0)
            began = deadline.now()
            runner.run(0)
            durations.append(deadline.now() - began)
        prefill_seconds, token_seconds = durations[0], max(1e-6, (durations[1] - durations[0]) / CHOOSING_TOKENS)
        tokens = self.new_tokens
        while tokens > CHOOSING_TOKENS and prefill_seconds + tokens * token_seconds > seconds:
            tokens = max(CHOOSING_TOKENS, tokens // 2)
        return replace(self, new_tokens=tokens)

    def against(self, model: Any) -> str | None:
        """Return why a model can't run this workload, in one sentence; None if it can."""
        if self.new_tokens and not hasattr(model, "generate"):
            return (
                "It can't generate: in this form there is no cache of what was read. Measure calls with new_tokens=0."
            )
        return None

    def key(self) -> str:
        """Return a description of what every figure depends on: batch size, length, new tokens."""
        batch = self.batches[0]
        shapes = [tuple(leaf.shape[1:]) for leaf in leaves(batch.inputs)]
        length = " x ".join(map(str, shapes[0])) if shapes and shapes[0] else "one"
        lengths = {tuple(leaves(item.inputs)[0].shape[1:]) for item in self.batches}
        unit = "numbers" if leaves(batch.inputs)[0].is_floating_point() else "tokens"
        size = f"{'up to ' if len(lengths) > 1 else ''}{_longest(lengths, length)} {unit}"
        text = f"batch {batch.size}, {size if shapes and shapes[0] else 'one number'} per example"
        return f"{text}, {self.new_tokens} new tokens" if self.new_tokens else text


@contextmanager
def in_threads(number: int) -> Iterator[None]:
    """Set PyTorch's number of threads temporarily."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _longest(lengths: set[tuple[int, ...]], otherwise: str) -> str:
    if len(lengths) > 1 and all(len(item) == 1 for item in lengths):
        return str(max(item[0] for item in lengths))
    return otherwise


def generated(model: Any, inputs: Any, tokens: int) -> Any:
    """Return a language model's greedy output with exactly that many new tokens."""
    deadline.look()
    prompt = dict(inputs) if isinstance(inputs, Mapping) else {"input_ids": leaves(inputs)[0]}
    settings = getattr(model, "generation_config", None)
    end = getattr(settings, "eos_token_id", None)
    pad = getattr(settings, "pad_token_id", None)
    end = end[0] if isinstance(end, list) else end
    return model.generate(
        **prompt,
        max_new_tokens=tokens,
        min_new_tokens=tokens,
        do_sample=False,
        num_beams=1,
        pad_token_id=pad if pad is not None else (end if end is not None else 0),
    )


def generates(subject: SourceModel) -> bool:
    """Whether a model is a causal language model that can generate."""
    can = getattr(subject.model, "can_generate", None)
    return subject.name.endswith(("ForCausalLM", "LMHeadModel")) and callable(can) and bool(can())


def workload_of(
    subject: SourceModel, material: DataSplits, *, batch: int | None, length: int | None, new_tokens: int | None
) -> Workload:
    """Return the workload that the user chose, or the default; benchmarks use the validation split.

    By default batch size and tokens of each example are those of the data, the batch size is 1 for a language model
    that generates, and a model that can generate makes 128 tokens. Raises ShrinkError if the data or the model doesn't
    support that.
    """
    can_generate = generates(subject)
    for name, value, least in (("batch", batch, 1), ("length", length, 1), ("new_tokens", new_tokens, 0)):
        if value is not None and value < least:
            raise ShrinkError(f"The option {name} is {value}; give a whole number from {least} on.")
    if new_tokens and not can_generate:
        raise ShrinkError(f"{subject.name} can't generate; leave out new_tokens.")
    tokens = (NEW_TOKENS if can_generate else 0) if new_tokens is None else new_tokens
    batches = material.sized(1 if tokens and batch is None else batch)
    if length is not None:
        batches = [cut for item in batches if (cut := _cut(item, length)) is not None]
        if not batches:
            raise ShrinkError(f"No example in the data has {length} tokens; give a smaller length.")
    return Workload(subject, [item.to(subject.device) for item in batches], tokens, new_tokens is not None)


def _cut(batch: Batch, length: int) -> Batch | None:
    """Return a batch with its integer inputs cut to a length; None if they are shorter."""
    tensors = leaves(batch.inputs)
    sequences = [leaf for leaf in tensors if leaf.dim() == 2 and not leaf.is_floating_point()]
    if not sequences or any(leaf.shape[1] < length for leaf in sequences):
        return None
    if isinstance(batch.inputs, Mapping):
        inputs: Any = {
            name: leaf[:, :length] if leaf.dim() == 2 and not leaf.is_floating_point() else leaf
            for name, leaf in batch.inputs.items()
        }
    else:
        cut = tuple(leaf[:, :length] if leaf.dim() == 2 and not leaf.is_floating_point() else leaf for leaf in tensors)
        inputs = cut if isinstance(batch.inputs, (tuple, list)) else cut[0]
    return Batch(inputs, batch.labels)
