"""A record as static HTML: one sentence, and expandable details.

`<details>` needs no script and works with the keyboard, in exported pages and in viewers that strip styles and
images. No information is given by colour or images alone. All foreign text is cleaned and escaped.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from jupyter_green.records import Component, EnergyRecord
from jupyter_green.reporting import numbers
from jupyter_green.reporting.numbers import THIN
from jupyter_green.reporting.sanitize import markup, one_line

from .details import device_name, facts
from .power_chart import drawable, svg
from .sentence import Clause, attributed, clauses, read, why_absent
from .style import STYLE, icon

_WAYS = {"counter": "counter", "power": "power over time", "model": "model"}
_LEAST_POINTS = 3
_MOST_ROUNDING = 0.25
# In an untrusted notebook, JupyterLab strips our style sheet and keeps only inline styles.
_LEFT = ' style="text-align:left"'  # JupyterLab aligns tables to the right
_BESIDE = ' style="list-style-position:outside;margin-left:16px"'  # else the arrow takes a line of its own


def html(record: EnergyRecord) -> str:
    """Return the record as self-contained HTML."""
    sentence_clauses = clauses(record)
    # A separate block, so that it stays readable if a sanitiser prints the elements around it as text.
    summary = f'{_icon(record, sentence_clauses)}<div class="jg-say">{summary_markup(sentence_clauses)}</div>'
    if not record.final:
        return f'{STYLE}<div class="jg jg-rec plain">{summary}</div>'
    details = _share(record) + _course(record) + _table(record) + definitions(facts(record))
    return (
        f'{STYLE}<details class="jg jg-rec"><summary{_BESIDE}>{summary}</summary>'
        f'<div class="jg-det">{details}</div></details>'
    )


def summary_markup(said: Iterable[Clause]) -> str:
    """Return clauses as HTML, separated by dots."""
    tags = {"strong": "b", "code": "code"}
    parts = []
    for clause in said:
        pieces = []
        for piece in clause:
            tag = tags.get(piece.style)
            text = markup(piece.text)
            pieces.append(f"<{tag}>{text}</{tag}>" if tag else text)
        parts.append("".join(pieces))
    return ' <span class="dot">·</span> '.join(parts)


def definitions(facts: Iterable[tuple[str, str]]) -> str:
    """Return pairs of a term (text) and its definition (HTML) as a definition list."""
    rows = "".join(f"<dt>{markup(term)}</dt><dd>{definition}</dd>" for term, definition in facts if definition)
    return f'<dl class="jg-dl">{rows}</dl>' if rows else ""


def _icon(record: EnergyRecord, said: list[Clause]) -> str:
    if not record.final:
        return icon("running")
    if record.status in ("error", "interrupted", "killed"):
        return icon(record.status)
    return icon("about") if any(attributed(part) for part in read(record)) else ""


# ---- devices --------------------------------------------------------------------------------------


def _swatch(part: Component) -> str:
    kind = part.kind if part.kind in ("gpu", "cpu", "dram") else "other"
    standing = {"estimated": " est", "simulated": " sim"}.get(part.quality, " est" if attributed(part) else "")
    return f'<i class="sw {kind}{" none" if part.joules is None else standing}"></i>'


def _how(part: Component) -> str:
    if part.joules is None:
        return "no reading"
    method = _WAYS.get(part.method, "model")
    if part.method == "model" and part.kind == "cpu":
        method = "processor time"
    if attributed(part):
        return f"{part.quality} board, attributed" if part.quality == "measured" else f"{part.quality}, attributed"
    return f"{part.quality}, {method}"


def _covers(part: Component) -> str:
    parts = [one_line(part.scope)] if part.scope else []
    if numbers.known(part.tick_seconds) and part.method != "model" and part.joules is not None:
        parts.append(f"{_WAYS.get(part.method, 'reading').split()[0]} every {numbers.seconds(part.tick_seconds)}")
    if part.joules is None and part.note:
        parts = [why_absent(part)]
    return ", ".join(parts)


def _table(record: EnergyRecord) -> str:
    if not record.components:
        return ""
    unit = numbers.unit_of_column((part.joules, part.uncertainty) for part in record.components)
    total, spread = numbers.energy(record.joules, record.uncertainty, unit), record.uncertainty
    decimals = total.decimals if spread is not None and math.isfinite(spread) else None
    means = [part.joules / record.seconds for part in read(record) if part.joules is not None and record.seconds > 0]
    power_decimals = numbers.places(max(means, default=0.0), 2)
    rows = []
    for part in record.components:
        value, error = cells(part.joules, part.uncertainty, unit, decimals)
        bound = not numbers.known(part.joules) or is_bound(part.joules, part.uncertainty) or record.seconds <= 0
        power = numbers.ABSENT if bound else numbers.fixed_or_own((part.joules or 0.0) / record.seconds, power_decimals)
        figures = _figure(value, unit=unit.symbol) + _figure(error, sign="±") + _figure(power, unit="W")
        rows.append(
            f'<tr><th scope="row"{_LEFT}>{_swatch(part)}{markup(device_name(part))}</th>{figures}'
            f'<td{_LEFT}>{markup(_how(part))}</td><td class="muted"{_LEFT}>{markup(_covers(part))}</td></tr>'
        )
    return (
        f'<table class="jg-comp jg-dev"><thead><tr><th scope="col"{_LEFT}>Device</th>'
        f'<th scope="col" class="r">{unit.symbol}</th><th scope="col" class="r">±</th>'
        f'<th scope="col" class="r">W mean</th><th scope="col"{_LEFT}>How</th>'
        f'<th scope="col"{_LEFT}>What it covers</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _figure(written: str, unit: str = "", sign: str = "") -> str:
    """Return a table cell with a figure; its unit or sign is shown where headings are hidden (narrow pages)."""
    if written == numbers.ABSENT:
        return f'<td class="r absent">{written}</td>'
    attributes = (f' data-unit="{unit}"' if unit else "") + (f' data-sign="{sign}"' if sign else "")
    return f'<td class="r"{attributes}>{written}</td>'


def is_bound(joules: float | None, uncertainty: float | None) -> bool:
    """Whether only an upper bound of an energy is known, because its interval includes 0."""
    return numbers.known(joules) and numbers.known(uncertainty) and uncertainty >= joules


def cells(joules: float | None, uncertainty: float | None, unit: numbers.Unit, decimals: int | None) -> tuple[str, str]:
    """Return an energy and its ± as two table cells, in the column's unit and, where possible, its decimals.

    A row whose ± would be badly rounded at the column's decimals gets its own. If the interval includes 0, the
    result is an upper bound.
    """
    if not numbers.known(joules):
        return numbers.ABSENT, numbers.ABSENT
    if not numbers.known(uncertainty):
        return numbers.energy(joules, None, unit).value, numbers.ABSENT
    if is_bound(joules, uncertainty):
        return f"≤{THIN}{numbers.ceiling(max(0.0, joules + uncertainty) / unit.joules)}", numbers.ABSENT
    value, spread = joules / unit.joules, uncertainty / unit.joules
    own_decimals = numbers.uncertainty_decimals(spread)
    too_coarse = decimals is not None and abs(round(spread, decimals) - spread) > _MOST_ROUNDING * spread
    used_decimals = own_decimals if decimals is None or too_coarse else decimals
    return numbers.fixed(value, used_decimals), numbers.fixed(spread, used_decimals)


def _share(record: EnergyRecord) -> str:
    bars = []
    for part in read(record):
        total, own = part.joules, part.own_joules
        if not attributed(part) or total is None or own is None or not 0 <= own <= total or total <= 0:
            continue
        idle = part.idle_joules if part.idle_joules is not None and 0 <= part.idle_joules <= total - own else None
        shares = [("gpu est", "this kernel {}, attributed", own)]
        shares.append(("dram", "others {}" if idle is not None else "others and idle {}", total - own - (idle or 0.0)))
        if idle is not None:
            shares.append(("rest", "idle {}, to nobody", idle))
        unit = numbers.unit_for([total])
        decimals = numbers.energy(total, part.uncertainty, unit).decimals
        keys = [(style, name.format(numbers.energy_within(v, decimals, unit))) for style, name, v in shares]
        text = (
            f"Of {numbers.energy_within(total, decimals, unit)} of {device_name(part)}: {'; '.join(w for _, w in keys)}"
        )
        segments = "".join(f'<i class="{s}" style="width:{100 * v / total:.1f}%"></i>' for s, _, v in shares)
        legend = '<span class="dot">; </span>'.join(
            f'<span><i class="sw {style}"></i>{markup(label)}</span>' for style, label in keys
        )
        bars.append(
            f'<div class="jg-share" role="img" aria-label="{markup(text)}">{segments}</div>'
            f'<div class="jg-sk">{legend}</div>'
        )
    return "".join(bars)


def _course(record: EnergyRecord) -> str:
    if record.trace is None or drawable(record.trace) < _LEAST_POINTS:
        return ""
    return svg(record.trace, width=420)
