"""Counts a window's work: batches and examples from DataLoaders, tokens from `generate`.

Work on all threads of the process is counted, since the energy covers all of them. If a number is unknown, it is None
with a note, never 0: joules per unit would be wrong.
"""

from __future__ import annotations

import sys
from typing import Any, TypeGuard

from jupyter_green.session.timestamp import Timestamp
from jupyter_green.session.window import Window, WindowSession

from . import dataloader, generate, hooks
from .phases import Phase

COUNTABLE = ("batches", "examples", "tokens")
AUTO = "auto"
WORDS = (*COUNTABLE, AUTO)

_LIBRARIES = {"torch": dataloader.LIBRARY, "transformers": generate.LIBRARY}


class UnitCounter:
    """Counts the work in one window.

    Parameters
    ----------
    wanted : str
        One of `WORDS`; "auto" means tokens if any were generated, else examples if a DataLoader ran.
    unit : str, optional
        The user's name for a unit, such as "images".

    Raises
    ------
    ValueError
        If the arguments are invalid.
    """

    def __init__(self, wanted: str, unit: str | None = None) -> None:
        if wanted not in WORDS:
            raise ValueError(f"units takes a number or one of {', '.join(WORDS)}, not {wanted!r}.")
        if wanted == AUTO and unit is not None:
            if unit not in COUNTABLE:
                raise ValueError(f"units='auto' can't count {unit!r}; name one of {', '.join(COUNTABLE)}.")
            wanted = unit
        self.wanted = wanted
        self._unit = unit
        self._session: WindowSession | None = None
        self._open = False
        self._absent: set[str] = set()
        # Appending to a list or set is atomic, so user threads need no lock.
        self._batches: list[dataloader.Batch] = []
        self._known: dict[dataloader.Batch, dataloader.Batch] = {}
        self._under_way: set[generate.Call] = set()
        self._calls: list[generate.Call] = []
        self._calls_overlapped = False
        self._problem: str | None = None
        self._phases = (Phase("prefill"), Phase("decode"))

    # ---- start and end of the window --------------------------------------------------------------

    def begin(self, window: Window) -> None:
        """Start counting; does nothing in a forked child."""
        if not window.session.alive:
            return
        self._session, self._open = window.session, True
        window.phases = self._phases if self.counts("tokens") else ()
        self._absent = {name for name, module in _LIBRARIES.items() if module not in sys.modules}
        hooks.open_for(self)

    def end(self, window: Window) -> None:
        """Stop counting and store the counts in the window's facts; has no effect when repeated."""
        if not self._open:
            return
        hooks.close_for(self)
        where = "cell" if window.span == "cell" else "block"
        kind = self._kind()
        units, note = self._total(kind, where)
        if units and window.overlapped:
            units, note = None, "Another cell ran at the same time, so the work can't be assigned to one energy."
        if note is not None:
            window.notes.append(note)
        if units:
            window.facts.update(units=float(units), unit=self._unit or kind, batch_size=self._batch_size(kind, window))
        window.phases = self._parted(window) if units and kind == "tokens" else ()
        self._open = False

    # ---- called by the method hooks ---------------------------------------------------------------

    def counts(self, kind: str) -> bool:
        """Whether this kind, one of `COUNTABLE`, is counted."""
        return self.wanted in (kind, AUTO)

    def mark(self) -> Timestamp:
        """Mark this moment, so that the energy up to it and from it on can be read."""
        assert self._session is not None, "a counter that never began receives nothing"
        return self._session.mark()

    def loaded(self, batch: dataloader.Batch) -> None:
        """Count a batch that a DataLoader has returned."""
        self._batches.append(self._known.setdefault(batch, batch))

    def begun(self, call: generate.Call) -> None:
        """A call of `generate` begins."""
        self._calls_overlapped = self._calls_overlapped or bool(self._under_way)
        self._under_way.add(call)

    def done(self, call: generate.Call) -> None:
        """A call of `generate` has ended."""
        if not self._open:
            return  # the window ended first: the call counts as unfinished
        self._under_way.discard(call)
        self._calls.append(call)
        if call.new_tokens is not None and call.first is not None and call.ended is not None:
            self._phases[0].add(call.began, call.first)
            self._phases[1].add(call.first, call.ended)

    def failed(self, error: Exception) -> None:
        """Counting failed; the user's work is not affected."""
        self._problem = f"Not counted: a library gave something unexpected ({type(error).__name__}: {error})."

    # ---- results ----------------------------------------------------------------------------------

    def _kind(self) -> str | None:
        if self.wanted != AUTO:
            return self.wanted
        if self._calls or self._under_way:
            return "tokens"
        return "examples" if self._batches else None

    def _total(self, kind: str | None, place: str) -> tuple[int | None, str | None]:
        """The number of units, or None and the reason."""
        if self._problem is not None:
            return None, self._problem
        if kind == "tokens" and (self._calls or self._under_way):
            return self._generated(place)
        if kind == "examples" and self._batches:
            return self._examples()
        return (len(self._batches), None) if kind == "batches" and self._batches else (None, self._nothing(place))

    def _generated(self, place: str) -> tuple[int | None, str | None]:
        token_counts = [call.new_tokens for call in self._calls]
        if self._under_way:
            return None, f"Tokens were not counted: a call of generate was still running when this {place} ended."
        if None in token_counts:
            return None, "Tokens were not counted: a call of generate was cut short, or does not report its tokens."
        return sum(number or 0 for number in token_counts), None

    def _examples(self) -> tuple[int | None, str | None]:
        sizes = [batch.size for batch in self._batches]
        if None in sizes:
            return None, "Examples were not counted: the size of a batch is unknown; batches can be counted."
        return sum(number or 0 for number in sizes), None

    def _nothing(self, place: str) -> str:
        """Why nothing was counted."""
        required = {"tokens": {"transformers"}, AUTO: set(_LIBRARIES)}.get(self.wanted, {"torch"})
        names = sorted(name for name in required & self._absent if _LIBRARIES[name] in sys.modules)
        if names:
            was = "was" if len(names) == 1 else "were"
            return f"Not counted: {' and '.join(names)} {was} imported inside this {place}; run it again to count it."
        work = {"tokens": "no model of transformers generated", AUTO: "neither a model generated nor a DataLoader ran"}
        return f"Not counted: {work.get(self.wanted, 'no DataLoader was iterated')} in this {place}."

    def _batch_size(self, kind: str | None, window: Window) -> int | None:
        if kind == "tokens":
            sizes = {call.batch_size for call in self._calls}
        else:
            sizes = {batch.nominal for batch in self._batches}
        if len(sizes) == 1:
            return sizes.pop()
        known_sizes = sorted(size for size in sizes if size is not None)
        size_range = f" ({known_sizes[0]} to {known_sizes[-1]})" if len(known_sizes) > 1 else ""
        window.notes.append(f"Batches of several sizes were used{size_range}, so none is stated.")
        return None

    def _parted(self, window: Window) -> tuple[Phase, ...]:
        """Return the phases of all calls, if prefill and decode are distinguishable."""
        marked_calls = [call for call in self._calls if call.first is not None]
        if self._calls_overlapped:
            window.notes.append("Calls of generate ran at the same time, so prefill and decode can't be separated.")
            return ()
        if not marked_calls:
            return ()
        if len(marked_calls) < len(self._calls):
            note = f"Prefill and decode are separated for {len(marked_calls)} of {len(self._calls)} calls of generate."
            window.notes.append(note)
        prefill, decode = self._phases
        prompt_lengths = [call.prompt_tokens for call in marked_calls]
        if None in prompt_lengths:
            prefill.notes = ("The number of prompt tokens is unknown.",)
        else:
            prefill.units = float(sum(number or 0 for number in prompt_lengths)) or None
        decode.units = float(sum(call.new_tokens or 0 for call in marked_calls))
        return self._phases


def counted(text: Any) -> TypeGuard[str]:
    """Whether the `units` argument is one of the words that request counting."""
    return isinstance(text, str) and text in WORDS
