"""The limits a run may be held to: a budget, and the excess over an earlier run.

A budget is a line the person drew, so the figure itself is compared with it, and the sentence says when
the interval reaches to the other side. Excess is a claim about two measurements, so it is made only
where their intervals tell them apart: what lies above the accepted part must exceed the root of the sum
of both squared half-widths. Runs whose figures come from different sources are not compared at all.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from jupyter_green.baselines.comparable_energy import ComparableEnergy
from jupyter_green.baselines.messages import UNFAIR
from jupyter_green.records import EnergyRecord, Unfair
from jupyter_green.reporting import numbers
from jupyter_green.reporting.run.totals import total

from .errors import CommandError

_UNITS = {"J": 1.0, "kJ": 1e3, "MJ": 1e6, "Wh": 3.6e3, "kWh": 3.6e6}
"""Written as SI writes them: "mJ" would be a thousandth of a joule, "MJ" a million."""
_AMOUNT = re.compile(r"\s*([0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)\s*([A-Za-z]+)\s*")
_PERCENT = re.compile(r"\s*([0-9]*\.?[0-9]+)\s*%\s*")


def parse_energy(text: str) -> float:
    """Return joules of an amount such as ``"500 J"``, ``"1.5kJ"``, ``"10Wh"`` or ``"0.2 kWh"``.

    Raises
    ------
    Refusal
        If the text is no amount of energy; one sentence.
    """
    found = _AMOUNT.fullmatch(text)
    if found is None or found[2] not in _UNITS:
        raise CommandError(f"{text!r} is no amount of energy; write a number and J, kJ, MJ, Wh or kWh, such as 10Wh.")
    joules = float(found[1]) * _UNITS[found[2]]
    if joules <= 0:
        raise CommandError(f"A budget of {text!r} allows nothing; give one above 0.")
    return joules


def parse_percent(text: str) -> float:
    """Return the share (0.1) that a percentage (``"10%"``) stands for.

    Raises
    ------
    Refusal
        If the text is no percentage; one sentence.
    """
    found = _PERCENT.fullmatch(text)
    if found is None:
        raise CommandError(f"{text!r} is no percentage; write one such as 10%.")
    return float(found[1]) / 100


@dataclass(frozen=True)
class Verdict:
    """What a limit says about a run: one sentence, and whether the limit holds."""

    holds: bool
    sentence: str


def judge_budget(used: EnergyRecord, budget: float) -> Verdict:
    """Compare what a run used with a budget in joules."""
    joules, uncertainty = used.joules, used.uncertainty or 0.0
    if joules is None:
        return Verdict(False, "The budget can't be checked: no device could be read.")
    figures = f"{_joules(joules, uncertainty)} {used.quality} of a budget of {_joules(budget)}"
    if joules > budget:
        unsure = "" if joules - uncertainty > budget else "; the interval reaches below it"
        return Verdict(False, f"Over budget: {figures}{unsure}.")
    unsure = "" if joules + uncertainty <= budget else "; the interval reaches above it"
    return Verdict(True, f"Within budget: {figures}{unsure}.")


@dataclass(frozen=True)
class Comparison:
    """Two runs over the same cells.

    Parameters
    ----------
    run, base : EnergyRecord
        Sums of this run and of the baseline.
    cells : int or None
        Number of cells both sums cover; None where both runs finished and are compared whole.
    unfair, unfair_joules : Unfair or None, float
        Why conditions differed in cells of both, and how far these lie apart: as far the difference may be theirs.
    """

    run: EnergyRecord
    base: EnergyRecord
    cells: int | None
    unfair: Unfair | None = None
    unfair_joules: float = 0.0

    @property
    def difference(self) -> float:
        """Joules that this run used more (negative: less)."""
        return (self.run.joules or 0.0) - (self.base.joules or 0.0)

    @property
    def uncertainty(self) -> float:
        """Half-width of the difference's 95 % interval, in joules."""
        return math.hypot(self.run.uncertainty or 0.0, self.base.uncertainty or 0.0) + self.unfair_joules

    def sentence(self) -> str:
        """Say what was compared and whether the two can be told apart."""
        several = "cell" if self.cells == 1 else "cells"
        over = "" if self.cells is None else f", over the {self.cells} {several} that finished in both"
        figures = (
            f"{_joules(self.run.joules, self.run.uncertainty)} against "
            f"{_joules(self.base.joules, self.base.uncertainty)} in the baseline{over}"
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
        """Judge whether this run proves to use more than the baseline and an accepted share on top."""
        allowed = (1 + accepted) * (self.base.joules or 0.0)
        above = (self.run.joules or 0.0) - allowed
        unsure = math.hypot(self.run.uncertainty or 0.0, (1 + accepted) * (self.base.uncertainty or 0.0))
        unsure += self.unfair_joules
        rule = f"(called only where it is more than the intervals of both, {_joules(unsure)})"
        if above > unsure:
            return Verdict(
                False, f"Excess: {_joules(above)} above the baseline and the accepted {accepted:.0%} {rule}."
            )
        return Verdict(True, f"No proven excess over the baseline and the accepted {accepted:.0%} {rule}{self._why}.")


def compare(run: Sequence[tuple[str, EnergyRecord]], base: Sequence[tuple[str, EnergyRecord]]) -> Comparison:
    """Compare two runs, given as pairs of a cell's identity and its record.

    Where each cell of both runs finished, the whole runs are compared; otherwise the cells that finished
    in both.

    Raises
    ------
    Refusal
        If nothing can be compared, or the figures have different sources; one sentence.
    """
    cells = None
    if not (_finished(run) and _finished(base)):
        done = [{name for name, record in side if _counts(record)} for side in (run, base)]
        both = done[0] & done[1]
        run, base = ([pair for pair in side if pair[0] in both] for side in (run, base))
        cells = len(both)
    ours, theirs = (total([record for _, record in side]) for side in (run, base))
    if ours.joules is None or theirs.joules is None:
        raise CommandError("There is nothing to compare: no cell was read and finished in both runs.")
    boundaries = _boundary(ours), _boundary(theirs)
    if boundaries[0] != boundaries[1]:
        raise CommandError(
            f"The baseline is no like for like: it counts {boundaries[1]}, this run {boundaries[0]}. "
            "Take the baseline anew on this machine."
        )
    return Comparison(ours, theirs, cells, *_conditions(run, base))


def _conditions(
    run: Sequence[tuple[str, EnergyRecord]], base: Sequence[tuple[str, EnergyRecord]]
) -> tuple[Unfair | None, float]:
    """Return why cells of both runs can't be compared fairly, and by how many joules these lie apart."""
    theirs = dict(base)
    why, joules = None, 0.0
    for name, record in run:
        ours, other = ComparableEnergy.of(record), ComparableEnergy.of(theirs[name]) if name in theirs else None
        found = ours.unfair_beside(other) if ours is not None and other is not None else None
        if ours is not None and other is not None and found is not None:
            why, joules = why or found, joules + abs(ours.joules - other.joules)
    return why, joules


def _finished(side: Sequence[tuple[str, EnergyRecord]]) -> bool:
    return bool(side) and all(_counts(record) for _, record in side)


def _counts(record: EnergyRecord) -> bool:
    return record.status == "ok" and record.joules is not None


def _boundary(record: EnergyRecord) -> str:
    read = {(part.kind, part.source or part.key, part.quality) for part in record.components if part.joules is not None}
    return ", ".join(f"{kind} {quality} by {source}" for kind, source, quality in sorted(read))


def _joules(value: float | None, uncertainty: float | None = None) -> str:
    return numbers.plain(str(numbers.energy(value, uncertainty)))
