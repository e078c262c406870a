"""Every reason of a comparison has one sentence, made from its code and parameters alone."""

from __future__ import annotations

from typing import get_args

import pytest

from jupyter_green.comparison.messages import SENTENCES, Code, DecisionReason, sentence
from jupyter_green.comparison.result import Comparison, Row
from jupyter_green.compression.reasons import Reason

ROUNDS = Reason("rounds", rounds=9)
EXAMPLES = [
    (DecisionReason("highest utility"), "the highest utility of all"),
    (DecisionReason("runs elsewhere"), "It runs elsewhere, so its energy can't be metered here."),
    (
        DecisionReason("CPU not measured"),
        "It runs on the processor, which no sensor measures here, beside others on a GPU, which is measured.",
    ),
    (
        DecisionReason("GPU not measured"),
        "It runs on a GPU that no sensor measures here; processor time says nothing of it.",
    ),
    (
        DecisionReason("no skill", name="a", detail="no better than guessing (9)"),
        "a is no better than guessing (9), so no loss against it proves anything",
    ),
    (DecisionReason("loss unknown"), "its loss could not be told"),
    (
        DecisionReason("loss unknown", DecisionReason("time up")),
        "its loss could not be told: the time was up; allow more with time=",
    ),
    (DecisionReason("loses too much"), "it loses more than is accepted on these examples"),
    (
        DecisionReason("loss not proven", examples=1, needed=1500),
        "1 example doesn't prove the loss; it needs about 1,500",
    ),
    (
        DecisionReason("loss unlikely", examples=40, needed=90),
        "on 40 examples it loses more than is accepted, which is not proven; about 90 would tell",
    ),
    (
        DecisionReason("loss at the limit", examples=1),
        "it loses just what is accepted, which can't be told from more on 1 example",
    ),
    (
        DecisionReason("own repeats differ", name="a"),
        "what it loses can't be told beside the own repeats of a; give more repeats=",
    ),
    (
        DecisionReason("cost unknown", DecisionReason("interrupted")),
        "its cost could not be told: the comparison was interrupted",
    ),
    (DecisionReason("cost inconclusive", cost=Reason("no reading")), "It can't be told: a lap read no cost."),
    (
        DecisionReason("best not measured"),
        "its loss is within the accepted; the best one's energy is not known",
    ),
    (DecisionReason("less", cost=ROUNDS), "less is proven in 9 rounds in turn"),
    (DecisionReason("more", cost=ROUNDS, energy=True), "it uses more, proven in 9 rounds in turn"),
    (DecisionReason("more", cost=ROUNDS), "it takes more processor time, proven in 9 rounds in turn"),
    (DecisionReason("not less", cost=ROUNDS), "less is not proven: 9 rounds in turn"),
    (DecisionReason("failed", detail="OSError: x"), "OSError: x"),
    (
        DecisionReason("picked", examples=2000),
        "Proven on 2,000 examples: its loss is within the accepted, and it uses the least.",
    ),
    (
        DecisionReason("picked", name="a", examples=2000),
        "Proven on 2,000 examples: its loss is within the accepted, and the energy of a is not known.",
    ),
    (DecisionReason("none proven"), "No other proves to use less within the accepted loss."),
    (
        DecisionReason("no proof possible", DecisionReason("no skill", name="a", detail="no better")),
        "Can't tell: a is no better, so no loss against it proves anything.",
    ),
    (
        DecisionReason("losses unknown", DecisionReason("interrupted")),
        "Can't tell: losses could not be told: the comparison was interrupted.",
    ),
    (
        DecisionReason(
            "accepted loss only", DecisionReason("cost inconclusive", cost=Reason("too few rounds")), name="a"
        ),
        "Can't tell yet: a is good enough, but too few rounds were run in the time allowed.",
    ),
    (
        DecisionReason("undecided", DecisionReason("own repeats differ", name="b"), name="a"),
        "Can't tell yet of a: what it loses can't be told beside the own repeats of b; give more repeats=.",
    ),
    (
        DecisionReason("needs examples", name="a", examples=40, needed=1500),
        "Can't tell yet: a may be good enough, but 40 examples don't prove it; it needs about 1,500.",
    ),
    (DecisionReason("time up"), "the time was up; allow more with time="),
    (DecisionReason("interrupted"), "the comparison was interrupted"),
    (
        DecisionReason("not answered in time"),
        "The time was up before this had answered; allow more with time=.",
    ),
    (
        DecisionReason("interrupted before it answered"),
        "The comparison was interrupted before this had answered.",
    ),
    (DecisionReason("metric is 0", detail="the metric is 0"), "the metric is 0"),
]


@pytest.mark.parametrize(("reason", "text"), EXAMPLES)
def test_the_sentence_of_each_reason(reason: DecisionReason, text: str) -> None:
    assert sentence(reason) == text


def test_no_code_lacks_a_sentence_or_an_example() -> None:
    assert set(get_args(Code)) == set(SENTENCES) == {reason.code for reason, _ in EXAMPLES}


def test_the_data_of_a_comparison_has_code_and_sentence() -> None:
    row = Row("a", "function", "unmetered", DecisionReason("runs elsewhere"))
    why = DecisionReason("needs examples", name="a", examples=40, needed=90)
    data = Comparison([row], "b", why, "b", "joules", "accuracy", "points", 0.01, None, 40, 8, "").to_dict()
    assert data["why"] == {"code": "needs examples", "name": "a", "examples": 40, "needed": 90}
    assert data["reason"] == sentence(why)
    assert data["rows"][0]["why"] == {"code": "runs elsewhere"}
    assert data["rows"][0]["reason"] == row.reason
