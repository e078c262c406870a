"""Every reason has one sentence, and the sentence is made from its code and parameters alone."""

from __future__ import annotations

import json
from typing import get_args

import pytest

from jupyter_green.compression.reasons import Code, Inconclusive, Reason, plain_data
from jupyter_green.compression.report.messages import SENTENCES, nothing_kept, sentence
from jupyter_green.compression.result_details import Late

ROUNDS = Reason("rounds", rounds=9)
LOAD = "other programs used 50 % of"
QUIET = "Try again when the machine is quiet, or with torch.set_num_threads(1)."
EXAMPLES = [
    (ROUNDS, "9 rounds in turn"),
    (Reason("rounds", rounds=9, one_thread=True), "9 rounds in turn, also with the original in one thread"),
    (Reason("interval includes 1", rounds=9), "9 rounds in turn; the interval includes 1"),
    (Reason("far more", rounds=3, factor=57.3), "at least 57 times as much in each of 3 rounds"),
    (Reason("device shared"), "the device was used by others, whose part can't be told: nothing is proven"),
    (
        Reason("power may differ", factor=0.9),
        "less processor time (0.90 of it), but power may differ by more than that",
    ),
    (Reason("busy machine"), "the machine was busy"),
    (Reason("too few rounds"), "Too few rounds were run in the time allowed."),
    (Reason("no reading"), "It can't be told: a lap read no cost."),
    (
        Reason("throttled", name="int8", reference="original"),
        "Not proven: the device was throttled while int8 ran and not while the original did. Try again when it is "
        "cool, or with its clock locked.",
    ),
    (
        Reason("baseline throttled", name="int8", reference="bf16"),
        "Not proven: the device was throttled while bf16 ran and not while int8 did. Try again when it is cool, or "
        "with its clock locked.",
    ),
    (
        Reason("noisy", variation=0.2),
        "It can't be told: the same model varied by ±20 % from round to round. Try again with more time, or when the "
        "machine is quiet.",
    ),
    (
        Reason("noisy", half_width=0.3, others=0.5),
        f"The machine was busy: {LOAD} it, and their ratio is known to ±30 % only.",
    ),
    (
        Reason("noisy", half_width=1.2, others=0.5),
        f"The machine was busy: {LOAD} it, and hardly anything is known of their ratio.",
    ),
    (
        Reason("threads may spin", others=0.5),
        f"The machine was busy: {LOAD} the CPU, and threads that waited for one another may be all of the gain. "
        f"{QUIET}",
    ),
    (
        Reason("no gain in one thread", others=0.5),
        f"The machine was busy: {LOAD} the CPU, and against the original in one thread, where none waits, no gain is "
        f"proven. {QUIET}",
    ),
    (Reason("not benchmarked"), "It was not tried yet."),
    (Reason("benchmark failed", detail="OSError: x"), "Its cost could not be judged: OSError: x"),
    (Reason("not applicable", detail="No like layers."), "No like layers."),
    (Reason("time up"), "The time was up before it was tried."),
    (Reason("interrupted before it was tried"), "The search was interrupted before this was told."),
    (Reason("failed", detail="OSError: x"), "OSError: x"),
    (Reason("costs more", energy=True), "It costs more than the original."),
    (
        Reason("costs more", cause=Reason("far more", rounds=3, factor=8)),
        "It takes more processor time than the original, at least 8 times as much in each of 3 rounds.",
    ),
    (Reason("not less", cause=ROUNDS), "No less cost is proven: 9 rounds in turn."),
    (Reason("loses more", examples=1000), "It loses more than is accepted, seen on 1,000 examples."),
    (
        Reason("loses more", examples=9, against_control=True),
        "It loses more than is accepted against the equally trained original, seen on 9 examples.",
    ),
    (
        Reason("other trained on"),
        "After a beginning another gave more for what it lost: that one was trained on.",
    ),
    (
        Reason("other trained on", steps=5),
        "After a beginning of 5 steps another gave more for what it lost: that one was trained on.",
    ),
    (Reason("front"), "Nothing costs less and loses no more, as found for choosing."),
    (Reason("dominated", name="int8"), "int8 costs less and loses no more, as found for choosing."),
    (
        Reason("also tested", cause=Reason("no reading")),
        "Judged as well, and not kept: It can't be told: a lap read no cost.",
    ),
    (Reason("reference", detail="float32, 1 thread"), "float32, 1 thread; every row is compared with this one."),
    (
        Reason("reference", detail="float32, 2 threads", one_thread=True),
        "float32, 2 threads; every row is compared with this one. Its cost is that in one thread, since the machine "
        "was busy.",
    ),
    (Reason("control"), "The extra training alone; what was trained is held against this too."),
    (Reason("proven", examples=2000), "Proven on 2,000 examples."),
    (
        Reason("proven", examples=2000, against_control=True),
        "Proven on 2,000 examples, also against an equally trained original.",
    ),
    (Reason("same numbers", examples=9), "The same numbers out: no score of 9 examples differs."),
    (Reason("loss too large", examples=9), "It loses more than is accepted, on 9 examples."),
    (
        Reason("loss not proven", examples=90, needed=1500, against_control=True),
        "The loss against an equally trained original is not proven with 90 examples; it needs about 1,500.",
    ),
    (
        Reason("proven to cost more", cause=ROUNDS),
        "Less cost is not proven: it takes more processor time, seen in 9 rounds in turn.",
    ),
    (Reason("less not proven", cause=ROUNDS), "Less cost is not proven: 9 rounds in turn."),
    (
        Reason("cost not tested", cause=Reason("not tested in time"), examples=1000),
        "Its loss is proven on 1,000 examples, its cost is that of choosing. The time was up: it was tried, and not "
        "judged.",
    ),
    (Reason("failed in the test", detail="OSError: x"), "It failed on the examples that judge: OSError: x"),
    (Reason("reload failed", detail="It can't be saved."), "It can't be saved."),
    (Reason("original failed", detail="No."), "Nothing could be judged: No."),
    (
        Reason("no skill"),
        "Your own model is no better than a constant answer here, so no loss against it proves anything.",
    ),
    (Reason("not tested in time"), "The time was up: it was tried, and not judged."),
    (Reason("interrupted before the test"), "The search was interrupted before this was judged."),
    (Reason("chosen by hand"), "Taken from the front by hand; it was not judged."),
    (Reason("interrupted"), "The search was interrupted before anything was found."),
    (Reason("no time"), "The time was up before anything was tried."),
    (
        Reason("no time for the original"),
        "The time was up before your own model had answered the examples; allow more with time=.",
    ),
    (Reason("nothing applies"), "No recipe applies to this model; the rows say why."),
    (Reason("none proven", tried=1), "One candidate was tried; it doesn't prove less cost within the accepted loss."),
    (Reason("none proven", tried=3), "3 candidates were tried; none proves less cost within the accepted loss."),
]


@pytest.mark.parametrize(("reason", "text"), EXAMPLES)
def test_the_sentence_of_each_reason(reason: Reason, text: str) -> None:
    assert sentence(reason) == text
    assert json.loads(json.dumps(plain_data(reason), allow_nan=False))["code"] == reason.code


def test_no_code_lacks_a_sentence_or_an_example() -> None:
    assert set(get_args(Code)) == set(SENTENCES) == {reason.code for reason, _ in EXAMPLES}
    assert {reason.code for reason, _ in EXAMPLES if reason.inconclusive} == set(get_args(Inconclusive))


def test_only_the_parameters_of_a_code_are_stored() -> None:
    assert plain_data(Reason("cost not tested", cause=Reason("no reading"), examples=0)) == {
        "code": "cost not tested",
        "cause": {"code": "no reading"},
        "examples": 0,
    }


def test_a_search_that_ran_out_of_time_says_so_unless_the_cost_was_inconclusive() -> None:
    late = Late(120.0, 2, (), unjudged=True)
    assert nothing_kept(Reason("not tested in time"), late).startswith("Not finished")
    assert nothing_kept(Reason("too few rounds"), late).startswith("Can't tell")
