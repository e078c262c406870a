"""Details of a record, as pairs of a term and its definition.

Estimates are explained here, with a pointer to ``%energy doctor``. What was not metered is named, so that the sum
is not taken for the whole machine.
"""

from __future__ import annotations

import math
from decimal import ROUND_CEILING

from jupyter_green.records import Component, EnergyRecord
from jupyter_green.reporting import numbers
from jupyter_green.reporting.numbers import THIN
from jupyter_green.reporting.sanitize import markup, one_line

from .sentence import DOCTOR, attributed, groups, kind_name, read


def device_name(part: Component) -> str:
    """Return the name of a component's device, cleaned."""
    return one_line(part.device, 80) or kind_name([part])


def facts(record: EnergyRecord) -> list[tuple[str, str]]:
    """Return pairs of a term (text) and its definition (HTML; empty if there is none)."""
    notes = [one_line(note, 400) for note in record.notes]
    for part in record.components:
        if part.note and part.joules is not None and part.quality != "estimated":
            notes.append(f"{device_name(part)}: {one_line(part.note, 400)}")
    return [
        ("Label", markup(one_line(record.label)) if record.label else ""),
        ("Batch size", _batch(record)),
        ("Counted", _counted(record)),
        ("Also", _also(record)),
        ("Split", _split(record)),
        ("Idle share", _idle(record)),
        ("Conditions", _conditions(record)),
        ("Not metered", markup(not_metered(record))),
        ("Why estimated", _why_estimated(record)),
        ("Why simulated", _why_simulated(record)),
        ("Notes" if len(notes) > 1 else "Note", "<br>".join(markup(note) for note in notes)),
        ("Cost of metering", numbers.seconds(record.overhead_seconds) if record.overhead_seconds > 0 else ""),
    ]


def _batch(record: EnergyRecord) -> str:
    if record.batch_size is None:
        return ""
    depends = "; joules per unit depend on it" if record.joules_per_unit is not None else ""
    return f"{numbers.fixed(record.batch_size, 0)} at a time{depends}"


def _counted(record: EnergyRecord) -> str:
    if record.status != "killed" or record.joules is None:
        return ""
    amount = numbers.energy(record.joules, record.uncertainty)
    return f"{amount} up to the last heartbeat, in {numbers.seconds(record.seconds)}"


def _also(record: EnergyRecord) -> str:
    joules, interval = record.joules, record.interval
    if joules is None or not math.isfinite(joules) or joules <= 0:
        return ""
    if interval is not None and record.below_resolution and math.isfinite(interval[1]):
        # If only an upper bound of the energy is known, everything derived from it is a bound too.
        quantities = [f"≤{THIN}{numbers.in_other_unit(interval[1], ROUND_CEILING)}"]
        if record.co2e_grams is not None and math.isfinite(record.co2e_grams):
            quantities.append(f"≤{THIN}{numbers.carbon(record.co2e_grams * interval[1] / joules, ROUND_CEILING)}")
    else:
        quantities = [numbers.in_other_unit(joules)]
        if record.co2e_grams is not None and math.isfinite(record.co2e_grams):
            quantities.append(numbers.with_uncertainty(numbers.carbon(record.co2e_grams), joules, record.uncertainty))
        if record.cost is not None and math.isfinite(record.cost):
            cost = numbers.money(record.cost, one_line(record.currency or "", 8))
            quantities.append(numbers.with_uncertainty(cost, joules, record.uncertainty))
    if len(quantities) > 1 and record.co2e_source and record.co2e_grams is not None:
        quantities[1] += f" ({one_line(record.co2e_source)})"
    return ' <span class="dot">·</span> '.join(markup(text) for text in quantities)


def _split(record: EnergyRecord) -> str:
    if not any(attributed(part) for part in read(record)):
        return ""
    own = record.own_joules
    ours = "" if own is None else f"{numbers.energy(own, record.uncertainty).head} of the total are this kernel’s; "
    return markup(
        f"{ours}the device is read as a whole and its energy attributed by use, which is fair only where all load "
        "it alike; to be sure, run alone"
    )


def _idle(record: EnergyRecord) -> str:
    sentences = []
    for part in read(record):
        if part.idle_joules is None or not math.isfinite(part.idle_joules) or part.joules is None:
            continue
        amount = numbers.energy(part.joules, part.uncertainty)
        idle = numbers.energy_within(part.idle_joules, amount.decimals, numbers.unit_for([part.joules]))
        sentences.append(f"of {amount.head} of {device_name(part)} the idle device would have drawn {idle}")
    return markup("; ".join(sentences))


_THROTTLE = {
    "thermal": "throttled by heat",
    "power_brake": "throttled by a power brake",
    "hardware": "throttled by the hardware",
    "power_cap": "held at its power limit",
}


def _conditions(record: EnergyRecord) -> str:
    sentences = []
    for part in record.components:
        conditions = [
            *([f"up to {numbers.fixed(part.celsius, 0)}{THIN}°C"] if numbers.known(part.celsius) else []),
            *([f"{numbers.fixed(part.clock_mhz, 0)}{THIN}MHz"] if numbers.known(part.clock_mhz) else []),
            *(_THROTTLE.get(code, one_line(code, 40)) for code in part.throttle or ()),
        ]
        sentences += [f"{device_name(part)}: {', '.join(conditions)}"] if conditions else []
    return markup("; ".join(sentences))


def not_metered(record: EnergyRecord) -> str:
    """Return what a record's energy does not include: devices without a reading, and what no sensor covers."""
    has_memory = any(part.kind == "dram" or part.covers_memory for part in read(record))
    absent = dict.fromkeys(device_name(part) for part in record.components if part.joules is None)
    return ", ".join([*absent, *([] if has_memory else ["DRAM"]), "disk", "network", "cooling"])


def _why_estimated(record: EnergyRecord) -> str:
    sentences = []
    for group in groups(record):
        if group[0].quality != "estimated":
            continue
        reasons = list(dict.fromkeys(one_line(part.note, 300).rstrip(".") for part in group if part.note))
        if not reasons:
            substitute = "processor time" if group[0].kind == "cpu" else "a model"
            reason = f"no energy sensor of it could be read, {substitute} is used instead"
            reasons = [reason if group[0].method == "model" else "its sensor reports it only indirectly"]
        sentences.append(f"{kind_name(group)}: {'; '.join(reasons)}")
    if not sentences:
        return ""
    return f"{markup('; '.join(sentences))}. <code>{DOCTOR}</code> lists what can be done."


def _why_simulated(record: EnergyRecord) -> str:
    if record.quality != "simulated":
        return ""
    names = ", ".join(device_name(part) for part in read(record) if part.quality == "simulated")
    return markup(f"{names}: read from a simulated driver, not a measurement")
