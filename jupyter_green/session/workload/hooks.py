"""Where libraries are listened to: a DataLoader's iterator, and the `generate` of models.

A tap stands in for one method of one class, only while a window counts, and only where the library is there
already. It calls the method with what it was given and passes on what comes back; an exception passes through
it and shows one line of it. Whoever held the tapped method keeps something that works: without a window that
counts, a tap does nothing. Processes that were forked from this one count nothing.
"""

from __future__ import annotations

import functools
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from . import dataloader
from . import generate as generation


class CallListener(Protocol):
    """What is told of the work that goes through the taps."""

    def counts(self, kind: str) -> bool:
        """Whether "batches", "examples" or "tokens" are looked for."""

    def mark(self) -> Any:
        """Note this moment."""

    def loaded(self, batch: dataloader.Batch) -> None:
        """A batch was handed out."""

    def begun(self, call: generation.Call) -> None:
        """A call of `generate` begins."""

    def done(self, call: generation.Call) -> None:
        """A call of `generate` has ended."""

    def failed(self, error: Exception) -> None:
        """Counting failed."""


@dataclass
class MethodHook:
    """One method that may be listened to.

    Parameters
    ----------
    module, owner, method : str
        Where the method is.
    kinds : tuple of str
        What is counted there.
    around : callable
        Makes the stand-in for a method.
    """

    module: str
    owner: str
    method: str
    kinds: tuple[str, ...]
    around: Callable[[Callable[..., Any]], Callable[..., Any]]
    _place: Any = None
    _original: Any = None
    _stand_in: Any = None

    def open(self) -> None:
        """Put the stand-in in the method's place, if the library is there and it isn't in it yet."""
        place = getattr(sys.modules.get(self.module), self.owner, None)
        found = vars(place).get(self.method) if place is not None else None
        if found is None or found is self._stand_in:
            return
        self._place, self._original, self._stand_in = place, found, self.around(found)
        setattr(place, self.method, self._stand_in)

    def close(self) -> None:
        """Put the method back, unless somebody has put something of theirs over it since."""
        if self._place is not None and vars(self._place).get(self.method) is self._stand_in:
            setattr(self._place, self.method, self._original)
        self._place = self._original = self._stand_in = None


def open_for(listener: CallListener) -> None:
    """Tell a listener from here on."""
    global _listeners  # noqa: PLW0603 - libraries' classes are the process's too
    with _lock:
        _listeners = (*_listeners, listener)
        for tap in _taps:
            if any(map(listener.counts, tap.kinds)):
                tap.open()


def close_for(listener: CallListener) -> None:
    """Tell a listener no more; the last one closes the taps."""
    global _listeners  # noqa: PLW0603 - one list a process, replaced as a whole under the lock
    with _lock:
        _listeners = tuple(other for other in _listeners if other is not listener)
        for tap in _taps:
            if not any(other.counts(kind) for other in _listeners for kind in tap.kinds):
                tap.close()


def _listening(kinds: tuple[str, ...]) -> list[CallListener]:
    return [listener for listener in _listeners if any(map(listener.counts, kinds))]


def _tell(listeners: list[CallListener], work: Callable[[CallListener], None]) -> None:
    """Tell listeners of work that was done; a fault of ours costs the count, never the work."""
    for listener in listeners:
        try:
            work(listener)
        except Exception as error:  # noqa: BLE001 - what is counted must run as if nobody counted
            listener.failed(error)


_LOADED, _MADE = ("batches", "examples"), ("tokens",)


def _around_next(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def __next__(self: Any) -> Any:  # noqa: N807 - a traceback shows this name
        listeners = [] if getattr(_here, "loading", False) else _listening(_LOADED)
        if not listeners:
            return original(self)
        _here.loading = True  # a data set may go through a loader of its own
        try:
            data = original(self)
        finally:
            _here.loading = False
        _tell(listeners, lambda listener: listener.loaded(dataloader.batch_of(self, data)))
        return data

    return __next__


def _around_generate(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def generate(self: Any, *arguments: Any, **options: Any) -> Any:
        # A model may generate with the help of another: the tokens are those of the outer call.
        listeners = [] if getattr(_here, "generating", False) else _listening(_MADE)
        call = _begin(listeners, self, arguments, options) if listeners else None
        if call is None:
            return original(self, *arguments, **options)
        _here.generating, result = True, None
        try:
            result = original(self, *call.arguments, **call.options)
        finally:
            _here.generating = False
            _end(listeners, call, result)
        return result

    return generate


def _begin(
    listeners: list[CallListener], model: Any, arguments: tuple[Any, ...], options: dict[str, Any]
) -> generation.Call | None:
    try:
        call = generation.Call(model, arguments, options, listeners[0].mark)
    except Exception as error:  # noqa: BLE001 - the model generates uncounted
        for listener in listeners:
            listener.failed(error)
        return None
    _tell(listeners, lambda listener: listener.begun(call))
    return call


def _end(listeners: list[CallListener], call: generation.Call, result: Any) -> None:
    try:
        call.end(result)
    except Exception as error:  # noqa: BLE001 - its result is the caller's, whatever we make of it
        for listener in listeners:
            listener.failed(error)
    _tell(listeners, lambda listener: listener.done(call))


def _forget() -> None:
    """In a forked child, such as a loader's worker: its work is counted where its results arrive."""
    global _listeners, _lock
    _listeners, _lock = (), threading.Lock()
    for tap in _taps:
        tap.close()


_lock = threading.Lock()
_here = threading.local()
_listeners: tuple[CallListener, ...] = ()
_taps = (
    MethodHook(dataloader.LIBRARY, "_BaseDataLoaderIter", "__next__", _LOADED, _around_next),
    MethodHook(generation.LIBRARY, "GenerationMixin", "generate", _MADE, _around_generate),
)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
