"""``jupyter green run``: run a notebook, print the energy of each cell, check the run's limits.

All arguments are validated before the notebook runs, because a run may take hours. Records are printed
and written even if a cell failed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_green.baselines.baseline import Baseline
from jupyter_green.records import EnergyRecord
from jupyter_green.reporting import Table
from jupyter_green.reporting.record.mime_bundle import data
from jupyter_green.reporting.run.totals import total
from jupyter_green.session import Settings
from jupyter_green.storage.atomic_file import write_whole
from jupyter_green.storage.errors import LedgerError

from . import limits
from .baseline_check import BaselineCheck, earlier_runs
from .errors import CommandError
from .notebook_run import NotebookRun, execute
from .run_page import check_exporter, check_writable, write_page

SCHEMA = 1
"""Version of the ``--json`` file; increased when a field changes its meaning."""


def run(given: argparse.Namespace) -> int:
    """Run the command with its parsed options and return the exit code."""
    notebook: Path = given.notebook
    from .exit_codes import FAILED, INTERRUPTED

    allowed = Limits.of(given)
    if given.timeout is not None and not given.timeout > 0:
        raise CommandError(f"A time of {given.timeout:g} s is too short; --timeout must be above 0.")
    try:
        Settings.from_environment()  # invalid settings would leave every cell unmetered
    except ValueError as error:
        raise CommandError(str(error)) from None
    page, report = _target(given.html, notebook, ".html"), _target(given.json, notebook, ".json")
    if page is not None:
        check_exporter()

    execution = execute(notebook, kernel=given.kernel, timeout=given.timeout)
    records = execution.records()
    cells = _by_position(execution, records)
    print(_table(execution, records, cells).text())
    try:
        if page is not None:
            write_page(execution.notebook, cells, notebook.stem, page)
            print(f"The notebook with its records: {page}")
        if report is not None:
            write_whole(report, json.dumps(_report(notebook, execution, records), indent=1) + "\n")
            print(f"The records: {report}")
    except OSError as error:
        raise CommandError(f"{error.filename or 'The file'} can't be written: {error.strerror or error}.") from None
    if execution.failure is not None:  # limits are not checked for an incomplete run
        print(execution.failure, file=sys.stderr)
        return INTERRUPTED if execution.interrupted else FAILED
    if not cells and _ran_code(execution):
        raise CommandError(
            "No cell was metered; is jupyter_green installed in the kernel's environment? --kernel chooses another."
        )
    return _judge(cells, total(records), allowed, [] if allowed.base is None else _earlier(notebook, execution.run_id))


def _earlier(notebook: Path, run: str) -> list[Baseline]:
    """Return earlier runs, which make the comparison more powerful; prints a sentence if they can't be read."""
    try:
        return earlier_runs(notebook.name, run)
    except LedgerError as error:
        print(f"Compared without earlier runs, so fewer differences of single cells are proven: {error}")
        return []


@dataclass(frozen=True)
class Limits:
    """The limits of a run."""

    budget: float | None = None
    """Energy in joules."""
    base: list[tuple[str, EnergyRecord]] | None = None
    """Cells of the baseline by id."""
    accepted: float | None = None
    """Accepted excess as a fraction of the baseline."""

    @classmethod
    def of(cls, given: argparse.Namespace) -> Limits:
        """Read the limits from the options."""
        budget = None if given.budget is None else limits.parse_energy(given.budget)
        accepted = None if given.fail_on_excess is None else limits.parse_percent(given.fail_on_excess)
        if accepted is not None and given.baseline is None:
            raise CommandError("--fail-on-excess compares with an earlier run; name its --json file with --baseline.")
        return cls(budget, None if given.baseline is None else read_baseline(given.baseline), accepted)


def read_baseline(path: Path) -> list[tuple[str, EnergyRecord]]:
    """Read the cells of an earlier run's ``--json`` file.

    Raises CommandError if it can't be read or is no such file (one sentence).
    """
    try:
        return cells_of(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise CommandError(
            f"There is no baseline {path}; `jupyter green run NOTEBOOK --json {path}` makes one."
        ) from None
    except OSError as error:
        raise CommandError(f"The baseline {path} can't be read: {error.strerror or error}.") from None
    except (ValueError, TypeError, KeyError) as error:
        raise CommandError(
            f"{path} is not a report of `jupyter green run --json`: {' '.join(str(error).split())}."
        ) from None


def cells_of(report: Any) -> list[tuple[str, EnergyRecord]]:
    """Return id and record of each cell in a report.

    Raises ValueError if the data is no report, or has another version.
    """
    if not isinstance(report, dict) or not isinstance(report.get("records"), list):
        raise ValueError("it contains no list of records")
    if report.get("schema") != SCHEMA:
        raise ValueError(f"its schema is {report.get('schema')!r}, this version reads {SCHEMA}")
    records = [EnergyRecord.from_dict(item) for item in report["records"]]
    return _identified([record for record in records if record.span == "cell"])


def _identified(cells: Sequence[EnergyRecord]) -> list[tuple[str, EnergyRecord]]:
    return [(record.cell_id or str(number), record) for number, record in enumerate(cells)]


def _by_position(execution: NotebookRun, records: Sequence[EnergyRecord]) -> dict[int, EnergyRecord]:
    """Return each cell's record by the position of the cell, counted from 1."""
    positions = {name: position for name, (position, _) in execution.cells().items()}
    by_position = {positions[r.cell_id]: r for r in records if r.span == "cell" and r.cell_id in positions}
    return dict(sorted(by_position.items()))


def _table(execution: NotebookRun, records: Sequence[EnergyRecord], cells: dict[int, EnergyRecord]) -> Table:
    sources = {position: cell.source for position, cell in execution.cells().values()}
    return Table(records, {record.id: first_line(sources[position]) for position, record in cells.items()})


def first_line(source: str) -> str:
    """Return the first line of a cell's source that is neither a cell magic nor a comment, else its first line."""
    lines = [line.strip() for line in source.splitlines() if line.strip()]
    return next((line for line in lines if not line.startswith(("%%", "#"))), lines[0] if lines else "")


def _report(notebook: Path, execution: NotebookRun, records: Sequence[EnergyRecord]) -> dict[str, Any]:
    totals = data(total(records))
    fields = ("joules", "uncertainty", "quality", "measured_share", "seconds", "final")
    return {
        "schema": SCHEMA,
        "notebook": notebook.name,
        "run": execution.run_id,
        "failure": execution.failure,
        "total": {name: totals[name] for name in fields},
        "records": [data(record) for record in records],
    }


def _ran_code(execution: NotebookRun) -> bool:
    """Whether a cell has more than comments and magics, so that it should have been metered."""
    lines = [line.strip() for _, cell in execution.cells().values() for line in cell.source.splitlines()]
    return any(line and not line.startswith(("#", "%")) for line in lines)


def _judge(
    cells: dict[int, EnergyRecord], counted: EnergyRecord, asked: Limits, earlier: Sequence[Baseline] = ()
) -> int:
    """Print the verdict of each limit and return the exit code; excess takes precedence over the budget."""
    from .exit_codes import EXCESS, OK, OVER_BUDGET

    code = OK
    if asked.budget is not None:
        code = _say(limits.judge_budget(counted, asked.budget), OVER_BUDGET, code)
    if asked.base is not None:
        comparison = limits.compare(_identified(list(cells.values())), asked.base)
        print(comparison.sentence())
        pairs = BaselineCheck(_identified(list(cells.values())), asked.base, earlier, asked.accepted or 0.0)
        if pairs.sentence():
            print(pairs.sentence())
        if asked.accepted is not None:
            whole, paired = comparison.excess(asked.accepted), pairs.excess()
            code = _say(paired if whole.holds and paired and not paired.holds else whole, EXCESS, code)
    return code


def _say(verdict: limits.Verdict, code: int, so_far: int) -> int:
    print(verdict.sentence, file=sys.stdout if verdict.holds else sys.stderr)
    return so_far if verdict.holds else code


def _target(asked: Path | None, notebook: Path, suffix: str) -> Path | None:
    """Return the file to write; without a name, the notebook's name in the current folder."""
    if asked is None:
        return None
    target = Path(notebook.name).with_suffix(suffix) if asked == Path() else asked
    if target.is_dir():
        raise CommandError(f"{target} is a folder; name the file to write.")
    check_writable(target)
    return target
