"""What became of a project after a model was made cheaper: uses and joules per use, before and after.

A use is a unit that was counted (`%%energy -u`, or `units=`), since joules alone do not say how often something ran.
Both times are equally long: as long as it is since the shrink. Where nothing was used in so long a time before it, all
that is known of before is taken, and brought to that length. A shrink is found by its record's outcome.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from jupyter_green.baselines.excess import Joules
from jupyter_green.errors import GreenError
from jupyter_green.records import EnergyRecord, Quality, weakest
from jupyter_green.reporting import numbers
from jupyter_green.storage.usage_sum import UsageSum

from .credit import Credit, judged
from .rebound import Rebound, observed


class NoShrinkToFollow(GreenError, ValueError):
    """There is nothing to tell yet; one sentence."""


@dataclass(frozen=True)
class ShrinkFollowup:
    """A shrink and what came after it.

    Parameters
    ----------
    line : str
        The shrink's line in the ledger.
    unit : str
        What was counted.
    rebound : Rebound
        Before and after.
    seconds : (float, float)
        How long the two times are.
    quality : str or None
        The weakest standing of the figures.
    credit : Credit
        For what was saved since; none where the shrink was not proven.
    shrink : str
        Identity of the shrink's record.
    """

    line: str
    unit: str
    rebound: Rebound
    seconds: tuple[float, float]
    quality: Quality | None
    credit: Credit
    shrink: str

    def sentence(self) -> str:
        """Say what of the saving more use takes back."""
        found = self.rebound
        if found.ratio is None:
            return "No rebound can be told: the intervals do not tell apart what one use takes before and after."
        assert found.interval is not None, "what has a share has an interval"
        ends = sorted(abs(end) for end in found.interval)  # both lie on one side of 0
        low, share, high = (numbers.plain(numbers.whole_percent(one)) for one in (ends[0], abs(found.ratio), ends[1]))
        said = f"{share} of the saving (95 %: {low} to {high})"
        if found.ratio < 0:
            return f"It is used less than before: {said} again is saved by that."
        if found.backfire:
            return f"Backfire: more use takes {said}, so that more is used than before."
        unsure = " Whether more is used than before is not told apart." if found.backfire is None else ""
        return f"Rebound: more use takes back {said}.{unsure}"


@dataclass(frozen=True)
class _Gate:
    """Whether the shrink's own proof passed."""

    proven: bool
    reason: str


def shrink_followup(records: Sequence[EnergyRecord], now: float) -> ShrinkFollowup:
    """Return what became of a project after its last shrink that kept something.

    Parameters
    ----------
    records : sequence of EnergyRecord
        Of the project, in any order.
    now : float
        In seconds since 1970.

    Raises
    ------
    NothingToWatch
        If there is no such shrink, or nothing was counted before or after it.
    """
    shrinks = [(record, record.search) for record in records if record.search and record.search.code == "kept"]
    if not shrinks:
        raise NoShrinkToFollow("This project has no %shrink yet that kept something, so there is no rebound to watch.")
    last, outcome = max(shrinks, key=lambda one: one[0].started_at)
    end = last.started_at + last.seconds
    uses = [record for record in records if _is_use(record)]
    after = [record for record in uses if record.started_at >= end]
    if not after:
        raise NoShrinkToFollow(
            "Nothing was counted since the last %shrink; count uses with %%energy -u N, -u tokens or -u examples."
        )
    unit = max({r.unit or "uses" for r in after}, key=lambda name: sum(r.joules or 0.0 for r in _of(after, name)))
    after = _of(after, unit)
    before = [record for record in _of(uses, unit) if record.started_at < last.started_at]
    if not before:
        raise NoShrinkToFollow(f"No {unit} were counted before the last %shrink, so there is nothing to compare with.")
    length = max(now - end, 1.0)
    recent = [record for record in before if record.started_at >= last.started_at - length]
    first = min(record.started_at for record in before)
    seconds = (length if recent else max(last.started_at - first, 1.0), length)
    sides = [_summed(recent or before), _summed(after)]
    found = observed(sides[0][0], sides[1][0], (sides[0][1], sides[1][1]), seconds)
    gate = _Gate(outcome.proven, "the shrink's line does not say that it is proven")
    credit = judged(sides[1][1], baseline=sides[0][0], used=sides[1][0], passed=gate)
    return ShrinkFollowup(outcome.line, unit, found, seconds, weakest(side[2] for side in sides), credit, last.id)


def _is_use(record: EnergyRecord) -> bool:
    worked = record.span in ("cell", "window") and record.parent is None and record.status == "ok"
    return worked and bool(record.units) and record.joules is not None


def _of(records: Iterable[EnergyRecord], unit: str) -> list[EnergyRecord]:
    return [record for record in records if (record.unit or "uses") == unit]


def _summed(records: Sequence[EnergyRecord]) -> tuple[Joules, float, Quality | None]:
    """Joules per use with their interval, the uses, and the standing."""
    outlay = UsageSum()
    for record in records:
        outlay.add(record)
    units = sum(record.units or 0.0 for record in records)
    return Joules(outlay.total / units, outlay.uncertainty / units), units, outlay.quality
