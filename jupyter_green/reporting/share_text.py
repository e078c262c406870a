"""A record or a total in a few lines for others to read: a message in a chat, the head of a model card.

A chat gets a figure with its ±, what it may be called, and what it was read from. A model card's figure is read by
machines, which take it for what it says and drop its doubt: there is none where the figure is a simulation, only a
bound, or not final, and then one sentence says why.
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
    """Lines to be copied; a click into them marks all of them.

    Parameters
    ----------
    lines : str
        The text, as it is to arrive elsewhere.
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
        What was used; CO2e is told where the record has it.
    name : str
        Of the notebook; a record's own label is taken where there is none.
    against : str
        How a total stands beside its baseline, one clause.

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
    """Return the CO2e of a record or a total as YAML for the head of a model card.

    Parameters
    ----------
    given : EnergyRecord or Totals
        What was used, with its CO2e.
    location : str, optional
        Where the electricity comes from, for people.
    training_type : str, optional
        What was done: "pre-training", "fine-tuning".

    Returns
    -------
    str
        ``co2_eq_emissions`` as model hubs read it, `emissions` in grams of CO2e.

    Raises
    ------
    ValueError
        If there is no figure that a card may carry; one sentence.
    """
    if isinstance(given, EnergyRecord):
        record = given
    else:
        cut = any(part.status == "killed" for part in given.counted)
        record = given.sum.with_(status="killed") if cut else given.sum
    why = _why_not(record)
    if why:
        raise ValueError(why)
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
    # YAML's double quotes hold what JSON's do.
    lines += [f"  {name}: {json.dumps(fact, ensure_ascii=False)}" for name, fact in facts.items() if fact]
    return "\n".join(lines)


def baseline_name(kind: str, name: str | None, runs: int) -> str:
    """Return what a baseline is called: “before”, last run (the median of one, too), median of 5 runs."""
    if kind == "last" or (kind == "median" and runs == 1):
        return "last run"
    if kind == "median":
        return f"median of {runs} runs"
    return f"“{one_line(name, 80)}”" if name else "baseline"


def compared(
    verdict: str, ratio: float | None, count: int, name: str, *, basis: str = "energy", reason: str | None = None
) -> str:
    """Return how a total stands beside a baseline, one clause; empty where nothing can be said.

    Parameters
    ----------
    verdict : str
        "more" or "less" where the difference is proven, "unproven" where it is not.
    ratio : float or None
        The difference as a share of the baseline.
    count : int
        Cells that were compared.
    name : str
        What the baseline is called.
    basis : str
        "cpu_time" where the ratio is of processor time, because energy is only estimated from it.
    reason : str or None
        Why it is not proven, where there is more to say than that.
    """
    timed = "CPU time " if basis == "cpu_time" else ""
    if verdict == "unproven" and reason is not None and ratio is not None and count:
        return f"{timed}{numbers.change(ratio)} against {name}, not proven: {reason} beside one on a busy machine"
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
    """Return how a total stands beside a baseline, and by how many joules.

    Parameters
    ----------
    verdict, ratio, count, name, basis, reason
        As in `compared`.
    amounts : tuple of float
        Excess and saved joules, and the half-width of the 95 % interval of the difference.
    """
    said = compared(verdict, ratio, count, name, basis=basis, reason=reason)
    if basis == "cpu_time" and said:
        return said  # joules are only estimated from it
    if not said:
        return f"{name}: nothing can be compared yet"
    excess, saved, unsure = amounts
    if verdict == "more":
        return f"{said}, {numbers.energy(excess, unsure)} excess" if excess > 0 else f"{said}, within the allowance"
    return f"{said}, {numbers.energy(saved, unsure)} saved" if verdict == "less" and saved > 0 else said


def devices(record: EnergyRecord) -> list[str]:
    """Return the names of the devices that were read, each once."""
    return list(dict.fromkeys(device_name(part) for part in read(record)))


def _kinds(record: EnergyRecord) -> list[str]:
    """Return what each kind of device used in a sum of records: "GPU measured 3.5 kJ"."""
    block = numbers.energy(record.joules, record.uncertainty)
    found: dict[tuple[str, str], list[Component]] = {}
    for part in read(record):
        found.setdefault((part.kind, part.quality), []).append(part)
    said = []
    for (_, quality), parts in found.items():
        boards = list({part.key: part for part in parts}.values())
        amount = numbers.energy_within(math.fsum(part.joules or 0.0 for part in parts), block.decimals, block.unit)
        said.append(f"{kind_name(boards)} {quality} {amount}")
    return said


def _why_not(record: EnergyRecord) -> str:
    """Return why there is no figure for machines to read; empty where there is one."""
    grams = record.co2e_grams
    known = grams is not None and math.isfinite(grams)
    simulated = any(part.quality == "simulated" for part in read(record))
    whys = (
        (record.joules is None, "There is no reading, so there is no CO2e for a model card; %energy doctor says why."),
        (simulated, "Simulated figures belong on no model card."),
        (not record.final, "The figure may still move; ask for the model card's once it has settled."),
        (record.status == "killed", "The kernel was killed: only a lower bound is known, which a card can't say."),
        (not known, f"No CO2e is known, because no region is set: {SET_REGION}."),
        (
            FormattedEnergy.of(record).below_resolution or (grams or 0.0) <= 0,
            "Only an upper bound is known, below what the sensor resolves, which a card can't say.",
        ),
    )
    return next((why for holds, why in whys if holds), "")


def _grams(grams: float) -> str:
    """Write grams so that every reader of YAML takes them for a number."""
    return format(Decimal(f"{grams:.{_DIGITS}g}"), "f")


def _joined(clauses: list[str]) -> str:
    return DOT.join(clause for clause in clauses if clause)


def _code(name: str) -> str:
    """Return a name as chats and Markdown leave it alone."""
    clean = one_line(name, 80).replace("`", "'")
    return f"`{clean}`: " if clean else ""
