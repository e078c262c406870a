"""The results as one Markdown table that is readable in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .sample import Sample


@dataclass(frozen=True)
class Column:
    """One quantity of the table: heading, scale, digits, and our own limit."""

    key: str
    heading: str
    scale: float
    digits: int
    limit: str


COLUMNS = (
    Column("load_cpu", "loading, CPU s", 1, 2, "0.3"),
    Column("load_wall", "loading, wall s", 1, 2, "–"),
    Column("load_rss", "loading, MB", 1, 1, "30"),
    Column("settle_cpu", "after the first cell, once, CPU s", 1, 2, "–"),
    Column("settled_rss", "in all after it, MB", 1, 1, "–"),
    Column("cell_wall", "small cell, wall ms", 1e3, 2, "1"),
    Column("cell_cpu", "small cell, CPU ms", 1e3, 2, "–"),
    Column("later_cpu", "the same, later, CPU ms", 1e3, 2, "–"),
    Column("sleeping_cpu", "while a cell sleeps, % of a core", 1e2, 2, "0.5 at 100 ms, 1.5 at 20 ms"),
    Column("busy_cpu", "while a cell computes, % of a core", 1e2, 2, "0.5 at 100 ms, 1.5 at 20 ms"),
    Column("idle_cpu", "idle, % of a core", 1e2, 3, "0"),
    Column("idle_wakeups", "idle, wake-ups a second", 1, 1, "0"),
)


@dataclass
class Row:
    """Results of one meter, or the reason why there are none."""

    name: str
    version: str
    samples: Mapping[str, Sample] = field(default_factory=dict)
    reason: str | None = None
    remarks: Sequence[str] = ()


def markdown(rows: Sequence[Row]) -> str:
    """Return the table with one column per meter, so that lines stay short."""
    shown = [row for row in rows if row.reason is None]
    lines = [
        "| added to a plain kernel | our limit | " + " | ".join(f"{row.name} {row.version}" for row in shown) + " |",
        "|---|---|" + "---|" * len(shown),
    ]
    for column in COLUMNS:
        cells = [row.samples[column.key].text(column.scale, column.digits) for row in shown]
        lines.append(f"| {column.heading} | {column.limit} | " + " | ".join(cells) + " |")
    lines.append("| n: loads; pairs of small cells | | " + " | ".join(_count(row) for row in shown) + " |")
    remarks = [f"- {row.name}: {remark}" for row in shown for remark in row.remarks]
    remarks += [f"- {row.name} {row.version}: not in the table, {row.reason}." for row in rows if row.reason]
    return "\n".join([*lines, "", *remarks])


def _count(row: Row) -> str:
    return f"{row.samples['load_cpu'].n}; {row.samples['cell_wall'].n}"
