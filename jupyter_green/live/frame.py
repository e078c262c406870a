"""Builds the frames that the kernel sends, as `frame.v1.schema.json` describes them.

A snapshot is absolute: one that is lost or received twice does no harm. It holds the totals, the cells changed since
the last snapshot and always the newest few, so that it stays small in a long notebook. No frame has a key `state`:
nbclient takes such a message for widget state, on any comm.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from jupyter_green.baselines import serializers as shape
from jupyter_green.records import clock
from jupyter_green.reporting.sanitize import one_line
from jupyter_green.session import Session, Window

from .baseline_worker import BaselineWorker
from .reply_queue import Answer, Page
from .request import VERSION
from .run_state import LONGEST_LINE, Row, RunState, Sums, cell_of, key_of
from .sensor_status import SensorStatus
from .today import Today

APP = "jupyter_green"
NEWEST = 4
"""Newest cells that are in every snapshot."""
MOST_CELLS = 50
MOST_ENDING = 12
"""Most ended cells without a final record in one snapshot; older ones are sent once their record is final."""
MOST_BUDGETS = 16
LONGEST_SENTENCE = 1000
LONGEST_NAME = 500
LONGEST_SHRINK = 24
"""Longest part of the source line, in characters, if the result of a shrink follows it."""

Frame = dict[str, Any]


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of the frames."""
    text = Path(__file__).with_name("frame.v1.schema.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


class Frames:
    """Builds the frames of one run.

    `budgets` returns the usage of the budgets that apply here. `today` is called when the totals of other notebooks
    have changed.
    """

    def __init__(
        self,
        session: Session,
        run_state: RunState,
        reference: BaselineWorker,
        budgets: Callable[[], list[Frame]],
        today: Callable[[], None],
    ) -> None:
        self._session, self._run_state, self._reference, self._budgets = session, run_state, reference, budgets
        self._sensor_status = SensorStatus(session)
        self._said = 0
        self.today = Today(session.settings.ledger, session.settings.run_id, session.store.own_thread, today)

    def snapshot(self, windows: Sequence[Window], keys: Iterable[str], *, metering: bool) -> Frame:
        """Return a snapshot of the run, with the rows of these keys too.

        `windows`: the outermost ones that are open or have no final record yet, oldest first. `metering`: whether every
        cell is metered.
        """
        settings = self._session.settings
        live = [self._session.provisional(window) for window in windows]
        rows = self._run_state.live(live)
        opened = {window.id for window in windows if window.closed is None}
        running = next((row for row in reversed(rows.values()) if row.record.id in opened), None)
        watts, quality = self._sensor_status.power() if opened else (None, None)
        shown = self._run_state.rows(key for key in dict.fromkeys(keys) if key not in rows)
        shown += [row for row in rows.values() if row is not running]
        sums = self._run_state.sums(live)
        return {
            **self._head("snapshot"),
            "seq": self._next(),
            "sent_at": clock.wall(),
            "notebook": one_line(settings.notebook, LONGEST_NAME) if settings.notebook else None,
            "project": one_line(settings.project, LONGEST_NAME),
            "phase": "busy" if opened else "idle" if metering else "off",
            "watts": watts,
            "watts_quality": quality,
            "devices": self._sensor_status.devices,
            "problem": self._sensor_status.problem,
            "running": None if running is None else self._cell(running, opened),
            "cells": [self._cell(row, opened) for row in shown[-MOST_CELLS:]],
            "totals": self._totals(sums),
            "today": self.today.figure(sums.today, settings.valuation),
            "baseline": self._reference.verdicts.head,
            "budgets": [_budget(shown) for shown in self._budgets()[:MOST_BUDGETS]],
            "notice": self._notice(),
        }

    def history(self, page: Page) -> Frame:
        """Return one page of the history of rows."""
        cells = [self._cell(row) for row in self._run_state.rows(page.keys)]
        return {
            **self._head("history"),
            "seq": self._next(),
            "cells": cells,
            "page": page.page,
            "pages": page.pages,
        }

    def answer(self, answer: Answer) -> Frame:
        """Return the answer to a request."""
        return {
            **self._head("answer"),
            "to": answer.to,
            "ok": answer.ok,
            "message": one_line(answer.message, LONGEST_SENTENCE),
        }

    # ---- inside -------------------------------------------------------------------------------

    def _head(self, kind: str) -> Frame:
        return {"v": VERSION, "type": kind, "app": APP, "run": self._run_state.run}

    def _next(self) -> int:
        self._said += 1
        return self._said

    def _cell(self, row: Row, opened: Iterable[str] = ()) -> Frame:
        record = row.record.with_(cell_id=cell_of(row.record))
        key, verdicts = key_of(row.record), self._reference.verdicts
        difference = verdicts.against(key) if record.final else None
        return shape.cell(
            record,
            line=_line(row),
            running=record.id in opened,
            reruns=row.reruns,
            rerun_joules=row.rerun_known,
            last_run=verdicts.last_run(key, record),
            against=None if difference is None else difference.to_dict(),
        )

    def _totals(self, sums: Sums) -> Frame:
        value = self._session.settings.valuation.value
        idle, reruns = ((None if record is None else value(record)) for record in (sums.idle, sums.reruns))
        difference, compared = self._reference.verdicts.total()
        return shape.totals(
            value(sums.whole),
            sums.count,
            idle,
            reruns,
            against=None if difference is None else difference.to_dict(),
            compared=compared,
            began_at=sums.began_at,
        )

    def _notice(self) -> str | None:
        problem = self._session.problem
        return one_line(problem, LONGEST_SENTENCE) if problem else None


def _line(row: Row) -> str:
    """Return a cell's source line; after a shrink, its result replaces the options."""
    if not row.record.shrinks:
        return row.line
    # A narrow panel shows about thirty characters.
    command = one_line(row.line.partition(" -")[0], LONGEST_SHRINK)
    return one_line(f"{command}{row.record.shrinks[-1].ending}", LONGEST_LINE)


def _budget(told: Frame) -> Frame:
    """Return the usage of a budget with texts shortened and cleaned; a user typed them."""
    lengths = {"name": LONGEST_NAME, "amount": 64, "used": LONGEST_SENTENCE, "note": LONGEST_SENTENCE}
    return {key: one_line(value, lengths[key]) if key in lengths and value else value for key, value in told.items()}
