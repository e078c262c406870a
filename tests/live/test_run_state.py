"""Rows and sums of a run: a row shows a cell's last execution, the total is everything since the run began."""

from __future__ import annotations

import math
import random
import time

import pytest

from jupyter_green.live.frame import _line
from jupyter_green.live.run_state import Row, RunState, key_of
from jupyter_green.records import Component, EnergyRecord
from jupyter_green.records.shrink_outcome import ShrinkOutcome


def record(
    joules: float | None, cell: str | None = None, *, span: str = "cell", final: bool = True, **facts
) -> EnergyRecord:
    spread = facts.pop("uncertainty", joules)
    part = Component("cpu", "CPU", "cpu:0", joules, spread, 0.0, "model", "estimated", "this kernel", "processor")
    return EnergyRecord(
        (part,), 1.0, facts.pop("started_at", 1e9), span=span, cell_id=cell, final=final, run_id="r", **facts
    )


def source(record: EnergyRecord) -> str:
    return f"do({record.joules})"


def shown(chronicle: RunState, live: list[EnergyRecord]) -> list[Row]:
    rows = dict(zip(chronicle.keys(), chronicle.rows(chronicle.keys()), strict=True)) | chronicle.live(live)
    return list(rows.values())


def test_a_cell_counts_by_its_last_execution_and_earlier_ones_are_apart() -> None:
    chronicle = RunState("r", source)
    for joules in (5.0, 7.0, 11.0):
        chronicle.keep(record(joules, "a"))
    chronicle.keep(record(2.0, "b"))
    row = chronicle.rows(["a"])[0]
    assert (row.record.joules, row.reruns, row.rerun_joules) == (11.0, 2, 12.0)
    sums = chronicle.sums()
    assert (sums.cells.joules, sums.count) == (13.0, 2)
    assert sums.reruns is not None
    assert sums.reruns.joules == 12.0
    assert sums.idle is None


def test_a_run_began_with_its_first_execution_however_often_cells_are_run_again() -> None:
    chronicle = RunState("r", source)
    assert chronicle.sums().began_at is None
    assert chronicle.sums([record(1.0, "a", started_at=1e9, final=False)]).began_at == 1e9
    chronicle.keep(record(1.0, span="gap", started_at=1e9 - 5))
    chronicle.keep(record(1.0, "a", started_at=1e9))
    chronicle.keep(record(1.0, "a", started_at=1e9 + 60))
    assert chronicle.sums([record(1.0, "b", started_at=1e9 + 90, final=False)]).began_at == 1e9


def test_the_total_never_falls() -> None:
    """A cell run again costs less than before: what it cost before was used all the same."""
    chronicle, before = RunState("r", source), 0.0
    for joules in (600.0, 20.0, 15.0):
        running = chronicle.sums([record(joules / 2, "a", final=False)]).whole.joules
        assert running == pytest.approx(before + joules / 2)
        chronicle.keep(record(joules, "a"))
        chronicle.keep(record(1.0, span="gap"))
        before += joules + 1.0
        assert chronicle.sums().whole.joules == pytest.approx(before)
    assert chronicle.sums().cells.joules == 15.0


def test_earlier_executions_that_can_not_be_told_from_nothing() -> None:
    chronicle = RunState("r", source)
    for _ in range(3):
        chronicle.keep(record(0.0, "a", uncertainty=0.5))
        chronicle.keep(record(5.0, "b", uncertainty=0.5))
    nothing, known = chronicle.rows(["a", "b"])
    assert (nothing.reruns, nothing.rerun_known) == (2, None)
    assert (known.reruns, known.rerun_known) == (2, 10.0)


def test_what_runs_stands_in_the_place_of_the_execution_before() -> None:
    chronicle = RunState("r", source)
    chronicle.keep(record(5.0, "a"))
    chronicle.keep(record(1.0, "b"))
    settling, running = record(6.0, "a", final=False), record(0.5, "a", final=False)
    live = chronicle.live([settling, running])
    assert list(live) == ["a"]
    assert (live["a"].record, live["a"].reruns, live["a"].rerun_joules) == (running, 2, 11.0)
    sums = chronicle.sums([settling, running])
    assert sums.cells.joules == pytest.approx(1.5)
    assert sums.count == 2
    assert sums.reruns is not None
    assert sums.reruns.joules == pytest.approx(11.0)
    again = chronicle.sums()
    assert again.cells.joules == pytest.approx(6.0), "looking changes nothing"
    assert again.reruns is None


def test_the_total_is_the_sum_of_the_rows_shown() -> None:
    chance = random.Random(7)
    chronicle = RunState("r", source)
    for _ in range(300):
        cell = chance.choice([None, *"abcdefgh"])
        chronicle.keep(record(chance.choice([None, chance.uniform(0, 9)]), cell))
        live = [record(chance.uniform(0, 9), chance.choice([None, *"abcdefghij"]), final=False) for _ in range(2)]
        live = live[: chance.randrange(3)]
        rows, sums = shown(chronicle, live), chronicle.sums(live)
        assert sums.count == len(rows)
        known = [row.record.joules for row in rows if row.record.joules is not None]
        assert math.isclose(sums.cells.joules or 0.0, math.fsum(known), abs_tol=1e-9)
        earlier = math.fsum(row.rerun_joules or 0.0 for row in rows)
        assert math.isclose((sums.reruns.joules if sums.reruns else None) or 0.0, earlier, abs_tol=1e-9)


def test_time_between_cells_is_a_sum_of_its_own_and_parts_of_cells_count_once() -> None:
    chronicle = RunState("r", source)
    outer = record(5.0, "a")
    chronicle.keep(record(3.0, span="window", parent=outer.id))
    chronicle.keep(outer)
    chronicle.keep(record(2.0, span="gap"))
    sums = chronicle.sums()
    assert (sums.cells.joules, sums.count) == (5.0, 1)
    assert sums.idle is not None
    assert sums.idle.joules == 2.0


def test_cells_without_an_id_or_with_an_impossible_one_are_rows_of_their_own() -> None:
    chronicle = RunState("r", source)
    for cell in (None, None, "", "x" * 257, "\ud800"):
        chronicle.keep(record(1.0, cell))
    rows = chronicle.keys()
    assert len(rows) == 5
    assert all(key.startswith("#") for key in rows)
    assert key_of(record(1.0, "x" * 256)) == "x" * 256


def test_changed_rows_are_taken_once_oldest_first() -> None:
    chronicle = RunState("r", source)
    for cell in "abcab":
        chronicle.keep(record(1.0, cell))
    assert chronicle.take_changed(2) == ["a", "b"]
    assert chronicle.changed
    assert chronicle.take_changed(9) == ["c"]
    assert not chronicle.changed
    assert chronicle.newest(2) == ["a", "b"], "what settled last comes last"
    assert chronicle.newest(9) == ["c", "a", "b"]


def test_only_what_began_today_is_in_the_sum_of_today() -> None:
    chronicle = RunState("r", source)
    for again in range(2):
        chronicle.keep(record(5.0, "a"))
        chronicle.keep(record(2.0, "b", started_at=time.time()))
        chronicle.keep(record(1.0, span="gap", started_at=time.time()))
        assert chronicle.sums().today.joules == 3.0 * (again + 1), "earlier executions were used today as well"
    live = [record(4.0, "c", final=False), record(0.5, "d", final=False, started_at=time.time())]
    assert chronicle.sums(live).today.joules == 6.5


def test_a_line_says_what_came_of_a_shrink() -> None:
    """The person reads it in the panel, and need not look for the cell's output."""
    found = ShrinkOutcome("kept", "Net", True, "ONNX Runtime int8, 8.1× less energy, proven, accuracy 86.3 % → 86.2 %")
    before = Row(record(1.0, notes=("other",)), "%shrink net --data test --train train")
    assert _line(before) == before.line
    kept = _line(Row(before.record.with_(shrinks=(found,)), before.line))
    assert kept.startswith("%shrink net → ONNX Runtime int8, 8.1× less energy, proven, accuracy")
    assert _line(
        Row(before.record.with_(shrinks=(found, ShrinkOutcome("nothing_gained", "Net"))), "%shrink net")
    ).endswith("%shrink net: nothing gained")
    assert _line(Row(before.record.with_(shrinks=(ShrinkOutcome("unknown", "Net"),)), "%shrink net")).endswith(
        "%shrink net: can't be told"
    )


def test_source_lines_are_of_the_execution_shown_and_clean() -> None:
    chronicle = RunState("r", lambda record: f"\x1b[2J{record.joules}\n" + "x" * 500)
    chronicle.keep(record(1.0, "a"))
    chronicle.keep(record(2.0, "a"))
    line = chronicle.rows(["a"])[0].line
    assert "2.0" in line
    assert len(line) == 120
    assert line.isprintable()
    assert chronicle.live([record(3.0, "a", final=False)])["a"].line.startswith("\ufffd[2J3.0")
