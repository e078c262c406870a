"""A window: an interval whose energy is metered, from its opening to its final record.

Opening and closing read the clocks only. The energy is computed on the sampler thread.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sized
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Protocol

from jupyter_green.metering import Meter
from jupyter_green.records import EnergyRecord, Span, Status, clock, new_id
from jupyter_green.records.shrink_outcome import ShrinkOutcome

from .interrupts import Signal
from .owner import Owner
from .timestamp import Timestamp


class WindowSession(Protocol):
    """What a window needs of the session that meters it; `Session` implements it."""

    @property
    def meter(self) -> Meter:
        """The sensors and their readings."""

    @property
    def alive(self) -> bool:
        """Whether the session still meters in this process."""

    @property
    def forked(self) -> bool:
        """Whether this is a forked child's copy of the session."""

    def edge(self) -> Timestamp:
        """Read the clocks."""

    def mark(self) -> Timestamp:
        """Mark a moment inside a window, so that the energy up to it and from it on can be read."""

    def open(self, window: Window) -> Window:
        """Open a window now."""

    def restart(self, window: Window) -> None:
        """Move the start of an open window to now."""

    def close(self, window: Window, status: Status = "ok", *, at: Timestamp | None = None) -> Window:
        """Close a window now, or at an earlier moment."""

    def provisional(self, window: Window) -> EnergyRecord:
        """Return the record of a window from the readings so far."""

    def hurry(self) -> None:
        """Wake the sampler: a caller waits for a record."""

    def patience_seconds(self) -> float:
        """Return the longest time from a window's end to its final record, in seconds."""


class WindowCounter(Protocol):
    """Counts units of work in a window; `workload.counter.UnitCounter` implements it."""

    def begin(self, window: Window) -> None:
        """Start counting."""

    def end(self, window: Window) -> None:
        """Stop counting and store the result in the window's facts; has no effect when repeated."""


class WindowPhase(Protocol):
    """A part of a window with a record of its own; `workload.phases.Phase` implements it."""

    def gather(self, meter: Meter, *, all_of_it: bool = False) -> None:
        """Add the energy of intervals that have settled, or of all intervals."""

    def record(self, whole: EnergyRecord) -> EnergyRecord | None:
        """Return the record of the phase, a child of the window's record; None for an empty phase."""


@dataclass(eq=False)
class Window:
    """A metered interval; the session keeps a reference while it is open."""

    session: WindowSession
    """The session that meters it."""
    span: Span = "window"
    """Kind of window, as in `EnergyRecord`."""
    facts: dict[str, Any] = field(default_factory=dict)
    """Fields of the record that are known in advance (label, cell_id, …)."""
    id: str = field(default_factory=new_id)
    opened: Timestamp | None = None
    closed: Timestamp | None = None
    status: Status = "ok"
    parent: Window | None = None
    overlapped: bool = False
    gap: tuple[Timestamp, Timestamp] | None = None
    """The preceding interval in which no window was open."""
    booked: bool = False
    ended: bool = False
    given_up: bool = False
    awaited: bool = False
    hurried: bool = False
    held: Sized = ()
    """The final record is delayed while this is not empty, so that an interrupt of the cell's closing output still
    counts as an interrupt of the window."""
    overhead: float = 0.0
    notes: list[str] = field(default_factory=list)
    shrinks: list[ShrinkOutcome] = field(default_factory=list)
    latest: EnergyRecord | None = None
    when_final: list[Callable[[EnergyRecord], None]] = field(default_factory=list)
    unit_counter: WindowCounter | None = None
    phases: tuple[WindowPhase, ...] = ()
    owner: Owner | None = None
    """Whose work is metered; by default the thread that opens the window."""
    seen: Timestamp | None = None
    """When the owner was last seen alive."""
    _settled: Signal = field(default_factory=Signal, repr=False)

    @property
    def record(self) -> EnergyRecord:
        """The final record; waits until it is available.

        Raises
        ------
        RuntimeError
            If the window is still open, or in a forked child.
        """
        if self.session.forked:
            raise RuntimeError("Metering does not follow a fork; the parent's window has this energy.")
        if self.closed is None:
            raise RuntimeError("This window is still open; read its record after the block, or so_far() inside it.")
        return self.wait(None)

    def wait(self, seconds: float | None) -> EnergyRecord:
        """Wait up to `seconds` for the final record; return the provisional record on timeout."""
        if not self._settled.is_set():
            self.awaited, self.hurried = True, seconds is not None
            self.session.hurry()
        limit = self.session.patience_seconds() if seconds is None else seconds
        if not self._settled.wait(limit) or self.latest is None:
            return self.session.provisional(self)
        return self.latest

    def so_far(self) -> EnergyRecord:
        """Return the record up to now, marked as not final."""
        if self._settled.is_set() and self.latest is not None:
            return self.latest
        return self.session.provisional(self)

    def settle(self, record: EnergyRecord) -> None:
        """Store the final record; called once, by the session."""
        self.latest = record
        self._settled.set()

    def add_shrink(self, outcome: ShrinkOutcome) -> None:
        """Add the outcome of a search to this window and to the cell or block around it."""
        self.facts["label"] = outcome.line
        self.shrinks.append(outcome)
        around = self.parent
        while around is not None and around.span == "trial":
            around = around.parent
        if around is not None:
            around.notes.append(outcome.line)
            around.shrinks.append(outcome)

    def bounds(self) -> tuple[float, float]:
        """Start and end (now, while open) on `time.perf_counter()`, in seconds."""
        start = self.opened.time if self.opened is not None else clock.perf_counter()
        return start, self.closed.time if self.closed is not None else clock.perf_counter()

    def __enter__(self) -> Window:
        if self.opened is not None:
            raise RuntimeError("This window was used already; ask green.meter() for a new one.")
        try:
            if self.unit_counter is not None:
                self.unit_counter.begin(self)
            return self.session.open(self)
        except BaseException as error:  # the block is not entered, so __exit__ does not run
            if self.unit_counter is not None:
                self.unit_counter.end(self)
            self.session.close(self, status_of(error))
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.session.close(self, status_of(error))


class Block:
    """What ``green.meter("train")`` returns: a window that user code opens and closes.

    The session keeps the window, not this object. If this object is garbage-collected before ``__exit__``, the window
    ends.

    Parameters
    ----------
    window : Window
        A window that is not open yet.
    """

    def __init__(self, window: Window) -> None:
        self._window = window

    @property
    def record(self) -> EnergyRecord:
        """The final record; see `Window.record`."""
        return self._window.record

    def so_far(self) -> EnergyRecord:
        """Return the record up to now, marked as not final."""
        return self._window.so_far()

    def wait(self, seconds: float | None) -> EnergyRecord:
        """Wait up to `seconds` for the final record; return the provisional record on timeout."""
        return self._window.wait(seconds)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # copying and pickling look up names before `_window` exists
            raise AttributeError(name)
        return getattr(self._window, name)

    def __enter__(self) -> Block:
        if self._window.opened is None:
            self._window.owner = replace(Owner.here(), handle=weakref.ref(self))
        self._window.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._window.__exit__(kind, error, trace)


def status_of(error: BaseException | None) -> Status:
    """Return the status of a window that ended with `error`, or without an exception."""
    if error is None:
        return "ok"
    name = type(error).__name__
    return "interrupted" if isinstance(error, KeyboardInterrupt) or name == "CancelledError" else "error"
