"""``%energy report``: a report of a run or a period; displayed, written to a file, or as text to copy.

The line is validated before anything is written, and files are written atomically.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from IPython.core.error import UsageError

from jupyter_green._version import __version__
from jupyter_green.baselines.baseline import Baseline
from jupyter_green.baselines.comparison import Comparison
from jupyter_green.records import EnergyRecord, cell_key
from jupyter_green.reporting import ShareText, Statement, for_model_card, for_slack
from jupyter_green.reporting.numbers import plain
from jupyter_green.reporting.share_text import baseline_name, beside, compared
from jupyter_green.session import Session
from jupyter_green.storage.atomic_file import write_whole
from jupyter_green.storage.errors import LedgerError

from .status import first_lines, records_of_run

if TYPE_CHECKING:
    from jupyter_green.disclose.period import Period

FORMS: dict[str, Callable[[Statement], str]] = {
    ".html": Statement.page,
    ".md": Statement.markdown,
    ".json": lambda statement: json.dumps(statement.data(), ensure_ascii=False, allow_nan=False, indent=1) + "\n",
}
"""Formats of a run's report, by file suffix."""
USAGE = (
    "report [FILE.html|.md|.json] | report --slack [CELL] | report --model-card [CELL] [--training-type TEXT] | "
    "report --since 30d [--project NAME] [--equivalents] [FILE.html|.md|.csv]"
)
_CELL = re.compile(r"\[?(\d+)\]?")


class _Options(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"%energy report: {message}; it takes {USAGE}.")


def report(session: Session, words: list[str], sources: Sequence[str]) -> Statement | ShareText | Period | None:
    """Run ``%energy report`` with these arguments; `sources` are those of the cells, by execution count.

    Raises UsageError if the arguments are invalid or the file can't be written.
    """
    options = _options(words)
    if options.since is not None:
        return _period(session, options)
    argument: str | None = options.place
    if not options.slack and not options.model_card:
        target = None if argument is None else _target(argument)
        statement = stated(session, sources)
        if target is None:
            return statement
        _write(target, FORMS[target.suffix.lower()](statement))
        print(f"The energy report: {target}")
        return None
    statement = stated(session, sources)
    subject = statement.cells if argument is None else _cell(session, argument)
    if options.slack:
        if isinstance(subject, EnergyRecord):
            return ShareText(for_slack(subject))
        return ShareText(for_slack(subject, name=statement.notebook, against=_clause(session, statement)))
    intensity = session.settings.valuation.intensity
    location = None if intensity is None or intensity.region == "own" else intensity.name
    try:
        return ShareText(for_model_card(subject, location=location, training_type=options.training_type))
    except ValueError as error:
        raise UsageError(f"%energy report --model-card: {error}") from None


def stated(session: Session, sources: Sequence[str]) -> Statement:
    """Return the report of a session's run so far."""
    session.settle()
    records, problem = records_of_run(session)
    settings = session.settings
    statement = Statement(
        records,
        time.time(),
        first_lines(records, sources),
        notebook=settings.notebook or "",
        project=settings.project,
        run=settings.run_id,
        findings=session.discovery.findings,
        traits=session.meter.traits,
        valuation=settings.valuation,
        versions=_versions(session),
        problem=" ".join(sentence for sentence in (problem, session.problem) if sentence),
    )
    return statement.with_(against=_against(session, statement))


def _options(words: list[str]) -> argparse.Namespace:
    parser = _Options(prog="%energy report", add_help=False, allow_abbrev=False)
    parser.add_argument("place", nargs="?")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--slack", action="store_true")
    form.add_argument("--model-card", action="store_true")
    form.add_argument("--since")
    parser.add_argument("--project")
    parser.add_argument("--equivalents", action="store_true")
    parser.add_argument("--training-type")
    options = parser.parse_args(words)
    if options.training_type is not None and not options.model_card:
        parser.error("--training-type goes with --model-card")
    if options.since is None and (options.project is not None or options.equivalents):
        parser.error("--project and --equivalents go with --since")
    return options


def _period(session: Session, options: argparse.Namespace) -> Period | None:
    """Return the report of a period, or write it to a file."""
    from jupyter_green.disclose import DiscloseError, usage_report
    from jupyter_green.disclose.period import Period
    from jupyter_green.disclose.record_filter import period_in
    from jupyter_green.storage import Ledger

    forms = {".html": usage_report.page, ".md": usage_report.markdown, ".csv": Period.csv}
    target = None if options.place is None else _target(options.place, forms)
    session.settle()
    try:
        with Ledger(session.settings.ledger) as ledger:
            period = period_in(
                ledger,
                options.since,
                project=options.project,
                valuation=session.settings.valuation,
                problem=session.problem,
                equivalents=options.equivalents,
                versions=_versions(session),
            )
    except (DiscloseError, LedgerError) as error:
        raise UsageError(f"%energy report: {error}") from None
    if target is None:
        return period
    _write(target, forms[target.suffix.lower()](period))
    print(f"The energy report: {target}")
    return None


def _target(name: str, forms: Collection[str] = tuple(FORMS)) -> Path:
    target = Path(name).expanduser()
    if target.suffix.lower() not in forms:
        raise UsageError(f"%energy report: {name!r} must end in one of {', '.join(forms)}.")
    if target.exists() and not target.is_file():
        raise UsageError(f"%energy report: {name} is not a regular file; name another one.")
    return target


def _write(target: Path, text: str) -> None:
    try:
        write_whole(target, text)
    except OSError as error:
        raise UsageError(f"%energy report: {target} can't be written: {error.strerror or error}.") from None


def _cell(session: Session, prompt: str) -> EnergyRecord:
    """Return the newest execution with this count, with CO2e and cost."""
    match = _CELL.fullmatch(prompt)
    if match is None:
        raise UsageError(
            f"%energy report: {prompt!r} is no cell's number, such as 7; without one the whole run is reported."
        )
    for record in reversed(session.finished):
        if record.span == "cell" and record.execution_count == int(match[1]):
            return record if record.co2e_grams is not None else session.settings.valuation.value(record)
    raise UsageError(f"%energy report: no cell [{match[1]}] was metered in this run; %energy history lists them.")


def _compared(session: Session, statement: Statement) -> tuple[Baseline, Comparison] | None:
    """Return the baseline and the run's comparison with it; None without a baseline."""
    active = session.book.standing or session.book.refresh()
    if active.baseline is None:
        return None
    comparison = Comparison(active.baseline, active.choice.tolerance)
    for record in statement.counted:
        if record.span != "gap":
            comparison.take(cell_key(record.cell_id, record.id), record)
    return active.baseline, comparison


def _against(session: Session, statement: Statement) -> str:
    """Return a sentence on the difference from the baseline, with joules; empty without a baseline."""
    try:
        pair = _compared(session, statement)
    except LedgerError as error:
        return f"not known: {error}"
    if pair is None:
        return ""
    baseline, comparison = pair
    total = comparison.total()
    amounts = total.excess, total.saved, total.difference_uncertainty
    verdict = total.verdict, total.ratio, comparison.compared, _name(baseline)
    return plain(beside(*verdict, amounts, basis=total.basis, reason=total.reason))


def _clause(session: Session, statement: Statement) -> str:
    """Return the same as a short clause for a chat message."""
    try:
        pair = _compared(session, statement)
    except LedgerError:
        return ""  # the message is complete without it
    if pair is None:
        return ""
    baseline, comparison = pair
    total = comparison.total()
    verdict = total.verdict, total.ratio, comparison.compared, _name(baseline)
    return plain(compared(*verdict, basis=total.basis, reason=total.reason))


def _name(baseline: Baseline) -> str:
    return baseline_name(baseline.kind, baseline.name, max(1, len(baseline.runs)))


def _versions(session: Session) -> list[str]:
    drivers = dict.fromkeys(f"driver {traits.driver}" for traits in session.meter.traits if traits.driver)
    system = f"{platform.system()} {platform.release()} ({platform.machine()})"
    return [f"jupyter_green {__version__}", f"Python {platform.python_version()}", *drivers, system]
