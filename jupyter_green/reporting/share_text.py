"""A record or a total in a few lines to share: a chat message, or the metadata of a model card.

A chat message has an energy with its ±, its quality and its devices. A model card's figure is read by programs, which
ignore its uncertainty. So none is given if it is simulated, only a bound, or not final; an error says why.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from decimal import Decimal

from jupyter_green.records import Component, EnergyRecord

from . import numbers
from .formatted_energy import FormattedEnergy
from .record.details import device_name
from .record.sentence import DOT, kind_name, read
from .record.style import STYLE
from .record.text_line import line
from .run.totals import Totals
from .sanitize import markup, one_line

SET_REGION = "%config JupyterGreen.region = 'FRA' (or JUPYTER_GREEN_REGION) sets where the electricity comes from"
_DIGITS = 3


@dataclass(frozen=True, repr=False)
class ShareText:
    """Lines to be copied; in HTML a click selects all of them.

    Parameters
    ----------
    lines : str
        The text to be copied.
    """

    lines: str

    def text(self) -> str:
        """Return the lines."""
        return self.lines

    def html(self) -> str:
        """Return the lines as HTML."""
        return f'{STYLE}<div class="jg"><pre class="jg-fix">{markup(self.lines)}</pre></div>'

    def __repr__(self) -> str:
        return self.lines


def for_slack(given: EnergyRecord | Totals, *, name: str = "", against: str = "") -> str:
    """Return a record in one line of plain text, or a total in two, for a chat.

    Parameters
    ----------
    given : EnergyRecord or Totals
        Energy used; CO2e is included if the record has it.
    name : str
        Name of the notebook; default is the record's label.
    against : str
        Comparison of a total with its baseline, one clause.

    Returns
    -------
    str
        ``"`train`: 12.4 J ± 0.6 · GPU measured 11.2 J · … · 1.83 s"`` for a record.
    """
    if isinstance(given, EnergyRecord):
        return f"{_code(name or given.label or '')}{line(given)}"
    summed, figure = given.sum, FormattedEnergy.of(given.sum)
    if figure.joules is None:
        return f"{_code(name)}{given.text()}"
    first = [f"{figure}, {figure.standing}", one_line(against)]
    cells = f"{given.cells} {'cell' if given.cells == 1 else 'cells'}, {numbers.seconds(summed.seconds)}"
    second = [*_kinds(summed), ", ".join(devices(summed)), cells]
    second += [numbers.carbon(summed.co2e_grams)] if numbers.known(summed.co2e_grams) else []
    return numbers.plain(f"{_code(name)}{_joined(first)}\n{_joined(second)}")


def for_model_card(
    given: EnergyRecord | Totals, *, location: str | None = None, training_type: str | None = None
) -> str:
    """Return the CO2e of a record or a total as YAML metadata for a model card.

    Parameters
    ----------
    given : EnergyRecord or Totals
        Energy used, with its CO2e.
    location : str, optional
        Where the electricity comes from, for display.
    training_type : str, optional
        Kind of work: "pre-training", "fine-tuning".

    Returns
    -------
    str
        ``co2_eq_emissions`` in the format of model hubs, `emissions` in grams of CO2e.

    Raises
    ------
    ValueError
        If there is no figure fit for a card; the message is one sentence.
    """
    if isinstance(given, EnergyRecord):
        record = given
    else:
        cut = any(part.status == "killed" for part in given.counted)
        record = given.sum.with_(status="killed") if cut else given.sum
    reason = _why_not(record)
    if reason:
        raise ValueError(reason)
    assert record.co2e_grams is not None
    figure = FormattedEnergy.of(record)
    source = ["jupyter_green", numbers.plain(f"{figure} {figure.standing}"), one_line(record.co2e_source or "", 400)]
    facts = {
        "source": ", ".join(part for part in source if part),
        "training_type": one_line(training_type or "", 80),
        "geographical_location": one_line(location or "", 80),
        "hardware_used": ", ".join(devices(record)),
    }
    lines = ["co2_eq_emissions:", f"  emissions: {_grams(record.co2e_grams)}"]
    # A JSON string is also a YAML string.
    lines += [f"  {name}: {json.dumps(fact, ensure_ascii=False)}" for name, fact in facts.items() if fact]
    return "\n".join(lines)


def baseline_name(kind: str, name: str | None, runs: int) -> str:
    """Return the name of a baseline: “before”, last run (also for the median of one run), median of 5 runs."""
    if kind == "last" or (kind == "median" and runs == 1):
        return "last run"
    if kind == "median":
        return f"median of {runs} runs"
    return f"“{one_line(name, 80)}”" if name else "baseline"


def compared(
    verdict: str, ratio: float | None, count: int, name: str, *, basis: str = "energy", reason: str | None = None
) -> str:
    """Return the comparison of a total with a baseline as one clause; empty if there is none.

    `verdict` is "more" or "less" if the difference is statistically significant, else "unproven", for `reason` if
    known; `ratio` is relative to the baseline; `count` cells were compared. `basis` is "cpu_time" if the ratio is of
    CPU time, because energy is only estimated from it.
    """
    timed = "CPU time " if basis == "cpu_time" else ""
    if verdict == "unproven" and reason is not None and ratio is not None and count:
        return f"{timed}{numbers.change(ratio)} against {name}, not proven: {reason} each on a busy machine"
    if verdict in ("more", "less") and ratio is not None and count:
        cells = "cell" if count == 1 else "cells"
        return (
            f"{timed}{numbers.change(ratio)} against {name} on the {numbers.fixed(count, 0)} {cells} both runs finished"
        )
    difference = f"no proven difference{' in CPU time' if timed else ''} from {name}"
    return difference if verdict == "unproven" and count else ""


def beside(
    verdict: str,
    ratio: float | None,
    count: int,
    name: str,
    amounts: tuple[float, float, float | None],
    *,
    basis: str = "energy",
    reason: str | None = None,
) -> str:
    """Return the comparison of a total with a baseline, with the difference in joules; arguments as for `compared`.

    `amounts` are excess and saved energy in joules, and the half-width of the difference's 95 % interval.
    """
    text = compared(verdict, ratio, count, name, basis=basis, reason=reason)
    if basis == "cpu_time" and text:
        return text  # energy is only estimated from it
    if not text:
        return f"{name}: nothing can be compared yet"
    excess, saved, unsure = amounts
    if verdict == "more":
        return f"{text}, {numbers.energy(excess, unsure)} excess" if excess > 0 else f"{text}, within the allowance"
    return f"{text}, {numbers.energy(saved, unsure)} saved" if verdict == "less" and saved > 0 else text


def devices(record: EnergyRecord) -> list[str]:
    """Return the names of the devices with a reading, each once."""
    return list(dict.fromkeys(device_name(part) for part in read(record)))


def _kinds(record: EnergyRecord) -> list[str]:
    """Return the energy of each kind of device in a sum of records: "GPU measured 3.5 kJ"."""
    block = numbers.energy(record.joules, record.uncertainty)
    parts_by_kind: dict[tuple[str, str], list[Component]] = {}
    for part in read(record):
        parts_by_kind.setdefault((part.kind, part.quality), []).append(part)
    texts = []
    for (_, quality), parts in parts_by_kind.items():
        distinct = list({part.key: part for part in parts}.values())
        amount = numbers.energy_within(math.fsum(part.joules or 0.0 for part in parts), block.decimals, block.unit)
        texts.append(f"{kind_name(distinct)} {quality} {amount}")
    return texts


def _why_not(record: EnergyRecord) -> str:
    """Return why there is no machine-readable figure; empty if there is one."""
    grams = record.co2e_grams
    has_carbon = grams is not None and math.isfinite(grams)
    simulated = any(part.quality == "simulated" for part in read(record))
    reasons = (
        (record.joules is None, "There is no reading, so there is no CO2e for a model card; %energy doctor says why."),
        (simulated, "A model card can't contain simulated figures."),
        (not record.final, "The figure is provisional; ask again when it is final."),
        (
            record.status == "killed",
            "The kernel was killed: only a lower bound is known, which a model card can't state.",
        ),
        (not has_carbon, f"No CO2e is known, because no region is set: {SET_REGION}."),
        (
            FormattedEnergy.of(record).below_resolution or (grams or 0.0) <= 0,
            "Only an upper bound is known, below what the sensor resolves, which a model card can't state.",
        ),
    )
    return next((reason for holds, reason in reasons if holds), "")


def _grams(grams: float) -> str:
    """Format grams so that every YAML parser reads a number."""
    return format(Decimal(f"{grams:.{_DIGITS}g}"), "f")


def _joined(clauses: list[str]) -> str:
    return DOT.join(clause for clause in clauses if clause)


def _code(name: str) -> str:
    """Return a name as inline code, which chats and Markdown do not interpret."""
    clean = one_line(name, 80).replace("`", "'")
    return f"`{clean}`: " if clean else ""
