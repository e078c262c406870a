"""A run beside a baseline file: the panel's test proves what whole runs can't, and no more than that."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_green.baselines.baseline import Baseline
from jupyter_green.cli.baseline_check import BaselineCheck
from jupyter_green.cli.limits import compare
from jupyter_green.cli.run import _earlier
from jupyter_green.records import EnergyRecord
from tests.support.sample_cells import cell

GAIN = {"random": 0.5, "gain": 10.0}
"""A sensor that may be wrong by a tenth, but the same way each time."""


def identified(*records: EnergyRecord) -> list[tuple[str, EnergyRecord]]:
    return [(record.cell_id or "", record) for record in records]


def earlier(*joules: float) -> list[Baseline]:
    runs = (Baseline.of_run([cell(value, run_id=str(value), **GAIN)], "last") for value in joules)
    return [run for run in runs if run is not None]


def test_runs_that_lie_close_prove_a_smaller_excess() -> None:
    run, base = identified(cell(108.0, **GAIN)), identified(cell(100.0, **GAIN))
    assert compare(run, base).excess(0.02).holds, "the sensors' errors in full hide it"
    paired = BaselineCheck(run, base, earlier(100.0, 100.2, 99.9, 100.1, 100.0), 0.02)
    assert paired.sentence().startswith("Cell by cell: ")
    verdict = paired.excess()
    assert verdict is not None
    assert not verdict.holds
    assert verdict.sentence.startswith("Excess: 6.0 J ±")


def test_runs_that_lie_apart_prove_nothing() -> None:
    run, base = identified(cell(108.0, **GAIN)), identified(cell(100.0, **GAIN))
    for known in (earlier(80.0, 100.0, 120.0), [], earlier(100.0)):
        verdict = BaselineCheck(run, base, known, 0.02).excess()
        assert verdict is not None
        assert verdict.holds


def test_earlier_runs_that_can_not_be_read_are_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JUPYTER_GREEN_LEDGER", "postgresql://nobody@127.0.0.1:1/nothing")
    assert _earlier(tmp_path / "a.ipynb", "this run") == []
    assert capsys.readouterr().out.startswith(
        "Compared without earlier runs, so fewer differences of single cells are proven: "
    )


def test_nothing_in_common_is_no_pair() -> None:
    paired = BaselineCheck(identified(cell(10.0, "a", "x")), identified(cell(10.0, "b", "y")))
    assert (paired.sentence(), paired.excess()) == ("", None)
