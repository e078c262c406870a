"""The count at a window edge, which lies between two counter updates.

The updates around one edge, or around several edges close together, enclose a block of known energy. Each interval
between edges inside it is assumed to have constant power: that of adjacent updates if there are any, else anything up
to the power limit. The block's energy is allocated to its intervals by least squares with a fixed sum. A lone cell gets
the block's energy minus each neighbour's power × overlap. Cells in the same block get a split with a correspondingly
wide interval. An edge has one count for both sides, so windows and gaps always add up.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Container
from dataclasses import dataclass
from itertools import pairwise

from jupyter_green.sensors import SensorInfo

from .allocation import Shares, allocate_energy, balance, moved, silences
from .decay import Power
from .power_beside_edge import compared, earlier, level_before, power_beside_edge
from .updates import CounterUpdates

GUARD_SECONDS = 0.003
"""Distance, beyond the latency, at which an update counts as before or after an edge."""

COMMON_TIME_UNCERTAINTY = 0.002
"""Common time uncertainty of all updates, beyond the latency."""

FAR_PERIODS = 2.5
"""Number of periods before an edge from which on an update is too old to start from, if a later one is usable."""

STEADY_PART, STEADY_WATTS = 0.005, 0.3
"""Deviation of a device's power between windows from its estimate: relative, and in watts."""

SLOT_SECONDS = 0.005
"""Time between two cells that run in immediate succession."""

SETTLED_TICKS, FALL_TICKS = 2, 5
"""Updates after a block that are waited for if a cell follows, and if none does: the latter show the power decay."""

SILENT_PERIODS = 2.5
"""Update periods without a reading after which data near an edge counts as missing."""

UNEXPLAINED = 9.0
"""Ratio of a block's squared residual energy to its variance above which the powers don't explain the energy."""

MOST_EDGES = 16
"""Number of edges per block when a chain of at least twice as many edges without an update between is split."""

UNKNOWN_LIMIT = 1000.0
"""Power limit in watts if the sensor states none."""


@dataclass(frozen=True)
class EdgeCount:
    """The count at an edge."""

    value: float
    """Joules since the sensor's origin."""
    uncertainty: float
    """Standard deviation of `value` in joules."""
    moved: tuple[float, float]
    """Change of `value` in joules if all updates were earlier, and later, by the latency's uncertainty."""
    epoch: int
    """Epoch of the updates around it."""
    block: tuple[float, float]
    """Start and end of the block; two edges of one block are correlated."""
    weight: float
    """Variance from the block's start to this edge, before the sum is constrained."""
    total: float
    """Variance of the whole block, before the sum is constrained."""
    ready: bool = False
    """Whether the required updates have come."""
    complete: bool = False
    """Whether the updates that show the power decay have come too, so that no later update changes the count."""
    waits: bool = False
    """Whether further updates are needed."""
    outside: float = 0.0
    """The lower of the powers on both sides of the block, in watts."""
    silence: float = 0.0
    """Seconds beside the block's edges with missing data."""


@dataclass(frozen=True)
class Block:
    """Consecutive edges that lie between the same two updates.

    Parameters
    ----------
    first, final : int
        Indices of its first and last edge.
    left, right : int or None
        Indices of the updates before and after it.
    whole : bool
        False if a later update may extend it.
    """

    first: int
    final: int
    left: int | None
    right: int | None
    whole: bool


def _around(ticks: CounterUpdates, edges: list[float], index: int, guard: float, passed: int) -> Block:
    """Extend the block around an edge until no other edge is close to its ends, or it reaches its maximum length."""
    span = 3 * MOST_EDGES
    first = final = index
    while first > max(0, index - span) and _joined(ticks, edges, first, guard):
        first -= 1
    whole = True
    while final + 1 < min(len(edges), index + span):
        right = ticks.at_or_after(edges[final] + guard)
        if right is not None:
            if edges[final + 1] >= ticks.all[right].time + guard:
                break
            if ticks.at_or_after(edges[final + 1] + guard) is None:
                whole = False  # provisional until the update comes
                break
        final += 1
    # In a long chain, blocks begin at multiples of MOST_EDGES, whichever edge is requested.
    lowest, highest = first + MOST_EDGES, final + 1 - MOST_EDGES
    lower, upper = index - (passed + index) % MOST_EDGES, index + MOST_EDGES - (passed + index) % MOST_EDGES
    if lower > highest:
        lower -= MOST_EDGES
    if upper < lowest:
        upper += MOST_EDGES
    if lowest <= lower <= highest:
        first = lower
    if lowest <= upper <= highest:
        final, whole = upper - 1, True
    return Block(
        first, final, ticks.at_or_before(edges[first], guard), ticks.at_or_after(edges[final] + guard), whole=whole
    )


def _joined(ticks: CounterUpdates, edges: list[float], index: int, guard: float) -> bool:
    """Whether there may be no update between an edge and the previous one."""
    left = ticks.at_or_before(edges[index], guard)
    return left is None or edges[index - 1] > ticks.all[left].time - guard


def count_at(
    ticks: CounterUpdates,
    traits: SensorInfo,
    edges: list[float],
    moment: float,
    quiet: Container[float] = (),
    *,
    passed: int = 0,
) -> EdgeCount | None:
    """Return the count at `moment`, one of the sorted `edges`; None if no update is near.

    `quiet`: edges after which no window was open. `passed`: number of earlier edges that were dropped.
    """
    guard = traits.latency_uncertainty + max(GUARD_SECONDS, 2 * ticks.comb.jitter) + 2 * ticks.slowness
    block = _around(ticks, edges, bisect.bisect_left(edges, moment), guard, passed)
    first, final, left, right = block.first, block.final, block.left, block.right
    if left is None and right is None:
        return None
    if left is None or right is None:
        return _open_ended(ticks, traits, left, right, moment)
    left, smear = _nearer(ticks, left, edges[first : first + 2], guard)
    start, end = ticks.all[left], ticks.all[right]
    if start.epoch != end.epoch:  # new epoch: an edge beside its first update belongs to it
        restart = next(index for index in range(left + 1, right + 1) if ticks.all[index].epoch == end.epoch)
        distance = ticks.all[restart].time - moment
        after_restart = _open_ended(ticks, traits, None, restart, moment) if distance >= -guard else None
        return after_restart or _open_ended(ticks, traits, left, None, moment)
    limit = traits.power_limit or UNKNOWN_LIMIT
    inner = edges[first : final + 1]
    marks = [start.time, *inner, end.time]
    lengths = [max(0.0, later - earlier) for earlier, later in pairwise(marks)]
    until = edges[first - 1] if first else -math.inf
    rested = first == 0 or edges[first - 1] in quiet
    level = level_before(ticks, edges, first - 1, guard, quiet) if rested and first else None
    power_before = power_beside_edge(
        ticks, left, until, forward=False, guard=guard, away=lengths[0], calm=rested, level=level
    )
    until = edges[final + 1] if final + 1 < len(edges) else math.inf
    calm = edges[final] in quiet
    level = level_before(ticks, edges, first, guard, quiet) if calm else None
    power_after = power_beside_edge(
        ticks, right, until, forward=True, guard=guard, away=lengths[-1], calm=calm, level=level
    )
    is_lone = (power_before is not None and power_before.lone) or (power_after is not None and power_after.lone)
    if is_lone and (rested or calm):  # consecutive cells may have unrelated powers
        levels = [
            power for power in (power_before, power_after, *earlier(ticks, edges, first, guard)) if power is not None
        ]
        power_before, power_after = compared(power_before, levels), compared(power_after, levels)
    energy = end.value - start.value
    mean = energy / max(1e-9, end.time - start.time)
    # A cell may draw up to the limit; between cells the power is closer to that around them.
    cell, gap = Power(mean, limit), Power(mean, limit / math.sqrt(12))
    powers = [power_before or cell, *(gap if edge in quiet else cell for edge in inner[:-1]), power_after or cell]
    silent = silences(lengths, SILENT_PERIODS * ticks.pace + guard)
    is_known = power_before is not None and power_after is not None
    _, total, residual = balance(powers, lengths, start, end)
    if silent and (not is_known or residual**2 > UNEXPLAINED * total):
        # The power changed while data were missing, on one side of the edge or the other.
        for side in silent:
            powers[side] = gap
    shares = allocate_energy(powers, lengths, (start, end), limit)
    total = shares.total
    other_side = 0.0
    if is_known and sum(lengths[1:-1]) < SLOT_SECONDS:
        # If the powers don't explain the block's energy (latency, an unseen change), they are less certain.
        total *= min(7.0, max(1.0, shares.residual**2 / shares.total))
        other_side = _elsewhere(powers, lengths, shares, limit, shift_of(ticks, traits))
    idle_follows = calm and power_after is not None and math.isinf(until) and not ticks.fast
    updates_needed = FALL_TICKS if idle_follows else SETTLED_TICKS
    place_after = inner.index(moment) + 1
    weight = math.fsum(shares.variances[:place_after]) * total / shares.total
    value = start.value + math.fsum(shares.joules[:place_after])
    complete = block.whole and right + updates_needed < len(ticks.all)
    # A side with missing data can't confirm the estimate from the other side.
    silent_variance = max((total - weight if side == 0 else weight for side in silent), default=0.0)
    return EdgeCount(
        value=min(max(value, start.value), end.value),
        uncertainty=math.sqrt(max(silent_variance, weight - weight**2 / total, other_side**2 / 3) + smear**2),
        moved=moved(powers, lengths, (start, end), (limit, shift_of(ticks, traits)), place_after),
        epoch=start.epoch,
        block=(start.time, end.time),
        weight=weight,
        total=total,
        ready=block.whole and right + 1 < len(ticks.all),
        complete=complete,
        waits=not complete,
        outside=min(powers[0].watts, powers[-1].watts),
        silence=math.fsum(lengths[side] for side in silent),
    )


def _elsewhere(powers: list[Power], lengths: list[float], shares: Shares, limit: float, shift: float) -> float:
    """Joules of a block that may have been used on the other side of its edge.

    If the powers on both sides and the latency's uncertainty leave energy unexplained, the power rose before the edge,
    fell after it, or had a peak; for example, work began before its window. The updates do not show which side used the
    energy. Missing energy, however, is missing on the side with the higher power, since no side draws less than idle
    power.
    """
    step = abs(powers[-1].watts - powers[0].watts)
    unexplained = shares.residual - step * shift
    if unexplained**2 <= UNEXPLAINED * shares.total or unexplained <= 0:
        return 0.0
    # Each side may have used all of it, up to its power limit; it was allocated by variance.
    excesses = [
        min(shares.residual, max(0.0, limit - powers[end].watts) * lengths[end])
        - (shares.joules[end] - powers[end].watts * lengths[end])
        for end in (0, -1)
    ]
    return max(0.0, *excesses)


def shift_of(ticks: CounterUpdates, traits: SensorInfo) -> float:
    """Common time uncertainty of all updates, in seconds."""
    return traits.latency_uncertainty + COMMON_TIME_UNCERTAINTY + ticks.slowness


def _nearer(ticks: CounterUpdates, left: int, edges: list[float], guard: float) -> tuple[int, float]:
    """Choose an update that may lie on either side of an edge, if the last certain one is far back.

    It may assign a little energy to the wrong side; starting far back would assign every power change since. The energy
    in question is used between the edge and the following edge or update.

    Returns
    -------
    tuple of (int, float)
        Index of the update, and the standard deviation in joules that it adds.
    """
    edge, following = edges[0], edges[1] if len(edges) > 1 else math.inf
    candidate = left + 1
    if (
        candidate + 1 >= len(ticks.all)
        or edge - ticks.all[left].time - ticks.all[left].uncertainty < FAR_PERIODS * ticks.period
    ):
        return left, 0.0
    certain, chosen, later = ticks.all[left], ticks.all[candidate], ticks.all[candidate + 1]
    if chosen.time > edge or chosen.epoch != later.epoch or chosen.epoch != certain.epoch:
        return left, 0.0
    watts_before = (chosen.value - certain.value) / (chosen.time - certain.time)
    joules = abs(later.value - chosen.value - watts_before * (later.time - chosen.time))
    watts = joules / max(SLOT_SECONDS, min(later.time, following) - edge)
    uncertainty = max(0.0, guard - (edge - chosen.time)) * watts / 2
    silent = edge - certain.time > SILENT_PERIODS * ticks.pace + guard  # then the far update is much less certain
    if uncertainty > (chosen.time - certain.time) * (STEADY_PART * watts_before + STEADY_WATTS) and not silent:
        return left, 0.0
    return candidate, uncertainty


def _open_ended(
    ticks: CounterUpdates, traits: SensorInfo, left: int | None, right: int | None, moment: float
) -> EdgeCount | None:
    """Extrapolate the count beyond the known updates: provisional, or because the closing update never came."""
    limit = traits.power_limit or UNKNOWN_LIMIT
    index = left if left is not None else right
    assert index is not None
    update = ticks.all[index]
    distance = moment - update.time
    if distance < -(2 * traits.period[1] + traits.latency + 0.25):
        return None
    is_new = left is None  # a new count has begun: later updates give the power
    power = power_beside_edge(ticks, index, math.inf if is_new else -math.inf, forward=is_new, guard=0.0)
    if power is None or distance > 3 * traits.period[1] + traits.latency + 0.25:
        return None  # the sensor has stopped responding, or was just found
    watts = power.watts
    deviation = abs(distance) * max(limit - watts, watts) / 2 + update.uncertainty * watts
    block = (min(moment, update.time), max(moment, update.time))
    value = update.value + watts * distance
    # No more data will come for the time before a count began.
    shift = watts * shift_of(ticks, traits)
    return EdgeCount(
        value, deviation, (shift, -shift), update.epoch, block, deviation**2, 2 * deviation**2, complete=is_new
    )
