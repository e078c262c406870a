"""How a label looks: 260 × 364, black on white, every fact in words; stars are counted in words too."""

from __future__ import annotations

from jupyter_green.reporting import drawing, numbers
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
    """Return the label in one line of plain text."""
    task = f", {one_line(label.task, 60)}" if label.task else ""
    said = [f"Energy label of {one_line(label.model, 80)}{task}", headline(label)]
    if label.stars is not None:
        said.append(f"{label.stars} of 5 stars among {len(label.peers) + 1} models{_of(label.edition)}")
    said += [f"{label.units:,} units × {label.runs} runs, batch {label.batch}", _proof(label)]
    said += [f"boundary: {one_line(label.boundary, 200)}", standing(label)]
    return numbers.plain(" · ".join(part for part in said if part))


def headline(label: LabelData) -> str:
    """Return the figure with its interval and standing, or why there is none."""
    if label.wh_per_1000 is None:
        return f"not valid: {'; '.join(label.problems)}"
    interval = ""
    if label.low is not None and label.high is not None:
        interval = f" (95 %: {_wh(label.low)} to {_wh(label.high)})"
    return f"{_wh(label.wh_per_1000)} Wh per 1,000{interval}, {label.quality}"


def standing(label: LabelData) -> str:
    """Return whether it may be held against official scores, and why not."""
    if label.comparable:
        return "measured the official way"
    why = f": {', '.join(label.differences)}" if label.differences else ""
    return f"not comparable with official scores{why}"


def shapes(label: LabelData) -> list[Shape]:
    """Return what is drawn."""
    wide = WIDTH - 2 * _EDGE
    found: list[Shape] = [
        Rectangle(0, 0, WIDTH, HEIGHT, INK),
        Rectangle(2, 2, WIDTH - 4, HEIGHT - 4, "#ffffff"),
        Rectangle(2, 2, WIDTH - 4, 26, INK),
        Words(_EDGE, 20, "Energy label", 14, "#ffffff"),
        Words(WIDTH - _EDGE, 20, "jupyter_green", 10, "#ffffff", "end"),
        Words(_EDGE, 50, fitted(one_line(label.model, 80), 16, wide), 16),
        Words(_EDGE, 67, fitted(one_line(label.task, 80), 11, wide), 11, FAINT),
    ]
    found += _rating(label) if label.valid else _refusal(label)
    y = 200.0
    for term, said in _facts(label):
        found.append(Words(_EDGE, y, term, 9, FAINT))
        for line in wrapped(said, 9, wide - 54, 2 if term == "Boundary" else 1):
            found.append(Words(_EDGE + 54, y, line, 9))
            y += 12
    found.append(Rectangle(_EDGE, HEIGHT - 60, wide, 1, INK))
    told = "Measured the official way" if label.comparable else "Not comparable with official scores"
    found.append(Words(_EDGE, HEIGHT - 46, told, 11))
    for place, line in enumerate(wrapped(", ".join(label.differences), 8.5, wide, 2)):
        found.append(Words(_EDGE, HEIGHT - 34 + 11 * place, line, 8.5, FAINT))
    found.append(Words(_EDGE, HEIGHT - 10, fitted(one_line(label.link, 80), 8.5, wide), 8.5, FAINT))
    return found


def _rating(label: LabelData) -> list[Shape]:
    assert label.wh_per_1000 is not None
    found: list[Shape] = []
    if label.stars is None:
        found.append(Words(WIDTH / 2, 100, "no stars: no peers of its class", 11, FAINT, "middle"))
    else:
        for place in range(5):
            full = place < label.stars
            found.append(star(50 + 40 * place, 95, 17, MARK if full else None, INK))
        said = f"{label.stars} of 5 among {len(label.peers) + 1} models{_of(label.edition)}"
        found.append(Words(WIDTH / 2, 124, fitted(said, 8.5, WIDTH - 24), 8.5, FAINT, "middle"))
    mark = "" if label.quality == "measured" else "~"
    found.append(Words(WIDTH / 2, 153, f"{mark}{_wh(label.wh_per_1000)} Wh", 26, INK, "middle"))
    found.append(Words(WIDTH / 2, 168, f"per 1,000, {label.quality}", 10, INK, "middle"))
    if label.low is not None and label.high is not None:
        found.append(Words(WIDTH / 2, 181, f"95 %: {_wh(label.low)} to {_wh(label.high)} Wh", 10, INK, "middle"))
    return found


def _refusal(label: LabelData) -> list[Shape]:
    found: list[Shape] = [Words(WIDTH / 2, 110, "NOT VALID", 26, INK, "middle")]
    y = 134.0
    for problem in label.problems[:3]:
        found.append(Words(WIDTH / 2, y, fitted(problem, 10, WIDTH - 24), 10, INK, "middle"))
        y += 15
    return found


def _facts(label: LabelData) -> list[tuple[str, str]]:
    whole = "" if label.whole_wh_per_1000 is None else f"{_wh(label.whole_wh_per_1000)} Wh"
    return [
        (term, said)
        for term, said in (
            ("Hardware", one_line(label.hardware, 100)),
            ("Boundary", one_line(label.boundary, 160)),
            ("All read", whole),
            ("Runs", f"{label.units:,} units × {label.runs} runs, batch {label.batch}"),
            ("Proof", _proof(label)),
            ("Class", ", ".join(part for part in (label.size_class or "size not told", label.precision) if part)),
            ("Date", label.date or "not told"),
        )
        if said
    ]


def _proof(label: LabelData) -> str:
    gate, said = label.gate, []
    if gate.accuracy is not None:
        beside = "" if gate.expected_accuracy is None else f" (expected {100 * gate.expected_accuracy:.1f} %)"
        beside = beside or ("" if gate.chance is None else f" (chance {100 * gate.chance:.1f} %)")
        said.append(f"accuracy {100 * gate.accuracy:.1f} %{beside}")
    if gate.output_length is not None:
        said.append(f"output {gate.output_length:.0f} (expected {gate.expected_length or 0:.0f})")
    return ", ".join(said)


def _of(edition: str) -> str:
    return f", {one_line(edition, 60)}" if edition else ""


def _wh(value: float) -> str:
    return numbers.significant(value, 3)


drawing.register(LabelData, text=text_of, html=svg_of)
