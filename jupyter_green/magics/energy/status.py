"""`%energy status`, `%energy doctor`, `%energy history`, and the line printed when the extension loads."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from pathlib import Path
from typing import Any

from jupyter_green.magics.cells.source_hash import code_hash
from jupyter_green.records import EnergyRecord
from jupyter_green.reporting import Doctor, Table, Totals
from jupyter_green.reporting.doctor import seen
from jupyter_green.reporting.numbers import plain
from jupyter_green.reporting.run.record_table import NO_CELL
from jupyter_green.reporting.run.totals import total
from jupyter_green.sensors import Diagnostic
from jupyter_green.sensors.discovery import discover
from jupyter_green.session import Session
from jupyter_green.session.calibration_storage import CalibrationError, kept_calibrations
from jupyter_green.storage.location import is_local, mask
from jupyter_green.storage.privacy import comparable

MOST_SOURCES = 2000
"""Inputs of earlier kernels that are searched for the source of a cell."""
PAGE_ROWS = 200
"""Rows on a page of the history."""


@dataclass(frozen=True, repr=False)
class Status:
    """The state of metering in this kernel."""

    totals: Totals
    """What was metered since the extension was loaded."""
    metering: bool
    """Whether every cell is metered, or only those with a ``%%energy`` header."""
    ledger: str
    """URL of the ledger with passwords masked, and its size."""
    problem: str | None = None
    """What is wrong, in one sentence."""

    @classmethod
    def of(cls, session: Session, *, metering: bool, problem: str | None = None) -> Status:
        """Return the status of a session; `problem` is the cell meter's."""
        session.settle()
        ledger = f"{mask(session.settings.ledger)}{size_of(session.settings.ledger)}"
        problems = " ".join(sentence for sentence in (problem, session.problem) if sentence)
        records, earlier = session.so_far()
        return cls(Totals(records, earlier=earlier), metering, ledger, problems or None)

    def lines(self) -> list[str]:
        """Return the lines below the totals."""
        how = "every cell is metered" if self.metering else "only cells with a %%energy header are metered"
        return [f"Metering: {how}.", f"Ledger: {self.ledger}", *([f"Problem: {self.problem}"] if self.problem else [])]

    def __repr__(self) -> str:
        return "\n".join([self.totals.text(), *self.lines()])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        rest = "".join(f'<div class="jg" style="font-size:12px">{escape(line)}</div>' for line in self.lines())
        return {"text/plain": repr(self), "text/html": f"{self.totals.html()}{rest}"}


def size_of(url: str) -> str:
    """Return the size of a SQLite ledger in parentheses; empty if there is no file yet or it is a server."""
    path = Path(url.removeprefix("sqlite:///"))
    if not is_local(url) or not path.is_file():
        return ""
    return f" ({path.stat().st_size / 1e6:.1f} MB)"


def examine(session: Session) -> Doctor:
    """Discover all sensors again, and report them beside those that the session uses."""
    discovery = discover()
    for sensor in discovery.sensors:
        sensor.close()
    findings = list(discovery.findings)
    if session.problem:
        findings.append(Diagnostic("session", "Metering", works=False, detail=session.problem))
    missing = {sensor.traits.key for sensor in discovery.sensors} - {traits.key for traits in session.meter.traits}
    if missing:
        detail = "A sensor works now that did not when the extension was loaded; load it again to use it."
        findings.append(
            Diagnostic("session", "This kernel", works=False, detail=detail, fix=("%reload_ext jupyter_green",))
        )
    return Doctor(findings, session.meter.traits, calibrations(session))


def calibrations(session: Session) -> list[tuple[str, str]]:
    """Return each stored calibration: the sensor's key, and its date and values or why it is not used."""
    try:
        stored = kept_calibrations()
    except CalibrationError:
        return []  # the session reports it
    stated = {sensor.traits.key: sensor.traits for sensor in session.meter.sensors}
    used = {traits.key: traits for traits in session.meter.traits}
    rows = []
    for item in stored:
        when = "" if item.found_at is None else f" on {date.fromtimestamp(item.found_at).isoformat()}"
        here = stated.get(item.key)
        if here is None:
            sentence = f"Calibrated{when}: {item.device}, which is not read in this kernel"
        elif item.driver != here.driver:
            sentence = (
                f"Calibrated{when} under driver {item.driver or 'of no version'}, now "
                f"{here.driver or 'another'}: not used; run %energy calibrate again"
            )
        else:
            gain = "" if item.found.gain is None else f"; it shows {item.found.gain:.0%} of a wall meter's power"
            later = "" if item.found.applied(here) == used.get(item.key) else "; used from the next %reload_ext on"
            sentence = f"Calibrated{when}: {seen(item.found)}{gain}{later}"
        rows.append((item.key, sentence))
    return rows


def history(session: Session, *, everything: bool, sources: Sources, page: int = 1) -> Table:
    """Return a page of the cells of this run, or of all runs in the ledger, as a table; page 1 has the newest.

    Each cell has a row; all trials of a search share one, and so do the times between cells.
    """
    session.settle()
    title, first = "All runs" if everything else "This run", (page - 1) * PAGE_ROWS
    problem = session.problem
    if not everything and session.keeps_all:
        rows = folded(by_start(session.finished))
        count = len(rows)
        rows = rows[max(0, count - first - PAGE_ROWS) : max(0, count - first)]
    else:
        from jupyter_green.storage import Ledger

        run = None if everything else session.settings.run_id
        with Ledger(session.settings.ledger) as ledger:
            span = "cell" if everything else ("cell", "window")
            count = ledger.count(run=run, span=span)
            found = ledger.records(run=run, span=span, limit=PAGE_ROWS, offset=first, newest_first=True)
            rows = tuple(sorted(found, key=lambda record: (_place(record, found), record.started_at)))
            if ledger.read_only:  # records still in journals are not included
                problem = problem or " ".join(ledger.notices)
    if count > PAGE_ROWS:
        last = first + len(rows)
        title += f": rows {first + 1} to {last} of {count}, counted from the newest" if rows else f": {count} rows"
        if last < count and rows:
            title += f"; --page {page + 1} shows earlier ones"
    if everything and problem:
        title += f" that the ledger holds; %energy history has this run ({problem.rstrip('.')})"
    lines = sources.of_any(rows) if everything else first_lines(rows, sources.typed)
    headings = {record.run_id: _heading(record) for record in reversed(rows)} if everything else {}
    none = "It has none." if everything and problem else NO_CELL if not count else f"There is no page {page}."
    return Table(rows, lines, title=title, whole=len(rows) == count, headings=headings, none=none)


def folded(records: Sequence[EnergyRecord]) -> tuple[EnergyRecord, ...]:
    """Merge the trials of each search into one record, and the times between cells into one at the end."""
    merged: list[EnergyRecord] = []
    trials: dict[str | None, list[EnergyRecord]] = {}
    gaps = [record for record in records if record.span == "gap"]
    for record in records:
        if record.span == "trial":
            if record.parent not in trials:
                merged.append(record)  # placeholder for the sum
            trials.setdefault(record.parent, []).append(record)
        elif record.span != "gap":
            merged.append(record)
    rows = [_together(trials[record.parent], "trials") if record.span == "trial" else record for record in merged]
    return tuple([*rows, _together(gaps, "idle intervals between cells")] if gaps else rows)


def _together(records: Sequence[EnergyRecord], what: str) -> EnergyRecord:
    if len(records) == 1:
        return records[0]
    first = records[0]
    label = f"{len(records):,} {what}"
    return total(records).with_(
        id=first.id, parent=first.parent, span=first.span, run_id=first.run_id, label=label, seconds=_seconds(records)
    )


def _seconds(records: Sequence[EnergyRecord]) -> float:
    return math.fsum(record.seconds for record in records)


def _place(record: EnergyRecord, records: Sequence[EnergyRecord]) -> float:
    """Return when the newest cell of a record's run began; sort key that keeps runs together."""
    return max(other.started_at for other in records if other.run_id == record.run_id)


def _heading(record: EnergyRecord) -> str:
    """Return the heading of a run: its time, and its notebook or project."""
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(record.started_at))
    where = record.notebook or (f"project {record.project}" if record.project else "notebook not known")
    return f"{when} · {where}"


def records_of_run(session: Session) -> tuple[tuple[EnergyRecord, ...], str]:
    """Return the records of the run, read from the ledger if needed, and a sentence if some are missing."""
    records = by_start(session.finished)
    if session.keeps_all:
        return records, ""
    from jupyter_green.storage import Ledger, LedgerError

    try:
        with Ledger(session.settings.ledger) as ledger:
            return tuple(ledger.records(run=session.settings.run_id)), ""
    except LedgerError as error:
        return records, f"Only the newest {len(records)} records are known here: {error}"


def by_start(records: Iterable[EnergyRecord]) -> tuple[EnergyRecord, ...]:
    """Return records sorted by start; a session keeps them in the order in which they became final."""
    return tuple(sorted(records, key=lambda record: record.started_at))


def first_lines(records: Sequence[EnergyRecord], sources: Sequence[str]) -> dict[str, str]:
    """Return the first line of code of each cell by record id, from the kernel's history."""
    lines = {}
    for record in records:
        count = record.execution_count
        if count is None or not 0 < count < len(sources) or record.span != "cell":
            continue
        if line := _first_line(sources[count]):
            lines[record.id] = line
    return lines


@dataclass(frozen=True)
class Sources:
    """Sources of cells; the ledger stores none."""

    typed: Sequence[str]
    """Inputs of this kernel, by execution count."""
    history: Any = None
    """IPython's history manager, which also has inputs of earlier kernels unless that is disabled."""

    def of_any(self, records: Sequence[EnergyRecord]) -> dict[str, str]:
        """Return first lines by record id, matched by the hash of the code."""
        by_hash = {comparable(code_hash(source)): source for source in (*self._earlier(), *self.typed)}
        lines = {}
        for record in records:
            source = by_hash.get(comparable(record.code_hash))
            line = "" if source is None else _first_line(source)
            if line:
                lines[record.id] = line
        return lines

    def _earlier(self) -> list[str]:
        if self.history is None:
            return []
        try:
            return [source for _, _, source in self.history.get_tail(MOST_SOURCES, raw=True, include_latest=True)]
        except Exception:  # noqa: BLE001 - IPython's database: the table works without it
            return []


def _first_line(source: str) -> str:
    lines = [line for line in source.splitlines() if line.strip() and not line.startswith("%%energy")]
    lines = [line for line in lines if "_energy_begin" not in line] or lines
    return lines[0].strip() if lines else ""


def load_line(session: Session) -> str:
    """Return the line printed at loading: devices, and what is measured or estimated."""
    devices = []
    for traits in session.meter.traits:
        how = {"counter": "counter", "power": "power readings", "model": "from processor time"}[traits.method]
        devices.append(f"{traits.device} {traits.quality} ({how})")
    # Absent hardware is no fault; only what the user can fix is listed.
    faults = [item.subject for item in session.discovery.findings if not item.works and (item.fix or item.advice)]
    if faults:
        devices.append(f"{', '.join(faults)} can't be read (%energy doctor)")
    if not session.meter.traits:
        devices = ["no energy sensor and no estimate here (%energy doctor)"]
    problem = f" · {session.problem}" if session.problem else ""
    return plain(f"jupyter_green meters every cell: {' · '.join(devices)}{problem}")
