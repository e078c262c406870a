"""Tables of the accuracy benchmark in Markdown that is readable in a terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .figures import CONTROL, SO_FAR, Figure, Result, median_of, sums
from .goals import COVERAGE, Score

SHORT = 0.2
"""Windows up to this length in seconds give the cost per window, longer ones the background load."""

NONE = "–"


@dataclass(frozen=True)
class Quantity:
    """A column of the cost table: heading, value, format, and whether it uses short windows."""

    title: str
    value: Callable[[Result], float | None]
    scale: float
    digits: int
    short: bool


QUANTITIES = (
    Quantity("CPU a window, ms", lambda item: item.spent, 1e3, 2, True),
    Quantity("background, % of a core", lambda item: item.background, 1e2, 2, False),
    Quantity("final after, ms", lambda item: item.settled, 1e3, 0, True),
)


def percent(fraction: float) -> str:
    """Format a fraction as per cent with two significant digits."""
    value = 100 * fraction
    if value == 0:
        return "0"
    if value < 0.001:
        return "<0.001"
    digits = 0 if value >= 9.95 else 1 if value >= 0.995 else 2 if value >= 0.0995 else 3
    return f"{value:,.{digits}f}"


def span(seconds: float) -> str:
    """Format a duration for a heading."""
    return f"{seconds:g} s" if seconds >= 1 else f"{seconds * 1000:g} ms"


def errors(results: Sequence[Result], names: Sequence[str], marks: Mapping[str, str] | None = None) -> str:
    """Return the table of errors: median, 95th percentile and share of 0 J, for each meter and length.

    Parameters
    ----------
    results : sequence of Result
        Windows of one case and tick.
    names : sequence of str
        The meters, in order.
    marks : mapping, optional
        For a meter without this case, the footnote mark of the reason.
    """
    lengths = sorted({item.length for item in results})
    lines = [_row("error, % (median / p95)", [span(length) for length in lengths]), _rule(len(lengths))]
    for name in names:
        cells = [_error(_some(results, name, length), (marks or {}).get(name, "")) for length in lengths]
        lines.append(_row(name, cells))
    first = next((name for name in names if _some(results, name, lengths[0])), None) if lengths else None
    if first is not None:
        lines.append(_row("windows of each meter", [_count(results, names, length) for length in lengths]))
    return "\n".join(lines)


def shapes(results: Sequence[Result], names: Sequence[str]) -> str:
    """Return the table of median errors by shape of the power inside the window."""
    lengths = sorted({item.length for item in results})
    kinds = sorted({item.shape for item in results}, reverse=True)
    head = [f"{span(length)}, {kind}" for length in lengths for kind in kinds]
    lines = [_row("median error, %", head), _rule(len(head))]
    for name in names:
        cells = []
        for length in lengths:
            for kind in kinds:
                figure = Figure.of([item for item in _some(results, name, length) if item.shape == kind])
                cells.append(percent(figure.median) if figure else NONE)
        lines.append(_row(name, cells))
    return "\n".join(lines)


def intervals(sections: Sequence[tuple[str, Sequence[Result]]], names: Sequence[str]) -> str:
    """Return the table of coverage and width of the 95 % intervals, for meters that state one."""
    lengths = sorted({item.length for _, results in sections for item in results})
    lines = [_row("coverage, % · median ±, %", [span(length) for length in lengths]), _rule(len(lengths))]
    for title, results in sections:
        for name in names:
            cells = []
            for length in lengths:
                figure = Figure.of(_some(results, name, length))
                if figure is None or figure.coverage is None or figure.half_width is None:
                    cells.append(NONE)
                else:
                    cells.append(f"{100 * figure.coverage:.0f} · ±{percent(figure.half_width)} (n {figure.count})")
            lines.append(_row(f"{title}: {name}", cells))
    return "\n".join(lines)


def runs(results: Sequence[Result], names: Sequence[str], marks: Mapping[str, str]) -> str:
    """Return the table of consecutive cells: the error of each cell and of their sum."""
    lengths = sorted({item.length for item in results})
    added = sums(results)
    head = [f"{span(length)} to {span(2 * length)}, {what}" for length in lengths for what in ("each", "sum of 8")]
    lines = [_row("error, % (median / p95)", head), _rule(len(head))]
    for name in names:
        cells = []
        for length in lengths:
            mark = marks.get(name, "")
            cells += [_error(_some(results, name, length), mark), _error(_some(added, name, length), mark)]
        lines.append(_row(name, cells))
    return "\n".join(lines)


def costs(results: Sequence[Result], names: Sequence[str]) -> str:
    """Return the cost table: the two calls, CPU time, and the time until the figure is final."""
    ticks = sorted({item.tick for item in results}, reverse=True)
    head = ["start + stop, ms (p95)"]
    for quantity in QUANTITIES:
        head += [f"{quantity.title}, tick {span(tick)}" for tick in ticks]
    lines = [_row("cost", head), _rule(len(head))]
    for name in names:
        mine = [item for item in results if item.meter == name]
        if not mine or name == SO_FAR:
            continue
        calls = sorted(1e3 * (item.starting + item.stopping) for item in mine)
        cells = [f"{calls[len(calls) // 2]:.2f} ({calls[int(0.95 * (len(calls) - 1))]:.2f})"]
        for quantity in QUANTITIES:
            cells += [_beyond_control([i for i in results if i.tick == tick], name, quantity) for tick in ticks]
        lines.append(_row(name, cells))
    return "\n".join(lines)


def goals(scores: Sequence[Score]) -> str:
    """Return the table of campaigns in virtual time with their goals."""
    lines = [
        _row("our estimator", ["error, % (p95)", "aim", "covers, %", "aim", "median ±, %", "aim", "score", "verdict"]),
        _rule(8),
    ]
    for item in scores:
        title = f"{item.goal.case}, {span(item.goal.seconds)}"
        aims = [NONE if aim is None else f"≤ {percent(aim)}" for aim in (item.goal.error, item.goal.width)]
        covers = f"≥ {100 * COVERAGE:.0f}"
        if item.reason is not None:
            lines.append(_row(title, [NONE, aims[0], NONE, covers, NONE, aims[1], NONE, item.reason]))
            continue
        verdict = f"**not met**: {', '.join(item.missed)}" if item.missed else "met"
        cells = [f"{percent(item.error)} ({percent(item.p95)})", aims[0], f"{100 * item.coverage:.1f}", covers]
        cells += [f"±{percent(item.width)}", aims[1], f"{item.score:.3f}", verdict]
        lines.append(_row(title, cells))
    return "\n".join(lines)


def _beyond_control(results: Sequence[Result], name: str, quantity: Quantity) -> str:
    """Return a median minus the control's; that of the control unchanged."""
    windows = [item for item in results if (item.length <= SHORT) is quantity.short]
    value = median_of((item for item in windows if item.meter == name), quantity.value)
    if value is None:
        return NONE
    control = median_of((item for item in windows if item.meter == CONTROL), quantity.value) or 0.0
    shown = quantity.scale * (value - (control if name != CONTROL else 0.0))
    text = f"{shown:.{quantity.digits}f}"
    return (text.lstrip("-") if float(text) == 0 else text).replace("-", "−")


def _some(results: Sequence[Result], name: str, length: float) -> list[Result]:
    return [item for item in results if item.meter == name and item.length == length]


def _error(results: Sequence[Result], mark: str) -> str:
    figure = Figure.of(results)
    if figure is None:
        return NONE + mark
    text = f"{percent(figure.median)} / {percent(figure.p95)}"
    if figure.zero:
        text += f", {100 * figure.zero:.0f} % are 0 J"
    if figure.silent:
        text += f", {100 * figure.silent:.0f} % without a figure"
    return text


def _count(results: Sequence[Result], names: Sequence[str], length: float) -> str:
    counts = {len(windows) for name in names if (windows := _some(results, name, length))}
    if not counts:
        return "0"
    return f"{min(counts)}" if len(counts) == 1 else f"{min(counts)} to {max(counts)}"


def _row(first: str, cells: Sequence[str]) -> str:
    return f"| {' | '.join([first, *cells])} |"


def _rule(count: int) -> str:
    return "|" + "---|" * (count + 1)
