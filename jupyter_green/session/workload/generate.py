"""One call of `generate` as it is seen from outside: how many tokens, from what prompt, and when the first came.

What the model did is read off its arguments and its result, so the call itself runs as ever. Only the moment
of the first new token needs a place inside: a stopping criterion that never stops anything, handed in beside
the caller's own by the documented argument. It reads that one token, and so waits until the device has made
it; greedy search, sampling and beam search do the same an instant later, to see whether they are done. On an
accelerator the moment is therefore the one at which the host saw the token, not the one at which it was made.

What can't be told is None, never a guess. No library is imported here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

from jupyter_green.session.timestamp import Timestamp

LIBRARY = "transformers.generation.utils"
_PLACES = {"inputs": 0, "generation_config": 1, "stopping_criteria": 3, "assistant_model": 6, "custom_generate": 10}
"""Places of `generate`'s arguments where they come without their names."""

_INPUTS = ("inputs_embeds", "input_features", "input_values", "pixel_values")
_LOOP = ("_get_stopping_criteria", "_sample", "_beam_search")
"""What a model must have as the library wrote it, to be handed a criterion it was not asked to take."""


class Call:
    """One call of `generate`.

    Parameters
    ----------
    model : object
        The model that generates.
    arguments, options : tuple, dict
        What the caller gave.
    clock : callable
        Marks a moment and returns it.

    Attributes
    ----------
    arguments, options : tuple, dict
        What to call `generate` with.
    began, first, ended : Edge, Edge or None, Edge or None
        When it began, when its first new token was seen and when it returned.
    batch_size : int or None
        Number of prompts.
    new_tokens : int or None
        Tokens in the answers, each counted up to its end mark; the padding behind it isn't.
    prompt_tokens : int or None
        Tokens read before the first new one; padding, and what a given cache holds already, aren't counted.
    """

    def __init__(
        self, model: Any, arguments: tuple[Any, ...], options: dict[str, Any], clock: Callable[[], Timestamp]
    ) -> None:
        self.arguments, self.options = arguments, options
        self.first: Timestamp | None = None
        self.ended: Timestamp | None = None
        self.new_tokens: int | None = None
        self.prompt_tokens: int | None = None
        self._clock = clock
        self._start: int | None = None
        self._never: Any = None
        self._deaf = False
        self._model = model
        self._shape = next(filter(None, map(_shape, (self._ids, *map(options.get, _INPUTS)))), ())
        self.batch_size = int(self._shape[0]) if self._shape else None
        self._cached = _length(options.get("past_key_values"))
        if self._takes_criteria():
            self._listen()
        self.began = clock()

    def end(self, result: Any) -> None:
        """The call returned this; None where it was cut short."""
        self.ended = self._clock()
        sequences = getattr(result, "sequences", result)
        start = self._answers_from()
        if start is not None and len(_shape(sequences)) == 2:
            self.new_tokens = _counted(sequences, start, self._end_marks())
            self.prompt_tokens = self._prompt()
        # Nothing of the caller's is held any longer than its call.
        self.arguments, self.options, self._model, self._never = (), {}, None, None

    # ---- what the caller gave -----------------------------------------------------------------

    def _given(self, name: str) -> Any:
        place = _PLACES.get(name, len(self.arguments))
        return self.arguments[place] if place < len(self.arguments) else self.options.get(name)

    def _setting(self, name: str) -> Any:
        """A setting of this call, from the first place that names it."""
        places = (self._given("generation_config"), getattr(self._model, "generation_config", None))
        found = (self.options.get(name), *(getattr(place, name, None) for place in places))
        return next((value for value in found if value is not None), None)

    @property
    def _ids(self) -> Any:
        """The prompts, or what an encoder is given in their place."""
        inputs = self._given("inputs")
        return inputs if inputs is not None else self.options.get("input_ids")

    # ---- the first token ----------------------------------------------------------------------

    def _takes_criteria(self) -> bool:
        """Whether this call surely takes a stopping criterion as the library describes it."""
        if self._given("custom_generate") is not None or self.options.get("cache_implementation") == "paged":
            return False
        plain, kind = sys.modules[LIBRARY].GenerationMixin, type(self._model)
        return all(getattr(kind, name, None) is getattr(plain, name, None) for name in _LOOP)

    def _listen(self) -> None:
        """Put our criterion beside the caller's own, whose list stays as it is."""
        own: Iterable[Any] = self._given("stopping_criteria") or ()
        together = sys.modules[LIBRARY].StoppingCriteriaList([*own, self._token])
        place = _PLACES["stopping_criteria"]
        if len(self.arguments) > place:
            self.arguments = (*self.arguments[:place], together, *self.arguments[place + 1 :])
        else:
            self.options = {**self.options, "stopping_criteria": together}

    def _token(self, input_ids: Any, _scores: Any, **_options: Any) -> Any:
        """A stopping criterion: notes the first new token and stops nothing."""
        if self.first is None and not self._deaf:
            try:
                input_ids[0, -1].item()
                self._start = int(input_ids.shape[1]) - 1
                self.first = self._clock()
            except Exception:  # noqa: BLE001 - the answer comes first; without the moment the record says so
                self._deaf = True
        if self._never is None or self._never.shape[0] != input_ids.shape[0]:
            self._never = input_ids.new_zeros(input_ids.shape[0]).bool()
        return self._never

    # ---- counting -----------------------------------------------------------------------------

    def _answers_from(self) -> int | None:
        """Where in the result the new tokens begin; the prompt or the model's start tokens come before them."""
        several = bool(getattr(getattr(self._model, "config", None), "is_encoder_decoder", False))
        if not several and len(_shape(self._ids)) == 2:
            return int(self._ids.shape[1])
        # Where a smaller model drafts, several tokens may come at first.
        drafted = self._given("assistant_model") is not None or self._setting("prompt_lookup_num_tokens")
        return None if drafted else self._start

    def _prompt(self) -> int | None:
        ids, mask = self._ids, _shape(self.options.get("attention_mask"))
        if ids is None:
            read = len(self._shape) == 3 and "inputs_embeds" in self.options
        else:
            read = len(self._shape) == 2 and not ids.is_floating_point()  # else it is sound or a picture
        if not read or self._cached is None:
            return None
        whole = self.options["attention_mask"].sum() if len(mask) == 2 else self._shape[0] * self._shape[1]
        return max(0, int(whole) - self._cached * int(self._shape[0]))

    def _end_marks(self) -> tuple[int, ...]:
        """Ids of the tokens that end a sequence."""
        found = self._setting("eos_token_id")
        found = found.tolist() if hasattr(found, "tolist") else found
        return () if found is None else tuple(found) if isinstance(found, (list, tuple)) else (int(found),)


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(getattr(value, "shape", ()))


def _length(cache: Any) -> int | None:
    """Tokens per sequence that a cache holds already; None where it doesn't say."""
    if cache is None:
        return 0
    tell = getattr(cache, "get_seq_length", None)
    return int(tell()) if tell is not None else None


def _counted(sequences: Any, start: int, ends: tuple[int, ...]) -> int:
    """Tokens from `start` on, each sequence up to its first end mark."""
    new = sequences[:, start:]
    if not ends or not new.shape[1]:
        return int(new.shape[0] * new.shape[1])
    marks = new == ends[0]
    for other in ends[1:]:
        marks = marks | (new == other)
    behind = marks.cumsum(1) - marks.int()
    return int((behind == 0).sum())
