"""A table of records: one row each, idle times between cells as rows of their own, and the sum.

All energies have one unit, chosen from the largest. The status is empty for cells without errors. Each row has its
quality, and the title says "simulated" if any row is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from jupyter_green.records import EnergyRecord, is_simulated
from jupyter_green.reporting import numbers
from jupyter_green.reporting.numbers import THIN
from jupyter_green.reporting.record.html import cells, is_bound
from jupyter_green.reporting.record.sentence import quality_word, read
from jupyter_green.reporting.record.style import STYLE
from jupyter_green.reporting.sanitize import markup, one_line

from .cell_table import Row, Rows
from .totals import incomplete, total, within

NO_CELL = "No cell was metered."
LONGEST_TITLE = 400
"""Maximum length of the title, which may include why the ledger can't be used."""
_SIMULATED = "simulated: no figure here is a measurement"
_MIXED = "with simulated rows, which are not measurements"


@dataclass(frozen=True, repr=False)
class Table:
    """A table of records with a title."""

    records: Sequence[EnergyRecord]
    """The rows, in order."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """First source line or another name of the row, by the record's id; default is its label."""
    title: str = ""
    """Title of the table; "simulated" is added if it applies."""
    whole: bool = True
    """Whether the rows are complete; if not, the sum is labelled as that of these rows."""
    headings: Mapping[str, str] = field(default_factory=dict)
    """Heading above the first row of each run, by the run's id."""
    none: str = NO_CELL
    """Text if there are no records."""

    @property
    def heading(self) -> str:
        """The title, with the word "simulated" if any row is."""
        title = one_line(self.title, LONGEST_TITLE)
        simulated = [is_simulated(record) for record in self.records]
        if not any(simulated):
            return title
        remark = _SIMULATED if all(simulated) else _MIXED
        return f"{title} ({remark})" if title else remark.capitalize()

    def text(self, width: int = 100) -> str:
        """Return the table as plain text of at most `width` columns, unless its figures need more."""
        if not self.records:
            return "\n".join(part for part in (self.heading, self.none) if part)
        return self.rows().text(width)

    def html(self) -> str:
        """Return the table as HTML."""
        if not self.records:
            return f'{STYLE}<div class="jg"><b>{markup(self.heading)}</b> {self.none}</div>'
        return self.rows().html()

    def __repr__(self) -> str:
        return self.text()

    def rows(self) -> Rows:
        """Return the rows and their sum, or two sums if real and simulated rows are mixed."""
        real = [record for record in self.records if not is_simulated(record)]
        simulated = [record for record in self.records if is_simulated(record)]
        sums = [(part, total(part)) for part in (real, simulated) if part]
        unit = numbers.unit_of_column(
            (record.joules, record.uncertainty) for record in (*(summed for _, summed in sums), *self.records)
        )
        inner = within(self.records)
        lines, run = [], None
        for record in self.records:
            if record.run_id != run and record.run_id in self.headings:
                lines.append(Row("", one_line(self.headings[record.run_id], 160), "", "", "", "", ""))
            run = record.run_id
            lines.append(_row(record, unit, self._named(record, record.id in inner)))
        return Rows(lines, [_sum_row(part, summed, unit, self.whole) for part, summed in sums], unit, self.heading)

    def _named(self, record: EnergyRecord, inner: bool) -> str:
        name = one_line(self.texts.get(record.id) or record.label or "", 120)
        if record.span == "gap":
            return name or "between cells"
        return f"within: {name or record.span}" if inner else name


def _row(record: EnergyRecord, unit: numbers.Unit, text: str) -> Row:
    value, spread = cells(record.joules, record.uncertainty, unit, None)
    if not record.final and spread != numbers.ABSENT:
        spread = "so far"
    if record.status == "killed" and record.interval is not None and not is_bound(record.joules, record.uncertainty):
        lower = record.interval[0] if math.isfinite(record.interval[1]) else record.joules or 0.0
        value, spread = f"≥{THIN}{numbers.floor(lower / unit.joules)}", numbers.ABSENT
    status = ["" if record.status == "ok" else one_line(record.status, 16)]
    status.append("so far" if not record.final and spread == numbers.ABSENT else "")
    status.append(record.incomplete)
    return Row(
        prompt="" if record.execution_count is None else f"[{record.execution_count}]",
        text=text,
        value=value,
        spread=spread,
        quality=quality_word(record),
        lasted=numbers.seconds(record.seconds),
        status=", ".join(word for word in status if word),
    )


def _sum_row(records: Sequence[EnergyRecord], summed: EnergyRecord, unit: numbers.Unit, whole: bool) -> Row:
    value, spread = cells(summed.joules, summed.uncertainty, unit, None)
    bound = is_bound(summed.joules, summed.uncertainty)
    if value != numbers.ABSENT and not bound and any(record.status == "killed" for record in records):
        value = f"≥{THIN}{value}"
    read_count = sum(bool(read(record)) for record in records)
    partial = incomplete(records)
    name = "total" if whole else "total of these rows"
    name = f"{name}, simulated" if any(is_simulated(record) for record in records) else name
    return Row(
        prompt="",
        text=name if read_count == len(records) else f"{name}: {read_count} with a reading",
        value=value,
        spread=spread,
        quality=quality_word(summed),
        lasted=numbers.seconds(summed.seconds),
        status=", ".join(word for word in ("" if summed.final else "so far", partial) if word),
    )
