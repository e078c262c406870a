"""A run held against a baseline, cell by cell and in total, while it grows.

**The test.** A difference is called one only where the 95 % interval of the difference excludes 0. Its half-width
joins in quadrature: what is random in either reading (of the baseline at least as much as runs lay apart, see
`baseline`), and the sensors' own errors. An error that a sensor makes on both sides cancels as far as the two readings
are equal: |g₁ − g₂| per source, since it leans the same way each time. It is left to cancel only where it is known how
far runs differ by themselves, which takes two of them; with one, whatever moves from run to run would pass for a
difference, and the errors of both sides count in full. So they do for a figure of a *model* once the code has changed,
because a model errs by kind of work.

**Where energy is only estimated from processor time**, on the same machine, the processor times are compared (`basis`
says so): what the model does wrong is no part of a ratio of two processor times. Their interval is that of contention,
see `contention`; one run beside one on a machine that is busy proves nothing.

**Where conditions differ** (a device was throttled on one side alone, or clocked otherwise, `records.conditions`) the
whole difference of that cell may be theirs: it is added to the half-width, so that the cell proves nothing, and a total
only what its other cells prove.

Only what is alike is compared: finished cells, above the sensors' resolution, read by the same sources, without other
processes' energy. A run's total is compared over those cells alone. Sums are kept while cells come and go, so that a
long run costs no more to judge than a short one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

from jupyter_green.records import EnergyRecord, Unfair
from jupyter_green.reporting.numbers import finite
from jupyter_green.storage.privacy import is_same_code

from .baseline import Baseline, BaselineCell, Matching, spread
from .comparable_energy import ComparableEnergy, Execution, Part
from .contention import SHORTEST, Contention, contention, half_width
from .excess import excess

Verdict = Literal["more", "less", "unproven", "none"]
Basis = Literal["energy", "cpu_time"]
ONE_RUN = "one run"
"""Why a difference is not proven: one run beside one, in processor time of a machine that others use."""

SAME = "kept as baseline"
"""Why a cell is not compared: the baseline was made of this very execution."""


@dataclass(frozen=True)
class BaselineDifference:
    """A cell or a run beside its baseline; differences are ours minus the baseline's.

    Parameters
    ----------
    verdict : {"more", "less", "unproven", "none"}
        Whether the difference is proven; none: the two can't be compared.
    reason : str or None
        Why they can't be, or why the difference is not proven: `ONE_RUN` or an `Unfair`.
    edited : bool
        The code has changed since.
    baseline, baseline_uncertainty, difference, difference_uncertainty : float or None
        Joules, and half-widths of 95 % intervals.
    excess, saved : float
        By the rule of `excess.excess`, in joules: above the baseline and its tolerance where that is told apart, and
        below the baseline itself, for what is merely tolerated is not saved.
    basis : {"energy", "cpu_time"}
        What the ratio and the verdict are of: energy, or processor time where energy is only estimated from it. Joules
        are then those of the model, and their half-widths leave out how wrong the model may be, on both sides alike.
    """

    verdict: Verdict
    reason: str | None = None
    edited: bool = False
    baseline: float | None = None
    baseline_uncertainty: float | None = None
    difference: float | None = None
    difference_uncertainty: float | None = None
    excess: float = 0.0
    saved: float = 0.0
    basis: Basis = "energy"

    @property
    def ratio(self) -> float | None:
        """The difference as a share of the baseline."""
        if self.difference is None or not self.baseline or self.baseline <= 0:
            return None
        return self.difference / self.baseline

    @property
    def ratio_uncertainty(self) -> float | None:
        """Half-width of the 95 % interval of `ratio`."""
        doubt = self.difference_uncertainty
        if self.ratio is None or doubt is None or not self.baseline or not math.isfinite(doubt):
            return None
        return doubt / self.baseline

    @property
    def proven(self) -> bool:
        """Whether the two intervals tell the difference apart."""
        return self.verdict in ("more", "less")

    def to_dict(self) -> dict[str, Any]:
        """Return the shape that pages are told."""
        return {
            "baseline": finite(self.baseline),
            "baseline_uncertainty": finite(self.baseline_uncertainty),
            "difference": finite(self.difference),
            "difference_uncertainty": finite(self.difference_uncertainty),
            "ratio": finite(self.ratio),
            "verdict": self.verdict,
            "reason": self.reason,
            "edited": self.edited,
            "excess": self.excess,
            "saved": self.saved,
            "basis": self.basis,
        }


@dataclass(frozen=True)
class Pair:
    """Two readings that can be compared."""

    ours: ComparableEnergy
    base: ComparableEnergy
    values: tuple[float | None, ...]
    """Joules of the baseline's runs, for the work that ours did."""
    edited: bool
    contention: Contention | None = None
    """Where processor time is compared."""

    @property
    def unfair(self) -> Unfair | None:
        """Why their conditions were not alike."""
        return self.ours.unfair_beside(self.base)

    @property
    def repeated(self) -> bool:
        """Whether it is known how far runs differ by themselves."""
        return len(self.values) - self.values.count(None) > 1


_SIDES = "ours", "base"


class Sum:
    """Pairs added up; a pair that was added can be taken out again."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self.count = self.edited = self._timed = self._single = 0
        self._scatter = self._lean = 0.0
        self._ours = self._base = 0.0
        self._squares = [0.0, 0.0]
        self._boundless = [0, 0]
        self._leans: dict[tuple[str, str], float] = {}
        """Sensors' own errors in the difference, by whether they are the same on both sides, and source."""
        self._gains: dict[str, float] = {}
        """Sensors' own errors in the baseline, by source."""
        self._runs: list[float] = []
        self._unfair: dict[Unfair, int] = {}
        self._unfair_joules = 0.0

    def add(self, pair: Pair, sign: int = 1) -> None:
        """Count a pair; with ``sign=-1`` take it out."""
        self.count += sign
        self.edited += sign * pair.edited
        self._timed += sign * (pair.contention is not None)
        if not self.count:  # nothing is left: no rounding either
            self._clear()
            return
        if pair.contention is not None:
            self._scatter += sign * pair.contention.scatter
            self._lean += sign * pair.contention.lean
            self._single += sign * pair.contention.single
        if (why := pair.unfair) is not None:
            self._unfair[why] = self._unfair.get(why, 0) + sign
            self._unfair_joules += sign * abs(pair.ours.joules - pair.base.joules)
        self._ours += sign * pair.ours.joules
        self._base += sign * pair.base.joules
        leans, gains, alike_all = self._leans, self._gains, pair.repeated
        for side, reading in enumerate((pair.ours, pair.base)):
            for part in reading.parts:
                random, gain = part.random, part.gain
                if random != math.inf:
                    shortest = 0.0 if pair.contention is None else _shortest(pair, part)
                    self._squares[side] += sign * (random * random + shortest * shortest)
                else:
                    self._boundless[side] += sign
                if side:
                    gains[part.source] = gains.get(part.source, 0.0) + sign * gain
                if pair.contention is not None:
                    continue  # what the model does wrong is in both, and cancels
                alike = alike_all and (part.method != "model" or not pair.edited)
                lean = ("both" if alike else _SIDES[side]), part.source
                leans[lean] = leans.get(lean, 0.0) + sign * (-gain if alike and side else gain)
        self._runs += [0.0] * (len(pair.values) - len(self._runs))
        for place in range(len(self._runs)):
            value = pair.values[place] if place < len(pair.values) else None
            self._runs[place] += sign * (pair.base.joules if value is None else value)

    @property
    def apart(self) -> float:
        """How far the baseline's runs lie apart, in joules; see `baseline.spread` and `contention`."""
        if not self._timed:
            return spread(self._runs)
        width = half_width(max(0.0, self._scatter), self._runs)
        return width if self.basis == "cpu_time" else max(width, spread(self._runs))

    @property
    def basis(self) -> Basis:
        """What is compared: processor time where nothing else is known of any pair."""
        return "cpu_time" if self._timed == self.count else "energy"

    @property
    def _why(self) -> str | None:
        """Why a difference is not proven, where it is not its size alone."""
        unfair = [why for why, count in self._unfair.items() if count > 0]
        return max(unfair, key=lambda why: self._unfair[why]) if unfair else ONE_RUN if self._single else None

    def against(self, tolerance: float = 0.0) -> BaselineDifference:
        """Judge the sum."""
        if not self.count:
            return BaselineDifference("none", "no baseline")
        ours, base = (
            math.inf if boundless else math.sqrt(max(0.0, square))
            for square, boundless in zip(self._squares, self._boundless, strict=True)
        )
        base = max(base, self.apart)
        unsure = math.hypot(ours, base, *self._leans.values(), max(0.0, self._lean)) + max(0.0, self._unfair_joules)
        difference = self._ours - self._base
        proven = abs(difference) > unsure
        above = excess(self._ours, units=1, baseline=max(0.0, self._base), tolerance=tolerance).excess
        below = excess(self._ours, units=1, baseline=max(0.0, self._base)).saved
        return BaselineDifference(
            "unproven" if not proven else "more" if difference > 0 else "less",
            None if proven else self._why,
            bool(self.edited),
            self._base,
            math.hypot(base, *self._gains.values()),
            difference,
            unsure,
            above if above > unsure or not tolerance else 0.0,
            below,
            self.basis,
        )


class Comparison:
    """A run beside a baseline.

    Parameters
    ----------
    baseline : Baseline
        What it is held against.
    tolerance : float
        The share above it that counts as no excess yet.
    """

    def __init__(self, baseline: Baseline, tolerance: float = 0.0) -> None:
        self.baseline = baseline
        self.tolerance = tolerance
        self._matching = Matching(baseline)
        self._pairs: dict[str, Pair] = {}
        self._newest: dict[str, Pair | BaselineDifference] = {}
        """The newest execution of each cell; a pair until somebody asks how it stands."""
        self._sum = Sum()

    @property
    def compared(self) -> int:
        """Number of cells that the total is compared over."""
        return self._sum.count

    def take(self, key: str, record: EnergyRecord | Execution, *, again: bool = False) -> BaselineDifference:
        """Hold a cell against the baseline; its last execution takes the place of the one before.

        An execution that can't be compared leaves the one before it in the total.

        Parameters
        ----------
        key : str
            What tells the cell from others of the run.
        record : EnergyRecord or Execution
            An execution of it.
        again : bool
            It was executed in this run before, whether or not it was taken.
        """
        self.add(key, record, again=again)
        return self._judged(key, self._newest[key])

    def add(self, key: str, record: EnergyRecord | Execution, *, again: bool = False) -> None:
        """Count a cell as `take` does, where nobody asks how it stands by itself."""
        pair = self._newest[key] = self._pair(key, record, again=again or key in self._pairs)
        if isinstance(pair, BaselineDifference):
            return
        before = self._pairs.pop(key, None)
        self._pairs[key] = pair
        self._sum.add(pair)
        if before is not None:
            self._sum.add(before, -1)

    def against(self, key: str) -> BaselineDifference | None:
        """Return how a cell stands; None where it was not taken."""
        newest = self._newest.get(key)
        return None if newest is None else self._judged(key, newest)

    def _judged(self, key: str, newest: Pair | BaselineDifference) -> BaselineDifference:
        if isinstance(newest, BaselineDifference):
            return newest
        alone = Sum()
        alone.add(newest)
        found = self._newest[key] = alone.against(self.tolerance)
        return found

    def of(self, key: str, record: EnergyRecord | Execution) -> BaselineCell | None:
        """Return the baseline's cell for a cell of the run."""
        return self._matching.find(key, record.cell_id, record.code_hash)

    def total(self) -> BaselineDifference:
        """Return how the cells that can be compared stand in sum."""
        return self._sum.against(self.tolerance)

    def _pair(self, key: str, record: EnergyRecord | Execution, *, again: bool) -> Pair | BaselineDifference:
        if record.status != "ok":
            return BaselineDifference("none", record.status)
        ours = ComparableEnergy.of(record)
        if ours is None:
            return BaselineDifference("none", "no reading")
        cell = self.of(key, record)
        kept = self.baseline.kind == "named" and self.baseline.runs == (record.run_id,)
        if cell is None or (kept and ours == cell.reading):
            return BaselineDifference("none", "no baseline" if cell is None else SAME)
        edited = None not in (record.code_hash, cell.code_hash) and not is_same_code(record.code_hash, cell.code_hash)
        timed = ours.timed and cell.reading.timed and ours.machines == cell.reading.machines
        alike = cell.first if timed and not again and cell.first is not None else cell.reading
        base = alike.for_units_of(ours)
        why = _unlike(ours, base)
        if why is not None:
            return BaselineDifference("none", why, edited)
        if timed and ours.cpu_seconds and base.cpu_seconds and ours.joules:
            # The same watts for a second of both: a table of processors may have changed since.
            units = base.units
            base = base.scaled(base.cpu_seconds * ours.joules / (ours.cpu_seconds * base.joules))
            base = replace(base, units=units)
        factor = base.joules / cell.reading.joules if cell.reading.joules else 1.0
        values = cell.values
        if factor != 1.0:
            values = tuple([None if value is None else value * factor for value in values])
        if not timed:
            return Pair(ours, base, values, edited)
        found = contention(
            ours.joules,
            base.joules,
            (ours.others_busy, base.others_busy),
            runs=sum(value is not None for value in values),
            repeats=cell.repeats,
            warm=again and cell.first is None,
        )
        return Pair(ours, base, values, edited, found)


def _shortest(pair: Pair, part: Part) -> float:
    """Return what any cell may take longer, in joules; 0 where the processor time behind them is not known."""
    if pair.contention is None or not part.cpu_seconds:
        return 0.0
    return SHORTEST * part.joules / part.cpu_seconds


def _unlike(ours: ComparableEnergy, base: ComparableEnergy) -> str | None:
    """Return why two readings can't be compared; None where they can."""
    if ours.boundary != base.boundary:
        return "other devices"
    if ours.shared or base.shared:
        return "shared"
    return "too short" if ours.below_resolution or base.below_resolution else None
