"""The meter on recordings of real GPUs, compared with other integration rules: ``python -m benchmarks.boards``.

The recordings are replayed in virtual time (`tests/metering/recorded.py`). The other rules are reimplemented
here, because their packages read a driver and can't be given readings. None of them states an interval.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from itertools import pairwise

Readings = list[tuple[float, float]]
"""Times in seconds and power in watts, from the last reading before a window to the last one in it."""

OFFSETS = 40


def trapezoid(readings: Readings, start: float, end: float) -> float:
    """Energy by the trapezoidal rule, as in Zeus' power monitor."""
    inside = [
        (start, readings[0][1]),
        *[reading for reading in readings if start < reading[0] < end],
        (end, readings[-1][1]),
    ]
    return math.fsum((b - a) * (v + w) / 2 for (a, v), (b, w) in pairwise(inside))


def held(readings: Readings, start: float, end: float) -> float:
    """Energy if each reading holds until the next."""
    inside = [
        (start, readings[0][1]),
        *[reading for reading in readings if start < reading[0] < end],
        (end, readings[-1][1]),
    ]
    return math.fsum((b - a) * v for (a, v), (b, _) in pairwise(inside))


def ends(readings: Readings, start: float, end: float) -> float:
    """Energy from the power at the end of the window, as CodeCarbon (commit 1889fda) does without a counter."""
    return readings[-1][1] * (end - start)


RULES: dict[str, Callable[[Readings, float, float], float]] = {
    "lines between readings (Zeus)": trapezoid,
    "power at the end × time (CodeCarbon)": ends,
    "each reading held": held,
}


def main() -> None:
    """Print the table."""
    from tests.metering.campaign import Summary
    from tests.metering.recorded import A100, LENGTHS, MEAN, PLAIN, Recording, Shown, replay

    cases = (("A100-square", "draw", A100), ("A100-steps", "draw", A100), ("3090-steps", "draw", MEAN))
    print("| recording, window | jupyter_green: error | covers | ± | " + " | ".join(RULES) + " |")
    print("|---" * (4 + len(RULES)) + "|")
    for name, shown, traits in (*cases, ("3090-steps", "instant", PLAIN)):
        recording, sensor = Recording.load(name), Shown(Recording.load(name), shown)
        for seconds in LENGTHS:
            replays = list(replay(name, traits, seconds, shown=shown, offsets=OFFSETS))
            errors: dict[str, list[float]] = {rule: [] for rule in RULES}
            for start, outcome in replays:
                end = start + seconds
                before = sensor.read(start).value
                inside = [(t, w) for t, w in zip(sensor.times, sensor.values, strict=True) if start < t <= end]
                readings = [(start, before), *inside]
                truth = recording.between(start, end)
                for rule, call in RULES.items():
                    errors[rule].append(abs(call(readings, start, end) - outcome.truth) / truth)
            ours = Summary.of([outcome for _, outcome in replays])
            others = " | ".join(f"{statistics.median(errors[rule]):.1%}" for rule in RULES)
            print(
                f"| {name}, {shown}, {seconds:g} s | {ours.median_error:.1%} | {ours.coverage:.0%} | "
                f"±{ours.median_width:.0%} | {others} |"
            )


if __name__ == "__main__":
    main()
