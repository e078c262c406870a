"""Errors when a model is called with the user's data: the library's message, and a fix where it is known."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from jupyter_green.compression.data.batch import Batch, leaves
from jupyter_green.compression.data.tokenization import longest_of
from jupyter_green.compression.errors import RAISED, ShrinkError, of_memory, why

from .source_model import SourceModel

NAMED = 3
"""Maximum number of examples to name."""


def called(subject: SourceModel, batch: Batch, what: str = "data") -> Any:
    """Return the original's output for a batch; `what` names the data in the error message.

    Raises ShrinkError if the model raises anything.
    """
    try:
        return subject.call(batch.to(subject.device).inputs)
    except RAISED as error:  # the user's model may raise anything; the error is reported
        hint, failing = _arguments(subject, batch) or _hint(subject, batch), _failing(subject, batch, error)
        description = f"{named(batch, failing)} of the {what}" if failing else f"the {what}"
        advice = hint or ("fix that or leave it out" if failing else "")
        message = "; ".join(filter(None, (why(error).rstrip("."), advice)))
        raise ShrinkError(f"The model can't be called with {description}: {message}.") from error


def named(batch: Batch, places: Sequence[int]) -> str:
    """Return a description of examples, by their numbers in the user's data if these are known."""
    numbers = [] if batch.sources is None else [_number(batch.sources[place]) for place in places]
    if not numbers or None in numbers:
        return "one example" if len(places) == 1 else f"{len(places)} examples"
    first = ", ".join(str(number) for number in numbers[:NAMED])
    more = f" and {len(numbers) - NAMED} more" if len(numbers) > NAMED else ""
    return f"example{'s' if len(numbers) > 1 else ''} {first}{more} (counted from 0)"


def not_numbers(batch: Batch, outputs: Any) -> str:
    """Return a sentence on outputs that are not finite, with the numbers of their examples."""
    import torch

    bad: list[int] = []
    if outputs.dim() and len(outputs) == batch.size:
        bad = (~torch.isfinite(outputs)).reshape(batch.size, -1).any(-1).nonzero()[:, 0].tolist()
    if not bad or len(bad) == batch.size:
        return "Some outputs are not numbers (NaN or infinite)."
    return (
        f"The outputs for {named(batch, bad)} of the data are not numbers (NaN or infinite); fix that or leave it out."
    )


def _number(source: Any) -> int | None:
    """Return the index of a dataset's item; None if it has none."""
    place = source[1] if isinstance(source, tuple) and len(source) == 2 else None
    return place if isinstance(place, int) else None


def _failing(subject: SourceModel, batch: Batch, error: BaseException) -> list[int]:
    """Return the examples of a batch that the model fails for individually; empty if these are all."""
    if of_memory(error) or batch.size < 2:
        return [0] if batch.size == 1 and not of_memory(error) else []
    failing = [place for place in range(batch.size) if not _takes(subject, batch.part(place, place + 1))]
    return failing if len(failing) < batch.size else []


def _hint(subject: SourceModel, batch: Batch) -> str:
    """Return a fix in words; empty if none is known."""
    import torch

    config = getattr(subject.model, "config", None)
    inputs = batch.inputs if isinstance(batch.inputs, Mapping) else {}
    ids: Any = inputs.get("input_ids")
    if getattr(config, "is_encoder_decoder", False) is True and "decoder_input_ids" not in inputs:
        return "it answers with a sequence of its own, so give decoder_input_ids beside input_ids"
    if hasattr(ids, "dim") and ids.dim() == 2 and ids.numel():
        count = getattr(_embeddings(subject.model), "num_embeddings", None)
        if count is not None and (int(ids.max()) >= count or int(ids.min()) < 0):
            return (
                f"the tokens run from {int(ids.min())} to {int(ids.max())} and it knows {count}, so take the tokenizer "
                "that it was trained with"
            )
        longest = longest_of(subject)
        if longest is not None and ids.shape[1] > longest:
            return (
                f"an example has {ids.shape[1]} tokens and it has places for {longest}, so cut them with "
                f"truncation=True, max_length={longest}"
            )
        if getattr(config, "pad_token_id", 0) is None and batch.size > 1 and _takes(subject, batch.part(0, 1)):
            return (
                "it takes one example at a time as long as it knows no token to pad with, so set "
                "model.config.pad_token_id, or give batches of one"
            )
    weight = next((item.dtype for item in subject.model.parameters() if item.is_floating_point()), None)
    kinds = {leaf.dtype for leaf in leaves(batch.inputs)}
    if weight is not None and len(kinds) == 1 and (kind := kinds.pop()) not in (weight, torch.int64):
        names = [str(item).removeprefix("torch.") for item in (kind, weight)]
        return f"the inputs are {names[0]} and its weights {names[1]}, so convert the one or the other"
    return ""


def _arguments(subject: SourceModel, batch: Batch) -> str:
    """Return a sentence if forward's parameters don't match the data; empty if they do."""
    takes = inspect.signature(subject.model.forward)
    positional, inputs = isinstance(batch.inputs, (tuple, list)), batch.inputs
    try:
        if isinstance(inputs, Mapping) and subject.kind != "sentence-transformers":
            takes.bind(**inputs)
        else:
            takes.bind(*(inputs if positional else (inputs,)))
    except TypeError:
        named = isinstance(inputs, Mapping)
        passed = ", ".join(map(str, inputs)) if named else f"{len(inputs) if positional else 1} by place"
        return (
            f"its forward takes ({', '.join(takes.parameters)}) and the data gives {passed} beside the label, so name "
            "or leave out inputs, or hand over a module that takes these"
        )
    return ""


def _takes(subject: SourceModel, batch: Batch) -> bool:
    try:
        subject.call(batch.to(subject.device).inputs)
    except RAISED:  # any exception means that the model does not accept the batch
        return False
    return True


def _embeddings(model: Any) -> Any:
    """Return a model's token embeddings; None if it has none."""
    get = getattr(model, "get_input_embeddings", None)
    try:
        return get() if callable(get) else None
    except (NotImplementedError, AttributeError):  # raised by transformers for a model without token embeddings
        return None
