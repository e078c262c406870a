"""The meter on boards of traits that were not recorded: its interval holds the truth, whatever a table says of them."""

from __future__ import annotations

import pytest

from tests.metering.campaign import Outcome, Summary
from tests.metering.synthetic import BOARDS, outcomes

LENGTHS = (0.1, 0.5, 2.0)
OPEN = {
    "a mean over a second, stated at once": 0.75,
    "25 ms of 100, stated a mean over a second": 0.8,
    "25 ms of 100, stated to sample continuously": 0.8,
    "at once, stands still for 1 s": 0.75,
    "25 ms of 100, stands still for 1 s": 0.8,
    "filter of 0.5 s, stated a mean over a second": 0.8,
    "a counter that looks at 25 ms of 100": 0.8,
    "a counter, irregular": 0.75,
    # 88 to 89 % on these seeds: the misses are windows of 0.1 s in which the power changes several times in one update.
    "a counter": 0.86,
    "a counter in steps of 1 J": 0.86,
    "a counter that stands still for 1 s": 0.86,
}
"""Least coverage where 93 % are not reached yet, as docs/metering.md says of these boards."""

FEW = (
    "a mean over a second",
    "a mean over a second, stated at once",
    "at once, stated a mean over a second",
    "25 ms of 100, stated a mean over a second",
    "500 ms, stated at once",
    "filter of 0.1 s, stated at once",
    "filter of 0.3 s, stated at once",
    "a mean, shown 0.2 s late",
    "at once, shown 0.2 s late",
    "a mean that stands still for 1 s",
    "a counter in steps of 1 J",
)


def found(name: str, seeds: range, lengths: tuple[float, ...] = LENGTHS) -> list[Outcome]:
    return [
        one
        for seconds in lengths
        for awake in (False, True)
        for _, one in outcomes(BOARDS[name], seconds, seeds, awake=awake)
    ]


def test_the_truth_lies_in_the_interval_on_boards_of_other_traits() -> None:
    every = [one for name in FEW for one in found(name, range(1), (0.5,))]
    assert Summary.of(every).coverage >= 0.93, Summary.of(every)


@pytest.mark.long
@pytest.mark.parametrize("name", BOARDS)
def test_the_truth_lies_in_the_interval_on_each_board(name: str) -> None:
    told = Summary.of(found(name, range(100, 104)))
    print(name, told)
    assert told.coverage >= OPEN.get(name, 0.93), told
