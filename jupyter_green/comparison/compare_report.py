"""The report of a comparison, as text and as HTML: a headline, the details under it, a table, a plot and notes.

"Energy" is written only if it was measured; otherwise the text says "processor time", and joules in the table have a
"~". The cell of a candidate that can't be metered is never 0.
"""

from __future__ import annotations

from jupyter_green.compression.cost.cost_meter import POWER_DIFFERENCE
from jupyter_green.compression.cost.ratio import Ratio
from jupyter_green.compression.report.shrink_report import (
    classes_in_words,
    interval,
    judged_in_words,
    loss_in_words,
    times,
)
from jupyter_green.reporting import numbers, renderers
from jupyter_green.reporting.numbers import ABSENT, plain
from jupyter_green.reporting.record.style import STYLE
from jupyter_green.reporting.sanitize import columns, markup, one_line, pad

from .result import Comparison, Row
from .scatter_plot import scatter

UNMETERED = "unmetered"


def headline(found: Comparison) -> str:
    """Return which candidate to take, in one sentence."""
    if found.keep:
        return f"Keep {one_line(found.best, 60)}."
    row = found.row(found.pick)
    quantity = "energy" if found.basis == "joules" else "processor time"
    if row.ratio is None:
        return f"Take {one_line(found.pick, 60)}{classes_in_words(found.by_class)}; what that saves can't be told."
    about = "" if found.basis == "joules" else "about "
    loss_note = ""
    if row.loss is not None:
        loss_note = f", {loss_in_words(row.loss.value, row.loss.unit)} lost"
    loss_note += classes_in_words(found.by_class)
    saving = f"{about}{interval(row.ratio)} less {quantity} than {one_line(found.best, 60)}{loss_note}"
    return f"Take {one_line(found.pick, 60)}: {saving}."


def second_line(found: Comparison) -> str:
    """Return the figures behind the headline, in one line."""
    accepted = loss_in_words(found.accepted, found.unit)
    if found.max_relative_loss is not None and found.unit == "points":
        accepted = f"{100 * found.max_relative_loss:g} % of the best, {accepted}"
    parts = [found.reason, f"accepted: {accepted}", found.key]
    if found.basis == "cpu_seconds":
        uncertainty = f"±{100 * POWER_DIFFERENCE:.0f} % for power"
        parts.append(f"no sensor measures here: energy is estimated from processor time, {uncertainty}")
    return " · ".join(part for part in parts if part)


def lines_below(found: Comparison) -> list[str]:
    """Return advice, source of the data, cost of the comparison, and notes."""
    lines = list(found.advice)
    lines.append(f"Data: {one_line(found.origin, 200)}." if found.origin else "Data: origin not told (origin=).")
    cost = numbers.seconds(found.cost_seconds)
    if found.cost_joules is not None:
        about = "" if found.cost_quality == "measured" else "~"
        cost += f" and {about}{numbers.energy(found.cost_joules, found.cost_uncertainty)} {found.cost_quality}"
    lines.append(f"Comparing took {cost}.")
    unmetered = [row.name for row in found.rows if row.remote]
    if unmetered:
        share = f"{len(unmetered)} of {len(found.rows)} candidates"
        lines.append(f"Unmetered: {share} ({', '.join(unmetered)}) run elsewhere; their energy is not known, not 0.")
    for row in found.rows:
        lines += [f"{row.name}: {note}" for note in row.notes]
    return [*lines, *found.notes]


def text(found: Comparison) -> str:
    """Return the comparison as plain text."""
    table = [headings(found), *(cells(row, found) for row in found.rows)]
    widths = [max(columns(line[column]) for line in table) for column in range(len(table[0]) - 1)]
    lines = [
        "  ".join([*(pad(cell, widths[n], n > 0) for n, cell in enumerate(line[:-1])), line[-1]]).rstrip()
        for line in table
    ]
    first = f"{headline(found)} {judged_in_words(found.metric_kind, found.metric, found.judged)}"
    return plain("\n".join([first, second_line(found), "", *lines, "", *lines_below(found)]))


def html(found: Comparison) -> str:
    """Return the comparison as HTML without scripts."""
    heads = headings(found)[:-1]
    head = "".join(f'<th scope="col"{_right(n)}>{markup(cell)}</th>' for n, cell in enumerate(heads))
    body = ""
    for row in found.rows:
        first, *rest, verdict = cells(row, found)
        strong = ("<b>", "</b>") if row.name == found.pick else ("", "")
        drawn = "".join(f"<td{_right(n)}>{markup(cell)}</td>" for n, cell in enumerate(rest, 1))
        body += f'<tr><th scope="row">{strong[0]}{markup(first)}{strong[1]}</th>{drawn}</tr>'
        # The verdict has its own row: a column beside ten figures would be too narrow.
        body += f'<tr><td class="muted" colspan="{len(rest) + 1}" style="max-width:none">{markup(verdict)}</td></tr>'
    below = "".join(f"<div>{markup(line)}</div>" for line in lines_below(found))
    judged = judged_in_words(found.metric_kind, found.metric, found.judged)
    return (
        f'{STYLE}<div class="jg"><div><b>{markup(headline(found))}</b> {markup(judged)}</div>'
        f'<div class="muted">{markup(second_line(found))}</div>'
        f'<div class="jg-scroll"><table class="jg-comp"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>{scatter(found)}{below}</div>"
    )


def headings(found: Comparison) -> list[str]:
    """Return the headings of the table."""
    unit = _unit(found).symbol
    loss = "lost, points" if found.unit == "points" else "lost, %"
    heads = [
        "candidate",
        one_line(found.metric, 24),
        loss,
        f"{unit} each",
        f"{unit} per correct",
        "against best",
        "95 %",
    ]
    heads += ["CPU ms", "ms"]
    if any(row.co2e_grams is not None for row in found.rows):
        heads.append("CO₂e per 1,000")
    if any(row.cost is not None for row in found.rows):
        heads.append("cost per 1,000")
    heads += [one_line(f"{found.group}: {key}", 24) for key in _groups(found)]
    if _groups(found):
        heads.append("gap")
    return [*heads, "verdict"]


def cells(row: Row, found: Comparison) -> list[str]:
    """Return a candidate's row of the table."""
    best = row.name == found.best
    values = [
        one_line(row.name, 40),
        ABSENT if row.utility is None else _score(row.utility, found.unit),
        "0" if best else (ABSENT if row.loss is None else f"{100 * row.loss.value:.2f}"),
        _joules(row, row.joules_per_unit, _unit(found)),
        _joules(row, row.joules_per_correct, _unit(found), spread=False),
        "1×" if best and row.ratio is not None else (ABSENT if row.ratio is None else ratio_in_words(row.ratio)),
        "" if best else (ABSENT if row.ratio is None else _around(row.ratio)),
        ABSENT if row.cpu_seconds is None else numbers.significant(1e3 * row.cpu_seconds, 3),
        ABSENT if row.seconds is None else numbers.significant(1e3 * row.seconds, 3),
    ]
    if any(other.co2e_grams is not None for other in found.rows):
        values.append(ABSENT if row.co2e_grams is None else numbers.carbon(1000 * row.co2e_grams).removesuffix(" CO₂e"))
    if any(other.cost is not None for other in found.rows):
        values.append(ABSENT if row.cost is None else numbers.price(1000 * row.cost, row.currency))
    groups = _groups(found)
    values += [_score(row.groups[key], found.unit) if key in row.groups else ABSENT for key in groups]
    if groups:
        values.append(ABSENT if row.group_gap is None else _score(row.group_gap, found.unit))
    reason = f": {row.reason}" if row.reason else ""
    return [*values, one_line(f"{row.standing}{reason}", 240)]


def ratio_in_words(ratio: Ratio) -> str:
    """Return a cost relative to the best: 6.8× less, 2.9× more."""
    return f"{times(ratio.value)} less" if ratio.value <= 1 else f"{times(1 / ratio.value)} more"


def _around(ratio: Ratio) -> str:
    ends = (ratio.high, ratio.low) if ratio.value <= 1 else (1 / ratio.low, 1 / ratio.high)
    return f"{times(ends[0])[:-1]}–{times(ends[1])[:-1]}"


def _unit(found: Comparison) -> numbers.Unit:
    """Return the unit for all energies of the table, from the largest one."""
    return numbers.unit_for(value for row in found.rows for value in (row.joules_per_unit, row.joules_per_correct))


def _joules(row: Row, joules: float | None, unit: numbers.Unit, *, spread: bool = True) -> str:
    if row.remote:
        return UNMETERED
    if joules is None:
        return ABSENT
    about = "" if row.quality == "measured" else "~"
    sim = " simulated" if row.quality == "simulated" else ""
    uncertainty = ""
    if spread and row.uncertainty is not None:
        uncertainty = f" ± {numbers.significant(row.uncertainty / unit.joules, 1)}"
    return f"{about}{numbers.significant(joules / unit.joules, 3)}{uncertainty}{sim}"


def _score(value: float, unit: str) -> str:
    return f"{100 * value:.1f} %" if unit == "points" else numbers.significant(value, 3)


def _groups(found: Comparison) -> list[object]:
    return list(dict.fromkeys(key for row in found.rows for key in row.groups))[:8]


def _right(place: int) -> str:
    return ' class="r"' if place else ""


renderers.register(Comparison, text=text, html=html)
