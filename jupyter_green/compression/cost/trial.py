"""Compares the costs of the original and of candidates: they run in turn, and cost samples of a round are paired.

A machine's speed and power drift with temperature, clock and other users. Within a round the drift is small, so only
samples of the same round are compared. Rounds continue until the interval is narrow or time is up, regardless of the
outcome. A gain is reported if its whole interval lies below 1, however wide it is; if the interval is wide and includes
1, the outcome is "can't tell".

A sample ends soon after its share of the time, with as many passes as were run: on a busy machine, threads that wait
for each other may make one pass take a hundred times as long as the previous one.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Literal

from jupyter_green.compression.model.state import ModelState
from jupyter_green.compression.process import deadline
from jupyter_green.compression.reasons import Reason

from .cost_meter import POWER_DIFFERENCE, Basis, CostMeter, CostSample, Passes
from .ratio import LEAST_PAIRS, Ratio, paired_ratio, spread

NARROW = 0.04
"""Half-width of the log ratio's interval at which rounds stop."""
MOST_ROUNDS = 30
FEWEST_ROUNDS = 6
"""Minimum number of rounds before an outcome is computed."""
AIMED_ROUNDS = 12
"""Number of rounds that should fit into a trial: on a busy machine more rounds are worth more than longer samples."""
OVERLONG = 1.5
"""A sample ends after this many times its share of the time, even if passes are left."""
FAR, FAR_ROUNDS = 8.0, 3
"""A candidate is dropped early if its cheapest of FAR_ROUNDS samples costs FAR times the original's most expensive one.
By rank alone this has a probability of 1/20 for a copy of the original, for any noise; the factor makes it smaller.
"""
LAP_SECONDS = {"joules": 1.0, "cpu_seconds": 0.1}
"""Minimum duration of a sample: tens of updates of an energy counter, or 100,000 ticks of the processor clock."""
SHORT_SECONDS = 0.01
"""Minimum for the processor clock if time is too short for rounds of longer samples: 10,000 ticks. A busy machine
stretches samples many times, and few rounds are not informative, however long they are.
"""
WIDE = 0.25
"""Half-width above which a ratio whose interval includes 1 is reported as "can't tell"."""
BUSY = 0.1
"""Share of the machine's time used by other programs above which they are named as the cause."""

_Waiting = Mapping[str, list[tuple[Callable[[], CostSample], int]]]
Verdict = Literal["less", "more", "no difference", "can't tell"]


@dataclass(frozen=True)
class Runner:
    """A workload that can be run repeatedly."""

    run: Callable[[int], None]
    """``run(round)`` does one pass over the batches of that round."""
    inferences: Callable[[int], int]
    """``inferences(round)`` is the number of examples in that pass."""
    model: Any = None
    """Its state other than parameters is restored after every sample; None if there is none."""


@dataclass(frozen=True)
class Cost:
    """The cost of one inference."""

    joules: float | None
    uncertainty: float | None
    """Energy and half its 95 % interval, if a sensor measures."""
    cpu_seconds: float
    seconds: float
    """Processor time and wall time; medians over the samples."""


@dataclass(frozen=True)
class Outcome:
    """A candidate's cost compared with the original's."""

    verdict: Verdict
    """What is statistically significant."""
    ratio: Ratio | None
    """Candidate / original per inference; None if it can't be determined."""
    reason: Reason
    """Why it can't be determined, or what the ratio is based on."""
    cost: Cost
    """Cost of one inference of the candidate."""
    about: float | None = None
    """Point estimate if the ratio can't be determined: orders the candidates to try again, and is never shown."""

    @property
    def dearer(self) -> bool:
        """Whether it is known to cost more energy, not just more processor time."""
        return self.ratio is not None and self.ratio.more


@dataclass(frozen=True)
class Trial:
    """All cost samples of a trial."""

    reference: str
    """Name of the runner that the others are compared with."""
    laps: Mapping[str, Sequence[tuple[CostSample, int]]]
    """Samples of each runner in the order of rounds, with the number of inferences of each."""
    basis: Basis
    """The unit of comparison."""
    others: float | None = None
    """Share of the machine's time that other programs used."""
    notes: tuple[str, ...] = field(default=())
    interrupted: bool = False
    """Whether the user interrupted it."""

    @property
    def quality(self) -> str:
        """The weakest quality of the samples."""
        qualities = {lap.quality for laps in self.laps.values() for lap, _ in laps}
        return "simulated" if "simulated" in qualities else ("measured" if qualities == {"measured"} else "estimated")

    @property
    def shared(self) -> bool:
        """Whether others used a device meanwhile, so that nothing can be proven."""
        return any(lap.shared for laps in self.laps.values() for lap, _ in laps)

    def throttled(self, name: str, against: str | None = None) -> Literal["throttled", "baseline throttled"] | None:
        """Return which of two runners was throttled, so that comparing them is not fair; None if neither was.

        If only one side was ever throttled without the other in the same round, one such round is enough. If both were,
        the comparison is fair unless the difference is significant (sign test, 95 %). Clock rates are not compared: on
        one device they depend on the workload.
        """
        ours, theirs = ([lap.conditions for lap, _ in self.laps[who]] for who in (name, against or self.reference))
        pairs = [(our.throttled, their.throttled) for our, their in zip(ours, theirs, strict=False)]
        only_ours, only_theirs = pairs.count((True, False)), pairs.count((False, True))
        if (only_ours == 0) != (only_theirs == 0) or abs(only_ours - only_theirs) > 2 * math.sqrt(
            only_ours + only_theirs
        ):
            return "throttled" if only_ours > only_theirs else "baseline throttled"
        return None

    def series(self, name: str) -> list[float]:
        """Return the cost per inference of each sample, in the trial's unit."""
        return [_amount(lap, self.basis) / count for lap, count in self.laps[name]]

    def cost(self, name: str) -> Cost:
        """Return the cost of one inference."""
        laps = self.laps[name]
        joules = [lap.joules / count for lap, count in laps if lap.joules is not None and math.isfinite(lap.joules)]
        uncertainties = [(lap.uncertainty or 0.0) / count for lap, count in laps if lap.joules is not None]
        complete = len(joules) == len(laps)
        return Cost(
            median(joules) if joules and complete else None,
            median(uncertainties) if uncertainties and complete else None,
            median(lap.cpu_seconds / count for lap, count in laps),
            median(lap.seconds / count for lap, count in laps),
        )

    def raw(self, name: str, against: str | None = None) -> Ratio | None:
        """Return the paired ratio without the uncertainty of the basis."""
        return paired_ratio(self.series(against or self.reference), self.series(name))

    def outcome(self, name: str, against: str | None = None) -> Outcome:
        """Compare a candidate with the reference, or with another runner."""
        cost = self.cost(name)
        raw = self.raw(name, against)
        if raw is None:
            factor = far_more_expensive(self.series(against or self.reference), self.series(name))
            rounds = len(self.laps[name])
            if factor is not None:
                return Outcome("more", None, Reason("far more", factor=factor, rounds=rounds), cost)
            return Outcome("can't tell", None, Reason("too few rounds" if rounds < LEAST_PAIRS else "no reading"), cost)
        throttled = self.throttled(name, against)
        if throttled is not None:
            reason = Reason(throttled, name=name, reference=against or self.reference)
            return Outcome("can't tell", None, reason, cost, raw.value)
        noise = spread(self.series(against or self.reference))
        ratio = raw if self.basis == "joules" else raw.widened(POWER_DIFFERENCE)
        significant = ratio.less or raw.more
        noisy = raw.half_width > 2 * NARROW and noise > 2 * NARROW
        # A significant direction is reported even if the size is uncertain.
        if not significant and (raw.half_width > WIDE or (noisy and not ratio.more)):
            return Outcome("can't tell", None, self._noisy(noise, raw), cost, raw.value)
        # Rejecting needs weaker evidence than accepting: more processor time is enough.
        verdict: Verdict = "less" if ratio.less else ("more" if raw.more else "no difference")
        reason = Reason("rounds", rounds=raw.pairs)
        if self.shared:
            verdict, reason = "no difference", Reason("device shared")
        elif verdict == "no difference" and raw.less:
            reason = Reason("power may differ", factor=raw.value)
        elif verdict == "no difference":
            reason = Reason("interval includes 1", rounds=raw.pairs)
        return Outcome(verdict, ratio, reason, cost)

    def _noisy(self, noise: float, found: Ratio) -> Reason:
        """Return what varied: one model, or the ratio alone; and the load from others if it may be the cause."""
        others = self.others if self.others is not None and self.others > BUSY else None
        if noise < found.half_width / 2:
            return Reason("noisy", half_width=math.expm1(found.half_width), others=others)
        return Reason("noisy", variation=noise, others=others)


def run_trial(
    runners: Mapping[str, Runner],
    gauge: CostMeter,
    *,
    seconds: float,
    reference: str = "original",
    rounds: int = MOST_ROUNDS,
    seed: int = 0,
    drop: str | None = None,
    keep: bool = False,
    tick: Callable[[], None] = lambda: None,
) -> Trial:
    """Run the original and the candidates in turn.

    `runners` include the reference, which the others are compared with. After the first rounds, no new round begins
    after `seconds`; if the deadline comes earlier, the finished rounds count if there are enough of them. There are at
    most `rounds`; the order within them is random. With `drop`, the trial ends as soon as this candidate is certain to
    cost more; this can't bias the result in its favour. With `keep`, an interrupt or the deadline ends the trial with
    the finished rounds, if there are any; otherwise it is raised. `tick` is called after each round.
    """
    before = {name: ModelState(runner.model) for name, runner in runners.items()}
    try:
        return _run_trial(runners, gauge, seconds, reference, rounds, seed, drop, keep, tick)
    finally:
        for state in before.values():
            state.put_back()


def _run_trial(  # noqa: PLR0917 - called once
    runners: Mapping[str, Runner],
    gauge: CostMeter,
    seconds: float,
    reference: str,
    rounds: int,
    seed: int,
    drop: str | None,
    keep: bool,
    tick: Callable[[], None],
) -> Trial:
    basis: Basis = "joules" if gauge.measures else "cpu_seconds"
    rng = random.Random(seed)  # noqa: S311 - not cryptographic
    longest = seconds / (AIMED_ROUNDS * len(runners)) if basis == "cpu_seconds" else math.inf
    repeats = {name: _repeats(runner, LAP_SECONDS[basis], longest) for name, runner in runners.items()}
    # State created by the first call (a table of positions, say) is kept; state created by a sample is not.
    warm_states = {name: ModelState(runner.model) for name, runner in runners.items()}
    pending: dict[str, list[tuple[Callable[[], CostSample], int]]] = {name: [] for name in runners}
    began, before = deadline.now(), gauge.others()
    order = list(runners)
    interrupted = False
    try:
        for turn in range(rounds):
            # Each order is followed by its reverse, so that linear drift cancels.
            if turn % 2 == 0:
                rng.shuffle(order)
            else:
                order.reverse()
            for name in order:
                runner, times = runners[name], repeats[name]
                passes = Passes(runner.run, turn, times, runner.inferences(turn), OVERLONG * longest)
                lap = gauge.lap(name, passes.inferences, passes)
                pending[name].append((lap, passes.inferences))
                repeats[name] = min(times, passes.done)
                warm_states[name].put_back()
            tick()
            spent = deadline.now() - began
            if drop is not None and basis == "cpu_seconds" and _dearer(pending, reference, drop):
                break
            if turn + 1 >= FEWEST_ROUNDS and (
                spent >= seconds or (basis == "cpu_seconds" and _narrow(pending, reference))
            ):
                break
            if spent >= (2 if turn + 1 >= LEAST_PAIRS else 4) * seconds:
                break
    except (KeyboardInterrupt, deadline.TimeIsUp) as end:
        complete = min(len(items) for items in pending.values())
        interrupted = isinstance(end, KeyboardInterrupt)
        if complete < (1 if keep else LEAST_PAIRS) or (interrupted and not keep):
            raise
        pending = {name: items[:complete] for name, items in pending.items()}
    elapsed, after = deadline.now() - began, gauge.others()
    try:
        laps = _read(pending)
    except KeyboardInterrupt:  # while waiting for a sensor to settle
        if not keep:
            raise
        interrupted, laps = True, _read(pending)
    if basis == "joules" and any(lap.joules is None for items in laps.values() for lap, _ in items):
        basis = "cpu_seconds"  # a sensor stopped working
    return Trial(reference, laps, basis, share_of_others(before, after, elapsed), interrupted=interrupted)


def _read(waiting: _Waiting) -> dict[str, list[tuple[CostSample, int]]]:
    return {name: [(read(), count) for read, count in items] for name, items in waiting.items()}


def _repeats(runner: Runner, least: float, longest: float) -> int:
    """Warm up, and return the passes for a sample that is long enough to measure and not longer than allowed."""
    deadline.look()
    runner.run(0)
    deadline.look()
    began, cpu = deadline.now(), time.process_time()
    runner.run(0)
    elapsed = deadline.now() - began
    # Wall time includes other programs; processor time excludes the GPU's.
    pass_seconds = max(1e-6, min(elapsed, max(time.process_time() - cpu, 0.2 * elapsed)))
    fitting = math.floor(min(1e9, longest / max(elapsed, 1e-9)))
    return max(1, math.ceil(SHORT_SECONDS / pass_seconds), min(math.ceil(least / pass_seconds), fitting))


def _narrow(waiting: _Waiting, reference: str) -> bool:
    series = _so_far(waiting)
    ratios = [paired_ratio(series[reference], costs) for name, costs in series.items() if name != reference]
    return all(ratio is not None and ratio.half_width <= NARROW for ratio in ratios)


def _dearer(waiting: _Waiting, reference: str, name: str) -> bool:
    """Whether a candidate is certain to cost more than the reference."""
    series = _so_far(waiting)
    if len(series[name]) < FEWEST_ROUNDS:
        return far_more_expensive(series[reference], series[name]) is not None
    ratio = paired_ratio(series[reference], series[name])
    return ratio is not None and ratio.more


def far_more_expensive(original: Sequence[float], candidate: Sequence[float]) -> float | None:
    """Return the least factor by which a candidate costs more; None unless all its samples far exceed the others."""
    if len(original) < FAR_ROUNDS or not all(0 < cost < math.inf for cost in (*original, *candidate)):
        return None
    factor = min(candidate) / max(original)
    return factor if factor >= FAR else None


def _so_far(waiting: _Waiting) -> dict[str, list[float]]:
    """Return the samples so far in processor time, which needs no settling of sensors."""
    return {name: [_amount(read(), "cpu_seconds") / count for read, count in items] for name, items in waiting.items()}


def _amount(lap: CostSample, basis: Basis) -> float:
    return lap.cpu_seconds if basis == "cpu_seconds" or lap.joules is None else lap.joules


def share_of_others(before: float | None, after: float | None, seconds: float) -> float | None:
    """Return the share of the machine that other programs used, from two readings of a meter; None if it is unknown."""
    import psutil

    if before is None or after is None or seconds <= 0:
        return None
    return max(0.0, after - before) / (seconds * (psutil.cpu_count() or 1))
