"""A section of a report: a heading, terms with their definitions, sentences, and a table of cells.

Text, Markdown and HTML are made from the same content. Foreign text is escaped in Markdown, so that no label becomes
a link, an image or markup.
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
    """Content under one heading."""

    heading: str
    """Heading of the section."""
    facts: Sequence[tuple[str, str]] = ()
    """Terms and their definitions."""
    lines: Sequence[str] = ()
    """Sentences, one per line."""
    rows: Rows | None = None
    """A table of cells."""

    def text(self) -> str:
        """Return the section as plain text."""
        output = [self.heading, *(f"  {term}: {definition}" for term, definition in self.facts)]
        output += [f"  {line}" for line in self.lines]
        if self.rows is not None:
            output += [f"  {line}".rstrip() for line in self.rows.text().split("\n")]
        return numbers.plain("\n".join(output))

    def markdown(self) -> str:
        """Return the section as Markdown."""
        parts = [f"## {literal(self.heading)}"]
        items = [f"- **{literal(term)}:** {literal(definition)}" for term, definition in self.facts]
        items += [f"- {literal(line)}" for line in self.lines]
        parts += ["\n".join(items)] if items else []
        if self.rows is not None:
            parts.append(_table(self.rows))
        return numbers.plain("\n\n".join(parts))

    def html(self) -> str:
        """Return the section as HTML without the style sheet."""
        # Not a heading element, which would appear in the notebook's table of contents.
        head = f'<div role="heading" aria-level="3"><b>{markup(self.heading)}</b></div>'
        facts = definitions((term, markup(definition)) for term, definition in self.facts)
        lines = "".join(f"<li>{markup(line)}</li>" for line in self.lines)
        table = "" if self.rows is None else self.rows.table()
        return f'<div class="jg-det">{head}{facts}{f"<ul>{lines}</ul>" if lines else ""}{table}</div>'


def literal(text: str) -> str:
    """Return text with Markdown's special characters escaped."""
    return _MARKS.sub(r"\\\1", text)


def _table(rows: Rows) -> str:
    right = [True, False, True, True, False, True, False]
    lines = [rows.head, *(row.cells() for row in (*rows.body, *rows.foot))]
    table_lines = [f"| {' | '.join(literal(cell) for cell in line)} |" for line in lines]
    rule = "|".join("---:" if side else "---" for side in right)
    caption = [f"{literal(rows.caption)}\n"] if rows.caption else []
    return "\n".join([*caption, table_lines[0], f"|{rule}|", *table_lines[1:]])
