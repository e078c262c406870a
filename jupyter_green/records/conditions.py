"""What a device was like while it worked, and when that makes a comparison of two energies unfair.

A device that was throttled does the same work at another clock and voltage, and so for other joules. Where that
happened on one side of a comparison alone, the difference is that of the conditions too, and is not proven. What a
driver does not tell is None and speaks for nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Throttle = Literal["thermal", "power_brake", "hardware", "power_cap"]
"""Why a clock was lowered: heat, an external power brake, another cause in the hardware, the driver's power limit."""

Unfair = Literal["throttled", "baseline throttled", "other clocks"]
"""Why two energies can't be compared fairly: ours was throttled, the other one was, or their clocks differ by more than
they vary."""

POWER_CAP: Throttle = "power_cap"
CLOCK_NOISE = 0.03
"""Share by which clocks differ from run to run unthrottled: two or three of the steps (15 MHz) in which NVIDIA's boost
follows the temperature, at 1.5 GHz."""


@dataclass(frozen=True)
class Conditions:
    """What a device was like over a stretch of time.

    Parameters
    ----------
    celsius : float or None
        Highest temperature seen, in °C.
    clock_mhz : float or None
        Median clock while the device was busy, in MHz.
    clock_spread_mhz : float or None
        Half of the range of clocks seen, in MHz; None where there were too few for one.
    throttle : tuple of Throttle or None
        Why the clock was lowered, sorted; empty where it was not. The power limit stands here only where it held for
        at least half of the time that the device was busy: near the limit it comes and goes.
    """

    celsius: float | None = None
    clock_mhz: float | None = None
    clock_spread_mhz: float | None = None
    throttle: tuple[str, ...] | None = None

    @property
    def throttled(self) -> bool | None:
        """Whether the hardware lowered the clock; the driver's power limit is a setting and does not count."""
        return None if self.throttle is None else any(code != POWER_CAP for code in self.throttle)

    @staticmethod
    def over(several: Iterable[Conditions]) -> Conditions:
        """Return the conditions of several devices or stretches together; the power limit counts by the majority."""
        found = [*several]
        if all(one is UNKNOWN for one in found):
            return UNKNOWN
        told = [one.throttle for one in found if one.throttle is not None]
        hard = {code for codes in told for code in codes if code != POWER_CAP}
        capped = sum(POWER_CAP in codes for codes in told)
        codes = {*hard, *([POWER_CAP] if capped and 2 * capped >= len(told) else [])}
        heat = [one.celsius for one in found if one.celsius is not None]
        clocks = [one.clock_mhz for one in found if one.clock_mhz is not None]
        inner = [one.clock_spread_mhz for one in found if one.clock_spread_mhz is not None]
        known = bool(inner) or len(clocks) >= FEWEST_CLOCKS
        return Conditions(
            max(heat, default=None),
            middle(clocks),
            max([half_range(clocks), *inner]) if known and clocks else None,
            tuple(sorted(codes)) if told else None,
        )


UNKNOWN = Conditions()
FEWEST_CLOCKS = 3
"""Clocks from which on it is known how far they vary."""


def middle(values: Sequence[float]) -> float | None:
    """Return the median; None of nothing."""
    ranked = sorted(values)
    half = len(ranked) // 2
    if not ranked:
        return None
    return ranked[half] if len(ranked) % 2 else (ranked[half - 1] + ranked[half]) / 2


def half_range(values: Sequence[float]) -> float:
    """Return half of the range of values."""
    return (max(values) - min(values)) / 2


def unfair(ours: Conditions, theirs: Conditions) -> Unfair | None:
    """Return why two energies can't be compared fairly; None where nothing is known against it.

    The power limit is reached by what the work draws, and lowers the clock then: that is a difference of the work.
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
    one, other = (value or 0.0 for value in clocks)
    noise = sum(value or 0.0 for value in spreads) + CLOCK_NOISE * max(one, other)
    return "other clocks" if abs(one - other) > noise else None
