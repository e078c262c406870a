"""``jupyter green export`` and ``import``: write the ledger's records to a file, and read them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import CommandError

if TYPE_CHECKING:
    from jupyter_green.storage import Ledger


@contextmanager
def opened(everyone: bool = False) -> Iterator[Ledger]:
    """Open one's own or everyone's ledger for a block, and print its notices to standard error at the end.

    Raises CommandError if the URL, a filter or the format of a file is invalid.
    """
    from jupyter_green.storage import Ledger

    try:
        with Ledger(everyone=everyone) as ledger:
            yield ledger
            for notice in ledger.notices:
                print(f"jupyter green: {notice}", file=sys.stderr)
    except ValueError as error:  # invalid input; one sentence
        raise CommandError(str(error)) from None


def export(file: Path, since: str | None = None, project: str | None = None, everyone: bool = False) -> int:
    """Write records to a file in the format of its suffix; print how many."""
    from jupyter_green.storage.time_range import beginning

    with opened(everyone) as ledger:
        if since is not None:
            beginning(since)
        count = ledger.export(file, since=since, project=project)
        print(f"{_records(count)} written to {file}")
    return 0


def take_in(file: Path) -> int:
    """Store the records of a JSON-lines file; print how many were new."""
    with opened() as ledger:
        imported = ledger.import_(file)
        duplicates = f", {imported.duplicates} already known" if imported.duplicates else ""
        events = f"; {imported.postings} budgets, tariffs, overrides, baselines or credits" if imported.postings else ""
        print(f"{_records(imported.records)} imported from {file}{duplicates}{events}")
    return 0


def _records(count: int) -> str:
    return f"{count} record" if count == 1 else f"{count} records"
