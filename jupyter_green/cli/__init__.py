"""The command line, ``jupyter green``: parse arguments, call one function, print the result.

Exit codes are part of the interface, for use in CI: 0 success; 1 a cell failed, the doctor finds no measured device,
or something is not disclosed; 2 invalid usage; 3 over the budget; 4 statistically significant excess over the baseline.
Errors are one sentence on standard error. Nothing heavy is imported here, so that an interrupt is answered from the
start.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NoReturn, TextIO, cast

from .errors import CommandError
from .exit_codes import INTERRUPTED, USAGE

__all__ = ["main"]


class _Parser(argparse.ArgumentParser):
    """An argument parser whose error message is one sentence without the usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message}; {self.prog} --help lists the options.\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``jupyter green`` with these arguments, by default those of the process, and return its exit code."""
    try:
        return _main(arguments)
    except KeyboardInterrupt:  # while modules are imported, or output is flushed
        print("jupyter green: interrupted.", file=sys.stderr)
        return INTERRUPTED


def _main(arguments: Sequence[str] | None) -> int:
    from jupyter_green.storage import LedgerError

    from .output import Output

    output, errors = Output(sys.stdout), Output(sys.stderr)
    with redirect_stdout(cast("TextIO", output)), redirect_stderr(cast("TextIO", errors)):
        args = _parser().parse_args(arguments)
        try:
            code: int = args.command(args)
        except (CommandError, LedgerError) as fault:
            print(f"jupyter green: {fault}", file=sys.stderr)
            code = USAGE
        except KeyboardInterrupt:
            print("jupyter green: interrupted.", file=sys.stderr)
            code = INTERRUPTED
        output.flush()
        if output.fault is not None:
            reason = output.fault.strerror or output.fault
            print(f"jupyter green: the output can't be written: {reason}.", file=sys.stderr)
            code = code or USAGE
        errors.flush()
    return code


def _parser() -> argparse.ArgumentParser:
    from jupyter_green._version import __version__

    parser = _Parser(prog="jupyter green", description="Meter the energy of notebooks in joules.")
    parser.add_argument("--version", action="version", version=f"jupyter_green {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    run = _command(commands, "run", _run, "run a notebook with every cell metered, and print each cell's energy")
    run.add_argument("notebook", type=Path, metavar="NOTEBOOK", help="the notebook; the file itself is not changed")
    run.add_argument(
        "--html",
        type=Path,
        nargs="?",
        const=Path(),
        metavar="FILE",
        help="write the executed notebook with its records (default: the notebook's name, in this folder)",
    )
    run.add_argument(
        "--json",
        type=Path,
        nargs="?",
        const=Path(),
        metavar="FILE",
        help="write the records and their sum (default: the notebook's name, in this folder)",
    )
    run.add_argument(
        "--budget", metavar="ENERGY", help="end with exit code 3 if it used more: 500J, 1.5kJ, 10Wh, 0.2kWh"
    )
    run.add_argument("--baseline", type=Path, metavar="FILE", help="compare with an earlier run's --json file")
    run.add_argument(
        "--fail-on-excess",
        metavar="PERCENT",
        help="with --baseline, end with exit code 4 if it provably used so much more (10%%)",
    )
    run.add_argument("--kernel", metavar="NAME", help="run it with this kernel instead of its own")
    run.add_argument("--timeout", type=float, metavar="SECONDS", help="stop a cell that takes longer (default: never)")

    _command(
        commands, "doctor", _doctor, "list the energy sensors, which can be read, and the commands that fix the others"
    )

    export = _command(commands, "export", _export, "write the ledger to a .csv, .jsonl or .parquet file")
    export.add_argument("file", type=Path, metavar="FILE")
    export.add_argument("--since", metavar="DATE", help="30d, 12h, today or a day (2026-01-31); default all")
    export.add_argument("--project", metavar="NAME", help="only records of this project")
    export.add_argument("--everyone", action="store_true", help=_EVERYONE)

    report = _command(commands, "report", _report, "report the energy of a period as text, .html, .md or .csv")
    report.add_argument(
        "--since", default="30d", metavar="WHEN", help="30d, 12h, 2w or a day (2026-01-31); default 30d"
    )
    report.add_argument("--project", metavar="NAME", help="only records of this project")
    report.add_argument("--everyone", action="store_true", help=_EVERYONE)
    report.add_argument("--to", type=Path, metavar="FILE", help="write it to this .html, .md or .csv file")
    report.add_argument("--equivalents", action="store_true", help="add everyday comparisons, each with its source")

    check = _command(
        commands,
        "check",
        _check,
        "fail if a model in a folder lacks required disclosures, or the ledger's sums differ from its records",
    )
    check.add_argument("folder", type=Path, nargs="?", metavar="DIR", help="without it the ledger is checked")
    check.add_argument("--mend", action="store_true", help="recompute the ledger's sums from its records")

    importing = _command(
        commands, "import", _import, "import records from a .jsonl file into the ledger; known records are skipped"
    )
    importing.add_argument("file", type=Path, metavar="FILE")
    return parser


_EVERYONE = "records of all users of a shared ledger, not only yours"


def _command(
    commands: Any, name: str, action: Callable[[argparse.Namespace], int], what: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=what, description=what[0].upper() + what[1:] + ".")
    parser.set_defaults(command=action)
    return parser


def _run(given: argparse.Namespace) -> int:
    from .run import run

    return run(given)


def _doctor(given: argparse.Namespace) -> int:
    from .doctor import doctor

    return doctor()


def _export(given: argparse.Namespace) -> int:
    from .transfer import export

    return export(given.file, since=given.since, project=given.project, everyone=given.everyone)


def _report(given: argparse.Namespace) -> int:
    from .report import report

    return report(
        given.since,
        project=given.project,
        target=given.to,
        equivalents=given.equivalents,
        everyone=given.everyone,
    )


def _check(given: argparse.Namespace) -> int:
    from .report import check, check_ledger

    if given.folder is None:
        return check_ledger(mend=given.mend)
    if given.mend:
        raise CommandError("--mend is for the ledger; leave the folder out.")
    return check(given.folder)


def _import(given: argparse.Namespace) -> int:
    from .transfer import take_in

    return take_in(given.file)
