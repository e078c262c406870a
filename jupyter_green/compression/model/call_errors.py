"""Why a model can't be called with a person's data: what its library said, and what to do where that is known."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from jupyter_green.compression.data.batch import Batch, leaves
from jupyter_green.compression.data.tokenization import longest_of
from jupyter_green.compression.errors import RAISED, ShrinkError, of_memory, why

from .source_model import SourceModel

NAMED = 3
"""So many examples are named at most."""


def called(subject: SourceModel, batch: Batch, what: str = "data") -> Any:
    """Return what the original gives for a batch.

    Parameters
    ----------
    subject : SourceModel
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
    except RAISED as error:  # somebody else's model may raise anything; it is said and never hidden
        said, places = _refusal(subject, batch, error), _failing(subject, batch, error)
        which = f"{named(batch, places)} of the {what}" if places else f"the {what}"
        do = "; mend that or leave it out" if places and ";" not in said else ""
        raise ShrinkError(f"The model can't be called with {which}: {said}{do}.") from error


def named(batch: Batch, places: Sequence[int]) -> str:
    """Return which examples these are, by their numbers in the person's data where these are known."""
    numbers = [] if batch.sources is None else [_number(batch.sources[place]) for place in places]
    if not numbers or None in numbers:
        return "one example" if len(places) == 1 else f"{len(places)} examples"
    first = ", ".join(str(number) for number in numbers[:NAMED])
    more = f" and {len(numbers) - NAMED} more" if len(numbers) > NAMED else ""
    return f"example{'s' if len(numbers) > 1 else ''} {first}{more} (counted from 0)"


def not_numbers(batch: Batch, outputs: Any) -> str:
    """Return in one sentence that outputs are not numbers, and of which examples that is so."""
    import torch

    bad: list[int] = []
    if outputs.dim() and len(outputs) == batch.size:
        bad = (~torch.isfinite(outputs)).reshape(batch.size, -1).any(-1).nonzero()[:, 0].tolist()
    if not bad or len(bad) == batch.size:
        return "Some outputs are not numbers (NaN or infinite)."
    return (
        f"The outputs for {named(batch, bad)} of the data are not numbers (NaN or infinite); mend that or leave it out."
    )


def _number(source: Any) -> int | None:
    """Return the number of an item of a dataset; None where it has none."""
    place = source[1] if isinstance(source, tuple) and len(source) == 2 else None
    return place if isinstance(place, int) else None


def _failing(subject: SourceModel, batch: Batch, error: BaseException) -> list[int]:
    """Return which examples of a batch the model can't be called with alone; none where that tells nothing."""
    if of_memory(error) or batch.size < 2:
        return [0] if batch.size == 1 and not of_memory(error) else []
    found = [place for place in range(batch.size) if not _takes(subject, batch.part(place, place + 1))]
    return found if len(found) < batch.size else []


def _refusal(subject: SourceModel, batch: Batch, error: BaseException) -> str:
    hint = _arguments(subject, batch) or _hint(subject, batch)
    return why(error).rstrip(".") + (f"; {hint}" if hint else "")


def _hint(subject: SourceModel, batch: Batch) -> str:
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


def _arguments(subject: SourceModel, batch: Batch) -> str:
    """Return that a model's forward takes other arguments than the data gives; empty where it takes these."""
    takes = inspect.signature(subject.model.forward)
    many, inputs = isinstance(batch.inputs, (tuple, list)), batch.inputs
    try:
        if isinstance(inputs, Mapping) and subject.kind != "sentence-transformers":
            takes.bind(**inputs)
        else:
            takes.bind(*(inputs if many else (inputs,)))
    except TypeError:
        named = isinstance(inputs, Mapping)
        gives = ", ".join(map(str, inputs)) if named else f"{len(inputs) if many else 1} by place"
        return (
            f"its forward takes ({', '.join(takes.parameters)}) and the data gives {gives} beside the label, so name "
            "or leave out inputs, or hand over a module that takes these"
        )
    return ""


def _takes(subject: SourceModel, batch: Batch) -> bool:
    try:
        subject.call(batch.to(subject.device).inputs)
    except RAISED:  # whatever it raises, it doesn't take this batch either
        return False
    return True


def _embeddings(model: Any) -> Any:
    """Return a model's table of tokens; None where it has none that it knows of."""
    get = getattr(model, "get_input_embeddings", None)
    try:
        return get() if callable(get) else None
    except (NotImplementedError, AttributeError):  # what transformers raises where a model has no such table
        return None
