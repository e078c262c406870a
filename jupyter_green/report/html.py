"""A record as static HTML: one sentence, and the details one click below it.

`<details>` needs no script and works with the keyboard, in exported pages and in viewers that strip
styles and pictures. Nothing is said only by a colour or a drawing. All foreign text is cleaned and escaped.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from jupyter_green.records import Component, EnergyRecord

from . import number
from .number import THIN
from .quotation import markup, one_line
from .sentence import DOCTOR, Clause, attributed, clauses, groups, kind_name, read
from .style import STYLE, icon
from .trace import drawable, svg

_WAYS = {"counter": "counter", "power": "power over time", "model": "model"}
_LEAST_POINTS = 3


def html(record: EnergyRecord) -> str:
    """Return the record as a piece of HTML that stands alone."""
    said = clauses(record)
    summary = _icon(record, said) + summary_markup(said)
    if not record.final:
        return f'{STYLE}<div class="jg jg-rec plain">{summary}</div>'
    details = _share(record) + _course(record) + _table(record) + definitions(_facts(record))
    return (
        f'{STYLE}<details class="jg jg-rec"><summary>{summary}</summary><div class="jg-det">{details}</div></details>'
    )


def summary_markup(said: Iterable[Clause]) -> str:
    """Return clauses as HTML, separated by quiet dots."""
    tags = {"strong": "b", "code": "code"}
    written = []
    for clause in said:
        pieces = []
        for piece in clause:
            tag = tags.get(piece.style)
            text = markup(piece.text)
            pieces.append(f"<{tag}>{text}</{tag}>" if tag else text)
        written.append("".join(pieces))
    return ' <span class="dot">·</span> '.join(written)


def definitions(facts: Iterable[tuple[str, str]]) -> str:
    """Return pairs of a term (text) and its definition (HTML) as a list."""
    rows = "".join(f"<dt>{markup(term)}</dt><dd>{definition}</dd>" for term, definition in facts if definition)
    return f'<dl class="jg-dl">{rows}</dl>' if rows else ""


def _icon(record: EnergyRecord, said: list[Clause]) -> str:
    if not record.final:
        return icon("running")
    if record.status in ("error", "interrupted", "killed"):
        return icon(record.status)
    return icon("about") if any(attributed(part) for part in read(record)) else ""


# ---- devices --------------------------------------------------------------------------------------


def _name(part: Component) -> str:
    return one_line(part.device, 80) or kind_name([part])


def _swatch(part: Component) -> str:
    kind = part.kind if part.kind in ("gpu", "cpu", "dram") else "other"
    standing = {"estimated": " est", "simulated": " sim"}.get(part.quality, " est" if attributed(part) else "")
    return f'<i class="sw {kind}{" none" if part.joules is None else standing}"></i>'


def _how(part: Component) -> str:
    if part.joules is None:
        return "no reading"
    way = _WAYS.get(part.method, "model")
    if part.method == "model" and part.kind == "cpu":
        way = "processor time"
    if attributed(part):
        return f"{part.quality} board, attributed" if part.quality == "measured" else f"{part.quality}, attributed"
    return f"{part.quality}, {way}"


def _covers(part: Component) -> str:
    said = [one_line(part.scope)] if part.scope else []
    if number.known(part.tick_seconds) and part.method != "model" and part.joules is not None:
        said.append(f"{_WAYS.get(part.method, 'reading').split()[0]} every {number.seconds(part.tick_seconds)}")
    if part.joules is None and part.note:
        said = [one_line(part.note).rstrip(".")]
    return ", ".join(said)


def _table(record: EnergyRecord) -> str:
    if not record.components:
        return ""
    unit = number.unit_for([part.joules for part in record.components])
    total = number.energy(record.joules, record.uncertainty, unit)
    spread = record.uncertainty
    decimals = total.decimals if spread is not None and math.isfinite(spread) else None
    rows = "".join(_row(part, record, unit, decimals) for part in record.components)
    return (
        '<table class="jg-comp jg-dev"><thead><tr><th scope="col">Device</th>'
        f'<th scope="col" class="r">{unit.symbol}</th><th scope="col" class="r">±</th>'
        '<th scope="col" class="r">W mean</th><th scope="col">How</th><th scope="col">What it covers</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def _row(part: Component, record: EnergyRecord, unit: number.Unit, decimals: int | None) -> str:
    value, spread = cells(part.joules, part.uncertainty, unit, decimals)
    mean = part.joules / record.seconds if part.joules is not None and record.seconds > 0 else None
    power = number.watts(mean).split(THIN)[0] if spread != number.ABSENT else number.ABSENT
    marks = ("", "", "") if value == number.ABSENT else (unit.symbol, "±", "W")
    return (
        f'<tr><th scope="row">{_swatch(part)}{markup(_name(part))}</th>'
        f'<td class="r" data-unit="{marks[0]}">{value}</td><td class="r" data-sign="{marks[1]}">{spread}</td>'
        f'<td class="r" data-unit="{marks[2]}">{power}</td>'
        f'<td>{markup(_how(part))}</td><td class="muted">{markup(_covers(part))}</td></tr>'
    )


def cells(joules: float | None, uncertainty: float | None, unit: number.Unit, decimals: int | None) -> tuple[str, str]:
    """Return an energy and its ± as two cells of a column that keeps its unit and, where it can, its decimals.

    What would vanish at the column's digit gets its own; what reaches 0 with its interval is a bound.
    """
    if joules is None or not math.isfinite(joules):
        return number.ABSENT, number.ABSENT
    if uncertainty is None or not math.isfinite(uncertainty):
        return number.energy(joules, None, unit).value, number.ABSENT
    if uncertainty >= joules:
        bound = number.energy(joules + uncertainty, uncertainty, unit)
        return f"≤{THIN}{bound.value}", number.ABSENT
    value, spread = joules / unit.joules, uncertainty / unit.joules
    own = number.doubt(spread)
    for places in (own if decimals is None else decimals, own):
        written = number.fixed(value, places), number.fixed(spread, places)
        if any(sign in "123456789" for sign in written[0]) and any(sign in "123456789" for sign in written[1]):
            return written
    return number.fixed(value, own), number.fixed(spread, own)


def _share(record: EnergyRecord) -> str:
    bars = []
    for part in read(record):
        board, own = part.joules, part.own_joules
        if not attributed(part) or board is None or own is None or not 0 <= own <= board or board <= 0:
            continue
        idle = part.idle_joules if part.idle_joules is not None and 0 <= part.idle_joules <= board - own else None
        shares = [("gpu est", "this kernel {}, attributed", own)]
        shares.append(("dram", "others {}" if idle is not None else "others and idle {}", board - own - (idle or 0.0)))
        if idle is not None:
            shares.append(("rest", "idle {}, to nobody", idle))
        unit = number.unit_for([board])
        decimals = number.energy(board, part.uncertainty, unit).decimals
        told = [(style, name.format(number.energy_within(v, decimals, unit))) for style, name, v in shares]
        words = f"Of {number.energy_within(board, decimals, unit)} of {_name(part)}: {'; '.join(w for _, w in told)}"
        stretches = "".join(f'<i class="{s}" style="width:{100 * v / board:.1f}%"></i>' for s, _, v in shares)
        key = "".join(f'<span><i class="sw {style}"></i>{markup(text)}</span>' for style, text in told)
        bars.append(
            f'<div class="jg-share" role="img" aria-label="{markup(words)}">{stretches}</div>'
            f'<div class="jg-sk">{key}</div>'
        )
    return "".join(bars)


def _course(record: EnergyRecord) -> str:
    if record.trace is None or drawable(record.trace) < _LEAST_POINTS:
        return ""
    return svg(record.trace, width=420)


# ---- facts ----------------------------------------------------------------------------------------


def _facts(record: EnergyRecord) -> list[tuple[str, str]]:
    notes = [one_line(note, 400) for note in record.notes]
    for part in record.components:
        if part.note and part.joules is not None and part.quality != "estimated":
            notes.append(f"{_name(part)}: {one_line(part.note, 400)}")
    return [
        ("Label", markup(one_line(record.label)) if record.label else ""),
        ("Counted", _counted(record)),
        ("Also", _also(record)),
        ("Split", _split(record)),
        ("Idle share", _idle(record)),
        ("Not metered", markup(_not_metered(record))),
        ("Why estimated", _why_estimated(record)),
        ("Why simulated", _why_simulated(record)),
        ("Notes" if len(notes) > 1 else "Note", "<br>".join(markup(note) for note in notes)),
        ("Cost of metering", number.seconds(record.overhead_seconds) if record.overhead_seconds > 0 else ""),
    ]


def _counted(record: EnergyRecord) -> str:
    if record.status != "killed" or record.joules is None:
        return ""
    amount = number.energy(record.joules, record.uncertainty)
    return f"{amount} up to the last heartbeat, in {number.seconds(record.seconds)}"


def _also(record: EnergyRecord) -> str:
    joules, interval = record.joules, record.interval
    if joules is None or not math.isfinite(joules) or joules <= 0:
        return ""
    bound = interval is not None and record.below_resolution and math.isfinite(interval[1])
    # Where only an upper bound of the joules stands, what follows from them is a bound too.
    factor, sign = (interval[1] / joules, f"≤{THIN}") if bound and interval is not None else (1.0, "")
    said = [sign + number.watt_hours(joules * factor)]
    if record.co2e_grams is not None and math.isfinite(record.co2e_grams):
        source = f" ({one_line(record.co2e_source)})" if record.co2e_source else ""
        said.append(sign + number.carbon(record.co2e_grams * factor) + source)
    if record.cost is not None and math.isfinite(record.cost):
        said.append(
            sign + number.money(record.cost * factor, one_line(record.currency, 8) if record.currency else None)
        )
    return ' <span class="dot">·</span> '.join(markup(text) for text in said)


def _split(record: EnergyRecord) -> str:
    if not any(attributed(part) for part in read(record)):
        return ""
    own = record.own_joules
    ours = "" if own is None else f"{number.energy(own, record.uncertainty).head} of the total are this kernel’s; "
    return markup(
        f"{ours}the device is measured as a whole and attributed by use, which is fair only where all load it alike; "
        "to be sure, run alone"
        if record.quality != "simulated"
        else f"{ours}the device is read as a whole and attributed by use; to be sure, run alone"
    )


def _idle(record: EnergyRecord) -> str:
    said = []
    for part in read(record):
        if part.idle_joules is None or not math.isfinite(part.idle_joules) or part.joules is None:
            continue
        amount = number.energy(part.joules, part.uncertainty)
        idle = number.energy_within(part.idle_joules, amount.decimals, number.unit_for([part.joules]))
        said.append(f"of {amount.head} of {_name(part)} the idle device would have drawn {idle}")
    return markup("; ".join(said))


def _not_metered(record: EnergyRecord) -> str:
    parts = read(record)
    scopes = " ".join(part.scope.lower() for part in parts)
    has_memory = any(part.kind == "dram" for part in parts) or any(
        word in scopes for word in ("dram", "memory", "module", "platform", "whole machine", "system")
    )
    absent = [_name(part) for part in record.components if part.joules is None]
    return ", ".join([*absent, *([] if has_memory else ["DRAM"]), "disk", "network", "cooling"])


def _why_estimated(record: EnergyRecord) -> str:
    said = []
    for group in groups(record):
        if group[0].quality != "estimated":
            continue
        told = list(dict.fromkeys(one_line(part.note, 300).rstrip(".") for part in group if part.note))
        if not told:
            stands = "processor time stands in for it" if group[0].kind == "cpu" else "a model stands in for it"
            told = [
                f"no energy sensor of it could be read, {stands}"
                if group[0].method == "model"
                else "its reading is indirect"
            ]
        said.append(f"{kind_name(group)}: {'; '.join(told)}")
    if not said:
        return ""
    return f"{markup('; '.join(said))}. <code>{DOCTOR}</code> tells what can be done."


def _why_simulated(record: EnergyRecord) -> str:
    if record.quality != "simulated":
        return ""
    names = ", ".join(_name(part) for part in read(record) if part.quality == "simulated")
    return markup(f"{names}: a simulated driver answered; this is no measurement")
