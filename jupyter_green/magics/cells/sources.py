"""First lines of cells' sources, read from the kernel's own history when they are asked for; never stored.

An execution that has ended is found by its number. One that still runs has none yet, and the history holds it only a
moment after it began; so the newest few that began are kept until others follow.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from jupyter_green.magics.energy.status import first_lines
from jupyter_green.records import EnergyRecord

from .source_hash import code_hash

NEWEST = 8
"""Cells that may run side by side on subshells, and more."""


class Sources:
    """The sources that a shell knows.

    Parameters
    ----------
    shell : InteractiveShell
        The shell.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._begun: deque[str] = deque(maxlen=NEWEST)

    def begin(self, info: Any) -> None:
        """Keep the source of a cell that begins, before anything tells of the cell; harmless when repeated."""
        self._begun.append(info.raw_cell)

    def line_of(self, record: EnergyRecord) -> str:
        """Return the first line of the source of an execution; empty where it is not known."""
        if record.span != "cell":
            return record.label or ""
        history = self._shell.history_manager.input_hist_raw
        count = record.execution_count
        # What a front end runs without keeping it has the number of the next cell, and another hash.
        if count is not None and (record.code_hash is None or _at(history, count) == record.code_hash):
            return first_lines([record], history).get(record.id, "")
        source = next((source for source in reversed(self._begun) if code_hash(source) == record.code_hash), None)
        if source is None:
            return ""
        return first_lines([record.with_(execution_count=1)], ["", source]).get(record.id, "")


def _at(history: list[str], count: int) -> str | None:
    """Return the hash of the cell that has this number; None where the history holds none."""
    return code_hash(history[count]) if 0 <= count < len(history) else None
