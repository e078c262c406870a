"""Credit for a verified saving: c = n·max(0, β − e), and 0 if the quality of the result has dropped.

A saving counts only if the result is as good as before. The evidence is a boolean, or a result of `%shrink` or
`%compare`, which know whether their loss is within the accepted one. If the inputs have uncertainties and the saving is
not statistically significant, there is no credit. Source: the efficiency credits of arXiv 2601.19886 (read in notes on
it); the quality and significance conditions are our own. A credit is an accounting figure: it is worth b·c at a price
b, and is not paid out.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

from jupyter_green.baselines.excess import Joules, exact, excess


class QualityCheck(Protocol):
    """Evidence that a cheaper model is as good as the original, such as a result of `%shrink`."""

    @property
    def proven(self) -> bool:
        """Whether lower cost and a loss within the accepted one are proven."""

    @property
    def reason(self) -> str:
        """The reason, one sentence."""


class Pick(Protocol):
    """A choice among several, which differs from the best only if proven as good, such as a result of `%compare`."""

    @property
    def pick(self) -> str:
        """Name of the chosen one."""

    @property
    def best(self) -> str:
        """Name of the one with the best quality."""

    @property
    def reason(self) -> str:
        """The reason, one sentence."""


class Credit(NamedTuple):
    """A credit and its uncertainty in joules, and the reason if it is 0."""

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
        n, number of units of work done.
    baseline : float or Joules
        β, joules per unit before.
    used : float or Joules
        e, joules per unit now.
    passed : bool, QualityCheck or Pick
        Whether the result is as good; if not, the credit is 0.

    Raises
    ------
    ValueError
        If a value is not finite or below 0.
    """
    return judged(units, baseline=baseline, used=used, passed=passed).joules


def judged(
    units: float, *, baseline: float | Joules, used: float | Joules, passed: bool | QualityCheck | Pick
) -> Credit:
    """Return the credit as `credit` does, with its uncertainty or the reason why it is 0."""
    now = exact(used)
    if not math.isfinite(units) or units < 0:
        raise ValueError(f"units is {units}; it must be a finite number from 0 up.")
    comparison = excess(Joules(now.value * units, now.uncertainty * units), units=units, baseline=baseline)
    if not _good(passed):
        reason = "" if isinstance(passed, bool) else f" ({passed.reason.rstrip('.')})"
        return Credit(0.0, 0.0, f"No credit: equal quality of the result was not shown{reason}.")
    if not comparison.saved:
        return Credit(0.0, comparison.uncertainty, "No credit: nothing was saved.")
    if not comparison.significant:
        return Credit(0.0, comparison.uncertainty, "No credit: the saving is not statistically significant.")
    return Credit(comparison.saved, comparison.uncertainty)


def _good(passed: bool | QualityCheck | Pick) -> bool:
    """Return whether the result was shown to be as good."""
    if isinstance(passed, bool):
        return passed
    if hasattr(passed, "proven"):
        return bool(passed.proven)
    return passed.pick != passed.best
