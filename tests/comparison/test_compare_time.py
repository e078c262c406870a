"""The time of a comparison bounds all of it, and an interrupt keeps what is known; on a clock that candidates move."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

import jupyter_green as green
from jupyter_green.comparison import benchmark_candidates
from jupyter_green.comparison.messages import DecisionReason
from jupyter_green.compression.cost.trial import FEWEST_ROUNDS
from jupyter_green.compression.errors import ShrinkError
from jupyter_green.compression.process import deadline
from jupyter_green.session import Session
from tests.compression.test_deadline import CALL, Clock

TEXTS = [f"text {n}" for n in range(400)]
LABELS = [int(n >= 200) for n in range(400)]
"""Sorted, as data often is."""


class Ticking(Clock):
    """A clock that also moves a little whenever it is read: on one that stands still no lap would be long enough."""

    def __call__(self) -> float:
        self.seconds += 0.001
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Ticking()
    monkeypatch.setattr(deadline, "now", made)
    monkeypatch.setattr(benchmark_candidates, "ROUNDS", FEWEST_ROUNDS)
    return made


@pytest.fixture
def session() -> Iterator[Session]:
    held = Session()
    yield held
    held.end()


def right(text: str) -> int:
    return int(int(text.split()[1]) >= 200)


class Slow:
    """A function each of whose calls takes some seconds of the clock."""

    def __init__(self, clock: Clock, seconds: float = CALL, stops: int = -1) -> None:
        self.clock, self.seconds, self.stops, self.calls = clock, seconds, stops, 0

    def __call__(self, text: str) -> int:
        self.clock.seconds += self.seconds
        self.calls += 1
        if self.calls == self.stops:
            raise KeyboardInterrupt
        return right(text)


def compared(candidates: dict[str, Any], session: Session, seconds: float, **options: Any) -> green.Comparison:
    options = {"data": (TEXTS, LABELS)} | options
    return green.compare(candidates, options.pop("data"), time=seconds, session=session, progress=False, **options)


@pytest.mark.parametrize("seconds", [20, 60, 300])
def test_fewer_examples_are_asked_for_where_time_is_short(seconds: int, clock: Clock, session: Session) -> None:
    slow = Slow(clock)
    found = compared({"slow": slow, "fast": right}, session, seconds)
    assert clock.seconds <= seconds + CALL
    assert 2 <= found.examples < 100
    assert {row.examples for row in found.rows} == {found.examples}
    assert all(row.utility == 1.0 for row in found.rows)
    assert any(f"the same {found.examples:,} of the 400 examples: the time" in note for note in found.notes)
    assert f"{found.examples} examples" in found.key
    if found.examples > 10:  # of sorted data both classes are seen
        assert not any("All examples have the label" in note for note in found.notes)
    loss = found.row("fast" if found.best == "slow" else "slow").loss
    assert loss is not None
    assert loss.examples == found.examples


def test_time_that_suffices_asks_for_everything(clock: Clock, session: Session) -> None:
    slow = Slow(clock, 0.001)
    found = compared({"slow": slow, "fast": right}, session, 60)
    assert (found.examples, [row.utility for row in found.rows]) == (400, [1.0, 1.0])
    assert not any("of the 400 examples" in note for note in found.notes)


def test_one_call_that_hangs_is_all_that_is_too_much(clock: Clock, session: Session) -> None:
    class Hangs(Slow):
        def __call__(self, text: str) -> int:
            self.seconds = 500.0 if self.calls == 30 else 0.0
            return super().__call__(text)

    found = compared({"first": right, "hangs": Hangs(clock), "third": right}, session, 10)
    assert clock.seconds <= 10 + 500
    assert found.examples == 30
    assert found.row("third").why == DecisionReason("not answered in time")
    assert found.row("hangs").utility == 1.0


def test_what_fails_slowly_takes_no_examples_from_the_others(clock: Clock, session: Session) -> None:
    def broken(_: str) -> int:
        clock.seconds += CALL
        raise OSError("no line")

    found = compared({"broken": broken, "a": right, "b": right}, session, 20)
    assert found.examples == 400
    assert "no line" in found.row("broken").reason


def test_a_batch_that_would_take_too_long_is_asked_one_by_one(clock: Clock, session: Session) -> None:
    class Whole:
        def predict(self, texts: list[str]) -> list[int]:
            clock.seconds += CALL * len(texts)
            return [right(text) for text in texts]

    found = compared({"whole": Whole(), "fast": right}, session, 40)
    assert clock.seconds <= 40 + CALL
    assert found.examples >= 2


def test_reading_and_a_metric_of_ones_own_are_bounded_too(clock: Clock, session: Session) -> None:
    class Data(torch.utils.data.Dataset[Any]):
        def __len__(self) -> int:
            return 400

        def __getitem__(self, place: int) -> Any:
            clock.seconds += 0.1
            return torch.tensor(float(place)), place % 2

    with pytest.raises(ShrinkError, match=r"^The time was up before the data was read; allow more with time=\.$"):
        compared({"a": lambda _: 1, "b": lambda _: 0}, session, 10, data=Data())
    assert clock.seconds <= 10 + 32 * 0.1

    def share(answers: Any, labels: Any) -> float:
        clock.seconds += CALL
        return float(sum(one == other for one, other in zip(answers, labels, strict=True)) / len(labels))

    clock.seconds = 0.0
    found = compared({"a": right, "b": lambda _: 1}, session, 60, metric=share)
    assert clock.seconds <= 60 + CALL
    assert (found.row("a").utility, found.row("b").utility) == (1.0, 0.5)
    assert found.row("b").why == DecisionReason("loss unknown", DecisionReason("time up"))


def test_what_runs_elsewhere_is_asked_no_more_than_needed(clock: Clock, session: Session) -> None:
    there = Slow(clock, 0.0)
    found = compared({"here": right, "there": there}, session, 60, remote=["there"])
    assert there.calls == 400 + 2 * 32  # and once more for two batches, to see whether it varies
    failing = {"calls": 0}

    def fails(text: str) -> int:
        failing["calls"] += 1
        if failing["calls"] % 10 == 0:
            raise OSError("busy")
        return right(text)

    found = compared({"here": right, "there": fails}, session, 60, remote=["there"])
    assert failing["calls"] == 400 + 2 * 32  # what fails is asked once as well
    assert found.row("there").failures == 40


# ---- interrupts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("calls", [2, 100, 400, 420, 500])
def test_an_interrupt_of_the_first_keeps_what_it_answered(calls: int, clock: Clock, session: Session) -> None:
    found = compared({"a": Slow(clock, 0.0, stops=calls + 1), "b": right}, session, 60)
    assert any("interrupted" in note for note in found.notes)
    assert found.row("a").utility == 1.0
    if calls < 465:  # while it was asked: a first call, 400, and 64 again
        assert found.examples == min(400, calls - 1)
        assert found.row("b").why == DecisionReason("interrupted before it answered")


def test_an_interrupt_of_the_second_keeps_the_first_ones_examples(clock: Clock, session: Session) -> None:
    few = compared({"a": right, "b": Slow(clock, 0.0, stops=20)}, session, 60)
    assert (few.examples, few.row("a").utility, few.row("b").standing) == (400, 1.0, "failed")
    many = compared({"a": right, "b": Slow(clock, 0.0, stops=302)}, session, 60)
    assert (many.examples, many.row("b").utility) == (300, 1.0)
    assert any("the same 300 of the 400 examples: the comparison was interrupted" in note for note in many.notes)


@pytest.mark.parametrize("times", [3, 40])
def test_an_interrupt_while_losses_are_computed(times: int, clock: Clock, session: Session) -> None:
    asked = {"times": 0}

    def share(answers: Any, labels: Any) -> float:
        asked["times"] += 1
        if asked["times"] == times:
            raise KeyboardInterrupt
        return float(sum(one == other for one, other in zip(answers, labels, strict=True)) / len(labels))

    found = compared({"a": right, "b": lambda _: 1}, session, 60, metric=share)
    assert (found.best, found.pick, found.row("a").utility, found.row("b").utility) == ("a", "a", 1.0, 0.5)
    assert found.row("b").why == DecisionReason("loss unknown", DecisionReason("interrupted"))
    assert "interrupted" in repr(found)
    assert found.to_dict()["rows"]


# ---- what counts ----------------------------------------------------------------------------------------------------


def test_different_examples_are_what_counts(clock: Clock, session: Session) -> None:
    some = {"a": right, "b": lambda text: int(right(text) or text == "text 7")}
    whole = compared(some, session, 60)
    often = compared(some, session, 60, data=(TEXTS * 5, LABELS * 5))
    assert (often.examples, whole.examples) == (400, 400)
    assert often.row("b").loss == whole.row("b").loss
    assert "1,600 of the 2,000 examples repeat others and were left out." in often.notes
    # The same texts with other labels stay, and count as one.
    other = compared(some, session, 60, data=(TEXTS * 2, LABELS + [1 - label for label in LABELS]))
    assert other.examples == 800
    loss = other.row("b").loss
    assert loss is not None
    assert loss.examples == 400
    assert "The 800 examples are of 400 inputs; those of one input count as one." in other.notes


def test_a_loader_that_oversamples_gives_each_example_once(clock: Clock, session: Session) -> None:
    data = torch.utils.data.TensorDataset(torch.arange(200.0)[:, None], torch.arange(200) // 100)
    sampler = torch.utils.data.WeightedRandomSampler([1.0] * 100 + [9.0] * 100, 600)
    loader = torch.utils.data.DataLoader(data, batch_size=16, sampler=sampler)
    found = compared({"a": lambda x: int(x[0] >= 100), "b": lambda _: 1}, session, 60, data=loader)
    assert found.examples < 200
    assert found.row("a").utility == 1.0
    assert any("repeat others and were left out" in note for note in found.notes)


def test_losses_are_held_against_the_best_ones_own_repeat(clock: Clock, session: Session) -> None:
    """Noise that is drawn once for a whole run is not explained by examples."""
    calls = {"best": 0}

    def moody(text: str) -> int:
        calls["best"] += 1
        wrong = calls["best"] > 401 and int(text.split()[1]) % 3 == 0
        return 1 - right(text) if wrong else right(text)

    some = {"moody": moody, "other": lambda text: 1 - right(text) if int(text.split()[1]) % 12 == 5 else right(text)}
    found = compared(some, session, 60)
    assert found.best == "moody"
    row = found.row("other")
    assert row.loss is not None
    assert row.loss.value == pytest.approx(33 / 400)
    assert row.loss.low < 0 < row.loss.high  # 8 points alone would be proven on 400 examples
    assert row.standing == "can't tell"
    assert row.why == DecisionReason("own repeats differ", name="moody")
    assert any("In its own repeat it lost 33.5 points on 400 examples" in note for note in found.row("moody").notes)


# ---- answers, labels and data as people have them -------------------------------------------------------------------


def test_tensors_and_arrays_for_one_example_are_answers(clock: Clock, session: Session) -> None:
    given: dict[str, Any] = {
        "tensor": lambda text: torch.tensor(right(text)),
        "of one": lambda text: torch.tensor([right(text)]),
        "array": lambda text: np.array(right(text)),
    }
    found = compared(given, session, 60)
    assert [row.utility for row in found.rows] == [1.0, 1.0, 1.0]


def test_words_where_numbers_are_wanted_are_a_row(clock: Clock, session: Session) -> None:
    pairs = [(text, text) for text in TEXTS]
    amounts = [n / 7 for n in range(400)]
    for data, metric in (((pairs, amounts), "spearman"), ((TEXTS, amounts), "mse")):
        found = compared(
            {"a": lambda _: "hi", "b": lambda one: len(str(one)) / 3}, session, 60, data=data, metric=metric
        )
        assert found.row("a").reason == "It answers 'hi', and the labels are numbers."
        assert found.best == "b"


def test_rows_and_iterators_are_read(clock: Clock, session: Session) -> None:
    rows = [{"text": text, "label": label} for text, label in zip(TEXTS, LABELS, strict=True)]
    for data in (
        rows,
        zip(TEXTS, LABELS, strict=True),
        ((text, label) for text, label in zip(TEXTS, LABELS, strict=True)),
    ):
        assert compared({"a": right, "b": lambda _: 1}, session, 60, data=data).row("a").utility == 1.0


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ((TEXTS, [None, *LABELS[1:]]), "1 of the 400 labels are missing; leave these examples out."),
        ((TEXTS, [float("nan"), *LABELS[1:]]), "1 of the 400 labels are missing; leave these examples out."),
        ((torch.tensor(1.0), LABELS), "The data holds a number that belongs to no example; give one for each example."),
        (
            {"a": TEXTS, "b": TEXTS[1:], "label": LABELS},
            "The columns of the data hold 399 and 400 examples; give as many in each.",
        ),
    ],
)
def test_data_that_makes_no_sense(data: Any, said: str, clock: Clock, session: Session) -> None:
    with pytest.raises(ShrinkError) as caught:
        compared({"a": right, "b": right}, session, 60, data=data)
    assert str(caught.value) == said
