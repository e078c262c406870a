"""Our estimator in virtual time: the tests' campaigns on held-out seeds, compared with the goals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

HELD_OUT = 5_000_000
"""First held-out seed: neither tests nor tuning use it or later ones."""

COVERAGE = 0.93


@dataclass(frozen=True)
class Goal:
    """Goals of one case of the campaign at one length, as fractions; None if there is no goal."""

    case: str
    seconds: float
    error: float | None = None
    width: float | None = None


GOALS = (
    Goal("alone", 0.02, 0.015, 0.08),
    Goal("alone", 0.1, 0.005, 0.03),
    Goal("alone", 0.5, 0.002, 0.01),
    Goal("alone", 2.0, 0.001, 0.005),
    Goal("warm", 0.02, 0.03, 0.20),
    Goal("warm", 0.1, 0.01, 0.06),
    Goal("warm", 0.5, 0.004, 0.02),
    Goal("warm", 2.0, 0.002, 0.01),
    Goal("run all", 0.15, 0.05),
    Goal("run all", 1.0, 0.01),
    Goal("no counter", 0.1, 0.03),
    Goal("no counter", 2.0, 0.01),
    Goal("part-time", 0.5),
    Goal("part-time", 2.0),
)


@dataclass(frozen=True)
class Score:
    """Result of a campaign, as fractions; `reason` says why there is none."""

    goal: Goal
    count: int = 0
    error: float = 0.0
    p95: float = 0.0
    coverage: float = 0.0
    width: float = 0.0
    score: float = 0.0
    reason: str | None = None

    @property
    def missed(self) -> tuple[str, ...]:
        """Names of the goals that were not reached."""
        goal = self.goal
        names = []
        if goal.error is not None and self.error > goal.error:
            names.append("error")
        if self.coverage < COVERAGE:
            names.append("coverage")
        if goal.width is not None and self.width > goal.width:
            names.append("width")
        return tuple(names)


def campaigns(count: int, tell: Callable[[str], None]) -> list[Score]:
    """Run a campaign of `count` seeds for each goal."""
    from tests.metering.campaign import CASES, campaign

    scores = []
    for goal in GOALS:
        if goal.case not in CASES:
            scores.append(Score(goal, reason="the campaigns have no such case yet"))
            continue
        tell(f"virtual time: {goal.case}, {goal.seconds:g} s, {count} seeds")
        try:
            result = campaign(goal.case, goal.seconds, range(HELD_OUT, HELD_OUT + count))
        except AssertionError as fault:
            scores.append(Score(goal, reason=f"a window has no figure: {fault}"))
            continue
        figures = (
            result.count,
            result.median_error,
            result.p95_error,
            result.coverage,
            result.median_width,
            result.score,
        )
        scores.append(Score(goal, *figures))
    return scores
