"""How the report of a period looks: the same words as text, Markdown and HTML, and pictures of its days and shares."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from jupyter_green.impact import equivalents
from jupyter_green.reporting import document, numbers
from jupyter_green.reporting.formatted_energy import FormattedEnergy
from jupyter_green.reporting.record.style import STYLE
from jupyter_green.reporting.run.statement import BOUNDARY, INTERVAL, SET_TARIFF
from jupyter_green.reporting.sanitize import encodable, markup, one_line
from jupyter_green.reporting.section import Section
from jupyter_green.reporting.share_text import SET_REGION

if TYPE_CHECKING:
    from jupyter_green.records import EnergyRecord

    from .period import Period

WIDTH, HEIGHT = 620, 120
PIXELS = 0.5
"""Least height of a day's bar that used anything."""


def text(given: Period) -> str:
    """Return it as plain text."""
    return document.text(_title(given), sections(given))


def markdown(given: Period) -> str:
    """Return it as Markdown."""
    return document.markdown(_title(given), sections(given))


def html(given: Period) -> str:
    """Return it as HTML without scripts."""
    body = "".join(section.html() for section in sections(given))
    head = document.heading(_title(given))
    return encodable(f'{STYLE}<div class="jg jg-doc">{head}{days(given)}{shares(given)}{body}</div>')


def page(given: Period) -> str:
    """Return it as a page of its own, which runs nothing and loads nothing."""
    return document.page(_title(given), html(given))


def sections(given: Period) -> list[Section]:
    """Return what is said, in the order in which people ask."""
    found = [
        Section("Total", _total(given)),
        Section("Against the runs before", lines=_against(given)),
        Section("Dearest cells", lines=_dearest(given)),
        Section("Made cheaper", lines=_shrinks(given.cheaper)),
        Section("Tried, not proven to be cheaper", lines=_shrinks(_unproven(given))),
        Section("By project", lines=_projects(given)),
        Section("That is about", lines=_equivalents(given)),
        Section("What this is", _made(given), [BOUNDARY, INTERVAL]),
    ]
    return [section for section in found if section.facts or section.lines]


def days(given: Period) -> str:
    """Return a picture of the energy of each day; nothing for fewer than two."""
    found = {day: summed.joules for day, summed in given.days().items()}
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


def shares(given: Period) -> str:
    """Return a picture of how much was measured and estimated."""
    measured = given.sum.measured_share
    if measured is None:
        return ""
    other = "simulated" if given.sum.quality == "simulated" else "estimated"
    said = markup(f"measured {numbers.whole_percent(measured)}, {other} {numbers.whole_percent(1 - measured)}")
    inner = max(0.0, min(1.0, measured)) * WIDTH
    return (
        f'<div class="jg-det"><svg role="img" viewBox="0 0 {WIDTH} 14" width="{WIDTH}" height="14" '
        f'style="max-width:100%"><title>{said}</title><rect width="{inner:.1f}" height="14" fill="var(--jg-gpu)"/>'
        f'<rect x="{inner:.1f}" width="{WIDTH - inner:.1f}" height="14" fill="var(--jg-track)"/></svg>'
        f"<div>{said}</div></div>"
    )


def _title(given: Period) -> str:
    whose = f" of {one_line(given.project, 80)}" if given.project else ""
    return f"Energy{whose}, {_day(given.since)} to {_day(given.until)}"


def _total(given: Period) -> list[tuple[str, str]]:
    summed = given.sum
    count = f"{numbers.fixed(given.stretches, 0)} stretches of work, {numbers.seconds(summed.seconds)}"
    left_out = given.sums.simulated_left_out
    said = [
        ("Energy", f"{_figure(summed)} · {count}" if given.sums.parts else "nothing was metered"),
        ("Whose", "everyone who writes to this ledger" if given.everyone else ""),
        ("Of it measured", "" if summed.measured_share is None else numbers.whole_percent(summed.measured_share)),
        ("Of it between cells", _figure(given.gaps) if given.gaps else ""),
        ("Unmetered", _unmetered(given)),
        ("CO2e", _carbon(given)),
        ("Cost", _cost(given)),
        ("Simulated", f"{left_out} records left out: they are no measurements" if left_out else ""),
        ("Problem", one_line(given.problem, 400)),
    ]
    return [(term, told) for term, told in said if told]


def _figure(record: EnergyRecord) -> str:
    figure = FormattedEnergy.of(record)
    if figure.joules is None:
        return "no reading"
    kwh = numbers.watt_hours(record.joules)
    spread = "" if figure.uncertainty is None else f" ± {numbers.watt_hours(figure.uncertainty)}"
    return f"{kwh}{spread} ({figure}), {figure.standing}"


def _unmetered(given: Period) -> str:
    share = given.unmetered_share
    if share is None:
        return ""
    return (
        f"{numbers.whole_percent(share)} of the time of work has no reading "
        f"({given.unread} of {given.stretches} stretches); "
        "what runs elsewhere, such as calls of an API, is in no figure here"
    )


def _carbon(given: Period) -> str:
    if given.valuation.intensity is None:
        return f"not told, because no region is set: {SET_REGION}"
    summed = given.sum
    if summed.co2e_grams is None or not summed.joules:
        return "not told, because there is no reading"
    part = (summed.uncertainty or 0.0) / summed.joules
    source = one_line(summed.co2e_source or "", 300)
    return f"{numbers.carbon(summed.co2e_grams)} ± {numbers.whole_percent(part)} ({source})"


def _cost(given: Period) -> str:
    if given.valuation.tariff is None:
        return f"not told, because no tariff is set: {SET_TARIFF}"
    summed = given.sum
    if summed.cost is None:
        return "not told, because there is no reading"
    return f"{numbers.price(summed.cost, summed.currency)} (at {given.valuation.tariff})"


def _against(given: Period) -> list[str]:
    found = given.against
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


def _dearest(given: Period) -> list[str]:
    whole = given.sum.joules
    found = []
    for name, record, times in given.dearest:
        share = numbers.whole_percent((record.joules or 0.0) / whole) if whole else numbers.ABSENT
        ran = "once" if times == 1 else f"{times} times"
        found.append(f"{one_line(name, 80)}: {_figure(record)}, {share} of all, ran {ran}")
    return found


def _unproven(given: Period) -> list[EnergyRecord]:
    proven = {record.id for record in given.cheaper}
    return [record for record in given.shrinks if record.id not in proven]


def _shrinks(records: Iterable[EnergyRecord]) -> list[str]:
    return [f"{one_line(record.label, 240)} (the search took {_figure(record)})" for record in records]


def _projects(given: Period) -> list[str]:
    found = given.projects()
    if given.project or len(found) < 2:
        return []
    ordered = sorted(found, key=lambda name: -(found[name].joules or 0.0))
    return [
        f"{one_line(name.replace(chr(92), '/').rpartition('/')[2], 80)}: {_figure(found[name])}" for name in ordered
    ]


def _equivalents(given: Period) -> list[str]:
    if not given.equivalents or given.sum.joules is None or given.sum.joules < 0:
        return []
    found = equivalents(given.sum.joules, given.sum.co2e_grams)
    return [f"{one} ({one.source})" for one in found]


def _made(given: Period) -> list[tuple[str, str]]:
    said = [("Made", time.strftime("%Y-%m-%d %H:%M %z", time.localtime(given.until)))]
    return said + ([("With", ", ".join(given.versions))] if given.versions else [])


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(seconds))
