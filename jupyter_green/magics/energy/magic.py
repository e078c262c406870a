"""The magics ``%%energy`` and ``%energy``: parse, call one function below, return an object."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from jupyter_green.magics.arguments import count_units, is_number, nameable
from jupyter_green.magics.cells.active_cell import Request
from jupyter_green.magics.cells.cell_meter import CellMeter
from jupyter_green.magics.cells.header import BEGIN, show_source_as_typed

from .status import Sources, Status, examine, history

if TYPE_CHECKING:
    from jupyter_green.disclose.period import Period
    from jupyter_green.reporting import Doctor, ShareText, Statement, Table
    from jupyter_green.reporting.text_table import TextTable
    from jupyter_green.session import Session

    from .estimate import Estimate

SUBCOMMANDS = (
    "on [--show] | off | status | doctor | calibrate | history [--all] [--page N] | report [FILE] | tax | rebound | "
    "estimate MODEL | export FILE"
)
COMMANDS = ("on", "off", "status", "doctor", "calibrate", "history", "report", "tax", "rebound", "estimate")


@magics_class
class EnergyMagics(Magics):
    """The energy magics of one shell.

    Parameters
    ----------
    shell : InteractiveShell
        The shell they belong to.
    cells : CellMeter
        Meters its cells.
    """

    def __init__(self, shell: Any, cells: CellMeter) -> None:
        super().__init__(shell)
        self.cells = cells
        # Not a decorated magic: it is the transformed header, nothing to be found or typed.
        self.magics["line"][BEGIN] = self.begin

    @property
    def session(self) -> Session:
        """The session of this process."""
        return self.cells.session()

    @magic_arguments()
    @argument("-o", "--output", metavar="NAME", help="bind the settled record to this variable")
    @argument("-q", "--quiet", action="store_true", help="show nothing under the cell")
    @argument(
        "-u",
        "--units",
        metavar="N",
        help="number of things done, or a variable that is one or has a length; or what to count: "
        "batches or examples of a DataLoader, tokens that generate makes, or auto",
    )
    @argument("-l", "--label", metavar="TEXT", help="name under which the record is kept")
    @no_var_expand
    @cell_magic("energy")
    def cell(self, line: str, cell: str) -> None:
        """Meter this cell and show its joules under it.

        The cell runs as if the header were not there. The record says for each device whether it was
        measured or estimated, with its 95 % interval. ``-u tokens`` counts what models of transformers
        generate in it, and keeps reading the prompts (prefill) and answering (decode) as parts of their own;
        ``-u batches`` and ``-u examples`` count what goes through PyTorch's DataLoader.
        """
        # Only reached by run_cell_magic(); a typed header is transformed (see `header`).
        result = self.shell.run_cell(f"%%energy {line}\n{cell}")
        result.raise_error()

    def begin(self, line: str) -> None:
        """Begin metering the current cell with the header's options."""
        show_source_as_typed(sys._getframe(), line)
        try:
            options = parse_argstring(self.cell, line)
        except UsageError as error:
            raise UsageError(f"%%energy: {error}; the cell was not run. %%energy? lists the options.") from None
        except ValueError as error:
            raise UsageError(f"%%energy: {error} in its options; the cell was not run.") from None
        if options.output is not None and not nameable(options.output):
            raise UsageError(
                f"%%energy: -o wants the name of a variable, not {options.output!r}; the cell was not run."
            )
        if options.units is not None and is_number(options.units):
            try:
                count_units(options.units, {})
            except ValueError as error:
                raise UsageError(f"%%energy: {str(error).rstrip('.')}; the cell was not run.") from None
        label = None if options.label is None else options.label.strip("\"'")
        self.cells.begin(Request(show=not options.quiet, name=options.output, units=options.units, label=label))

    @no_var_expand
    @line_magic("energy")
    def line(self, line: str) -> Any:
        """Turn metering on and off, and ask about it.

        ::

            %energy on            meter every cell silently (the default once loaded)
            %energy on --show     and show the record under each cell
            %energy off           meter only cells with a %%energy header
            %energy status        totals so far, what is measured and what is estimated
            %energy doctor        whether each sensor works, why not, and the command that mends it
            %energy calibrate     run a load on a GPU for some seconds, to find how late and how well its counter sees
            %energy history       the newest cells of this run; --all: of every run; --page 2: those before
            %energy report        this run for others to read: totals, cells, devices, what was not read and why
            %energy report FILE   the same as a file (.html, .md or .json)
            %energy report --slack [CELL]        the run, or the cell of that number, as lines for a chat
            %energy report --model-card [CELL]   its CO2e as YAML for a model card; --training-type TEXT
            %energy report --since 30d [FILE]    a period, from the ledger; --project NAME, --equivalents
            %energy tax           what was used above the baseline, and what that would cost; --rate 0.30
            %energy rebound       uses and joules per use before and after the project's last shrink
            %energy estimate 7B   what a model of that size will cost (or the name of one), until it was metered
            %energy export FILE   write the ledger to FILE (.csv, .jsonl or .parquet)
        """
        try:
            words = shlex.split(line)
        except ValueError as error:
            _refuse(f"{error}")
        command, options = (words[0], words[1:]) if words else ("status", [])
        action = getattr(self, f"_{command}", None) if command in COMMANDS else None
        if command == "export":
            return self._export(options)
        if action is None:
            _refuse(f"{command!r} is not one of {SUBCOMMANDS}")
        return action(options)

    # ---- subcommands --------------------------------------------------------------------------

    def _on(self, options: list[str]) -> None:
        _allow(options, {"--show"})
        self.cells.enabled = True
        self.cells.show = "--show" in options

    def _off(self, options: list[str]) -> None:
        _allow(options, set())
        self.cells.show = self.cells.enabled = False

    def _status(self, options: list[str]) -> Status:
        _allow(options, set())
        return Status.of(self.session, metering=self.cells.enabled, problem=self.cells.problem)

    def _doctor(self, options: list[str]) -> Doctor:
        _allow(options, set())
        return examine(self.session)

    def _history(self, options: list[str]) -> Table:
        page = 1
        if "--page" in options:
            place = options.index("--page")
            number = options[place + 1] if place + 1 < len(options) else ""
            if not (number.isdecimal() and int(number)):
                _refuse("--page takes a number from 1 on; 1 is the newest rows")
            page = int(number)
            options = [*options[:place], *options[place + 2 :]]
        _allow(options, {"--all"})
        kept = self.shell.history_manager
        sources = Sources(kept.input_hist_raw, kept)
        return history(self.session, everything="--all" in options, sources=sources, page=page)

    def _report(self, options: list[str]) -> Statement | ShareText | Period | None:
        from .report import report

        return report(self.session, options, self.shell.history_manager.input_hist_raw)

    def _tax(self, options: list[str]) -> TextTable:
        from .tax import tax

        return tax(self.session, options, self.shell.history_manager.input_hist_raw)

    def _rebound(self, options: list[str]) -> TextTable:
        from .rebound import rebound

        return rebound(self.session, options)

    def _estimate(self, options: list[str]) -> Estimate:
        from .estimate import estimate

        return estimate(self.session, options, self.shell.user_ns, self.cells.trials)

    def _calibrate(self, options: list[str]) -> None:
        from .calibrate import calibrate

        calibrate(self.session, options)

    def _export(self, options: list[str]) -> None:
        if len(options) != 1 or options[0].startswith("-"):
            _refuse("export wants one file name, ending in .csv, .jsonl or .parquet")
        from jupyter_green.storage import Ledger, LedgerError

        target = Path(options[0]).expanduser()
        self.session.settle()
        try:
            with Ledger(self.session.settings.ledger) as ledger:
                count = ledger.export(target)
        except (LedgerError, ValueError, OSError) as error:
            raise UsageError(f"%energy export: {error}") from None
        print(f"{count} records written to {target}")


def _allow(options: list[str], known: set[str]) -> None:
    for option in options:
        if option not in known:
            _refuse(f"unknown option {option!r}; %energy takes {SUBCOMMANDS}")


def _refuse(sentence: str) -> NoReturn:
    raise UsageError(f"%energy: {sentence}.")
