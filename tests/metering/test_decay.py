"""How power falls back after work, from exact means of a known course."""

from __future__ import annotations

import math
import random
from itertools import pairwise

import pytest

from jupyter_green.metering.counter.decay import Mean, Power, fit_decay


def mean_of(start: float, end: float, level: float, step: float, tau: float) -> float:
    return level + step * tau * (math.exp(-start / tau) - math.exp(-end / tau)) / (end - start)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("tau", [0.25, 0.7, 2.0])
def test_a_fall_is_told_where_no_tick_tells_it(tau: float, backwards: bool) -> None:
    spans = [(0.1 * n, 0.1 * n + 0.1) for n in range(1, 6)]
    asked = (0.6, 0.68) if backwards else (0.02, 0.1)
    ordered = spans[::-1] if backwards else spans
    means = [Mean(mean_of(*span, 70.0, 40.0, tau), 0.1, (0.02, 0.02)) for span in ordered]
    found = fit_decay(tuple(means), 0.08, Power(70.0, 1.0), backwards=backwards)
    assert found is not None
    assert abs(found.watts - mean_of(*asked, 70.0, 40.0, tau)) <= 2 * found.uncertainty
    assert found.uncertainty < 2.5
    # The nearest tick alone says less where power falls fast.
    if tau < 1 and not backwards:
        assert abs(found.watts - mean_of(*asked, 70.0, 40.0, tau)) < abs(means[0].watts - mean_of(*asked, 70, 40, tau))


def test_more_ticks_tell_it_better() -> None:
    means = [Mean(mean_of(0.1 * n, 0.1 * n + 0.1, 70.0, 40.0, 0.5), 0.1, (0.1, 0.1)) for n in range(1, 6)]
    few, many = fit_decay(tuple(means[:2]), 0.08, Power(70.0, 1.0)), fit_decay(tuple(means), 0.08, Power(70.0, 1.0))
    assert few is not None
    assert many is not None
    assert many.uncertainty < few.uncertainty


def test_its_doubt_holds_for_ticks_whose_times_are_off() -> None:
    held = 0
    for seed in range(300):
        draw = random.Random(seed)
        tau, step, level = draw.uniform(0.3, 2.0), draw.uniform(5, 60), draw.uniform(40, 90)
        off = [draw.gauss(0.0, 0.002) for _ in range(7)]
        ends = [0.1 * n + off[n] for n in range(7)]
        means = [
            Mean(mean_of(a, b, level, step, tau) * (b - a) / 0.1, 0.1, (0.002 * (level + step), 0.002 * (level + step)))
            for a, b in pairwise(ends[1:])
        ]
        found = fit_decay(tuple(means), 0.1, Power(level + draw.gauss(0.0, 1.0), 1.0))
        assert found is not None
        held += abs(found.watts - mean_of(0.0, 0.1, level, step, tau)) <= 1.96 * found.uncertainty
    assert held >= 0.93 * 300


def test_what_is_no_fall_is_not_taken_for_one() -> None:
    means = [Mean(watts, 0.1, (0.02, 0.02)) for watts in (70.0, 300.0, 65.0, 280.0, 90.0)]
    assert fit_decay(tuple(means), 0.08, Power(70.0, 1.0)) is None
