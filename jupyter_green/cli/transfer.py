"""``jupyter green export`` and ``import``: the ledger's records as a file, and back."""

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
    """Open the ledger for a block; what it wants a person to know goes to standard error at the end.

    Parameters
    ----------
    everyone : bool
        Whether everyone's records of a shared ledger are meant.

    Raises
    ------
    Refusal
        If its URL, a filter or a file's format makes no sense; one sentence.
    """
    from jupyter_green.storage import Ledger

    try:
        with Ledger(everyone=everyone) as ledger:
            yield ledger
            for notice in ledger.notices:
                print(f"jupyter green: {notice}", file=sys.stderr)
    except ValueError as error:  # the ledger's word for bad input, a sentence
        raise CommandError(str(error)) from None


def export(file: Path, since: str | None = None, project: str | None = None, everyone: bool = False) -> int:
    """Write records to a file whose suffix says the format; print how many."""
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
        found = ledger.import_(file)
        known = f", {found.duplicates} known already" if found.duplicates else ""
        posted = f"; {found.postings} budgets, tariffs, overrides, baselines or credits" if found.postings else ""
        print(f"{_records(found.records)} taken from {file}{known}{posted}")
    return 0


def _records(count: int) -> str:
    return f"{count} record" if count == 1 else f"{count} records"
