"""Rendering of an energy label: 260 × 364 pixels, black on white; every fact is also given in words."""

from __future__ import annotations

from jupyter_green.reporting import numbers, renderers
from jupyter_green.reporting.sanitize import one_line

from .canvas import Rectangle, Shape, Words, fitted, png, star, svg, wrapped
from .label_data import LabelData

WIDTH, HEIGHT = 260, 364
INK, FAINT, MARK = "#1b1b1b", "#555555", "#0b5cad"
_EDGE = 12


def svg_of(label: LabelData) -> str:
    """Return the label as SVG."""
    return svg(shapes(label), WIDTH, HEIGHT, text_of(label))


def png_of(label: LabelData) -> bytes:
    """Return the label as PNG."""
    return png(shapes(label), WIDTH, HEIGHT)


def text_of(label: LabelData) -> str:
    """Return the label as one line of plain text."""
    task = f", {one_line(label.task, 60)}" if label.task else ""
    parts = [f"Energy label of {one_line(label.model, 80)}{task}", headline(label)]
    if label.stars is not None:
        parts.append(f"{label.stars} of 5 stars among {len(label.peers) + 1} models{_of(label.edition)}")
    parts += [f"{label.units:,} units × {label.runs} runs, batch {label.batch}", _proof(label)]
    parts += [f"boundary: {one_line(label.boundary, 200)}", standing(label)]
    return numbers.plain(" · ".join(part for part in parts if part))


def headline(label: LabelData) -> str:
    """Return the energy with interval and quality, or why the label is not valid."""
    if label.wh_per_1000 is None:
        return f"not valid: {'; '.join(label.problems)}"
    interval = ""
    if label.low is not None and label.high is not None:
        interval = f" (95 %: {_wh(label.low)} to {_wh(label.high)})"
    return f"{_wh(label.wh_per_1000)} Wh per 1,000{interval}, {label.quality}"


def standing(label: LabelData) -> str:
    """Return whether the label is comparable with official scores, and why not."""
    if label.comparable:
        return "measured the official way"
    reasons = f": {', '.join(label.differences)}" if label.differences else ""
    return f"not comparable with official scores{reasons}"


def shapes(label: LabelData) -> list[Shape]:
    """Return the shapes to draw."""
    width = WIDTH - 2 * _EDGE
    items: list[Shape] = [
        Rectangle(0, 0, WIDTH, HEIGHT, INK),
        Rectangle(2, 2, WIDTH - 4, HEIGHT - 4, "#ffffff"),
        Rectangle(2, 2, WIDTH - 4, 26, INK),
        Words(_EDGE, 20, "Energy label", 14, "#ffffff"),
        Words(WIDTH - _EDGE, 20, "jupyter_green", 10, "#ffffff", "end"),
        Words(_EDGE, 50, fitted(one_line(label.model, 80), 16, width), 16),
        Words(_EDGE, 67, fitted(one_line(label.task, 80), 11, width), 11, FAINT),
    ]
    items += _rating(label) if label.valid else _refusal(label)
    y = 200.0
    for term, value in _facts(label):
        items.append(Words(_EDGE, y, term, 9, FAINT))
        for line in wrapped(value, 9, width - 54, 2 if term == "Boundary" else 1):
            items.append(Words(_EDGE + 54, y, line, 9))
            y += 12
    items.append(Rectangle(_EDGE, HEIGHT - 60, width, 1, INK))
    comparability = "Measured the official way" if label.comparable else "Not comparable with official scores"
    items.append(Words(_EDGE, HEIGHT - 46, comparability, 11))
    for row, line in enumerate(wrapped(", ".join(label.differences), 8.5, width, 2)):
        items.append(Words(_EDGE, HEIGHT - 34 + 11 * row, line, 8.5, FAINT))
    items.append(Words(_EDGE, HEIGHT - 10, fitted(one_line(label.link, 80), 8.5, width), 8.5, FAINT))
    return items


def _rating(label: LabelData) -> list[Shape]:
    assert label.wh_per_1000 is not None
    items: list[Shape] = []
    if label.stars is None:
        items.append(Words(WIDTH / 2, 100, "no stars: no peers of its class", 11, FAINT, "middle"))
    else:
        for number in range(5):
            full = number < label.stars
            items.append(star(50 + 40 * number, 95, 17, MARK if full else None, INK))
        rank = f"{label.stars} of 5 among {len(label.peers) + 1} models{_of(label.edition)}"
        items.append(Words(WIDTH / 2, 124, fitted(rank, 8.5, WIDTH - 24), 8.5, FAINT, "middle"))
    prefix = "" if label.quality == "measured" else "~"
    items.append(Words(WIDTH / 2, 153, f"{prefix}{_wh(label.wh_per_1000)} Wh", 26, INK, "middle"))
    items.append(Words(WIDTH / 2, 168, f"per 1,000, {label.quality}", 10, INK, "middle"))
    if label.low is not None and label.high is not None:
        items.append(Words(WIDTH / 2, 181, f"95 %: {_wh(label.low)} to {_wh(label.high)} Wh", 10, INK, "middle"))
    return items


def _refusal(label: LabelData) -> list[Shape]:
    items: list[Shape] = [Words(WIDTH / 2, 110, "NOT VALID", 26, INK, "middle")]
    y = 134.0
    for problem in label.problems[:3]:
        items.append(Words(WIDTH / 2, y, fitted(problem, 10, WIDTH - 24), 10, INK, "middle"))
        y += 15
    return items


def _facts(label: LabelData) -> list[tuple[str, str]]:
    all_devices = "" if label.whole_wh_per_1000 is None else f"{_wh(label.whole_wh_per_1000)} Wh"
    return [
        (term, value)
        for term, value in (
            ("Hardware", one_line(label.hardware, 100)),
            ("Boundary", one_line(label.boundary, 160)),
            ("All read", all_devices),
            ("Runs", f"{label.units:,} units × {label.runs} runs, batch {label.batch}"),
            ("Proof", _proof(label)),
            ("Class", ", ".join(part for part in (label.size_class or "size not stated", label.precision) if part)),
            ("Date", label.date or "not stated"),
        )
        if value
    ]


def _proof(label: LabelData) -> str:
    gate, parts = label.gate, []
    if gate.accuracy is not None:
        reference = "" if gate.expected_accuracy is None else f" (expected {100 * gate.expected_accuracy:.1f} %)"
        reference = reference or ("" if gate.chance is None else f" (chance {100 * gate.chance:.1f} %)")
        parts.append(f"accuracy {100 * gate.accuracy:.1f} %{reference}")
    if gate.output_length is not None:
        parts.append(f"output {gate.output_length:.0f} (expected {gate.expected_length or 0:.0f})")
    return ", ".join(parts)


def _of(edition: str) -> str:
    return f", {one_line(edition, 60)}" if edition else ""


def _wh(value: float) -> str:
    return numbers.significant(value, 3)


renderers.register(LabelData, text=text_of, html=svg_of)
