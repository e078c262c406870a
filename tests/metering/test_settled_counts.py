"""Counts that are held: whatever settles late lies between its neighbours."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from jupyter_green.metering.counter.edge_energy import EdgeCount
from jupyter_green.metering.counter.settled_counts import SettledCounts


def count(value: float, epoch: int = 0) -> EdgeCount:
    return EdgeCount(value, 1.0, (0.0, 0.0), epoch, (0.0, 1.0), 1.0, 2.0)


@given(st.lists(st.tuples(st.integers(0, 30), st.floats(-100, 100)), max_size=30))
def test_it_never_falls_in_whatever_order_edges_settle(found: list[tuple[int, float]]) -> None:
    held = SettledCounts()
    for moment, value in found:
        if moment not in held:
            held.keep(moment, held.fitted(moment, count(value)))
    values = [held.get(moment).value for moment in range(31) if moment in held]
    assert all(earlier <= later for earlier, later in pairwise(values))
    if found:
        assert held.get(found[0][0]).value == found[0][1], "what was told first stays"


def test_another_epoch_says_nothing() -> None:
    held = SettledCounts()
    held.keep(1.0, count(5.0))
    held.keep(3.0, count(2.0, epoch=1))
    assert held.fitted(2.0, count(9.0)).value == 9.0
    assert held.fitted(2.0, count(4.0)).value == 5.0
    assert held.fitted(2.0, count(1.0, epoch=1)).value == 1.0
    assert held.fitted(2.0, count(7.0, epoch=1)).value == 2.0


def test_what_is_forgotten_binds_nothing() -> None:
    held = SettledCounts()
    for moment in (1.0, 2.0, 3.0):
        held.keep(moment, count(moment))
    held.forget(2.5)
    assert [moment in held for moment in (1.0, 2.0, 3.0)] == [False, False, True]
    assert held.fitted(2.0, count(0.5)).value == 0.5
    assert held.fitted(2.0, count(9.0)).value == 3.0
