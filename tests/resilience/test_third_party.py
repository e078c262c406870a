"""Sensors of other packages that misbehave: each costs its own figure, with a reason, and nothing else.

The package is installed as pip leaves it behind and found by its entry point; beside it stands a simulated board
whose truth is known, and which must stay right whatever the other one does.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.resilience.bench import SETUP, Bench, Told, covered_or_unknown, right, unknown
from tests.support.driver import SimulatedDriver

PACKAGE = """
import math, os, threading, time
from jupyter_green.sensors import Discovery, Diagnostic, Reading, SensorFault, SensorInfo, Usage

WATTS = 100.0
release = threading.Event()
inside = threading.Event()

def counted():
    now = time.perf_counter()
    return Reading(now, now // 0.02 * 0.02 * WATTS)

def drawn():
    now = time.perf_counter()
    return Reading(now, WATTS + now // 0.02 % 2 * 0.01)  # renewed as often as its traits say

class Plug:
    def __init__(self, method):
        self.traits = SensorInfo(
            key="plugs:0", kind="other", device="Plug", method=method, quality="simulated", scope="what is plugged in",
            source="plugs", gain=0.02, power_limit=200.0, period=(0.02, 0.1), latency=0.0,
        )
        self.good = counted if method == "counter" else drawn
        self.answer = self.good
        self.who = lambda: frozenset({os.getpid()})
        self.shares = lambda since: None
        self.closing = lambda: None
        self.shown = lambda: None
    def reported_watts(self): return self.shown()
    def read(self): return self.answer()
    def processes(self): return self.who()
    def usage(self, since): return self.shares(since)
    def close(self): self.closing()

plug = Plug(os.environ.get("PLUG_METHOD", "counter"))

def discover():
    return Discovery((plug,), (Diagnostic("plugs", "Plug", True, "A plug."),))
"""

MISBEHAVE = """
import plugs
from plugs import *
plug = plugs.plug

def raises(): raise ValueError("the plug\\n  is on fire")
def gives_up(): raise SystemExit(3)
def fails(): raise SensorFault("Plug was pulled out.")
def no_number(): return Reading(time.perf_counter(), math.nan)
def endless(): return Reading(time.perf_counter(), math.inf)
def negative_power(): return Reading(time.perf_counter(), -5.0)
def absurd_power(): return Reading(time.perf_counter(), 1e9)
def backwards(): return Reading(time.perf_counter(), 1e6 - counted().value)
def negative(): return Reading(time.perf_counter(), -counted().value)
def leaps():
    leaps.value = getattr(leaps, "value", 0.0) + 1e9
    return Reading(time.perf_counter(), leaps.value)
def nothing(): return None
def a_word(): return Reading(time.perf_counter(), "12 J")
def wall_clock(): return Reading(time.time(), plug.good().value)
def long_ago(): return Reading(time.perf_counter() - 60.0, plug.good().value)
def hangs():
    inside.set()
    release.wait()
    return plug.good()
def slow():
    time.sleep(0.01)
    return plug.good()
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with the package in it."""
    place = tmp_path / "site"
    info = place / "plugs-1.0.dist-info"
    info.mkdir(parents=True)
    (place / "plugs.py").write_text(PACKAGE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[jupyter_green.sensors]\nplugs = plugs:discover\n")
    return place


@pytest.fixture
def driver(tmp_path: Path) -> SimulatedDriver:
    made = SimulatedDriver(tmp_path / "driver")
    made.board(ripple=0.0)
    return made


@pytest.fixture(params=["counter", "power"])
def bench(request: pytest.FixtureRequest, site: Path, driver: SimulatedDriver) -> Iterator[Bench]:
    """A metering process that found the plug and the board."""
    variables = {**driver.environment(), "PYTHONPATH": str(site), "PLUG_METHOD": request.param}
    with Bench(variables, setup="") as started:
        started.run("import plugs\n" + SETUP + MISBEHAVE)
        yield started


def truth(told: Told) -> float:
    return 100.0 * (told.end - told.start)


def metered(bench: Bench, driver: SimulatedDriver, label: str, seconds: float = 0.5) -> Told:
    """A window in which the board is busy; the board's figure is held against its truth."""
    start, end = driver.busy(400.0, seconds, lead=0.2)
    told = bench.block(label, start, end)
    right(told, driver.truth(0, told.start, told.end), width=1.0)
    return told


BOTH = {
    "raises": "the plug is on fire",
    "gives_up": "SystemExit",
    "fails": "pulled out",
    "no_number": "nan",
    "endless": "inf",
    "nothing": "not a reading",
    "a_word": "not a reading",
    "wall_clock": "a wrong time",
    "long_ago": "a wrong time",
}
BAD = {
    "counter": {**BOTH, "backwards": "backwards", "negative": "backwards", "leaps": "can have drawn"},
    "power": {**BOTH, "negative_power": "can't draw", "absurd_power": "can't draw"},
}


@pytest.mark.parametrize("bench", BAD, indirect=True)
def test_a_bad_answer_costs_its_own_figure(
    bench: Bench, driver: SimulatedDriver, request: pytest.FixtureRequest
) -> None:
    """From one moment on: that window is unknown for the plug, and the next one, once it answers well, is right.

    One answer after the other in one process, so that each also follows on whatever the others may leave behind.
    """
    told = metered(bench, driver, "before")
    right(told, truth(told), kind="other")
    for how, words in BAD[request.node.callspec.params["bench"]].items():
        bench.run(f"plug.answer = {how}")
        unknown(metered(bench, driver, how), words, kind="other")
        bench.run("plug.answer = plug.good")
        told = metered(bench, driver, f"after {how}")
        right(told, truth(told), kind="other")


def test_a_bad_answer_from_the_start_does_not_keep_the_extension_from_loading(site: Path) -> None:
    with Bench({"PYTHONPATH": str(site)}, setup="") as bench:
        bench.run("import time, math\n" + MISBEHAVE + "plug.answer = raises")
        bench.run(SETUP)
        now = time.perf_counter()
        told = bench.block("cell", now, now + 0.1, "sum(range(1_000_000))")
        unknown(told, "the plug is on fire", kind="other")
        assert told.part("cpu")["joules"] > 0


def test_a_call_that_never_ends(bench: Bench, driver: SimulatedDriver) -> None:
    """It hangs until it is let go: the block ends meanwhile, its record waits, the board's figure holds."""
    start, end = driver.busy(400.0, 0.8, lead=0.3)
    bench.run("plug.answer = hangs")
    told = bench.block("hanging", start, end, patience=0.05)
    assert bench.ask("inside.is_set() and not release.is_set()"), "the sensor did not hang in the block"
    assert not told.record["final"]
    assert told.record["status"] == "ok"
    bench.run("plug.answer = plug.good; release.set()")
    told = bench.again("hanging")
    covered_or_unknown(told, truth(told), kind="other")
    covered_or_unknown(told, driver.truth(0, told.start, told.end))
    told = metered(bench, driver, "next")
    right(told, truth(told), kind="other")


def test_a_process_whose_sensor_hangs_ends_and_keeps_its_records(site: Path, driver: SimulatedDriver) -> None:
    """The hanging call is never let go: the process ends by itself, and what it metered is in the ledger."""
    with Bench({**driver.environment(), "PYTHONPATH": str(site)}, setup="") as bench:
        bench.run("import plugs\n" + SETUP + MISBEHAVE)
        metered(bench, driver, "before")
        bench.run("plug.answer = hangs")
        now = time.perf_counter()
        told = bench.block("hanging", now, now + 0.2, patience=0.05)
        assert not told.record["final"]


def test_ending_the_session_does_not_wait_for_a_sensor_that_hangs(site: Path) -> None:
    with Bench({"PYTHONPATH": str(site)}, setup="") as bench:
        bench.run("import plugs\n" + SETUP + MISBEHAVE + "plug.answer = hangs\nsession.patience_seconds = lambda: 0.1")
        now = time.perf_counter()
        bench.block("hanging", now, now + 0.2, patience=0.05)
        bench.run("session.end()")
        assert bench.ask("inside.is_set() and not release.is_set()")


def test_a_call_of_ten_milliseconds(bench: Bench, driver: SimulatedDriver) -> None:
    bench.run("plug.answer = slow")
    told = metered(bench, driver, "cell")
    right(told, truth(told), kind="other")


@pytest.mark.parametrize(
    "who",
    [
        "plug.who = raises",
        "plug.who = lambda: frozenset({1}); plug.shares = raises",
        "plug.who = lambda: frozenset({1}); plug.shares = lambda since: Usage({1: math.nan, os.getpid(): 0.5}, '')",
        "plug.who = lambda: frozenset({1}); plug.shares = lambda since: Usage({1: -1.0, os.getpid(): 2.0}, '')",
        "plug.who = lambda: 7",
    ],
)
def test_who_used_the_device_can_not_be_told(bench: Bench, driver: SimulatedDriver, who: str) -> None:
    """The device's energy stands; what is said of whose it was is nothing, or possible."""
    bench.run(who)
    told = metered(bench, driver, "cell")
    right(told, truth(told), kind="other")
    own = told.part("other")["own_joules"]
    assert own is None or 0.0 <= own <= told.part("other")["joules"]


@pytest.mark.parametrize("shown", ["raises", "lambda: math.nan", "lambda: -5.0", "lambda: 'much'", "gives_up"])
def test_what_is_shown_beside_a_counter_is_no_use(site: Path, driver: SimulatedDriver, shown: str) -> None:
    """Looked at once a second, and wrong: the counters' figures and the heartbeats go on."""
    with Bench({**driver.environment(), "PYTHONPATH": str(site)}, setup="") as bench:
        bench.run("import plugs\n" + SETUP + MISBEHAVE + f"plug.shown = {shown}\nbeats = []")
        bench.run("session.listen(lambda event, record: beats.append(record) if event == 'beat' else None)")
        told = metered(bench, driver, "cell", 2.4)
        right(told, truth(told), kind="other")
        assert bench.ask("len(beats)") > 0
        assert bench.ask("session.problem") is None


def test_a_sensor_that_can_not_be_closed_is_said_and_the_session_ends(site: Path) -> None:
    with Bench({"PYTHONPATH": str(site)}, setup="") as bench:
        bench.run("import plugs, warnings\n" + SETUP + MISBEHAVE + "plug.closing = raises")
        now = time.perf_counter()
        bench.block("cell", now, now + 0.1)
        bench.run(
            "from jupyter_green.session import end\n"
            "with warnings.catch_warnings(record=True) as heard:\n"
            "    warnings.simplefilter('always')\n"
            "    end()"
        )
        (said,) = bench.ask("[str(one.message) for one in heard]")
        assert "Plug" in said
        assert "on fire" in said
        assert bench.ask("session.alive") is False
