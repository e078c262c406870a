"""Results of the meters for each window, and their statistics: error, zeros, coverage, width, cost."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

SO_FAR = "jupyter_green, so far"
"""Name of the row with the provisional figure, shown right after a window."""

CONTROL = "no meter (control)"


@dataclass(frozen=True)
class Result:
    """Result of one meter for one window.

    Parameters
    ----------
    meter, case, shape : str
        Name of the meter, of the case, and of the shape of the power.
    tick, length : float
        Update period of the sensor and requested length of the window, in seconds.
    group : int
        Number of the scene: the windows of consecutive cells share it.
    seconds, truth : float
        Actual length in seconds, and true energy in joules.
    joules, half_width : float or None
        Energy and half-width of the 95 % interval that the meter stated, in joules.
    starting, stopping : float
        Duration of the two calls in seconds.
    spent : float or None
        CPU seconds for the window, until its figure is final.
    background : float or None
        CPU share while the window was open.
    settled : float or None
        Seconds from the end until the figure was final.
    """

    meter: str
    case: str
    shape: str
    tick: float
    length: float
    group: int
    seconds: float
    truth: float
    joules: float | None
    half_width: float | None = None
    remark: str | None = None
    starting: float = 0.0
    stopping: float = 0.0
    spent: float | None = None
    background: float | None = None
    settled: float | None = None

    @property
    def error(self) -> float:
        """Relative error; infinite if the meter gave no figure."""
        return math.inf if self.joules is None else abs(self.joules - self.truth) / self.truth


@dataclass(frozen=True)
class Figure:
    """Statistics of some windows of one meter; relative figures are fractions."""

    count: int
    silent: float
    zero: float
    median: float
    p95: float
    coverage: float | None
    half_width: float | None

    @classmethod
    def of(cls, results: Sequence[Result]) -> Figure | None:
        """Compute the statistics; None if there are no results with a figure."""
        stated = [item for item in results if item.joules is not None]
        if not stated:
            return None
        errors = sorted(item.error for item in stated)
        wide = [item for item in stated if item.half_width is not None]
        return cls(
            count=len(results),
            silent=1 - len(stated) / len(results),
            zero=sum(item.joules == 0 for item in stated) / len(results),
            median=statistics.median(errors),
            p95=errors[math.ceil(0.95 * len(errors)) - 1],
            coverage=sum(item.error * item.truth <= (item.half_width or 0.0) for item in wide) / len(wide)
            if wide
            else None,
            half_width=statistics.median((item.half_width or 0.0) / item.truth for item in wide) if wide else None,
        )


def sums(results: Iterable[Result]) -> list[Result]:
    """Return the sum of each run of consecutive windows; without a figure if one of them has none."""
    groups: dict[tuple[str, float, int], list[Result]] = {}
    for item in results:
        groups.setdefault((item.meter, item.length, item.group), []).append(item)
    added = []
    for (meter, length, group), items in groups.items():
        joules = [item.joules for item in items if item.joules is not None]
        added.append(
            Result(
                meter=meter,
                case=items[0].case,
                shape="sum",
                tick=items[0].tick,
                length=length,
                group=group,
                seconds=math.fsum(item.seconds for item in items),
                truth=math.fsum(item.truth for item in items),
                joules=math.fsum(joules) if len(joules) == len(items) else None,
            )
        )
    return added


def median_of(results: Iterable[Result], value: Callable[[Result], float | None]) -> float | None:
    """Return the median of a quantity over the results that have it; None if none has."""
    values = [number for number in map(value, results) if number is not None]
    return statistics.median(values) if values else None
