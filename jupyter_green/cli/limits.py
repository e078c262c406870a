"""Limits of a run: an energy budget, and the excess over an earlier run.

A budget is a fixed number, so the energy itself is compared with it; the sentence mentions it when the
interval includes the budget. Excess compares two measurements and is reported only if it is significant:
the part above the accepted fraction must exceed the root of the sum of both squared half-widths. Runs
read by different sensors are not compared.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from jupyter_green.baselines.comparable_energy import ComparableEnergy
from jupyter_green.baselines.messages import UNFAIR
from jupyter_green.budgets.limit import InvalidLimit, Limit
from jupyter_green.records import EnergyRecord, Unfair
from jupyter_green.reporting import numbers
from jupyter_green.reporting.run.totals import total

from .errors import CommandError

_PERCENT = re.compile(r"\s*([0-9]*\.?[0-9]+)\s*%\s*")


def parse_energy(text: str) -> float:
    """Return joules from an amount such as ``"500 J"``, ``"1.5kJ"``, ``"10Wh"`` or ``"0.2 kWh"``.

    Raises CommandError if the text is no amount of energy above 0 (one sentence).
    """
    with suppress(InvalidLimit):
        limit = Limit.parse(text)
        if limit.quantity == "energy":
            return limit.amount
    raise CommandError(
        f"{text!r} is not an amount of energy; write a number above 0 and J, kJ, MJ, Wh or kWh, such as 10Wh."
    )


def parse_percent(text: str) -> float:
    """Return a percentage (``"10%"``) as a fraction (0.1).

    Raises CommandError if the text is not a percentage (one sentence).
    """
    match = _PERCENT.fullmatch(text)
    if match is None:
        raise CommandError(f"{text!r} is not a percentage; write one such as 10%.")
    return float(match[1]) / 100


@dataclass(frozen=True)
class Verdict:
    """Whether a limit holds, and the sentence to print."""

    holds: bool
    sentence: str


def judge_budget(used: EnergyRecord, budget: float) -> Verdict:
    """Compare the energy of a run with a budget in joules."""
    joules, uncertainty = used.joules, used.uncertainty or 0.0
    if joules is None:
        return Verdict(False, "The budget can't be checked: no device could be read.")
    figures = f"{_joules(joules, uncertainty)} {used.quality} of a budget of {_joules(budget)}"
    if joules > budget:
        note = "" if joules - uncertainty > budget else "; the interval's lower end is below it"
        return Verdict(False, f"Over budget: {figures}{note}.")
    note = "" if joules + uncertainty <= budget else "; the interval's upper end is above it"
    return Verdict(True, f"Within budget: {figures}{note}.")


@dataclass(frozen=True)
class Comparison:
    """The energy of two runs over the same cells.

    Parameters
    ----------
    run, base : EnergyRecord
        Sums of this run and of the baseline.
    cells : int or None
        Number of cells in both sums; None if both runs finished and are compared whole.
    unfair, unfair_joules : Unfair or None, float
        Why conditions differed in some cells, and their absolute difference, which is added to the uncertainty.
    """

    run: EnergyRecord
    base: EnergyRecord
    cells: int | None
    unfair: Unfair | None = None
    unfair_joules: float = 0.0

    @property
    def difference(self) -> float:
        """Joules that this run used more than the baseline; negative for less."""
        return (self.run.joules or 0.0) - (self.base.joules or 0.0)

    @property
    def uncertainty(self) -> float:
        """Half-width of the difference's 95 % interval, in joules."""
        return math.hypot(self.run.uncertainty or 0.0, self.base.uncertainty or 0.0) + self.unfair_joules

    def sentence(self) -> str:
        """Return a sentence on the difference and whether it is significant."""
        noun = "cell" if self.cells == 1 else "cells"
        coverage = "" if self.cells is None else f", over the {self.cells} {noun} that finished in both"
        figures = (
            f"{_joules(self.run.joules, self.run.uncertainty)} against "
            f"{_joules(self.base.joules, self.base.uncertainty)} in the baseline{coverage}"
        )
        if abs(self.difference) <= self.uncertainty:
            return f"No proven difference: {figures}{self._why}."
        word = "more" if self.difference > 0 else "less"
        share = abs(self.difference) / (self.base.joules or math.inf)
        return f"{_joules(abs(self.difference), self.uncertainty)} {word} ({share:.0%}): {figures}."

    @property
    def _why(self) -> str:
        return f"; {UNFAIR[self.unfair]}" if self.unfair else ""

    def excess(self, accepted: float) -> Verdict:
        """Test whether this run used significantly more than the baseline times ``1 + accepted``."""
        allowed = (1 + accepted) * (self.base.joules or 0.0)
        above = (self.run.joules or 0.0) - allowed
        uncertainty = math.hypot(self.run.uncertainty or 0.0, (1 + accepted) * (self.base.uncertainty or 0.0))
        uncertainty += self.unfair_joules
        rule = f"(detectable from {_joules(uncertainty)})"
        if above > uncertainty:
            return Verdict(False, f"Excess: {_joules(above)} above baseline + {accepted:.0%} {rule}.")
        return Verdict(True, f"No proven excess above baseline + {accepted:.0%} {rule}{self._why}.")


def compare(run: Sequence[tuple[str, EnergyRecord]], base: Sequence[tuple[str, EnergyRecord]]) -> Comparison:
    """Compare two runs, given as pairs of cell id and record.

    If every cell of both runs finished, the whole runs are compared; otherwise the cells that finished
    in both.

    Raises
    ------
    CommandError
        If nothing can be compared, or the runs were read by different sensors; one sentence.
    """
    cells = None
    if not (_finished(run) and _finished(base)):
        done = [{name for name, record in side if _counts(record)} for side in (run, base)]
        common = done[0] & done[1]
        run, base = ([pair for pair in side if pair[0] in common] for side in (run, base))
        cells = len(common)
    run_total, base_total = (total([record for _, record in side]) for side in (run, base))
    if run_total.joules is None or base_total.joules is None:
        raise CommandError("Nothing to compare: no cell finished with a reading in both runs.")
    boundaries = _boundary(run_total), _boundary(base_total)
    if boundaries[0] != boundaries[1]:
        raise CommandError(
            f"The baseline is not comparable: it counts {boundaries[1]}, this run {boundaries[0]}. "
            "Make a new baseline on this machine."
        )
    return Comparison(run_total, base_total, cells, *_conditions(run, base))


def _conditions(
    run: Sequence[tuple[str, EnergyRecord]], base: Sequence[tuple[str, EnergyRecord]]
) -> tuple[Unfair | None, float]:
    """Return why conditions differed between the runs, and the summed absolute difference of such cells in joules."""
    theirs = dict(base)
    first_reason, joules = None, 0.0
    for name, record in run:
        reading, other = (
            ComparableEnergy.of(record),
            ComparableEnergy.of(theirs[name]) if name in theirs else None,
        )
        unfair = reading.unfair_beside(other) if reading is not None and other is not None else None
        if reading is not None and other is not None and unfair is not None:
            first_reason, joules = first_reason or unfair, joules + abs(reading.joules - other.joules)
    return first_reason, joules


def _finished(side: Sequence[tuple[str, EnergyRecord]]) -> bool:
    return bool(side) and all(_counts(record) for _, record in side)


def _counts(record: EnergyRecord) -> bool:
    return record.status == "ok" and record.joules is not None


def _boundary(record: EnergyRecord) -> str:
    read = {(part.kind, part.source or part.key, part.quality) for part in record.components if part.joules is not None}
    return ", ".join(f"{kind} {quality} by {source}" for kind, source, quality in sorted(read))


def _joules(value: float | None, uncertainty: float | None = None) -> str:
    return numbers.plain(str(numbers.energy(value, uncertainty)))
