"""The course of power drawn: a picture with one lane per device, and a line of text.

Power is a staircase (each mean holds until the next reading) and a gap in the readings is a gap in the
line. Each lane starts at 0 and names its own peak, because a board of 300 W would flatten a processor of
5 W. A simulated course says so inside the picture, so that a copied picture still says it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from jupyter_green.records import Trace
from jupyter_green.reporting import numbers
from jupyter_green.reporting.sanitize import markup, one_line, pad, shorten

from .style import STYLE

Points = list[tuple[float, float | None]]
_LANE, _TEXT, _GAP, _FOOT = 30, 16, 4, 16
_BLOCKS = "▁▂▃▄▅▆▇█"
_COLOURS = ("var(--jg-gpu,#1976d2)", "var(--jg-cpu,#64b5f6)", "var(--jg-dram,#757575)")
_MOST_WATTS = 1e12  # beyond it a reading is a fault, and its energy no number
_MOST_LANES, _MOST_NAME, _WIDE = 16, 30, 1000
_STROKE = 'fill="none" vector-effect="non-scaling-stroke" stroke-linejoin="round"'


def lanes(trace: Trace) -> dict[str, Points]:
    """Return the series in order of time, with what can't be drawn turned into gaps."""
    found = {}
    for name, pairs in trace.series.items():
        points: Points = [(t, w if w is not None and 0 <= w < _MOST_WATTS else None) for t, w in pairs]
        found[name] = sorted((p for p in points if -math.inf < p[0] <= trace.seconds), key=lambda point: point[0])
    return found


def drawable(trace: Trace) -> int:
    """Return the most points with a reading that one device has."""
    return max((sum(w is not None for _, w in points) for points in lanes(trace).values()), default=0)


def thinned(trace: Trace, points: int) -> Trace:
    """Return the trace with at most about so many points in all; each mean keeps its energy, gaps stay gaps."""
    total = sum(len(pairs) for pairs in trace.series.values())
    if total <= points or not trace.series or trace.seconds <= 0:
        return trace
    each = max(2, points // len(trace.series))
    series = {}
    for name, found in lanes(trace).items():
        if len(found) <= each:
            series[name] = tuple(found)
            continue
        start, length = found[0][0], (trace.seconds - found[0][0]) / each
        means = _means(found, start, trace.seconds, each)
        series[name] = tuple((start + index * length, mean) for index, mean in enumerate(means))
    return Trace(series=series, seconds=trace.seconds, simulated=trace.simulated)


def _stretches(points: Points, end: float) -> list[tuple[float, float, float | None]]:
    """Return each mean with the time from when to when it holds."""
    stops = [*(begin for begin, _ in points[1:]), end]
    return [(begin, stop, watts) for (begin, watts), stop in zip(points, stops, strict=False)]


def _means(points: Points, start: float, end: float, count: int) -> list[float | None]:
    """Return the mean power of `count` equal stretches; a stretch mostly without readings is a gap."""
    step = (end - start) / count
    if step <= 0:
        return [None] * count
    energy, covered = [0.0] * count, [0.0] * count
    for begin, stop, watts in _stretches(points, end):
        if watts is None or stop <= begin:
            continue
        first = max(0, min(count - 1, int((begin - start) / step)))
        last = max(0, min(count - 1, int((stop - start) / step)))
        for index in range(first, last + 1):
            inside = min(stop, start + (index + 1) * step) - max(begin, start + index * step)
            if inside > 0:
                energy[index] += watts * inside
                covered[index] += inside
    return [e / c if c > step / 2 else None for e, c in zip(energy, covered, strict=True)]


def summary(trace: Trace) -> str:
    """Return the trace in words: what a reader who can't see it needs."""
    said = []
    for name, points in lanes(trace).items():
        readings = [w for _, w in points if w is not None]
        gaps = ", with gaps" if len(readings) < len(points) else ""
        told = f"{numbers.watts(min(readings))} to {numbers.watts(max(readings))}{gaps}" if readings else "no readings"
        said.append(f"{one_line(name, 60)} {told}")
    kind = "Simulated power" if trace.simulated else "Power"
    return f"{kind} over {numbers.seconds(trace.seconds)}: {'; '.join(said) or 'no readings'}"


# ---- picture --------------------------------------------------------------------------------------


def svg(trace: Trace, width: int = 560, standalone: bool = False) -> str:
    """Return the course of power as SVG.

    Parameters
    ----------
    trace : Trace
        What to draw.
    width : int
        Width in pixels, on a page the largest: there the picture narrows with its column.
    standalone : bool
        Whether the picture leaves the page: it then brings its own ground and colours.
    """
    shown = list(lanes(trace).items())[:_MOST_LANES]
    height = max(1, len(shown)) * (_LANE + _TEXT + _GAP) + _FOOT
    said = summary(trace)
    # No viewBox: the lanes stretch with the page, the words keep their size.
    size = f'width="{width}"' if standalone else f'width="100%" style="max-width:{width}px"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="jg-trace" {size} height="{height}" role="img" '
        f'aria-label="{markup(said)}"><title>Power over time</title>'
    ]
    ink = "#1f1f1f" if standalone else "currentColor"
    if standalone:
        parts.append(f'<desc>{markup(said)}</desc><rect width="100%" height="{height}" fill="#ffffff"/>')
    parts.append(f'<g font-family="system-ui,sans-serif" font-size="11" fill="{ink}" stroke="none">')
    # What stands between the texts is not drawn. Some sanitisers drop a picture and keep all that is text in it.
    parts.append(": ")
    parts += [_lane(name, points, trace.seconds, index=index, ink=ink) for index, (name, points) in enumerate(shown)]
    if not shown:
        parts.append('<text x="0" y="12">no readings</text>; ')
    base = height - 4
    parts.append(f'<text x="0" y="{base}">0</text> to ')
    parts.append(f'<text x="100%" y="{base}" text-anchor="end">{markup(numbers.seconds(trace.seconds))}</text>')
    if trace.simulated:
        parts.append(f', <text x="50%" y="{base}" text-anchor="middle" font-weight="600">simulated</text>')
    parts.append("</g></svg>")
    return "".join(parts)


def _lane(name: str, points: Points, seconds: float, *, index: int, ink: str) -> str:
    top = index * (_LANE + _TEXT + _GAP)
    peak = max((w for _, w in points if w is not None), default=None)
    told = "no readings" if peak is None else f"peak {numbers.watts(peak)}"
    colour = _COLOURS[index % len(_COLOURS)]
    drawn = [
        f'<text x="0" y="{top + 12}">{markup(shorten(one_line(name, 60), _MOST_NAME))}</text>, '
        f'<text x="100%" y="{top + 12}" text-anchor="end">{markup(told)}</text>; '
        f'<svg y="{top + _TEXT}" width="100%" height="{_LANE}" viewBox="0 0 {_WIDE} {_LANE}" '
        'preserveAspectRatio="none">',
        f'<path d="M0,{_LANE - 0.5}H{_WIDE}" stroke="{ink}" stroke-opacity=".35" {_STROKE}/>',
    ]
    for run in _runs(points, seconds):
        line, area = _staircase(run, seconds, peak or 1.0)
        drawn.append(f'<path d="{area}" fill="{colour}" fill-opacity=".22"/>')
        drawn.append(f'<path d="{line}" stroke="{colour}" stroke-width="1.5" {_STROKE}/>')
    return "".join([*drawn, "</svg>"])


def _runs(points: Points, seconds: float) -> list[list[tuple[float, float, float]]]:
    """Return stretches without a gap as (start, end, watts)."""
    runs: list[list[tuple[float, float, float]]] = [[]]
    for begin, stop, watts in _stretches(points, seconds):
        if watts is None:
            runs.append([])
        elif stop > begin:
            runs[-1].append((max(0.0, begin), stop, watts))
    return [run for run in runs if run]


def _staircase(run: Sequence[tuple[float, float, float]], seconds: float, peak: float) -> tuple[str, str]:
    """Return the path of the line and of the area below it."""

    def across(at: float) -> str:
        return f"{_WIDE * at / seconds:.1f}" if seconds > 0 else "0"

    def up(watts: float) -> str:
        return f"{_LANE - 1 - (_LANE - 3) * watts / peak:.1f}" if peak > 0 else str(_LANE - 1)

    steps = "".join(f"V{up(watts)}H{across(stop)}" for _, stop, watts in run)
    start = across(run[0][0])
    return f"M{start},{up(run[0][2])}{steps}", f"M{start},{_LANE}{steps}V{_LANE}Z"


def html(trace: Trace) -> str:
    """Return the picture inside a styled block, with the words below it for viewers that strip pictures."""
    return f'{STYLE}<div class="jg">{svg(trace)}<div class="muted">{markup(summary(trace))}</div></div>'


# ---- text -----------------------------------------------------------------------------------------


def sparkline(trace: Trace, width: int = 40) -> str:
    """Return one line of text per device: name, course in blocks (a space is a gap), peak."""
    shown = lanes(trace)
    names = {name: shorten(one_line(name, 60), 24) for name in shown}
    widest = max((len(name) for name in names.values()), default=0)
    lines = ["simulated power"] if trace.simulated else []
    for name, points in shown.items():
        means = _means(points, 0.0, trace.seconds, width) if trace.seconds > 0 else []
        peak = max((mean for mean in means if mean is not None), default=None)
        if peak is None:
            lines.append(f"{pad(names[name], widest)}  no readings")
            continue
        course = "".join(" " if mean is None else _block(mean, peak) for mean in means)
        lines.append(f"{pad(names[name], widest)}  {course}  up to {numbers.plain(numbers.watts(peak))}")
    return "\n".join(lines) if shown else "no readings"


def _block(mean: float, peak: float) -> str:
    return _BLOCKS[min(len(_BLOCKS) - 1, int(len(_BLOCKS) * mean / peak))] if peak > 0 else _BLOCKS[0]
