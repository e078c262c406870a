"""What a view inside the notebook says of a snapshot: the records' words and digits, and nobody's markup."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from jupyter_green.baselines import serializers
from jupyter_green.baselines.comparison import BaselineDifference
from jupyter_green.live.text_view import OFF, WAITING, TextView
from jupyter_green.records import EnergyRecord
from jupyter_green.reporting.formatted_energy import FormattedEnergy
from jupyter_green.reporting.numbers import plain
from jupyter_green.reporting.record.sentence import sentence
from tests.support.html_readers import Reader
from tests.support.record_states import CPU, GPU, HOSTILE, record, states

RECORD = record(GPU, CPU)


def cell(drawn: EnergyRecord = RECORD, **facts: Any) -> dict[str, Any]:
    return {**serializers.cell(drawn, line="probs = head(x)"), **facts}


def snapshot(*cells: dict[str, Any], total: EnergyRecord = RECORD, count: int | None = None, **facts: Any) -> Any:
    return {
        "phase": "idle",
        "watts": None,
        "watts_quality": None,
        "problem": None,
        "running": None,
        "cells": list(cells),
        "totals": serializers.totals(total, len(cells) if count is None else count, None, None),
        "today": None,
        "baseline": None,
        "budgets": [],
        "notice": None,
        **facts,
    }


def text(shown: Any, rows: int = 10) -> str:
    glance = TextView(shown, rows)
    words = plain("".join(Reader(glance.html()).words))
    said = glance.text()
    for piece in re.split(r" · |\n|: |\s{2,}|─+", said):
        assert piece.strip() in words, f"only the text says {piece!r}"
    return said


def test_before_the_first_cell_it_says_what_to_do() -> None:
    nothing = record()
    assert text(snapshot(total=nothing)) == WAITING
    assert text(snapshot(total=nothing, phase="off")) == OFF


@pytest.mark.parametrize("name", [name for name, drawn in states().items() if drawn.final and drawn.status == "ok"])
def test_a_figure_is_written_as_the_record_writes_it(name: str) -> None:
    drawn = states()[name]
    if drawn.joules is None:
        assert str(FormattedEnergy.of(drawn)) == "–"
        return
    written = plain(str(FormattedEnergy.of(drawn)))
    assert sentence(drawn).startswith(written)
    assert written in text(snapshot(cell(drawn), total=drawn))


def test_the_total_of_one_cell_is_the_cell() -> None:
    lines = text(snapshot(cell())).split("\n")
    assert lines[0] == "12.4 J ± 0.6 · 90 % measured · 1 cell, 1.83 s"
    assert lines[-1].split() == ["[1]", "probs", "=", "head(x)", "12.4", "0.6", "90", "%", "measured", "1.83", "s"]


def test_a_cell_that_runs_moves_and_says_so() -> None:
    moving = cell(RECORD.with_(final=False), status="running", last_run=serializers.figure(RECORD))
    said = text(snapshot(total=RECORD, count=1, running=moving, phase="busy", watts=61.6, watts_quality="estimated"))
    assert "Power now: ~62 W · estimated" in said
    assert "This cell: 12.4 J so far · 90 % measured · 1.83 s · last run 12.4 J ± 0.6" in said
    assert re.search(r"12.4 +so far .* running$", said, flags=re.M)


@pytest.mark.parametrize(
    ("drawn", "said"),
    [
        (states()["error"], "error"),
        (states()["interrupted"], "interrupted"),
        (states()["killed"], "killed"),
        (states()["shared"], "shared, 54 J its own"),
        (RECORD.with_(final=False), "so far"),
        (states()["shared, no split"], "shared"),
        (states()["absent"], "1 of 2 devices not counted"),
        (RECORD, "measured 1.83 s"),
    ],
)
def test_how_a_cell_ended(drawn: EnergyRecord, said: str) -> None:
    assert re.sub(r" +", " ", text(snapshot(cell(drawn)))).endswith(said)


def test_a_killed_cell_is_a_lower_bound() -> None:
    assert "≥ 52 " in text(snapshot(cell(states()["killed"])))


def test_a_simulation_is_called_one_everywhere() -> None:
    drawn = states()["simulated"]
    shown = snapshot(cell(drawn), total=drawn, watts=70.0, watts_quality="simulated", today=serializers.figure(drawn))
    said = text(shown)
    assert said.count("simulated") == 4
    assert "measured" not in said


def test_beside_a_baseline() -> None:
    less = BaselineDifference("less", None, False, 20.0, 0.5, -7.6, 0.8, 0.0, 7.6).to_dict()
    more = BaselineDifference("more", None, False, 12.0, 0.5, 3.2, 0.8, 3.2, 0.0).to_dict()
    unproven = BaselineDifference("unproven", None, True, 12.0, 0.9, 0.4, 1.1).to_dict()
    none = BaselineDifference("none", "error").to_dict()
    head = {
        "kind": "named",
        "name": "before",
        "runs": 1,
        "figure": serializers.figure(RECORD),
        "cells": 2,
        "made_at": None,
    }
    cells = [cell(against=less), cell(against=unproven), cell(states()["error"], against=none)]
    shown = snapshot(*cells, baseline=head)
    shown["totals"].update(against=less, compared=2)
    said = text(shown)
    assert "Against the baseline: −38 % against “before” on the 2 cells both runs finished, 7.6 J ± 0.8 saved" in said
    assert "≈ not proven, code changed" in said
    assert said.endswith("error")
    head.update(kind="median", name=None, runs=5)
    assert "median of 5 runs" in text(shown)
    head.update(kind="last")
    shown["totals"].update(against=more, compared=1)
    assert "+27 % against last run on the 1 cell both runs finished, 3.2 J ± 0.8 excess" in text(shown)
    shown["totals"].update(against=none, compared=0)
    assert "Against the baseline: last run: nothing can be compared yet" in text(shown)


def test_what_is_not_in_the_total_is_apart() -> None:
    shown = snapshot(cell(), today=serializers.figure(RECORD))
    shown["totals"].update(idle=serializers.figure(RECORD), reruns=serializers.figure(RECORD))
    said = text(shown)
    for term in ("Idle between cells", "Earlier runs of cells"):
        assert f"{term}: 12.4 J ± 0.6 · 90 % measured · in the total" in said
    assert "All notebooks today: 12.4 J ± 0.6 · 90 % measured\n" in said


def test_only_the_newest_cells_are_listed_and_the_others_counted() -> None:
    cells = [cell(RECORD.with_(execution_count=n)) for n in range(1, 9)]
    said = text(snapshot(*cells, count=1234), rows=3)
    assert [f"[{n}]" in said for n in (5, 6, 7, 8)] == [False, True, True, True]
    assert "1,231 earlier cells not shown; %energy history lists all." in said


def test_without_a_sensor_it_says_how_to_open_one() -> None:
    estimated = states()["estimated"]
    problem = {"sentence": "package 0: Only root may read it.", "command": "sudo a\nsudo b"}
    said = text(snapshot(cell(estimated), total=estimated, problem=problem, notice="The ledger is locked."))
    assert "No energy sensor can be read. Every figure is estimated, this total to about ±40 %. package 0: Only" in said
    assert said.endswith("    sudo a\n    sudo b")
    assert "The ledger is locked." in said


def test_co2e_and_cost_where_they_are_known() -> None:
    drawn = states()["valued"]
    assert text(snapshot(cell(drawn), total=drawn)).split("\n")[0].endswith("0.19 mg CO₂e · €0.86 per million runs")
    below = states()["below"].with_(co2e_grams=1.0)
    assert "CO₂e" not in text(snapshot(cell(below), total=below))


def test_a_cell_run_again_says_how_often() -> None:
    assert "probs = head(x) ×3" in text(snapshot(cell(reruns=2)))
    assert "source not known" in text(snapshot(cell(line="")))


def test_hostile_words_stay_text() -> None:
    head = {
        "kind": "named",
        "name": HOSTILE,
        "runs": 1,
        "figure": serializers.figure(RECORD),
        "cells": 2,
        "made_at": None,
    }
    against = BaselineDifference("none", HOSTILE).to_dict()
    shown = snapshot(
        cell(replace(RECORD, currency=HOSTILE), line=HOSTILE, against=against, status=HOSTILE),
        notice=HOSTILE,
        problem={"sentence": HOSTILE, "command": HOSTILE},
        baseline=head,
        total=RECORD.with_(cost=1.0, currency=HOSTILE),
    )
    shown["totals"].update(against=against, compared=1)
    drawn = TextView(shown, 10).html()
    Reader(drawn)  # knows no <script>, no <img>, no onerror
    assert "<script" not in drawn
    assert "\x1b" not in drawn + TextView(shown, 10).text()
    assert "\u202e" not in drawn + TextView(shown, 10).text()


def test_a_budget_is_told_in_the_kernels_own_sentence_and_a_name_is_no_markup() -> None:
    held = {"name": "50 Wh <b>of inference</b> per day", "used": "51 Wh ± 2 measured of 50 Wh, 102 %", "state": "held"}
    said = text(snapshot(cell(), budgets=[{**held, "note": "Not included: 1 record without a figure."}]))
    assert (
        "Budget of 50 Wh <b>of inference</b> per day: 51 Wh ± 2 measured of 50 Wh, 102 % · blocked · Not included"
        in said
    )
    lifted = text(snapshot(cell(), budgets=[{**held, "note": None, "state": "lifted"}]))
    assert "102 % · overridden" in lifted
