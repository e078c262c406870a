"""First lines of cells' sources, read from the kernel's own history when they are asked for; never stored.

An execution that has ended is found by its number. One that still runs has none yet: it is the newest entry with its
hash, since cells on subshells are entered side by side.
"""

from __future__ import annotations

from typing import Any

from jupyter_green.records import EnergyRecord

from .cell import code_hash
from .status import first_lines

BACK = 8
"""Newest entries of the history in which a running cell is looked for."""


class Sources:
    """The sources that a shell's history holds.

    Parameters
    ----------
    shell : InteractiveShell
        The shell.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell

    def line_of(self, record: EnergyRecord) -> str:
        """Return the first line of the source of an execution; empty where the history has none."""
        if record.span != "cell":
            return record.label or ""
        sources = self._shell.history_manager.input_hist_raw
        if record.execution_count is None:
            newest = len(sources) - 1
            found = (n for n in range(newest, max(0, newest - BACK), -1) if code_hash(sources[n]) == record.code_hash)
            record = record.with_(execution_count=next(found, None))
        return first_lines([record], sources).get(record.id, "")
