"""Observes one call of `generate`: number of tokens, prompt length, and the time of the first new token.

Token counts follow from the call's arguments and result. Only the time of the first token needs a hook inside the call:
a stopping criterion that never stops, added to the caller's own through the documented argument. It reads the first new
token and so waits until the device has computed it. Greedy search, sampling and beam search do the same a moment later
to check whether they are done. On an accelerator this is the time at which the host read the token.

Unknown values are None. Imports no library.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

from jupyter_green.session.timestamp import Timestamp

LIBRARY = "transformers.generation.utils"
_PLACES = {"inputs": 0, "generation_config": 1, "stopping_criteria": 3, "assistant_model": 6, "custom_generate": 10}
"""Positions of `generate`'s arguments when passed without names."""

_INPUTS = ("inputs_embeds", "input_features", "input_values", "pixel_values")
_LOOP = ("_get_stopping_criteria", "_sample", "_beam_search")
"""Methods that must be the library's own for a model to be given an extra criterion."""


class Call:
    """One call of `generate`, with the caller's arguments; `clock` marks a moment and returns it."""

    def __init__(
        self, model: Any, arguments: tuple[Any, ...], options: dict[str, Any], clock: Callable[[], Timestamp]
    ) -> None:
        self.arguments, self.options = arguments, options
        """The arguments to call `generate` with."""
        self.first: Timestamp | None = None
        """Time of the first new token."""
        self.ended: Timestamp | None = None
        self.new_tokens: int | None = None
        """Number of generated tokens up to each sequence's end token, without padding."""
        self.prompt_tokens: int | None = None
        """Number of tokens read before the first new one, without padding and without tokens in a given cache."""
        self._clock = clock
        self._start: int | None = None
        self._never: Any = None
        self._streaming_unsupported = False
        self._model = model
        self._shape = next(filter(None, map(_shape, (self._ids, *map(options.get, _INPUTS)))), ())
        self.batch_size = int(self._shape[0]) if self._shape else None
        self._cached = _length(options.get("past_key_values"))
        if self._takes_criteria():
            self._add_stopping_criterion()
        self.began = clock()

    def end(self, result: Any) -> None:
        """Take the result of the call; None if the call raised."""
        self.ended = self._clock()
        sequences = getattr(result, "sequences", result)
        start = self._answers_from()
        if start is not None and len(_shape(sequences)) == 2:
            self.new_tokens = _counted(sequences, start, self._end_marks())
            self.prompt_tokens = self._prompt()
        # Keep no reference to the caller's objects beyond the call.
        self.arguments, self.options, self._model, self._never = (), {}, None, None

    # ---- the caller's arguments ------------------------------------------------------------------

    def _given(self, name: str) -> Any:
        position = _PLACES.get(name, len(self.arguments))
        return self.arguments[position] if position < len(self.arguments) else self.options.get(name)

    def _setting(self, name: str) -> Any:
        """A generation setting of this call, from the first source that has it."""
        configs = (self._given("generation_config"), getattr(self._model, "generation_config", None))
        values = (self.options.get(name), *(getattr(config, name, None) for config in configs))
        return next((value for value in values if value is not None), None)

    @property
    def _ids(self) -> Any:
        """The prompts, or an encoder's input."""
        inputs = self._given("inputs")
        return inputs if inputs is not None else self.options.get("input_ids")

    # ---- the first token ----------------------------------------------------------------------

    def _takes_criteria(self) -> bool:
        """Whether this call is known to accept a stopping criterion."""
        if self._given("custom_generate") is not None or self.options.get("cache_implementation") == "paged":
            return False
        plain, kind = sys.modules[LIBRARY].GenerationMixin, type(self._model)
        return all(getattr(kind, name, None) is getattr(plain, name, None) for name in _LOOP)

    def _add_stopping_criterion(self) -> None:
        """Add our criterion to the caller's own; the caller's list is not changed."""
        callers: Iterable[Any] = self._given("stopping_criteria") or ()
        criteria = sys.modules[LIBRARY].StoppingCriteriaList([*callers, self._token])
        position = _PLACES["stopping_criteria"]
        if len(self.arguments) > position:
            self.arguments = (*self.arguments[:position], criteria, *self.arguments[position + 1 :])
        else:
            self.options = {**self.options, "stopping_criteria": criteria}

    def _token(self, input_ids: Any, _scores: Any, **_options: Any) -> Any:
        """A stopping criterion: records the time of the first new token and never stops."""
        if self.first is None and not self._streaming_unsupported:
            try:
                input_ids[0, -1].item()
                self._start = int(input_ids.shape[1]) - 1
                self.first = self._clock()
            except Exception:  # noqa: BLE001 - the result matters more; without this time the record says so
                self._streaming_unsupported = True
        if self._never is None or self._never.shape[0] != input_ids.shape[0]:
            self._never = input_ids.new_zeros(input_ids.shape[0]).bool()
        return self._never

    # ---- counting -----------------------------------------------------------------------------

    def _answers_from(self) -> int | None:
        """Index of the first new token in the result; the prompt or start tokens come before it."""
        encoder_decoder = bool(getattr(getattr(self._model, "config", None), "is_encoder_decoder", False))
        if not encoder_decoder and len(_shape(self._ids)) == 2:
            return int(self._ids.shape[1])
        # With a draft model the first step may produce several tokens.
        drafted = self._given("assistant_model") is not None or self._setting("prompt_lookup_num_tokens")
        return None if drafted else self._start

    def _prompt(self) -> int | None:
        ids, mask = self._ids, _shape(self.options.get("attention_mask"))
        if ids is None:
            is_text = len(self._shape) == 3 and "inputs_embeds" in self.options
        else:
            is_text = len(self._shape) == 2 and not ids.is_floating_point()  # else it is audio or an image
        if not is_text or self._cached is None:
            return None
        tokens = self.options["attention_mask"].sum() if len(mask) == 2 else self._shape[0] * self._shape[1]
        return max(0, int(tokens) - self._cached * int(self._shape[0]))

    def _end_marks(self) -> tuple[int, ...]:
        """Ids of the tokens that end a sequence."""
        ids = self._setting("eos_token_id")
        ids = ids.tolist() if hasattr(ids, "tolist") else ids
        return () if ids is None else tuple(ids) if isinstance(ids, (list, tuple)) else (int(ids),)


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(getattr(value, "shape", ()))


def _length(cache: Any) -> int | None:
    """Tokens per sequence in a cache; None if unknown."""
    if cache is None:
        return 0
    get_length = getattr(cache, "get_seq_length", None)
    return int(get_length()) if get_length is not None else None


def _counted(sequences: Any, start: int, ends: tuple[int, ...]) -> int:
    """Number of tokens from `start` on, up to each sequence's first end token."""
    new_tokens = sequences[:, start:]
    if not ends or not new_tokens.shape[1]:
        return int(new_tokens.shape[0] * new_tokens.shape[1])
    marks = new_tokens == ends[0]
    for end_id in ends[1:]:
        marks = marks | (new_tokens == end_id)
    ends_before = marks.cumsum(1) - marks.int()
    return int((ends_before == 0).sum())
