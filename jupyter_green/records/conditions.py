"""Conditions of a device during a measurement, and whether two measurements can be compared.

A throttled device does the same work at another clock and voltage, and so with other energy. If only one side of a
comparison was throttled, the difference is not attributed to the code. Values that a driver does not report are None
and never make a comparison invalid.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Throttle = Literal["thermal", "power_brake", "hardware", "power_cap"]
"""Why a clock was lowered: temperature, an external power brake, another hardware cause, the driver's power limit."""

Unfair = Literal["throttled", "baseline throttled", "other clocks"]
"""Why two energies can't be compared: ours was throttled, the other was, or their clocks differ by more than noise."""

POWER_CAP: Throttle = "power_cap"
CLOCK_NOISE = 0.03
"""Relative difference of clocks between runs without throttling: two or three of the steps (15 MHz) in which NVIDIA's
boost clock follows the temperature, at 1.5 GHz."""


@dataclass(frozen=True)
class Conditions:
    """Conditions of a device over a period.

    Parameters
    ----------
    celsius : float or None
        Maximum temperature in °C.
    clock_mhz : float or None
        Median clock while the device was busy, in MHz.
    clock_spread_mhz : float or None
        Half the range of observed clocks, in MHz; None with too few values.
    throttle : tuple of Throttle or None
        Why the clock was lowered, sorted; empty if it was not. The power limit is included only if it was active for at
        least half of the busy time, because near the limit it comes and goes.
    """

    celsius: float | None = None
    clock_mhz: float | None = None
    clock_spread_mhz: float | None = None
    throttle: tuple[str, ...] | None = None

    @property
    def throttled(self) -> bool | None:
        """Whether the hardware lowered the clock. The driver's power limit is a setting and does not count."""
        return None if self.throttle is None else any(code != POWER_CAP for code in self.throttle)

    @staticmethod
    def over(several: Iterable[Conditions]) -> Conditions:
        """Combine the conditions of several devices or periods; the power limit counts if at least half have it."""
        conditions = [*several]
        if all(condition is UNKNOWN for condition in conditions):
            return UNKNOWN
        throttles = [condition.throttle for condition in conditions if condition.throttle is not None]
        hard = {code for codes in throttles for code in codes if code != POWER_CAP}
        capped = sum(POWER_CAP in codes for codes in throttles)
        codes = {*hard, *([POWER_CAP] if capped and 2 * capped >= len(throttles) else [])}
        temperatures = [condition.celsius for condition in conditions if condition.celsius is not None]
        clocks = [condition.clock_mhz for condition in conditions if condition.clock_mhz is not None]
        spreads = [condition.clock_spread_mhz for condition in conditions if condition.clock_spread_mhz is not None]
        spread_known = bool(spreads) or len(clocks) >= FEWEST_CLOCKS
        return Conditions(
            max(temperatures, default=None),
            middle(clocks),
            max([half_range(clocks), *spreads]) if spread_known and clocks else None,
            tuple(sorted(codes)) if throttles else None,
        )


UNKNOWN = Conditions()
FEWEST_CLOCKS = 3
"""Minimum number of clocks for a spread."""


def middle(values: Sequence[float]) -> float | None:
    """Return the median; None without values."""
    ordered = sorted(values)
    half = len(ordered) // 2
    if not ordered:
        return None
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def half_range(values: Sequence[float]) -> float:
    """Return half the range of values."""
    return (max(values) - min(values)) / 2


def unfair(ours: Conditions, theirs: Conditions) -> Unfair | None:
    """Return why two energies can't be compared; None if nothing is known against it.

    Clocks are not compared if the power limit lowered one: that depends on the power of the work itself.
    """
    if ours.throttle is None or theirs.throttle is None:
        return None
    if ours.throttled != theirs.throttled:
        return "throttled" if ours.throttled else "baseline throttled"
    if POWER_CAP in ours.throttle or POWER_CAP in theirs.throttle:
        return None
    clocks = ours.clock_mhz, theirs.clock_mhz
    spreads = ours.clock_spread_mhz, theirs.clock_spread_mhz
    if None in clocks or None in spreads:
        return None
    our_clock, their_clock = (value or 0.0 for value in clocks)
    noise = sum(value or 0.0 for value in spreads) + CLOCK_NOISE * max(our_clock, their_clock)
    return "other clocks" if abs(our_clock - their_clock) > noise else None
