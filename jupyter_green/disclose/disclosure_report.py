"""A disclosure as text, Markdown and HTML: the same words in each, with two pictures in the last.

Devices alone and devices with the building stand side by side with their ratio, because either alone has misled people
by a factor. What is an estimate by nature stands in a part of its own.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from jupyter_green.reporting import document, numbers
from jupyter_green.reporting.formatted_energy import FormattedEnergy
from jupyter_green.reporting.record.style import STYLE
from jupyter_green.reporting.sanitize import encodable, markup, one_line
from jupyter_green.reporting.section import Section

if TYPE_CHECKING:
    from .disclosure import Disclosure

WIDTH, BAR = 420, 16


def sections(given: Disclosure) -> list[Section]:
    """Return what is said, in parts."""
    return [
        Section("What was used", _used(given)),
        Section("On what", _on_what(given)),
        Section("Not in the figure", lines=list(given.unmetered)),
        Section("Estimates, never measured", _estimates(given)),
    ]


def text(given: Disclosure) -> str:
    """Return it as plain text."""
    return document.text(_title(given), sections(given))


def markdown(given: Disclosure) -> str:
    """Return it as Markdown."""
    return document.markdown(_title(given), sections(given))


def html(given: Disclosure) -> str:
    """Return it as HTML without scripts."""
    body = "".join(section.html() for section in sections(given))
    head = document.heading(_title(given))
    return encodable(f'{STYLE}<div class="jg jg-doc">{head}{shares(given)}{boundaries(given)}{body}</div>')


def page(given: Disclosure) -> str:
    """Return it as a page of its own, which runs nothing and loads nothing."""
    return document.page(_title(given), html(given))


def shares(given: Disclosure) -> str:
    """Return a picture of how much of the energy was measured."""
    measured = min(1.0, max(0.0, given.measured_share))
    other = "simulated" if given.quality == "simulated" else "estimated"
    said = f"measured {numbers.whole_percent(measured)}, {other} {numbers.whole_percent(1 - measured)}"
    return _picture(
        said, [(measured, "measured", "var(--jg-gpu)"), (1 - measured, other, "var(--jg-track)")], "How it is known"
    )


def boundaries(given: Disclosure) -> str:
    """Return a picture of the boards' energy beside all of it with the building; nothing where no board was read."""
    if given.accelerator_joules is None or given.wide_ratio is None:
        return ""
    inner = 1 / given.wide_ratio
    said = f"accelerators {numbers.whole_percent(inner)} of all devices with PUE {given.pue:g}: {given.wide_ratio:.2f}×"
    return _picture(
        said,
        [(min(1.0, inner), "accelerators", "var(--jg-gpu)"), (max(0.0, 1 - inner), "the rest", "var(--jg-track)")],
        "Two boundaries",
    )


def _picture(said: str, parts: list[tuple[float, str, str]], title: str) -> str:
    x, drawn = 0.0, ""
    for share, _, fill in parts:
        drawn += f'<rect x="{x:.1f}" y="0" width="{share * WIDTH:.1f}" height="{BAR}" fill="{fill}"/>'
        x += share * WIDTH
    edge = f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{BAR - 1}" fill="none" stroke="var(--jg-muted)"/>'
    return (
        f'<div class="jg-det"><div class="muted">{markup(title)}</div><svg role="img" width="{WIDTH}" height="{BAR}" '
        f'viewBox="0 0 {WIDTH} {BAR}" style="max-width:100%"><title>{markup(said)}</title>{drawn}{edge}</svg>'
        f"<div>{markup(said)}</div></div>"
    )


def _title(given: Disclosure) -> str:
    return f"Energy of {one_line(given.name, 120)}"


def _used(given: Disclosure) -> list[tuple[str, str]]:
    unsure = given.uncertainty if math.isfinite(given.uncertainty) else None
    figure = FormattedEnergy(
        given.joules, unsure, given.quality, given.measured_share, unsure is not None and unsure >= given.joules
    )
    kwh = numbers.watt_hours(given.joules)
    said = [
        ("Energy", f"{figure}, {kwh} · {figure.standing}"),
        ("Of it measured", numbers.whole_percent(given.measured_share)),
        ("Accelerators alone", _boards(given)),
        ("With the building", _building(given)),
        ("Per unit", _per_unit(given)),
        ("CO2e", _carbon(given)),
        ("Cost", _cost(given)),
        ("For", _purpose(given)),
    ]
    return [(term, told) for term, told in said if told]


def _boards(given: Disclosure) -> str:
    if given.accelerator_joules is None:
        return ""
    ratio = "" if given.wide_ratio is None else f"; all devices with PUE are {given.wide_ratio:.2f}× that"
    return f"{numbers.watt_hours(given.accelerator_joules)}{ratio}"


def _building(given: Disclosure) -> str:
    if given.valuation.pue is None:
        return "PUE not told: 1, as on one's own machine"
    return f"{numbers.watt_hours(given.joules * given.pue)} (PUE {given.pue:g})"


def _per_unit(given: Disclosure) -> str:
    if not given.units:
        return ""
    return (
        f"{numbers.watt_hours(given.joules / given.units)} per {one_line(given.unit, 40)} ({given.units:,.0f} of them)"
    )


def _carbon(given: Disclosure) -> str:
    if given.grams is None:
        from .disclosure import NO_REGION

        return f"not told, because {NO_REGION}"
    band = given.grams_band
    around = ""
    if band is not None and math.isfinite(band[1]):
        around = f" ({numbers.carbon(band[0])} to {numbers.carbon(band[1])})"
    return f"{numbers.carbon(given.grams)}{around}: {one_line(given.valuation.source or '', 300)}"


def _cost(given: Disclosure) -> str:
    if given.valuation.tariff is None:
        return ""
    return f"{numbers.money(given.cost, given.valuation.tariff.currency)} (at {given.valuation.tariff})"


def _purpose(given: Disclosure) -> str:
    return ", ".join(part for part in (given.phase, given.training_type) if part)


def _on_what(given: Disclosure) -> list[tuple[str, str]]:
    used = given.utilisation
    worked, together = (numbers.seconds(3600 * value) for value in (given.hours, given.hours * given.count))
    said = [
        ("Hardware", "; ".join(one_line(name, 120) for name in given.hardware)),
        ("Devices", f"{given.count}{'' if given.accelerator_joules is None else ' (accelerators alone)'}"),
        ("Hours", f"{worked} of work{'' if given.count == 1 else f', {together} of all devices together'}"),
        ("Utilisation", f"{numbers.whole_percent(used.share)} ({one_line(used.what, 120)})"),
        ("Software", ", ".join(one_line(name, 80) for name in given.software)),
        ("Boundary", one_line(given.boundary, 400)),
        ("Where", one_line(given.location, 120) or "not told"),
        ("When", f"{_moment(given.started_at)} to {_moment(given.ended_at)}"),
        ("Done to use less", ", ".join(one_line(item, 120) for item in given.techniques) or "nothing told"),
        ("Verified", one_line(given.verification, 200)),
    ]
    return [(term, told) for term, told in said if told]


def _estimates(given: Disclosure) -> list[tuple[str, str]]:
    from .disclosure import WATER_BAND

    found = given.water
    water = "not told: no figure for this region"
    if found is not None:
        low, high = found.litres * (1 - WATER_BAND), found.litres * (1 + WATER_BAND)
        digits = [numbers.significant(value, 2) for value in (found.litres, low, high)]
        water = f"~{digits[0]} l ({digits[1]} to {digits[2]}): {found.source}"
    embodied = "not told"
    if given.embodied is not None:
        one = given.embodied
        embodied = (
            f"~{numbers.carbon(one.grams)} ({numbers.carbon(one.low)} to {numbers.carbon(one.high)}): {one.source}"
        )
    return [
        ("Water", water),
        ("Heat that could be used", f"~{numbers.watt_hours(given.heat_joules)}: an estimate, nothing was captured"),
        ("Embodied CO2e", embodied),
    ]


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M %z", time.localtime(seconds))
