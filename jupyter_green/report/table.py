"""A table of records: one line each, the time between cells as lines of their own, and their sum.

All energies stand in one unit, chosen from the largest, and are aligned at the decimal point: each figure
ends where its own ± lets it end. A well-behaved cell has an empty status. The word beside each row says what
its figure may be called, and the title says "simulated" where any row is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from jupyter_green.records import EnergyRecord

from . import number
from .html import cells
from .number import THIN
from .quotation import columns, markup, one_line, pad, shorten
from .sentence import quality_word, read
from .style import STYLE
from .totals import is_simulated, total, within

_SIMULATED = "simulated: no figure here is a measurement"
_MIXED = "with simulated rows, which are no measurements"
_LEAST_TEXT = 12
_DIGIT, _POINT = "\u2007", "\u2008"  # spaces as wide as a digit and as a point


@dataclass(frozen=True)
class Row:
    """One line of the table, as text."""

    prompt: str
    text: str
    value: str
    spread: str
    quality: str
    lasted: str
    status: str

    def cells(self) -> tuple[str, ...]:
        """Return the cells in the order of the columns."""
        return self.prompt, self.text, self.value, self.spread, self.quality, self.lasted, self.status


@dataclass(frozen=True, repr=False)
class Table:
    """A table of records that shows itself.

    Parameters
    ----------
    records : sequence of EnergyRecord
        The rows, in order.
    texts : mapping of str to str
        First source line, or whatever names the row, by the record's id; else its label is taken.
    title : str
        What the table is about; the word "simulated" is added where it belongs.
    """

    records: Sequence[EnergyRecord]
    texts: Mapping[str, str] = field(default_factory=dict)
    title: str = ""

    @property
    def heading(self) -> str:
        """The title, with the word "simulated" where any row is."""
        title = one_line(self.title)
        unreal = [is_simulated(record) for record in self.records]
        if not any(unreal):
            return title
        said = _SIMULATED if all(unreal) else _MIXED
        return f"{title} ({said})" if title else said.capitalize()

    def text(self, width: int = 100) -> str:
        """Return the table as plain text of at most `width` columns, as far as its figures allow."""
        if not self.records:
            return "\n".join(part for part in (self.heading, "No cell was metered.") if part)
        head, body, foot = self._rows()
        lines = [head, *body, *foot]
        widths = [max(columns(number.plain(line[index])) for line in lines) for index in range(len(head))]
        others = sum(taken + 2 for index, taken in enumerate(widths) if index != 1)
        widths[1] = max(min(widths[1], width - others), min(widths[1], _LEAST_TEXT))
        written = [[_line(line, widths) for line in part] for part in ([head], body, foot)]
        rule = "─" * max(columns(line) for part in written for line in part)
        heading = [self.heading] if self.heading else []
        return "\n".join([*heading, *written[0], rule, *written[1], rule, *written[2]])

    def html(self) -> str:
        """Return the table as HTML."""
        caption = f"<caption>{markup(self.heading)}</caption>" if self.heading else ""
        if not self.records:
            return f'{STYLE}<div class="jg"><b>{markup(self.heading)}</b> No cell was metered.</div>'
        head, body, foot = self._rows()
        rows = "".join(f"<tr>{_cells(line, head[2])}</tr>" for line in body)
        feet = "".join(f"<tr>{_cells(line, head[2])}</tr>" for line in foot)
        return (
            f'{STYLE}<div class="jg jg-scroll" tabindex="0"><table class="jg-comp jg-list">{caption}'
            f"<thead><tr>{_heads(head)}</tr></thead><tbody>{rows}</tbody>"
            f"<tfoot>{feet}</tfoot></table></div>"
        )

    def __repr__(self) -> str:
        return self.text()

    def _rows(self) -> tuple[tuple[str, ...], list[tuple[str, ...]], list[tuple[str, ...]]]:
        """Return the heading, the rows and the sums: one, or two where real and simulated ones are mixed."""
        real = [record for record in self.records if not is_simulated(record)]
        simulated = [record for record in self.records if is_simulated(record)]
        sums = [(part, total(part)) for part in (real, simulated) if part]
        unit = number.unit_of_column(
            (record.joules, record.uncertainty) for record in (*(summed for _, summed in sums), *self.records)
        )
        inner = within(self.records)
        lines = [_row(record, unit, self._named(record, record.id in inner)) for record in self.records]
        lines += [_sum_row(part, summed, unit) for part, summed in sums]
        values, spreads = _aligned([line.value for line in lines]), _aligned([line.spread for line in lines])
        table = [
            (line.prompt, line.text, value, spread, *line.cells()[4:])
            for line, value, spread in zip(lines, values, spreads, strict=True)
        ]
        head = ("cell", "source", unit.symbol, "±", "how", "time", "status")
        return head, table[: -len(sums)], table[-len(sums) :]

    def _named(self, record: EnergyRecord, inner: bool) -> str:
        name = one_line(self.texts.get(record.id) or record.label or "", 120)
        if record.span == "gap":
            return name or "between cells"
        return f"within: {name or record.span}" if inner else name


def _row(record: EnergyRecord, unit: number.Unit, text: str) -> Row:
    value, spread = cells(record.joules, record.uncertainty, unit, None)
    if not record.final and spread != number.ABSENT:
        spread = "so far"
    if record.status == "killed" and record.interval is not None and not value.startswith("≤"):
        lower = record.interval[0] if math.isfinite(record.interval[1]) else record.joules or 0.0
        value, spread = f"≥{THIN}{number.floor(lower / unit.joules)}", number.ABSENT
    status = "" if record.status == "ok" else one_line(record.status, 16)
    if not record.final and spread == number.ABSENT:
        status = f"{status}, so far" if status else "so far"
    return Row(
        prompt="" if record.execution_count is None else f"[{record.execution_count}]",
        text=text,
        value=value,
        spread=spread,
        quality=quality_word(record),
        lasted=number.seconds(record.seconds),
        status=status,
    )


def _sum_row(records: Sequence[EnergyRecord], summed: EnergyRecord, unit: number.Unit) -> Row:
    value, spread = cells(summed.joules, summed.uncertainty, unit, None)
    if value != number.ABSENT and not value.startswith("≤") and any(record.status == "killed" for record in records):
        value = f"≥{THIN}{value}"
    some = sum(bool(read(record)) for record in records)
    name = "total, simulated" if any(is_simulated(record) for record in records) else "total"
    return Row(
        prompt="",
        text=name if some == len(records) else f"{name}: {some} with a reading",
        value=value,
        spread=spread,
        quality=quality_word(summed),
        lasted=number.seconds(summed.seconds),
        status="" if summed.final else "so far",
    )


def _aligned(figures: list[str]) -> list[str]:
    """Fill figures with spaces of print, so that set to the right their decimal points stand below each other."""
    tails = [len(figure.partition(".")[2]) for figure in figures]
    longest = max(tails, default=0)
    return [
        figure if not longest or not figure[-1:].isdigit() else figure + _DIGIT * (longest - tail) + _POINT * (not tail)
        for figure, tail in zip(figures, tails, strict=True)
    ]


def _line(line: tuple[str, ...], widths: list[int]) -> str:
    written = []
    for index, (cell, taken) in enumerate(zip(line, widths, strict=True)):
        plain = number.plain(cell).replace(_DIGIT, " ").replace(_POINT, " ")
        written.append(pad(shorten(plain, taken) if index == 1 else plain, taken, right=index in (0, 2, 3, 5)))
    return "  ".join(written).rstrip()


def _cells(line: tuple[str, ...], unit: str = "") -> str:
    """Return the cells of a row; where there is no room for the heading, unit and ± stand beside the figures."""
    classes = ("r", "src", "r", "r", "", "r", "")
    beside = {2: f' data-unit="{markup(unit)}"', 3: ' data-sign="±"'}
    written = []
    for index, (cell, kind) in enumerate(zip(line, classes, strict=True)):
        figure = cell.rstrip(_DIGIT + _POINT)
        filled = f'<span class="fill">{cell[len(figure) :]}</span>' if len(figure) < len(cell) else ""
        absent = index in beside and figure == number.ABSENT
        named = f' class="{kind}{" absent" if absent else ""}"' if kind else ""
        mark = beside.get(index, "") if figure[-1:].isdigit() else ""
        written.append(f"<td{named}{mark}>{markup(figure)}{filled}</td>")
    return "".join(written)


def _heads(line: tuple[str, ...]) -> str:
    right = (True, False, True, True, False, True, False)
    return "".join(
        f'<th scope="col"{" class=r" if r else ""}>{markup(cell)}</th>' for cell, r in zip(line, right, strict=True)
    )
