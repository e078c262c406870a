"""Floor 3: pure drawing, record to text, HTML and SVG. Reads no clock, no sensor and no file of the person's."""

from .bundle import MIME, bundle, schema
from .display import register, unregister
from .doctor import Doctor
from .html import html
from .sentence import sentence
from .table import Table
from .totals import Totals
from .trace import sparkline, svg

__all__ = [
    "MIME",
    "Doctor",
    "Table",
    "Totals",
    "bundle",
    "html",
    "register",
    "schema",
    "sentence",
    "sparkline",
    "svg",
    "unregister",
]
