"""Rendering of a period's usage report: text, Markdown and HTML with charts of the days and of the measured share."""

from __future__ import annotations

import time
from collections.abc import Iterable

from jupyter_green.impact import equivalents
from jupyter_green.records import EnergyRecord
from jupyter_green.reporting import document, numbers, renderers
from jupyter_green.reporting.formatted_energy import FormattedEnergy
from jupyter_green.reporting.record.style import STYLE
from jupyter_green.reporting.run.run_report import BOUNDARY, INTERVAL, SET_TARIFF
from jupyter_green.reporting.sanitize import encodable, markup, one_line
from jupyter_green.reporting.section import Section
from jupyter_green.reporting.share_text import SET_REGION

from .period import Period

WIDTH, HEIGHT = 620, 120
PIXELS = 0.5
"""Smallest height of a day's bar, in pixels."""


def text(period: Period) -> str:
    """Return the report as plain text."""
    return document.text(_title(period), sections(period))


def markdown(period: Period) -> str:
    """Return the report as Markdown."""
    return document.markdown(_title(period), sections(period))


def html(period: Period) -> str:
    """Return the report as HTML without scripts."""
    body = "".join(section.html() for section in sections(period))
    head = document.heading(_title(period))
    return encodable(f'{STYLE}<div class="jg jg-doc">{head}{days(period)}{shares(period)}{body}</div>')


def page(period: Period) -> str:
    """Return the report as an HTML page that runs no scripts and loads nothing."""
    return document.page(_title(period), html(period))


def sections(period: Period) -> list[Section]:
    """Return the sections of the report, most important first."""
    candidates = [
        Section("Total", _total(period)),
        Section("Compared with earlier runs", lines=_against(period)),
        Section("Cells with the most energy", lines=_top_cells(period)),
        Section("Made cheaper", lines=_shrinks(period.cheaper)),
        Section("Tried, not proven to be cheaper", lines=_shrinks(_unproven(period))),
        Section("By project", lines=_projects(period)),
        Section("Equivalent to about", lines=_equivalents(period)),
        Section("What this is", _made(period), [BOUNDARY, INTERVAL]),
    ]
    return [section for section in candidates if section.facts or section.lines]


def days(period: Period) -> str:
    """Return a bar chart of the energy per day, as HTML; empty for fewer than two days."""
    energies = {day: summed.joules for day, summed in period.days().items()}
    positive = {day: joules for day, joules in energies.items() if joules is not None and joules > 0}
    if len(positive) < 2:
        return ""
    largest, width = max(positive.values()), WIDTH / len(energies)
    bars = ""
    for number, (day, joules) in enumerate(energies.items()):
        if joules is None or joules <= 0:
            continue
        height = max(PIXELS, (HEIGHT - 20) * joules / largest)
        caption = markup(f"{day}: {numbers.watt_hours(joules)}")
        bars += (
            f'<rect x="{number * width + 1:.1f}" y="{HEIGHT - 16 - height:.1f}" width="{max(1.0, width - 2):.1f}" '
            f'height="{height:.1f}" fill="var(--jg-gpu)"><title>{caption}</title></rect>'
        )
    first, last = next(iter(energies)), list(energies)[-1]
    axis = (
        f'<text x="0" y="{HEIGHT - 3}" fill="var(--jg-ink)">{first}</text>'
        f'<text x="{WIDTH}" y="{HEIGHT - 3}" text-anchor="end" fill="var(--jg-ink)">{last}</text>'
    )
    title = f"Energy of {len(energies)} days with metered work; the most was {numbers.watt_hours(largest)}"
    return (
        f'<div class="jg-det"><svg role="img" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'style="max-width:100%;height:auto" font-size="11"><title>{markup(title)}</title>{bars}{axis}</svg></div>'
    )


def shares(period: Period) -> str:
    """Return a bar of the measured and estimated shares, as HTML."""
    measured = period.sum.measured_share
    if measured is None:
        return ""
    other = "simulated" if period.sum.quality == "simulated" else "estimated"
    caption = markup(f"measured {numbers.whole_percent(measured)}, {other} {numbers.whole_percent(1 - measured)}")
    width = max(0.0, min(1.0, measured)) * WIDTH
    return (
        f'<div class="jg-det"><svg role="img" viewBox="0 0 {WIDTH} 14" width="{WIDTH}" height="14" '
        f'style="max-width:100%"><title>{caption}</title><rect width="{width:.1f}" height="14" fill="var(--jg-gpu)"/>'
        f'<rect x="{width:.1f}" width="{WIDTH - width:.1f}" height="14" fill="var(--jg-track)"/></svg>'
        f"<div>{caption}</div></div>"
    )


def _title(period: Period) -> str:
    project = f" of {one_line(period.project, 80)}" if period.project else ""
    return f"Energy{project}, {_day(period.since)} to {_day(period.until)}"


def _total(period: Period) -> list[tuple[str, str]]:
    summed = period.sum
    count = f"{numbers.fixed(period.stretches, 0)} cells and windows, {numbers.seconds(summed.seconds)}"
    left_out = period.sums.simulated_left_out
    rows = [
        ("Energy", f"{_figure(summed)} · {count}" if period.sums.parts else "nothing was metered"),
        ("Whose", "all users of this ledger" if period.everyone else ""),
        ("Measured share", "" if summed.measured_share is None else numbers.whole_percent(summed.measured_share)),
        ("Between cells", _figure(period.gaps) if period.gaps else ""),
        ("Unmetered", _unmetered(period)),
        ("CO2e", _carbon(period)),
        ("Cost", _cost(period)),
        ("Simulated", f"{left_out} records left out: they are not measurements" if left_out else ""),
        ("Problem", one_line(period.problem, 400)),
    ]
    return [(term, value) for term, value in rows if value]


def _figure(record: EnergyRecord) -> str:
    figure = FormattedEnergy.of(record)
    if figure.joules is None:
        return "no reading"
    kwh = numbers.watt_hours(record.joules)
    plus_minus = "" if figure.uncertainty is None else f" ± {numbers.watt_hours(figure.uncertainty)}"
    return f"{kwh}{plus_minus} ({figure}), {figure.standing}"


def _unmetered(period: Period) -> str:
    share = period.unmetered_share
    if share is None:
        return ""
    return (
        f"{numbers.whole_percent(share)} of the metered time has no reading "
        f"({period.unread} of {period.stretches} cells and windows); "
        "work elsewhere, such as calls of an API, is not included"
    )


def _carbon(period: Period) -> str:
    if period.valuation.intensity is None:
        return f"no region is set: {SET_REGION}"
    summed = period.sum
    if summed.co2e_grams is None or not summed.joules:
        return "no reading"
    share = (summed.uncertainty or 0.0) / summed.joules
    source = one_line(summed.co2e_source or "", 300)
    return f"{numbers.carbon(summed.co2e_grams)} ± {numbers.whole_percent(share)} ({source})"


def _cost(period: Period) -> str:
    if period.valuation.tariff is None:
        return f"no tariff is set: {SET_TARIFF}"
    summed = period.sum
    if summed.cost is None:
        return "no reading"
    return f"{numbers.price(summed.cost, summed.currency)} (at {period.valuation.tariff})"


def _against(period: Period) -> list[str]:
    difference = period.against
    runs = difference.more + difference.less + difference.unproven
    if not runs and not difference.alone:
        return []
    lines = []
    if difference.more:
        joules = numbers.energy(difference.excess, difference.excess_uncertainty)
        lines.append(f"{joules} excess in {_runs(difference.more)} that provably used more.")
    if difference.less:
        joules = numbers.energy(difference.saved, difference.saved_uncertainty)
        lines.append(f"{joules} saved in {_runs(difference.less)} that provably used less.")
    if difference.unproven:
        lines.append(f"{_runs(difference.unproven)} without a proven difference.")
    if difference.alone:
        lines.append(f"{_runs(difference.alone)} without an earlier run in this period.")
    return [numbers.plain(line) for line in lines]


def _runs(count: int) -> str:
    return f"{count} run" if count == 1 else f"{count} runs"


def _top_cells(period: Period) -> list[str]:
    total = period.sum.joules
    lines = []
    for name, record, times in period.dearest:
        share = numbers.whole_percent((record.joules or 0.0) / total) if total else numbers.ABSENT
        times_run = "once" if times == 1 else f"{times} times"
        lines.append(f"{one_line(name, 80)}: {_figure(record)}, {share} of all, ran {times_run}")
    return lines


def _unproven(period: Period) -> list[EnergyRecord]:
    proven = {record.id for record in period.cheaper}
    return [record for record in period.shrinks if record.id not in proven]


def _shrinks(records: Iterable[EnergyRecord]) -> list[str]:
    return [f"{one_line(record.label, 240)} (the search took {_figure(record)})" for record in records]


def _projects(period: Period) -> list[str]:
    sums = period.projects()
    if period.project or len(sums) < 2:
        return []
    ordered = sorted(sums, key=lambda name: -(sums[name].joules or 0.0))
    return [f"{one_line(name.replace(chr(92), '/').rpartition('/')[2], 80)}: {_figure(sums[name])}" for name in ordered]


def _equivalents(period: Period) -> list[str]:
    if not period.equivalents or period.sum.joules is None or period.sum.joules < 0:
        return []
    comparisons = equivalents(period.sum.joules, period.sum.co2e_grams)
    return [f"{comparison} ({comparison.source})" for comparison in comparisons]


def _made(period: Period) -> list[tuple[str, str]]:
    rows = [("Made", time.strftime("%Y-%m-%d %H:%M %z", time.localtime(period.until)))]
    return rows + ([("With", ", ".join(period.versions))] if period.versions else [])


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(seconds))


renderers.register(Period, text=text, html=html)
