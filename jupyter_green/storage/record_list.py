"""Query results: a sequence of records with totals, conversion to pandas, and a plain-text display."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, overload

from jupyter_green.records import EnergyRecord

from .plain_energy import amount
from .totals import By, Totals, line_of, total

if TYPE_CHECKING:
    import pandas

_SHOWN = 20
_PLAIN = (
    *("seconds", "joules", "uncertainty", "quality", "measured_share", "below_resolution", "status", "span", "label"),
    *("notebook", "project", "cell_id", "execution_count", "code_hash", "units", "unit", "joules_per_unit"),
    *("idle_joules", "own_joules", "shared", "co2e_grams", "co2e_source", "cost", "currency", "overhead_seconds"),
)
KINDS = ("gpu", "cpu", "dram", "other")
COLUMNS = ("id", "run_id", "started_at", *_PLAIN, *(f"{kind}_joules" for kind in KINDS), "unread", "notes")
"""Columns of tables: `to_pandas`, CSV and Parquet."""


def flat(record: EnergyRecord) -> dict[str, Any]:
    """Return a record as one row. Devices are added up by kind; those without a reading are listed in ``unread``."""
    row: dict[str, Any] = {
        "id": record.id,
        "run_id": record.run_id,
        "started_at": datetime.fromtimestamp(record.started_at, timezone.utc),
    }
    row.update({name: getattr(record, name) for name in _PLAIN})
    for kind in KINDS:
        readings = [part.joules for part in record.components if part.kind == kind and part.joules is not None]
        row[f"{kind}_joules"] = sum(readings) if readings else None
    row["unread"] = "; ".join(part.device for part in record.components if part.joules is None) or None
    row["notes"] = " ".join(record.notes) or None
    return row


class Records(Sequence[EnergyRecord]):
    """A sequence of records, oldest first unless requested otherwise."""

    def __init__(self, records: Iterable[EnergyRecord] = ()) -> None:
        self._records = tuple(records)

    def __len__(self) -> int:
        return len(self._records)

    @overload
    def __getitem__(self, index: int) -> EnergyRecord: ...

    @overload
    def __getitem__(self, index: slice) -> Records: ...

    def __getitem__(self, index: int | slice) -> EnergyRecord | Records:
        return Records(self._records[index]) if isinstance(index, slice) else self._records[index]

    def __eq__(self, other: object) -> bool:
        return self._records == other._records if isinstance(other, Records) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # compared by content, like a list

    def totals(self, by: By | None = None, simulated: bool | None = None) -> Totals:
        """Add the records up, as `Ledger.totals` does."""
        return total(map(line_of, self._records), by, simulated)

    def to_pandas(self) -> pandas.DataFrame:
        """Return a table with one row per record; energies in joules, durations in seconds, start times in UTC.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError:
            raise ImportError("A table of records needs pandas: pip install pandas.") from None
        table: pandas.DataFrame = pd.DataFrame([flat(record) for record in self._records], columns=list(COLUMNS))
        table["started_at"] = pd.to_datetime(table["started_at"], utc=True)
        return table

    def __repr__(self) -> str:
        if not self._records:
            return "<no records>"
        rows = [("started", "span", "what", "energy", "", "seconds", "status")]
        for record in self._records[:_SHOWN]:
            name = record.label or (f"[{record.execution_count}]" if record.execution_count else record.cell_id or "")
            rows.append(
                (
                    datetime.fromtimestamp(record.started_at).astimezone().strftime("%Y-%m-%d %H:%M:%S"),
                    record.span,
                    name.replace("\n", " ")[:24],
                    amount(record.joules, record.uncertainty),
                    "" if record.joules is None else record.quality,
                    f"{record.seconds:.3g}",
                    record.status,
                )
            )
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        text = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        if len(self) > _SHOWN:
            text.append(f"… {len(self) - _SHOWN} more")
        return "\n".join([*text, repr(self.totals())])
