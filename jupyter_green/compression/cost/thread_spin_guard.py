"""What waiting threads do to a ratio of processor time while others use the machine.

Threads of one model wait for one another, and they wait by spinning: as soon as others take a core of theirs, the rest
burn processor time for nothing. A model in fewer threads then looks cheaper than it is. So a gain that was found on a
busy machine has to hold against the original in one thread too, where nothing waits: the lesser of the two gains is
what is told, with its own interval, whose cautious end is the more cautious one of the two; none where the lesser is
not proven. How much the other gain is larger says how long threads waited, and nothing of the model.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from .cost_meter import POWER_DIFFERENCE, Basis
from .ratio import Ratio
from .trial import BUSY, WIDE, Outcome, Trial

ALONE = "one thread"
"""Name of the original's laps in one thread."""
SOON = BUSY / 2
"""Share of the machine used by others from which on the original is run in one thread too: it may get busier."""


class Told(NamedTuple):
    """A gain as it may be told.

    Parameters
    ----------
    outcome : Outcome
        How the candidate stands.
    cpu : Ratio or None
        Its processor time as a part of the original's as it was read; None on joules, or where nothing is told.
    against : str
        Whose laps that is compared with.
    """

    outcome: Outcome
    cpu: Ratio | None
    against: str


def crowded(basis: Basis, others: float | None, threads: int) -> bool:
    """Whether waiting may be a part of a ratio.

    Parameters
    ----------
    basis : {"joules", "cpu_seconds"}
        Joules hold whatever was drawn; nothing is told of them here.
    others : float or None
        Share of the machine's time that others used.
    threads : int
        Of the original; one has nobody to wait for.
    """
    return basis == "cpu_seconds" and threads > 1 and others is not None and others > BUSY


def may_wait(measures: bool, others: float | None, threads: int) -> bool:
    """Whether the original is to be run in one thread too: nothing `measures` it, and others used the machine."""
    return not measures and others is not None and others > SOON and threads > 1


def told(trial: Trial, name: str, alone: str | None, threads: int) -> Told:
    """Return how a candidate stands against the original, by the lesser gain where threads may have waited.

    Parameters
    ----------
    trial : Trial
        Has their laps.
    name : str
        The candidate.
    alone : str or None
        Whose laps are the original's in one thread; None where there are none.
    threads : int
        Of the original.
    """
    outcome, raw = trial.outcome(name), trial.raw(name) if trial.basis == "cpu_seconds" else None
    if outcome.verdict != "less" or raw is None or not crowded(trial.basis, trial.others, threads):
        return Told(outcome, raw, trial.reference)
    busy = f"The machine was busy: other programs used {100 * (trial.others or 0):.0f} % of the CPU"
    again = "Try again when the machine is quiet, or with torch.set_num_threads(1)."
    beside = None if alone is None or alone not in trial.laps else trial.raw(name, alone)
    if beside is None:
        said = f"{busy}, and threads that waited for one another may be all of the gain. {again}"
        return Told(Outcome("can't tell", None, said, outcome.cost, raw.value), None, trial.reference)
    lesser = max(raw, beside, key=lambda ratio: ratio.value)
    both = replace(lesser, high=max(raw.high, beside.high))
    apart = replace(both, low=min(raw.low, beside.low)).half_width > 2 * WIDE
    wide = both.widened(POWER_DIFFERENCE)
    if not wide.less and (not both.less or apart):
        said = f"{busy}, and against the original in one thread, where none waits, no gain is proven. {again}"
        return Told(Outcome("can't tell", None, said, outcome.cost, both.value), None, trial.reference)
    said = f"{outcome.reason}, also with the original in one thread" if wide.less else "the machine was busy"
    against = trial.reference if raw.value >= beside.value else str(alone)
    return Told(Outcome("less" if wide.less else "no difference", wide, said, outcome.cost), both, against)
