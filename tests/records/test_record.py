"""The record's sums, against a brute-force reading of their definition, and its journey through plain data."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_green.records import Component, EnergyRecord, Trace, cell_key, is_simulated, weakest


def component(joules: float | None = 10.0, uncertainty: float = 1.0, gain: float = 0.5, **changes: object) -> Component:
    fields = {
        "kind": "gpu",
        "device": "GPU 0",
        "key": "nvidia:0",
        "joules": joules,
        "uncertainty": uncertainty if joules is not None else None,
        "gain_uncertainty": gain if joules is not None else None,
        "method": "counter",
        "quality": "measured",
        "scope": "whole board",
        "source": "nvidia",
        **changes,
    }
    return Component(**fields)


def record(*components: Component, **changes: object) -> EnergyRecord:
    return EnergyRecord(components, 2.0, 1e9, **changes)


def test_random_errors_add_in_quadrature_and_gains_of_one_source_linearly() -> None:
    both = record(component(), component(key="nvidia:1"), component(key="rapl:0", source="rapl", gain=0.0))
    random = 3 * (1.0 - 0.25) + 0.25  # the third has no gain: all of its 1 J is random
    assert both.uncertainty == pytest.approx(math.sqrt(random + (0.5 + 0.5) ** 2))


def test_a_device_without_a_reading_is_absent_not_zero() -> None:
    some = record(component(), component(None, key="nvidia:1", note="The GPU was lost."))
    assert some.joules == 10.0
    none = record(component(None))
    assert (none.joules, none.uncertainty, none.interval, none.watts) == (None, None, None, None)
    assert none.below_resolution is False


def test_a_record_names_what_is_missing_in_its_sum() -> None:
    lost = component(None, key="nvidia:1", note="The GPU was lost.")
    assert repr(record(component(399.0, 18.0), lost)) == (
        "<EnergyRecord 399 J ± 18, measured, 1 of 2 devices not counted, 2 s, ok>"
    )
    assert repr(record(component(399.0, 18.0))) == "<EnergyRecord 399 J ± 18, measured, 2 s, ok>"
    assert repr(record(lost)) == "<EnergyRecord no reading, 2 s, ok>"


@pytest.mark.parametrize(
    ("qualities", "said"),
    [
        (["measured"], "measured"),
        (["measured", "estimated"], "estimated"),
        (["measured", "simulated"], "simulated"),
        (["estimated", "simulated"], "simulated"),
        ([], "estimated"),
    ],
)
def test_a_record_is_called_by_its_weakest_reading(qualities: list[str], said: str) -> None:
    assert record(*(component(quality=quality) for quality in qualities)).quality == said


def test_simulated_joules_are_never_in_the_measured_share() -> None:
    assert record(component(quality="simulated"), component(quality="measured")).measured_share == pytest.approx(0.5)
    assert record(component(quality="simulated")).measured_share == 0.0


def test_an_interval_that_reaches_zero_is_below_resolution() -> None:
    assert record(component(joules=1.0, uncertainty=1.0)).below_resolution
    assert not record(component(joules=1.01, uncertainty=1.0)).below_resolution


def test_huge_figures_do_not_overflow() -> None:
    assert math.isfinite(record(component(joules=1e300, uncertainty=1e300, gain=1e299)).uncertainty or 0.0)


@given(
    st.lists(
        st.tuples(st.none() | st.floats(0, 1e12), st.floats(0, 1e9), st.sampled_from(["measured", "estimated"])),
        max_size=6,
    ),
    st.none() | st.floats(1e-6, 1e9),
)
def test_a_record_survives_plain_data(parts: list[tuple[float | None, float, str]], units: float | None) -> None:
    before = record(
        *(component(joules, doubt, 0.0, quality=quality) for joules, doubt, quality in parts),
        units=units,
        notes=("one", "two"),
        trace=Trace({"GPU 0": ((0.0, 1.5), (0.1, None))}, 2.0),
    )
    after = EnergyRecord.from_dict(json.loads(json.dumps(before.to_dict())))
    assert after == before
    assert after.trace == before.trace
    assert (after.joules, after.uncertainty, after.quality) == (before.joules, before.uncertainty, before.quality)


@pytest.mark.parametrize(
    ("scope", "covers_memory"),
    [("whole module (CPU and GPU)", True), ("platform, all processes", True), ("whole board", False)],
)
def test_an_older_component_has_the_fact_of_its_scope(scope: str, covers_memory: bool) -> None:
    data = component(scope=scope).to_dict()
    assert not Component.from_dict(data).covers_memory, "the field decides where there is one"
    del data["covers_memory"]
    assert Component.from_dict(data).covers_memory == covers_memory


def test_a_record_of_a_newer_schema_is_refused() -> None:
    with pytest.raises(ValueError, match="Upgrade"):
        EnergyRecord.from_dict({**record().to_dict(), "schema": 99})


def test_joules_per_unit_need_units_and_a_reading() -> None:
    assert record(component(), units=4.0).joules_per_unit == 2.5
    assert record(component()).joules_per_unit is None
    assert record(component(None), units=4.0).joules_per_unit is None


def test_own_joules_are_told_only_where_every_device_can_tell() -> None:
    assert record(component(own_joules=3.0), component(own_joules=4.0)).own_joules == 7.0
    assert record(component(own_joules=3.0), component()).own_joules is None


@pytest.mark.parametrize(
    ("shown", "why"),
    [
        (record(component()), ""),
        (record(component(method="model", quality="estimated")), ", and no sensor was read here, only an estimate"),
        (record(component(None)), ", and no device was read here"),
        (record(component(), span="gap"), ", and none is kept of the time between cells"),
        (record(component(), trace=Trace({}, 2.0)), ""),
    ],
)
def test_without_a_course_of_power_it_is_said_what_one_takes(shown: EnergyRecord, why: str) -> None:
    with pytest.raises(ValueError, match=f"three readings of a device in a window of a second or more{why}") as caught:
        shown.plot()
    assert str(caught.value).count(".") == 1
    assert "too short" not in str(caught.value)


@pytest.mark.parametrize(
    ("parts", "simulated"),
    [
        ((), False),
        ((("measured", None),), False),
        ((("simulated", None),), True),
        ((("simulated", 1.0),), True),
        ((("measured", 1.0), ("simulated", None)), False),
        ((("measured", None), ("simulated", None)), True),
        ((("measured", 1.0), ("simulated", 1.0)), True),
        ((("estimated", 1.0), ("simulated", 0.0)), True),
    ],
)
def test_what_is_read_decides_whether_a_record_is_simulated(
    parts: tuple[tuple[str, float | None], ...], simulated: bool
) -> None:
    """A ledger's totals, a session's sums, tables, statements and a report ask this one rule."""
    from jupyter_green.disclose.period import PeriodSums
    from jupyter_green.reporting.run.totals import Totals
    from jupyter_green.storage.record_list import Records
    from tests.records.flat import flat_of

    one = record(*(component(joules, quality=quality) for quality, joules in parts))
    assert is_simulated(one) == simulated
    real = record(component(5.0))
    assert Records([real, one]).totals().simulated_left_out == simulated
    assert Totals([real, one]).left_out == simulated
    assert PeriodSums([flat_of(real, False), flat_of(one, False)]).simulated_left_out == simulated


@pytest.mark.parametrize(
    ("qualities", "said"),
    [
        ((), None),
        ((None,), None),
        (("measured", None), "measured"),
        (("measured", "estimated"), "estimated"),
        (("estimated", "simulated", "measured"), "simulated"),
    ],
)
def test_a_sum_is_called_by_the_weakest_of_its_figures(qualities: tuple[str | None, ...], said: str | None) -> None:
    assert weakest(qualities) == said


def test_executions_are_of_one_cell_by_its_id_else_each_is_its_own() -> None:
    assert cell_key("a", "1") == cell_key("a", "2") == "a"
    assert cell_key(None, "1") == cell_key("", "1") == "#1"
