"""``%baseline``: keep a run as a baseline, choose a baseline, and compare the run with it."""

from __future__ import annotations

import shlex
import time
from typing import TYPE_CHECKING

from IPython.core.error import UsageError
from IPython.core.magic import line_magic, magics_class, no_var_expand

from jupyter_green.baselines.baseline import Baseline
from jupyter_green.baselines.comparison import Comparison
from jupyter_green.baselines.messages import (
    amount,
    cleared,
    difference,
    difference_sentence,
    joules,
    kept,
    name_of,
    used,
)
from jupyter_green.baselines.selection import BaselineError
from jupyter_green.records import EnergyRecord, cell_key
from jupyter_green.reporting.text_table import TextTable
from jupyter_green.storage.errors import LedgerError

from .arguments import tolerance_of
from .base import CellMagics
from .energy.status import first_lines

if TYPE_CHECKING:
    pass

USAGE = "set [NAME] | use NAME|last|median|FILE [-t TOLERANCE] | list | show [NAME] | clear [NAME]"
"""Arguments of ``%baseline``."""
MOST_WORDS = {"": 0, "set": 1, "use": 1, "list": 0, "show": 1, "clear": 1}


@magics_class
class BaselineMagics(CellMagics):
    """The baseline magic of one shell."""

    @no_var_expand
    @line_magic
    def baseline(self, line: str) -> TextTable | None:
        """Compare this run with an earlier one, cell by cell.

        ``%baseline``                    the difference of each cell
        ``%baseline set [NAME]``         keep this run, and compare with it from now on
        ``%baseline use NAME``           compare with a kept baseline
        ``%baseline use last``           with the run before this one
        ``%baseline use median``         with the median of the last five runs (the default)
        ``%baseline use FILE``           with a file of ``jupyter green run NOTEBOOK --json FILE``
        ``%baseline use NAME -t 5%``     up to 5 % above it does not count as excess
        ``%baseline list``               all kept baselines
        ``%baseline show [NAME]``        one baseline and its cells
        ``%baseline clear [NAME]``       stop comparing; with a name: delete that baseline

        A difference is reported only if its 95 % interval excludes 0. Cells are matched by id, else by the hash of
        their code. Only cells that finished in both runs and were read by the same sensors are compared.
        """
        word, argument, tolerance = _read(line)
        if word in ("", "set"):
            self.session.settle()  # the cell before this one may not be final yet
        try:
            if word == "set":
                print(kept(*self.session.book.keep(argument)))
            elif word == "use":
                print(used(self.session.book.use(argument or "", tolerance)))
            elif word == "clear":
                self.session.book.clear(argument)
                print(cleared(argument))
            elif word == "list":
                return self._list()
            elif word == "show":
                return _grid(self.session.book.show(argument))
            else:
                return self._stand()
        except (BaselineError, LedgerError) as error:
            raise UsageError(f"%baseline: {error}") from None
        return None

    def _list(self) -> TextTable:
        service = self.session.book
        heads = service.heads()
        in_use = (service.standing or service.refresh()).choice
        rows = [
            (
                f"{head['name']}{' (in use)' if in_use.rule == 'named' and in_use.name == head['name'] else ''}",
                joules(head["figure"]["joules"], head["figure"]["uncertainty"]),
                head["figure"]["quality"],
                str(head["cells"]),
                _when(head["made_at"]),
            )
            for head in heads
        ]
        if not rows:
            return TextTable("This notebook has no baseline yet; %baseline set [NAME] keeps this run as one.")
        title = f"{len(rows)} baseline{'' if len(rows) == 1 else 's'} of this notebook, newest first."
        return TextTable(title, ("name", "energy", "", "cells", "run of"), rows, frozenset({1, 3}))

    def _stand(self) -> TextTable:
        """Compare this run, as the ledger holds it, with the baseline."""
        session = self.session
        active = session.book.refresh()
        title = used(active)
        if active.baseline is None:
            return TextTable(title)
        last: dict[str, EnergyRecord] = {}
        rerun_keys: set[str] = set()
        from jupyter_green.storage import Ledger

        with Ledger(session.settings.ledger) as ledger:
            for record in ledger.records(run=session.settings.run_id, span="cell"):
                if record.parent is None:
                    key = cell_key(record.cell_id, record.id)
                    rerun_keys |= {key} & last.keys()
                    last[key] = record
        comparison = Comparison(active.baseline, active.choice.tolerance)
        lines = first_lines(list(last.values()), self.shell.history_manager.input_hist_raw)
        rows = []
        for key, record in last.items():
            compared = comparison.take(key, record, again=key in rerun_keys)
            rows.append(
                (
                    f"[{record.execution_count or ' '}] {lines.get(record.id, '')}",
                    joules(record.joules, record.uncertainty),
                    joules(compared.baseline, compared.baseline_uncertainty) if compared.baseline is not None else "–",
                    difference(compared),
                )
            )
        if not rows:
            return TextTable(f"{title} No cell of this run has its final value yet.")
        total = difference_sentence(comparison.total(), comparison.compared)
        return TextTable(f"{title} {total}", ("cell", "this run", "baseline", "difference"), rows, frozenset({1, 2}))


def _read(line: str) -> tuple[str, str | None, float | None]:
    """Return the subcommand, its argument and the tolerance.

    Raises UsageError if the line is invalid (one sentence).
    """
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise UsageError(f"%baseline: {error}; put a name with spaces in quotes.") from None
    tolerance = None
    for option in ("-t", "--tolerance"):
        if option in words:
            index = words.index(option)
            try:
                tolerance = tolerance_of(words[index + 1] if index + 1 < len(words) else "")
            except ValueError as error:
                raise UsageError(f"%baseline: {error}") from None
            del words[index : index + 2]
    word, arguments = (words[0], words[1:]) if words else ("", [])
    if word not in MOST_WORDS or len(arguments) > MOST_WORDS[word] or (tolerance is not None and word != "use"):
        raise UsageError(f"%baseline takes {USAGE}; put a name with spaces in quotes.")
    if word == "use" and not arguments:
        raise UsageError("%baseline use: give a name (%baseline list), last, median or a file.")
    return word, arguments[0] if arguments else None, tolerance


def _grid(found: Baseline) -> TextTable:
    name = name_of(found)
    title = f"{name[0].upper()}{name[1:]}: {len(found.cells)} cells, {amount(found)}, run of {_when(found.made_at)}."
    rows = [
        (
            str(number),
            joules(cell.reading.joules, cell.reading.uncertainty),
            cell.reading.quality,
            cell.cell_id or (cell.code_hash or "")[:12],
            ", ".join("–" if value is None else joules(value) for value in cell.values) if len(cell.values) > 1 else "",
        )
        for number, cell in enumerate(found.cells, 1)
    ]
    return TextTable(title, ("", "energy", "", "cell", "in each run"), rows, frozenset({0, 1}))


def _when(seconds: float | None) -> str:
    return "–" if not seconds else time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
