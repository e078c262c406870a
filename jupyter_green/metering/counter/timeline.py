"""The timeline of one sensor: its ticks, the edges that were asked for, and the energy between two of them.

Energy of a window is the difference of the counts at its two edges. An edge's count, once no later tick
can change it, is settled and kept, so that the window that ends there and the gap that begins there use
the same number and all of them add up to the device's energy. The sampler thread alone writes.
"""

from __future__ import annotations

import bisect
import math
import statistics
from dataclasses import dataclass, replace
from itertools import pairwise

from jupyter_green.sensors import Reading, SensorInfo

from .edge_energy import GUARD_SECONDS, UNKNOWN_LIMIT, EdgeCount, count_at
from .latency import LatencyPosterior, told_by
from .partial_energy import partial_energy_note
from .settled_counts import SettledCounts, clamp_monotonic
from .updates import CounterUpdates

Z_95 = 1.96
LATE_ENOUGH_SECONDS = 0.005
"""Half-width of the latency that edges don't narrow: delays of the cells' own may be alike in all of them."""

RECENT_EDGES = 8
"""Edges whose counts must be settled before ticks are placed anew."""

CALM_AFTER_SECONDS, CALM_SECONDS = 1.0, 0.25


@dataclass(frozen=True)
class Energy:
    """Energy between two moments as one sensor saw it.

    Parameters
    ----------
    joules : float or None
        None where the sensor can't tell.
    random : float
        Half-width in joules of what its timing leaves open.
    gain : float
        Half-width in joules of its systematic error.
    note : str or None
        Why there is no reading, or why it is wide.
    """

    joules: float | None
    random: float = 0.0
    gain: float = 0.0
    note: str | None = None

    @property
    def uncertainty(self) -> float:
        """Half-width of the 95 % interval in joules."""
        return math.hypot(self.random, self.gain)


class Timeline:
    """Readings of one counter sensor.

    Parameters
    ----------
    traits : SensorInfo
        What the sensor says about itself.
    """

    read_at_edges = True
    """Whether the sensor wants reading at once when a window begins or ends."""

    def __init__(self, traits: SensorInfo) -> None:
        self.traits = traits
        self.ticks = CounterUpdates(traits)
        self._widest = traits.latency - traits.latency_low
        # A part-time counter's edges tell when it looked; one that is known well enough has nothing to learn.
        self._learns = traits.duty >= 1.0 and self._widest > 2 * LATE_ENOUGH_SECONDS
        self._lateness = LatencyPosterior(traits.latency_low, traits.latency)
        self._edges: list[float] = []
        self._quiet: set[float] = set()
        self._counts = SettledCounts()
        self._faults: list[tuple[float, str]] = []
        self._state: tuple[float, ...] = ()
        self._known: dict[float, EdgeCount | None] = {}
        self._passed = 0
        """Edges that were forgotten."""
        self._unsettled = math.inf
        """An edge that waits for ticks to come; so does any later one."""

    # ---- writing (sampler thread) -------------------------------------------------------------

    def add(self, reading: Reading) -> None:
        """Book a reading."""
        self.ticks.add(reading)
        self._unsettled = math.inf

    def mark(self, moment: float, *, quiet: bool = False) -> None:
        """An edge of a window is at this moment; powers to either side of it need not be the same.

        Parameters
        ----------
        moment : float
            On `time.perf_counter()`.
        quiet : bool
            Whether no window is open after it.
        """
        if quiet:
            self._quiet.add(moment)
        elif self._learns and self._edges and self._edges[-1] in self._quiet:
            self._apply_lateness()
        index = bisect.bisect_left(self._edges, moment)
        if index == len(self._edges) or self._edges[index] != moment:
            self._edges.insert(index, moment)
            self._unsettled = math.inf

    def fault(self, time: float, why: str) -> None:
        """Note that a read failed at a moment."""
        if len(self._faults) < 1000:
            self._faults.append((time, why))

    def thin(self, now: float, edges: list[float]) -> None:
        """Drop old ticks that no open window's edge needs."""
        self.ticks.thin(now, edges)

    def forget(self, before: float) -> None:
        """Drop what is older than a moment; called while no window is open."""
        self.ticks.forget(before)
        old = max(0, bisect.bisect_left(self._edges, before) - 2)
        del self._edges[:old]
        self._passed += old
        oldest = self._edges[0] if self._edges else before
        self._counts.forget(oldest)
        self._quiet = {edge for edge in self._quiet if edge >= oldest}
        self._faults = [item for item in self._faults if item[0] >= before]

    # ---- what is known of the sensor ----------------------------------------------------------

    @property
    def tick(self) -> float:
        """Update period in seconds: as seen, else the longest the sensor may have."""
        return self.ticks.period

    @property
    def tick_seen(self) -> float | None:
        """Update period in seconds as seen; None before a few ticks were."""
        return self.ticks.period_seen

    def next_read(self, now: float) -> float:
        """When the sensor needs reading next while a window is open."""
        # Ticks matter near the edges. Far from one a few a second do, for the live figure; the tick just
        # before an edge yet to come is found by the read that is made at once when it comes.
        calm = bool(self._edges) and now - self._edges[-1] > CALM_AFTER_SECONDS
        return self.ticks.next_read(now, CALM_SECONDS if calm else 0.0)

    def settle_seconds(self) -> float:
        """How long after a window's end the ticks that its figure can't do without have come, in seconds."""
        return 3 * self.traits.period[1] + 2 * self.traits.latency

    def settled(self, end: float, *, soon: bool = False) -> bool:
        """Whether the ticks around an edge are there, and five more, which tell how power fell after it.

        Two more do where another window has begun, and one for somebody who waits and wants the figure `soon`.
        """
        if end >= self._unsettled and not soon:
            return False
        closing = self.ticks.at_or_after(end + self.traits.late_doubt)
        if closing is None or closing + 1 >= len(self.ticks.all):
            return False
        count = self._count(end)  # a neighbouring edge may ask for a later closing tick
        if count is not None and count.waits:
            self._unsettled = min(self._unsettled, end)
        return count is not None and (count.complete or (soon and count.ready))

    def known_until(self) -> float:
        """Latest edge that would be settled already, on `time.perf_counter()`."""
        ticks = self.ticks.all
        return ticks[-2].time - self.traits.latency if len(ticks) > 1 else -math.inf

    # ---- reading ------------------------------------------------------------------------------

    def energy(self, start: float, end: float) -> Energy:
        """Energy between two moments of `time.perf_counter()`, in joules with its half-widths."""
        opening, closing = self._count(start), self._count(end)
        if opening is None or closing is None:
            why = self._reason(start, end) or "The sensor gave no reading for this window."
            return Energy(None, note=why if opening is None else self._left(why, opening, start, end))
        if opening.epoch != closing.epoch:
            why = self._reason(start, end) or "The sensor's count was broken inside the window."
            return Energy(None, note=self._left(why, opening, start, end))
        joules = closing.value - opening.value
        if opening.block == closing.block:
            between = max(0.0, closing.weight - opening.weight)
            variance = max(0.0, between - between**2 / closing.total)
        else:
            variance = opening.doubt**2 + closing.doubt**2
        latency = max(abs(a - b) for a, b in zip(opening.moved, closing.moved, strict=True))
        if self.traits.duty < 1.0:
            variance += self._unseen(opening, closing, start, end)
        random = Z_95 * math.sqrt(variance) + latency + self.traits.resolution
        if opening.block == closing.block and opening.silence:
            # Nothing was read before, in and after the window: what others used then can't be told from it.
            limit = self.traits.power_limit or UNKNOWN_LIMIT
            random = max(random, min(joules, limit * opening.silence))
        if self.traits.power_limit is not None:
            random = min(random, max(joules, self.traits.power_limit * (end - start)))
        return Energy(joules, random, self.traits.systematic(joules, end - start), self._reason(start, end, reach=0.0))

    def watts(self) -> float | None:
        """Mean power over about the last half second in watts; None where there are too few ticks."""
        ticks = self.ticks.all
        if len(ticks) < 2:
            return None
        newest = ticks[-1]
        oldest = next((t for t in ticks[-50:] if t.time >= newest.time - max(0.5, 3 * self.tick)), newest)
        if oldest.time >= newest.time or oldest.epoch != newest.epoch:
            return None
        return (newest.value - oldest.value) / (newest.time - oldest.time)

    def course(self, start: float, end: float, points: int = 120) -> tuple[tuple[float, float | None], ...]:
        """Course of power: (seconds since start, mean watts up to the next pair), None at a break."""
        step = max((end - start) / points, self.tick)
        ticks = [tick for tick in self.ticks.all if start - step <= tick.time <= end + step]
        pairs: list[tuple[float, float | None]] = []
        last = None
        for tick in ticks:
            if last is None:
                last = tick
            elif tick.epoch != last.epoch:
                pairs.append((round(max(0.0, last.time - start), 4), None))
                last = tick
            elif tick.time - last.time >= step:
                watts = (tick.value - last.value) / (tick.time - last.time)
                pairs.append((round(max(0.0, last.time - start), 4), round(watts, 2)))
                last = tick
        return tuple(pairs) if len(pairs) >= 3 else ()

    def conclude(self, moment: float) -> None:
        """Hold what is known of the count at an edge: a figure that rests on it is final, its neighbour's must fit."""
        count = self._count(moment)
        if count is not None:
            self._counts.keep(moment, count)

    # ---- inside -------------------------------------------------------------------------------

    def _count(self, moment: float) -> EdgeCount | None:
        kept = self._counts.get(moment)
        if kept is not None:
            return kept
        index = bisect.bisect_left(self._edges, moment)
        known = index < len(self._edges) and self._edges[index] == moment
        edges = self._edges if known else [*self._edges[:index], moment, *self._edges[index:]]
        # Asked again and again until a tick comes; between ticks and edges nothing can have changed.
        newest = self.ticks.all[-1].time if self.ticks.all else 0.0
        state = (newest, len(self.ticks.all), edges[-1], len(edges), len(self._quiet))
        if state != self._state:
            self._state, self._known = state, {}
        found = self._known
        if moment in found:
            return found[moment]
        count = count_at(self.ticks, self.traits, edges, moment, self._quiet, passed=self._passed)
        before = self._edges[index - 1] if index else -math.inf
        if count is not None:
            if before not in self._counts and moment - before < CALM_AFTER_SECONDS:
                count = clamp_monotonic(
                    count_at(self.ticks, self.traits, edges, before, self._quiet, passed=self._passed), count
                )
            count = self._counts.fitted(moment, count)
        if known and count is not None and count.complete:
            self._counts.keep(moment, count)
            self._learn(moment)
        found[moment] = count
        return count

    def _left(self, why: str, opening: EdgeCount, start: float, end: float) -> str:
        """Why a window has no figure, and what was used up to the last tick of the count that it began with."""
        latest = end - self.traits.late_doubt - GUARD_SECONDS
        ticks = (tick for tick in reversed(self.ticks.all) if tick.epoch == opening.epoch and tick.time <= latest)
        last = next(ticks, None)
        if last is None or last.time <= start:
            return why
        joules, variance = last.value - opening.value, opening.doubt**2
        if self.traits.duty < 1.0:
            variance += self._unseen(opening, replace(opening, value=last.value), start, last.time)
        random = Z_95 * math.sqrt(variance) + max(map(abs, opening.moved)) + self.traits.resolution
        uncertainty = math.hypot(random, self.traits.systematic(joules, last.time - start))
        return partial_energy_note(why, joules, uncertainty, last.time - start, self.traits.quality)

    def _learn(self, moment: float) -> None:
        """Hear what a settled edge tells of the latency."""
        if not self._learns:
            return
        told = told_by(self.ticks, self._edges, moment, self._quiet, self._widest + GUARD_SECONDS)
        if told is not None:
            self._lateness.hear(self.traits.late + told[0], told[1])

    def _apply_lateness(self) -> None:
        """Place ticks by what is known of the latency now; only while no figure is on its way."""
        recent = self._edges[-RECENT_EDGES:]
        if not all(self._count(edge) is not None and edge in self._counts for edge in recent):
            return
        if self._lateness.edges:
            late, doubt = self._lateness.known()
            self.ticks.shift(late)
            doubt = max(doubt, LATE_ENOUGH_SECONDS)
            self.traits = replace(self.traits, latency_low=late - doubt, latency=late + doubt)

    def _unseen(self, opening: EdgeCount, closing: EdgeCount, start: float, end: float) -> float:
        """Variance in joules squared of what a part-time sensor did not look at.

        In each period it takes the part it missed to be like the part it saw. At an edge the two may lie on
        different sides of it; inside the window the ticks' own scatter shows how much power changes.
        """
        missed = (1.0 - self.traits.duty) * self.tick
        seconds = max(end - start, 1e-6)
        power = (closing.value - opening.value) / seconds
        outside = min(opening.outside, closing.outside)
        step = abs(power - outside)
        if seconds < 2 * self.tick:  # it may have been missed altogether, or counted several times
            step = max(step, self.traits.power_limit or UNKNOWN_LIMIT)
        first, last = self.ticks.at_or_after(start), self.ticks.at_or_before(end)
        inside = [] if first is None or last is None else self.ticks.all[first : last + 1][-200:]
        powers = [(b.value - a.value) / (b.time - a.time) for a, b in pairwise(inside) if b.time > a.time]
        scatter = statistics.stdev(powers) if len(powers) > 2 else step
        return 2 * (missed * step) ** 2 / 3 + (missed * scatter) ** 2 * seconds / self.tick

    def _reason(self, start: float, end: float, reach: float = 1.2) -> str | None:
        for time, why in self._faults:
            if start - reach <= time <= end + reach:
                return why
        return None
