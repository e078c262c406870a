"""A table of cells as text and HTML, with the same columns for all sources of rows.

All energies have one unit and are aligned at the decimal point; the decimals of each follow from its own ±. On
narrow pages, headings are hidden and unit and ± are shown with each figure.
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
    """One row of the table, as text."""

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
    """Rows under one heading."""

    body: Sequence[Row]
    foot: Sequence[Row]
    """The rows, and the sums below them."""
    unit: numbers.Unit
    """The unit of all values."""
    caption: str = ""
    """Caption of the table, sanitised."""
    status: str = "status"
    """Heading of the last column."""

    @property
    def head(self) -> tuple[str, ...]:
        """The headings of the columns."""
        return "cell", "source", self.unit.symbol, "±", "how", "time", self.status

    def text(self, width: int = 100) -> str:
        """Return the table as plain text of at most `width` columns, unless its figures need more."""
        body, foot = self._aligned()
        lines = [self.head, *body, *foot]
        widths = [max(columns(numbers.plain(line[index])) for line in lines) for index in range(len(self.head))]
        others = sum(used + 2 for index, used in enumerate(widths) if index != 1)
        widths[1] = max(min(widths[1], width - others), min(widths[1], _LEAST_TEXT))
        blocks = [[_line(line, widths) for line in part] for part in ([self.head], body, foot)]
        rule = "─" * max(columns(line) for part in blocks for line in part)
        below = [rule, *blocks[2]] if foot else []
        return "\n".join([*([self.caption] if self.caption else []), *blocks[0], rule, *blocks[1], *below])

    def html(self) -> str:
        """Return the table as HTML with its style sheet."""
        return f"{STYLE}{self.table()}"

    def table(self) -> str:
        """Return the table as HTML without the style sheet."""
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
        aligned = [
            (line.prompt, line.text, value, spread, *line.cells()[4:])
            for line, value, spread in zip(lines, values, spreads, strict=True)
        ]
        return aligned[: len(self.body)], aligned[len(self.body) :]


def _aligned(figures: list[str]) -> list[str]:
    """Pad figures with digit-wide spaces, so that the decimal points of right-aligned figures line up."""
    tails = [len(figure.partition(".")[2]) for figure in figures]
    longest = max(tails, default=0)
    return [
        figure if not longest or not figure[-1:].isdigit() else figure + _DIGIT * (longest - tail) + _POINT * (not tail)
        for figure, tail in zip(figures, tails, strict=True)
    ]


def _line(line: tuple[str, ...], widths: list[int]) -> str:
    padded = []
    for index, (cell, width) in enumerate(zip(line, widths, strict=True)):
        plain = numbers.plain(cell).replace(_DIGIT, " ").replace(_POINT, " ")
        padded.append(pad(shorten(plain, width) if index == 1 else plain, width, right=_RIGHT[index]))
    return "  ".join(padded).rstrip()


def _cells(line: tuple[str, ...], unit: str) -> str:
    attributes = {2: f' data-unit="{markup(unit)}"', 3: ' data-sign="±"'}
    html_cells = []
    for index, (cell, kind) in enumerate(zip(line, _CLASSES, strict=True)):
        figure = cell.rstrip(_DIGIT + _POINT)
        filled = f'<span class="fill">{cell[len(figure) :]}</span>' if len(figure) < len(cell) else ""
        absent = index in attributes and figure == numbers.ABSENT
        named = f' class="{kind}{" absent" if absent else ""}"' if kind else ""
        mark = attributes.get(index, "") if figure[-1:].isdigit() else ""
        html_cells.append(f"<td{named}{mark}>{markup(figure)}{filled}</td>")
    return "".join(html_cells)


def _heads(line: tuple[str, ...]) -> str:
    return "".join(
        f'<th scope="col"{" class=r" if r else ""}>{markup(cell)}</th>' for cell, r in zip(line, _RIGHT, strict=True)
    )
