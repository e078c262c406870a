"""Why a model can't be called with a person's data: what its library said, and what to do where that is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .batch import Batch, leaves
from .fault import ShrinkError, why
from .subject import Subject
from .tokens import longest_of


def called(subject: Subject, batch: Batch, what: str = "data") -> Any:
    """Return what the original gives for a batch.

    Parameters
    ----------
    subject : Subject
        The original.
    batch : Batch
        What it is called with.
    what : str
        What the batch is of, for the sentence.

    Raises
    ------
    ShrinkError
        If it raises anything; one sentence.
    """
    try:
        return subject.call(batch.to(subject.device).inputs)
    except Exception as error:  # somebody else's model may raise anything; it is said and never hidden
        raise ShrinkError(f"The model can't be called with the {what}: {_refusal(subject, batch, error)}.") from error


def _refusal(subject: Subject, batch: Batch, error: BaseException) -> str:
    hint = _hint(subject, batch)
    return why(error).rstrip(".") + (f"; {hint}" if hint else "")


def _hint(subject: Subject, batch: Batch) -> str:
    """Return what to do about it; empty where that isn't known."""
    import torch

    config = getattr(subject.model, "config", None)
    inputs = batch.inputs if isinstance(batch.inputs, Mapping) else {}
    ids: Any = inputs.get("input_ids")
    if getattr(config, "is_encoder_decoder", False) is True and "decoder_input_ids" not in inputs:
        return "it answers with a sequence of its own, so give decoder_input_ids beside input_ids"
    if hasattr(ids, "dim") and ids.dim() == 2 and ids.numel():
        known = getattr(_embeddings(subject.model), "num_embeddings", None)
        if known is not None and (int(ids.max()) >= known or int(ids.min()) < 0):
            return (
                f"the tokens run from {int(ids.min())} to {int(ids.max())} and it knows {known}, so take the tokenizer "
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
    weight = next((one.dtype for one in subject.model.parameters() if one.is_floating_point()), None)
    kinds = {leaf.dtype for leaf in leaves(batch.inputs)}
    if weight is not None and len(kinds) == 1 and (kind := kinds.pop()) not in (weight, torch.int64):
        names = [str(one).removeprefix("torch.") for one in (kind, weight)]
        return f"the inputs are {names[0]} and its weights {names[1]}, so convert the one or the other"
    return ""


def _takes(subject: Subject, batch: Batch) -> bool:
    try:
        subject.call(batch.to(subject.device).inputs)
    except Exception:  # noqa: BLE001 - whatever it raises, it doesn't take this batch either
        return False
    return True


def _embeddings(model: Any) -> Any:
    """Return a model's table of tokens; None where it has none that it knows of."""
    get = getattr(model, "get_input_embeddings", None)
    try:
        return get() if callable(get) else None
    except (NotImplementedError, AttributeError):  # what transformers raises where a model has no such table
        return None
