"""A minimal drawing model: rectangles, polygons and lines of text, rendered to SVG and PNG from the same list.

Neither form runs scripts or loads anything; PNG text uses the font that comes with Pillow.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from jupyter_green.reporting.numbers import plain
from jupyter_green.reporting.sanitize import encodable, markup

from .errors import require

FINER = 4
"""Oversampling factor of the PNG, for smooth edges."""
WIDEST = 0.56
"""Approximate width of a letter relative to the font size, used to cut texts."""


@dataclass(frozen=True)
class Rectangle:
    """A filled rectangle; top left corner and size in pixels."""

    x: float
    y: float
    width: float
    height: float
    fill: str


@dataclass(frozen=True)
class Polygon:
    """A closed polygon with an outline; `fill` is None for the outline alone."""

    points: tuple[tuple[float, float], ...]
    fill: str | None
    edge: str


@dataclass(frozen=True)
class Words:
    """One line of text; `y` is its baseline, `size` in pixels."""

    x: float
    y: float
    text: str
    size: float
    fill: str = "#1b1b1b"
    anchor: Literal["start", "middle", "end"] = "start"


Shape = Rectangle | Polygon | Words


def star(x: float, y: float, radius: float, fill: str | None, edge: str) -> Polygon:
    """Return a five-pointed star around a centre."""
    points = []
    for corner in range(10):
        distance = radius if corner % 2 == 0 else radius * 0.42
        angle = math.pi * corner / 5 - math.pi / 2
        points.append((round(x + distance * math.cos(angle), 2), round(y + distance * math.sin(angle), 2)))
    return Polygon(tuple(points), fill, edge)


def fitted(text: str, size: float, width: float) -> str:
    """Return a text cut to about `width` pixels; a cut text ends in "…"."""
    limit = max(4, int(width / (WIDEST * size)))
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def wrapped(text: str, size: float, width: float, lines: int) -> list[str]:
    """Return a text in at most `lines` lines of about `width` pixels; a cut text ends in "…"."""
    result: list[str] = []
    words = text.split(" ")
    while words and len(result) < lines - 1:
        line = words.pop(0)
        while words and len(f"{line} {words[0]}") <= int(width / (WIDEST * size)):
            line = f"{line} {words.pop(0)}"
        result.append(line)
    return [*(fitted(line, size, width) for line in result), *([fitted(" ".join(words), size, width)] if words else [])]


def svg(shapes: Sequence[Shape], width: int, height: int, title: str) -> str:
    """Return the drawing as SVG, with a title for screen readers."""
    elements = "".join(_element(shape) for shape in shapes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="system-ui,Helvetica,Arial,sans-serif">'
        f"<title>{markup(encodable(title))}</title>{elements}</svg>"
    )


def png(shapes: Sequence[Shape], width: int, height: int) -> bytes:
    """Return the drawing as a PNG of `width` × `height` pixels. Raises DiscloseError if Pillow is not installed."""
    image_module, draw_module, font_module = (require(f"PIL.{name}") for name in ("Image", "ImageDraw", "ImageFont"))
    image = image_module.new("RGB", (width * FINER, height * FINER), "white")
    pen = draw_module.Draw(image)
    for shape in shapes:
        _paint(pen, font_module, shape)
    small = image.resize((width, height), image_module.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "PNG")
    return buffer.getvalue()


def _element(shape: Shape) -> str:
    if isinstance(shape, Rectangle):
        return (
            f'<rect x="{shape.x:g}" y="{shape.y:g}" width="{shape.width:g}" height="{shape.height:g}" '
            f'fill="{shape.fill}"/>'
        )
    if isinstance(shape, Polygon):
        points = " ".join(f"{x:g},{y:g}" for x, y in shape.points)
        return f'<polygon points="{points}" fill="{shape.fill or "none"}" stroke="{shape.edge}" stroke-width="1"/>'
    anchor = "" if shape.anchor == "start" else f' text-anchor="{shape.anchor}"'
    words = markup(encodable(shape.text))
    return (
        f'<text x="{shape.x:g}" y="{shape.y:g}" font-size="{shape.size:g}" fill="{shape.fill}"{anchor}>{words}</text>'
    )


def _paint(pen: Any, fonts: Any, shape: Shape) -> None:
    if isinstance(shape, Rectangle):
        corner = (shape.x * FINER, shape.y * FINER)
        pen.rectangle([corner, ((shape.x + shape.width) * FINER, (shape.y + shape.height) * FINER)], fill=shape.fill)
    elif isinstance(shape, Polygon):
        points = [(x * FINER, y * FINER) for x, y in shape.points]
        pen.polygon(points, fill=shape.fill, outline=shape.edge, width=FINER)
    else:
        anchor = {"start": "ls", "middle": "ms", "end": "rs"}[shape.anchor]
        font = fonts.load_default(shape.size * FINER)
        # The font has Latin letters, but neither thin spaces nor "×".
        words = plain(shape.text).replace("×", "x")
        pen.text((shape.x * FINER, shape.y * FINER), words, fill=shape.fill, font=font, anchor=anchor)
