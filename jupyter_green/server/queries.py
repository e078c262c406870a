"""What each route asks of the ledger: arguments in, a shape of the wire out.

A question is made on the event loop and answered in a thread: called once it checks its arguments and returns the
work, which is then given the ledger. So what is wrong with a question is said before the ledger is touched.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from jupyter_green._version import __version__

from .arguments import Arguments
from .refusal import Refusal, State

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
"""How many are on a page where nobody says."""
MOST = 1000
"""How many can be."""


def healthy(state: State, sentence: str | None) -> dict[str, Any]:
    """Return the answer of the route that is always answered."""
    return {"version": __version__, "ledger": state, "sentence": sentence}


def health(_given: Arguments) -> Question:
    """Ask whether the ledger can be read."""

    def work(ledger: OwnLedger) -> dict[str, Any]:
        ledger.touch()
        return healthy("ok", ledger.scope.sentence or (ledger.notices[-1] if ledger.notices else None))

    return lambda: work


def totals(given: Arguments) -> Question:
    """Ask for the sum over a period: figure, parts, cells, runs, seconds."""

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
            # A record that read nothing may be of either sort, and hides no figure.
            simulated = by_kind.joules is None and by_kind.simulated_left_out > 0
            if simulated:
                by_kind = ledger.totals(by="kind", simulated=True, **filters)
            cells, runs = ledger.numbers(simulated, **filters)
            return {
                "figure": _figure(by_kind),
                "parts": [{"kind": kind, **_part(found)} for kind, found in by_kind.groups.items() if found.count],
                "cells": cells,
                "runs": runs,
                "seconds": by_kind.seconds,
            }

        return work

    return plan


# ---- runs and cells ---------------------------------------------------------------------------


def runs(given: Arguments) -> Question:
    """Ask for a page of runs."""

    def plan() -> Work:
        from . import history

        offset, limit = given.whole("offset", 0), given.whole("limit", RUNS, 1, MOST)
        filters: Filters = {"notebook": given.text("notebook"), "project": given.text("project")}
        return lambda ledger: ledger.look(
            lambda connection, where: history.runs(connection, where, offset, limit), **filters
        )

    return plan


def cells(given: Arguments) -> Question:
    """Ask for a page of the cells of a run, or of a notebook's newest run."""

    def plan() -> Work:
        from . import history

        offset, limit = given.whole("offset", 0), given.whole("limit", CELLS, 1, MOST)
        run, notebook = given.text("run"), given.text("notebook")
        if run is None and notebook is None:
            raise Refusal(400, "Name a run or a notebook; the route runs lists the runs.")

        def work(ledger: OwnLedger) -> dict[str, Any]:
            chosen = run if run is not None else ledger.look(history.newest_run, notebook=notebook)
            if ledger.absent:  # nothing was metered yet, of any run
                return {"items": [], "total": 0}
            if chosen is None:
                raise Refusal(404, f"There is no run of the notebook {_quoted(notebook)} in the ledger.")

            def page(connection: Connection, where: Where) -> dict[str, Any]:
                found = history.cells(connection, where, offset, limit)
                if not found["total"] and not history.holds(connection, where):
                    raise Refusal(404, _no_run(chosen, notebook))
                return found

            return ledger.look(page, run=chosen, notebook=notebook)

        return work

    return plan


# ---- baselines --------------------------------------------------------------------------------


def baselines(given: Arguments) -> Question:
    """Ask for the baselines that were kept, the newest ones first."""

    def work(ledger: OwnLedger) -> dict[str, Any]:
        kept = ledger.baselines(given.text("notebook"), MOST) if ledger.keeps_baselines else []
        return {"items": [_head(each.head, each.name, each.notebook) for each in kept if _is_head(each.head)]}

    return lambda: work


def baseline(given: Arguments, name: str) -> Question:
    """Ask for a baseline with its cells."""

    def plan() -> Work:
        notebook = given.needed("notebook")

        def work(ledger: OwnLedger) -> dict[str, Any]:
            from jupyter_green.baselines.baseline import Baseline

            document = ledger.baseline(notebook, name) if ledger.keeps_baselines else None
            if document is None:
                raise _no_baseline(name, notebook)
            try:
                found = Baseline.from_dict(document, "named", name)
            except ValueError as error:
                raise Refusal(503, f"The baseline {_quoted(name)} can't be read: {error}.") from None
            return {"head": _head(found.head(), name, ledger.place(notebook)), "cells": found.to_dict()["cells"]}

        return work

    return plan


def keep(_given: Arguments, body: Mapping[str, str]) -> Question:
    """Ask to keep a run as a baseline."""

    def plan() -> Work:
        from jupyter_green.baselines.selection import BaselineError, chosen_name
        from jupyter_green.baselines.service import keep_run

        notebook, run = body["notebook"], body["run"]
        try:
            name = chosen_name(body["name"])
        except BaselineError as error:
            raise Refusal(400, str(error)) from None

        def work(ledger: OwnLedger) -> dict[str, Any]:
            known = ledger.is_of(run, notebook)
            if not known:
                raise Refusal(404, _no_run(run, None if known is None else notebook))
            try:
                made, _ = keep_run(ledger, notebook, run, name)
            except BaselineError as error:
                raise Refusal(400, str(error)) from None
            return _head(made.head(), name, ledger.place(notebook))

        return work

    return plan


def forget(given: Arguments, name: str) -> Question:
    """Ask to delete a baseline."""

    def plan() -> Work:
        notebook = given.needed("notebook")

        def work(ledger: OwnLedger) -> dict[str, Any]:
            from jupyter_green import accounts

            if not accounts.forget(ledger, notebook, name):
                raise _no_baseline(name, notebook)
            return {"deleted": name}

        return work

    return plan


# ---- shapes -----------------------------------------------------------------------------------


def _head(head: Mapping[str, Any], name: str, notebook: str) -> dict[str, Any]:
    return {**head, "name": name, "notebook": notebook}


def _is_head(head: Mapping[str, Any]) -> bool:
    """Whether a baseline's head, which may have been altered from outside, has the shape that pages are told."""
    figure = head.get("figure")
    return (
        isinstance(head.get("kind"), str)
        and isinstance(head.get("runs"), int)
        and isinstance(head.get("cells"), int)
        and isinstance(figure, dict)
        and {"joules", "uncertainty", "quality", "measured_share", "below_resolution"} <= set(figure)
    )


def _no_run(run: str, notebook: str | None) -> str:
    of = "" if notebook is None else f" of the notebook {_quoted(notebook)}"
    return f"There is no run {_quoted(run)}{of} in the ledger; the route runs lists those that are there."


def _no_baseline(name: str, notebook: str) -> Refusal:
    said = f"There is no baseline {_quoted(name)} of the notebook {_quoted(notebook)}"
    return Refusal(404, f"{said}; the route baselines lists those that were kept.")


def _quoted(text: str | None) -> str:
    return repr((text or "")[:80])


def _part(found: Totals) -> dict[str, Any]:
    return {"joules": found.joules, "uncertainty": found.uncertainty, "quality": found.quality or "estimated"}


def _figure(found: Totals) -> dict[str, Any]:
    spread = found.uncertainty
    below = found.joules is not None and spread is not None and math.isfinite(spread) and spread >= found.joules
    return {**_part(found), "measured_share": found.measured_share, "below_resolution": below}
