"""Documents: sections under one title, as plain text, Markdown or an HTML page.

A page has no scripts and loads nothing; its content security policy enforces that for any text in it.
"""

from __future__ import annotations

from collections.abc import Sequence

from . import numbers
from .sanitize import encodable, markup
from .section import Section, literal

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def text(title: str, sections: Sequence[Section]) -> str:
    """Return the document as plain text."""
    return "\n\n".join([numbers.plain(title), *(section.text() for section in sections)])


def markdown(title: str, sections: Sequence[Section]) -> str:
    """Return the document as a Markdown file."""
    return "\n\n".join([f"# {literal(numbers.plain(title))}", *(section.markdown() for section in sections)]) + "\n"


def heading(title: str) -> str:
    """Return the title as HTML; without `<h1>`, which would appear in the notebook's table of contents."""
    return f'<div role="heading" aria-level="2"><b>{markup(title)}</b></div>'


def page(title: str, body: str) -> str:
    """Return HTML as a complete page."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{markup(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width">'
        "<style>html{color-scheme:light dark}body{margin:24px}</style></head>"
        f"<body>{encodable(body)}</body></html>\n"
    )
