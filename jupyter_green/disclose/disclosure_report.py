"""Rendering of a disclosure: text, Markdown, and HTML with two bars.

Device energy and device energy with building overhead are shown together with their ratio, because either figure alone
can mislead by that factor. Estimates have a section of their own.
"""

from __future__ import annotations

import math
import time

from jupyter_green.reporting import document, numbers, renderers
from jupyter_green.reporting.formatted_energy import FormattedEnergy
from jupyter_green.reporting.record.style import STYLE
from jupyter_green.reporting.sanitize import encodable, markup, one_line
from jupyter_green.reporting.section import Section

from .disclosure import NO_REGION, WATER_BAND, Disclosure

WIDTH, BAR = 420, 16


def sections(disclosure: Disclosure) -> list[Section]:
    """Return the sections of the report."""
    return [
        Section("What was used", _energy_facts(disclosure)),
        Section("Hardware and software", _circumstances(disclosure)),
        Section("Not included", lines=list(disclosure.unmetered)),
        Section("Estimates, never measured", _estimates(disclosure)),
    ]


def text(disclosure: Disclosure) -> str:
    """Return the disclosure as plain text."""
    return document.text(_title(disclosure), sections(disclosure))


def markdown(disclosure: Disclosure) -> str:
    """Return the disclosure as Markdown."""
    return document.markdown(_title(disclosure), sections(disclosure))


def html(disclosure: Disclosure) -> str:
    """Return the disclosure as HTML without scripts."""
    body = "".join(section.html() for section in sections(disclosure))
    head = document.heading(_title(disclosure))
    return encodable(f'{STYLE}<div class="jg jg-doc">{head}{shares(disclosure)}{boundaries(disclosure)}{body}</div>')


def page(disclosure: Disclosure) -> str:
    """Return the disclosure as an HTML page that runs no scripts and loads nothing."""
    return document.page(_title(disclosure), html(disclosure))


def shares(disclosure: Disclosure) -> str:
    """Return a bar of the measured share of the energy, as HTML."""
    measured = min(1.0, max(0.0, disclosure.measured_share))
    other = "simulated" if disclosure.quality == "simulated" else "estimated"
    caption = f"measured {numbers.whole_percent(measured)}, {other} {numbers.whole_percent(1 - measured)}"
    return _picture(
        caption,
        [(measured, "measured", "var(--jg-gpu)"), (1 - measured, other, "var(--jg-track)")],
        "Measured and estimated",
    )


def boundaries(disclosure: Disclosure) -> str:
    """Return a bar of the GPUs' share of all energy with PUE, as HTML; empty if no GPU was read."""
    if disclosure.accelerator_joules is None or disclosure.wide_ratio is None:
        return ""
    inner = 1 / disclosure.wide_ratio
    caption = (
        f"accelerators {numbers.whole_percent(inner)} of all devices with PUE {disclosure.pue:g}: "
        f"{disclosure.wide_ratio:.2f}×"
    )
    return _picture(
        caption,
        [(min(1.0, inner), "accelerators", "var(--jg-gpu)"), (max(0.0, 1 - inner), "the rest", "var(--jg-track)")],
        "Two boundaries",
    )


def _picture(caption: str, parts: list[tuple[float, str, str]], title: str) -> str:
    x, drawn = 0.0, ""
    for share, _, fill in parts:
        drawn += f'<rect x="{x:.1f}" y="0" width="{share * WIDTH:.1f}" height="{BAR}" fill="{fill}"/>'
        x += share * WIDTH
    edge = f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{BAR - 1}" fill="none" stroke="var(--jg-muted)"/>'
    return (
        f'<div class="jg-det"><div class="muted">{markup(title)}</div><svg role="img" width="{WIDTH}" height="{BAR}" '
        f'viewBox="0 0 {WIDTH} {BAR}" style="max-width:100%"><title>{markup(caption)}</title>{drawn}{edge}</svg>'
        f"<div>{markup(caption)}</div></div>"
    )


def _title(disclosure: Disclosure) -> str:
    return f"Energy of {one_line(disclosure.name, 120)}"


def _energy_facts(disclosure: Disclosure) -> list[tuple[str, str]]:
    uncertainty = disclosure.uncertainty if math.isfinite(disclosure.uncertainty) else None
    figure = FormattedEnergy(
        disclosure.joules,
        uncertainty,
        disclosure.quality,
        disclosure.measured_share,
        uncertainty is not None and uncertainty >= disclosure.joules,
    )
    kwh = numbers.watt_hours(disclosure.joules)
    rows = [
        ("Energy", f"{figure}, {kwh} · {figure.standing}"),
        ("Measured share", numbers.whole_percent(disclosure.measured_share)),
        ("Accelerators alone", _accelerators(disclosure)),
        ("With PUE", _building(disclosure)),
        ("Per unit", _per_unit(disclosure)),
        ("CO2e", _carbon(disclosure)),
        ("Cost", _cost(disclosure)),
        ("For", _purpose(disclosure)),
    ]
    return [(term, value) for term, value in rows if value]


def _accelerators(disclosure: Disclosure) -> str:
    if disclosure.accelerator_joules is None:
        return ""
    ratio = "" if disclosure.wide_ratio is None else f"; all devices with PUE are {disclosure.wide_ratio:.2f}× that"
    return f"{numbers.watt_hours(disclosure.accelerator_joules)}{ratio}"


def _building(disclosure: Disclosure) -> str:
    if disclosure.valuation.pue is None:
        return "PUE not stated: 1, as for your own machine"
    return f"{numbers.watt_hours(disclosure.joules * disclosure.pue)} (PUE {disclosure.pue:g})"


def _per_unit(disclosure: Disclosure) -> str:
    if not disclosure.units:
        return ""
    each = numbers.watt_hours(disclosure.joules / disclosure.units)
    return f"{each} per {one_line(disclosure.unit, 40)} ({disclosure.units:,.0f} of them)"


def _carbon(disclosure: Disclosure) -> str:
    if disclosure.grams is None:
        return NO_REGION
    band = disclosure.grams_band
    interval = ""
    if band is not None and math.isfinite(band[1]):
        interval = f" ({numbers.carbon(band[0])} to {numbers.carbon(band[1])})"
    return f"{numbers.carbon(disclosure.grams)}{interval}: {one_line(disclosure.valuation.source or '', 300)}"


def _cost(disclosure: Disclosure) -> str:
    if disclosure.valuation.tariff is None:
        return ""
    return f"{numbers.money(disclosure.cost, disclosure.valuation.tariff.currency)} (at {disclosure.valuation.tariff})"


def _purpose(disclosure: Disclosure) -> str:
    return ", ".join(part for part in (disclosure.phase, disclosure.training_type) if part)


def _circumstances(disclosure: Disclosure) -> list[tuple[str, str]]:
    used = disclosure.utilisation
    worked = numbers.seconds(3600 * disclosure.hours)
    together = numbers.seconds(3600 * (disclosure.hours * disclosure.count))
    rows = [
        ("Hardware", "; ".join(one_line(name, 120) for name in disclosure.hardware)),
        ("Devices", f"{disclosure.count}{'' if disclosure.accelerator_joules is None else ' (accelerators alone)'}"),
        ("Hours", f"{worked} of work{'' if disclosure.count == 1 else f', {together} of all devices together'}"),
        ("Utilisation", f"{numbers.whole_percent(used.share)} ({one_line(used.what, 120)})"),
        ("Software", ", ".join(one_line(name, 80) for name in disclosure.software)),
        ("Boundary", one_line(disclosure.boundary, 400)),
        ("Where", one_line(disclosure.location, 120) or "not stated"),
        ("When", f"{_moment(disclosure.started_at)} to {_moment(disclosure.ended_at)}"),
        ("Optimizations", ", ".join(one_line(item, 120) for item in disclosure.techniques) or "none stated"),
        ("Verified", one_line(disclosure.verification, 200)),
    ]
    return [(term, value) for term, value in rows if value]


def _estimates(disclosure: Disclosure) -> list[tuple[str, str]]:
    estimate = disclosure.water
    water = "no figure for this region"
    if estimate is not None:
        low, high = estimate.litres * (1 - WATER_BAND), estimate.litres * (1 + WATER_BAND)
        digits = [numbers.significant(value, 2) for value in (estimate.litres, low, high)]
        water = f"~{digits[0]} l ({digits[1]} to {digits[2]}): {estimate.source}"
    embodied = "not stated"
    if disclosure.embodied is not None:
        share = disclosure.embodied
        band = f"{numbers.carbon(share.low)} to {numbers.carbon(share.high)}"
        embodied = f"~{numbers.carbon(share.grams)} ({band}): {share.source}"
    heat = numbers.watt_hours(disclosure.heat_joules)
    return [
        ("Water", water),
        ("Heat that could be used", f"~{heat}: an estimate, nothing was captured"),
        ("Embodied CO2e", embodied),
    ]


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M %z", time.localtime(seconds))


renderers.register(Disclosure, text=text, html=html)
