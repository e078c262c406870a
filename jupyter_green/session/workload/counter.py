"""What a window did: batches and examples that a DataLoader handed out, tokens that `generate` made.

Counted is what the process did meanwhile, whatever thread did it, because the energy is all of it too. A figure
that can't be told is None with a sentence, never 0: joules per unit would be wrong, not merely rough.
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
    """Counts what is done in one window.

    Parameters
    ----------
    wanted : str
        One of `WORDS`; "auto" is tokens where something was generated, else examples where a DataLoader ran.
    unit : str, optional
        The person's own name for what is counted, such as "images".

    Raises
    ------
    ValueError
        If the words make no sense; one sentence.
    """

    def __init__(self, wanted: str, unit: str | None = None) -> None:
        if wanted not in WORDS:
            raise ValueError(f"units wants a number or one of {', '.join(WORDS)}, not {wanted!r}.")
        if wanted == AUTO and unit is not None:
            if unit not in COUNTABLE:
                raise ValueError(f"units='auto' can't tell what {unit!r} are; name one of {', '.join(COUNTABLE)}.")
            wanted = unit
        self.wanted = wanted
        self._unit = unit
        self._session: WindowSession | None = None
        self._open = False
        self._absent: set[str] = set()
        # Lists and sets are only added to, which needs no lock beside threads of the person's own.
        self._batches: list[dataloader.Batch] = []
        self._known: dict[dataloader.Batch, dataloader.Batch] = {}
        self._under_way: set[generate.Call] = set()
        self._calls: list[generate.Call] = []
        self._tangled = False
        self._problem: str | None = None
        self._phases = (Phase("prefill"), Phase("decode"))

    # ---- the window's edges -------------------------------------------------------------------

    def begin(self, window: Window) -> None:
        """Count from here on; in a forked child nothing is metered and nothing counted."""
        if not window.session.alive:
            return
        self._session, self._open = window.session, True
        window.phases = self._phases if self.counts("tokens") else ()
        self._absent = {name for name, module in _LIBRARIES.items() if module not in sys.modules}
        hooks.open_for(self)

    def end(self, window: Window) -> None:
        """Count no further, and put what was counted among the window's facts; harmless when repeated."""
        if not self._open:
            return
        hooks.close_for(self)
        place = "cell" if window.span == "cell" else "block"
        kind = self._kind()
        units, note = self._total(kind, place)
        if units and window.overlapped:
            units, note = None, "Another cell ran at the same time, so what belongs to which energy can't be told."
        if note is not None:
            window.notes.append(note)
        if units:
            window.facts.update(units=float(units), unit=self._unit or kind, batch_size=self._batch_size(kind, window))
        window.phases = self._parted(window) if units and kind == "tokens" else ()
        self._open = False

    # ---- from the taps ------------------------------------------------------------------------

    def counts(self, kind: str) -> bool:
        """Whether one of `COUNTABLE` is looked for."""
        return self.wanted in (kind, AUTO)

    def mark(self) -> Timestamp:
        """Note this moment, up to which and from which energy may be asked for."""
        assert self._session is not None, "a tally that never began is not told of anything"
        return self._session.mark()

    def loaded(self, batch: dataloader.Batch) -> None:
        """A DataLoader has handed out a batch."""
        self._batches.append(self._known.setdefault(batch, batch))

    def begun(self, call: generate.Call) -> None:
        """A call of `generate` begins."""
        self._tangled = self._tangled or bool(self._under_way)
        self._under_way.add(call)

    def done(self, call: generate.Call) -> None:
        """A call of `generate` has ended."""
        if not self._open:
            return  # the window ended before it: the call stays under way
        self._under_way.discard(call)
        self._calls.append(call)
        if call.new_tokens is not None and call.first is not None and call.ended is not None:
            self._phases[0].add(call.began, call.first)
            self._phases[1].add(call.first, call.ended)

    def failed(self, error: Exception) -> None:
        """Counting itself failed; what it looked at ran as ever."""
        self._problem = f"Not counted: a library gave something unexpected ({type(error).__name__}: {error})."

    # ---- figures ------------------------------------------------------------------------------

    def _kind(self) -> str | None:
        if self.wanted != AUTO:
            return self.wanted
        if self._calls or self._under_way:
            return "tokens"
        return "examples" if self._batches else None

    def _total(self, kind: str | None, place: str) -> tuple[int | None, str | None]:
        """The number of units, or None and why."""
        if self._problem is not None:
            return None, self._problem
        if kind == "tokens" and (self._calls or self._under_way):
            return self._generated(place)
        if kind == "examples" and self._batches:
            return self._examples()
        return (len(self._batches), None) if kind == "batches" and self._batches else (None, self._nothing(place))

    def _generated(self, place: str) -> tuple[int | None, str | None]:
        made = [call.new_tokens for call in self._calls]
        if self._under_way:
            return None, f"Tokens were not counted: a call of generate went on when this {place} ended."
        if None in made:
            return None, "Tokens were not counted: a call of generate was cut short, or does not tell its tokens."
        return sum(number or 0 for number in made), None

    def _examples(self) -> tuple[int | None, str | None]:
        held = [batch.size for batch in self._batches]
        if None in held:
            return None, "Examples were not counted: a batch does not tell how many it holds; batches can be counted."
        return sum(number or 0 for number in held), None

    def _nothing(self, place: str) -> str:
        """Why nothing was counted."""
        needed = {"tokens": {"transformers"}, AUTO: set(_LIBRARIES)}.get(self.wanted, {"torch"})
        late = sorted(name for name in needed & self._absent if _LIBRARIES[name] in sys.modules)
        if late:
            was = "was" if len(late) == 1 else "were"
            return f"Not counted: {' and '.join(late)} {was} imported inside this {place}; run it again to count it."
        work = {"tokens": "no model of transformers generated", AUTO: "neither a model generated nor a DataLoader ran"}
        return f"Not counted: {work.get(self.wanted, 'no DataLoader was gone through')} in this {place}."

    def _batch_size(self, kind: str | None, window: Window) -> int | None:
        if kind == "tokens":
            sizes = {call.batch_size for call in self._calls}
        else:
            sizes = {batch.nominal for batch in self._batches}
        if len(sizes) == 1:
            return sizes.pop()
        told = sorted(size for size in sizes if size is not None)
        reach = f" ({told[0]} to {told[-1]})" if len(told) > 1 else ""
        window.notes.append(f"Batches of several sizes were used{reach}, so none is stated.")
        return None

    def _parted(self, window: Window) -> tuple[Phase, ...]:
        """The phases of all calls, where they can be told apart."""
        marked = [call for call in self._calls if call.first is not None]
        if self._tangled:
            window.notes.append("Calls of generate ran at the same time, so prefill and decode can't be told apart.")
            return ()
        if not marked:
            return ()
        if len(marked) < len(self._calls):
            told = f"Prefill and decode are told apart for {len(marked)} of {len(self._calls)} calls of generate."
            window.notes.append(told)
        prefill, decode = self._phases
        read = [call.prompt_tokens for call in marked]
        if None in read:
            prefill.notes = ("How many tokens the prompts have can't be told.",)
        else:
            prefill.units = float(sum(number or 0 for number in read)) or None
        decode.units = float(sum(call.new_tokens or 0 for call in marked))
        return self._phases


def counted(text: Any) -> TypeGuard[str]:
    """Whether a given number of units is one of the words that ask for counting."""
    return isinstance(text, str) and text in WORDS
