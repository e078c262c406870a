"""Credit for a saving that was verified: c = n·max(0, β − e), and nothing where the work got worse.

A saving counts only at the same or a better result. What says so is a gate: a truth value, or whatever `%shrink` and
`%compare` return, which know whether their loss lies within the accepted one. Where the figures have intervals and
these do not tell the saving apart from none, there is no credit. Source: the credits for efficiency of arXiv 2601.19886
(read in notes on it), with the gate and the interval as our own conditions. A credit is a line in the books: it is
worth b·c at a price b, and nobody pays it out.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

from jupyter_green.baselines.excess import Joules, exact, excess


class QualityCheck(Protocol):
    """What says whether a cheaper way is as good as the one before, such as the result of `%shrink`."""

    @property
    def proven(self) -> bool:
        """Whether less cost and a loss within the accepted one are proven."""

    @property
    def reason(self) -> str:
        """Why, in one sentence."""


class Pick(Protocol):
    """What picks among several, and another one than the best only where it is proven as good: `%compare`."""

    @property
    def pick(self) -> str:
        """Name of the one to take."""

    @property
    def best(self) -> str:
        """Name of the one that does the work best."""

    @property
    def reason(self) -> str:
        """Why, in one sentence."""


class Credit(NamedTuple):
    """A credit in joules with its interval, and why there is none."""

    joules: float
    uncertainty: float = 0.0
    reason: str = ""


def credit(
    units: float, *, baseline: float | Joules, used: float | Joules, passed: bool | QualityCheck | Pick
) -> float:
    """Return the credit for a saving, in joules.

    Parameters
    ----------
    units : float
        n, how many things were done.
    baseline : float or Joules
        β, joules per thing before.
    used : float or Joules
        e, joules per thing now.
    passed : bool, Gate or Pick
        Whether the result is as good; where it is not the credit is 0.

    Raises
    ------
    ValueError
        If a value is no finite number from 0 up.
    """
    return judged(units, baseline=baseline, used=used, passed=passed).joules


def judged(
    units: float, *, baseline: float | Joules, used: float | Joules, passed: bool | QualityCheck | Pick
) -> Credit:
    """Return the credit as `credit` does, with its interval or the reason why there is none."""
    now = exact(used)
    if not math.isfinite(units) or units < 0:
        raise ValueError(f"units is {units}; it is a finite number from 0 up.")
    held = excess(Joules(now.value * units, now.uncertainty * units), units=units, baseline=baseline)
    if not _good(passed):
        why = "" if isinstance(passed, bool) else f" ({passed.reason.rstrip('.')})"
        return Credit(0.0, 0.0, f"No credit: that the result is as good was not shown{why}.")
    if not held.saved:
        return Credit(0.0, held.uncertainty, "No credit: nothing was saved.")
    if not held.told_apart:
        return Credit(0.0, held.uncertainty, "No credit: the intervals do not tell the saving apart from none.")
    return Credit(held.saved, held.uncertainty)


def _good(passed: bool | QualityCheck | Pick) -> bool:
    """Whether the result was shown to be as good."""
    if isinstance(passed, bool):
        return passed
    if hasattr(passed, "proven"):
        return bool(passed.proven)
    return passed.pick != passed.best
