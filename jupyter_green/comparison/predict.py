"""Asking every candidate for every example: what is told, what fails, and the energy of it.

Each is asked within a window of its own and between two looks at the settings of the process. Who can't be judged gets
a row that says why, and ends nobody else's turn. The time is shared out equally; where it doesn't suffice, all are held
to the examples that the slowest was asked for.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from jupyter_green.compression.errors import RAISED, ShrinkError
from jupyter_green.compression.errors import why as why_in_words
from jupyter_green.compression.process import deadline
from jupyter_green.compression.process.state import ProcessState
from jupyter_green.compression.quality.metric import Metric, Perplexity
from jupyter_green.reporting.sanitize import one_line
from jupyter_green.session import Session, Window
from jupyter_green.session.interrupts import uninterrupted

from .examples import Examples
from .model_adapter import FAILED, ModelAdapter, ModuleAdapter
from .normalize_predictions import strange
from .result import Row
from .utility import ENOUGH, PredictionTable, Utility, ask, ask_again, utility_of

UP = "The time was up before this had answered; allow more with time=."
WARM_SHARE = 0.25
"""Of a candidate's time, for a first call with a whole batch."""
STOPPED = "The comparison was interrupted before this had answered."


@dataclass(frozen=True)
class PredictionRun:
    """A candidate that answered.

    Parameters
    ----------
    item : ModelAdapter
        Who.
    answers : PredictionTable
        What it said.
    window : Window
        Metered the asking.
    """

    item: ModelAdapter
    answers: PredictionTable
    window: Window


@dataclass
class Predictor:
    """What came of asking everybody.

    Parameters
    ----------
    examples : Examples
        What all that answered were asked for: fewer than there are where the time was up or a person interrupted.
    asked : dict of str to Asked
        Those that answered.
    dropped : list of Row
        Those that can't be judged, with why.
    interrupted : bool
        Whether a person ended it.
    """

    examples: Examples
    asked: dict[str, PredictionRun] = field(default_factory=dict)
    dropped: list[Row] = field(default_factory=list)
    interrupted: bool = False

    @property
    def most(self) -> int:
        """How many examples all that answered were asked for."""
        return min([len(self.examples), *(one.answers.count for one in self.asked.values())])

    def take(self, one: PredictionRun, why_not: str) -> None:
        """Keep what one answered; not what can't be judged, or is too little beside the others' after an interrupt."""
        self.interrupted = one.answers.interrupted
        if why_not:
            self.drop(one.item, why_not, sum(answer is FAILED for answer in one.answers.rounds[0]))
        elif not self.interrupted or not self.asked or one.answers.count >= ENOUGH * self.most:
            self.asked[one.item.name] = one

    def drop(self, item: ModelAdapter, why: str, failures: int = 0) -> None:
        """Add the row of one that can't be judged."""
        self.dropped.append(_failed(item, why, len(self.examples), failures))


def labelled(examples: Examples, found: Sequence[ModelAdapter]) -> Examples:
    """Give language models' token ids as labels, where the data has none."""
    if examples.labels is not None or not all(isinstance(one, ModuleAdapter) and one.generates for one in found):
        return examples
    import torch

    ids: list[Any] = [batch.get("input_ids") if isinstance(batch, Mapping) else batch for batch in examples.batches]
    if any(not hasattr(one, "dim") or one.dim() != 2 for one in ids):
        return examples
    masks = [batch.get("attention_mask") if isinstance(batch, Mapping) else None for batch in examples.batches]
    labels = torch.cat(
        [one if mask is None else one.masked_fill(mask == 0, -100) for one, mask in zip(ids, masks, strict=True)]
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
    """Ask everybody for every example, as far as the time allows.

    Raises
    ------
    KeyboardInterrupt
        Where nobody had answered anything before a person interrupted.
    """
    told = Predictor(examples)
    for place, item in enumerate(found):
        try:
            tell(f"asking {item.name}")
            with deadline.part(1 / (len(found) - place)):
                one = _asked(item, examples, metric, session, repeats=repeats, seed=seed, most=told.most)
            told.take(one, _why_not(one, examples, metric))
        except KeyboardInterrupt:
            told.interrupted = True
        except deadline.TimeIsUp:
            told.drop(item, UP)
        except ShrinkError as error:
            told.drop(item, str(error))
        except RAISED as error:  # somebody else's model; its row says what it raised
            item.fault(error)
            told.drop(item, next(iter(item.faults)))
        if told.interrupted:
            break
    if told.interrupted and not told.asked:
        raise KeyboardInterrupt
    known = {*told.asked, *(row.name for row in told.dropped)}
    for item in found:
        if item.name not in known:
            told.drop(item, STOPPED)
    if told.most < len(examples):
        told.examples = examples.first(told.most)
        for one in told.asked.values():
            one.item.ready(told.examples)
    return told


def _asked(
    item: ModelAdapter, examples: Examples, metric: Metric, session: Session, *, repeats: int, seed: int, most: int
) -> PredictionRun:
    """Ask one for every example, after a first call; raises TimeIsUp where nothing was answered in time."""
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
    except KeyboardInterrupt:  # on the way out
        if answers is None:
            raise
        answers = replace(answers, interrupted=True)
    if not answers.count:
        raise KeyboardInterrupt if answers.interrupted else deadline.TimeIsUp
    return PredictionRun(item, answers, window)


def predict_again(
    one: PredictionRun, examples: Examples, metric: Metric, session: Session, *, seed: int
) -> PredictionRun:
    """Ask one that varies once more for every example, as far as the time allows."""
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
    """Let a candidate change nothing of the process that lasts."""
    before = ProcessState()
    try:
        with item.quiet():
            yield
    finally:
        uninterrupted(before.put_back)


def _warm(item: ModelAdapter, examples: Examples) -> None:
    """Call it once: what loads or compiles on first use is no cost of an answer, and it shows how long a call takes."""
    began = deadline.now()
    if item.singly:
        if not item.remote:  # what a first call costs elsewhere is not told, and each may cost money
            item.run(0, 1)
            item.pace = deadline.now() - began
        return
    if not isinstance(item, ModuleAdapter):  # what a module's outputs are is told from a whole batch of them
        deadline.look()
        with contextlib.suppress(*RAISED):  # what it raises is counted where it is asked
            item.single(0, 0)
        item.pace = deadline.now() - began
    if item.pace * examples.sizes[0] <= WARM_SHARE * deadline.left():
        began = deadline.now()
        item.run(0, examples.sizes[0])
        item.pace = (deadline.now() - began) / examples.sizes[0]


def _why_not(one: PredictionRun, examples: Examples, metric: Metric) -> str:
    """Return in one sentence why answers can't be judged; empty where they can."""
    said = one.answers.rounds[0]
    if one.answers.none:
        return f"It gave no answer to any example: {first_fault(one.item)}."
    return "" if isinstance(metric, Perplexity) else strange(said, examples, metric)


def judge_all(told: Predictor, metric: Metric) -> dict[str, Utility]:
    """Return how well everybody does on the same examples; who can't be judged is dropped."""
    found: dict[str, Utility] = {}
    for name, one in list(told.asked.items()):
        try:
            utility = utility_of(one.answers, told.examples, metric)
        except ShrinkError as error:
            why = str(error)
        except (KeyboardInterrupt, deadline.TimeIsUp) as end:
            told.interrupted = told.interrupted or isinstance(end, KeyboardInterrupt)
            why = STOPPED if isinstance(end, KeyboardInterrupt) else UP
            if told.interrupted and not found:
                raise
        except RAISED as error:  # somebody else's answers; its row says what is wrong with them
            why = why_in_words(error)
        else:
            if math.isfinite(utility.value):
                found[name] = utility
                continue
            why = f"Its {metric.name} is no number{_because(utility.failures, len(told.examples))}."
        told.drop(one.item, why)
        del told.asked[name]
    return found


def _failed(item: ModelAdapter, why: str, examples: int, failures: int = 0) -> Row:
    return Row(
        item.name,
        item.kind,
        "failed",
        one_line(why, 240),
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
