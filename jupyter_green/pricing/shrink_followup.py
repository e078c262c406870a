"""Follow-up of a shrink: uses and joules per use before and after a model was made cheaper.

A use is a counted unit (`%%energy -u`, or `units=`), because joules alone don't tell how often something ran. Both
periods are as long as the time since the shrink. If there was no use in a period of that length before it, all earlier
uses are taken and scaled to that length. A shrink is recognised by the outcome in its record.
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
    """There is no shrink to follow up, or nothing was counted; the message is one sentence."""


@dataclass(frozen=True)
class ShrinkFollowup:
    """A shrink and the use of its model since then."""

    line: str
    """The shrink's line in the ledger."""
    unit: str
    """Name of the counted unit."""
    rebound: Rebound
    """Rebound since the shrink."""
    seconds: tuple[float, float]
    """Lengths of the two periods in seconds."""
    quality: Quality | None
    """The weakest quality of the figures."""
    credit: Credit
    """Credit for the saving since then; 0 if the shrink was not proven."""
    shrink: str
    """Identity of the shrink's record."""

    def sentence(self) -> str:
        """Return the share of the saving that more use offsets, as a sentence."""
        rebound = self.rebound
        if rebound.ratio is None:
            return "No rebound is proven: the joules per use before and after do not differ significantly."
        assert rebound.interval is not None, "what has a share has an interval"
        bounds = sorted(abs(end) for end in rebound.interval)  # both have the same sign
        low, share, high = (
            numbers.plain(numbers.whole_percent(value)) for value in (bounds[0], abs(rebound.ratio), bounds[1])
        )
        offset = f"{share} of the saving (95 %: {low} to {high})"
        if rebound.ratio < 0:
            return f"It is used less than before: {offset} more is saved by that."
        if rebound.backfire:
            return f"Backfire: more use takes {offset}, so that more is used than before."
        caveat = " Whether more is used than before is not proven." if rebound.backfire is None else ""
        return f"Rebound: more use takes back {offset}.{caveat}"


@dataclass(frozen=True)
class _ProvenShrink:
    """Whether the shrink was proven, as a `QualityCheck`."""

    proven: bool
    reason: str


def shrink_followup(records: Sequence[EnergyRecord], now: float) -> ShrinkFollowup:
    """Return the follow-up of a project's last shrink that kept a result.

    Parameters
    ----------
    records : sequence of EnergyRecord
        Records of the project, in any order.
    now : float
        Current time, in seconds since 1970.

    Raises
    ------
    NoShrinkToFollow
        If there is no such shrink, or nothing was counted before or after it.
    """
    shrinks = [(record, record.search) for record in records if record.search and record.search.code == "kept"]
    if not shrinks:
        raise NoShrinkToFollow(
            "This project has no %shrink yet that kept something, so there is no rebound to compute."
        )
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
    rebound = observed(sides[0][0], sides[1][0], (sides[0][1], sides[1][1]), seconds)
    check = _ProvenShrink(outcome.proven, "the saving was not proven")
    credit = judged(sides[1][1], baseline=sides[0][0], used=sides[1][0], passed=check)
    return ShrinkFollowup(outcome.line, unit, rebound, seconds, weakest(side[2] for side in sides), credit, last.id)


def _is_use(record: EnergyRecord) -> bool:
    finished = record.span in ("cell", "window") and record.parent is None and record.status == "ok"
    return finished and bool(record.units) and record.joules is not None


def _of(records: Iterable[EnergyRecord], unit: str) -> list[EnergyRecord]:
    return [record for record in records if (record.unit or "uses") == unit]


def _summed(records: Sequence[EnergyRecord]) -> tuple[Joules, float, Quality | None]:
    """Return joules per use with their uncertainty, the number of uses, and the quality."""
    usage_sum = UsageSum()
    for record in records:
        usage_sum.add(record)
    units = sum(record.units or 0.0 for record in records)
    return Joules(usage_sum.total / units, usage_sum.uncertainty / units), units, usage_sum.quality
