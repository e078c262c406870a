"""Readers of HTML that accept only what may stand in a record and in a page of the report."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"br", "rect", "path", "circle"}
KNOWN = VOID | {
    "style", "details", "summary", "div", "span", "b", "code", "i", "table", "thead", "tbody", "tfoot", "tr", "th",
    "td", "dl", "dt", "dd", "svg", "g", "text", "title", "desc", "caption", "ul", "li", "pre",
}  # fmt: skip
KNOWN_ATTRIBUTES = {
    "class", "style", "role", "aria-label", "aria-hidden", "aria-level", "scope", "data-unit", "data-sign", "tabindex",
    "xmlns", "viewbox", "width", "height", "x", "y", "d", "cx", "cy", "r", "fill", "stroke", "text-anchor",
    "preserveaspectratio", "vector-effect", "font-family", "font-size", "font-weight",
    "stroke-width", "stroke-linecap", "stroke-linejoin", "stroke-opacity", "fill-opacity",
}  # fmt: skip


class Reader(HTMLParser):
    """Reads markup strictly: tags must close in order, and only ours may come."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(source)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        assert tag in KNOWN, tag
        assert {name for name, _ in attrs} <= KNOWN_ATTRIBUTES, attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        assert tag in KNOWN, tag
        assert {name for name, _ in attrs} <= KNOWN_ATTRIBUTES, attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)


class PageReader(HTMLParser):
    """A page of its own: nothing in it runs, and nothing is fetched."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "img", "link", "iframe", "object", "form", "base", "a"), tag
        assert not [name for name, _ in attrs if name.startswith("on") or name in ("src", "href")], attrs
