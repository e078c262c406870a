"""``%energy tax`` and ``%energy rebound`` in a real kernel: each term visible, and nothing that is not told apart."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from jupyter_green.magics.energy.tax import _rule
from jupyter_green.records import Component, EnergyRecord
from tests.support.driver import SimulatedDriver
from tests.support.kernel import Kernel

pytestmark = pytest.mark.shell

WORK = "sum(i * i for i in range(3_000_000))"
LATER = """
import time
from jupyter_green.storage import Ledger
from jupyter_green.records import Component, EnergyRecord
def put(joules, units, at, label=None, span="cell", unit="tokens", **facts):
    part = Component("gpu", "GPU 0", "nvidia:0", joules, 0.01, 0.0, "counter", "measured", "whole board", "nvidia")
    record = EnergyRecord((part,), seconds=1.0, started_at=time.time() + at, units=units, unit=unit, label=label,
        project=get_ipython()._jupyter_green.session.settings.project, span=span, run_id="earlier", **facts)
    with Ledger() as ledger:
        ledger.add([record])
"""


def test_each_term_is_visible_and_the_tariff_is_kept(start: Callable[..., Kernel]) -> None:
    kernel = start(JUPYTER_GREEN_TARIFF="0.25 EUR/kWh", JUPYTER_GREEN_PUE="1.2")
    assert kernel.run("%load_ext jupyter_green").status == "ok"
    assert kernel.run(f"%%energy -q -u 10 -o rec\n{WORK}").status == "ok"
    shown = kernel.run("%energy tax --fixed 0.0001J --rate 0.30").text()
    assert "Baseline: fixed at 0.0001 J per unit." in shown
    assert re.search(r"Shadow price: \S+ kWh of excess × 0.3 EUR/kWh = \S+ EUR \(the rate given\)\. Nobody is", shown)
    assert re.search(r"This run: \S+ EUR = electricity \S+ \+ excess \S+ \(tariff version [0-9a-f]{8}\)", shown)
    look = (
        "[(p.kind, p.document['per_kwh'], p.document['tax']) for p in __import__('jupyter_green').ledger().postings()]"
    )
    assert kernel.json(look) == [["tariff", "0.25", "0.30"]]
    kernel.run("%energy tax --fixed 0.0001J --rate 0.30")
    assert len(kernel.json(look)) == 1  # one version of a tariff is one row
    kernel.run("%energy tax --fixed 0.0001J --rate 0.40 --gpu-hour 2.5")
    assert len(kernel.json(look)) == 2
    assert kernel.json("rec.tariff") == kernel.json(
        "__import__('jupyter_green.accounts', fromlist=['x']).TariffCard("
        "__import__('jupyter_green.impact', fromlist=['x']).Tariff.parse('0.25 EUR/kWh'), pue='1.2').version"
    )


def test_an_excess_that_is_not_told_apart_costs_nothing(metered: Kernel) -> None:
    assert metered.run(f"%%energy -q -u 10 -o rec\n{WORK}").status == "ok"
    each = metered.json("rec.joules / 10")
    shown = metered.run(f"%energy tax --fixed {each * 0.9:.9f}J --rate 0.30").text()
    assert "not proven, costs nothing" in shown
    assert "Shadow price: 0 kWh of excess" in shown
    assert "none (" in metered.run("%energy tax --fixed 1000J --rate 0.30").text()
    assert "No rate is set" in metered.run("%energy tax --fixed 1J").text()


def test_a_price_of_carbon_gives_the_rate(start: Callable[..., Kernel]) -> None:
    kernel = start(JUPYTER_GREEN_REGION="475 g/kWh")
    assert kernel.run("%load_ext jupyter_green").status == "ok"
    assert kernel.run(f"%%energy -q -u 10\n{WORK}").status == "ok"
    shown = kernel.run("%energy tax --fixed 0.0001J").text()
    assert "× 0.09025 USD/kWh" in shown
    assert "190 USD per tonne of CO2e" in shown
    assert "× 0.0475 EUR/kWh" in kernel.run("%energy tax --fixed 0.0001J --carbon-price 100EUR").text()


def test_the_notebook_s_baseline_is_the_usual_one(metered: Kernel) -> None:
    assert "first run of this notebook" in metered.run("%energy tax --rate 0.3").text()
    metered.run(WORK)
    metered.run("%baseline set here")
    metered.run(WORK)  # what was just kept is not compared with itself
    shown = metered.run("%energy tax --rate 0.3").text()
    assert "is compared with the baseline 'here'" in shown
    assert "not proven, costs nothing" in shown
    # A tolerance moves what is granted, and never what was used.
    tolerant = metered.run("%energy tax --rate 0.3 --tolerance 50%").text()
    (used, granted), (same, more) = (
        (float(joules) for joules in re.findall(r"be compared +([\d.]+) J +([\d.]+) J", text)[0])
        for text in (shown, tolerant)
    )
    assert same == used
    # Each is shown to a hundredth or a tenth.
    assert more == pytest.approx(1.5 * granted, abs=0.05 * 2.5 + 1e-9)


def test_history_and_benchmark_come_from_the_ledger(metered: Kernel) -> None:
    metered.run(LATER)
    assert metered.run(f"%%energy -q -u tokens\n{WORK}").status == "ok"
    metered.run(f"%%energy -q -u 10 -o rec\n{WORK}")
    assert "no run yet whose units were counted" in metered.run("%energy tax --benchmark --rate 1").text()
    metered.run("for n in range(20): put(0.1 + n, 10, -50 - n, unit=None, code_hash=rec.code_hash)")
    shown = metered.run("%energy tax --benchmark --rate 1").text()
    assert "Baseline: benchmark, the mean of the best 2 of 20 runs." in shown
    assert "0.60 J" in shown or "0.6 J" in shown  # ten units of (0.01 + 0.11) / 2 J
    shown = metered.run("%energy tax --history --rate 1").text()
    assert "the median of the first 5 runs (grandfathered: their waste is accepted)" in shown
    # A cell of another group, which has none: it is left out, and the others stand.
    metered.run(f"%%energy -q -u 10 -l another\n{WORK}")
    several = metered.run("%energy tax --benchmark --rate 1").text()
    assert "Baseline: benchmark, the mean of the best 2 of 20 runs." in several
    assert re.search(r"Left out, \[\d+\]: The group has no run yet", several)
    assert "The figures are estimated." in several
    assert "No reference" in metered.run("%energy tax --reference 'text generation' --rate 1").text()
    assert "no reference for 'weather'" in metered.run("%energy tax --reference weather --rate 1").text()


def test_a_rebound_is_shown_and_its_credit_kept(metered: Kernel) -> None:
    assert "no %shrink yet" in metered.run("%energy rebound").text()
    metered.run(LATER)
    metered.run(
        "put(1000, 100, -1500)\nput(750, 150, -500)\n"
        "from jupyter_green.records.shrink_outcome import ShrinkOutcome\n"
        "kept = ShrinkOutcome('kept', 'm', True, 'int8, 2.0 × less energy, proven')\n"
        "put(500, None, -1000, shrinks=(kept,), span='trial')"
    )
    shown = metered.run("%energy rebound").text()
    assert "Rebound: more use takes back 50 % of the saving (95 %: 50 % to 50 %)." in shown
    assert "Credit: 750.000 J ± 0.018; --credit keeps it." in shown
    assert "kept." in metered.run("%energy rebound --credit").text()
    look = "[(p.kind, p.document['joules']) for p in __import__('jupyter_green').ledger().postings()]"
    assert metered.json(look) == [["credit", pytest.approx(750.0)]]
    assert "already kept." in metered.run("%energy rebound --credit").text()
    metered.run("put(50, 10, -400)")
    more = metered.run("%energy rebound --credit").text()
    assert "Credit: 800.00 J ±" in more
    assert "of which 50.00 J ± 0.02 is new and kept" in more
    assert metered.json(look)[1:] == [["credit", pytest.approx(50.0)]]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("tax --rate cheap", "--rate is 'cheap'"),
        ("tax --rate -1", ""),
        ("tax --fixed 2", "with its unit"),
        ("tax --fixed 3EUR --rate 1", "joules per unit"),
        ("tax --tolerance lots --fixed 2J", "not a tolerance"),
        ("tax --fixed 2J --history", "not allowed with"),
        ("tax --carbon-price 100", ""),
        ("rebound now", "--credit and nothing else"),
    ],
)
def test_bad_input_is_one_sentence(one_for_all: Kernel, line: str, why: str) -> None:
    one_for_all.run("%config JupyterGreen.region = '475 g/kWh'")
    one_for_all.run(f"%%energy -q -u 10\n{WORK}")
    outcome = one_for_all.run(f"%energy {line}")
    assert outcome.status == "error", outcome.text()
    assert re.fullmatch(r"UsageError: %energy[^\n]*\n?", outcome.text()), outcome.text()
    assert why in outcome.text()


def test_what_was_throttled_on_one_side_alone_costs_nothing(start: Callable[..., Kernel], tmp_path: Path) -> None:
    driver = SimulatedDriver(tmp_path / "driver")
    driver.board(noise=0.0)
    driver.busy(250.0, 300.0, lead=0.2)
    cell = "%%energy -q -u 10\nimport time; time.sleep(1.2)"
    driver.condition(reasons=["hardware thermal"])
    for reasons in (["hardware thermal"], []):
        driver.condition(reasons=reasons)
        kernel = start(**driver.environment(), CUDA_VISIBLE_DEVICES=None)
        assert kernel.run("%load_ext jupyter_green").status == "ok"
        assert kernel.run(cell).status == "ok"
    alone = "the device was throttled in the baseline’s run and not in this one"
    for rule in ("--history", "--benchmark"):
        assert f"No run can be compared: {alone}." in kernel.run(f"%energy tax {rule} --rate 1").text()
    driver.condition(reasons=["hardware thermal"])
    assert kernel.run("import time; time.sleep(0.5)").status == "ok"
    assert kernel.run(cell).status == "ok"
    for rule in ("--history", "--benchmark"):
        shown = kernel.run(f"%energy tax {rule} --rate 1").text()
        assert re.search(r"\[\d+\]: Baseline: (history|benchmark), the m", shown)
        assert alone in shown
        assert shown.count("sleep(1.2)") == 1, "the other cell is left out"


@pytest.mark.parametrize(
    ("throttle", "fair"), [(("thermal",), False), (("power_cap",), True), ((), True), (None, True)]
)
def test_a_published_figure_is_of_no_throttled_device(throttle: tuple[str, ...] | None, fair: bool) -> None:
    part = Component("gpu", "NVIDIA H100", "nvidia:0", 9.0, 0.1, 0.0, "counter", "measured", "whole board", "nvidia")
    record = EnergyRecord((replace(part, throttle=throttle),), 1.0, 1.0, units=10.0, batch_size=1)
    options = Namespace(fixed=None, reference="text generation")
    if fair:
        assert _rule(None, options, record)[0].kind == "reference"
    else:
        with pytest.raises(ValueError, match="The device was throttled, which a published figure does not cover"):
            _rule(None, options, record)
