from __future__ import annotations

import inspect
import math
import random
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_green.baselines.comparable_energy import ComparableEnergy
from jupyter_green.baselines.excess import Joules, excess
from jupyter_green.pricing.shadow_tax import carbon_rate, exact_tax, shadow_tax
from tests.support.sample_cells import cell

amounts = st.floats(0, 1e12)


def test_the_example_of_the_rule() -> None:
    assert shadow_tax(150, rate=0.30) == pytest.approx(1.25e-5)
    assert exact_tax(150, "0.30") == Decimal("0.0000125")


def test_the_rate_that_a_price_of_carbon_means() -> None:
    assert carbon_rate(190, 475) == Decimal("0.09025")


@given(amounts, st.floats(0, 100))
def test_it_is_a_line_through_nothing(joules: float, rate: float) -> None:
    assert shadow_tax(joules, rate=rate) == pytest.approx(joules / 3.6e6 * rate, rel=1e-12, abs=1e-300)
    assert shadow_tax(0, rate=rate) == 0


@given(amounts, amounts, st.floats(0, 1), st.floats(0, 10))
def test_nothing_below_the_baseline_and_continuous_at_it(joules: float, beta: float, tau: float, rate: float) -> None:
    held = excess(joules, units=1, baseline=beta, tolerance=tau)
    tax = shadow_tax(held, rate=rate)
    assert tax == 0 or joules > beta
    assert tax == pytest.approx(rate * max(0.0, joules - held.baseline) / 3.6e6, rel=1e-9)


def test_an_excess_that_is_not_told_apart_costs_nothing() -> None:
    assert shadow_tax(excess(Joules(210, 15), units=100, baseline=2), rate=1) == 0
    assert shadow_tax(excess(Joules(310, 15), units=100, baseline=2), rate=1) > 0


def test_the_price_is_the_same_whatever_ran_where() -> None:
    """A thousand relabelings of framework, board, model, size and purpose: not one changes the price."""
    chance = random.Random(7)
    changes = 0
    for _ in range(1000):
        joules, beta, units = chance.uniform(1, 1e6), chance.uniform(0, 100), chance.randint(1, 1000)
        prices = set()
        for _ in range(2):
            board = chance.choice(["GPU 0, NVIDIA H100 80GB", "GPU 0, NVIDIA A10", "GPU 1, NVIDIA GeForce RTX 4090"])
            framework = chance.choice(["torch", "tensorflow", "jax", "sklearn", "none"])
            record = cell(
                joules,
                code=f"import {framework}; model = {framework}.load('{chance.choice(['bert', 'llama-70b', 'cnn'])}')",
                label=chance.choice(["train", "infer", "chat", "art", None]),
                project=chance.choice(["weapons", "medicine", "films"]),
                notebook=chance.choice(["a.ipynb", "b.ipynb"]),
                key=board,
            ).with_(units=float(units), unit=chance.choice(["tokens", "images"]), batch_size=chance.choice([1, 64]))
            reading = ComparableEnergy.of(record)
            assert reading is not None
            held = excess(Joules(reading.joules, reading.uncertainty), units=units, baseline=beta)
            prices.add((held, shadow_tax(held, rate=0.3)))
        changes += len(prices) - 1
    assert changes == 0
    assert list(inspect.signature(shadow_tax).parameters) == ["excess", "rate"]


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -1.0])
def test_bad_amounts_are_one_sentence(wrong: float) -> None:
    with pytest.raises(ValueError, match=r"^rate is .* from 0 up\.$"):
        shadow_tax(1, rate=wrong)
    with pytest.raises(ValueError, match="from 0 up"):
        shadow_tax(wrong, rate=1)
    with pytest.raises(ValueError, match="rate is 'cheap'"):
        shadow_tax(1, rate="cheap")
