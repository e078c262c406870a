"""What `%energy status` and the line printed at loading say: objects and one function, drawn by `report`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from pathlib import Path
from typing import Any

from jupyter_green.ledger.location import is_local, mask
from jupyter_green.records import EnergyRecord
from jupyter_green.report import Doctor, Table, Totals
from jupyter_green.report.doctor import seen
from jupyter_green.report.number import plain
from jupyter_green.sensors import Finding
from jupyter_green.sensors.discovery import discover
from jupyter_green.session import Session
from jupyter_green.session.calibrations import CalibrationError, kept_calibrations

PAGE_ROWS = 200
"""Rows on a page of the history."""


@dataclass(frozen=True, repr=False)
class Status:
    """How metering stands in this kernel.

    Parameters
    ----------
    totals : Totals
        What was metered since the extension was loaded.
    metering : bool
        Whether every cell is metered, or only those with a header.
    ledger : str
        Where records go; passwords masked.
    problem : str or None
        What is wrong, in one sentence.
    """

    totals: Totals
    metering: bool
    ledger: str
    problem: str | None = None

    @classmethod
    def of(cls, session: Session, *, metering: bool, problem: str | None = None) -> Status:
        """The status of a session; `problem` is what went wrong on the cells' own path."""
        session.settle()
        ledger = f"{mask(session.settings.ledger)}{size_of(session.settings.ledger)}"
        told = " ".join(said for said in (problem, session.problem) if said)
        records, earlier = session.so_far()
        return cls(Totals(records, earlier=earlier), metering, ledger, told or None)

    def lines(self) -> list[str]:
        """The status below its totals, line by line."""
        how = "every cell is metered" if self.metering else "only cells with a %%energy header are metered"
        return [f"Metering: {how}.", f"Ledger: {self.ledger}", *([f"Problem: {self.problem}"] if self.problem else [])]

    def __repr__(self) -> str:
        return "\n".join([self.totals.text(), *self.lines()])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        rest = "".join(f'<div class="jg" style="font-size:12px">{escape(line)}</div>' for line in self.lines())
        return {"text/plain": repr(self), "text/html": f"{self.totals.html()}{rest}"}


def size_of(url: str) -> str:
    """Size of a ledger that is a file, in parentheses; nothing for one that is not there yet, or elsewhere."""
    path = Path(url.removeprefix("sqlite:///"))
    if not is_local(url) or not path.exists():
        return ""
    return f" ({path.stat().st_size / 1e6:.1f} MB)"


def examine(session: Session) -> Doctor:
    """Look at every sensor again, and say what the running session uses."""
    found = discover()
    for sensor in found.sensors:
        sensor.close()
    findings = list(found.findings)
    if session.problem:
        findings.append(Finding("session", "Metering", works=False, detail=session.problem))
    missing = {sensor.traits.key for sensor in found.sensors} - {traits.key for traits in session.meter.traits}
    if missing:
        detail = "A sensor works now that did not when the extension was loaded; load it again to use it."
        findings.append(
            Finding("session", "This kernel", works=False, detail=detail, fix=("%reload_ext jupyter_green",))
        )
    return Doctor(findings, session.meter.traits, calibrations(session))


def calibrations(session: Session) -> list[tuple[str, str]]:
    """Each calibration that is kept: the sensor's key, and what was found when, or why it is not used."""
    try:
        kept = kept_calibrations()
    except CalibrationError:
        return []  # the session says so itself
    stated = {sensor.traits.key: sensor.traits for sensor in session.meter.sensors}
    used = {traits.key: traits for traits in session.meter.traits}
    told = []
    for one in kept:
        when = "" if one.found_at is None else f" on {date.fromtimestamp(one.found_at).isoformat()}"
        here = stated.get(one.key)
        if here is None:
            why = f"Calibrated{when}: {one.device}, which is not read in this kernel"
        elif one.driver != here.driver:
            why = (
                f"Calibrated{when} under driver {one.driver or 'of no version'}, and this is "
                f"{here.driver or 'another'}: not used; %energy calibrate finds it anew"
            )
        else:
            gain = "" if one.found.gain is None else f"; it shows {one.found.gain:.0%} of what a wall meter does"
            later = "" if one.found.applied(here) == used.get(one.key) else "; used from the next %reload_ext on"
            why = f"Calibrated{when}: {seen(one.found)}{gain}{later}"
        told.append((one.key, why))
    return told


def history(session: Session, *, everything: bool, sources: Sequence[str], page: int = 1) -> Table:
    """A page of the cells of this run, or of every run in the ledger, as a table; the first page has the newest."""
    session.settle()
    title, first = "All runs" if everything else "This run", (page - 1) * PAGE_ROWS
    if not everything and _kept_whole(session):
        records = by_start(session.finished)
        count = len(records)
        records = records[max(0, count - first - PAGE_ROWS) : max(0, count - first)]
    else:
        from jupyter_green.ledger import Ledger

        run = None if everything else session.settings.run_id
        with Ledger(session.settings.ledger) as ledger:
            count = ledger.count(run=run)
            records = tuple(reversed(ledger.records(run=run, limit=PAGE_ROWS, offset=first, newest_first=True)))
    if count > PAGE_ROWS:
        last = first + len(records)
        title += f": rows {first + 1} to {last} of {count}, counted from the newest" if records else f": {count} rows"
        if last < count and records:
            title += f"; --page {page + 1} shows those before"
    lines = {} if everything else first_lines(records, sources)
    return Table(records, lines, title=title, whole=len(records) == count)


def _kept_whole(session: Session) -> bool:
    return len(session.finished) < (session.finished.maxlen or sys.maxsize)


def records_of_run(session: Session) -> tuple[tuple[EnergyRecord, ...], str]:
    """Return what was metered in the run, and what is missing; beyond what the session keeps, what the ledger does."""
    records = by_start(session.finished)
    if _kept_whole(session):
        return records, ""
    from jupyter_green.ledger import Ledger, LedgerError

    try:
        with Ledger(session.settings.ledger) as ledger:
            return tuple(ledger.records(run=session.settings.run_id)), ""
    except LedgerError as error:
        return records, f"Only the newest {len(records)} records are known here: {error}"


def by_start(records: Iterable[EnergyRecord]) -> tuple[EnergyRecord, ...]:
    """Records in the order in which they began; a session keeps them in that in which they became final."""
    return tuple(sorted(records, key=lambda record: record.started_at))


def first_lines(records: Sequence[EnergyRecord], sources: Sequence[str]) -> dict[str, str]:
    """First line of code of each cell, by record; the kernel's own history, which is never stored."""
    found = {}
    for record in records:
        count = record.execution_count
        if count is None or not 0 < count < len(sources) or record.span != "cell":
            continue
        lines = [line for line in sources[count].splitlines() if line.strip() and not line.startswith("%%energy")]
        lines = [line for line in lines if "_energy_begin" not in line] or lines
        if lines:
            found[record.id] = lines[0].strip()
    return found


def load_line(session: Session) -> str:
    """One line at loading: devices, what is measured, what is estimated and why."""
    said = []
    for traits in session.meter.traits:
        how = {"counter": "counter", "power": "power readings", "model": "from processor time"}[traits.method]
        said.append(f"{traits.device} {traits.quality} ({how})")
    # What this machine doesn't have is no fault; what could be mended is said.
    faults = [item.subject for item in session.discovery.findings if not item.works and (item.fix or item.advice)]
    if faults:
        said.append(f"{', '.join(faults)} can't be read (%energy doctor)")
    if not session.meter.traits:
        said = ["no energy sensor and no estimate here (%energy doctor)"]
    problem = f" · {session.problem}" if session.problem else ""
    return plain(f"jupyter_green meters every cell: {' · '.join(said)}{problem}")
