"""How objects show themselves in a notebook: formatters registered with the shell that is passed in.

Records live on floor 0 and know nothing of drawing; IPython asks its formatter by type, so the drawing is
registered there when the extension loads and removed when it unloads. Nothing of IPython is imported.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jupyter_green.records import EnergyRecord, Trace

from .doctor import Doctor
from .record.mime_bundle import bundle
from .record.power_chart import html as trace_html
from .record.power_chart import sparkline, svg
from .run.record_table import Table
from .run.statement import Statement
from .run.totals import Totals
from .share_text import ShareText
from .text_table import TextTable


def trace_bundle(trace: Trace) -> dict[str, Any]:
    """Return a course of power as text, picture and HTML."""
    return {
        "text/plain": sparkline(trace),
        "image/svg+xml": svg(trace, standalone=True),
        "text/html": trace_html(trace),
    }


def report_bundle(report: Table | Doctor | Totals | TextTable | ShareText) -> dict[str, Any]:
    """Return one of this room's reports as text and HTML."""
    return {"text/plain": report.text(), "text/html": report.html()}


def statement_bundle(statement: Statement) -> dict[str, Any]:
    """Return a statement as text, Markdown and HTML."""
    return {
        "text/plain": statement.text(),
        "text/markdown": statement.markdown(),
        "text/html": statement.html(),
    }


_DRAWINGS: dict[type, Callable[[Any], dict[str, Any]]] = {
    EnergyRecord: bundle,
    Trace: trace_bundle,
    Table: report_bundle,
    Doctor: report_bundle,
    Totals: report_bundle,
    TextTable: report_bundle,
    ShareText: report_bundle,
    Statement: statement_bundle,
}


def register(shell: Any) -> None:
    """Let `shell` (an IPython shell) draw records, traces and reports; calling it twice is harmless."""
    for kind, draw in _DRAWINGS.items():
        shell.display_formatter.mimebundle_formatter.for_type(kind, draw)


def unregister(shell: Any) -> None:
    """Undo `register`; calling it without or twice is harmless."""
    for kind in _DRAWINGS:
        shell.display_formatter.mimebundle_formatter.pop(kind, None)
