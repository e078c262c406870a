"""The proof that a candidate costs less: it and the original run in turn, and their laps are compared in pairs.

A machine drifts: it warms up, changes its clock, is used by others. Within one round all of that is nearly the same, so
only laps of one round are compared. Rounds go on until the interval is narrow or the time is up; they never stop
because the answer is the wished one. A gain that the whole interval shows is told however wide that is: the interval
says how little is known of its size. What the interval leaves open on a machine that varies is said to be untold.

Each lap has its share of the time and ends soon after it, with as many passes as were run: threads that wait for one
another on a busy machine may make one pass take a hundred times as long as the pass before it.
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

from .cost_meter import POWER_DIFFERENCE, Basis, CostMeter, CostSample, Passes
from .ratio import LEAST_PAIRS, Ratio, paired_ratio, spread

NARROW = 0.04
"""Half-width (of the logarithm) at which rounds stop."""
MOST_ROUNDS = 30
FEWEST_ROUNDS = 6
"""Rounds before anything is called."""
AIMED_ROUNDS = 12
"""So many rounds fit into the time of a trial: on a busy machine more of them tell more than longer laps do."""
OVERLONG = 1.5
"""A lap ends after so many times its share of the time, whatever number of passes was planned."""
FAR, FAR_ROUNDS = 8.0, 3
"""A candidate is dropped whose cheapest lap of so many rounds costs so many times as much as the original's dearest.
By rank alone that happens to a copy of the original once in twenty, whatever the noise; by that much, seldomer."""
LAP_SECONDS = {"joules": 1.0, "cpu_seconds": 0.1}
"""Least length of a lap: tens of ticks of an energy counter; a hundred thousand of the processor clock."""
SHORT_SECONDS = 0.01
"""The same of the processor clock where the time would not suffice for rounds of longer laps: ten thousand ticks. On a
busy machine a lap takes many times as long, and a few rounds tell nothing, however long they are."""
UNLIKE = "Not proven: the device"
UNTOLD = ("The machine was busy", "It can't be told", "Too few rounds", UNLIKE)
"""How the reason begins where a cost can't be told."""
UNFAIR = {
    "throttled": "the device was throttled while {ours} ran and not while {theirs} did",
    "baseline throttled": "the device was throttled while {theirs} ran and not while {ours} did",
}
"""Why nothing is proven where the device's conditions were not alike, as part of a sentence."""
WIDE = 0.25
"""Half-width beyond which a ratio whose interval includes 1 is no answer."""
BUSY = 0.1
"""Share of the machine's time used by others from which on they are named as the cause."""

_Waiting = Mapping[str, list[tuple[Callable[[], CostSample], int]]]
Verdict = Literal["less", "more", "no difference", "can't tell"]


@dataclass(frozen=True)
class Runner:
    """Something that can be run again and again.

    Parameters
    ----------
    run : callable
        ``run(round)`` does one pass over the batches of that round.
    inferences : callable
        ``inferences(round)`` is how many examples that is.
    model : object
        What it holds beside its parameters is put back after every lap; None where nothing can be.
    """

    run: Callable[[int], None]
    inferences: Callable[[int], int]
    model: Any = None


@dataclass(frozen=True)
class Cost:
    """What one inference costs.

    Parameters
    ----------
    joules, uncertainty : float or None
        Energy and half its 95 % interval, where a sensor measures.
    cpu_seconds, seconds : float
        Processor time and time, medians of the laps.
    """

    joules: float | None
    uncertainty: float | None
    cpu_seconds: float
    seconds: float


@dataclass(frozen=True)
class Outcome:
    """How a candidate stands against the original.

    Parameters
    ----------
    verdict : {"less", "more", "no difference", "can't tell"}
        What is proven.
    ratio : Ratio or None
        Candidate / original per inference; None where it can't be told.
    reason : str
        Why it can't be told, or what the ratio stands on.
    cost : Cost
        Of one inference of the candidate.
    about : float or None
        The ratio as it was read where it can't be told: says which to try again first, and is never shown.
    """

    verdict: Verdict
    ratio: Ratio | None
    reason: str
    cost: Cost
    about: float | None = None

    @property
    def dearer(self) -> bool:
        """Whether it is known to cost more energy, and not processor time alone."""
        return self.ratio is not None and self.ratio.more


@dataclass(frozen=True)
class Trial:
    """All laps of a trial.

    Parameters
    ----------
    reference : str
        The name that the others are compared with.
    laps : mapping of str to sequence of (Lap, int)
        Each name's laps, in the order of rounds, with the inferences of each.
    basis : {"joules", "cpu_seconds"}
        What is compared.
    others : float or None
        Share of the machine's time that other programs used.
    interrupted : bool
        Whether a person ended it.
    """

    reference: str
    laps: Mapping[str, Sequence[tuple[CostSample, int]]]
    basis: Basis
    others: float | None = None
    notes: tuple[str, ...] = field(default=())
    interrupted: bool = False

    @property
    def quality(self) -> str:
        """The weakest standing of the laps."""
        found = {lap.quality for laps in self.laps.values() for lap, _ in laps}
        return "simulated" if "simulated" in found else ("measured" if found == {"measured"} else "estimated")

    @property
    def shared(self) -> bool:
        """Whether a device was used by others meanwhile, so that nothing is proven."""
        return any(lap.shared for laps in self.laps.values() for lap, _ in laps)

    def throttled(self, name: str, against: str | None = None) -> Literal["throttled", "baseline throttled"] | None:
        """Return which of two was throttled, so that it is not fair to compare them; None where none is known to be.

        One lap that was throttled beside one of its round that was not is enough where that never happened the other
        way round; where both sides were, by turns, it is fair while chance explains the difference (sign test, 95 %).
        Clocks are no reason here: in turns on one device they differ by what the work is.
        """
        ours, theirs = ([lap.conditions for lap, _ in self.laps[who]] for who in (name, against or self.reference))
        pairs = [(one.throttled, other.throttled) for one, other in zip(ours, theirs, strict=False)]
        mine, its = pairs.count((True, False)), pairs.count((False, True))
        if (mine == 0) != (its == 0) or abs(mine - its) > 2 * math.sqrt(mine + its):
            return "throttled" if mine > its else "baseline throttled"
        return None

    def series(self, name: str) -> list[float]:
        """Return the cost per inference of each lap, on the trial's basis."""
        return [_amount(lap, self.basis) / count for lap, count in self.laps[name]]

    def cost(self, name: str) -> Cost:
        """Return what one inference of it costs."""
        laps = self.laps[name]
        joules = [lap.joules / count for lap, count in laps if lap.joules is not None and math.isfinite(lap.joules)]
        doubt = [(lap.uncertainty or 0.0) / count for lap, count in laps if lap.joules is not None]
        whole = len(joules) == len(laps)
        return Cost(
            median(joules) if joules and whole else None,
            median(doubt) if doubt and whole else None,
            median(lap.cpu_seconds / count for lap, count in laps),
            median(lap.seconds / count for lap, count in laps),
        )

    def raw(self, name: str, against: str | None = None) -> Ratio | None:
        """Return the paired ratio as it was read, without what the basis leaves open."""
        return paired_ratio(self.series(against or self.reference), self.series(name))

    def outcome(self, name: str, against: str | None = None) -> Outcome:
        """Return how one stands against the reference, or another name."""
        cost = self.cost(name)
        found = self.raw(name, against)
        if found is None:
            times = far_dearer(self.series(against or self.reference), self.series(name))
            if times is not None:
                said = f"at least {times:.0f} times as much in each of {len(self.laps[name])} rounds"
                return Outcome("more", None, said, cost)
            few = len(self.laps[name]) < LEAST_PAIRS
            said = "Too few rounds were run in the time allowed." if few else "It can't be told: a lap read no cost."
            return Outcome("can't tell", None, said, cost)
        why = self.throttled(name, against)
        if why is not None:
            other = against or self.reference
            reason = UNFAIR[why].format(ours=name, theirs="the original" if other == "original" else other)
            said = f"Not proven: {reason}. Try again when it is cool, or with its clock locked."
            return Outcome("can't tell", None, said, cost, found.value)
        noise = spread(self.series(against or self.reference))
        ratio = found if self.basis == "joules" else found.widened(POWER_DIFFERENCE)
        clear = ratio.less or found.more
        wavering = found.half_width > 2 * NARROW and noise > 2 * NARROW
        # What is less or more in every round is told, however little is known of how much.
        if not clear and (found.half_width > WIDE or (wavering and not ratio.more)):
            return Outcome("can't tell", None, self._why(noise, found), cost, found.value)
        said = f"{found.pairs} rounds in turn"
        # Refusing needs less than accepting: more processor time is enough for it.
        verdict: Verdict = "less" if ratio.less else ("more" if found.more else "no difference")
        if self.shared:
            verdict, said = (
                "no difference",
                "the device was used by others, whose part can't be told: nothing is proven",
            )
        elif verdict == "no difference" and found.less:
            said = f"less processor time ({found.value:.2f} of it), but power may differ by more than that"
        elif verdict == "no difference":
            said += "; the interval includes 1"
        return Outcome(verdict, ratio, said, cost)

    def _why(self, noise: float, found: Ratio) -> str:
        varied = f"the same model varied by ±{100 * noise:.0f} % from round to round"
        if noise < found.half_width / 2:
            # Then it wasn't the original that varied.
            off = math.expm1(found.half_width)
            told = f"their ratio is known to ±{100 * off:.0f} % only"
            varied = told if off <= 1 else "hardly anything is known of their ratio"
        if self.others is not None and self.others > BUSY:
            return f"The machine was busy: other programs used {100 * self.others:.0f} % of it, and {varied}."
        return f"It can't be told: {varied}. Try again with more time, or when the machine is quiet."


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
    """Run original and candidates in turn.

    Parameters
    ----------
    runners : mapping of str to Runner
        What is run, the reference among them.
    gauge : CostMeter
        Reads the laps.
    seconds : float
        No further round is begun after these, once there are a few. Where the deadline comes before, the rounds that
        are done count, if they are enough to tell anything.
    reference : str
        Name of what the others are compared with.
    rounds : int
        Most rounds.
    seed : int
        Seed of the order within each round.
    drop : str, optional
        A candidate with which the trial ends as soon as it is sure to cost more; that can't make anything look better.
    keep : bool
        Whether an interrupt or the end of the time ends the trial with the rounds that are done, where there is one;
        else it is raised.
    tick : callable
        Called after each round.
    """
    before = {name: ModelState(runner.model) for name, runner in runners.items()}
    try:
        return _run_trial(runners, gauge, seconds, reference, rounds, seed, drop, keep, tick)
    finally:
        for state in before.values():
            state.put_back()


def _run_trial(  # noqa: PLR0917 - one place calls it
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
    rng = random.Random(seed)  # noqa: S311 - an order, not a secret
    longest = seconds / (AIMED_ROUNDS * len(runners)) if basis == "cpu_seconds" else math.inf
    repeats = {name: _repeats(runner, LAP_SECONDS[basis], longest) for name, runner in runners.items()}
    # What a first call makes, such as a table of positions, stays for all laps; what a lap makes does not.
    warm = {name: ModelState(runner.model) for name, runner in runners.items()}
    waiting: dict[str, list[tuple[Callable[[], CostSample], int]]] = {name: [] for name in runners}
    began, before = deadline.now(), gauge.others()
    order = list(runners)
    interrupted = False
    try:
        for turn in range(rounds):
            # Each order is followed by its reverse, so that a steady drift falls on all alike.
            if turn % 2 == 0:
                rng.shuffle(order)
            else:
                order.reverse()
            for name in order:
                runner, times = runners[name], repeats[name]
                passes = Passes(runner.run, turn, times, runner.inferences(turn), OVERLONG * longest)
                lap = gauge.lap(name, passes.inferences, passes)
                waiting[name].append((lap, passes.inferences))
                repeats[name] = min(times, passes.done)
                warm[name].put_back()
            tick()
            spent = deadline.now() - began
            if drop is not None and basis == "cpu_seconds" and _dearer(waiting, reference, drop):
                break
            if turn + 1 >= FEWEST_ROUNDS and (
                spent >= seconds or (basis == "cpu_seconds" and _narrow(waiting, reference))
            ):
                break
            if spent >= (2 if turn + 1 >= LEAST_PAIRS else 4) * seconds:
                break
    except (KeyboardInterrupt, deadline.TimeIsUp) as end:
        done = min(len(items) for items in waiting.values())
        interrupted = isinstance(end, KeyboardInterrupt)
        if done < (1 if keep else LEAST_PAIRS) or (interrupted and not keep):
            raise
        waiting = {name: items[:done] for name, items in waiting.items()}
    took, after = deadline.now() - began, gauge.others()
    try:
        laps = _read(waiting)
    except KeyboardInterrupt:  # while a sensor settled
        if not keep:
            raise
        interrupted, laps = True, _read(waiting)
    if basis == "joules" and any(lap.joules is None for items in laps.values() for lap, _ in items):
        basis = "cpu_seconds"  # a sensor fell away meanwhile
    return Trial(reference, laps, basis, share_of_others(before, after, took), interrupted=interrupted)


def _read(waiting: _Waiting) -> dict[str, list[tuple[CostSample, int]]]:
    return {name: [(read(), count) for read, count in items] for name, items in waiting.items()}


def _repeats(runner: Runner, least: float, longest: float) -> int:
    """Warm up, and see how often a pass has to be run for a lap that can be read and takes no longer than it may."""
    deadline.look()
    runner.run(0)
    deadline.look()
    began, cpu = deadline.now(), time.process_time()
    runner.run(0)
    took = deadline.now() - began
    # On a busy machine most of the time is others'; on a GPU hardly any of it is the processor's.
    once = max(1e-6, min(took, max(time.process_time() - cpu, 0.2 * took)))
    fitting = math.floor(min(1e9, longest / max(took, 1e-9)))
    return max(1, math.ceil(SHORT_SECONDS / once), min(math.ceil(least / once), fitting))


def _narrow(waiting: _Waiting, reference: str) -> bool:
    series = _so_far(waiting)
    ratios = [paired_ratio(series[reference], costs) for name, costs in series.items() if name != reference]
    return all(ratio is not None and ratio.half_width <= NARROW for ratio in ratios)


def _dearer(waiting: _Waiting, reference: str, name: str) -> bool:
    """Whether a candidate is sure to cost more than the reference."""
    series = _so_far(waiting)
    if len(series[name]) < FEWEST_ROUNDS:
        return far_dearer(series[reference], series[name]) is not None
    ratio = paired_ratio(series[reference], series[name])
    return ratio is not None and ratio.more


def far_dearer(original: Sequence[float], candidate: Sequence[float]) -> float | None:
    """Return how many times as much it costs at least, where all of its laps are far dearer than all others'."""
    if len(original) < FAR_ROUNDS or not all(0 < cost < math.inf for cost in (*original, *candidate)):
        return None
    least = min(candidate) / max(original)
    return least if least >= FAR else None


def _so_far(waiting: _Waiting) -> dict[str, list[float]]:
    """Return what was read up to now, in processor time, which needs no waiting."""
    return {name: [_amount(read(), "cpu_seconds") / count for read, count in items] for name, items in waiting.items()}


def _amount(lap: CostSample, basis: Basis) -> float:
    return lap.cpu_seconds if basis == "cpu_seconds" or lap.joules is None else lap.joules


def share_of_others(before: float | None, after: float | None, seconds: float) -> float | None:
    """Return which share of the machine others used, from two of a gauge's readings; None where it can't be told."""
    import psutil

    if before is None or after is None or seconds <= 0:
        return None
    return max(0.0, after - before) / (seconds * (psutil.cpu_count() or 1))
