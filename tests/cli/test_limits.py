"""Budgets and baselines: what is called, what is not, and in which words."""

from __future__ import annotations

import math
from typing import Any

import pytest

from jupyter_green.cli.errors import CommandError
from jupyter_green.cli.limits import compare, judge_budget, parse_energy, parse_percent
from jupyter_green.records import Component, EnergyRecord


def component(joules: float | None, uncertainty: float | None = 1.0, **changes: Any) -> Component:
    facts: dict[str, Any] = {
        "kind": "gpu",
        "device": "GPU 0",
        "key": "nvidia:0",
        "gain_uncertainty": 0.0,
        "method": "counter",
        "quality": "measured",
        "scope": "whole board",
        "source": "nvidia",
    }
    return Component(joules=joules, uncertainty=uncertainty, **{**facts, **changes})


def record(joules: float | None, uncertainty: float | None = 1.0, status: Any = "ok", **changes: Any) -> EnergyRecord:
    return EnergyRecord((component(joules, uncertainty, **changes),), seconds=1.0, started_at=0.0, status=status)


@pytest.mark.parametrize(
    ("text", "joules"),
    [
        ("500J", 500),
        ("500 J", 500),
        ("1.5kJ", 1500),
        (".5 MJ", 5e5),
        ("10Wh", 36_000),
        ("0.2 kWh", 720_000),
        ("1e3 J", 1e3),
    ],
)
def test_amounts(text: str, joules: float) -> None:
    assert parse_energy(text) == pytest.approx(joules)


@pytest.mark.parametrize(
    "text", ["", "10", "Wh", "10 W", "10 wh", "-3 J", "0 J", "1,5 kJ", "nan J", "inf J", "10 kWh!"]
)
def test_what_is_no_amount_is_one_sentence(text: str) -> None:
    with pytest.raises(CommandError, match=r"^[^\n]+\.$"):
        parse_energy(text)


def test_percentages() -> None:
    assert parse_percent("10%") == pytest.approx(0.1)
    assert parse_percent("2.5 %") == pytest.approx(0.025)
    for text in ("10", "-1%", "%", "ten%"):
        with pytest.raises(CommandError, match="percentage"):
            parse_percent(text)


@pytest.mark.parametrize(
    ("joules", "uncertainty", "holds", "words"),
    [
        (90.0, 2.0, True, "Within budget: 90 J ± 2 measured of a budget of 100 J."),
        (99.5, 2.0, True, "the interval's upper end is above it"),
        (100.5, 2.0, False, "the interval's lower end is below it"),
        (120.0, 2.0, False, "Over budget: 120 J ± 2 measured of a budget of 100 J."),
        (None, None, False, "can't be checked"),
    ],
)
def test_budget(joules: float | None, uncertainty: float | None, holds: bool, words: str) -> None:
    verdict = judge_budget(record(joules, uncertainty), 100.0)
    assert verdict.holds is holds
    assert words in verdict.sentence


def cells(*records: EnergyRecord) -> list[tuple[str, EnergyRecord]]:
    return [(f"c{number}", item) for number, item in enumerate(records)]


def test_excess_is_called_only_where_the_intervals_tell() -> None:
    base = cells(record(100.0, 3.0))
    assert not compare(cells(record(130.0, 3.0)), base).excess(0.1).holds
    unsure = compare(cells(record(130.0, 30.0)), base)
    assert unsure.excess(0.1).holds
    assert unsure.sentence().startswith("No proven difference")
    assert compare(cells(record(109.0, 0.1)), cells(record(100.0, 0.1))).excess(0.1).holds, "within what is accepted"
    assert compare(cells(record(50.0, 1.0)), base).excess(0.0).holds


def test_the_rule_stands_beside_the_verdict() -> None:
    comparison = compare(cells(record(130.0, 3.0)), cells(record(100.0, 4.0)))
    assert comparison.uncertainty == pytest.approx(5.0)
    assert comparison.sentence() == "30 J ± 5 more (30%): 130 J ± 3 against 100 J ± 4 in the baseline."
    assert comparison.excess(0.1).sentence == (
        f"Excess: 20 J above baseline + 10% (detectable from {math.hypot(3, 4.4):.1f} J)."
    )


def test_unfinished_cells_are_left_out_of_both() -> None:
    comparison = compare(cells(record(10.0), record(50.0, status="error")), cells(record(10.0), record(20.0)))
    assert comparison.cells == 1
    assert comparison.run.joules == comparison.base.joules == 10.0
    assert "over the 1 cell that finished in both" in comparison.sentence()


def test_a_new_cell_counts_where_both_runs_finished() -> None:
    comparison = compare(cells(record(10.0), record(50.0)), cells(record(10.0)))
    assert comparison.cells is None
    assert comparison.difference == pytest.approx(50.0)


@pytest.mark.parametrize("changes", [{"quality": "simulated"}, {"source": "rapl"}, {"kind": "cpu"}])
def test_other_sources_are_no_like_for_like(changes: dict[str, Any]) -> None:
    with pytest.raises(CommandError, match="not comparable"):
        compare(cells(record(10.0, **changes)), cells(record(10.0)))


def test_nothing_in_common_is_said() -> None:
    with pytest.raises(CommandError, match="Nothing to compare"):
        compare(cells(record(None, None)), cells(record(10.0)))


def test_a_run_that_was_throttled_alone_is_no_proven_excess() -> None:
    calm, hot = {"throttle": ()}, {"throttle": ("thermal",)}
    base = cells(record(100.0, 1.0, **calm))
    assert not compare(cells(record(150.0, 1.0, **calm)), base).excess(0.1).holds
    verdict = compare(cells(record(150.0, 1.0, **hot)), base).excess(0.1)
    assert verdict.holds
    assert "throttled in this run" in verdict.sentence
    assert not compare(cells(record(150.0, 1.0, **hot)), cells(record(100.0, 1.0, **hot))).excess(0.1).holds
