"""A sum that records are added to and taken from says what summing all of them anew says."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_green.live.running_sum import RunningSum
from jupyter_green.records import Component, EnergyRecord
from jupyter_green.reporting.run.totals import total


def part(key: str, joules: float | None, uncertainty: float | None, share: float, source: str) -> Component:
    kind = "gpu" if key.startswith("g") else "cpu"
    gain = None if uncertainty is None else share * uncertainty
    return Component(kind, key, key, joules, uncertainty, gain, "counter", "measured", "whole", source)


amounts = st.none() | st.floats(0, 1e6)
parts = st.builds(
    part, st.sampled_from(["g0", "g1", "c0"]), amounts, st.floats(0, 1e5), st.floats(0, 1), st.sampled_from(["a", "b"])
)
records = st.builds(
    lambda components, seconds: EnergyRecord(components=tuple(components), seconds=seconds, started_at=5.0),
    st.lists(parts, max_size=4),
    st.floats(0, 1e4),
)


def close(found: float | None, wanted: float | None) -> bool:
    if found is None or wanted is None:
        return found is wanted
    return math.isclose(found, wanted, rel_tol=1e-6, abs_tol=1e-2)


@given(st.lists(records, max_size=12), st.lists(records, max_size=12))
def test_what_is_taken_out_leaves_the_sum_of_the_rest(kept: list[EnergyRecord], removed: list[EnergyRecord]) -> None:
    balance = RunningSum()
    for record in [*removed, *kept]:
        balance.add(record)
    for record in removed:
        balance.remove(record)
    found, wanted = balance.record(), total(kept)
    assert balance.count == len(kept)
    assert close(found.joules, wanted.joules)
    assert close(found.uncertainty, wanted.uncertainty)
    assert close(found.seconds, wanted.seconds)
    if wanted.joules is not None:
        assert found.quality == wanted.quality


def test_nothing_is_absent_and_not_0() -> None:
    balance = RunningSum()
    record = EnergyRecord((part("g0", 3.0, 0.1, 0.5, "a"),), 1.0, 5.0)
    balance.add(record)
    balance.remove(record)
    assert balance.record().joules is None
    assert balance.record().uncertainty is None


def test_an_unread_device_stays_absent_beside_a_read_one() -> None:
    balance = RunningSum()
    balance.add(EnergyRecord((part("g0", None, None, 0, "a"), part("c0", 3.0, 0.1, 0.5, "b")), 1.0, 5.0))
    assert [component.joules for component in balance.record().components] == [None, 3.0]


def test_a_reading_without_half_width_leaves_the_sum_without_one_until_it_is_taken_out() -> None:
    balance = RunningSum()
    unsure = EnergyRecord((part("g0", 1.0, None, 0, "a"),), 1.0, 5.0)
    balance.add(unsure)
    balance.add(EnergyRecord((part("g0", 3.0, 0.25, 0.5, "a"),), 1.0, 5.0))
    assert balance.record().uncertainty == math.inf
    balance.remove(unsure)
    assert balance.record().joules == pytest.approx(3.0)
    assert balance.record().uncertainty == pytest.approx(0.25)


def test_what_runs_is_added_for_one_look_only() -> None:
    balance = RunningSum()
    balance.add(EnergyRecord((part("g0", 3.0, 0.3, 0.0, "a"),), 1.0, 7.0))
    running = EnergyRecord((part("g0", 2.0, 0.4, 0.0, "a"),), 2.0, 8.0, final=False)
    assert balance.record(running).joules == pytest.approx(5.0)
    assert balance.record(running).uncertainty == pytest.approx(0.5)
    assert balance.record(running).seconds == pytest.approx(3.0)
    assert balance.record().joules == pytest.approx(3.0)
