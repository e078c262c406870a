"""Collects every candidate's predictions for every example, with failures and energy.

Each candidate runs in a window of its own, and process settings are restored afterwards. A candidate that can't be
evaluated gets a row with the reason and does not stop the others. Time is shared equally; if it is too short, all are
evaluated on the examples that the slowest one has answered.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from jupyter_green.compression.data.columns import refuse_weights
from jupyter_green.compression.errors import RAISED, ShrinkError
from jupyter_green.compression.errors import why as why_in_words
from jupyter_green.compression.process import deadline
from jupyter_green.compression.process.state import ProcessState
from jupyter_green.compression.quality.metric import Metric, Perplexity
from jupyter_green.reporting.sanitize import one_line
from jupyter_green.session import Session, Window
from jupyter_green.session.interrupts import uninterrupted

from .examples import Examples
from .messages import DecisionReason
from .model_adapter import FAILED, ModelAdapter, ModuleAdapter
from .normalize_predictions import strange
from .result import Row
from .utility import ENOUGH, PredictionTable, Utility, ask, ask_again, utility_of

TIME_UP, INTERRUPTED = DecisionReason("not answered in time"), DecisionReason("interrupted before it answered")
WARM_SHARE = 0.25
"""Share of a candidate's time that a first call with a whole batch may take."""


@dataclass(frozen=True)
class PredictionRun:
    """A candidate with its predictions."""

    item: ModelAdapter
    """The candidate."""
    answers: PredictionTable
    window: Window
    """The window that metered them."""


@dataclass
class Predictor:
    """The predictions of all candidates."""

    examples: Examples
    """The examples that all of them have answered: fewer than all if time ran out or the user interrupted."""
    asked: dict[str, PredictionRun] = field(default_factory=dict)
    """Candidates with predictions."""
    dropped: list[Row] = field(default_factory=list)
    """Candidates that can't be evaluated, with the reason."""
    interrupted: bool = False
    """Whether the user interrupted it."""

    @property
    def most(self) -> int:
        """Number of examples that all candidates have answered."""
        return min([len(self.examples), *(run.answers.count for run in self.asked.values())])

    def take(self, one: PredictionRun, why_not: str) -> None:
        """Add a candidate's predictions, unless they can't be evaluated or are too few after an interrupt."""
        self.interrupted = one.answers.interrupted
        if why_not:
            self.drop(one.item, _error(why_not), sum(answer is FAILED for answer in one.answers.rounds[0]))
        elif not self.interrupted or not self.asked or one.answers.count >= ENOUGH * self.most:
            self.asked[one.item.name] = one

    def drop(self, item: ModelAdapter, why: DecisionReason, failures: int = 0) -> None:
        """Add the row of a candidate that can't be evaluated."""
        self.dropped.append(_failed(item, why, len(self.examples), failures))


def labelled(examples: Examples, found: Sequence[ModelAdapter]) -> Examples:
    """Set the token ids as labels for language models, if the data has none.

    Raises ShrinkError if the labels are probably sample weights.
    """
    modules = [item.subject.model for item in found if isinstance(item, ModuleAdapter)]
    refuse_weights(modules, examples.batches[0], examples.labels)
    if examples.labels is not None or not all(isinstance(item, ModuleAdapter) and item.generates for item in found):
        return examples
    import torch

    ids: list[Any] = [batch.get("input_ids") if isinstance(batch, Mapping) else batch for batch in examples.batches]
    if any(not hasattr(item, "dim") or item.dim() != 2 for item in ids):
        return examples
    masks = [batch.get("attention_mask") if isinstance(batch, Mapping) else None for batch in examples.batches]
    labels = torch.cat(
        [item if mask is None else item.masked_fill(mask == 0, -100) for item, mask in zip(ids, masks, strict=True)]
    )
    return replace(examples, labels=labels)


def predict_all(
    found: Sequence[ModelAdapter],
    examples: Examples,
    metric: Metric,
    session: Session,
    tell: Callable[[str], None],
    *,
    repeats: int,
    seed: int,
) -> Predictor:
    """Collect the predictions of all candidates, as far as time allows.

    Raises KeyboardInterrupt if the user interrupted before any candidate had answered.
    """
    predictor = Predictor(examples)
    for number, item in enumerate(found):
        try:
            tell(f"asking {item.name}")
            with deadline.part(1 / (len(found) - number)):
                run = _asked(item, examples, metric, session, repeats=repeats, seed=seed, most=predictor.most)
            predictor.take(run, _why_not(run, examples, metric))
        except KeyboardInterrupt:
            predictor.interrupted = True
        except deadline.TimeIsUp:
            predictor.drop(item, TIME_UP)
        except ShrinkError as error:
            predictor.drop(item, _error(str(error)))
        except RAISED as error:  # third-party model; its row has the error
            item.fault(error)
            predictor.drop(item, _error(next(iter(item.faults))))
        if predictor.interrupted:
            break
    if predictor.interrupted and not predictor.asked:
        raise KeyboardInterrupt
    seen = {*predictor.asked, *(row.name for row in predictor.dropped)}
    for item in found:
        if item.name not in seen:
            predictor.drop(item, INTERRUPTED)
    if predictor.most < len(examples):
        predictor.examples = examples.first(predictor.most)
        for run in predictor.asked.values():
            run.item.ready(predictor.examples)
    return predictor


def _asked(
    item: ModelAdapter, examples: Examples, metric: Metric, session: Session, *, repeats: int, seed: int, most: int
) -> PredictionRun:
    """Collect one candidate's predictions after a warm-up; raises TimeIsUp without an answer in time."""
    answers: PredictionTable | None = None
    window = session.window("trial", label=f"compare: {item.name}, asked", units=1.0, unit="inference")
    try:
        with _alone(item):
            item.ready(examples)
            with item.watched():
                _warm(item, examples)
            item.faults.clear()
            with window:
                answers = ask(item, examples, metric, repeats=repeats, seed=seed, most=most)
                window.facts["units"] = float(max(1, answers.asked))
    except KeyboardInterrupt:  # while leaving the contexts
        if answers is None:
            raise
        answers = replace(answers, interrupted=True)
    if not answers.count:
        raise KeyboardInterrupt if answers.interrupted else deadline.TimeIsUp
    return PredictionRun(item, answers, window)


def predict_again(
    one: PredictionRun, examples: Examples, metric: Metric, session: Session, *, seed: int
) -> PredictionRun:
    """Repeat the predictions of a candidate that varies, as far as time allows."""
    item = one.item
    with _alone(item):
        units = float(len(examples))
        with session.window(
            "trial", label=f"compare: {item.name}, asked again", units=units, unit="inference"
        ) as window:
            answers = ask_again(item, examples, metric, one.answers, seed=seed)
            window.facts["units"] = float(max(1, len(answers.again)))
    return replace(one, answers=answers)


@contextlib.contextmanager
def _alone(item: ModelAdapter) -> Iterator[None]:
    """Restore the settings of the process after a candidate has run."""
    before = ProcessState()
    try:
        with item.quiet():
            yield
    finally:
        uninterrupted(before.put_back)


def _warm(item: ModelAdapter, examples: Examples) -> None:
    """Call it once: loading and compiling on first use is no cost of an answer, and the call's duration is needed."""
    began = deadline.now()
    if item.singly:
        if not item.remote:  # a remote call may cost money
            item.run(0, 1)
            item.pace = deadline.now() - began
        return
    if not isinstance(item, ModuleAdapter):  # a module's task is derived from a whole batch
        deadline.look()
        with contextlib.suppress(*RAISED):  # errors are counted in the predictions
            item.single(0, 0)
        item.pace = deadline.now() - began
    if item.pace * examples.sizes[0] <= WARM_SHARE * deadline.left():
        began = deadline.now()
        item.run(0, examples.sizes[0])
        item.pace = (deadline.now() - began) / examples.sizes[0]


def _why_not(one: PredictionRun, examples: Examples, metric: Metric) -> str:
    """Return why answers can't be evaluated; empty if they can."""
    answers = one.answers.rounds[0]
    if one.answers.none:
        return f"It gave no answer to any example: {first_fault(one.item)}."
    return "" if isinstance(metric, Perplexity) else strange(answers, examples, metric)


def judge_all(told: Predictor, metric: Metric) -> dict[str, Utility]:
    """Return the utility of every candidate on the same examples; those that can't be evaluated are dropped."""
    utilities: dict[str, Utility] = {}
    for name, run in list(told.asked.items()):
        try:
            utility = utility_of(run.answers, told.examples, metric)
        except ShrinkError as error:
            reason = _error(str(error))
        except (KeyboardInterrupt, deadline.TimeIsUp) as end:
            told.interrupted = told.interrupted or isinstance(end, KeyboardInterrupt)
            reason = INTERRUPTED if isinstance(end, KeyboardInterrupt) else TIME_UP
            if told.interrupted and not utilities:
                raise
        except RAISED as error:  # third-party answers; its row has the error
            reason = _error(why_in_words(error))
        else:
            if math.isfinite(utility.value):
                utilities[name] = utility
                continue
            reason = _error(f"Its {metric.name} is no number{_because(utility.failures, len(told.examples))}.")
        told.drop(run.item, reason)
        del told.asked[name]
    return utilities


def _error(detail: str) -> DecisionReason:
    return DecisionReason("failed", detail=one_line(detail, 240))


def _failed(item: ModelAdapter, why: DecisionReason, examples: int, failures: int = 0) -> Row:
    return Row(
        item.name,
        item.kind,
        "failed",
        why,
        failures=failures,
        examples=examples,
        device=item.device,
        generates=item.generates,
        remote=item.remote,
        size_bytes=item.size_bytes,
        parameters=item.parameters,
    )


def first_fault(item: ModelAdapter) -> str:
    """Return the first kind of failure of a candidate."""
    return one_line(next(iter(item.faults), "no reason was given"), 160).rstrip(".")


def _because(failures: int, examples: int) -> str:
    return f": {failures} of {examples} examples have no answer" if failures else ""
