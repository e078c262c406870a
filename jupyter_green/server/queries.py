"""The queries behind the API's routes: arguments in, JSON-ready data out.

A query is created on the event loop. When called, it validates its arguments and returns the work, which then runs on
the ledger. So invalid requests are rejected before the ledger is touched. Both steps run in a thread.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from jupyter_green._version import __version__
from jupyter_green.records.upper_bound import is_upper_bound

from .arguments import Arguments
from .errors import Refusal, State

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from jupyter_green.storage import Totals
    from jupyter_green.storage.record_filter import Filters

    from .history import Where
    from .user_ledger import OwnLedger

Work = Callable[["OwnLedger"], Any]
Question = Callable[[], Work]

TOTALS = ("since", "until", "notebook", "project", "without")
PAGE = ("offset", "limit")
RUNS, CELLS = 50, 200
"""Default page sizes."""
MOST = 1000
"""Maximum page size."""


def healthy(state: State, sentence: str | None) -> dict[str, Any]:
    """Return the body of the health route."""
    return {"version": __version__, "ledger": state, "sentence": sentence}


def health(_given: Arguments) -> Question:
    """Query whether the ledger can be read."""

    def work(ledger: OwnLedger) -> dict[str, Any]:
        ledger.touch()
        return healthy("ok", ledger.scope.sentence or (ledger.notices[-1] if ledger.notices else None))

    return lambda: work


def totals(given: Arguments) -> Question:
    """Query the totals over a period: figure, parts, cells, runs, seconds."""

    def plan() -> Work:
        since, until = given.period()
        filters: Filters = {
            "since": since,
            "until": until,
            "notebook": given.text("notebook"),
            "project": given.text("project"),
            "without": given.text("without"),
        }

        def work(ledger: OwnLedger) -> dict[str, Any]:
            by_kind = ledger.totals(by="kind", simulated=False, **filters)
            # Real records without any reading must not hide simulated figures.
            simulated = by_kind.joules is None and by_kind.simulated_left_out > 0
            if simulated:
                by_kind = ledger.totals(by="kind", simulated=True, **filters)
            cells, runs = ledger.numbers(simulated, **filters)
            return {
                "figure": _figure(by_kind),
                "parts": [{"kind": kind, **_part(group)} for kind, group in by_kind.groups.items() if group.count],
                "cells": cells,
                "runs": runs,
                "seconds": by_kind.seconds,
            }

        return work

    return plan


# ---- runs and cells ---------------------------------------------------------------------------


def runs(given: Arguments) -> Question:
    """Query a page of runs."""

    def plan() -> Work:
        from . import history

        offset, limit = given.whole("offset", 0), given.whole("limit", RUNS, 1, MOST)
        filters: Filters = {"notebook": given.text("notebook"), "project": given.text("project")}
        return lambda ledger: ledger.look(
            lambda connection, where: history.runs(connection, where, offset, limit), **filters
        )

    return plan


def cells(given: Arguments) -> Question:
    """Query a page of the cells of a run, or of a notebook's newest run."""

    def plan() -> Work:
        from . import history

        offset, limit = given.whole("offset", 0), given.whole("limit", CELLS, 1, MOST)
        run, notebook = given.text("run"), given.text("notebook")
        if run is None and notebook is None:
            raise Refusal(400, "Name a run or a notebook; the route runs lists the runs.")

        def work(ledger: OwnLedger) -> dict[str, Any]:
            selected = run if run is not None else ledger.look(history.newest_run, notebook=notebook)
            if ledger.absent:  # nothing was metered yet
                return {"items": [], "total": 0}
            if selected is None:
                raise Refusal(404, f"There is no run of the notebook {_quoted(notebook)} in the ledger.")

            def page(connection: Connection, where: Where) -> dict[str, Any]:
                cells_page = history.cells(connection, where, offset, limit)
                if not cells_page["total"] and not history.holds(connection, where):
                    raise Refusal(404, _no_run(selected, notebook))
                return cells_page

            return ledger.look(page, run=selected, notebook=notebook)

        return work

    return plan


# ---- baselines --------------------------------------------------------------------------------


def baselines(given: Arguments) -> Question:
    """Query the stored baselines, newest first."""

    def work(ledger: OwnLedger) -> dict[str, Any]:
        stored = ledger.baselines(given.text("notebook"), MOST) if ledger.keeps_baselines else []
        return {"items": [_head(each.head, each.name, each.notebook) for each in stored if _is_head(each.head)]}

    return lambda: work


def baseline(given: Arguments, name: str) -> Question:
    """Query a baseline with its cells."""

    def plan() -> Work:
        notebook = given.needed("notebook")

        def work(ledger: OwnLedger) -> dict[str, Any]:
            from jupyter_green.baselines.baseline import Baseline

            document = ledger.baseline(notebook, name) if ledger.keeps_baselines else None
            if document is None:
                raise _no_baseline(name, notebook)
            try:
                stored = Baseline.from_dict(document, "named", name)
            except ValueError as error:
                raise Refusal(503, f"The baseline {_quoted(name)} can't be read: {error}.") from None
            return {"head": _head(stored.head(), name, ledger.place(notebook)), "cells": stored.to_dict()["cells"]}

        return work

    return plan


def keep(_given: Arguments, body: Mapping[str, str]) -> Question:
    """Store a run as a baseline."""

    def plan() -> Work:
        from jupyter_green.baselines.selection import BaselineError, chosen_name
        from jupyter_green.baselines.service import keep_run

        notebook, run = body["notebook"], body["run"]
        try:
            name = chosen_name(body["name"])
        except BaselineError as error:
            raise Refusal(400, str(error)) from None

        def work(ledger: OwnLedger) -> dict[str, Any]:
            is_of_notebook = ledger.is_of(run, notebook)
            if not is_of_notebook:
                raise Refusal(404, _no_run(run, None if is_of_notebook is None else notebook))
            try:
                stored, _ = keep_run(ledger, notebook, run, name)
            except BaselineError as error:
                raise Refusal(400, str(error)) from None
            return _head(stored.head(), name, ledger.place(notebook))

        return work

    return plan


def forget(given: Arguments, name: str) -> Question:
    """Delete a baseline."""

    def plan() -> Work:
        notebook = given.needed("notebook")

        def work(ledger: OwnLedger) -> dict[str, Any]:
            from jupyter_green import accounts

            if not accounts.forget(ledger, notebook, name):
                raise _no_baseline(name, notebook)
            return {"deleted": name}

        return work

    return plan


# ---- response bodies --------------------------------------------------------------------------


def _head(head: Mapping[str, Any], name: str, notebook: str) -> dict[str, Any]:
    return {**head, "name": name, "notebook": notebook}


def _is_head(head: Mapping[str, Any]) -> bool:
    """Whether a baseline's head, possibly altered from outside, has the shape that clients expect."""
    figure = head.get("figure")
    return (
        isinstance(head.get("kind"), str)
        and isinstance(head.get("runs"), int)
        and isinstance(head.get("cells"), int)
        and isinstance(figure, dict)
        and {"joules", "uncertainty", "quality", "measured_share", "below_resolution"} <= set(figure)
    )


def _no_run(run: str, notebook: str | None) -> str:
    of_notebook = "" if notebook is None else f" of the notebook {_quoted(notebook)}"
    return f"There is no run {_quoted(run)}{of_notebook} in the ledger; the route runs lists those that are there."


def _no_baseline(name: str, notebook: str) -> Refusal:
    message = f"There is no baseline {_quoted(name)} of the notebook {_quoted(notebook)}"
    return Refusal(404, f"{message}; the route baselines lists those that were kept.")


def _quoted(text: str | None) -> str:
    return repr((text or "")[:80])


def _part(found: Totals) -> dict[str, Any]:
    return {"joules": found.joules, "uncertainty": found.uncertainty, "quality": found.quality or "estimated"}


def _figure(found: Totals) -> dict[str, Any]:
    uncertainty = found.uncertainty
    below_resolution = uncertainty != math.inf and is_upper_bound(found.joules, uncertainty)
    return {**_part(found), "measured_share": found.measured_share, "below_resolution": below_resolution}
