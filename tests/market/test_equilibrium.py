from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_green.market.equilibrium import clearing_price, equilibrium, unlimited

# k, a, without a cap, at b = 0.01, at b = sqrt(a): computed from the closed form and published with the proposal.
VECTORS = [
    (1, 1e-4, 100.0000, 9.9504, 0.900, 9.9504, 0.900),
    (1, 1e-3, 31.6228, 9.5346, 0.698, 5.5366, 0.825),
    (1, 1e-2, 10.0000, 7.0711, 0.293, 3.0151, 0.698),
    (1, 1e-1, 3.1623, 3.0151, 0.047, 1.5500, 0.510),
    (0.5, 1e-2, 13.5721, 8.5499, 0.370, 2.7440, 0.798),
    (0.1, 1e-2, 8.1113, 4.3194, 0.467, 0.9170, 0.887),
]
ks, costs, prices = st.floats(0.05, 4), st.floats(1e-4, 1), st.floats(0, 1)


@pytest.mark.parametrize(("k", "a", "free", "some", "less", "more", "least"), VECTORS)
def test_golden_table(*, k: float, a: float, free: float, some: float, less: float, more: float, least: float) -> None:
    assert unlimited(k=k, a=a) == pytest.approx(free, abs=5e-5)
    for b, x, saved in ((0.01, some, less), (math.sqrt(a), more, least)):
        found = equilibrium(k=k, a=a, b=b, F=20)
        assert found.x == pytest.approx(x, abs=5e-5)
        assert found.x + found.y == pytest.approx(20)
        assert 1 - found.x / unlimited(k=k, a=a) == pytest.approx(saved, abs=5e-4)


def test_firms_that_are_short_buy_and_others_sell() -> None:
    assert equilibrium(k=1, a=0.01, b=0.01, F=2).y < 0 < equilibrium(k=1, a=0.01, b=0.01, F=10).y


def gain(x: float, k: float, a: float, b: float, allowed: float) -> float:
    """What a firm maximises, written down anew: y = F − x is what is left to sell."""
    return -(x**-k) - a * x + b * (allowed - x)


def searched(k: float, a: float, b: float, allowed: float) -> float:
    """The best x by looking on ever finer grids, which knows no closed form."""
    low, high = 1e-6, 1e6
    for _ in range(60):
        grid = [low * (high / low) ** (n / 40) for n in range(41)]
        best = max(range(41), key=lambda n: gain(grid[n], k, a, b, allowed))
        low, high = grid[max(0, best - 1)], grid[min(40, best + 1)]
    return math.sqrt(low * high)


@given(ks, costs, prices, st.floats(0, 1e3))
def test_the_closed_form_is_the_best_on_a_grid(k: float, a: float, b: float, allowed: float) -> None:
    x, y = equilibrium(k=k, a=a, b=b, F=allowed)
    other = searched(k, a, b, allowed)
    assert x == pytest.approx(other, rel=1e-4)  # the top is flat: x itself is found no better than this
    assert gain(x, k, a, b, allowed) >= gain(other, k, a, b, allowed) - 1e-6
    assert x + y <= allowed + 1e-9 * max(1, x)


@given(ks, costs, st.floats(1e-6, 1), st.floats(0, 1e3), st.floats(0, 1e3))
def test_the_price_saves_and_the_cap_does_not(k: float, a: float, b: float, one: float, other: float) -> None:
    assert equilibrium(k=k, a=a, b=b, F=one).x == equilibrium(k=k, a=a, b=b, F=other).x
    assert equilibrium(k=k, a=a, b=b, F=one).x < unlimited(k=k, a=a)
    assert equilibrium(k=k, a=a, b=0, F=one).x == unlimited(k=k, a=a)


def test_the_price_of_equal_firms() -> None:
    assert clearing_price(5, k=1, a=0.01) == pytest.approx(0.03)
    assert clearing_price([5, 5, 5, 5], k=1, a=0.01) == pytest.approx(0.03)
    assert clearing_price([100, 100], k=1, a=0.01) == 0


@given(ks, costs, st.lists(st.floats(0.01, 1e3), min_size=1, max_size=9))
def test_at_the_clearing_price_the_allowances_are_used_up(k: float, a: float, firms: list[float]) -> None:
    b = clearing_price(firms, k=k, a=a)
    used = len(firms) * unlimited(k=k, a=a, b=b)
    assert used <= math.fsum(firms) * (1 + 1e-9)
    if b > 0:
        assert used == pytest.approx(math.fsum(firms), rel=1e-6)


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -1.0])
def test_bad_input_is_one_sentence(wrong: float) -> None:
    for name in ("k", "a", "b", "F"):
        with pytest.raises(ValueError, match=f"{name} is .* finite number"):
            equilibrium(**{"k": 1.0, "a": 1.0, "b": 1.0, "F": 1.0, name: wrong})
    with pytest.raises(ValueError, match="unbounded"):
        unlimited(k=1, a=0)
    with pytest.raises(ValueError, match="use to 0"):
        clearing_price([0, 0], k=1, a=1)
    with pytest.raises(ValueError, match="k is 0"):
        equilibrium(k=0, a=1, b=1, F=1)
