"""IPython formatters for records, traces and reports.

The package `records` does not depend on rendering. IPython looks formatters up by type, so they are registered
when the extension loads and removed when it unloads. IPython itself is not imported.
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
from .run.run_report import Statement
from .run.totals import Totals
from .share_text import ShareText
from .text_table import TextTable


def trace_bundle(trace: Trace) -> dict[str, Any]:
    """Return power over time as text, SVG and HTML."""
    return {
        "text/plain": sparkline(trace),
        "image/svg+xml": svg(trace, standalone=True),
        "text/html": trace_html(trace),
    }


def report_bundle(report: Table | Doctor | Totals | TextTable | ShareText) -> dict[str, Any]:
    """Return a report as text and HTML."""
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
    """Register the formatters with an IPython `shell`; may be called twice."""
    for kind, draw in _DRAWINGS.items():
        shell.display_formatter.mimebundle_formatter.for_type(kind, draw)


def unregister(shell: Any) -> None:
    """Remove the formatters from `shell`, if they are registered."""
    for kind in _DRAWINGS:
        shell.display_formatter.mimebundle_formatter.pop(kind, None)
