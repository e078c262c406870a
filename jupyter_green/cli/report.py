"""``jupyter green report`` and ``check``: the report of a period, and checks of the ledger and of disclosures."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jupyter_green._version import __version__
from jupyter_green.disclose import usage_report
from jupyter_green.disclose.errors import DiscloseError
from jupyter_green.disclose.period import Period
from jupyter_green.disclose.record_filter import period_in
from jupyter_green.impact import Valuation
from jupyter_green.reporting.sanitize import one_line
from jupyter_green.storage.atomic_file import write_whole

from .errors import CommandError
from .run_page import check_writable
from .transfer import opened

FORMS = {".html": usage_report.page, ".md": usage_report.markdown, ".csv": Period.csv}
"""Formats of a period's report, by file suffix."""


def report(since: str, *, project: str | None, target: Path | None, equivalents: bool, everyone: bool = False) -> int:
    """Print the report of a period, or write it to a file.

    Raises CommandError if the start, the project or the file is invalid (one sentence).
    """
    if target is not None:
        if target.suffix.lower() not in FORMS:
            raise CommandError(f"{target} must end in one of {', '.join(FORMS)}.")
        check_writable(target)
    valuation, faults = Valuation.sound()
    with opened(everyone) as ledger, _without_collector():
        try:
            period = period_in(
                ledger,
                since,
                project=project,
                valuation=valuation,
                problem=" ".join(faults.values()) or None,
                equivalents=equivalents,
                versions=[f"jupyter_green {__version__}"],
                everyone=everyone,
            )
        except DiscloseError as error:
            raise CommandError(str(error)) from None
    if target is None:
        print(period.text())
    else:
        write_whole(target, FORMS[target.suffix.lower()](period))
        print(f"The energy report{' of all users' if everyone else ''}: {target}")
    return 0


@contextmanager
def _without_collector() -> Iterator[None]:
    """Pause the cyclic garbage collector: the many small objects of a long period hold no cycles."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def check_ledger(mend: bool = False) -> int:
    """Print runs whose stored sums differ from their records; return 0 if there are none, else 1.

    With `mend`, the sums are recomputed first.
    """
    from .exit_codes import FAILED, OK

    with opened() as ledger:
        if mend:
            ledger.mend()
        differing = ledger.check()
        for run in differing:
            print(f"run {one_line(run, 80)}: its sums differ from its records")
        altered = ledger.notice_of("altered") is not None
    if differing:
        count = "1 run differs" if len(differing) == 1 else f"{len(differing)} runs differ"
        print(f"{count}; `jupyter green check --mend` recomputes the sums.")
    elif not altered:
        print("The ledger's sums match its records.")
    return FAILED if differing or altered else OK


def check(folder: Path) -> int:
    """Print what is not disclosed for the models below a folder; return 0 if nothing is missing, else 1.

    Raises CommandError if there is no such folder.
    """
    from jupyter_green.disclose.folder_check import audit

    from .exit_codes import FAILED, OK

    try:
        folders, missing = audit(folder)
    except DiscloseError as error:
        raise CommandError(str(error)) from None
    for gap in missing:
        print(gap)
    count = f"{len(folders)} folder{'' if len(folders) == 1 else 's'} checked"
    print(f"{count}: {len(missing)} item{'' if len(missing) == 1 else 's'} missing.")
    return FAILED if missing else OK
