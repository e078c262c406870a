"""What each route asks of the ledger: arguments in, a shape of the wire out.

A question is made on the event loop and answered in a thread: called once it checks its arguments and returns the
work, which is then given the ledger. So what is wrong with a question is said before the ledger is touched.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jupyter_green import __version__

from .argument import Arguments
from .refusal import State

if TYPE_CHECKING:
    from jupyter_green.ledger import Totals
    from jupyter_green.ledger.query import Filters

    from .own import OwnLedger

Work = Callable[["OwnLedger"], Any]
Question = Callable[[], Work]

PERIOD = ("since", "until")


def healthy(state: State, sentence: str | None) -> dict[str, Any]:
    """Return the answer of the route that is always answered."""
    return {"version": __version__, "ledger": state, "sentence": sentence}


def health(_given: Arguments) -> Question:
    """Ask whether the ledger can be read."""

    def work(ledger: OwnLedger) -> dict[str, Any]:
        ledger.touch()
        return healthy("ok", ledger.reach().sentence or (ledger.notices[-1] if ledger.notices else None))

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
        }

        def work(ledger: OwnLedger) -> dict[str, Any]:
            by_kind = ledger.totals(by="kind", simulated=False, **filters)
            simulated = not by_kind.count and by_kind.simulated_left_out > 0
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


def _part(found: Totals) -> dict[str, Any]:
    return {"joules": found.joules, "uncertainty": found.uncertainty, "quality": found.quality or "estimated"}


def _figure(found: Totals) -> dict[str, Any]:
    return {**_part(found), "measured_share": found.measured_share}
