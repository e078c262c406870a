"""Converts texts to tokens: truncated to the model's maximum length, padded per batch, with a mask.

A transformers tokenizer is called without padding, and padding is done here: it may have no padding token, and pads on
the left if it is meant for generation. Neither changes a causal model's output for the text before the padding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jupyter_green.compression.errors import RAISED, ShrinkError, why
from jupyter_green.compression.model.source_model import SourceModel
from jupyter_green.compression.process import deadline

from .batch import IGNORED, LABELS, Batch

OUTPUTS = 2**26
"""Maximum number of scores of a language model per batch, if batches are formed here: a quarter of a gigabyte."""
AT_ONCE = 500
"""Texts per call of the tokenizer; the deadline is checked in between."""
LONGEST = 100_000
"""A tokenizer's maximum length above this means that it is unknown."""


@dataclass(frozen=True)
class Tokens:
    """The token inputs that a model takes."""

    longest: int | None = None
    """Maximum tokens of an example; None if unknown."""
    causal: bool = False
    """Whether it predicts each token from those before it."""
    vocabulary: int = 0
    """Scores per token, if it is causal."""
    unwanted: tuple[str, ...] = ()
    """Outputs of a tokenizer that it does not take."""
    taken: frozenset[str] | None = None
    """Names of its inputs; None if it takes any."""

    def wanted(self, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the inputs that are parameters of the model; all of them if none is."""
        if self.taken is None or self.taken.isdisjoint(inputs):
            return inputs
        return {name: value for name, value in inputs.items() if name in self.taken}

    def alone(self, inputs: Any) -> Any:
        """Return the only input of a mapping by itself, if the model has no parameter of its name."""
        unnamed = isinstance(inputs, Mapping) and self.taken is not None and self.taken.isdisjoint(inputs)
        return next(iter(inputs.values())) if unnamed and len(inputs) == 1 else inputs

    def at_once(self, most: int, width: int) -> int:
        """Return the examples of a batch, given their width in tokens; at most `most`."""
        return max(1, min(most, OUTPUTS // max(1, self.vocabulary * width))) if self.causal else most


def is_causal(subject: SourceModel) -> bool:
    """Whether a model is a language model that predicts each token from those before it."""
    # XLM and Flaubert (WithLMHeadModel) predict the token at its own position.
    return subject.name.endswith(("ForCausalLM", "LMHeadModel")) and not subject.name.endswith("WithLMHeadModel")


def tokens_of(subject: SourceModel) -> Tokens:
    """Return the token inputs of a model, from its configuration and the signature of `forward`."""
    import inspect

    config = getattr(subject.model, "config", None)
    causal = is_causal(subject)
    unwanted: tuple[str, ...] = ()
    taken = None
    import torch

    has_signature = type(subject.model).__call__ is torch.nn.Module.__call__ and not isinstance(
        subject.model, torch.jit.ScriptModule
    )
    if subject.kind != "sentence-transformers" and has_signature:
        takes = inspect.signature(subject.model.forward).parameters
        any_name = any(parameter.kind is parameter.VAR_KEYWORD for parameter in takes.values())
        if subject.kind == "transformers":
            unwanted = tuple(name for name in ("token_type_ids",) if name not in takes)
            any_name = False  # other keyword arguments are not used
        taken = None if any_name else frozenset(takes)
    vocabulary = getattr(config, "vocab_size", None)
    return Tokens(longest_of(subject), causal, vocabulary if isinstance(vocabulary, int) else 0, unwanted, taken)


def longest_of(subject: SourceModel) -> int | None:
    """Return the number of positions of a model; None if its configuration does not say."""
    if subject.kind == "sentence-transformers":
        longest = getattr(subject.model, "max_seq_length", None)
        return longest if isinstance(longest, int) else None
    config = getattr(subject.model, "config", None)
    config = getattr(config, "text_config", None) or config
    longest = getattr(config, "max_position_embeddings", None)
    if not isinstance(longest, int) or longest < 1:
        return None
    # RoBERTa-like models count positions from their padding token's number + 1.
    offsets = [
        module.padding_idx + 1
        for name, module in subject.model.named_modules()
        if name.endswith("position_embeddings") and getattr(module, "padding_idx", None) is not None
    ]
    return longest - max(offsets, default=0)


def encoded(
    tokenizer: Any, texts: Sequence[Any], longest: int | None, *, named: str = "the model"
) -> tuple[dict[str, list[list[int]]], int]:
    """Return the tokens of each text (or pair of texts) as lists, and the number of truncated texts.

    `longest`: maximum tokens of an example; the tokenizer's own maximum applies too. `named`: its owner, for messages.
    Raises ShrinkError if the tokenizer can't read the texts.
    """
    tokenizer_maximum = tokenizer.model_max_length
    maximum = min((length for length in (tokenizer_maximum, longest) if length and length < LONGEST), default=None)

    def read(chosen: Sequence[Any], **cut: Any) -> dict[str, list[list[int]]]:
        columns = [list(column) for column in zip(*chosen, strict=True)] if _paired(chosen) else [list(chosen)]
        deadline.look()
        try:
            encoding = tokenizer(*columns, padding=False, verbose=False, **cut)
        except RAISED as error:  # a tokenizer may raise any error of its library
            raise ShrinkError(f"The tokenizer of {named} can't read the texts: {why(error)}.") from error
        return {name: [list(row) for row in rows] for name, rows in encoding.items()}

    columns_of: dict[str, list[list[int]]] = {}
    for begin in range(0, max(1, len(texts)), AT_ONCE):
        for name, rows in read(texts[begin : begin + AT_ONCE]).items():
            columns_of.setdefault(name, []).extend(rows)
    if maximum is None:
        return columns_of, 0
    long = [index for index, row in enumerate(columns_of["input_ids"]) if len(row) > maximum]
    if long:
        cut = read([texts[index] for index in long], truncation=True, max_length=maximum)
        for name, rows in cut.items():
            for index, row in zip(long, rows, strict=True):
                columns_of[name][index] = row
    return columns_of, len(long)


def padded(tokenizer: Any, columns: Mapping[str, Sequence[Sequence[int]]], *, left: bool = False) -> dict[str, Any]:
    """Return lists of different lengths as tensors, each column padded to its longest row."""
    import torch

    fill = {"input_ids": _fill(tokenizer), "special_tokens_mask": 1} | dict.fromkeys(LABELS, IGNORED)
    padded_columns = {}
    for name, rows in columns.items():
        value, width = fill.get(name, 0), max(len(row) for row in rows)
        padding = [[value] * (width - len(row)) for row in rows]
        whole = [[*pad, *row] if left else [*row, *pad] for row, pad in zip(rows, padding, strict=True)]
        padded_columns[name] = torch.tensor(whole, dtype=torch.long)
    return padded_columns


def readable(tokenizer: Any) -> bool:
    """Whether it is a transformers tokenizer, which can return lists."""
    return hasattr(tokenizer, "model_max_length") and callable(tokenizer)


def tokenized(tokenizer: Any, texts: Sequence[Any], tokens: Tokens) -> dict[str, Any]:
    """Return texts as one batch of tensors."""
    if not readable(tokenizer):
        columns = [list(column) for column in zip(*texts, strict=True)] if _paired(texts) else [list(texts)]
        try:
            encoding = dict(tokenizer(*columns, padding=True, truncation=True, return_tensors="pt"))
        except RAISED as error:  # a tokenizer may raise any error of its library
            raise ShrinkError(f"The tokenizer can't read the texts: {why(error)}.") from error
        if all(hasattr(rows, "dim") for rows in encoding.values()):
            return encoding
        if "input_ids" not in encoding or not all(map(_are_lists, encoding.values())):
            raise ShrinkError(
                "The tokenizer gives no tensors and no lists of numbers under input_ids; hand over one that does, or "
                "give the tokens themselves as data."
            )
        if tokens.taken is None or "attention_mask" in tokens.taken:
            encoding.setdefault("attention_mask", [[1] * len(row) for row in encoding["input_ids"]])
        return padded(tokenizer, {name: rows for name, rows in encoding.items() if name not in tokens.unwanted})
    columns_of, _ = encoded(tokenizer, texts, tokens.longest)
    wanted = {name: rows for name, rows in columns_of.items() if name not in tokens.unwanted}
    return padded(tokenizer, wanted, left=on_the_left(tokenizer, tokens))


def on_the_left(tokenizer: Any, tokens: Tokens) -> bool:
    """Whether to pad on the left: as the tokenizer does, except for causal models."""
    return not tokens.causal and getattr(tokenizer, "padding_side", "right") == "left"


def next_tokens(subject: SourceModel, batches: list[Batch]) -> list[Batch]:
    """Set the labels of a causal language model's batches to their own tokens, if they have none."""
    from dataclasses import replace

    if not is_causal(subject):
        return batches
    labelled = []
    for batch in batches:
        ids: Any = batch.inputs.get("input_ids") if isinstance(batch.inputs, Mapping) else batch.inputs
        if batch.labels is not None or not hasattr(ids, "dim") or ids.dim() != 2 or ids.is_floating_point():
            return batches
        mask: Any = batch.inputs.get("attention_mask") if isinstance(batch.inputs, Mapping) else None
        labelled.append(replace(batch, labels=ids if mask is None else ids.masked_fill(mask == 0, IGNORED)))
    return labelled


def answering(model: Any, inputs: Any, labels: Any) -> Any:
    """Return inputs with the decoder inputs of an encoder-decoder model: the labels shifted by one, as in training.

    Unchanged if the model has no decoder, there are no token labels, or the user gave decoder inputs.
    """
    shift_labels = getattr(model, "prepare_decoder_input_ids_from_labels", None)
    if shift_labels is None or labels is None or labels.dim() != 2 or labels.is_floating_point():
        return inputs
    if not isinstance(inputs, Mapping) or any(name.startswith("decoder_") for name in inputs):
        return inputs
    return {**inputs, "decoder_input_ids": shift_labels(labels=labels)}


def _are_lists(rows: Any) -> bool:
    """Whether a value holds a list of whole numbers for each text."""
    return isinstance(rows, (list, tuple)) and all(
        isinstance(row, (list, tuple)) and all(isinstance(token, int) for token in row) for row in rows
    )


def _paired(texts: Sequence[Any]) -> bool:
    return len(texts) > 0 and not isinstance(texts[0], str)


def _fill(tokenizer: Any) -> int:
    """Return the token to pad with; any will do, since the mask marks padding."""
    for name in ("pad_token_id", "eos_token_id"):
        if isinstance(token := getattr(tokenizer, name, None), int):
            return token
    return 0
