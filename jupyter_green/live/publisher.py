"""Publishes live energy figures to pages and views, and handles requests from pages.

Everything here runs on the sampler thread after each reading of the sensors: final records are added, requests are
answered, and a snapshot is sent if something changed, a page is visible and the rate limit allows it. Nothing runs on a
cell's path. While no cell runs the thread sleeps, so an unused kernel sends nothing and can be culled.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import ClassVar

from jupyter_green.records import EnergyRecord, clock
from jupyter_green.session import Session, Window

from .baseline_worker import BaselineWorker
from .comm import Channel, CommEvent
from .frame import MOST_CELLS, MOST_ENDING, NEWEST, Frame, Frames
from .notebook_view import View
from .protocols import Budgets, Metering
from .rate_limit import RateLimit
from .reply_queue import Answer, Page, ReplyQueue
from .request import Budget, Meter, Notebook, RequestError, Sync, Visible, parse
from .run_state import RunState, key_of
from .viewers import Viewers

HEADLESS = "JUPYTER_GREEN_RUN"
"""Set when a notebook runs without a page although its cells have ids (``jupyter green run``)."""


class LivePublisher:
    """Live figures of one kernel.

    `line_of` returns the first line of the source of an execution, or an empty string. Pages switch `metering`.
    """

    current: ClassVar[LivePublisher | None] = None
    """The publisher of this process, while the extension is loaded."""

    def __init__(
        self, session: Session, metering: Metering, line_of: Callable[[EnergyRecord], str], budgets: Budgets
    ) -> None:
        self._metering, self._line_of, self._budgets = metering, line_of, budgets
        self._was_enabled = metering.enabled
        self._channel = Channel(self._wake)
        self._viewers = Viewers()
        self._pace = RateLimit()
        self._reply_queue = ReplyQueue()
        self.views: tuple[View, ...] = ()
        self._stop: list[Callable[[], None]] = []
        self._begin(session)

    def _begin(self, session: Session) -> None:
        """Reset all state for a new run."""
        self._session = session
        self._run_state = RunState(session.settings.run_id, self._line_of)
        self._reference = BaselineWorker(session.book, self._wake, session.store.own_thread)
        self._frames = Frames(session, self._run_state, self._reference, self._budgets.told, self._publish_today)
        self._windows: list[Window] = []
        self._panel_opened_by_frontend = False
        self._due = self._urgent = False
        self._last_was_reply = False
        self._changes = self._budgets.changes
        self._opened = 0
        self._active = clock.perf_counter()
        self._busy_since: float | None = None

    # ---- life ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Listen to the session, and accept comms from pages."""
        LivePublisher.current = self
        self._channel.register()
        self._stop = [self._session.listen(self._heard), self._session.watch(self._looked)]

    def follow(self, session: Session) -> None:
        """Switch to a new session after the previous one ended."""
        for stop in self._stop:
            stop()
        self._begin(session)
        self._due = True
        self._stop = [session.listen(self._heard), session.watch(self._looked)]

    def close(self) -> None:
        """Close the comms and stop listening; called after the session has ended, so that no other thread sends."""
        for stop in self._stop:
            stop()
        self._stop = []
        self._channel.unregister()
        if LivePublisher.current is self:
            LivePublisher.current = None
        views, self.views = self.views, ()
        for view in views:
            view.ended()

    def show(self, view: View) -> None:
        """Add a view; may be called on any thread."""
        self.views = (*self.views, view)
        self._session.hurry()

    def hide(self, view: View) -> None:
        """Remove a view; may be called on any thread."""
        self.views = tuple(shown for shown in self.views if shown is not view)

    @property
    def cell(self) -> tuple[str | None, str | None]:
        """Ids of the running cell and of its execution; None if none is metered or the front end sends no cell ids."""
        window = next((window for window in self._session.open_windows() if window.parent is None), None)
        return (None, None) if window is None else (window.facts.get("cell_id"), window.id)

    def switched(self) -> None:
        """Check whether a cell changed metering or a budget; called on the cell's path after each cell."""
        if self._metering.enabled != self._was_enabled:
            if self._metering.enabled:
                self._channel.allow_again()
            self._change()
            self._session.hurry()
            self._was_enabled = self._metering.enabled  # last, so that after an interrupt everything is repeated
        elif self._changes != self._budgets.changes:
            self._change()
            self._session.hurry()
            self._changes = self._budgets.changes
        elif self._reference.changed:
            self._session.hurry()

    def _publish_today(self) -> None:
        """Handle new totals of other notebooks from the ledger; called on the reading thread."""
        if self._metering.enabled:  # else this kernel sends nothing
            self._change()
            self._wake()

    def _wake(self) -> None:
        self._session.hurry()

    # ---- session events -----------------------------------------------------------------------

    def _heard(self, event: str, record: EnergyRecord) -> None:
        if event == "beat" or record.parent is not None:
            return
        self._active = clock.perf_counter()
        self._change()
        if record.span == "cell" and record.cell_id is not None and HEADLESS not in os.environ:
            self._panel_opened_by_frontend = True  # nbclient and papermill send no cell ids and get no comm
        if event == "final":
            self._urgent = self._urgent or record.span != "gap"
            self._run_state.keep(record)
            if record.span != "gap":
                key = key_of(record)
                rerun = any(row.reruns for row in self._run_state.rows([key]))
                self._reference.verdicts.take(key, record, again=rerun)

    def _looked(self) -> float | None:
        """Do what is due; return the seconds until the next call, None if only an event can cause one."""
        while self._channel.received_events:
            self._read(self._channel.received_events.popleft())
        now = clock.perf_counter()
        running = self._follow_windows()
        self._active = now if running else self._active
        if not running:
            self._busy_since = None
        elif self._busy_since is None:
            self._busy_since = now
        waits = [self._compare(now), self._post(now, running=running)]
        if self._metering.enabled and (self._channel.open or self.views):
            today, since = self._frames.today, self._busy_since
            waits.append(today.ask(now - self._active) if since is None else today.ask_during_cell(now - since))
        waits += [view.look(now, self._draw, self._run_state.newest(view.rows), running=running) for view in self.views]
        return min((wait for wait in waits if wait is not None), default=None)

    def _compare(self, now: float) -> float | None:
        """Start reading the baseline, and apply a new one; return the seconds until the next call."""
        while self._reference.answers:
            self._reply_queue.answer(self._reference.answers.popleft())
        if self._reference.changed and self._reference.adopt(self._run_state.records()):
            self._run_state.touch()
            if self._viewers.looks:  # sending whole pages is faster
                self._run_state.forget_changed()
                self._reply_queue.recount(self._run_state.keys())
            self._change()
        if not (self._channel.open or self.views):
            return None
        self._reference.work(now - self._active)
        return self._reference.wait

    def _follow_windows(self) -> bool:
        """Update the list of outermost windows without a final record; return whether one is open."""
        known_ids = {window.id for window in self._windows}
        new = [w for w in self._session.open_windows() if w.parent is None and w.id not in known_ids]
        self._windows = [window for window in (*self._windows, *new) if window.latest is None]
        opened = sum(window.closed is None for window in self._windows)
        if new or opened != self._opened:
            self._change()
        self._opened = opened
        return bool(opened)

    def _change(self) -> None:
        """Mark the snapshot and all views as due."""
        self._due = True
        for view in self.views:
            view.due = True

    # ---- sending ------------------------------------------------------------------------------

    def _post(self, now: float, *, running: bool) -> float | None:
        """Send one frame if one is due and the rate limit allows it; return the seconds until the next one."""
        begins = self._channel.may_begin and self._panel_opened_by_frontend
        if not self._channel.open and not begins:
            self._reply_queue.clear()
            return None
        if not self._viewers.looks:
            self._due = self._urgent = False
        changed = self._viewers.looks and (self._due or running or (self._channel.open and self._run_state.changed))
        if not changed and not self._reply_queue:
            return None
        wait = self._pace.wait(now, urgent=self._urgent)
        if wait:
            return wait
        self._last_was_reply = bool(self._reply_queue) and not (
            changed and self._last_was_reply
        )  # alternate with snapshots
        reply = self._reply_queue.take() if self._last_was_reply else None
        frame = self._snapshot() if reply is None else self._reply_frame(reply)
        if begins:
            self._channel.begin(frame)
        else:
            self._channel.send(frame)
        self._pace.sent(clock.perf_counter())
        more = self._due or self._reply_queue or running or self._run_state.changed
        return self._pace.distance if more else None

    def _snapshot(self) -> Frame:
        self._due = self._urgent = False  # reset first: changes during the next lines are due again
        keys = self._run_state.take_changed(MOST_CELLS - NEWEST - MOST_ENDING)
        return self._draw([*keys, *self._run_state.newest(NEWEST)])

    def _draw(self, keys: Sequence[str]) -> Frame:
        ending = [window for window in self._windows if window.closed is not None]
        skipped = {window.id for window in ending[:-MOST_ENDING]}
        shown = [window for window in self._windows if window.id not in skipped]
        return self._frames.snapshot(shown, keys, metering=self._metering.enabled)

    def _reply_frame(self, mail: Answer | Page) -> Frame:
        return self._frames.history(mail) if isinstance(mail, Page) else self._frames.answer(mail)

    # ---- requests from pages ------------------------------------------------------------------

    def _read(self, letter: CommEvent) -> None:
        if letter.what == "closed":
            self._channel.lose(letter.comm)
            self._viewers.gone(letter.comm.comm_id)
            return
        if letter.what == "opened":
            self._channel.take(letter.comm)
            if not letter.data:
                return
        try:
            request = parse(letter.data)
        except RequestError as error:
            if error.to is not None:
                self._reply_queue.answer(Answer(error.to, ok=False, message=str(error)))
            return
        if isinstance(request, Sync):
            self._viewers.told(request.client, letter.comm.comm_id, visible=True)
            self._run_state.forget_changed()
            self._reply_queue.recount(self._run_state.keys())
            self._due = self._last_was_reply = True  # the snapshot goes first
        elif isinstance(request, Visible):
            was_visible = self._viewers.looks
            self._viewers.told(request.client, letter.comm.comm_id, visible=request.visible)
            self._due = self._due or (self._viewers.looks and not was_visible)
        elif isinstance(request, Meter):
            self._reply_queue.answer(self._switch(request))
        elif isinstance(request, Notebook):
            self._session.settings = replace(self._session.settings, notebook=request.name)
            self._reference.rename(request)
            self._due = True
        elif isinstance(request, Budget):
            self._reference.run_later(request.id, lambda: self._account(request))
        else:
            self._reference.ask(request)

    def _account(self, asked: Budget) -> str:
        """Change budgets as a page asks, on the thread that accesses the ledger."""
        try:
            return self._budgets.ask(
                asked.action, per=asked.per, amount=asked.amount, covers=asked.covers, reason=asked.reason
            )
        finally:
            self._due = True  # send the new usage with the answer

    def _switch(self, request: Meter) -> Answer:
        self._metering.enabled = self._was_enabled = request.on
        self._due = True
        if request.on:
            return Answer(request.id, ok=True, message="Every cell is metered from the next one on.")
        return Answer(request.id, ok=True, message="Only cells with a %%energy header are metered from now on.")
