"""Plot of the accuracy benchmark: error over the length of the window, one line per meter.

It is an SVG with its own background that follows the reader's light or dark theme. Both axes are logarithmic. Names
are at the ends of the lines, moved apart if these are close together. The plot itself says that the sensor was
simulated, so that copies say it too.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

from .figures import SO_FAR, Figure, Result
from .sheet import percent, span

WIDTH, HEIGHT = 960, 580
LEFT, RIGHT, TOP, BOTTOM = 76, 668, 104, 506
FLOOR, CEILING = 1e-4, 2.0
"""Limits of the error axis, as fractions."""

LINE = 17.0
"""Smallest distance of two names in pixels."""

OURS = "jupyter_green"
DASHES = ("none", "7 3", "2 3", "10 3 2 3", "5 5", "1 4", "12 4")

STYLE = """
svg{--ground:#fff;--ink:#1f2328;--muted:#59636e;--rule:#d7dce1;--ours:#1a7f37;--band:#1a7f37;
--a:#8250df;--b:#bc4c00;--c:#0969da;--d:#bf3989;--e:#6e7781;--f:#9a6700;--g:#0b7285}
@media (prefers-color-scheme:dark){svg{--ground:#0d1117;--ink:#e6edf3;--muted:#9da7b3;--rule:#30363d;--ours:#3fb950;
--band:#3fb950;--a:#bc8cff;--b:#ffa657;--c:#79c0ff;--d:#ff9bce;--e:#b1bac4;--f:#e3b341;--g:#66d9e8}}
text{font:13px system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif;fill:var(--ink)}
.head{font-size:17px;font-weight:600}.muted{fill:var(--muted)}.bold{font-weight:600}
.halo{paint-order:stroke;stroke:var(--ground);stroke-width:4px}
.rule{stroke:var(--rule);stroke-width:1}.line{fill:none;stroke-width:1.8;stroke-linejoin:round}
.ours{stroke:var(--ours);stroke-width:3.2}.lead{stroke-width:1;fill:none;opacity:.6}
"""


@dataclass(frozen=True)
class Curve:
    """One meter's line: its name and, for each length, the median error and the median half-width stated."""

    name: str
    points: tuple[tuple[float, float, float | None], ...]


def curves(results: Sequence[Result], names: Sequence[str]) -> list[Curve]:
    """Return a line for each meter with a figure, in the order of the names."""
    result = []
    for name in names:
        if name == SO_FAR:
            continue
        points = []
        for length in sorted({item.length for item in results}):
            figure = Figure.of([item for item in results if item.meter == name and item.length == length])
            if figure is not None:
                points.append((length, figure.median, figure.half_width))
        if points:
            result.append(Curve(name, tuple(points)))
    return result


def picture(results: Sequence[Result], names: Sequence[str]) -> str:
    """Return the plot as SVG.

    Parameters
    ----------
    results : sequence of Result
        Windows of one case and one tick.
    names : sequence of str
        The meters, in order.
    """
    drawn = curves(results, names)
    lengths = sorted({length for curve in drawn for length, _, _ in curve.points})
    if not lengths:
        return ""
    tick = f"{results[0].tick * 1000:.0f} ms"
    description = "; ".join(
        f"{curve.name} " + ", ".join(f"{percent(error)} % at {span(length)}" for length, error, _ in curve.points)
        for curve in drawn
    )
    counts = [sum(item.meter == OURS and item.length == length for item in results) for length in lengths]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'role="img" aria-labelledby="title said">',
        f'<title id="title">Error of energy meters by length of the window, on a simulated sensor</title>'
        f'<desc id="said">Simulated GPU whose counter is renewed every {tick}; no GPU was measured. Median relative '
        f"error: {html.escape(description)}.</desc>",
        f"<style>{STYLE}</style>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="8" fill="var(--ground)"/>',
        _text(24, 36, "How far off a meter is, by length of the window", "head"),
        _text(24, 58, f"Simulated sensor: no GPU was measured. Counter renewed every {tick}, board idle before "
              "and after the window.", "muted"),
        _text(24, 78, f"Median of {min(counts)} to {max(counts)} windows a point; both axes are logarithmic.", "muted"),
        *_axes(lengths),
        *_band(drawn, lengths),
        *_zeros(results, lengths),
    ]  # fmt: skip
    places = _apart([_y(curve.points[-1][1]) for curve in drawn])
    for number, (curve, place) in enumerate(zip(drawn, places, strict=True)):
        parts += _line(curve, number, place, lengths)
    return "\n".join([*parts, "</svg>", ""])


def _axes(lengths: Sequence[float]) -> list[str]:
    parts = []
    for error in (1e-4, 1e-3, 1e-2, 0.1, 1.0):
        y = _y(error)
        parts.append(f'<path class="rule" d="M{LEFT} {y:.1f}H{RIGHT}"/>')
        parts.append(_text(LEFT - 10, y + 4.5, f"{100 * error:g} %", "muted", "end"))
    for length in lengths:
        x = _x(length, lengths)
        parts.append(f'<path class="rule" d="M{x:.1f} {TOP}V{BOTTOM + 5}"/>')
        parts.append(_text(x, BOTTOM + 23, span(length), "muted", "middle"))
    parts.append(_text((LEFT + RIGHT) / 2, BOTTOM + 48, "length of the window", "muted", "middle"))
    parts.append(
        f'<text class="muted" text-anchor="middle" transform="translate(20 {(TOP + BOTTOM) / 2:.0f}) rotate(-90)">'
        "median error</text>"
    )
    return parts


def _band(drawn: Sequence[Curve], lengths: Sequence[float]) -> list[str]:
    """Return the band of our stated ±, which covers errors below its edge."""
    stated = [
        (length, width)
        for curve in drawn
        if curve.name == OURS
        for length, _, width in curve.points
        if width is not None and math.isfinite(width)
    ]
    if len(stated) < 2:
        return []
    top = " L".join(f"{_x(length, lengths):.1f} {_y(width):.1f}" for length, width in stated)
    first, last = _x(stated[0][0], lengths), _x(stated[-1][0], lengths)
    return [
        f'<path fill="var(--band)" opacity=".13" d="M{first:.1f} {BOTTOM} L{top} L{last:.1f} {BOTTOM}Z"/>',
        f'<path class="line" stroke="var(--ours)" stroke-width="1.2" stroke-dasharray="2 3" d="M{top}"/>',
        _text(first + 10, BOTTOM - 12, "shaded: within the 95 % interval that jupyter_green states (median)", "muted"),
    ]


def _zeros(results: Sequence[Result], lengths: Sequence[float]) -> list[str]:
    """Return the note on why lines begin at 100 %."""
    shortest = [item for item in results if item.length == lengths[0] and item.meter not in (OURS, SO_FAR)]
    zeros = sum(item.joules == 0 for item in shortest)
    if 2 * zeros < len(shortest) or not shortest:
        return []
    text = f"100 % is a reading of 0 J: {100 * zeros / len(shortest):.0f} % of the others’ at {span(lengths[0])}"
    return [_text(_x(lengths[0], lengths) + 10, _y(1.0) - 10, text, "muted halo")]


def _line(curve: Curve, number: int, place: float, lengths: Sequence[float]) -> list[str]:
    ours = curve.name == OURS
    colour = "var(--ours)" if ours else f"var(--{'abcdefg'[(number - 1) % 7]})"
    points = [(_x(length, lengths), _y(error)) for length, error, _ in curve.points]
    path = " L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    dash = "" if ours else f' stroke-dasharray="{DASHES[(number - 1) % len(DASHES)]}"'
    parts = [f'<path class="line{" ours" if ours else ""}" stroke="{colour}"{dash} d="M{path}"/>']
    parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{4 if ours else 2.6}" fill="{colour}"/>' for x, y in points]
    x, y = points[-1]
    parts.append(f'<path class="lead" stroke="{colour}" d="M{x + 6:.1f} {y:.1f}L{RIGHT + 22} {place:.1f}h6"/>')
    weight = "bold" if ours else ""
    parts.append(
        f'<text x="{RIGHT + 34}" y="{place + 4.5:.1f}" class="{weight}" style="fill:{colour}">'
        f"{html.escape(curve.name)}</text>"
    )
    return parts


def _apart(places: Sequence[float]) -> list[float]:
    """Move positions apart to the smallest distance, in order and each as little as possible."""
    order = sorted(range(len(places)), key=lambda index: places[index])
    # Isotonic regression after subtracting the distances: neighbours out of order get their mean.
    groups: list[tuple[float, int]] = []
    for turn, index in enumerate(order):
        groups.append((places[index] - turn * LINE, 1))
        while len(groups) > 1 and groups[-2][0] > groups[-1][0]:
            (above, many), (below, few) = groups[-2:]
            groups[-2:] = [((above * many + below * few) / (many + few), many + few)]
    flat = [place for place, count in groups for _ in range(count)]
    # Positions outside the plot are moved back.
    beyond = max(0.0, flat[-1] + (len(flat) - 1) * LINE - BOTTOM) if flat else 0.0
    moved = [0.0] * len(places)
    for turn, (index, place) in enumerate(zip(order, flat, strict=True)):
        moved[index] = place + turn * LINE - beyond
    return moved


def _x(length: float, lengths: Sequence[float]) -> float:
    low, high = math.log(lengths[0]), math.log(lengths[-1])
    share = (math.log(length) - low) / (high - low) if high > low else 0.5
    return LEFT + 12 + share * (RIGHT - LEFT - 24)


def _y(error: float) -> float:
    inside = min(max(error, FLOOR), CEILING)
    share = (math.log(inside) - math.log(FLOOR)) / (math.log(CEILING) - math.log(FLOOR))
    return BOTTOM - share * (BOTTOM - TOP)


def _text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{html.escape(words)}</text>'
