"""Lines of a table of cells, drawn as text and as HTML: the same columns whatever the lines were made from.

All energies stand in one unit and are aligned at the decimal point: each figure ends where its own ± lets it end.
Where there is no room for a heading, unit and ± stand beside the figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jupyter_green.reporting import numbers
from jupyter_green.reporting.record.style import STYLE
from jupyter_green.reporting.sanitize import columns, markup, pad, shorten

_LEAST_TEXT = 12
_DIGIT, _POINT = "\u2007", "\u2008"  # spaces as wide as a digit and as a point
_RIGHT = (True, False, True, True, False, True, False)
_CLASSES = ("r", "src", "r", "r", "", "r", "")


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


@dataclass(frozen=True)
class Rows:
    """Lines under one heading.

    Parameters
    ----------
    body, foot : sequence of Row
        The lines, and the sums below them.
    unit : Unit
        The unit that all values are written in.
    caption : str
        What the table is about, cleaned.
    status : str
        Heading of the last column.
    """

    body: Sequence[Row]
    foot: Sequence[Row]
    unit: numbers.Unit
    caption: str = ""
    status: str = "status"

    @property
    def head(self) -> tuple[str, ...]:
        """The headings of the columns."""
        return "cell", "source", self.unit.symbol, "±", "how", "time", self.status

    def text(self, width: int = 100) -> str:
        """Return the table as plain text of at most `width` columns, as far as its figures allow."""
        body, foot = self._aligned()
        lines = [self.head, *body, *foot]
        widths = [max(columns(numbers.plain(line[index])) for line in lines) for index in range(len(self.head))]
        others = sum(taken + 2 for index, taken in enumerate(widths) if index != 1)
        widths[1] = max(min(widths[1], width - others), min(widths[1], _LEAST_TEXT))
        written = [[_line(line, widths) for line in part] for part in ([self.head], body, foot)]
        rule = "─" * max(columns(line) for part in written for line in part)
        below = [rule, *written[2]] if foot else []
        return "\n".join([*([self.caption] if self.caption else []), *written[0], rule, *written[1], *below])

    def html(self) -> str:
        """Return the table as HTML, with the style that it needs."""
        return f"{STYLE}{self.table()}"

    def table(self) -> str:
        """Return the table as HTML without the style."""
        body, foot = self._aligned()
        caption = f"<caption>{markup(self.caption)}</caption>" if self.caption else ""
        rows = "".join(f"<tr>{_cells(line, self.unit.symbol)}</tr>" for line in body)
        feet = "".join(f"<tr>{_cells(line, self.unit.symbol)}</tr>" for line in foot)
        return (
            f'<div class="jg jg-scroll" tabindex="0"><table class="jg-comp jg-list">{caption}'
            f"<thead><tr>{_heads(self.head)}</tr></thead><tbody>{rows}</tbody>"
            f"{f'<tfoot>{feet}</tfoot>' if foot else ''}</table></div>"
        )

    def _aligned(self) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
        lines = [*self.body, *self.foot]
        values, spreads = _aligned([line.value for line in lines]), _aligned([line.spread for line in lines])
        drawn = [
            (line.prompt, line.text, value, spread, *line.cells()[4:])
            for line, value, spread in zip(lines, values, spreads, strict=True)
        ]
        return drawn[: len(self.body)], drawn[len(self.body) :]


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
        plain = numbers.plain(cell).replace(_DIGIT, " ").replace(_POINT, " ")
        written.append(pad(shorten(plain, taken) if index == 1 else plain, taken, right=_RIGHT[index]))
    return "  ".join(written).rstrip()


def _cells(line: tuple[str, ...], unit: str) -> str:
    beside = {2: f' data-unit="{markup(unit)}"', 3: ' data-sign="±"'}
    written = []
    for index, (cell, kind) in enumerate(zip(line, _CLASSES, strict=True)):
        figure = cell.rstrip(_DIGIT + _POINT)
        filled = f'<span class="fill">{cell[len(figure) :]}</span>' if len(figure) < len(cell) else ""
        absent = index in beside and figure == numbers.ABSENT
        named = f' class="{kind}{" absent" if absent else ""}"' if kind else ""
        mark = beside.get(index, "") if figure[-1:].isdigit() else ""
        written.append(f"<td{named}{mark}>{markup(figure)}{filled}</td>")
    return "".join(written)


def _heads(line: tuple[str, ...]) -> str:
    return "".join(
        f'<th scope="col"{" class=r" if r else ""}>{markup(cell)}</th>' for cell, r in zip(line, _RIGHT, strict=True)
    )
