"""First lines of executions, found by number and never by number alone."""

from __future__ import annotations

from types import SimpleNamespace

from IPython.core.interactiveshell import InteractiveShell

from jupyter_green.magics.cells.source_hash import code_hash
from jupyter_green.magics.cells.sources import Sources
from jupyter_green.records import EnergyRecord


def executed(source: str, count: int | None) -> EnergyRecord:
    return EnergyRecord((), 1.0, 0.0, span="cell", execution_count=count, code_hash=code_hash(source))


def test_what_is_run_without_being_kept_is_not_taken_for_the_next_cell() -> None:
    shell = InteractiveShell()
    sources = Sources(shell)
    for source, keep in (("x = 1", True), ("y = 2  # by a program", False), ("z = 3", True)):
        sources.begin(SimpleNamespace(raw_cell=source))
        shell.run_cell(source, store_history=keep)
    assert sources.line_of(executed("x = 1", 1)) == "x = 1"
    assert sources.line_of(executed("y = 2  # by a program", 2)) == "y = 2  # by a program"
    assert sources.line_of(executed("z = 3", 2)) == "z = 3"
    for number in range(8):
        sources.begin(SimpleNamespace(raw_cell=f"other = {number}"))
    assert sources.line_of(executed("y = 2  # by a program", 2)) == "", "it is not known any more"
