"""The sentence that summarises a record: energy, uncertainty, devices, duration.

Text and HTML are made from the same clauses, so they can't differ. The sentence is complete without styles and
images. Every figure has its quality (measured, estimated, simulated, attributed); "~" marks a total without a sensor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from jupyter_green.records import Component, EnergyRecord
from jupyter_green.reporting import numbers
from jupyter_green.reporting.numbers import HAIR, THIN
from jupyter_green.reporting.sanitize import one_line

DOT = " · "
DOCTOR = "%energy doctor"
_KINDS = {"gpu": "GPU", "cpu": "CPU", "dram": "DRAM"}
_NAMED_ABSENT = 2


@dataclass(frozen=True)
class Piece:
    """A part of a clause in one style."""

    text: str
    style: Literal["plain", "strong", "code"] = "plain"


Clause = tuple[Piece, ...]


def sentence(record: EnergyRecord) -> str:
    """Return the record as one line of plain text."""
    return numbers.plain(DOT.join("".join(piece.text for piece in clause) for clause in clauses(record)))


def clauses(record: EnergyRecord) -> list[Clause]:
    """Return the clauses of the sentence, the most important first."""
    joules, uncertainty = record.joules, record.uncertainty
    if joules is None or not math.isfinite(joules):
        return _without_reading(record)
    if not record.final:
        return _so_far(record, joules)
    if record.status == "killed":
        return _killed(record)
    if record.below_resolution and uncertainty is not None and math.isfinite(uncertainty):
        return _below(record, max(0.0, joules + uncertainty))
    return _ordinary(record, joules)


# ---- words ----------------------------------------------------------------------------------------


def kind_name(parts: Sequence[Component]) -> str:
    """Return the name of devices of one kind: "GPU", "2 GPUs", or the device's own name if its kind is unknown."""
    kind = _KINDS.get(parts[0].kind)
    if kind is None:
        return (one_line(parts[0].device, 40) or "one device") if len(parts) == 1 else f"{len(parts)} other devices"
    return kind if len(parts) == 1 else f"{len(parts)} {kind}s"


def attributed(part: Component) -> bool:
    """Whether the device was shared, with part of its energy attributed to this process tree."""
    return bool(part.shared) and part.own_joules is not None and part.joules is not None


def read(record: EnergyRecord) -> list[Component]:
    """Return the components that have a reading."""
    return [part for part in record.components if part.joules is not None and math.isfinite(part.joules)]


def only_modelled(record: EnergyRecord) -> bool:
    """Whether all readings come from a model."""
    parts = read(record)
    return bool(parts) and all(part.quality == "estimated" and part.method == "model" for part in parts)


def nothing_sensed(record: EnergyRecord) -> bool:
    """Whether all readings are estimates, so that the total is marked "~"."""
    parts = read(record)
    return bool(parts) and all(part.quality == "estimated" for part in parts)


def groups(record: EnergyRecord) -> list[list[Component]]:
    """Return the components with a reading, grouped by kind, quality and attribution."""
    groups_by_key: dict[tuple[str, str, bool], list[Component]] = {}
    for part in read(record):
        groups_by_key.setdefault((part.kind, part.quality, attributed(part)), []).append(part)
    return list(groups_by_key.values())


def qualities(record: EnergyRecord) -> str:
    """Return the quality of each kind of device: "GPU simulated, CPU estimated"."""
    return ", ".join(f"{kind_name(group)} {group[0].quality}" for group in groups(record))


def quality_word(record: EnergyRecord) -> str:
    """Return the quality of the total: "measured", "85 % measured", "simulated"."""
    if not read(record):
        return "no reading"
    share = record.measured_share
    if record.quality == "estimated" and share is not None and share >= 0.005:
        return f"{numbers.whole_percent(share)} measured"
    return record.quality


def why_absent(part: Component) -> str:
    """Return the note of a device without an energy, to be shown after its name."""
    return one_line(part.note or "no reading came", 300).rstrip(".")


def reason(record: EnergyRecord) -> str:
    """Return why there is no reading: the first non-empty note, after the device's name if it is a device's."""
    if record.joules is not None:
        return "a sensor returned a value that is not a number"
    for part in record.components:
        if part.note and part.note.strip():
            return f"{one_line(part.device, 40)}: {why_absent(part)}"
    for note in record.notes:
        if note.strip():
            return one_line(note, 300).rstrip(".")
    return "no sensor answered" if record.components else "no sensor was found"


def per_unit(record: EnergyRecord) -> str | None:
    """Return "0.310 J ± 0.015 per token", or None if there are no units of work."""
    each, uncertainty = record.joules_per_unit, record.uncertainty
    if each is None or not record.units or not math.isfinite(each):
        return None
    spread = None if uncertainty is None else uncertainty / abs(record.units)
    return f"{numbers.energy(each, spread)} per {_one_of(one_line(record.unit or 'unit', 40))}"


def _one_of(unit: str) -> str:
    """Return the singular of a plain English plural."""
    for ending, singular in (("ies", "y"), ("ches", "ch"), ("shes", "sh"), ("sses", "ss"), ("xes", "x")):
        if unit.endswith(ending) and len(unit) > len(ending) + 1:
            return unit.removesuffix(ending) + singular
    return unit[:-1] if unit.endswith("s") and not unit.endswith(("ss", "us", "is")) and len(unit) > 2 else unit


# ---- clauses --------------------------------------------------------------------------------------


def _say(*texts: str) -> list[Clause]:
    return [(Piece(text),) for text in texts if text]


def _ordinary(record: EnergyRecord, joules: float) -> list[Clause]:
    amount = numbers.energy(joules, record.uncertainty)
    shared = [part for part in read(record) if attributed(part)]
    spread = " ± not known" if amount.uncertainty is None else f" ±{THIN}{amount.uncertainty}"
    about = "~" if nothing_sensed(record) else ""
    result: list[Clause] = [(Piece(f"{about}{amount.head}", "strong"), Piece(spread + (" in all" if shared else "")))]
    result += _devices(record, amount)
    result += _absent(record)
    result += _say(_lasted(record), per_unit(record) or "", *_impact(record))
    return result


def _devices(record: EnergyRecord, amount: numbers.Amount) -> list[Clause]:
    if only_modelled(record):
        names = " and ".join(dict.fromkeys(kind_name(group) for group in groups(record)))
        why = "no sensor was read" if _absent(record) else "no sensor can be read"
        return [(Piece(f"{names} estimated, {why} ("), Piece(DOCTOR, "code"), Piece(")"))]
    unit = amount.unit
    texts = []
    for group in groups(record):
        total = math.fsum(part.joules or 0.0 for part in group)
        energy = numbers.energy_within(total, amount.decimals, unit)
        name, quality = kind_name(group), group[0].quality
        if attributed(group[0]):
            own = numbers.energy_within(math.fsum(part.own_joules or 0.0 for part in group), amount.decimals, unit)
            whose = "device’s" if len(group) == 1 else "devices’"
            standing = "" if quality == "measured" else f"{quality}, "
            texts.append(f"{name} {standing}shared: {own} attributed of the {whose} {energy}")
        elif quality == "estimated":
            spread = record.with_(components=tuple(group)).uncertainty
            share = numbers.percent(spread / total) if spread is not None and total > 0 else numbers.ABSENT
            texts.append(f"{name} estimated {energy}" + ("" if share == numbers.ABSENT else f" (±{HAIR}{share})"))
        else:
            also = ", shared with other processes" if group[0].shared else ""
            texts.append(f"{name} {quality} {energy}{also}")
    return _say(*texts)


def _absent(record: EnergyRecord) -> list[Clause]:
    missing = [part for part in record.components if part.joules is None or not math.isfinite(part.joules)]
    texts = []
    for part in missing[:_NAMED_ABSENT]:
        texts.append(f"{one_line(part.device, 40) or kind_name([part])} not counted: {why_absent(part)}")
    more = len(missing) - _NAMED_ABSENT
    return _say(*texts, f"{more} more not counted" if more > 0 else "")


def _lasted(record: EnergyRecord) -> str:
    lasted = numbers.seconds(record.seconds)
    if record.status == "error":
        return f"stopped by an error after {lasted}, still counted"
    if record.status == "interrupted":
        return f"interrupted after {lasted}"
    return f"{lasted} between cells" if record.span == "gap" else lasted


def _impact(record: EnergyRecord) -> list[str]:
    texts = []
    if numbers.known(record.co2e_grams):
        texts.append(numbers.carbon(record.co2e_grams))
    if numbers.known(record.cost):
        texts.append(numbers.money(record.cost, one_line(record.currency or "", 8)))
    return texts


def _without_reading(record: EnergyRecord) -> list[Clause]:
    if not record.final:
        return [(Piece("no reading yet", "strong"),), *_say(numbers.seconds(record.seconds))]
    result: list[Clause] = [
        (Piece("no reading", "strong"), Piece(f": {reason(record)}")),
        (Piece(DOCTOR, "code"),),
    ]
    return result + _say("kernel killed" if record.status == "killed" else _lasted(record))


def _so_far(record: EnergyRecord, joules: float) -> list[Clause]:
    about = "~" if nothing_sensed(record) else ""
    interval = record.interval
    if record.below_resolution and interval is not None and math.isfinite(interval[1]):
        head = numbers.at_most(interval[1])
    else:
        head = about + numbers.energy(joules, record.uncertainty).head
    result: list[Clause] = [(Piece(f"{head} so far", "strong"),)]
    result += _say("simulated" if record.quality == "simulated" else "", _power(record))
    return result + _absent(record) + _say(_lasted(record))


def _power(record: EnergyRecord) -> str:
    """Return the sum of the latest power of all devices, or else the mean power."""
    if record.trace is not None:
        ends = [
            next((w for _, w in reversed(pairs) if numbers.known(w)), None) for pairs in record.trace.series.values()
        ]
        latest = [watts for watts in ends if watts is not None]
        if latest:
            return f"{numbers.watts(math.fsum(latest))} now"
    return "" if record.watts is None else f"{numbers.watts(record.watts)} mean"


def _killed(record: EnergyRecord) -> list[Clause]:
    interval, joules = record.interval, record.joules
    lower = joules if interval is None or not math.isfinite(interval[1]) else interval[0]
    if lower is not None and lower > 0:
        head: Clause = (Piece(numbers.at_least(lower), "strong"),)
    else:
        upper = 0.0 if interval is None else interval[1]
        head = (Piece(numbers.at_most(upper), "strong"), Piece(" counted"))
    weak = "" if record.quality == "measured" else qualities(record)
    result = [head, *_say("kernel killed", "counted up to the last heartbeat, as a rule within 1 s of the end", weak)]
    return result + _absent(record)


def _below(record: EnergyRecord, upper: float) -> list[Clause]:
    duration = f"this took {numbers.seconds(record.seconds)}"
    sensed = [part for part in read(record) if part.method != "model" or part.quality == "simulated"]
    update_periods = [part.tick_seconds for part in sensed if numbers.known(part.tick_seconds)]
    update_period = max((value for value in update_periods if value is not None), default=0.0)
    simulated = "simulated " if record.quality == "simulated" else ""
    result: list[Clause] = [(Piece(numbers.at_most(upper), "strong"),)]
    if only_modelled(record):
        names = " and ".join(dict.fromkeys(kind_name(group) for group in groups(record)))
        result.append(
            (Piece(f"{names} estimated, too small to distinguish from 0 ("), Piece(DOCTOR, "code"), Piece(")"))
        )
        result += _say(duration)
    elif update_period > record.seconds / 10:
        update_text = f"it ticks every {numbers.seconds(update_period)}, {duration}"
        result += _say(f"below what the {simulated}sensor resolves: {update_text}")
    else:
        result += _say(f"below what the {simulated}sensor resolves: its error is as large as the figure, {duration}")
    if record.span == "cell" and record.status == "ok":
        result.append((Piece("%%energyit", "code"), Piece(" repeats it until it can tell")))
    elif record.status != "ok":
        result += _say(_lasted(record))
    return result + _absent(record)
