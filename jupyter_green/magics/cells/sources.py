"""First lines of cells' sources, read from the kernel's history on request; never stored.

A finished execution is found by its execution count. A running one has no count yet and enters the history late, so
the newest few sources are kept here.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from jupyter_green.magics.energy.status import first_lines
from jupyter_green.records import EnergyRecord

from .source_hash import code_hash

NEWEST = 8
"""Sources kept; more than the cells that run concurrently on subshells."""


class Sources:
    """The sources of the cells of a shell."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._begun: deque[str] = deque(maxlen=NEWEST)

    def begin(self, info: Any) -> None:
        """Keep the source of a cell that begins; may be called twice for one cell."""
        self._begun.append(info.raw_cell)

    def line_of(self, record: EnergyRecord) -> str:
        """Return the first line of the source of an execution; empty if unknown."""
        if record.span != "cell":
            return record.label or ""
        history = self._shell.history_manager.input_hist_raw
        count = record.execution_count
        # An execution that is not stored in the history has the count of the next cell, but another hash.
        if count is not None and (record.code_hash is None or _at(history, count) == record.code_hash):
            return first_lines([record], history).get(record.id, "")
        source = next((source for source in reversed(self._begun) if code_hash(source) == record.code_hash), None)
        if source is None:
            return ""
        return first_lines([record.with_(execution_count=1)], ["", source]).get(record.id, "")


def _at(history: list[str], count: int) -> str | None:
    """Return the hash of the cell with this execution count; None if the history has none."""
    return code_hash(history[count]) if 0 <= count < len(history) else None
