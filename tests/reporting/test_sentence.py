"""The sentence says, in every state, how much, how sure, from where and how long; and no more than is known."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_green.records import EnergyRecord
from jupyter_green.reporting import sentence
from jupyter_green.reporting.record.sentence import quality_word
from tests.reporting.arbitrary import records
from tests.support.record_states import CPU, GPU, record, simulated, states

JOINERS = "\u200c\u200d"
SENTENCES = {
    "ok": "12.4 J ± 0.6 · GPU measured 11.2 J · CPU estimated 1.2 J (±40 %) · 1.83 s",
    "valued": (
        "12.4 J ± 0.6 · GPU measured 11.2 J · CPU estimated 1.2 J (±40 %) · 1.83 s · 0.19 mg CO₂e · "
        "€0.86 per million runs"
    ),
    "estimated": "~20 J ± 8 · CPU estimated, no sensor can be read (%energy doctor) · 1.30 s",
    "simulated": "12.4 J ± 0.6 · GPU simulated 11.2 J · CPU estimated 1.2 J (±40 %) · 6.0 s",
    "below": (
        "≤ 0.8 J · below what the sensor resolves: it ticks every 100 ms, this took 21 ms · "
        "%%energyit repeats it until it can tell"
    ),
    "below, estimated": (
        "≤ 0.03 J · CPU estimated, too small to distinguish from 0 (%energy doctor) · this took 3.0 ms · "
        "%%energyit repeats it until it can tell"
    ),
    "killed": "≥ 52 J · kernel killed · counted up to the last heartbeat, as a rule within 1 s of the end",
    "interrupted": "74 J ± 2 · GPU measured 73 J · CPU estimated 1.2 J (±40 %) · interrupted after 5.5 s",
    "error": (
        "124 J ± 6 · GPU measured 112 J · CPU estimated 12 J (±40 %) · stopped by an error after 5.1 s, still counted"
    ),
    "shared": "99 J ± 2 in all · GPU shared: 51 J attributed of the device’s 96 J · CPU estimated 3 J (±40 %) · 1.10 s",
    "shared, no split": (
        "12.4 J ± 0.6 · GPU measured 11.2 J, shared with other processes · CPU estimated 1.2 J (±40 %) · 1.83 s"
    ),
    "several": "236 J ± 7 · 2 GPUs measured 224 J · CPU estimated 12 J (±40 %) · 6.0 s",
    "absent": (
        "~1.2 J ± 0.5 · CPU estimated, no sensor was read (%energy doctor) · "
        "GPU 0, RTX A500 not counted: The driver did not answer for 2 s · 1.83 s"
    ),
    "absent, named": (
        "~1.2 J ± 0.5 · CPU estimated, no sensor was read (%energy doctor) · "
        "GPU 0, RTX A500 not counted: It has no counter. Its driver is one that tells neither energy nor power, and "
        "what it shows elsewhere is not of this machine · 1.83 s"
    ),
    "contradicted": "34.8 J ± 0.9 · 3 GPUs measured 33.6 J · CPU estimated 1.2 J (±40 %) · 1.83 s",
    "throttled": "12.4 J ± 0.6 · GPU measured 11.2 J · CPU estimated 1.2 J (±40 %) · 1.83 s",
    "noted": "12.4 J ± 0.6 · GPU measured 11.2 J · CPU estimated 1.2 J (±40 %) · 1.83 s · 0.310 J ± 0.015 per token",
    "no reading": "no reading: GPU 0, RTX A500: The driver did not answer for 2 s · %energy doctor · 1.83 s",
    "no sensor": "no reading: no sensor was found · %energy doctor · 1.83 s",
    "units": "12.4 J ± 0.6 · GPU measured 11.2 J · CPU estimated 1.2 J (±40 %) · 1.83 s · 0.310 J ± 0.015 per token",
    "so far": "570 J so far · 24 W now · 28 s",
    "so far, nothing yet": "no reading yet · 40 ms",
    "gap": "12.4 J ± 0.6 · GPU measured 11.2 J · CPU estimated 1.2 J (±40 %) · 28 s between cells",
    "large": "1.24 MJ ± 0.04 · GPU measured 1.24 MJ · CPU estimated 900 J (±40 %) · 1 h 7 min",
    "± not known": "12 J ± not known · GPU measured 11 J · CPU estimated 1.2 J (±40 %) · 1.83 s",
}


@pytest.mark.parametrize("state", SENTENCES)
def test_each_state_has_its_sentence(state):
    assert sentence(states()[state]) == SENTENCES[state]


def test_every_state_is_said():
    unsaid = {name for name in states() if name not in SENTENCES}
    assert unsaid == {"long names", "hostile names"}


@given(records())
def test_any_record_has_one_clean_line(drawn):
    line = sentence(drawn)
    assert line
    assert len(line) < 2000
    assert not {unicodedata.category(sign) for sign in line if sign not in JOINERS} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    line.encode()


@given(records(st.sampled_from(["estimated", "simulated"])))
def test_nothing_is_called_measured_that_was_not(drawn):
    bare = drawn.with_(components=tuple(replace(part, device="", note=None) for part in drawn.components))
    bare = bare.with_(unit=None, currency=None, notes=())
    assert "measured" not in sentence(bare)
    assert "measured" not in quality_word(bare)


@given(records(st.just("simulated")))
def test_a_simulated_figure_says_so(drawn):
    if drawn.joules is not None and "no reading" not in sentence(drawn):
        assert "simulated" in sentence(drawn)


def test_an_estimate_always_points_to_the_doctor_or_names_its_interval():
    for parts in ((CPU,), (CPU, GPU), (replace(CPU, joules=0.1, uncertainty=0.2),)):
        line = sentence(record(*parts))
        assert "%energy doctor" in line or "estimated 1.2 J (±40 %)" in line


def test_below_the_resolution_of_a_long_window_blames_the_error_not_the_tick():
    line = sentence(record(replace(GPU, joules=3.0, uncertainty=5.0), seconds=30.0, span="window"))
    assert line == "≤ 8 J · below what the sensor resolves: its error is as large as the figure, this took 30 s"


def test_below_the_resolution_of_a_simulated_sensor():
    line = sentence(record(simulated(replace(GPU, joules=0.3, uncertainty=0.5)), seconds=0.021))
    assert "below what the simulated sensor resolves" in line


def test_a_bound_is_not_zero_and_an_error_is_still_said():
    line = sentence(record(replace(GPU, joules=-0.2, uncertainty=0.3), seconds=0.02, status="error"))
    assert line.startswith("≤ 0.10 J · below")
    assert "stopped by an error after 20 ms" in line
    assert "%%energyit" not in line


def test_a_killed_cell_without_a_lower_bound_and_without_a_sensor():
    assert sentence(record(replace(GPU, joules=0.3, uncertainty=0.5), status="killed")).startswith(
        "≤ 0.8 J counted · kernel killed · counted up to"
    )
    assert sentence(record(CPU, status="killed")).endswith("of the end · CPU estimated")
    assert sentence(record(simulated(GPU), status="killed")).endswith("of the end · GPU simulated")
    assert sentence(record(status="killed")) == "no reading: no sensor was found · %energy doctor · kernel killed"


def test_so_far_without_a_course_tells_the_mean_and_marks_what_it_is():
    assert (
        sentence(record(simulated(GPU), seconds=2.0, final=False)) == "11.2 J so far · simulated · 5.6 W mean · 2.0 s"
    )
    assert sentence(record(CPU, seconds=2.0, final=False)) == "~1.2 J so far · 0.60 W mean · 2.0 s"


def test_several_shared_gpus_and_one_absent():
    boards = [
        replace(GPU, key=str(i), joules=50.0, uncertainty=1.0, shared=True, own_joules=20.0, source=str(i))
        for i in (0, 1)
    ]
    lost = replace(GPU, device="GPU 2", joules=None, uncertainty=None, note=None)
    line = sentence(record(*boards, lost, seconds=2.0))
    assert "2 GPUs shared: 40.0 J attributed of the devices’ 100.0 J" in line
    assert "GPU 2 not counted: no reading came" in line


LOST = (
    "It could not be read: the NVIDIA driver lost the GPU (it fell off the bus, was reset, "
    "or its driver was reloaded); it used at least 392 J ± 20 (measured) in the 0.98 s up to then."
)


def test_a_lost_board_is_named_once_and_its_lower_bound_is_not_cut_off():
    lost = replace(GPU, device="GPU 0, NVIDIA H100 80GB HBM3", joules=None, uncertainty=None, note=LOST)
    said = "GPU 0, NVIDIA H100 80GB HBM3 not counted: It could not be read: the NVIDIA driver lost the GPU"
    line = sentence(record(lost, CPU))
    assert said in line
    assert line.count("H100") == 1
    assert "it used at least 392 J ± 20 (measured) in the 0.98 s up to then · 1.83 s" in line
    assert sentence(record(lost)).startswith("no reading: GPU 0, NVIDIA H100 80GB HBM3: It could not be read")
    assert sentence(record(lost, replace(CPU, joules=None, note=None))).startswith("no reading: GPU 0, NVIDIA H100")
    assert "up to then · %energy doctor" in sentence(record(lost))


def test_many_absent_devices_are_not_all_named():
    lost = [replace(GPU, key=str(i), device=f"GPU {i}", joules=None, uncertainty=None) for i in range(8)]
    line = sentence(record(CPU, *lost))
    assert "GPU 0 not counted" in line
    assert "6 more not counted" in line


def test_a_figure_that_is_no_number_is_no_reading():
    assert sentence(record(replace(GPU, joules=float("nan")))) == (
        "no reading: a sensor returned a value that is not a number · %energy doctor · 1.83 s"
    )


@pytest.mark.parametrize(
    ("unit", "one"),
    [("tokens", "token"), ("images", "image"), ("batches", "batch"), ("queries", "query"), ("boxes", "box"),
     ("class", "class"), ("token", "token"), ("s", "s"), ("", "unit"), ("corpus", "corpus")],
)  # fmt: skip
def test_units_are_named_in_the_singular(unit, one):
    assert sentence(record(GPU, units=2.0, unit=unit)).endswith(f"J ± 0.15 per {one}")


@pytest.mark.parametrize(
    ("parts", "word"),
    [((GPU,), "measured"), ((GPU, CPU), "90 % measured"), ((CPU,), "estimated"), ((simulated(GPU), CPU), "simulated"),
     ((), "no reading")],
)  # fmt: skip
def test_the_word_for_a_total(parts, word):
    assert quality_word(record(*parts)).replace("\u202f", " ") == word


def test_a_record_and_its_copy_from_the_ledger_read_alike():
    for drawn in states().values():
        assert sentence(EnergyRecord.from_dict(drawn.to_dict())) == sentence(drawn)
