"""Candidates of every kind on one task, and what is wrong with them: said, counted, never dropped in silence."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

import jupyter_green as green
from jupyter_green.comparison.adapter_factory import adapter_of
from jupyter_green.comparison.examples import examples_of
from jupyter_green.comparison.model_adapter import FAILED
from jupyter_green.comparison.normalize_predictions import same
from jupyter_green.comparison.published import published, task_of
from jupyter_green.comparison.utility import metric_for
from jupyter_green.compression.errors import ShrinkError
from jupyter_green.compression.quality.metric import Own
from jupyter_green.session import Session
from tests.support import models

pytestmark = pytest.mark.usefixtures("few_rounds")

linear = pytest.importorskip("sklearn.linear_model")
dummy = pytest.importorskip("sklearn.dummy")


@pytest.fixture
def session() -> Iterator[Session]:
    held = Session()
    yield held
    held.end()


@pytest.fixture
def points() -> tuple[Any, Any]:
    return models.points(400, seed=5)


def compared(candidates: Any, data: Any, session: Session, **options: Any) -> green.Comparison:
    return green.compare(candidates, data, **({"time": "1min", "session": session, "progress": False} | options))


def test_a_module_an_estimator_and_a_function(points_model: Any, points: tuple[Any, Any], session: Session) -> None:
    x, y = models.points(1200, seed=1)
    fitted = linear.LogisticRegression(max_iter=500).fit(x.numpy(), y.numpy())
    rule = torch.randn(12, 3, generator=torch.Generator().manual_seed(99))

    def exact(point: torch.Tensor) -> int:
        return int((point @ rule).argmax())

    candidates = {"network": points_model, "linear": fitted, "exact": exact}
    found = compared(candidates, points, session, max_relative_loss="5%", origin="drawn")
    assert found.best == "exact"
    assert {row.name for row in found.rows} == {"network", "linear", "exact"}
    assert found.row("exact").utility == 1.0
    assert found.pick in candidates
    outputs = points_model(points[0]).argmax(-1)
    assert found.row("network").utility == pytest.approx(float((outputs == points[1]).float().mean()))
    for row in found.rows:
        assert row.examples == 400
        assert row.seconds is not None
        assert row.seconds > 0
        assert row.joules_per_unit is None or row.joules_per_unit > 0
        assert row.quality in (None, "estimated", "measured")
    assert found.row("network").parameters == sum(item.numel() for item in points_model.parameters())
    assert "drawn" in repr(found)
    assert found.cost_seconds > 0
    assert not points_model.training


def test_failures_count_as_wrong_and_are_named(points: tuple[Any, Any], session: Session) -> None:
    _, y = points
    truth = {tuple(x.tolist()): int(label) for x, label in zip(*points, strict=True)}
    calls = random.Random(0)

    def sure(point: Any) -> int:
        return truth[tuple(point.tolist())]

    def fails(point: Any) -> int:
        if point[0] > 1:
            raise OSError("the line is down")
        return truth[tuple(point.tolist())]

    def wanders(point: Any) -> int:
        return truth[tuple(point.tolist())] if calls.random() < 0.7 else 9

    found = compared({"sure": sure, "fails": fails, "wanders": wanders}, points, session)
    failing = int((points[0][:, 0] > 1).sum())
    row = found.row("fails")
    assert row.failures == failing
    assert row.utility == pytest.approx(1 - failing / len(y))
    assert any("the line is down" in note for note in row.notes)
    assert any("differ when asked again" in note for note in found.row("wanders").notes)
    assert found.row("sure").varies == 0


def test_repeats_give_a_mean_with_seeds(points: tuple[Any, Any], session: Session) -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()

    def draws(_: Any) -> int:
        return int(torch.randint(0, 3, ()))

    once = compared({"draws": draws, "again": draws}, points, session, repeats=3, seed=7)
    first, second = once.row("draws"), once.row("again")
    assert first.utility == second.utility  # the same seeds
    assert first.varies > 0.3
    assert first.utility is not None
    assert abs(first.utility - 1 / 3) < 0.1
    assert torch.equal(torch.get_rng_state(), before)


def test_words_numbers_and_names_of_classes(sentence_model: Any, session: Session) -> None:
    data = models.sentences(200, seed=4)
    labels = data.pop("labels")
    sentence_model.config.id2label = {0: "red", 1: "green", 2: "blue"}
    words = ["red", "green", "blue"]

    def right(example: dict[str, Any]) -> str:
        return f" {words[int(example['input_ids'][1]) - 3].upper()}\n"

    named = [words[int(label)] for label in labels]
    found = compared({"model": sentence_model, "right": right}, (data, named), session)
    assert found.row("right").utility == 1.0
    assert (found.row("model").utility or 0) > 0.8
    assert same(" Yes", "yes ")
    assert not same(FAILED, None)


def test_answers_that_are_no_labels_are_called_so(points: tuple[Any, Any], session: Session) -> None:
    good = dummy.DummyClassifier().fit(points[0].numpy(), points[1].numpy())
    found = compared({"good": good, "other": lambda _: "POSITIVE"}, points, session)
    row = found.row("other")
    assert row.standing == "failed"
    assert "None of its answers is among the labels" in row.reason
    assert found.pick == "good"


def test_a_candidate_that_always_raises_ends_nobody_elses_turn(points: tuple[Any, Any], session: Session) -> None:
    def broken(_: Any) -> int:
        raise RuntimeError("no weights")

    found = compared({"fine": lambda _: 1, "broken": broken}, points, session)
    assert found.row("broken").standing == "failed"
    assert "no weights" in found.row("broken").reason
    with pytest.raises(ShrinkError, match="No candidate can be evaluated"):
        compared({"a": broken, "b": broken}, points, session)


def test_what_runs_elsewhere_has_no_energy(points: tuple[Any, Any], session: Session) -> None:
    found = compared({"here": lambda _: 1, "there": lambda _: 2}, points, session, remote=["there"])
    row = found.row("there")
    assert row.joules_per_unit is None
    assert row.joules_per_correct is None
    assert row.ratio is None
    assert row.seconds is not None
    assert "unmetered" in repr(found)
    with pytest.raises(ShrinkError, match="remote"):
        compared({"a": len, "b": len}, points, session, remote=["c"])


def test_what_fails_on_some_examples_does_all_of_its_work_all_the_same(points: tuple[Any, Any]) -> None:
    """A batch that ended at its first failure was counted whole, so that the same work seemed a part of it."""
    x, y = points
    asked = {"batch": 0, "one": 0}

    def one(example: Any) -> int:
        asked["one"] += 1
        if asked["one"] % 8 == 3:
            raise ValueError("no answer")
        return 0

    class Whole:
        def predict(self, rows: Any) -> Any:
            asked["batch"] += 1
            if len(rows) > 1:
                raise ValueError("one of them is bad")
            asked["one"] += 1
            return [0]

    examples = examples_of((x[:64], y[:64]), batch=32)
    for given, batches, ones in ((one, 0, 32), (Whole(), 33, 32)):
        asked.update(batch=0, one=0)
        item = adapter_of("it", given)
        item.ready(examples)
        item.run(1, 32)
        assert asked == {"batch": batches, "one": ones}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"max_loss": "150pt"}, "accepts any candidate"),
        ({"max_loss": "150%"}, "accepts any candidate"),
        ({"max_relative_loss": 1.5}, "accepts any candidate"),
        ({"max_loss": "x"}, "'x' is not an accepted loss"),
    ],
)
def test_a_loss_that_makes_no_sense_is_refused_before_anybody_is_asked(
    points: tuple[Any, Any], session: Session, options: dict[str, Any], said: str
) -> None:
    asked: list[object] = []
    with pytest.raises(ShrinkError, match=said):
        green.compare(
            {"a": asked.append, "b": lambda _: 1}, points, time=60, session=session, progress=False, **options
        )
    assert asked == []


def test_scores_for_one_example_are_no_label(points: tuple[Any, Any], session: Session) -> None:
    given = {"scores": lambda _: [0.1, 0.9], "b": lambda _: 1, "c": lambda _: 0}
    found = green.compare(given, points, time=60, session=session, progress=False)
    said = next(row.reason for row in found.rows if row.name == "scores")
    assert "answers [0.1, 0.9] for one example; let it give the label itself" in said


def test_f1_of_many_classes() -> None:
    """Twenty distinct numbers are where amounts begin, not where F1 ends."""
    labels = [f"class {place % 30}" for place in range(300)]
    metric = metric_for("f1", labels)
    assert metric.name == "F1"
    assert metric_for(None, [place % 30 for place in range(300)]).name == "accuracy"
    with pytest.raises(ShrinkError, match="F1 takes at most 1000"):
        metric_for("f1", [f"class {place}" for place in range(1001)])


def test_groups_and_f1(points: tuple[Any, Any], session: Session) -> None:
    x, y = points
    truth = {tuple(one.tolist()): int(label) for one, label in zip(x, y, strict=True)}

    def half(point: Any) -> int:
        return truth[tuple(point.tolist())] if point[0] > 0 else (truth[tuple(point.tolist())] + 1) % 3

    sides = ["right" if point[0] > 0 else "left" for point in x]
    found = compared(
        {"half": half, "all": lambda p: truth[tuple(p.tolist())]}, points, session, group=sides, metric="f1"
    )
    assert found.row("half").groups == {"left": 0.0, "right": 1.0} or found.row("half").groups == {
        "right": 1.0,
        "left": 0.0,
    }
    assert found.row("all").group_gap == 0
    with pytest.raises(ShrinkError, match="values of group"):
        compared({"a": half, "b": half}, points, session, group=["left"])


def test_columns_texts_and_a_group_by_name(session: Session) -> None:
    pandas = pytest.importorskip("pandas")
    text = pytest.importorskip("sklearn.feature_extraction.text")
    pipeline = pytest.importorskip("sklearn.pipeline")
    table = pandas.DataFrame(
        {"text": ["good film", "bad film"] * 60, "label": ["kind", "unkind"] * 60, "where": ["shop", "web", "web"] * 40}
    )
    fitted = pipeline.make_pipeline(text.TfidfVectorizer(), linear.LogisticRegression()).fit(table.text, table.label)

    def says(sentence: str) -> str:
        return "kind" if "good" in sentence else "unkind"

    found = compared({"bag of words": fitted, "rule": says}, table, session, group="where")
    assert [row.utility for row in found.rows] == [1.0, 1.0]
    assert set(found.rows[0].groups) == {"shop", "web"}
    assert found.group == "where"
    with pytest.raises(ShrinkError, match="no column"):
        compared({"a": fitted, "b": says}, table, session, group="colour")


def test_language_models_by_perplexity(session: Session) -> None:
    found = compared(
        {"three": models.language(3), "two": models.language(2)}, models.texts(64), session, max_relative_loss="50%"
    )
    assert found.metric == "perplexity"
    assert found.best == min(found.rows, key=lambda row: row.utility or 0.0).name
    assert all((row.utility or 0) > 1 for row in found.rows)


def test_a_functions_own_metric_and_nan(points: tuple[Any, Any], session: Session) -> None:
    def share(answers: Any, labels: Any) -> float:
        return float(np.mean([a == b for a, b in zip(answers, labels, strict=True)]))

    truth = {tuple(x.tolist()): int(label) for x, label in zip(*points, strict=True)}
    candidates = {"sure": lambda p: truth[tuple(p.tolist())], "one": lambda _: 1}
    found = compared(candidates, points, session, metric=share)
    assert (found.best, found.unit) == ("sure", "relative")
    assert found.row("one").standing == "loses too much"

    def sometimes(answers: Any, labels: Any) -> float:
        return float("nan") if set(answers) == {1} else 0.5

    found = compared(candidates, points, session, metric=sometimes)
    assert found.row("one").standing == "failed"
    assert "is no number" in found.row("one").reason


def test_a_function_that_is_called_accuracy_is_a_function(session: Session) -> None:
    """Labels that are no class numbers from 0 on: a metric's name says nothing of what it stores."""

    def accuracy(answers: Any, labels: Any) -> float:
        return float(np.mean([a == b for a, b in zip(answers, labels, strict=True)]))

    data = ([*range(60)], [3 if x >= 50 else 1 for x in range(60)])
    found = compared({"right": lambda x: 3 if x >= 50 else 1, "one": lambda _: 1}, data, session, metric=accuracy)
    assert (found.metric, found.metric_kind, found.best, found.by_class) == ("accuracy", "own function", "right", {})
    assert [row.accuracy_share for row in found.rows] == [None, None]
    own = Own(accuracy)
    parts = own.parts(torch.randn(6, 3), torch.tensor([0, 1, 2, 0, 1, 2]), None).numpy()
    assert own.by_class(parts, parts) == {}


def test_squared_error_and_failures(session: Session) -> None:
    x = np.linspace(0, 1, 90)[:, None]
    y = 3 * x[:, 0] + 0.25
    fitted = linear.LinearRegression().fit(x, y)
    found = compared({"line": fitted, "flat": lambda _: 1.0, "broken": lambda p: {}[p]}, (x, y), session)
    assert found.best == "line"
    assert found.metric == "mean squared error"
    assert found.row("broken").standing == "failed"


def test_few_examples_do_not_tell(session: Session) -> None:
    x, y = models.points(12, seed=3)
    truth = {tuple(one.tolist()): int(label) for one, label in zip(x, y, strict=True)}
    slow = {
        "big": lambda p: sum(range(20_000)) * 0 + truth[tuple(p.tolist())],
        "small": lambda p: truth[tuple(p.tolist())],
    }
    found = compared(slow, (x, y), session)
    assert found.keep
    assert found.why.code == "needs examples"


@pytest.mark.parametrize("metric", ["accuracy", "f1", "mse"])
def test_two_examples_tell_nothing_by_any_metric(metric: str, session: Session) -> None:
    given = ([1.0, 2.0], [1, 2])
    found = compared({"right": int, "half": lambda _: 1, "same": round}, given, session, metric=metric)
    assert found.keep
    assert {row.standing for row in found.rows} == {"best", "can't tell"}
    codes = {row.name: row.why.code for row in found.rows if row.why is not None}
    half = "loss unknown" if metric == "mse" else "loss unlikely"  # no loss is a share of a squared error of 0
    assert (codes["half"], codes["same"]) == (half, "loss not proven")


def test_whole_numbers_that_hardly_repeat_are_amounts(session: Session) -> None:
    given = [float(place) for place in range(60)]
    found = compared(
        {"line": lambda x: 3 * x + 0.1, "flat": lambda _: 90.0}, (given, [3 * n for n in range(60)]), session
    )
    assert (found.metric, found.best) == ("mean squared error", "line")
    assert metric_for(None, [n % 10 for n in range(60)]).name == "accuracy"
    assert metric_for(None, list("abcdefghijklmnopqrstuvwxyz")).name == "accuracy"


def test_one_class_tells_nobody_apart_and_is_said(session: Session) -> None:
    found = compared({"a": lambda _: "yes", "b": lambda _: "yes"}, (list(range(40)), ["yes"] * 40), session)
    assert any("All examples have the label 'yes'" in note for note in found.notes)
    assert "All examples have the label" in repr(found)
    both = compared({"a": lambda _: "yes", "b": lambda _: "yes"}, (list(range(40)), ["yes", "no"] * 20), session)
    assert not any("All examples" in note for note in both.notes)


@pytest.mark.parametrize(
    ("candidates", "options", "said"),
    [
        ({"a": len}, {}, "two candidates"),
        ({"a": len, "b": 3}, {}, "can't be called"),
        ({"a": len, "b": len}, {"repeats": 0}, "repeats"),
        ({"a": len, "b": len}, {"batch": 0}, "batch"),
        ({"a": len, "b": len}, {"metric": "beauty"}, "not a metric"),
        ({"a": len, "b": len}, {"time": "soon"}, "not a duration"),
        ({"a": lambda _: 1, "b": lambda _: 1}, {"max_loss": "1pt", "max_relative_loss": "1%"}, "not both"),
    ],
)
def test_what_makes_no_sense(
    candidates: dict[str, Any], options: dict[str, Any], said: str, points: tuple[Any, Any], session: Session
) -> None:
    with pytest.raises(ShrinkError, match=said):
        compared(candidates, points, session, **options)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (None, "no data"),
        (([], []), "no examples"),
        (["a", "b"], "no labels"),
        (([1, 2], [1]), "1 labels for 2"),
        (7, "int can't be read as data"),
    ],
)
def test_what_is_no_data(data: Any, said: str, session: Session) -> None:
    with pytest.raises(ShrinkError, match=said):
        compared({"a": len, "b": len}, data, session)


def test_what_was_published_stands_beside_without_a_ratio(points: tuple[Any, Any], session: Session) -> None:
    """A server of eight boards is no measure for this machine: both boundaries are named, and nothing is divided."""
    always = {f"always {label}": (lambda _x, label=label: label) for label in (0, 1)}
    found = compared(always, points, session, task="text classification")
    server, board, said = found.notes[-3:]
    assert "8.3 J each on average of 460 measurements, standard deviation 2.9 J (server of 8 A100" in server
    assert "0.78 J each (distilbert-imdb) to 100 J (t5-11b) (one H100, GPU only" in board
    assert "no ratio is given" in said
    assert server in repr(found)
    with pytest.raises(
        ShrinkError, match=r"^Nothing published is known of the task 'chess'; there is text class[^\n]*$"
    ):
        compared(always, points, session, task="chess")
    assert not any("Published" in note for note in compared(always, points, session).notes)


def test_pipelines_say_their_task_themselves() -> None:
    class Piped:
        def __init__(self, task: str) -> None:
            self.task = task

    assert task_of([Piped("sentiment-analysis"), Piped("sentiment-analysis")]) == "text classification"
    assert published("text-classification") == published("text classification")
    assert task_of([Piped("summarization"), Piped("ner")]) is None
    assert task_of([Piped("chess")]) is None
    assert task_of([object(), object()]) is None
    assert published(None) == []


@pytest.mark.parametrize("when", ["second", "first round", "later round"])
def test_an_interrupt_keeps_what_is_known(
    when: str, points_model: Any, points: tuple[Any, Any], session: Session
) -> None:
    calls = 0

    def other(x: Any) -> int:
        nonlocal calls
        calls += 1
        return 0

    def say(what: str, share: float) -> None:
        second, turn = what == "asking other", what == "in turn"
        if (when == "second" and second) or (when == "later round" and turn):
            raise KeyboardInterrupt

    def stopping(x: Any) -> int:
        nonlocal calls
        calls += 1
        if when == "first round" and calls > 2 * len(points[0]):
            raise KeyboardInterrupt
        return 0

    found = green.compare(
        {"good": points_model, "other": stopping if when == "first round" else other},
        points,
        time="1min",
        progress=False,
        say=say,
        session=session,
    )
    assert found.pick == "good"
    assert any("interrupted" in note for note in found.notes)
    assert "interrupted" in repr(found)
    assert found.row("good").utility is not None
    assert ("interrupted" in found.row("other").reason) == (when == "second")


def test_an_interrupt_before_anybody_answered_is_an_interrupt(points: tuple[Any, Any], session: Session) -> None:
    def stopping(x: Any) -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        green.compare({"a": stopping, "b": stopping}, points, progress=False, session=session)
