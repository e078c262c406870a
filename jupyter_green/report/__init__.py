"""Floor 3: pure drawing, record to text, HTML and SVG. Reads no clock, no sensor and no file of the person's."""

from .bundle import MIME, bundle, schema
from .display import register, unregister
from .doctor import Doctor
from .excerpt import Excerpt, for_model_card, for_slack
from .html import html
from .sentence import sentence
from .statement import Statement
from .table import Table
from .totals import Totals
from .trace import sparkline, svg

__all__ = [
    "MIME",
    "Doctor",
    "Excerpt",
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
