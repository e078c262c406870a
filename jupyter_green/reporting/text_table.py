"""A table of strings with a sentence above it, as text and HTML; for lists other than records, such as baselines.

All strings may be foreign; they are cleaned and escaped here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .numbers import plain
from .record.style import STYLE
from .sanitize import columns, markup, one_line, pad

WIDEST = 60


@dataclass(frozen=True, repr=False)
class TextTable:
    """Rows of strings below one sentence."""

    sentence: str
    """Summary of the rows."""
    headings: Sequence[str] = ()
    """One for each column."""
    rows: Sequence[Sequence[str]] = ()
    """As many strings as there are headings."""
    right: frozenset[int] = frozenset()
    """Columns that are aligned to the right."""
    widest: int = WIDEST
    """Number of characters to which strings are shortened."""

    def _cleaned(self) -> list[list[str]]:
        return [[one_line(word, self.widest) for word in row] for row in (self.headings, *self.rows)]

    def text(self) -> str:
        """Return the table as plain text."""
        summary = one_line(self.sentence, 1000)
        if not self.rows:
            return plain(summary)
        rows = self._cleaned()
        widths = [max(columns(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = [
            "  ".join(pad(word, widths[n], n in self.right) for n, word in enumerate(row)).rstrip() for row in rows
        ]
        return plain("\n".join([summary, *lines]))

    def html(self) -> str:
        """Return the table as HTML without scripts."""
        summary = f"<div>{markup(one_line(self.sentence, 1000))}</div>"
        if not self.rows:
            return f'{STYLE}<div class="jg">{summary}</div>'
        head, *rows = self._cleaned()

        def words(row: list[str], tag: str) -> str:
            ends = (' class="r"' if n in self.right else "" for n in range(len(row)))
            return "".join(f"<{tag}{end}>{markup(word)}</{tag}>" for end, word in zip(ends, row, strict=True))

        body = "".join(f"<tr>{words(row, 'td')}</tr>" for row in rows)
        table = f'<table class="jg-comp"><thead><tr>{words(head, "th")}</tr></thead><tbody>{body}</tbody></table>'
        return f'{STYLE}<div class="jg">{summary}<div class="jg-scroll">{table}</div></div>'

    def __repr__(self) -> str:
        return self.text()
