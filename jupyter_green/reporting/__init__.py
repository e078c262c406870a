"""Rendering of records, runs and tables as text, Markdown, HTML and SVG.

These are pure functions: they read no clock, no sensor and no user file.
"""

from .doctor import Doctor
from .formatters import register, unregister
from .record.html import html
from .record.mime_bundle import MIME, bundle, schema
from .record.power_chart import sparkline, svg
from .record.sentence import sentence
from .run.record_table import Table
from .run.run_report import Statement
from .run.totals import Totals
from .share_text import ShareText, for_model_card, for_slack

__all__ = [
    "MIME",
    "Doctor",
    "ShareText",
    "Statement",
    "Table",
    "Totals",
    "bundle",
    "for_model_card",
    "for_slack",
    "html",
    "register",
    "schema",
    "sentence",
    "sparkline",
    "svg",
    "unregister",
]
