"""A part of a longer report: a heading over sentences, terms with what is said of them, and a table of cells.

The three forms are drawn from the same words. Markdown takes nothing that came from elsewhere for a mark, so that no
label becomes a link, a picture or markup where the file is shown.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from . import numbers
from .record.html import definitions
from .run.cell_table import Rows
from .sanitize import markup

_MARKS = re.compile(r"([\\`*_{}\[\]<>~|#&$])")


@dataclass(frozen=True)
class Section:
    """Words and a table under one heading.

    Parameters
    ----------
    heading : str
        What it is about.
    facts : sequence of tuple of str
        Terms, and what is said of each.
    lines : sequence of str
        Sentences, each on its own.
    rows : Rows or None
        A table of cells.
    """

    heading: str
    facts: Sequence[tuple[str, str]] = ()
    lines: Sequence[str] = ()
    rows: Rows | None = None

    def text(self) -> str:
        """Return it as plain text."""
        said = [self.heading, *(f"  {term}: {told}" for term, told in self.facts)]
        said += [f"  {line}" for line in self.lines]
        if self.rows is not None:
            said += [f"  {line}".rstrip() for line in self.rows.text().split("\n")]
        return numbers.plain("\n".join(said))

    def markdown(self) -> str:
        """Return it as Markdown."""
        parts = [f"## {literal(self.heading)}"]
        told = [f"- **{literal(term)}:** {literal(said)}" for term, said in self.facts]
        told += [f"- {literal(line)}" for line in self.lines]
        parts += ["\n".join(told)] if told else []
        if self.rows is not None:
            parts.append(_table(self.rows))
        return numbers.plain("\n\n".join(parts))

    def html(self) -> str:
        """Return it as HTML; the style is brought by whoever shows it."""
        # No element of a heading: a notebook's table of contents is the person's.
        head = f'<div role="heading" aria-level="3"><b>{markup(self.heading)}</b></div>'
        facts = definitions((term, markup(said)) for term, said in self.facts)
        lines = "".join(f"<li>{markup(line)}</li>" for line in self.lines)
        table = "" if self.rows is None else self.rows.table()
        return f'<div class="jg-det">{head}{facts}{f"<ul>{lines}</ul>" if lines else ""}{table}</div>'


def literal(text: str) -> str:
    """Return text that Markdown would take for marks, taken for itself."""
    return _MARKS.sub(r"\\\1", text)


def _table(rows: Rows) -> str:
    right = [True, False, True, True, False, True, False]
    lines = [rows.head, *(row.cells() for row in (*rows.body, *rows.foot))]
    written = [f"| {' | '.join(literal(cell) for cell in line)} |" for line in lines]
    rule = "|".join("---:" if side else "---" for side in right)
    caption = [f"{literal(rows.caption)}\n"] if rows.caption else []
    return "\n".join([*caption, written[0], f"|{rule}|", *written[1:]])
