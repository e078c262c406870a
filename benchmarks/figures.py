"""What the meters said of each window, and what that comes to: error, zeros, coverage, width, cost."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

SO_FAR = "jupyter_green, so far"
"""The line of the figure that is shown right after a window, before it is settled."""

CONTROL = "no meter (control)"


@dataclass(frozen=True)
class Result:
    """One meter in one window.

    Parameters
    ----------
    meter, case, shape : str
        Who, in which case, on which course of power.
    tick, length : float
        Seconds between two updates of the sensor, and how long the window was meant to be.
    group : int
        Windows of one scene have the same: the cells of a run in a row.
    seconds, truth : float
        How long the window was, and the joules that the board drew in it.
    joules, half_width : float or None
        What the meter said.
    starting, stopping : float
        Seconds that the two calls took.
    spent : float or None
        Processor seconds for the window, the settling of its figure included.
    background : float or None
        Share of a processor while the window was open.
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
        """Relative error; infinite where nothing was said."""
        return math.inf if self.joules is None else abs(self.joules - self.truth) / self.truth


@dataclass(frozen=True)
class Figure:
    """Some windows of one meter, summed up; relative figures as fractions."""

    count: int
    silent: float
    zero: float
    median: float
    p95: float
    coverage: float | None
    half_width: float | None

    @classmethod
    def of(cls, results: Sequence[Result]) -> Figure | None:
        """Sum up results; None where there are none, or not one of them says anything."""
        said = [item for item in results if item.joules is not None]
        if not said:
            return None
        errors = sorted(item.error for item in said)
        wide = [item for item in said if item.half_width is not None]
        return cls(
            count=len(results),
            silent=1 - len(said) / len(results),
            zero=sum(item.joules == 0 for item in said) / len(results),
            median=statistics.median(errors),
            p95=errors[math.ceil(0.95 * len(errors)) - 1],
            coverage=sum(item.error * item.truth <= (item.half_width or 0.0) for item in wide) / len(wide)
            if wide
            else None,
            half_width=statistics.median((item.half_width or 0.0) / item.truth for item in wide) if wide else None,
        )


def sums(results: Iterable[Result]) -> list[Result]:
    """The windows of each run in a row added up, where all of them have a figure."""
    groups: dict[tuple[str, float, int], list[Result]] = {}
    for item in results:
        groups.setdefault((item.meter, item.length, item.group), []).append(item)
    added = []
    for (meter, length, group), items in groups.items():
        known = [item.joules for item in items if item.joules is not None]
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
                joules=math.fsum(known) if len(known) == len(items) else None,
            )
        )
    return added


def median_of(results: Iterable[Result], value: Callable[[Result], float | None]) -> float | None:
    """Median of a quantity over the results that have it; None where none has."""
    known = [found for found in map(value, results) if found is not None]
    return statistics.median(known) if known else None
