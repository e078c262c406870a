"""Sanitising of foreign text: cleaned, limited to one line, shortened, measured in columns.

Labels, device names, notes and source lines are foreign. A control character could move the terminal's cursor, a
bidirectional mark could reverse a sentence, and a lone surrogate can't be encoded: they are replaced first. Escaping
for HTML comes after that, always with quotes.
"""

from __future__ import annotations

import html as _html
import unicodedata

REPLACEMENT = "\ufffd"
ELLIPSIS = "…"
_JOINERS = "\u200c\u200d"  # part of words and of compound emoji
_NO_SIGNS = "\ufffe\uffff"  # not allowed in XML, and so in SVG
_MOST_MARKS = 4


def one_line(text: object, limit: int = 200) -> str:
    """Return `text` as one clean line of at most `limit` characters; what is cut ends in "…"."""
    characters: list[str] = []
    marks = 0
    for character in str(text)[: 4 * limit + 16]:
        category = unicodedata.category(character)
        if category == "Cs" or character in _NO_SIGNS or (category == "Cf" and character not in _JOINERS):
            characters.append(REPLACEMENT)
        elif category in ("Cc", "Zl", "Zp") or character.isspace():
            # Typographic spaces such as U+202F are kept.
            characters.append(
                character if category == "Zs" else " " if character in "\t\n\r\v\f\x85\u2028\u2029" else REPLACEMENT
            )
        else:
            marks = marks + 1 if category in ("Mn", "Me") else 0
            if marks <= _MOST_MARKS:  # stacked accents would cover the lines above
                characters.append(character)
    line = " ".join(part for part in "".join(characters).split(" ") if part)
    return line if len(line) <= limit else line[: limit - 1].rstrip() + ELLIPSIS


def markup(text: object) -> str:
    """Return `text` escaped for HTML and SVG, for content and quoted attributes."""
    return _html.escape(str(text), quote=True)


def columns(text: str) -> int:
    """Return the width of `text` in terminal columns: wide characters take two, combining ones none."""
    width = 0
    for character in text:
        if unicodedata.category(character) in ("Mn", "Me", "Cf"):
            continue
        width += 2 if unicodedata.east_asian_width(character) in "WF" else 1
    return width


def shorten(text: str, width: int) -> str:
    """Return `text` in at most `width` columns; what is cut ends in "…"."""
    if columns(text) <= width:
        return text
    result, used = "", 0
    for character in text:
        used += columns(character)
        if used > width - 1:
            break
        result += character
    return result.rstrip() + ELLIPSIS if width > 0 else ""


def pad(text: str, width: int, right: bool = False) -> str:
    """Return `text` padded with spaces to `width` columns; `right` aligns it to the right."""
    space = " " * max(0, width - columns(text))
    return space + text if right else text + space


def encodable(text: str) -> str:
    """Return `text` with lone surrogates replaced, so that UTF-8 can carry it."""
    return text.encode("utf-8", "replace").decode("utf-8")


def verbatim(text: str) -> str:
    """Return a command with invisible characters replaced, not shortened or joined, so that it can be copied."""
    return "".join(
        REPLACEMENT if unicodedata.category(sign) in ("Cc", "Cf", "Cs") and sign not in "\n\t" + _JOINERS else sign
        for sign in text
    )
