"""The link: what the kernel says of its energy while cells run, and what pages ask of it.

Everything here runs on the sampler's thread, called once it has looked at the sensors: records that settle are
taken in, requests that arrived are answered, and a snapshot is sent where something changed, somebody looks and the
pace allows it. On a cell's path nothing is done. While nothing runs the thread is parked, so that a kernel nobody
uses stays silent and may be culled.
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
from .protocols import Budgets, Metering
from .rate_limit import RateLimit
from .reply_queue import Answer, Page, ReplyQueue
from .request import Budget, Meter, Notebook, RequestError, Sync, Visible, parse
from .run_state import RunState, key_of
from .view import View
from .viewers import Viewers

HEADLESS = "JUPYTER_GREEN_RUN"
"""Set by whoever runs a notebook without a page, and names its cells all the same."""


class LivePublisher:
    """The live link of one kernel.

    Parameters
    ----------
    session : Session
        Whose figures are told.
    metering : Metering
        Turned on and off by pages.
    line_of : callable
        Returns the first line of the source of an execution, or an empty text.
    budgets : Budgets
        What may be used here.
    """

    current: ClassVar[LivePublisher | None] = None
    """The link of this process, while the extension is loaded."""

    def __init__(
        self, session: Session, metering: Metering, line_of: Callable[[EnergyRecord], str], budgets: Budgets
    ) -> None:
        self._metering, self._line_of, self._budgets = metering, line_of, budgets
        self._was_enabled = metering.enabled
        self._channel = Channel(self._wake)
        self._audience = Viewers()
        self._pace = RateLimit()
        self._outbox = ReplyQueue()
        self.views: tuple[View, ...] = ()
        self._stop: list[Callable[[], None]] = []
        self._begin(session)

    def _begin(self, session: Session) -> None:
        """Begin a run: nothing of one before it is left."""
        self._session = session
        self._chronicle = RunState(session.settings.run_id, self._line_of)
        self._reference = BaselineWorker(session.book, self._wake, session.store.own_thread)
        self._frames = Frames(session, self._chronicle, self._reference, self._budgets.told, self._told_of_today)
        self._windows: list[Window] = []
        self._beckoned = False
        self._due = self._urgent = False
        self._mailed = False
        self._changes = self._budgets.changes
        self._opened = 0
        self._active = clock.perf_counter()

    # ---- life ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Listen to the session, and let pages open comms."""
        LivePublisher.current = self
        self._channel.register()
        self._stop = [self._session.listen(self._heard), self._session.watch(self._looked)]

    def follow(self, session: Session) -> None:
        """Go on with another session, because something ended the one before."""
        for stop in self._stop:
            stop()
        self._begin(session)
        self._due = True
        self._stop = [session.listen(self._heard), session.watch(self._looked)]

    def close(self) -> None:
        """Close the comms and listen no more; called once the session has ended, so that nobody else sends."""
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
        """Have a view drawn from now on; called on any thread."""
        self.views = (*self.views, view)
        self._session.hurry()

    def hide(self, view: View) -> None:
        """Draw a view no more; called on any thread."""
        self.views = tuple(other for other in self.views if other is not view)

    @property
    def cell(self) -> tuple[str | None, str | None]:
        """Identities of the cell that runs, and of its execution; None where none is metered or told."""
        window = next((window for window in self._session.open_windows() if window.parent is None), None)
        return (None, None) if window is None else (window.facts.get("cell_id"), window.id)

    def switched(self) -> None:
        """Look whether a line turned metering on or off or changed a budget; called on the cell's path, after each."""
        if self._metering.enabled != self._was_enabled:
            if self._metering.enabled:
                self._channel.forgive()
            self._change()
            self._session.hurry()
            self._was_enabled = self._metering.enabled  # last: an interrupt has all of it done once more
        elif self._changes != self._budgets.changes:
            self._change()
            self._session.hurry()
            self._changes = self._budgets.changes
        elif self._reference.changed:
            self._session.hurry()

    def _told_of_today(self) -> None:
        """The ledger has told of the other notebooks; called on a thread of its own."""
        if self._metering.enabled:  # else this kernel is silent
            self._change()
            self._wake()

    def _wake(self) -> None:
        self._session.hurry()

    # ---- what the session tells ---------------------------------------------------------------

    def _heard(self, event: str, record: EnergyRecord) -> None:
        if event == "beat" or record.parent is not None:
            return
        self._active = clock.perf_counter()
        self._change()
        if record.span == "cell" and record.cell_id is not None and HEADLESS not in os.environ:
            self._beckoned = True  # nbclient and papermill send no cell ids, and never see a comm
        if event == "final":
            self._urgent = self._urgent or record.span != "gap"
            self._chronicle.keep(record)
            if record.span != "gap":
                key = key_of(record)
                again = any(row.reruns for row in self._chronicle.rows([key]))
                self._reference.verdicts.take(key, record, again=again)

    def _looked(self) -> float | None:
        """Do what is due; return the seconds until there is more."""
        while self._channel.inbox:
            self._read(self._channel.inbox.popleft())
        now = clock.perf_counter()
        running = self._follow_windows()
        self._active = now if running else self._active
        waits = [self._compare(now), self._post(now, running=running)]
        if not running and self._metering.enabled and (self._channel.open or self.views):
            waits.append(self._frames.today.ask(now - self._active))
        waits += [view.look(now, self._draw, self._chronicle.newest(view.rows), running=running) for view in self.views]
        return min((wait for wait in waits if wait is not None), default=None)

    def _compare(self, now: float) -> float | None:
        """Have the baseline read, and take over what came of it; return the seconds until there is more to do."""
        while self._reference.answers:
            self._outbox.answer(self._reference.answers.popleft())
        if self._reference.changed and self._reference.adopt(self._chronicle.records()):
            self._chronicle.touch()
            if self._audience.looks:  # by the page is quicker
                self._chronicle.forget_changed()
                self._outbox.recount(self._chronicle.keys())
            self._change()
        if not (self._channel.open or self.views):
            return None
        self._reference.work(now - self._active)
        return self._reference.wait

    def _follow_windows(self) -> bool:
        """Follow the outermost windows until they have settled; return whether one is open."""
        known = {window.id for window in self._windows}
        new = [w for w in self._session.open_windows() if w.parent is None and w.id not in known]
        self._windows = [window for window in (*self._windows, *new) if window.latest is None]
        opened = sum(window.closed is None for window in self._windows)
        if new or opened != self._opened:
            self._change()
        self._opened = opened
        return bool(opened)

    def _change(self) -> None:
        """Something changed that those who look are to be told."""
        self._due = True
        for view in self.views:
            view.due = True

    # ---- what the pages are told --------------------------------------------------------------

    def _post(self, now: float, *, running: bool) -> float | None:
        """Send one frame if one is due and the pace allows it; return when the next may go."""
        begins = self._channel.may_begin and self._beckoned
        if not self._channel.open and not begins:
            self._outbox.clear()
            return None
        if not self._audience.looks:
            self._due = self._urgent = False
        wanted = self._audience.looks and (self._due or running or (self._channel.open and self._chronicle.changed))
        if not wanted and not self._outbox:
            return None
        wait = self._pace.wait(now, urgent=self._urgent)
        if wait:
            return wait
        self._mailed = bool(self._outbox) and not (wanted and self._mailed)  # in turns
        mail = self._outbox.take() if self._mailed else None
        frame = self._snapshot() if mail is None else self._letter(mail)
        if begins:
            self._channel.begin(frame)
        else:
            self._channel.send(frame)
        self._pace.sent(clock.perf_counter())
        more = self._due or self._outbox or running or self._chronicle.changed
        return self._pace.distance if more else None

    def _snapshot(self) -> Frame:
        self._due = self._urgent = False  # before it is made: what changes meanwhile is due again
        keys = self._chronicle.take_changed(MOST_CELLS - NEWEST - MOST_ENDING)
        return self._draw([*keys, *self._chronicle.newest(NEWEST)])

    def _draw(self, keys: Sequence[str]) -> Frame:
        ending = [window for window in self._windows if window.closed is not None]
        untold = {window.id for window in ending[:-MOST_ENDING]}
        told = [window for window in self._windows if window.id not in untold]
        return self._frames.snapshot(told, keys, metering=self._metering.enabled)

    def _letter(self, mail: Answer | Page) -> Frame:
        return self._frames.history(mail) if isinstance(mail, Page) else self._frames.answer(mail)

    # ---- what pages say -----------------------------------------------------------------------

    def _read(self, letter: CommEvent) -> None:
        if letter.what == "closed":
            self._channel.lose(letter.comm)
            self._audience.gone(letter.comm.comm_id)
            return
        if letter.what == "opened":
            self._channel.take(letter.comm)
            if not letter.data:
                return
        try:
            request = parse(letter.data)
        except RequestError as error:
            if error.to is not None:
                self._outbox.answer(Answer(error.to, ok=False, message=str(error)))
            return
        if isinstance(request, Sync):
            self._audience.told(request.client, letter.comm.comm_id, visible=True)
            self._chronicle.forget_changed()
            self._outbox.recount(self._chronicle.keys())
            self._due = self._mailed = True  # the snapshot goes first
        elif isinstance(request, Visible):
            looked = self._audience.looks
            self._audience.told(request.client, letter.comm.comm_id, visible=request.visible)
            self._due = self._due or (self._audience.looks and not looked)
        elif isinstance(request, Meter):
            self._outbox.answer(self._switch(request))
        elif isinstance(request, Notebook):
            self._session.settings = replace(self._session.settings, notebook=request.name)
            self._reference.rename(request)
            self._due = True
        elif isinstance(request, Budget):
            self._reference.errand(request.id, lambda: self._account(request))
        else:
            self._reference.ask(request)

    def _account(self, asked: Budget) -> str:
        """Change budgets as a page asks, on the thread that reads and writes the ledger."""
        try:
            return self._budgets.ask(
                asked.action, per=asked.per, amount=asked.amount, covers=asked.covers, reason=asked.reason
            )
        finally:
            self._due = True  # how they stand now goes with the answer

    def _switch(self, request: Meter) -> Answer:
        self._metering.enabled = self._was_enabled = request.on
        self._due = True
        if request.on:
            return Answer(request.id, ok=True, message="Every cell is metered from the next one on.")
        return Answer(request.id, ok=True, message="Only cells with a %%energy header are metered from now on.")
