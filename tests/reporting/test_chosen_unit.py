"""The unit that the user chose holds for all text, as in the side panel."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from jupyter_green.records import Component, EnergyRecord
from jupyter_green.reporting import numbers
from jupyter_green.reporting.record.html import html
from jupyter_green.reporting.record.sentence import sentence


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    numbers.choose_unit("")


def shown(joules: float, uncertainty: float | None, choice: str) -> str:
    numbers.choose_unit(choice)
    return numbers.plain(str(numbers.energy(joules, uncertainty)))


@pytest.mark.parametrize(
    ("joules", "uncertainty", "choice", "written"),
    [
        (12.4, 0.6, "Wh", "3.44 mWh ± 0.17"),
        (12_400.0, 600.0, "Wh", "3.44 Wh ± 0.17"),
        (9e6, 3e5, "Wh", "2,500 Wh ± 80"),
        (9e6, 3e5, "kWh", "2.50 kWh ± 0.08"),
        (9e6, 3e5, "J", "9,000,000 J ± 300,000"),
        (999.96, 0.6, "J", "1,000.0 J ± 0.6"),
        (3_599_990.0, 400.0, "kWh", "1.00000 kWh ± 0.00011"),
        (0.0085, 0.0004, "Wh", "2.36 µWh ± 0.11"),
    ],
)
def test_energies_have_the_unit_chosen(joules: float, uncertainty: float, choice: str, written: str) -> None:
    assert shown(joules, uncertainty, choice) == written


def test_a_column_has_one_unit_of_that_family() -> None:
    numbers.choose_unit("Wh")
    assert numbers.unit_of_column([(12_400.0, 600.0), (300.0, 20.0)]).symbol == "Wh"
    assert numbers.unit_of_column([(12_400.0, 600.0), (0.3, 0.02)]).symbol == "mWh"
    numbers.choose_unit("")
    assert numbers.unit_of_column([(12_400.0, 600.0), (30.0, 2.0)]).symbol == "kJ"
    with pytest.raises(KeyError):
        numbers.choose_unit("BTU")


def test_a_record_is_in_it_throughout() -> None:
    part = Component("gpu", "GPU 0", "nvidia:0", 12_400.0, 600.0, 0.0, "counter", "measured", "whole board", "nvidia")
    record = EnergyRecord((part,), 20.0, 1.0, units=10.0, unit="tokens")
    numbers.choose_unit("Wh")
    for text in (sentence(record), html(record)):
        assert "3.44" in text
        assert not re.search(r"\d[\u202f ][kmµ]?J", text.replace("12\u202fkJ", "")), (
            "joules but for the one figure of them"
        )
    assert "12\u202fkJ" in html(record)
