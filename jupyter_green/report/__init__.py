"""Floor 3: pure drawing, record to text, HTML and SVG. Reads no clock, no sensor and no file of the person's."""

from .bundle import MIME, bundle, schema
from .display import register, unregister
from .html import html
from .sentence import sentence

__all__ = ["MIME", "bundle", "html", "register", "schema", "sentence", "unregister"]
