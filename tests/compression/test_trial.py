"""The trial: noise alone wins rarely, dearer is refused, and what varies too much is not told."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import pytest

from jupyter_green.compression.cost import trial as trial_module
from jupyter_green.compression.cost.cost_meter import Basis, CostSample, Passes, SessionCostMeter, cost_sample_of
from jupyter_green.compression.cost.ratio import Ratio, median_interval, paired_ratio
from jupyter_green.compression.cost.trial import FAR, FAR_ROUNDS, OVERLONG, Runner, Trial, far_more_expensive, run_trial
from jupyter_green.compression.process import deadline
from jupyter_green.compression.reasons import Reason
from jupyter_green.records import Component, Conditions, EnergyRecord
from jupyter_green.session import current

REPEATS = 400


class Bench:
    """A gauge whose laps are drawn: what a model costs times the noise of a machine."""

    def __init__(self, seed: int, costs: dict[str, float], *, noise: float, joules: bool = False) -> None:
        self.rng = random.Random(seed)
        self.costs, self.noise, self.measures = costs, noise, joules
        self.drift = 0.0

    def lap(self, name: str, inferences: int, run: Callable[[], None]) -> Callable[[], CostSample]:
        self.drift += self.rng.gauss(0, self.noise / 2)
        # Every tenth lap is disturbed by somebody else.
        jolt = self.rng.expovariate(1 / (4 * self.noise)) if self.rng.random() < 0.1 else 0.0
        cost = self.costs[name] * math.exp(self.drift + jolt + self.rng.gauss(0, self.noise)) * inferences
        lap = CostSample(cost, cost, cost if self.measures else None, 0.0, "measured" if self.measures else "estimated")
        return lambda: lap

    def others(self) -> float | None:
        return None


def runner() -> Runner:
    return Runner(lambda _: None, lambda _: 1)


def tried(seed: int, costs: dict[str, float], *, noise: float, joules: bool = False) -> Trial:
    return run_trial(
        dict.fromkeys(costs, runner()), Bench(seed, costs, noise=noise, joules=joules), seconds=60, rounds=12, seed=seed
    )


@pytest.mark.parametrize("noise", [0.01, 0.05])
def test_noise_alone_wins_rarely(noise: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial_module, "_repeats", lambda *_: 1)
    costs = {"original": 1.0, "candidate": 1.0}
    won = sum(
        tried(seed, costs, noise=noise, joules=True).outcome("candidate").verdict == "less" for seed in range(REPEATS)
    )
    assert won <= 0.05 * REPEATS


def test_what_costs_less_is_found_with_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial_module, "_repeats", lambda *_: 1)
    covered = 0
    for seed in range(100):
        outcome = tried(seed, {"original": 1.0, "candidate": 0.5}, noise=0.03, joules=True).outcome("candidate")
        assert outcome.verdict == "less"
        assert outcome.ratio is not None
        covered += outcome.ratio.low <= 0.5 <= outcome.ratio.high
    assert covered >= 90


@pytest.mark.parametrize("joules", [True, False])
def test_what_costs_more_is_said_to(joules: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial_module, "_repeats", lambda *_: 1)
    costs = {"original": 1.0, "candidate": 1.4}
    verdicts = [tried(seed, costs, noise=0.03, joules=joules).outcome("candidate").verdict for seed in range(40)]
    assert "less" not in verdicts
    assert verdicts.count("more") >= 36


@pytest.mark.parametrize("basis", ["joules", "cpu_seconds"])
def test_what_costs_more_in_every_round_is_refused_however_unsteady_it_is(basis: Basis) -> None:
    laps = {
        name: [(CostSample(cost, cost, cost, 0.0, "measured"), 1) for cost in costs]
        for name, costs in {"original": [1.0] * 8, "candidate": [1.8, 9.0, 12.0, 1.9, 12.0, 2.0, 3.0, 5.0]}.items()
    }
    outcome = Trial("original", laps, basis).outcome("candidate")
    assert outcome.verdict == "more"
    assert outcome.ratio is not None
    assert outcome.ratio.half_width > 2 * trial_module.WIDE


def test_a_busy_machine_gives_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial_module, "_repeats", lambda *_: 1)
    outcome = tried(3, {"original": 1.0, "candidate": 0.95}, noise=0.5).outcome("candidate")
    assert outcome.verdict == "can't tell"
    assert outcome.ratio is None
    assert outcome.reason.code == "noisy"
    assert outcome.reason.half_width is not None
    assert outcome.reason.half_width > 1


@pytest.mark.parametrize(
    ("noise", "ratio", "variation", "half_width"),
    [
        (0.3, Ratio(1.0, 0.9, 1.1, 8), 0.3, None),
        (0.01, Ratio(1.0, 0.7, 1.4, 8), None, pytest.approx(0.414, abs=1e-3)),
        (0.01, Ratio(1.0, 0.1, 10.0, 8), None, pytest.approx(9.0)),
    ],
)
def test_what_can_not_be_told_says_what_varied(noise: float, ratio: Ratio, variation: Any, half_width: Any) -> None:
    for load, others in ((None, None), (0.05, None), (0.5, 0.5)):
        found = Trial("original", {}, "joules", load)._noisy(noise, ratio)
        assert (found.code, found.variation, found.half_width, found.others) == ("noisy", variation, half_width, others)


def heavy(seed: int, ratio: float, rounds: int, basis: Basis, *, sigma: float = 0.1, outliers: float = 0.3) -> Trial:
    """Laps on a machine with a burner for each core: three of ten take several times as long, up to a hundredfold."""
    drawn = random.Random(seed)

    def lap(cost: float) -> tuple[CostSample, int]:
        jolt = drawn.expovariate(0.5) if drawn.random() < outliers else 0.0
        took = cost * math.exp(drawn.gauss(0, sigma) + jolt)
        return CostSample(took, took, took if basis == "joules" else None, 0.0, "measured"), 1

    laps: dict[str, list[tuple[CostSample, int]]] = {"original": [], "candidate": []}
    for _ in range(rounds):
        laps["original"].append(lap(1.0))
        laps["candidate"].append(lap(ratio))
    return Trial("original", laps, basis, 0.9)


@pytest.mark.parametrize(("rounds", "least"), [(6, 45), (9, 70)])
def test_few_rounds_beside_others_tell_a_gain_of_several_times(rounds: int, least: int) -> None:
    """One lap that is far off used to make the interval of few pairs as wide as itself."""
    told = [heavy(seed, 1 / 12, rounds, "cpu_seconds", outliers=0.1).outcome("candidate") for seed in range(100)]
    less = [one for one in told if one.verdict == "less"]
    assert len(less) >= least
    assert sum(one.ratio is not None and one.ratio.low <= 1 / 12 <= one.ratio.high for one in less) >= 0.93 * len(less)


@pytest.mark.parametrize("rounds", [12, 30])
@pytest.mark.parametrize("basis", ["joules", "cpu_seconds"])
def test_a_gain_of_several_times_is_told_on_a_busy_machine_too(basis: Basis, rounds: int) -> None:
    told = [heavy(seed, 1 / 12, rounds, basis).outcome("candidate") for seed in range(100)]
    less = [one for one in told if one.verdict == "less"]
    assert len(less) >= 85
    covered = sum(one.ratio is not None and one.ratio.low <= 1 / 12 <= one.ratio.high for one in less)
    assert covered >= 0.93 * len(less)
    assert "more" not in [one.verdict for one in told]


@pytest.mark.parametrize("rounds", [6, 8, 12, 30])
@pytest.mark.parametrize(("sigma", "outliers"), [(0.1, 0.3), (0.8, 0.0), (0.05, 0.1)])
def test_heavy_noise_alone_wins_rarely(rounds: int, sigma: float, outliers: float) -> None:
    told = [
        heavy(seed, 1.0, rounds, "joules", sigma=sigma, outliers=outliers).outcome("candidate").verdict
        for seed in range(REPEATS)
    ]
    assert told.count("less") <= 0.04 * REPEATS


def test_the_interval_of_a_median_needs_no_distribution() -> None:
    assert median_interval([3.0, 1.0, 2.0, 5.0, 4.0, 6.0]) == (3.5, 1.0, 6.0)
    assert median_interval([float(n) for n in range(12)]) == (5.5, 2.0, 9.0)
    assert median_interval([float(n) for n in range(30)]) == (14.5, 9.0, 20.0)


def test_without_a_sensor_a_small_gain_is_not_called_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """10 % less processor time may be more energy: the doubt about power is on top of the interval."""
    monkeypatch.setattr(trial_module, "_repeats", lambda *_: 1)
    costs = {"original": 1.0, "candidate": 0.9}
    assert tried(1, costs, noise=0.005).outcome("candidate").verdict == "no difference"
    assert tried(1, costs, noise=0.005, joules=True).outcome("candidate").verdict == "less"


def test_a_shared_device_proves_nothing() -> None:
    laps = {
        name: [(CostSample(1, 1, cost, 0.0, "measured", shared=True), 1)] * 8
        for name, cost in (("original", 1.0), ("b", 0.2))
    }
    outcome = Trial("original", laps, "joules").outcome("b")
    assert outcome.verdict == "no difference"
    assert outcome.reason == Reason("device shared")


def test_real_windows_and_twice_the_work() -> None:
    """Real laps through the session: twice the work is never called less, and the laps are in its records."""
    seen: list[int] = []

    def work(times: int) -> Callable[[int], None]:
        def run(turn: int) -> None:
            seen.append(turn)
            sum(value * value for value in range(times))

        return run

    session = current()
    runners = {"original": Runner(work(20_000), lambda _: 1), "double": Runner(work(40_000), lambda _: 1)}
    found = run_trial(runners, SessionCostMeter(session), seconds=2, rounds=6)
    assert found.basis == "cpu_seconds"
    assert found.outcome("double").verdict in ("more", "can't tell")
    assert seen
    session.settle()
    labels = {record.label for record in session.finished if record.span == "trial"}
    assert {"shrink: original", "shrink: double"} <= labels


def test_a_board_that_idles_is_not_the_model() -> None:
    board = Component("gpu", "GPU 0", "nvidia:0", 50.0, 1.0, 0.5, "counter", "measured", "board")
    processor = Component("cpu", "CPU", "processor:model", 5.0, 2.0, 2.0, "model", "estimated", "process")
    record = EnergyRecord((board, processor), seconds=1.0, started_at=0.0)
    assert cost_sample_of(record, 0.9, 1.0, "cpu").joules is None
    assert cost_sample_of(record, 0.9, 1.0, "gpu").joules == 50.0


@pytest.mark.parametrize("pairs", [5, 6, 7])
def test_few_pairs_say_little_and_that_rarely_wrong(pairs: int) -> None:
    """Not trimmed, so that five slow laps of a language model may tell a gain of a half, and noise wins no oftener."""
    less = more = 0
    widths = []
    for seed in range(REPEATS):
        bench = Bench(seed, {"original": 1.0, "candidate": 1.0}, noise=0.1)
        laps = [[bench.lap(name, 1, lambda: None)().cpu_seconds for name in bench.costs] for _ in range(pairs)]
        ratio = paired_ratio(*zip(*laps, strict=True), seed=seed)
        assert ratio is not None
        less, more = less + ratio.less, more + ratio.more
        widths.append(ratio.half_width)
    assert less <= 0.04 * REPEATS
    assert more <= 0.04 * REPEATS
    assert sorted(widths)[REPEATS // 2] < 0.3


def test_few_pairs_have_no_interval() -> None:
    assert paired_ratio([1.0] * 4, [0.5] * 4) is None
    assert paired_ratio([1.0] * 8, [0.0] * 8) is None
    with pytest.raises(ValueError, match="equal in number"):
        paired_ratio([1.0] * 8, [1.0] * 7)


def test_ratios_divide_with_their_doubt() -> None:
    both = Ratio(0.2, 0.19, 0.21, 9).over(Ratio(0.5, 0.48, 0.52, 9))
    assert both.value == pytest.approx(0.4)
    assert both.low < 0.4 * 0.19 / 0.2


class Waits:
    """A gauge and a machine of one clock: a pass of a spinning model takes a hundred times as long once laps begin."""

    measures = False

    def __init__(self, monkeypatch: pytest.MonkeyPatch, slower: float) -> None:
        self.now, self.slower, self.timed = 0.0, slower, False
        monkeypatch.setattr(deadline, "now", lambda: self.now)
        monkeypatch.setattr("time.process_time", lambda: self.now)

    def runner(self, seconds: float, *, spins: bool = False) -> Runner:
        def run(_turn: int) -> None:
            self.now += seconds * (self.slower if spins and self.timed else 1.0)

        return Runner(run, lambda _: 1)

    def lap(self, name: str, inferences: int, run: Callable[[], None]) -> Callable[[], CostSample]:
        began, self.timed = self.now, True
        run()
        lap = CostSample(self.now - began, self.now - began)
        return lambda: lap

    def others(self) -> float | None:
        return None


def test_a_lap_ends_with_its_share_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pass that took 0.1 ms took 10 ms later: 1000 planned passes would have been 10 s of a trial of 2.4 s."""
    gauge = Waits(monkeypatch, 100)
    found = run_trial(
        {"original": gauge.runner(1e-4), "spins": gauge.runner(1e-4, spins=True)}, gauge, seconds=2.4, rounds=12
    )
    longest = max(lap.seconds for lap, _ in found.laps["spins"])
    assert longest <= OVERLONG * 2.4 / 24 + 0.011
    assert gauge.now < 2 * 2.4
    assert found.raw("spins") is not None
    assert [round(cost, 6) for cost in found.series("spins")] == [0.01] * len(found.laps["spins"])


def test_what_is_far_dearer_goes_after_three_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else is run beside it; it is said to cost more, and no ratio is made of three pairs."""
    gauge = Waits(monkeypatch, 57)
    runners = {
        "original": gauge.runner(1e-3),
        "spins": gauge.runner(1e-3, spins=True),
        "one thread": gauge.runner(1e-3),
    }
    found = run_trial(runners, gauge, seconds=60, rounds=12, drop="spins")
    assert len(found.laps["spins"]) == FAR_ROUNDS
    outcome = found.outcome("spins")
    assert (outcome.verdict, outcome.ratio) == ("more", None)
    assert outcome.reason.code == "far more"
    assert outcome.reason.rounds == 3
    assert outcome.reason.factor == pytest.approx(57, abs=0.5)
    assert found.outcome("one thread").verdict == "can't tell"


def test_noise_alone_is_rarely_far_dearer() -> None:
    trials = [heavy(seed, 1.0, FAR_ROUNDS, "cpu_seconds") for seed in range(REPEATS)]
    assert sum(one.outcome("candidate").verdict == "more" for one in trials) <= 0.03 * REPEATS
    assert far_more_expensive([1.0] * 2, [100.0] * 2) is None
    assert far_more_expensive([1.0, 1.0, 1.0], [FAR, FAR, FAR - 0.1]) is None
    assert far_more_expensive([1.0, 1.0, 0.0], [FAR] * 3) is None
    assert far_more_expensive([1.0, 1.0, 2.0], [FAR, FAR, 2 * FAR]) is None


def test_the_ledger_counts_the_inferences_that_were_run(monkeypatch: pytest.MonkeyPatch) -> None:
    session, moment = current(), [0.0]
    monkeypatch.setattr(deadline, "now", lambda: moment[0])

    def run(_turn: int) -> None:
        moment[0] += 1.0

    passes = Passes(run, 0, planned=100, each=4, longest=3.0)
    assert passes.inferences == 400
    SessionCostMeter(session, what="passes").lap("cut", passes.inferences, passes)
    session.settle()
    assert passes.inferences == 12
    assert [record.units for record in session.finished if record.label == "passes: cut"] == [12.0]


def laps_of(amount: float, conditions: list[Conditions]) -> list[tuple[CostSample, int]]:
    return [
        (CostSample(1.0, 1.0, amount + 0.001 * n, 0.0, "measured", conditions=one), 1)
        for n, one in enumerate(conditions)
    ]


COOL = Conditions(60.0, 1700.0, 15.0, ())
HOT = Conditions(95.0, 1700.0, 15.0, ("thermal",))
CAPPED = Conditions(70.0, 1700.0, 15.0, ("power_cap",))
SLOW = Conditions(60.0, 1200.0, 15.0, ())


@pytest.mark.parametrize(
    ("original", "candidate", "why"),
    [
        ([COOL] * 12, [COOL] * 12, None),
        ([HOT] * 12, [HOT] * 12, None),
        ([HOT, COOL] * 6, [COOL, HOT] * 6, None),
        ([Conditions()] * 12, [HOT] * 12, None),
        ([CAPPED] * 12, [CAPPED] * 11 + [COOL], None),
        ([COOL] * 12, [HOT] * 12, "throttled"),
        ([HOT] + [COOL] * 11, [COOL] * 12, "baseline throttled"),
        ([HOT] * 11 + [COOL], [COOL] * 11 + [HOT], "baseline throttled"),
        ([CAPPED] * 12, [COOL] * 12, None),
        ([COOL] * 12, [SLOW] * 12, None),
    ],
)
def test_what_was_throttled_on_one_side_alone_is_not_proven(
    original: list[Conditions], candidate: list[Conditions], why: Any
) -> None:
    trial = Trial("original", {"original": laps_of(2.0, original), "int8": laps_of(1.0, candidate)}, "joules")
    assert trial.throttled("int8") == why
    outcome = trial.outcome("int8")
    assert outcome.verdict == ("less" if why is None else "can't tell")
    if why is not None:
        assert outcome.reason == Reason(why, name="int8", reference="original")
        assert outcome.reason.inconclusive
        assert outcome.ratio is None
