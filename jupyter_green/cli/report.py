"""``jupyter green report`` and ``check``: a period for others to read, and whether a folder discloses its models."""

from __future__ import annotations

from pathlib import Path

from jupyter_green._version import __version__
from jupyter_green.disclose import usage_report
from jupyter_green.disclose.errors import DiscloseError
from jupyter_green.disclose.period import Period
from jupyter_green.disclose.record_filter import period_in
from jupyter_green.impact import Valuation
from jupyter_green.reporting.sanitize import one_line

from .errors import CommandError
from .run_page import check_writable, write_whole
from .transfer import opened

FORMS = {".html": usage_report.page, ".md": usage_report.markdown, ".csv": Period.csv}
"""How a period is written, by the file's suffix."""


def report(since: str, *, project: str | None, target: Path | None, equivalents: bool, everyone: bool = False) -> int:
    """Print the report of a period, or write it to a file.

    Raises
    ------
    Refusal
        If the beginning, the project or the file makes no sense; one sentence.
    """
    if target is not None:
        if target.suffix.lower() not in FORMS:
            raise CommandError(f"{target} ends in none of {', '.join(FORMS)}; give the file such a name.")
        check_writable(target)
    valuation, faults = Valuation.sound()
    with opened(everyone) as ledger:
        try:
            found = period_in(
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
        print(found.text())
    else:
        write_whole(target, FORMS[target.suffix.lower()](found))
        print(f"The energy report{' of everyone' if everyone else ''}: {target}")
    return 0


def check_ledger(mend: bool = False) -> int:
    """Print where the ledger's sums are not those of its records; 0 where all are, else 1.

    Parameters
    ----------
    mend : bool
        Whether to make them anew first.
    """
    from .exit_codes import FAILED, OK

    with opened() as ledger:
        if mend:
            ledger.mend()
        wrong = ledger.check()
        for run in wrong:
            print(f"run {one_line(run, 80)}: its sums are not those of its records")
        altered = ledger.notice_of("altered") is not None
    if wrong:
        count = "1 run differs" if len(wrong) == 1 else f"{len(wrong)} runs differ"
        print(f"{count}; `jupyter green check --mend` makes the sums anew.")
    elif not altered:
        print("The ledger's sums are those of its records.")
    return FAILED if wrong or altered else OK


def check(folder: Path) -> int:
    """Print what is not disclosed below a folder; 0 where all is, else 1.

    Raises
    ------
    Refusal
        If there is no such folder.
    """
    from jupyter_green.disclose.audit import audit

    from .exit_codes import FAILED, OK

    try:
        places, missing = audit(folder)
    except DiscloseError as error:
        raise CommandError(str(error)) from None
    for one in missing:
        print(one)
    count = f"{len(places)} folder{'' if len(places) == 1 else 's'} looked at"
    print(f"{count}: {f'{len(missing)} things are not disclosed' if missing else 'all is disclosed'}.")
    return FAILED if missing else OK
