"""Compare a run with a baseline, cell by cell and in total, while the run grows.

**The test.** A difference is statistically significant if its 95 % interval excludes 0. The half-width of that interval
is the root of the sum of squares of:

- the random errors of both readings; the baseline's is at least the run-to-run spread, see `baseline.spread`;
- the sensors' own errors (gain). A sensor errs in the same direction in both readings, so per source only |g₁ − g₂|
  counts. This cancellation is used only where the run-to-run spread is known (two or more baseline runs). With a single
  run, any run-to-run variation would pass for a difference, so both errors count in full. They also count in full for
  a *model* whose cell's code was edited, because a model's error depends on the kind of work.

**CPU time.** Where energy is only estimated from CPU time, and both readings are from the same machine, CPU times are
compared instead (`basis` is ``"cpu_time"``): the model's error cancels in a ratio of two CPU times. The interval is
that of contention, see `contention`. One run against one run on a busy machine proves nothing.

**Conditions.** Where the device was throttled in only one of the two runs, or ran at another clock
(`records.conditions`), the cell's whole difference is added to the half-width: the cell itself proves nothing, and a
total proves only what its other cells prove.

Only finished cells are compared, and only if both readings are above the sensors' resolution, are from the same sources
and exclude other processes' energy. The total covers exactly these cells. Sums are updated incrementally, so the total
of a long run costs no more than that of a short one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from jupyter_green.records import EnergyRecord, Unfair
from jupyter_green.reporting.numbers import finite
from jupyter_green.storage.privacy import is_same_code

from .baseline import Baseline, BaselineCell, Matching, spread
from .comparable_energy import ComparableEnergy, Execution, Part
from .contention import SHORTEST, Contention, contention, half_width
from .excess import excess

Verdict = Literal["more", "less", "unproven", "none"]
Basis = Literal["energy", "cpu_time"]
ONE_RUN: Final = "one run"
"""Why a difference is not significant: one run against one, by CPU time on a machine that others use."""

SAME: Final = "kept as baseline"
"""Why a cell is not compared: the baseline contains this very execution."""

Reason = Literal[
    "error",
    "interrupted",
    "killed",
    "no reading",
    "no baseline",
    "kept as baseline",
    "other devices",
    "shared",
    "too short",
    "one run",
    "throttled",
    "baseline throttled",
    "other clocks",
]
"""Why two energies can't be compared, or why their difference is not significant: codes that read as words."""


@dataclass(frozen=True)
class BaselineDifference:
    """The difference of a cell or a run from its baseline: ours minus the baseline's.

    Parameters
    ----------
    verdict : {"more", "less", "unproven", "none"}
        Direction of a significant difference; "unproven" if not significant, "none" if the two can't be compared.
    reason : Reason or None
        Why they can't be compared, or why the difference is not significant: `ONE_RUN` or an `Unfair`.
    edited : bool
        Whether the code has changed since the baseline.
    baseline, baseline_uncertainty, difference, difference_uncertainty : float or None
        Joules, and half-widths of 95 % intervals.
    excess, saved : float
        Joules, by the rule of `excess.excess`. The excess is above baseline and tolerance; with a tolerance it is 0
        unless significant. The saving is measured from the baseline itself, without the tolerance.
    basis : {"energy", "cpu_time"}
        What ratio and verdict refer to: energy, or CPU time where energy is only estimated from it. For CPU time the
        joules are the model's, and their half-widths exclude the model's error, which is the same in both readings.
    """

    verdict: Verdict
    reason: Reason | None = None
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
        half_width = self.difference_uncertainty
        if self.ratio is None or half_width is None or not self.baseline or not math.isfinite(half_width):
            return None
        return half_width / self.baseline

    @property
    def proven(self) -> bool:
        """Whether the difference is statistically significant."""
        return self.verdict in ("more", "less")

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for the side panel."""
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
    """Two comparable readings of one cell."""

    ours: ComparableEnergy
    base: ComparableEnergy
    values: tuple[float | None, ...]
    """Joules of the baseline's runs, scaled to the units of our run."""
    edited: bool
    contention: Contention | None = None
    """Set where CPU times are compared."""

    @property
    def unfair(self) -> Unfair | None:
        """Why the two runs' conditions differ; None where they don't."""
        return self.ours.unfair_beside(self.base)

    @property
    def repeated(self) -> bool:
        """Whether the run-to-run spread is known (two or more baseline runs)."""
        return len(self.values) - self.values.count(None) > 1


_SIDES = "ours", "base"


class Sum:
    """A running sum of pairs, from which pairs can be removed again."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self.count = self.edited = self._timed = self._single = 0
        self._scatter = self._lean = 0.0
        self._ours = self._base = 0.0
        self._squares = [0.0, 0.0]
        self._boundless = [0, 0]
        self._cell_contention: dict[tuple[str, str], float] = {}
        """Sensors' own errors in the difference, in joules, by ("both", "ours" or "base", source)."""
        self._gains: dict[str, float] = {}
        """Sensors' own errors in the baseline, in joules, by source."""
        self._runs: list[float] = []
        self._unfair: dict[Unfair, int] = {}
        self._unfair_joules = 0.0

    def add(self, pair: Pair, sign: int = 1) -> None:
        """Add a pair; with ``sign=-1`` remove it."""
        self.count += sign
        self.edited += sign * pair.edited
        self._timed += sign * (pair.contention is not None)
        if not self.count:  # the sum is empty: drop rounding errors too
            self._clear()
            return
        if pair.contention is not None:
            self._scatter += sign * pair.contention.scatter
            self._lean += sign * pair.contention.lean
            self._single += sign * pair.contention.single
        if (reason := pair.unfair) is not None:
            self._unfair[reason] = self._unfair.get(reason, 0) + sign
            self._unfair_joules += sign * abs(pair.ours.joules - pair.base.joules)
        self._ours += sign * pair.ours.joules
        self._base += sign * pair.base.joules
        leans, gains, alike_all = self._cell_contention, self._gains, pair.repeated
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
                    continue  # the model's error is the same in both readings and cancels
                cancels = alike_all and (part.method != "model" or not pair.edited)
                lean = ("both" if cancels else _SIDES[side]), part.source
                leans[lean] = leans.get(lean, 0.0) + sign * (-gain if cancels and side else gain)
        self._runs += [0.0] * (len(pair.values) - len(self._runs))
        for index in range(len(self._runs)):
            value = pair.values[index] if index < len(pair.values) else None
            self._runs[index] += sign * (pair.base.joules if value is None else value)

    @property
    def apart(self) -> float:
        """Run-to-run spread of the baseline, in joules; see `baseline.spread` and `contention`."""
        if not self._timed:
            return spread(self._runs)
        width = half_width(max(0.0, self._scatter), self._runs)
        return width if self.basis == "cpu_time" else max(width, spread(self._runs))

    @property
    def basis(self) -> Basis:
        """CPU time if every pair is compared by CPU time, else energy."""
        return "cpu_time" if self._timed == self.count else "energy"

    @property
    def _why(self) -> Reason | None:
        """Reason code for a difference that is not significant; None if it is merely too small."""
        reasons = [why for why, count in self._unfair.items() if count > 0]
        if reasons:
            most: Unfair = max(reasons, key=self._unfair.__getitem__)
            return most
        return ONE_RUN if self._single else None

    def against(self, tolerance: float = 0.0) -> BaselineDifference:
        """Return the difference of the sum from the baseline."""
        if not self.count:
            return BaselineDifference("none", "no baseline")
        our_random, baseline_random = (
            math.inf if boundless else math.sqrt(max(0.0, square))
            for square, boundless in zip(self._squares, self._boundless, strict=True)
        )
        baseline_random = max(baseline_random, self.apart)
        uncertainty = math.hypot(
            our_random, baseline_random, *self._cell_contention.values(), max(0.0, self._lean)
        ) + max(0.0, self._unfair_joules)
        difference = self._ours - self._base
        proven = abs(difference) > uncertainty
        above = excess(self._ours, units=1, baseline=max(0.0, self._base), tolerance=tolerance).excess
        below = excess(self._ours, units=1, baseline=max(0.0, self._base)).saved
        return BaselineDifference(
            "unproven" if not proven else "more" if difference > 0 else "less",
            None if proven else self._why,
            bool(self.edited),
            self._base,
            math.hypot(baseline_random, *self._gains.values()),
            difference,
            uncertainty,
            above if above > uncertainty or not tolerance else 0.0,
            below,
            self.basis,
        )


class Comparison:
    """Compares the cells of a run with a baseline.

    Parameters
    ----------
    baseline : Baseline
        What the run is compared with.
    tolerance : float
        Share above the baseline that is not yet excess; 0.05 is 5 %.
    """

    def __init__(self, baseline: Baseline, tolerance: float = 0.0) -> None:
        self.baseline = baseline
        self.tolerance = tolerance
        self._matching = Matching(baseline)
        self._pairs: dict[str, Pair] = {}
        self._newest: dict[str, Pair | BaselineDifference] = {}
        """The newest execution of each cell; a pair until its difference is computed."""
        self._sum = Sum()

    @property
    def compared(self) -> int:
        """Number of cells in the total."""
        return self._sum.count

    def take(self, key: str, record: EnergyRecord | Execution, *, again: bool = False) -> BaselineDifference:
        """Compare an execution of a cell with the baseline; it replaces the cell's earlier execution.

        An execution that can't be compared leaves the earlier one in the total.

        Parameters
        ----------
        key : str
            Identity of the cell within the run.
        record : EnergyRecord or Execution
            The execution.
        again : bool
            Whether the cell was executed earlier in this run, even if that execution was not passed in.
        """
        self.add(key, record, again=again)
        return self._judged(key, self._newest[key])

    def add(self, key: str, record: EnergyRecord | Execution, *, again: bool = False) -> None:
        """Add an execution as `take` does, without computing the cell's own difference."""
        pair = self._newest[key] = self._pair(key, record, again=again or key in self._pairs)
        if isinstance(pair, BaselineDifference):
            return
        earlier = self._pairs.pop(key, None)
        self._pairs[key] = pair
        self._sum.add(pair)
        if earlier is not None:
            self._sum.add(earlier, -1)

    def against(self, key: str) -> BaselineDifference | None:
        """Return the difference of a cell; None if the cell was not added."""
        newest = self._newest.get(key)
        return None if newest is None else self._judged(key, newest)

    def _judged(self, key: str, newest: Pair | BaselineDifference) -> BaselineDifference:
        if isinstance(newest, BaselineDifference):
            return newest
        single = Sum()
        single.add(newest)
        result = self._newest[key] = single.against(self.tolerance)
        return result

    def of(self, key: str, record: EnergyRecord | Execution) -> BaselineCell | None:
        """Return the baseline's cell that corresponds to a cell of the run."""
        return self._matching.find(key, record.cell_id, record.code_hash)

    def total(self) -> BaselineDifference:
        """Return the difference over all comparable cells."""
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
        reading = cell.first if timed and not again and cell.first is not None else cell.reading
        base = reading.for_units_of(ours)
        reason = _unlike(ours, base)
        if reason is not None:
            return BaselineDifference("none", reason, edited)
        if timed and ours.cpu_seconds and base.cpu_seconds and ours.joules:
            # Use our watts per CPU second for both: the table of CPU models may have changed since the baseline.
            units = base.units
            base = base.scaled(base.cpu_seconds * ours.joules / (ours.cpu_seconds * base.joules))
            base = replace(base, units=units)
        factor = base.joules / cell.reading.joules if cell.reading.joules else 1.0
        values = cell.values
        if factor != 1.0:
            values = tuple([None if value is None else value * factor for value in values])
        if not timed:
            return Pair(ours, base, values, edited)
        effect = contention(
            ours.joules,
            base.joules,
            (ours.others_busy, base.others_busy),
            runs=sum(value is not None for value in values),
            repeats=cell.repeats,
            warm=again and cell.first is None,
        )
        return Pair(ours, base, values, edited, effect)


def _shortest(pair: Pair, part: Part) -> float:
    """Return the joules that `SHORTEST` seconds of CPU time add to a part; 0 where its CPU time is not known."""
    if pair.contention is None or not part.cpu_seconds:
        return 0.0
    return SHORTEST * part.joules / part.cpu_seconds


def _unlike(ours: ComparableEnergy, base: ComparableEnergy) -> Reason | None:
    """Return why two readings can't be compared; None where they can."""
    if ours.boundary != base.boundary:
        return "other devices"
    if ours.shared or base.shared:
        return "shared"
    return "too short" if ours.below_resolution or base.below_resolution else None
