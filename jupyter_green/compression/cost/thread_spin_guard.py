"""Corrects a gain in processor time for threads that spin while other programs use the machine.

The threads of a model wait for each other by spinning. If another program takes a core, the others burn processor time
without working, and a model with fewer threads looks cheaper than it is. So a gain found on a busy machine is also
measured against the original in one thread, where nothing waits. The smaller of the two gains is reported, with the
more cautious end of both intervals; none if the smaller one is not significant.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from jupyter_green.compression.reasons import Reason

from .cost_meter import POWER_DIFFERENCE, Basis
from .ratio import Ratio
from .trial import BUSY, WIDE, Outcome, Trial

ALONE = "one thread"
"""Name of the original's samples in one thread."""
SOON = BUSY / 2
"""Share of the machine used by others above which the original is also run in one thread: load may increase."""


class Told(NamedTuple):
    """A gain as it may be reported."""

    outcome: Outcome
    """The comparison with the original."""
    cpu: Ratio | None
    """Measured ratio of processor time; None for joules, or if the outcome is "can't tell"."""
    against: str
    """Name of the samples it is compared with."""


def crowded(basis: Basis, others: float | None, threads: int) -> bool:
    """Whether spinning threads may have affected a ratio; joules are never corrected.

    `others` is the share of the machine's time that others used, `threads` those of the original: a single one does not
    wait.
    """
    return basis == "cpu_seconds" and threads > 1 and others is not None and others > BUSY


def may_wait(measures: bool, others: float | None, threads: int) -> bool:
    """Whether to run the original in one thread too: no sensor measures it, and others used the machine."""
    return not measures and others is not None and others > SOON and threads > 1


def told(trial: Trial, name: str, alone: str | None, threads: int) -> Told:
    """Compare a candidate with the original, by the smaller gain if threads may have spun.

    `alone` is the name of the original's samples in one thread; None if there are none. `threads` are those of the
    original.
    """
    outcome, raw = trial.outcome(name), trial.raw(name) if trial.basis == "cpu_seconds" else None
    if outcome.verdict != "less" or raw is None or not crowded(trial.basis, trial.others, threads):
        return Told(outcome, raw, trial.reference)
    single_thread = None if alone is None or alone not in trial.laps else trial.raw(name, alone)
    if single_thread is None:
        reason = Reason("threads may spin", others=trial.others)
        return Told(Outcome("can't tell", None, reason, outcome.cost, raw.value), None, trial.reference)
    smaller = max(raw, single_thread, key=lambda ratio: ratio.value)
    cautious = replace(smaller, high=max(raw.high, single_thread.high))
    inconsistent = replace(cautious, low=min(raw.low, single_thread.low)).half_width > 2 * WIDE
    widened = cautious.widened(POWER_DIFFERENCE)
    if not widened.less and (not cautious.less or inconsistent):
        reason = Reason("no gain in one thread", others=trial.others)
        return Told(Outcome("can't tell", None, reason, outcome.cost, cautious.value), None, trial.reference)
    reason = replace(outcome.reason, one_thread=True) if widened.less else Reason("busy machine")
    against = trial.reference if raw.value >= single_thread.value else str(alone)
    return Told(Outcome("less" if widened.less else "no difference", widened, reason, outcome.cost), cautious, against)
