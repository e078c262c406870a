"""Hooks into libraries: a DataLoader's iterator, and the `generate` method of models.

A hook replaces one method of one class while a window counts, if the library is already imported. It calls the original
method with the same arguments, and passes on its result or exception. In a traceback it adds one line. A reference to a
hooked method stays usable: a hook does nothing while no window counts. Forked processes count nothing.
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
    """Is notified of work that passes through the hooks."""

    def counts(self, kind: str) -> bool:
        """Whether "batches", "examples" or "tokens" are counted."""

    def mark(self) -> Any:
        """Mark this moment."""

    def loaded(self, batch: dataloader.Batch) -> None:
        """A batch was returned."""

    def begun(self, call: generation.Call) -> None:
        """A call of `generate` begins."""

    def done(self, call: generation.Call) -> None:
        """A call of `generate` has ended."""

    def failed(self, error: Exception) -> None:
        """Counting failed."""


@dataclass
class MethodHook:
    """A replaceable method of a class."""

    module: str
    owner: str
    method: str
    """Names of the module, class and method."""
    kinds: tuple[str, ...]
    """What is counted there."""
    around: Callable[[Callable[..., Any]], Callable[..., Any]]
    """Wraps the original method."""
    _place: Any = None
    _original: Any = None
    _stand_in: Any = None

    def open(self) -> None:
        """Install the wrapper, if the library is imported and the wrapper is not installed yet."""
        cls = getattr(sys.modules.get(self.module), self.owner, None)
        method = vars(cls).get(self.method) if cls is not None else None
        if method is None or method is self._stand_in:
            return
        self._place, self._original, self._stand_in = cls, method, self.around(method)
        setattr(cls, self.method, self._stand_in)

    def close(self) -> None:
        """Restore the method, unless other code has replaced it since."""
        if self._place is not None and vars(self._place).get(self.method) is self._stand_in:
            setattr(self._place, self.method, self._original)
        self._place = self._original = self._stand_in = None


def open_for(listener: CallListener) -> None:
    """Start notifying a listener."""
    global _listeners  # noqa: PLW0603 - process-wide, as the hooked classes are
    with _lock:
        _listeners = (*_listeners, listener)
        for hook in _method_hooks:
            if any(map(listener.counts, hook.kinds)):
                hook.open()


def close_for(listener: CallListener) -> None:
    """Stop notifying a listener; hooks that no listener needs are removed."""
    global _listeners  # noqa: PLW0603 - process-wide, replaced as a whole under the lock
    with _lock:
        _listeners = tuple(other for other in _listeners if other is not listener)
        for hook in _method_hooks:
            if not any(other.counts(kind) for other in _listeners for kind in hook.kinds):
                hook.close()


def _listening(kinds: tuple[str, ...]) -> list[CallListener]:
    return [listener for listener in _listeners if any(map(listener.counts, kinds))]


def _tell(listeners: list[CallListener], work: Callable[[CallListener], None]) -> None:
    """Notify listeners of work; our own errors affect the count only."""
    for listener in listeners:
        try:
            work(listener)
        except Exception as error:  # noqa: BLE001 - the counted work must not be affected
            listener.failed(error)


_LOADED, _MADE = ("batches", "examples"), ("tokens",)


def _around_next(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def __next__(self: Any) -> Any:  # noqa: N807 - name shown in tracebacks
        listeners = [] if getattr(_here, "loading", False) else _listening(_LOADED)
        if not listeners:
            return original(self)
        _here.loading = True  # a data set may use a loader itself
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
        # A model may call another model's `generate`; only the outer call counts.
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
    except Exception as error:  # noqa: BLE001 - the model generates without being counted
        for listener in listeners:
            listener.failed(error)
        return None
    _tell(listeners, lambda listener: listener.begun(call))
    return call


def _end(listeners: list[CallListener], call: generation.Call, result: Any) -> None:
    try:
        call.end(result)
    except Exception as error:  # noqa: BLE001 - the caller must get its result
        for listener in listeners:
            listener.failed(error)
    _tell(listeners, lambda listener: listener.done(call))


def _forget() -> None:
    """In a forked child, such as a loader's worker: the parent counts its work when the results arrive."""
    global _listeners, _lock
    _listeners, _lock = (), threading.Lock()
    for hook in _method_hooks:
        hook.close()


_lock = threading.Lock()
_here = threading.local()
_listeners: tuple[CallListener, ...] = ()
_method_hooks = (
    MethodHook(dataloader.LIBRARY, "_BaseDataLoaderIter", "__next__", _LOADED, _around_next),
    MethodHook(generation.LIBRARY, "GenerationMixin", "generate", _MADE, _around_generate),
)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
