"""Texts as tokens: cut where the model's positions end, padded batch by batch, with a mask that says what is padding.

A tokenizer of transformers is asked for lists, which are padded here: it may have no token to pad with, and pads to
the left where it was made for writing. Neither changes what a causal model says of the text before the padding.
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
"""Most scores that a language model gives at a time, where batches are cut here: a quarter of a gigabyte."""
AT_ONCE = 500
"""Texts that a tokenizer reads at once, so that the time is looked at between."""
LONGEST = 100_000
"""A longest text beyond this is a tokenizer's word for not knowing one."""


@dataclass(frozen=True)
class Tokens:
    """What a model takes of tokens.

    Parameters
    ----------
    longest : int or None
        Most tokens of an example; None where that isn't known.
    causal : bool
        Whether it predicts each token from those before it.
    vocabulary : int
        Scores it gives for each token, where it is causal.
    unwanted : tuple of str
        Inputs of a tokenizer that it doesn't take.
    taken : frozenset of str or None
        Names of the inputs that it takes; None where it takes any.
    """

    longest: int | None = None
    causal: bool = False
    vocabulary: int = 0
    unwanted: tuple[str, ...] = ()
    taken: frozenset[str] | None = None

    def wanted(self, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the inputs that the model takes, where it takes some of them by name."""
        if self.taken is None or self.taken.isdisjoint(inputs):
            return inputs
        return {name: value for name, value in inputs.items() if name in self.taken}

    def alone(self, inputs: Any) -> Any:
        """Return the one input of a mapping by itself, where the model has no argument of its name."""
        unnamed = isinstance(inputs, Mapping) and self.taken is not None and self.taken.isdisjoint(inputs)
        return next(iter(inputs.values())) if unnamed and len(inputs) == 1 else inputs

    def at_once(self, most: int, width: int) -> int:
        """Return how many examples of a width in tokens make a batch, `most` at most."""
        return max(1, min(most, OUTPUTS // max(1, self.vocabulary * width))) if self.causal else most


def is_causal(subject: SourceModel) -> bool:
    """Whether a model is a language model that predicts each token from those before it."""
    # XLM and Flaubert, which are called WithLMHeadModel, predict the token that stands there.
    return subject.name.endswith(("ForCausalLM", "LMHeadModel")) and not subject.name.endswith("WithLMHeadModel")


def tokens_of(subject: SourceModel) -> Tokens:
    """Return what a model takes of tokens, by its configuration and the names of its arguments."""
    import inspect

    config = getattr(subject.model, "config", None)
    causal = is_causal(subject)
    unwanted: tuple[str, ...] = ()
    taken = None
    import torch

    own = type(subject.model).__call__ is torch.nn.Module.__call__ and not isinstance(
        subject.model, torch.jit.ScriptModule
    )
    if subject.kind != "sentence-transformers" and own:
        takes = inspect.signature(subject.model.forward).parameters
        any_name = any(one.kind is one.VAR_KEYWORD for one in takes.values())
        if subject.kind == "transformers":
            unwanted = tuple(name for name in ("token_type_ids",) if name not in takes)
            any_name = False  # what is not among its own names it hands on to nobody
        taken = None if any_name else frozenset(takes)
    vocabulary = getattr(config, "vocab_size", None)
    return Tokens(longest_of(subject), causal, vocabulary if isinstance(vocabulary, int) else 0, unwanted, taken)


def longest_of(subject: SourceModel) -> int | None:
    """Return the most tokens that a model has positions for; None where its configuration doesn't say."""
    if subject.kind == "sentence-transformers":
        longest = getattr(subject.model, "max_seq_length", None)
        return longest if isinstance(longest, int) else None
    config = getattr(subject.model, "config", None)
    config = getattr(config, "text_config", None) or config
    longest = getattr(config, "max_position_embeddings", None)
    if not isinstance(longest, int) or longest < 1:
        return None
    # RoBERTa and its kin count positions from behind their padding token's number.
    offsets = [
        module.padding_idx + 1
        for name, module in subject.model.named_modules()
        if name.endswith("position_embeddings") and getattr(module, "padding_idx", None) is not None
    ]
    return longest - max(offsets, default=0)


def encoded(
    tokenizer: Any, texts: Sequence[Any], longest: int | None, *, named: str = "the model"
) -> tuple[dict[str, list[list[int]]], int]:
    """Return the tokens of each text (or pair of texts) in lists, and how many had to be cut.

    Parameters
    ----------
    tokenizer : object
        One of transformers.
    texts : sequence of str or (str, str)
        The texts.
    longest : int or None
        Most tokens of an example; the tokenizer's own word is heeded too.
    named : str
        Whose tokenizer it is, for a sentence.

    Raises
    ------
    ShrinkError
        If the tokenizer can't read them; one sentence.
    """
    own = tokenizer.model_max_length
    most = min((one for one in (own, longest) if one and one < LONGEST), default=None)

    def read(chosen: Sequence[Any], **cut: Any) -> dict[str, list[list[int]]]:
        columns = [list(column) for column in zip(*chosen, strict=True)] if _paired(chosen) else [list(chosen)]
        deadline.look()
        try:
            made = tokenizer(*columns, padding=False, verbose=False, **cut)
        except RAISED as error:  # a tokenizer may raise anything of its library's
            raise ShrinkError(f"The tokenizer of {named} can't read the texts: {why(error)}.") from error
        return {name: [list(row) for row in rows] for name, rows in made.items()}

    found: dict[str, list[list[int]]] = {}
    for begin in range(0, max(1, len(texts)), AT_ONCE):
        for name, rows in read(texts[begin : begin + AT_ONCE]).items():
            found.setdefault(name, []).extend(rows)
    if most is None:
        return found, 0
    long = [place for place, row in enumerate(found["input_ids"]) if len(row) > most]
    if long:
        cut = read([texts[place] for place in long], truncation=True, max_length=most)
        for name, rows in cut.items():
            for place, row in zip(long, rows, strict=True):
                found[name][place] = row
    return found, len(long)


def padded(tokenizer: Any, columns: Mapping[str, Sequence[Sequence[int]]], *, left: bool = False) -> dict[str, Any]:
    """Return lists of unlike lengths as tensors, each column padded to its longest."""
    import torch

    fill = {"input_ids": _fill(tokenizer), "special_tokens_mask": 1} | dict.fromkeys(LABELS, IGNORED)
    found = {}
    for name, rows in columns.items():
        value, width = fill.get(name, 0), max(len(row) for row in rows)
        beside = [[value] * (width - len(row)) for row in rows]
        whole = [[*pad, *row] if left else [*row, *pad] for row, pad in zip(rows, beside, strict=True)]
        found[name] = torch.tensor(whole, dtype=torch.long)
    return found


def readable(tokenizer: Any) -> bool:
    """Whether a tokenizer is one of transformers, which gives lists where it is asked for them."""
    return hasattr(tokenizer, "model_max_length") and callable(tokenizer)


def tokenized(tokenizer: Any, texts: Sequence[Any], tokens: Tokens) -> dict[str, Any]:
    """Return texts as one batch of tensors."""
    if not readable(tokenizer):
        columns = [list(column) for column in zip(*texts, strict=True)] if _paired(texts) else [list(texts)]
        try:
            made = dict(tokenizer(*columns, padding=True, truncation=True, return_tensors="pt"))
        except RAISED as error:  # a tokenizer may raise anything of its library's
            raise ShrinkError(f"The tokenizer can't read the texts: {why(error)}.") from error
        if all(hasattr(rows, "dim") for rows in made.values()):
            return made
        if "input_ids" not in made or not all(map(_are_lists, made.values())):
            raise ShrinkError(
                "The tokenizer gives no tensors and no lists of numbers under input_ids; hand over one that does, or "
                "give the tokens themselves as data."
            )
        if tokens.taken is None or "attention_mask" in tokens.taken:
            made.setdefault("attention_mask", [[1] * len(row) for row in made["input_ids"]])
        return padded(tokenizer, {name: rows for name, rows in made.items() if name not in tokens.unwanted})
    columns_of, _ = encoded(tokenizer, texts, tokens.longest)
    wanted = {name: rows for name, rows in columns_of.items() if name not in tokens.unwanted}
    return padded(tokenizer, wanted, left=on_the_left(tokenizer, tokens))


def on_the_left(tokenizer: Any, tokens: Tokens) -> bool:
    """Whether padding comes first: as the tokenizer has it, except where what comes later changes nothing."""
    return not tokens.causal and getattr(tokenizer, "padding_side", "right") == "left"


def next_tokens(subject: SourceModel, batches: list[Batch]) -> list[Batch]:
    """Give a causal language model's batches their own tokens as labels, where they have none."""
    from dataclasses import replace

    if not is_causal(subject):
        return batches
    found = []
    for batch in batches:
        ids: Any = batch.inputs.get("input_ids") if isinstance(batch.inputs, Mapping) else batch.inputs
        if batch.labels is not None or not hasattr(ids, "dim") or ids.dim() != 2 or ids.is_floating_point():
            return batches
        mask: Any = batch.inputs.get("attention_mask") if isinstance(batch.inputs, Mapping) else None
        found.append(replace(batch, labels=ids if mask is None else ids.masked_fill(mask == 0, IGNORED)))
    return found


def answering(model: Any, inputs: Any, labels: Any) -> Any:
    """Return inputs with those of an encoder-decoder's decoder: the labels moved on by one, as in its training.

    Only where the model is one that writes, its labels are known, and the person gave none.
    """
    made = getattr(model, "prepare_decoder_input_ids_from_labels", None)
    if made is None or labels is None or labels.dim() != 2 or labels.is_floating_point():
        return inputs
    if not isinstance(inputs, Mapping) or any(name.startswith("decoder_") for name in inputs):
        return inputs
    return {**inputs, "decoder_input_ids": made(labels=labels)}


def _are_lists(rows: Any) -> bool:
    """Whether something holds a list of whole numbers for each text."""
    return isinstance(rows, (list, tuple)) and all(
        isinstance(row, (list, tuple)) and all(isinstance(one, int) for one in row) for row in rows
    )


def _paired(texts: Sequence[Any]) -> bool:
    return len(texts) > 0 and not isinstance(texts[0], str)


def _fill(tokenizer: Any) -> int:
    """Return the token to pad with; any will do, since the mask says what is padding."""
    for name in ("pad_token_id", "eos_token_id"):
        if isinstance(found := getattr(tokenizer, name, None), int):
            return found
    return 0
