"""Timeline of one counter: its updates, the window edges, and the energy between two moments.

The energy of a window is the difference of the counts at its edges. Once no later update can change an edge's count,
the count is kept. So a window and the gap after it use the same number, and all of them add up to the device's energy.
Only the sampler thread writes.
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
from .lower_bound import partial_energy_note
from .settled_counts import SettledCounts, clamp_monotonic
from .updates import CounterUpdates

Z_95 = 1.96
LATE_ENOUGH_SECONDS = 0.005
"""Smallest half-width of a learnt latency, since delays of the cells' own may be common to all edges."""

RECENT_EDGES = 8
"""Number of latest edges that must be settled before a new latency is applied."""

CALM_AFTER_SECONDS, CALM_SECONDS = 1.0, 0.25


@dataclass(frozen=True)
class Energy:
    """Energy between two moments from one sensor."""

    joules: float | None
    """None if unknown."""
    random: float = 0.0
    """Half-width in joules of the timing uncertainty."""
    gain: float = 0.0
    """Half-width in joules of the systematic error."""
    note: str | None = None
    """Why there is no value, or why its interval is wide."""

    @property
    def uncertainty(self) -> float:
        """Half-width of the 95 % interval in joules."""
        return math.hypot(self.random, self.gain)


class Timeline:
    """Timeline of one counter."""

    read_at_edges = True
    """Whether the sensor is read at once when a window begins or ends."""

    def __init__(self, traits: SensorInfo) -> None:
        self.traits = traits
        self.ticks = CounterUpdates(traits)
        self._widest = traits.latency - traits.latency_low
        # The latency of a part-time counter can't be learnt from edges; a precise latency need not be.
        self._learns = traits.duty >= 1.0 and self._widest > 2 * LATE_ENOUGH_SECONDS
        self._latency_posterior = LatencyPosterior(traits.latency_low, traits.latency)
        self._edges: list[float] = []
        self._quiet: set[float] = set()
        self._counts = SettledCounts()
        self._faults: list[tuple[float, str]] = []
        self._state: tuple[float, ...] = ()
        self._known: dict[float, EdgeCount | None] = {}
        self._passed = 0
        """Number of edges that were dropped."""
        self._unsettled = math.inf
        """An edge that waits for further updates; all later edges wait too."""

    def limit_power(self, watts: float | None) -> None:
        """Set the device's power limit in watts, which was raised since the start."""
        self.traits = replace(self.traits, power_limit=watts)

    # ---- writing (sampler thread) -------------------------------------------------------------

    def add(self, reading: Reading) -> None:
        """Add a reading."""
        self.ticks.add(reading)
        self._unsettled = math.inf

    def mark(self, moment: float, *, quiet: bool = False) -> None:
        """Add a window edge, on `time.perf_counter()`; the power on its two sides may differ.

        `quiet`: no window is open after it.
        """
        if quiet:
            self._quiet.add(moment)
        elif self._learns and self._edges and self._edges[-1] in self._quiet:
            self._apply_latency()
        index = bisect.bisect_left(self._edges, moment)
        if index == len(self._edges) or self._edges[index] != moment:
            self._edges.insert(index, moment)
            self._unsettled = math.inf

    def fault(self, time: float, why: str) -> None:
        """Note that a read failed at a moment."""
        if len(self._faults) < 1000:
            self._faults.append((time, why))

    def thin(self, now: float, edges: list[float]) -> None:
        """Drop old updates that no open window's edge needs."""
        self.ticks.thin(now, edges)

    def forget(self, before: float) -> None:
        """Drop data older than a moment; called while no window is open."""
        self.ticks.forget(before)
        count = max(0, bisect.bisect_left(self._edges, before) - 2)
        del self._edges[:count]
        self._passed += count
        oldest = self._edges[0] if self._edges else before
        self._counts.forget(oldest)
        self._quiet = {edge for edge in self._quiet if edge >= oldest}
        self._faults = [item for item in self._faults if item[0] >= before]

    # ---- properties of the sensor -----------------------------------------------------------------

    @property
    def tick(self) -> float:
        """Update period in seconds: observed, else its upper bound."""
        return self.ticks.period

    @property
    def tick_seen(self) -> float | None:
        """Observed update period in seconds; None until some updates were seen."""
        return self.ticks.period_seen

    def next_read(self, now: float) -> float:
        """When the sensor must be read next while a window is open."""
        # Updates matter near edges. Far from an edge a few a second suffice for the live display. The update just
        # before a future edge is found by the read made at that edge.
        calm = bool(self._edges) and now - self._edges[-1] > CALM_AFTER_SECONDS
        return self.ticks.next_read(now, CALM_SECONDS if calm else 0.0)

    def settle_seconds(self) -> float:
        """Time after a window's end until its energy is final, in seconds."""
        return 3 * self.traits.period[1] + 2 * self.traits.latency

    def settled(self, end: float, *, soon: bool = False) -> bool:
        """Whether the updates around an edge have come, and five more, from which the power decay after it is fitted.

        Two more suffice if another window follows, or with `soon`, for a caller that waits.
        """
        if end >= self._unsettled and not soon:
            return False
        closing = self.ticks.at_or_after(end + self.traits.latency_uncertainty)
        if closing is None or closing + 1 >= len(self.ticks.all):
            return False
        count = self._count(end)  # a neighbouring edge may need a later update
        if count is not None and count.waits:
            self._unsettled = min(self._unsettled, end)
        return count is not None and (count.complete or (soon and count.ready))

    def known_until(self) -> float:
        """Latest edge that would be settled already, on `time.perf_counter()`."""
        updates = self.ticks.all
        return updates[-2].time - self.traits.latency if len(updates) > 1 else -math.inf

    # ---- reading ------------------------------------------------------------------------------

    def energy(self, start: float, end: float) -> Energy:
        """Return the energy between two moments of `time.perf_counter()`, with its half-widths."""
        opening, closing = self._count(start), self._count(end)
        if opening is None or closing is None:
            reason = self._reason(start, end) or "The sensor gave no reading for this window."
            return Energy(None, note=reason if opening is None else self._left(reason, opening, start, end))
        if opening.epoch != closing.epoch:
            reason = self._reason(start, end) or "The sensor's count was broken inside the window."
            return Energy(None, note=self._left(reason, opening, start, end))
        joules = closing.value - opening.value
        if opening.block == closing.block:
            variance_between = max(0.0, closing.weight - opening.weight)
            variance = max(0.0, variance_between - variance_between**2 / closing.total)
        else:
            variance = opening.uncertainty**2 + closing.uncertainty**2
        latency = max(abs(a - b) for a, b in zip(opening.moved, closing.moved, strict=True))
        if self.traits.duty < 1.0:
            variance += self._unseen(opening, closing, start, end)
        random = Z_95 * math.sqrt(variance) + latency + self.traits.resolution
        if opening.block == closing.block and opening.silence:
            # No reading before, in and after the window: energy used outside it can't be separated.
            limit = self.traits.power_limit or UNKNOWN_LIMIT
            random = max(random, min(joules, limit * opening.silence))
        if self.traits.power_limit is not None:
            random = min(random, max(joules, self.traits.power_limit * (end - start)))
        return Energy(joules, random, self.traits.systematic(joules, end - start), self._reason(start, end, reach=0.0))

    def watts(self) -> float | None:
        """Mean power over about the last half second in watts; None if there are too few updates."""
        updates = self.ticks.all
        if len(updates) < 2:
            return None
        newest = updates[-1]
        oldest = next((t for t in updates[-50:] if t.time >= newest.time - max(0.5, 3 * self.tick)), newest)
        if oldest.time >= newest.time or oldest.epoch != newest.epoch:
            return None
        return (newest.value - oldest.value) / (newest.time - oldest.time)

    def course(self, start: float, end: float, points: int = 120) -> tuple[tuple[float, float | None], ...]:
        """Power over time: (seconds since start, mean watts up to the next pair), None at an interruption."""
        step = max((end - start) / points, self.tick)
        updates = [update for update in self.ticks.all if start - step <= update.time <= end + step]
        pairs: list[tuple[float, float | None]] = []
        last = None
        for update in updates:
            if last is None:
                last = update
            elif update.epoch != last.epoch:
                pairs.append((round(max(0.0, last.time - start), 4), None))
                last = update
            elif update.time - last.time >= step:
                watts = (update.value - last.value) / (update.time - last.time)
                pairs.append((round(max(0.0, last.time - start), 4), round(watts, 2)))
                last = update
        return tuple(pairs) if len(pairs) >= 3 else ()

    def conclude(self, moment: float) -> None:
        """Make the count at an edge final: a final record uses it, and adjacent records must add up with it."""
        count = self._count(moment)
        if count is not None:
            self._counts.keep(moment, count)

    # ---- inside -------------------------------------------------------------------------------

    def _count(self, moment: float) -> EdgeCount | None:
        final = self._counts.get(moment)
        if final is not None:
            return final
        index = bisect.bisect_left(self._edges, moment)
        is_marked = index < len(self._edges) and self._edges[index] == moment
        edges = self._edges if is_marked else [*self._edges[:index], moment, *self._edges[index:]]
        # Called repeatedly between updates; cache the results until an update or edge is added.
        newest = self.ticks.all[-1].time if self.ticks.all else 0.0
        version = (newest, len(self.ticks.all), edges[-1], len(edges), len(self._quiet))
        if version != self._state:
            self._state, self._known = version, {}
        counts = self._known
        if moment in counts:
            return counts[moment]
        count = count_at(self.ticks, self.traits, edges, moment, self._quiet, passed=self._passed)
        previous = self._edges[index - 1] if index else -math.inf
        if count is not None:
            if previous not in self._counts and moment - previous < CALM_AFTER_SECONDS:
                count = clamp_monotonic(
                    count_at(self.ticks, self.traits, edges, previous, self._quiet, passed=self._passed), count
                )
            count = self._counts.fitted(moment, count)
        if is_marked and count is not None and count.complete:
            self._counts.keep(moment, count)
            self._learn(moment)
        counts[moment] = count
        return count

    def _left(self, why: str, opening: EdgeCount, start: float, end: float) -> str:
        """Why a window has no value, with the energy up to the last update of its first epoch."""
        latest = end - self.traits.latency_uncertainty - GUARD_SECONDS
        candidates = (
            update for update in reversed(self.ticks.all) if update.epoch == opening.epoch and update.time <= latest
        )
        last = next(candidates, None)
        if last is None or last.time <= start:
            return why
        joules, variance = last.value - opening.value, opening.uncertainty**2
        if self.traits.duty < 1.0:
            variance += self._unseen(opening, replace(opening, value=last.value), start, last.time)
        random = Z_95 * math.sqrt(variance) + max(map(abs, opening.moved)) + self.traits.resolution
        uncertainty = math.hypot(random, self.traits.systematic(joules, last.time - start))
        return partial_energy_note(why, joules, uncertainty, last.time - start, self.traits.quality)

    def _learn(self, moment: float) -> None:
        """Update the latency from a settled edge."""
        if not self._learns:
            return
        observation = told_by(self.ticks, self._edges, moment, self._quiet, self._widest + GUARD_SECONDS)
        if observation is not None:
            self._latency_posterior.hear(self.traits.late + observation[0], observation[1])

    def _apply_latency(self) -> None:
        """Apply the learnt latency to all updates; only while no record waits for its energy."""
        recent = self._edges[-RECENT_EDGES:]
        if not all(self._count(edge) is not None and edge in self._counts for edge in recent):
            return
        if self._latency_posterior.edges:
            latency, half_width = self._latency_posterior.known()
            self.ticks.shift(latency)
            half_width = max(half_width, LATE_ENOUGH_SECONDS)
            self.traits = replace(self.traits, latency_low=latency - half_width, latency=latency + half_width)

    def _unseen(self, opening: EdgeCount, closing: EdgeCount, start: float, end: float) -> float:
        """Variance in joules squared of the time that a part-time sensor did not sample.

        In each period the unsampled part is taken to be like the sampled part. At an edge the two may lie on different
        sides. Inside the window the scatter of the updates shows how much the power varies.
        """
        unsampled = (1.0 - self.traits.duty) * self.tick
        seconds = max(end - start, 1e-6)
        power = (closing.value - opening.value) / seconds
        outside = min(opening.outside, closing.outside)
        step = abs(power - outside)
        if seconds < 2 * self.tick:  # the window may be missed completely, or counted several times
            step = max(step, self.traits.power_limit or UNKNOWN_LIMIT)
        first, last = self.ticks.at_or_after(start), self.ticks.at_or_before(end)
        updates = [] if first is None or last is None else self.ticks.all[first : last + 1][-200:]
        powers = [(b.value - a.value) / (b.time - a.time) for a, b in pairwise(updates) if b.time > a.time]
        scatter = statistics.stdev(powers) if len(powers) > 2 else step
        return 2 * (unsampled * step) ** 2 / 3 + (unsampled * scatter) ** 2 * seconds / self.tick

    def _reason(self, start: float, end: float, reach: float = 1.2) -> str | None:
        for time, why in self._faults:
            if start - reach <= time <= end + reach:
                return why
        return None
