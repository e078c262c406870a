"""Messages about baselines, with ±; the same in magics, the side panel and reports."""

from __future__ import annotations

import math

from jupyter_green.records import Unfair
from jupyter_green.reporting import numbers

from .baseline import Baseline
from .comparison import ONE_RUN, BaselineDifference
from .selection import ActiveBaseline

UNFAIR: dict[Unfair, str] = {
    "throttled": "the device was throttled in this run and not in the baseline’s",
    "baseline throttled": "the device was throttled in the baseline’s run and not in this one",
    "other clocks": "the device ran at a different clock frequency than in the baseline’s run",
}
"""Why a difference is not significant, as part of a sentence."""


def kept(made: Baseline, replaced: bool) -> str:
    """Return the message that a run was kept as a baseline."""
    cells = len(made.cells)
    replacement = ", in place of the one of that name" if replaced else ""
    return f"Kept as the baseline {made.name!r}{replacement}: {_cells(cells)}, {amount(made)}."


def used(standing: ActiveBaseline) -> str:
    """Return what a notebook is compared with, as a sentence."""
    base, choice = standing.baseline, standing.choice
    if base is None:
        return standing.sentence or (
            "This notebook is no longer compared with a baseline."
            if choice.rule == "none"
            else "This is the first run of this notebook; the next run is compared with it."
        )
    accepted = (
        f"; up to {numbers.plain(numbers.percent(choice.tolerance))} above it does not count as excess"
        if choice.tolerance
        else ""
    )
    return f"This notebook is compared with {name_of(base)}: {_cells(len(base.cells))}, {amount(base)}{accepted}."


def cleared(name: str | None) -> str:
    """Return the message that a notebook is compared with nothing, or that a baseline was deleted."""
    return (
        "This notebook is no longer compared with a baseline." if name is None else f"The baseline {name!r} is deleted."
    )


def name_of(found: Baseline) -> str:
    """Return the name of a baseline as used within a sentence."""
    if found.kind == "median":
        runs = max(1, len(found.runs))
        return "its only earlier run" if runs == 1 else f"the median of its last {runs} runs"
    if found.kind == "last":
        return "its last run"
    return f"the {'file' if found.kind == 'file' else 'baseline'} {found.name!r}"


def amount(found: Baseline) -> str:
    """Return the energy of a baseline's cells with ± and quality."""
    reading = found.reading
    if reading.below_resolution and math.isfinite(reading.uncertainty):
        return f"{numbers.plain(numbers.at_most(reading.joules + reading.uncertainty))} {reading.quality}"
    return f"{joules(reading.joules, reading.uncertainty)} {reading.quality}"


def difference_sentence(against: BaselineDifference, compared: int) -> str:
    """Return how a run compares with its baseline, as a sentence."""
    scope = f"over the {_cells(compared)} that can be compared"
    if against.verdict == "none":
        return "Nothing can be compared yet."
    if not against.proven and against.reason in UNFAIR:
        return f"No proven difference {scope}: {UNFAIR[against.reason]}."
    if against.basis == "cpu_time":
        return _timed(against, scope)
    figures = f"{scope}, baseline {joules(against.baseline, against.baseline_uncertainty)}"
    if not against.proven:
        return f"No proven difference ({_unproven(against)}) {figures}."
    share = "" if against.ratio is None else f" ({numbers.plain(numbers.change(against.ratio))})"
    direction = "more" if against.verdict == "more" else "less"
    message = f"{joules(abs(against.difference or 0.0), against.difference_uncertainty)} {direction}{share} {figures}."
    if against.excess:
        return f"{message} Excess: {joules(against.excess, against.difference_uncertainty)}."
    return f"{message} Saved: {joules(against.saved, against.difference_uncertainty)}." if against.saved else message


def _timed(against: BaselineDifference, over: str) -> str:
    """Return how CPU times compare; joules are left out, because they are only estimated from CPU time."""
    ratio, half = against.ratio, against.ratio_uncertainty
    if ratio is None:
        return f"No proven difference in CPU time {over}."
    change = numbers.plain(numbers.change(ratio))
    if against.reason == ONE_RUN:
        return (
            f"CPU time {change} {over}: one run each on a shared machine, so it is not proven. "
            "Restart the kernel and run the notebook once more."
        )
    ends = "" if half is None else " to ".join(numbers.plain(numbers.change(ratio + end)) for end in (-half, half))
    if not against.proven:
        return f"No proven difference in CPU time{f' (95 %: {ends})' if ends else ''} {over}."
    return f"CPU time {change} (95 %: {ends}) {over}; energy is only estimated from it."


def _unproven(against: BaselineDifference) -> str:
    """Return an upper bound of a difference that is not significant."""
    half_width = against.difference_uncertainty
    if half_width is None or not math.isfinite(half_width):
        return "its size is not known"
    return numbers.plain(f"{numbers.at_most(abs(against.difference or 0.0) + half_width)} either way")


def difference(against: BaselineDifference | None) -> str:
    """Return a cell's difference in a few words."""
    if against is None:
        return "–"
    if against.verdict == "none":
        return f"– {against.reason or ''}".rstrip()
    edited = ", code changed" if against.edited else ""
    if against.reason == ONE_RUN and against.ratio is not None:
        return f"≈ CPU time {numbers.plain(numbers.change(against.ratio))} in one run, not proven{edited}"
    if not against.proven and against.reason in UNFAIR:
        return f"≈ not proven: {against.reason}{edited}"
    if not against.proven or against.ratio is None:
        return f"≈ not proven{edited}"
    basis = "CPU time " if against.basis == "cpu_time" else ""
    return f"{basis}{numbers.plain(numbers.change(against.ratio))}{edited}"


def joules(value: float | None, uncertainty: float | None = None) -> str:
    """Return an energy with its ± as plain text."""
    if uncertainty is not None and not math.isfinite(uncertainty):
        uncertainty = None
    return numbers.plain(str(numbers.energy(value, uncertainty)))


def _cells(count: int) -> str:
    return f"{count} cell{'' if count == 1 else 's'}"
