"""Power over time as an SVG chart with one lane per device, and as a line of text.

Power is drawn as steps (each mean holds until the next reading); a gap in the readings is a gap in the line. Each
lane starts at 0 and is scaled to its own peak, because a GPU of 300 W would flatten a CPU of 5 W. A simulated trace
is marked inside the chart, so that copies are marked too.
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
_MOST_WATTS = 1e12  # larger readings are faulty
_MOST_LANES, _MOST_NAME, _WIDE = 16, 30, 1000
_STROKE = 'fill="none" vector-effect="non-scaling-stroke" stroke-linejoin="round"'


def lanes(trace: Trace) -> dict[str, Points]:
    """Return each device's samples in order of time, with invalid values as gaps."""
    result = {}
    for name, pairs in trace.series.items():
        points: Points = [(t, w if w is not None and 0 <= w < _MOST_WATTS else None) for t, w in pairs]
        result[name] = sorted((p for p in points if -math.inf < p[0] <= trace.seconds), key=lambda point: point[0])
    return result


def drawable(trace: Trace) -> int:
    """Return the largest number of valid samples of one device."""
    return max((sum(w is not None for _, w in points) for points in lanes(trace).values()), default=0)


def thinned(trace: Trace, points: int) -> Trace:
    """Return the trace with at most about `points` samples in all; energy and gaps are kept."""
    total = sum(len(pairs) for pairs in trace.series.values())
    if total <= points or not trace.series or trace.seconds <= 0:
        return trace
    each = max(2, points // len(trace.series))
    series = {}
    for name, samples in lanes(trace).items():
        if len(samples) <= each:
            series[name] = tuple(samples)
            continue
        start, length = samples[0][0], (trace.seconds - samples[0][0]) / each
        means = _means(samples, start, trace.seconds, each)
        series[name] = tuple((start + index * length, mean) for index, mean in enumerate(means))
    return Trace(series=series, seconds=trace.seconds, simulated=trace.simulated)


def _stretches(points: Points, end: float) -> list[tuple[float, float, float | None]]:
    """Return each mean with the start and end of its interval."""
    stops = [*(begin for begin, _ in points[1:]), end]
    return [(begin, stop, watts) for (begin, watts), stop in zip(points, stops, strict=False)]


def _means(points: Points, start: float, end: float, count: int) -> list[float | None]:
    """Return the mean power of `count` equal intervals; an interval mostly without readings is a gap."""
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
    """Return a description of the trace for screen readers."""
    parts = []
    for name, points in lanes(trace).items():
        readings = [w for _, w in points if w is not None]
        gaps = ", with gaps" if len(readings) < len(points) else ""
        limits = (
            f"{numbers.watts(min(readings))} to {numbers.watts(max(readings))}{gaps}" if readings else "no readings"
        )
        parts.append(f"{one_line(name, 60)} {limits}")
    kind = "Simulated power" if trace.simulated else "Power"
    return f"{kind} over {numbers.seconds(trace.seconds)}: {'; '.join(parts) or 'no readings'}"


# ---- SVG ------------------------------------------------------------------------------------------


def svg(trace: Trace, width: int = 560, standalone: bool = False) -> str:
    """Return power over time as SVG, `width` pixels wide (within a page: at most).

    Standalone, it includes background and colours, for use outside a page.
    """
    shown = list(lanes(trace).items())[:_MOST_LANES]
    height = max(1, len(shown)) * (_LANE + _TEXT + _GAP) + _FOOT
    description = summary(trace)
    # No viewBox: the lanes scale with the page, the text keeps its size.
    size = f'width="{width}"' if standalone else f'width="100%" style="max-width:{width}px"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="jg-trace" {size} height="{height}" role="img" '
        f'aria-label="{markup(description)}"><title>Power over time</title>'
    ]
    ink = "#1f1f1f" if standalone else "currentColor"
    if standalone:
        parts.append(f'<desc>{markup(description)}</desc><rect width="100%" height="{height}" fill="#ffffff"/>')
    parts.append(f'<g font-family="system-ui,sans-serif" font-size="11" fill="{ink}" stroke="none">')
    # Text between elements is not drawn. It separates the labels where a sanitiser keeps only the text of an image.
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
    peak_label = "no readings" if peak is None else f"peak {numbers.watts(peak)}"
    colour = _COLOURS[index % len(_COLOURS)]
    parts = [
        f'<text x="0" y="{top + 12}">{markup(shorten(one_line(name, 60), _MOST_NAME))}</text>, '
        f'<text x="100%" y="{top + 12}" text-anchor="end">{markup(peak_label)}</text>; '
        f'<svg y="{top + _TEXT}" width="100%" height="{_LANE}" viewBox="0 0 {_WIDE} {_LANE}" '
        'preserveAspectRatio="none">',
        f'<path d="M0,{_LANE - 0.5}H{_WIDE}" stroke="{ink}" stroke-opacity=".35" {_STROKE}/>',
    ]
    for run in _runs(points, seconds):
        line, area = _step_path(run, seconds, peak or 1.0)
        parts.append(f'<path d="{area}" fill="{colour}" fill-opacity=".22"/>')
        parts.append(f'<path d="{line}" stroke="{colour}" stroke-width="1.5" {_STROKE}/>')
    return "".join([*parts, "</svg>"])


def _runs(points: Points, seconds: float) -> list[list[tuple[float, float, float]]]:
    """Return the runs between gaps, each as intervals (start, end, watts)."""
    runs: list[list[tuple[float, float, float]]] = [[]]
    for begin, stop, watts in _stretches(points, seconds):
        if watts is None:
            runs.append([])
        elif stop > begin:
            runs[-1].append((max(0.0, begin), stop, watts))
    return [run for run in runs if run]


def _step_path(run: Sequence[tuple[float, float, float]], seconds: float, peak: float) -> tuple[str, str]:
    """Return the path of the line and of the area below it."""

    def across(at: float) -> str:
        return f"{_WIDE * at / seconds:.1f}" if seconds > 0 else "0"

    def up(watts: float) -> str:
        return f"{_LANE - 1 - (_LANE - 3) * watts / peak:.1f}" if peak > 0 else str(_LANE - 1)

    steps = "".join(f"V{up(watts)}H{across(stop)}" for _, stop, watts in run)
    start = across(run[0][0])
    return f"M{start},{up(run[0][2])}{steps}", f"M{start},{_LANE}{steps}V{_LANE}Z"


def html(trace: Trace) -> str:
    """Return the chart as HTML, with its description for viewers that strip images."""
    return f'{STYLE}<div class="jg">{svg(trace)}<div class="muted">{markup(summary(trace))}</div></div>'


# ---- text -----------------------------------------------------------------------------------------


def sparkline(trace: Trace, width: int = 40) -> str:
    """Return one line of text per device: name, power as block characters (a space is a gap), peak."""
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
        blocks = "".join(" " if mean is None else _block(mean, peak) for mean in means)
        lines.append(f"{pad(names[name], widest)}  {blocks}  up to {numbers.plain(numbers.watts(peak))}")
    return "\n".join(lines) if shown else "no readings"


def _block(mean: float, peak: float) -> str:
    return _BLOCKS[min(len(_BLOCKS) - 1, int(len(_BLOCKS) * mean / peak))] if peak > 0 else _BLOCKS[0]
