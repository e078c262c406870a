"""The verdict on candidates, from laps and losses with known truth."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import pytest

from jupyter_green.comparison.advice import advise, closed
from jupyter_green.comparison.compare_report import html, text
from jupyter_green.comparison.decision import CandidateStanding, decide
from jupyter_green.comparison.messages import DecisionReason
from jupyter_green.comparison.result import Comparison, Row
from jupyter_green.comparison.utility import ScoredPredictions
from jupyter_green.compression.cost.cost_meter import CostSample
from jupyter_green.compression.cost.ratio import Ratio
from jupyter_green.compression.cost.trial import Trial
from jupyter_green.compression.errors import ShrinkError
from jupyter_green.compression.quality.loss import counted, drawn, resampled
from jupyter_green.compression.reasons import Reason

NONE = DecisionReason("none proven")


def laps(cost: float, wobble: float = 0.002, shared: bool = False) -> list[tuple[CostSample, int]]:
    found = []
    for turn in range(12):
        amount = cost * (1 + wobble * (turn % 3 - 1))
        found.append((CostSample(amount, amount, amount, 0.01 * amount, "measured", shared), 1))
    return found


def trial(costs: dict[str, float], **options: float) -> Trial:
    return Trial("best", {name: laps(cost, **options) for name, cost in costs.items()}, "joules")


def row(
    name: str, utility: float, lost: int = 0, won: int = 0, *, examples: int = 2000, ratio: float | None = None
) -> Row:
    loss = None if name == "best" else counted(lost, won, examples)
    told = None if ratio is None else Ratio(ratio, ratio * 0.98, ratio * 1.02, 12)
    joules = None if ratio is None else 10 * ratio
    return Row(
        name, "function", "good enough", utility=utility, loss=loss, ratio=told, joules_per_unit=joules,
        uncertainty=0.1, quality="measured", accuracy_share=utility, seconds=0.1, cpu_seconds=0.1,
    )  # fmt: skip


def shown(rows: list[Row], pick: str, reason: DecisionReason, **options: object) -> Comparison:
    facts: dict[str, object] = {"best": "best", "basis": "joules", "metric": "accuracy", "unit": "points"}
    facts |= {"accepted": 0.02, "max_relative_loss": None, "examples": 2000, "batch": 32, "key": "2,000 examples"}
    return Comparison(rows, pick, reason, **(facts | options))  # type: ignore[arg-type]  # facts of a report


BEST = row("best", 0.95, ratio=1.0)


def test_the_least_that_is_proven_is_picked() -> None:
    rows = [BEST, row("middle", 0.945, 10, 5, ratio=0.5), row("small", 0.943, 20, 12, ratio=0.1)]
    found, pick, reason = decide(
        rows, CandidateStanding("best", 0.02, trial({"best": 10, "middle": 5, "small": 1}), {})
    )
    assert pick == "small"
    assert [one.standing for one in found] == ["best", "good enough", "pick"]
    assert reason == DecisionReason("picked", examples=2000)
    report = shown(found, pick, reason)
    assert report.saving == pytest.approx(0.9)
    assert report.saving_in_use({"best": 0.5, "small": 0.5}) == pytest.approx(0.45 / 0.55)
    assert "Take small: 10× (9.8–10) less energy than best, 0.4 points lost." in text(report)
    assert "<svg" in html(report)


def test_the_best_is_kept_where_it_is_the_cheapest() -> None:
    rows = [BEST, row("dear", 0.95, 5, 5, ratio=4.0), row("bad", 0.6, 700, 0, ratio=0.1)]
    found, pick, reason = decide(rows, CandidateStanding("best", 0.02, trial({"best": 10, "dear": 40, "bad": 1}), {}))
    assert pick == "best"
    assert [one.standing for one in found] == ["best", "uses no less", "loses too much"]
    assert found[1].why == DecisionReason("more", cost=Reason("rounds", rounds=12), energy=True)
    report = shown(found, pick, reason)
    assert report.keep
    assert report.saving == 0
    assert "Keep best." in text(report)


def test_too_few_examples_say_how_many_it_needs() -> None:
    rows = [BEST, row("small", 0.95, 1, 1, examples=40, ratio=0.1)]
    found, pick, reason = decide(rows, CandidateStanding("best", 0.02, trial({"best": 10, "small": 1}), {}))
    assert pick == "best"
    assert found[1].standing == "can't tell"
    assert (reason.code, reason.name, reason.examples) == ("needs examples", "small", 40)
    assert reason.needed is not None
    assert reason.needed > 40


@pytest.mark.parametrize(("lost", "examples"), [(1, 2), (2, 40), (50, 2000)])
def test_a_loss_on_few_examples_is_no_proof_that_it_is_too_much(lost: int, examples: int) -> None:
    rows = [BEST, row("small", 0.95, lost, 0, examples=examples, ratio=0.1)]
    found, pick, reason = decide(rows, CandidateStanding("best", 0.02, trial({"best": 10, "small": 1}), {}))
    assert (pick, found[1].standing) == ("best", "can't tell")
    assert (reason.code, reason.name) == ("undecided", "small")
    assert reason.cause is not None
    assert (reason.cause.code, reason.cause.examples) == ("loss unlikely", examples)
    enough = reason.cause.needed
    assert enough is not None
    # It is about that number: twice as many with the same share lost prove it.
    assert enough > examples
    assert counted(round(lost * 2 * enough / examples), 0, 2 * enough).beyond(0.02)


def test_few_examples_prove_nothing_by_resampling() -> None:
    """Of five examples that are all alike every draw is the same, and the interval has no width."""
    for few, enough in ((9, False), (10, True)):
        good = resampled(
            lambda sums: sums[..., 0], np.ones((few, 1)), np.ones((few, 1)), "relative", higher_is_better=True
        )
        bad = resampled(
            lambda sums: sums[..., 0], np.ones((few, 1)), np.zeros((few, 1)), "relative", higher_is_better=True
        )
        assert good.within(0.01) is enough
        assert bad.beyond(0.01) is enough
    assert good.needed(0.01) == 10


def test_draws_without_a_value_are_left_out_and_too_many_of_them_prove_nothing() -> None:
    values = np.linspace(0.1, 0.3, 40)

    def loss(chosen: np.ndarray, lacks: int) -> float:
        """Have no value where none of the first so many is drawn."""
        if lacks and not (chosen < lacks).any():
            raise ShrinkError("no value")
        return float(values[chosen].mean())

    for lacks in (0, 2):
        found = drawn(partial(loss, lacks=lacks), 40, "points", 300, 0.95)
        assert 0.15 < found.low < found.value < found.high < 0.25
        assert found.within(0.25)
    # Two of a kind are in a quarter of the draws: most have no value, and about twice as many examples are asked for.
    rare = drawn(
        lambda chosen: loss(chosen, 0) if sum(chosen == 0) > 1 or len({*chosen}) == 40 else math.nan,
        40,
        "points",
        300,
        0.95,
    )
    assert not rare.within(1.0)
    assert not rare.beyond(0.0)
    assert 60 < rare.least < 160
    assert rare.needed(1.0) == pytest.approx(rare.least, rel=0.1)
    # Where no draw has one, it is a great many; nobody knows how many.
    assert drawn(lambda chosen: 0.2 if len({*chosen}) == 40 else math.nan, 40, "points", 300, 0.95).least > 40 * 100


@pytest.mark.parametrize("fails", [True, False])
def test_an_own_metric_without_a_value_on_some_draws(fails: bool) -> None:
    """Of few positives a draw may have none, and the area under a curve is then no number."""

    def rare(answers: Any, labels: Any) -> float:
        if not any(labels):
            if fails:
                raise ValueError("only one class")
            return float("nan")
        return sum(a == b for a, b in zip(answers, labels, strict=True)) / len(labels)

    labels = [1] + [0] * 29
    best, other = (
        np.array([*zip(answers, labels, strict=True)], dtype=object) for answers in (labels, [1, 1, *[0] * 28])
    )
    loss = ScoredPredictions(rare).loss(best, other)
    assert 0 <= loss.low <= loss.value <= loss.high < 0.2
    assert loss.needed(0.01) is None
    assert loss.needed_to_refuse(0.01) is not None


def test_what_costs_more_is_no_hope() -> None:
    rows = [BEST, row("dear", 0.95, 1, 1, examples=40)]
    found, pick, reason = decide(rows, CandidateStanding("best", 0.02, trial({"best": 10, "dear": 40}), {}))
    assert (pick, found[1].standing) == ("best", "can't tell")
    assert reason == DecisionReason("none proven")


def test_noise_is_no_verdict() -> None:
    noisy = Trial("best", {"best": laps(10, 0.9), "small": list(reversed(laps(9, 0.9)))}, "joules")
    _, pick, reason = decide([BEST, row("small", 0.95, 2, 2)], CandidateStanding("best", 0.02, noisy, {}))
    assert pick == "best"
    assert reason.code in ("accepted loss only", "none proven")


def test_a_shared_device_proves_nothing() -> None:
    held = Trial("best", {"best": laps(10, shared=True), "small": laps(1, shared=True)}, "joules")
    found, pick, _ = decide([BEST, row("small", 0.95, 2, 2)], CandidateStanding("best", 0.02, held, {}))
    assert pick == "best"
    assert found[1].standing == "uses no less"


def test_what_runs_elsewhere_is_unmetered_and_never_picked_for_its_energy() -> None:
    rows = [BEST, row("api", 0.95, 2, 2)]
    found, pick, _ = decide(rows, CandidateStanding("best", 0.02, trial({"best": 10}), {"api": "runs elsewhere"}))
    assert (pick, found[1].standing) == ("best", "unmetered")
    report = shown([BEST, Row("api", "function", "unmetered", remote=True, utility=0.95)], "best", NONE)
    assert "unmetered" in text(report)
    assert "their energy is not known, not 0" in text(report)


def test_where_the_best_is_unmetered_no_saving_is_told() -> None:
    rows = [row("best", 0.95), row("small", 0.949, 4, 3)]
    held = Trial("small", {"small": laps(1)}, "joules")
    found, pick, reason = decide(rows, CandidateStanding("best", 0.02, held, {"best": "runs elsewhere"}))
    assert pick == "small"
    assert reason == DecisionReason("picked", name="best", examples=2000)
    report = shown(found, pick, reason)
    assert report.saving is None
    assert "can't be told" in text(report)


def test_a_generator_among_few_labels_gets_the_hint() -> None:
    labels = ["good", "bad"] * 100
    writer = Row(
        "writer", "pipeline", "best", utility=0.95, generates=True, ratio=Ratio(1, 1, 1, 0), loss=counted(1, 1, 9)
    )
    small = row("small", 0.94, ratio=0.01)
    said = advise([writer, small], labels, "joules")
    assert len(said) == 1
    assert "writes text to choose among 2 labels" in said[0]
    assert "100× (" in said[0]
    assert "less energy" in said[0]
    assert "less" not in advise([writer], labels, "joules")[0]
    assert advise([small], labels, "joules") == ()
    assert advise([writer], [f"answer {place}" for place in range(200)], "joules") == ()
    assert closed([0.5, 1.5] * 9) is None


def test_groups_stand_side_by_side() -> None:
    one = Row("a", "f", "best", utility=0.9, groups={"en": 0.95, "pt": 0.8}, ratio=Ratio(1, 1, 1, 0))
    assert one.group_gap == pytest.approx(0.15)
    report = shown([one], "a", NONE, best="a", group="language")
    assert "language: pt" in text(report)
    assert "gap" in text(report)
    assert report.to_dict()["rows"][0]["groups"] == {"en": 0.95, "pt": 0.8}
    with pytest.raises(KeyError, match="not a candidate"):
        report.row("b")


@pytest.mark.parametrize(
    ("costs", "weights", "pick", "saving"),
    [
        ({"a": 10.0, "b": 2.0}, {"a": 0.5, "b": 0.5}, "b", 2 / 3),
        ({"a": 10.0, "b": 2.0}, {"a": 0.5, "b": 0.5}, "a", 0.0),
        ({"a": 1.0}, {"a": 1.0}, "b", None),
        ({"a": 1.0}, {"b": 1.0}, "a", None),
        ({"a": 1.0}, {"a": -1.0}, "a", None),
        ({"a": 1.0}, {}, "a", None),
    ],
)
def test_the_saving_in_use_is_weighted(
    costs: dict[str, float], weights: dict[str, float], pick: str, saving: float | None
) -> None:
    found = shown([row(name, 0.9, ratio=ratio) for name, ratio in costs.items()], pick, NONE)
    if saving is None:
        with pytest.raises(ValueError, match=r"\.$"):
            found.saving_in_use(weights)
    else:
        assert found.saving_in_use(weights) == pytest.approx(saving)


def test_joules_per_correct() -> None:
    assert row("a", 0.8, ratio=1.0).joules_per_correct == pytest.approx(12.5)
    assert Row("a", "f", "best", joules_per_unit=1.0, accuracy_share=0.0).joules_per_correct is None
