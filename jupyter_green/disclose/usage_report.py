"""How the report of a period looks: the same words as text, Markdown and HTML, and pictures of its days and shares."""

from __future__ import annotations

import time
from collections.abc import Iterable

from jupyter_green.impact import equivalents
from jupyter_green.records import EnergyRecord
from jupyter_green.reporting import document, drawing, numbers
from jupyter_green.reporting.formatted_energy import FormattedEnergy
from jupyter_green.reporting.record.style import STYLE
from jupyter_green.reporting.run.statement import BOUNDARY, INTERVAL, SET_TARIFF
from jupyter_green.reporting.sanitize import encodable, markup, one_line
from jupyter_green.reporting.section import Section
from jupyter_green.reporting.share_text import SET_REGION

from .period import Period

WIDTH, HEIGHT = 620, 120
PIXELS = 0.5
"""Least height of a day's bar that used anything."""


def text(period: Period) -> str:
    """Return it as plain text."""
    return document.text(_title(period), sections(period))


def markdown(period: Period) -> str:
    """Return it as Markdown."""
    return document.markdown(_title(period), sections(period))


def html(period: Period) -> str:
    """Return it as HTML without scripts."""
    body = "".join(section.html() for section in sections(period))
    head = document.heading(_title(period))
    return encodable(f'{STYLE}<div class="jg jg-doc">{head}{days(period)}{shares(period)}{body}</div>')


def page(period: Period) -> str:
    """Return it as a page of its own, which runs nothing and loads nothing."""
    return document.page(_title(period), html(period))


def sections(period: Period) -> list[Section]:
    """Return what is said, in the order in which people ask."""
    found = [
        Section("Total", _total(period)),
        Section("Against the runs before", lines=_against(period)),
        Section("Dearest cells", lines=_dearest(period)),
        Section("Made cheaper", lines=_shrinks(period.cheaper)),
        Section("Tried, not proven to be cheaper", lines=_shrinks(_unproven(period))),
        Section("By project", lines=_projects(period)),
        Section("That is about", lines=_equivalents(period)),
        Section("What this is", _made(period), [BOUNDARY, INTERVAL]),
    ]
    return [section for section in found if section.facts or section.lines]


def days(period: Period) -> str:
    """Return a picture of the energy of each day; nothing for fewer than two."""
    found = {day: summed.joules for day, summed in period.days().items()}
    known = {day: joules for day, joules in found.items() if joules is not None and joules > 0}
    if len(known) < 2:
        return ""
    most, width = max(known.values()), WIDTH / len(found)
    bars = ""
    for place, (day, joules) in enumerate(found.items()):
        if joules is None or joules <= 0:
            continue
        tall = max(PIXELS, (HEIGHT - 20) * joules / most)
        said = markup(f"{day}: {numbers.watt_hours(joules)}")
        bars += (
            f'<rect x="{place * width + 1:.1f}" y="{HEIGHT - 16 - tall:.1f}" width="{max(1.0, width - 2):.1f}" '
            f'height="{tall:.1f}" fill="var(--jg-gpu)"><title>{said}</title></rect>'
        )
    first, last = next(iter(found)), list(found)[-1]
    words = (
        f'<text x="0" y="{HEIGHT - 3}" fill="var(--jg-ink)">{first}</text>'
        f'<text x="{WIDTH}" y="{HEIGHT - 3}" text-anchor="end" fill="var(--jg-ink)">{last}</text>'
    )
    title = f"Energy of {len(found)} days with metered work; the most was {numbers.watt_hours(most)}"
    return (
        f'<div class="jg-det"><svg role="img" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'style="max-width:100%;height:auto" font-size="11"><title>{markup(title)}</title>{bars}{words}</svg></div>'
    )


def shares(period: Period) -> str:
    """Return a picture of how much was measured and estimated."""
    measured = period.sum.measured_share
    if measured is None:
        return ""
    other = "simulated" if period.sum.quality == "simulated" else "estimated"
    said = markup(f"measured {numbers.whole_percent(measured)}, {other} {numbers.whole_percent(1 - measured)}")
    inner = max(0.0, min(1.0, measured)) * WIDTH
    return (
        f'<div class="jg-det"><svg role="img" viewBox="0 0 {WIDTH} 14" width="{WIDTH}" height="14" '
        f'style="max-width:100%"><title>{said}</title><rect width="{inner:.1f}" height="14" fill="var(--jg-gpu)"/>'
        f'<rect x="{inner:.1f}" width="{WIDTH - inner:.1f}" height="14" fill="var(--jg-track)"/></svg>'
        f"<div>{said}</div></div>"
    )


def _title(period: Period) -> str:
    whose = f" of {one_line(period.project, 80)}" if period.project else ""
    return f"Energy{whose}, {_day(period.since)} to {_day(period.until)}"


def _total(period: Period) -> list[tuple[str, str]]:
    summed = period.sum
    count = f"{numbers.fixed(period.stretches, 0)} stretches of work, {numbers.seconds(summed.seconds)}"
    left_out = period.sums.simulated_left_out
    said = [
        ("Energy", f"{_figure(summed)} · {count}" if period.sums.parts else "nothing was metered"),
        ("Whose", "everyone who writes to this ledger" if period.everyone else ""),
        ("Of it measured", "" if summed.measured_share is None else numbers.whole_percent(summed.measured_share)),
        ("Of it between cells", _figure(period.gaps) if period.gaps else ""),
        ("Unmetered", _unmetered(period)),
        ("CO2e", _carbon(period)),
        ("Cost", _cost(period)),
        ("Simulated", f"{left_out} records left out: they are no measurements" if left_out else ""),
        ("Problem", one_line(period.problem, 400)),
    ]
    return [(term, told) for term, told in said if told]


def _figure(record: EnergyRecord) -> str:
    figure = FormattedEnergy.of(record)
    if figure.joules is None:
        return "no reading"
    kwh = numbers.watt_hours(record.joules)
    spread = "" if figure.uncertainty is None else f" ± {numbers.watt_hours(figure.uncertainty)}"
    return f"{kwh}{spread} ({figure}), {figure.standing}"


def _unmetered(period: Period) -> str:
    share = period.unmetered_share
    if share is None:
        return ""
    return (
        f"{numbers.whole_percent(share)} of the time of work has no reading "
        f"({period.unread} of {period.stretches} stretches); "
        "what runs elsewhere, such as calls of an API, is in no figure here"
    )


def _carbon(period: Period) -> str:
    if period.valuation.intensity is None:
        return f"not told, because no region is set: {SET_REGION}"
    summed = period.sum
    if summed.co2e_grams is None or not summed.joules:
        return "not told, because there is no reading"
    part = (summed.uncertainty or 0.0) / summed.joules
    source = one_line(summed.co2e_source or "", 300)
    return f"{numbers.carbon(summed.co2e_grams)} ± {numbers.whole_percent(part)} ({source})"


def _cost(period: Period) -> str:
    if period.valuation.tariff is None:
        return f"not told, because no tariff is set: {SET_TARIFF}"
    summed = period.sum
    if summed.cost is None:
        return "not told, because there is no reading"
    return f"{numbers.price(summed.cost, summed.currency)} (at {period.valuation.tariff})"


def _against(period: Period) -> list[str]:
    found = period.against
    runs = found.more + found.less + found.unproven
    if not runs and not found.alone:
        return []
    said = []
    if found.more:
        joules = numbers.energy(found.excess, found.excess_uncertainty)
        said.append(f"{joules} excess in {_runs(found.more)} that provably used more.")
    if found.less:
        joules = numbers.energy(found.saved, found.saved_uncertainty)
        said.append(f"{joules} saved in {_runs(found.less)} that provably used less.")
    if found.unproven:
        said.append(f"{_runs(found.unproven)} without a proven difference.")
    if found.alone:
        said.append(f"{_runs(found.alone)} with no earlier run in this period to be held against.")
    return [numbers.plain(line) for line in said]


def _runs(count: int) -> str:
    return f"{count} run" if count == 1 else f"{count} runs"


def _dearest(period: Period) -> list[str]:
    whole = period.sum.joules
    found = []
    for name, record, times in period.dearest:
        share = numbers.whole_percent((record.joules or 0.0) / whole) if whole else numbers.ABSENT
        ran = "once" if times == 1 else f"{times} times"
        found.append(f"{one_line(name, 80)}: {_figure(record)}, {share} of all, ran {ran}")
    return found


def _unproven(period: Period) -> list[EnergyRecord]:
    proven = {record.id for record in period.cheaper}
    return [record for record in period.shrinks if record.id not in proven]


def _shrinks(records: Iterable[EnergyRecord]) -> list[str]:
    return [f"{one_line(record.label, 240)} (the search took {_figure(record)})" for record in records]


def _projects(period: Period) -> list[str]:
    found = period.projects()
    if period.project or len(found) < 2:
        return []
    ordered = sorted(found, key=lambda name: -(found[name].joules or 0.0))
    return [
        f"{one_line(name.replace(chr(92), '/').rpartition('/')[2], 80)}: {_figure(found[name])}" for name in ordered
    ]


def _equivalents(period: Period) -> list[str]:
    if not period.equivalents or period.sum.joules is None or period.sum.joules < 0:
        return []
    found = equivalents(period.sum.joules, period.sum.co2e_grams)
    return [f"{one} ({one.source})" for one in found]


def _made(period: Period) -> list[tuple[str, str]]:
    said = [("Made", time.strftime("%Y-%m-%d %H:%M %z", time.localtime(period.until)))]
    return said + ([("With", ", ".join(period.versions))] if period.versions else [])


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(seconds))


drawing.register(Period, text=text, html=html)
