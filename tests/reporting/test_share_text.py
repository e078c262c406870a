"""Lines for others: a chat's keep ± and standing; a model card's, which machines read, are refused where they'd lie."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml
from hypothesis import given, settings

from jupyter_green.impact import Valuation
from jupyter_green.records import EnergyRecord
from jupyter_green.reporting import ShareText, Totals, for_model_card, for_slack, sentence
from jupyter_green.reporting.numbers import plain
from jupyter_green.reporting.record.text_line import line
from jupyter_green.reporting.share_text import baseline_name, beside, compared
from tests.reporting.arbitrary import records
from tests.support.html_readers import Reader
from tests.support.record_states import CPU, GPU, HOSTILE, record, simulated, states

FRANCE = Valuation("FRA")


def valued(*parts: object, **facts: object) -> EnergyRecord:
    return FRANCE.value(record(*parts, **facts))


# ---- a chat -----------------------------------------------------------------------------------------------


def test_a_record_is_its_sentence_behind_its_label() -> None:
    for drawn in states().values():
        plain = drawn.with_(label=None)
        assert for_slack(plain) == line(plain)
    assert for_slack(record(GPU, CPU, label="my_run")) == f"`my_run`: {sentence(record(GPU, CPU))}"


def test_a_total_in_two_lines() -> None:
    total = Totals([record(GPU, CPU), record(GPU, CPU)], FRANCE)
    said = for_slack(total, name="senti_ment.ipynb", against="−29 % against “before”")
    assert said == (
        "`senti_ment.ipynb`: 24.8 J ± 0.9, 90 % measured · −29 % against “before”\n"
        "GPU measured 22.4 J · CPU estimated 2.4 J · GPU 0, RTX A500, CPU · 2 cells, 3.7 s · 0.39 mg CO₂e"
    )


def test_a_total_names_each_board_once() -> None:
    two = [replace(GPU, key=f"nvidia:{n}", device=f"GPU {n}, A10") for n in (0, 1)]
    said = for_slack(Totals([record(*two), record(*two)]))
    assert "2 GPUs measured 44.8 J · GPU 0, A10, GPU 1, A10 · 2 cells" in said
    assert "CO₂e" not in said


@pytest.mark.parametrize("given", [Totals([]), Totals([record()])])
def test_a_total_without_a_reading_says_so(given: Totals) -> None:
    assert for_slack(given, name="a.ipynb").startswith("`a.ipynb`: no reading yet · ")


def test_a_simulation_says_what_it_is() -> None:
    said = for_slack(Totals([record(simulated(GPU))]))
    assert said.count("simulated") == 2
    assert "measured" not in said


@given(records())
@settings(max_examples=60, deadline=None)
def test_any_record_is_one_line(drawn: EnergyRecord) -> None:
    said = for_slack(drawn)
    assert len(said.splitlines()) == 1
    assert len(for_slack(Totals([drawn])).splitlines()) <= 2
    said.encode()


def test_hostile_names_can_not_end_the_code() -> None:
    said = for_slack(record(GPU, label=HOSTILE))
    assert said.count("`") == 2
    assert "\u202e" not in said


def test_by_how_many_joules_a_total_stands_apart() -> None:
    assert plain(beside("less", -0.294, 2, "x", (0.0, 7.6, 0.8))).endswith("both runs finished, 7.6 J ± 0.8 saved")
    assert plain(beside("more", 0.2, 2, "x", (3.21, 0.0, 0.8))).endswith("both runs finished, 3.2 J ± 0.8 excess")
    assert beside("more", 0.02, 2, "x", (0.0, 0.0, 0.8)).endswith("both runs finished, within the allowance")
    assert beside("unproven", 0.02, 2, "x", (0.1, 0.0, 0.8)) == "no proven difference from x"
    assert beside("none", None, 0, "x", (0.0, 0.0, None)) == "x: nothing can be compared yet"


def test_how_a_total_stands() -> None:
    assert compared("less", -0.294, 14, "last run") == "−29\u202f% against last run on the 14 cells both runs finished"
    assert compared("more", 12.0, 1, "x") == "+1,200\u202f% against x on the 1 cell both runs finished"
    assert compared("unproven", 0.1, 3, "“before”") == "no proven difference from “before”"
    assert compared("none", None, 0, "x") == compared("more", 1.0, 0, "x") == ""
    assert [baseline_name("median", None, n) for n in (1, 5)] == ["last run", "median of 5 runs"]
    assert baseline_name("named", "before", 1) == "“before”"
    assert baseline_name("file", None, 1) == "baseline"


# ---- a model card -----------------------------------------------------------------------------------------


def test_the_yaml_is_what_hubs_read() -> None:
    drawn = valued(GPU, CPU)
    told = yaml.safe_load(for_model_card(drawn, location="France", training_type="fine-tuning"))
    block = told["co2_eq_emissions"]
    assert block["emissions"] == pytest.approx(drawn.co2e_grams, rel=5e-3)
    assert isinstance(block["emissions"], float)
    assert block["source"].startswith("jupyter_green, 12.4 J ± 0.6 90 % measured, 56.039 g CO2e/kWh, France")
    assert block["geographical_location"] == "France"
    assert block["training_type"] == "fine-tuning"
    assert block["hardware_used"] == "GPU 0, RTX A500, CPU"


def test_a_hub_reads_it_and_writes_it_again() -> None:
    hub = pytest.importorskip("huggingface_hub")
    card = f"---\n{for_model_card(valued(GPU, CPU), location='France')}\n---\n# A model\n"
    once = hub.ModelCard(card)
    again = hub.ModelCard(str(once))
    assert once.data.to_dict() == again.data.to_dict()
    assert again.data.co2_eq_emissions["emissions"] > 0
    assert set(again.data.co2_eq_emissions) == {"emissions", "source", "geographical_location", "hardware_used"}


@pytest.mark.parametrize("grams", [3.1e-13, 5e-7, 0.19, 12.0, 123456.0, 1.23e19])
def test_grams_are_a_number_to_every_reader(grams: float) -> None:
    told = yaml.safe_load(for_model_card(record(GPU, co2e_grams=grams)))["co2_eq_emissions"]["emissions"]
    assert not isinstance(told, str)
    assert told == pytest.approx(grams, rel=5e-3)


def test_what_is_not_known_is_left_out() -> None:
    told = yaml.safe_load(for_model_card(record(GPU, co2e_grams=1.0)))["co2_eq_emissions"]
    assert set(told) == {"emissions", "source", "hardware_used"}


@pytest.mark.parametrize(
    ("drawn", "why"),
    [
        (record(GPU), "no region is set: %config JupyterGreen.region = 'FRA'"),
        (valued(), "There is no reading"),
        (valued(simulated(GPU), CPU), "A model card can't contain simulated figures."),
        (valued(GPU, final=False), "is provisional"),
        (valued(GPU, status="killed"), "only a lower bound"),
        (valued(replace(GPU, joules=0.3, uncertainty=0.5)), "Only an upper bound"),
        (record(GPU, co2e_grams=float("nan")), "no region is set"),
        (record(GPU, co2e_grams=0.0), "Only an upper bound"),
    ],
)
def test_where_a_machine_would_be_misled_there_is_a_sentence(drawn: EnergyRecord, why: str) -> None:
    with pytest.raises(ValueError, match=why.split("%", maxsplit=1)[0]) as refused:
        for_model_card(drawn)
    assert why in str(refused.value)
    assert str(refused.value).endswith(".")
    if "region" not in why and drawn.co2e_grams != 0.0:
        with pytest.raises(ValueError, match=why.split("%", maxsplit=1)[0]):
            for_model_card(Totals([drawn], FRANCE))


def test_a_total_has_what_its_region_makes_of_it() -> None:
    total = Totals([record(GPU, CPU), record(GPU, CPU)], FRANCE)
    told = yaml.safe_load(for_model_card(total))["co2_eq_emissions"]
    assert told["emissions"] == pytest.approx(FRANCE.grams(24.8), rel=5e-3)


def test_hostile_names_stay_text_in_yaml() -> None:
    hostile = replace(GPU, device=f'x": 1\nemissions: 0 {HOSTILE}')
    told = for_model_card(record(hostile, co2e_grams=1.0, co2e_source=HOSTILE), location=HOSTILE)
    block = yaml.safe_load(told)
    assert list(block) == ["co2_eq_emissions"]
    assert block["co2_eq_emissions"]["emissions"] == 1
    assert set(block["co2_eq_emissions"]) == {"emissions", "source", "geographical_location", "hardware_used"}


def test_an_excerpt_shows_its_lines_to_be_marked_by_a_click() -> None:
    shown = ShareText(f"one\n{HOSTILE}")
    assert repr(shown) == shown.text() == shown.lines
    assert "user-select:all" in shown.html()
    assert shown.lines in "".join(Reader(shown.html()).words)
