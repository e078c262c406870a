"""How results are rendered: report modules register functions by type, results call them through this registry.

A result class stays plain data and does not import its report. The module that creates results imports the report,
so that a result can always be shown. Types without a registered function fall back to Python's default `repr`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class _Renderer(NamedTuple):
    text: Callable[[Any], str]
    html: Callable[[Any], str] | None


_RENDERERS: dict[type, _Renderer] = {}


def register(type_: type, *, text: Callable[[Any], str], html: Callable[[Any], str] | None = None) -> None:
    """Register the functions that render instances of a type as plain text and HTML; subclasses inherit them."""
    _RENDERERS[type_] = _Renderer(text, html)


def text_of(obj: object) -> str:
    """Return an object as plain text."""
    renderer = _renderer(type(obj))
    return object.__repr__(obj) if renderer is None else renderer.text(obj)


def html_of(obj: object) -> str | None:
    """Return an object as HTML; None if no function is registered for it."""
    renderer = _renderer(type(obj))
    return None if renderer is None or renderer.html is None else renderer.html(obj)


def bundle_of(obj: object) -> dict[str, str]:
    """Return an object's MIME bundle, for `_repr_mimebundle_`: text, and HTML where that is registered."""
    bundle = {"text/plain": text_of(obj)}
    html = html_of(obj)
    return bundle if html is None else {**bundle, "text/html": html}


def _renderer(type_: type) -> _Renderer | None:
    return next((_RENDERERS[base] for base in type_.__mro__ if base in _RENDERERS), None)
