"""The count at an edge of a window, which lies between two ticks.

The ticks around an edge, or around several edges close together, enclose a block whose energy is known
exactly. Inside it each stretch between edges is taken to have one power: that of its own neighbouring
ticks where it has some, anything up to the board's limit where it has none. The block's energy is then
shared out by least squares, the sum held exactly. A cell alone in its block so gets what is left after
its neighbours' own powers have been subtracted, each side by its own; cells that share ticks get a split
with an honest width. An edge's count is one number for both sides, so windows and gaps always add up.
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
"""How far from an edge a tick must be to count as before or after it, beyond the latency."""

TICK_DOUBT_SECONDS = 0.002
"""By how much all ticks together may be misplaced beyond the latency."""

FAR_PERIODS = 2.5
"""How many periods before an edge a tick is too far back to start from, where a nearer one will do."""

STEADY_PART, STEADY_WATTS = 0.005, 0.3
"""By how much a board between windows may draw more or less than told, as a part of it and in watts."""

SLOT_SECONDS = 0.005
"""Time between two cells that follow each other at once."""

SETTLED_TICKS, FALL_TICKS = 2, 5
"""Ticks after a block that are waited for where a cell follows, and where none does: then they tell how power falls."""

SILENT_PERIODS = 2.5
"""How many periods without a tick beside an edge are a silence: a sampler held up, a sensor that hung."""

UNEXPLAINED = 9.0
"""By how much the square of what is left of a block's energy exceeds its variance, where powers can't explain it."""

MOST_EDGES = 16
"""From twice as many edges on, a chain of edges that no tick parts is cut into blocks of so many."""

UNKNOWN_LIMIT = 1000.0
"""Watts that a stretch of unknown power may have where the sensor states no limit."""


@dataclass(frozen=True)
class EdgeCount:
    """The count at an edge.

    Parameters
    ----------
    value : float
        Joules since the sensor's origin.
    doubt : float
        Standard deviation of `value` in joules.
    moved : tuple of float
        Joules by which `value` changes where all ticks were earlier, and where all were later, by what is left open
        of the latency.
    epoch : int
        Epoch of the ticks around it.
    block : tuple of float
        Start and end of the block; two edges of one block are not independent.
    weight : float
        Variance up to this edge inside the block, before the sum was held.
    total : float
        Variance of the whole block, before the sum was held.
    ready : bool
        Whether the ticks that it needs are there.
    complete : bool
        Whether those that tell how power went on are known too, so that no later one changes the count.
    waits : bool
        Whether one of those, or one around it, is still to come.
    outside : float
        The lower of the powers to both sides of the block, in watts.
    silence : float
        Seconds beside the block's edges in which nothing was read for longer than ticks are apart.
    """

    value: float
    doubt: float
    moved: tuple[float, float]
    epoch: int
    block: tuple[float, float]
    weight: float
    total: float
    ready: bool = False
    complete: bool = False
    waits: bool = False
    outside: float = 0.0
    silence: float = 0.0


@dataclass(frozen=True)
class Block:
    """Edges first to final share the ticks left and right; whole unless ticks still to come would widen it."""

    first: int
    final: int
    left: int | None
    right: int | None
    whole: bool


def _around(ticks: CounterUpdates, edges: list[float], index: int, guard: float, passed: int) -> Block:
    """Widen the block around an edge until no other edge lies close to its ends, or it is long enough."""
    reach = 3 * MOST_EDGES
    first = final = index
    while first > max(0, index - reach) and _joined(ticks, edges, first, guard):
        first -= 1
    whole = True
    while final + 1 < min(len(edges), index + reach):
        right = ticks.at_or_after(edges[final] + guard)
        if right is not None:
            if edges[final + 1] >= ticks.all[right].time + guard:
                break
            if ticks.at_or_after(edges[final + 1] + guard) is None:
                whole = False  # what is known serves until the tick comes
                break
        final += 1
    # In a chain of many edges each block begins with an edge of a round number, whichever edge is asked for.
    lowest, highest = first + MOST_EDGES, final + 1 - MOST_EDGES
    before, after = index - (passed + index) % MOST_EDGES, index + MOST_EDGES - (passed + index) % MOST_EDGES
    if before > highest:
        before -= MOST_EDGES
    if after < lowest:
        after += MOST_EDGES
    if lowest <= before <= highest:
        first = before
    if lowest <= after <= highest:
        final, whole = after - 1, True
    return Block(
        first, final, ticks.at_or_before(edges[first], guard), ticks.at_or_after(edges[final] + guard), whole=whole
    )


def _joined(ticks: CounterUpdates, edges: list[float], index: int, guard: float) -> bool:
    """Whether no tick surely lies between an edge and the one before it."""
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
    """Count at one of the sorted `edges`; None where no tick is near.

    Parameters
    ----------
    ticks : CounterUpdates
        The sensor's ticks.
    traits : SensorInfo
        What the sensor says about itself.
    edges : list of float
        All edges known, sorted, `moment` among them.
    moment : float
        The edge.
    quiet : container of float
        Edges after which no window was open.
    passed : int
        Number of edges before these that are forgotten.
    """
    guard = traits.late_doubt + max(GUARD_SECONDS, 2 * ticks.comb.jitter) + 2 * ticks.slowness
    block = _around(ticks, edges, bisect.bisect_left(edges, moment), guard, passed)
    first, final, left, right = block.first, block.final, block.left, block.right
    if left is None and right is None:
        return None
    if left is None or right is None:
        return _open_ended(ticks, traits, left, right, moment)
    left, smear = _nearer(ticks, left, edges[first : first + 2], guard)
    start, end = ticks.all[left], ticks.all[right]
    if start.epoch != end.epoch:  # the count was broken: an edge beside the new count belongs to it
        anew = next(index for index in range(left + 1, right + 1) if ticks.all[index].epoch == end.epoch)
        near = ticks.all[anew].time - moment
        beside = _open_ended(ticks, traits, None, anew, moment) if near >= -guard else None
        return beside or _open_ended(ticks, traits, left, None, moment)
    limit = traits.power_limit or UNKNOWN_LIMIT
    inner = edges[first : final + 1]
    marks = [start.time, *inner, end.time]
    lengths = [max(0.0, later - earlier) for earlier, later in pairwise(marks)]
    until = edges[first - 1] if first else -math.inf
    rested = first == 0 or edges[first - 1] in quiet
    level = level_before(ticks, edges, first - 1, guard, quiet) if rested and first else None
    before = power_beside_edge(
        ticks, left, until, forward=False, guard=guard, away=lengths[0], calm=rested, level=level
    )
    until = edges[final + 1] if final + 1 < len(edges) else math.inf
    calm = edges[final] in quiet
    level = level_before(ticks, edges, first, guard, quiet) if calm else None
    after = power_beside_edge(ticks, right, until, forward=True, guard=guard, away=lengths[-1], calm=calm, level=level)
    lone = (before is not None and before.lone) or (after is not None and after.lone)
    if lone and (rested or calm):  # two cells that follow each other may do anything, each in its own way
        levels = [power for power in (before, after, *earlier(ticks, edges, first, guard)) if power is not None]
        before, after = compared(before, levels), compared(after, levels)
    energy = end.value - start.value
    mean = energy / max(1e-9, end.time - start.time)
    # A cell may draw anything up to the limit; between cells a board is nearer to what it draws around them.
    cell, gap = Power(mean, limit), Power(mean, limit / math.sqrt(12))
    powers = [before or cell, *(gap if edge in quiet else cell for edge in inner[:-1]), after or cell]
    silent = silences(lengths, SILENT_PERIODS * ticks.pace + guard)
    known = before is not None and after is not None
    _, total, residual = balance(powers, lengths, start, end)
    if silent and (not known or residual**2 > UNEXPLAINED * total):
        # Something else happened while nothing was read, on one side of the edge or on the other.
        for place in silent:
            powers[place] = gap
    shares = allocate_energy(powers, lengths, (start, end), limit)
    total = shares.total
    early = 0.0
    if known and sum(lengths[1:-1]) < SLOT_SECONDS:
        # Known powers that don't explain the block's energy (latency, a change unseen) are known less well.
        total *= min(7.0, max(1.0, shares.residual**2 / shares.total))
        early = _elsewhere(powers, lengths, shares, limit, shift_of(ticks, traits))
    rests = calm and after is not None and math.isinf(until) and not ticks.fast
    patience = FALL_TICKS if rests else SETTLED_TICKS
    upto = inner.index(moment) + 1
    weight = math.fsum(shares.variances[:upto]) * total / shares.total
    value = start.value + math.fsum(shares.joules[:upto])
    complete = block.whole and right + patience < len(ticks.all)
    # A side on which nothing was read for long can't confirm what the other one tells.
    alone = max((total - weight if place == 0 else weight for place in silent), default=0.0)
    return EdgeCount(
        value=min(max(value, start.value), end.value),
        doubt=math.sqrt(max(alone, weight - weight**2 / total, early**2 / 3) + smear**2),
        moved=moved(powers, lengths, (start, end), (limit, shift_of(ticks, traits)), upto),
        epoch=start.epoch,
        block=(start.time, end.time),
        weight=weight,
        total=total,
        ready=block.whole and right + 1 < len(ticks.all),
        complete=complete,
        waits=not complete,
        outside=min(powers[0].watts, powers[-1].watts),
        silence=math.fsum(lengths[place] for place in silent),
    )


def _elsewhere(powers: list[Power], lengths: list[float], shares: Shares, limit: float, shift: float) -> float:
    """Joules of a block that may have been used on the other side of its edge than the one they are counted on.

    Where the powers to both sides and what is left open of the latency leave energy unexplained, power rose before
    the edge, or fell after it, or had a peak: work that began before its window looks like this. The ticks do not
    tell which side used it. What is missing, though, is missing where power is higher: none draws less than idle.
    """
    step = abs(powers[-1].watts - powers[0].watts)
    beyond = shares.residual - step * shift
    if beyond**2 <= UNEXPLAINED * shares.total or beyond <= 0:
        return 0.0
    # Each side may have used all of it, as far as the device can draw that much there; it is counted by variance.
    moves = [
        min(shares.residual, max(0.0, limit - powers[place].watts) * lengths[place])
        - (shares.joules[place] - powers[place].watts * lengths[place])
        for place in (0, -1)
    ]
    return max(0.0, *moves)


def shift_of(ticks: CounterUpdates, traits: SensorInfo) -> float:
    """Seconds by which all ticks together may be misplaced."""
    return traits.late_doubt + TICK_DOUBT_SECONDS + ticks.slowness


def _nearer(ticks: CounterUpdates, left: int, edges: list[float], guard: float) -> tuple[int, float]:
    """A tick that may have come before or after an edge, where the last sure one is far back.

    Taking it may count a little of the wrong side; starting from far back counts all that the power did since.
    What may be counted wrongly is drawn between the edge and the following one, where that comes before a tick.
    Returns the tick's index and the standard deviation in joules that it brings.
    """
    edge, following = edges[0], edges[1] if len(edges) > 1 else math.inf
    near = left + 1
    if near + 1 >= len(ticks.all) or edge - ticks.all[left].time - ticks.all[left].doubt < FAR_PERIODS * ticks.period:
        return left, 0.0
    far, here, later = ticks.all[left], ticks.all[near], ticks.all[near + 1]
    if here.time > edge or here.epoch != later.epoch or here.epoch != far.epoch:
        return left, 0.0
    before = (here.value - far.value) / (here.time - far.time)
    joules = abs(later.value - here.value - before * (later.time - here.time))
    watts = joules / max(SLOT_SECONDS, min(later.time, following) - edge)
    smear = max(0.0, guard - (edge - here.time)) * watts / 2
    silent = edge - far.time > SILENT_PERIODS * ticks.pace + guard  # then the far one would leave far more open
    if smear > (here.time - far.time) * (STEADY_PART * before + STEADY_WATTS) and not silent:
        return left, 0.0
    return near, smear


def _open_ended(
    ticks: CounterUpdates, traits: SensorInfo, left: int | None, right: int | None, moment: float
) -> EdgeCount | None:
    """Count beyond the ticks known so far: a provisional figure, or one whose closing tick never came."""
    limit = traits.power_limit or UNKNOWN_LIMIT
    index = left if left is not None else right
    assert index is not None
    tick = ticks.all[index]
    away = moment - tick.time
    if away < -(2 * traits.period[1] + traits.latency + 0.25):
        return None
    anew = left is None  # a count has only just begun: what comes after it tells the power
    power = power_beside_edge(ticks, index, math.inf if anew else -math.inf, forward=anew, guard=0.0)
    if power is None or away > 3 * traits.period[1] + traits.latency + 0.25:
        return None  # the sensor has fallen silent, or has only just been found
    watts = power.watts
    doubt = abs(away) * max(limit - watts, watts) / 2 + tick.doubt * watts
    block = (min(moment, tick.time), max(moment, tick.time))
    value = tick.value + watts * away
    # Nothing more will be known of the time before a count began.
    shift = watts * shift_of(ticks, traits)
    return EdgeCount(value, doubt, (shift, -shift), tick.epoch, block, doubt**2, 2 * doubt**2, complete=anew)
