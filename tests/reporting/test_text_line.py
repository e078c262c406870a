"""Text alone says what HTML holds one click below the sentence, where a figure must not be read without it."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from jupyter_green.records import Component, EnergyRecord
from jupyter_green.reporting import bundle, for_slack, sentence
from jupyter_green.reporting.record.text_line import line
from tests.metering.test_crosscheck import checked
from tests.reporting.arbitrary import records
from tests.reporting.test_run_report import statement
from tests.support.record_states import CPU, GPU, record


def with_uncertainty(joules: float = 6900.0, **changes: object) -> Component:
    """A board whose shown power comes to more than its counter, as the check of the two tells it."""
    found = checked(1.26)[0].judge(10.0, 22.0)
    assert found is not None
    gain = found.ratio * joules
    part = replace(GPU, joules=joules, uncertainty=gain, gain_uncertainty=gain, idle_joules=None)
    return replace(part, **{"note": found.sentence, "power_mismatch": found, **changes})


NOTE = "The GPU's reported power is 26% above its counter; the interval includes both"


def test_a_counter_that_its_board_contradicts_is_said_in_the_line() -> None:
    drawn = record(with_uncertainty(), seconds=60.0)
    assert line(drawn) == f"{sentence(drawn)} · GPU 0, RTX A500: {NOTE}"
    assert bundle(drawn)["text/plain"] == for_slack(drawn) == line(drawn)


def test_of_many_boards_some_are_named() -> None:
    drawn = record(*(with_uncertainty(key=f"nvidia:{n}", device=f"GPU {n}") for n in range(5)))
    assert line(drawn).endswith(f"GPU 0: {NOTE} · GPU 1: {NOTE} · 3 more likewise")


def test_how_a_sensor_works_is_not_said_under_every_cell() -> None:
    drawn = record(replace(GPU, note="Which processes used this device is unknown here."), CPU)
    assert line(drawn) == sentence(drawn)


def test_the_report_says_the_widened_share_and_why() -> None:
    (said,) = [told for told in statement(record(with_uncertainty())).text().split("\n") if "GPU 0, RTX A500:" in told]
    assert said.strip().startswith("6.9 kJ ± 1.8 · GPU 0, RTX A500: measured by its counter, whole board, ±30 %")
    assert "±5 %" not in said
    assert said.endswith(f". {NOTE}.")


def test_the_report_counts_the_cells_where_they_differ() -> None:
    drawn = [record(with_uncertainty(), cell_id=name) for name in "ab"]
    text = statement(*drawn, record(GPU, cell_id="c")).text()
    assert "In 2 cells the GPU's reported power and its counter differ; the interval includes both." in text


def test_what_was_not_counted_is_said() -> None:
    note = "Not counted: no model of transformers generated in this cell"
    drawn = record(GPU, notes=(f"{note}.", "Another cell ran at the same time."))
    assert line(drawn) == f"{sentence(drawn)} · {note} · Another cell ran at the same time"
    assert line(drawn.with_(final=False)) == sentence(drawn.with_(final=False))


def test_a_reason_is_not_said_twice() -> None:
    drawn = record(notes=("This process can't be metered.",))
    assert line(drawn) == sentence(drawn)
    assert "This process can't be metered" in line(drawn)


@given(records())
def test_any_record_has_one_line(drawn: EnergyRecord) -> None:
    assert line(drawn).startswith(sentence(drawn))
    assert "\n" not in line(drawn)
    line(drawn).encode()
