"""A session on the simulated driver: windows against the driver's truth, and every way a process may end."""

from __future__ import annotations

import json
import random
import signal
import time
from pathlib import Path

import pytest

from jupyter_green.session.session import ABANDONED, STILL_OPEN
from tests.support.driver import SimulatedDriver
from tests.support.script import run, start, written

BLOCK = """
record = None
while time.perf_counter() < {start}: time.sleep(0.001)
a = time.perf_counter()
with green.meter("block") as window:
    a = window.opened.time
    while time.perf_counter() < {end}: time.sleep(0.005)
b = window.closed.time
record = window.record
print(json.dumps({{"a": a, "b": b, "record": record.to_dict()}}))
"""


@pytest.fixture
def driver(tmp_path: Path) -> SimulatedDriver:
    made = SimulatedDriver(tmp_path / "driver")
    made.board(ripple=0.0)
    return made


def gpu(record: dict) -> dict:
    return next(part for part in record["components"] if part["kind"] == "gpu")


def test_a_block_is_metered_to_within_its_interval_and_called_simulated(driver: SimulatedDriver) -> None:
    begin, end = driver.busy(400.0, 2.0, lead=2.0)
    told = run(BLOCK.format(start=begin, end=end), driver)
    part = gpu(told["record"])
    truth = driver.truth(0, told["a"], told["b"])
    assert abs(part["joules"] - truth) <= part["uncertainty"]
    assert part["uncertainty"] < 0.1 * truth
    assert part["quality"] == told["record"]["quality"] == "simulated"
    assert told["record"]["final"] is True


CELLS_AND_GAPS = """
session = current()
session.meter.forget = lambda before: None  # the whole is asked for at the end, however long a slow machine took
edges = [session._idle_since.time]
for pause in (0.3, 0.0, 0.05, 0.0, 0.4):
    time.sleep(pause)
    with session.window("cell") as window:
        sum(range(2_000_000))
    edges.append(window.closed.time)
time.sleep(1.0)
with session.window("cell") as window: pass
edges.append(window.closed.time)
session.settle()
session._recorder.conclude()
key = session.meter.traits[0].key
whole = session.meter.timelines[key].energy(edges[0], edges[-1]).joules
parts = [p.joules for r in session.finished for p in r.components if p.key == key and r.parent is None]
print(json.dumps({"whole": whole, "parts": parts, "spans": [r.span for r in session.finished]}))
"""


def adds_up(told: dict) -> None:
    assert told["spans"].count("cell") == 6
    assert "gap" in told["spans"]
    assert None not in told["parts"]
    assert sum(told["parts"]) == pytest.approx(told["whole"], abs=1e-6)


def test_cells_and_gaps_add_up_to_what_the_counter_says(driver: SimulatedDriver) -> None:
    driver.follow()
    adds_up(run(CELLS_AND_GAPS, driver))


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="This system can't stop a process.")
@pytest.mark.parametrize("seed", [40, 43, 61])
def test_they_add_up_where_the_process_is_held_up_again_and_again(driver: SimulatedDriver, seed: int) -> None:
    """Figures that could not settle in time are final then too: what a neighbour says must fit them."""
    driver.follow()
    chance = random.Random(seed)
    process = start(CELLS_AND_GAPS, driver)
    while process.poll() is None:
        time.sleep(chance.uniform(0.1, 0.6))
        process.send_signal(signal.SIGSTOP)
        time.sleep(chance.choice([0.15, 0.3, 0.45, 0.7]))
        process.send_signal(signal.SIGCONT)
    out, err = process.communicate()
    assert process.returncode == 0, err
    adds_up(json.loads(out.splitlines()[-1]))


def test_the_end_of_the_process_bills_its_main_thread_nothing() -> None:
    """Little may have run there, less than what the sampler used: that was refused as negative and lost the record."""
    told = run("""
session = current()
with green.meter("first"): pass
session.settle()
session._recorder._billed = 1e9
with session.window("cell") as last: sum(range(100_000))
session.close_at_exit()
print(json.dumps(last.record.final))
""")
    assert told is True


def test_an_exception_passes_through_and_what_ran_is_counted() -> None:
    told = run("""
try:
    with green.meter() as window:
        sum(range(3_000_000))
        raise KeyError("mine")
except KeyError as error:
    print(json.dumps([str(error), window.record.status, window.record.joules > 0]))
""")
    assert told == ["'mine'", "error", True]


def test_an_interrupt_is_called_one_and_stays_a_keyboard_interrupt() -> None:
    told = run("""
import _thread, signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job is started without
try:
    with green.meter() as window:
        _thread.interrupt_main()
        time.sleep(5)
except KeyboardInterrupt:
    print(json.dumps(window.record.status))
""")
    assert told == "interrupted"


def test_a_block_inside_another_is_part_of_it() -> None:
    told = run("""
with green.meter("outer") as outer:
    with green.meter("inner") as inner:
        sum(range(1_000_000))
print(json.dumps([inner.record.parent == outer.id, outer.record.parent, inner.record.joules <= outer.record.joules]))
""")
    assert told == [True, None, True]


def test_processor_time_of_children_is_counted() -> None:
    told = run("""
import subprocess
burn = "t = __import__('time').process_time\\nwhile t() < 0.6: pass"
with green.meter() as window:
    subprocess.run([sys.executable, "-c", burn], check=True)
    own = time.process_time()
session = current()
model = next(s for s in session.meter.sensors if s.traits.method == "model")
print(json.dumps([window.record.joules, model.watts_per_busy_core]))
""")
    joules, watts = told
    assert joules >= 0.55 * watts


def test_work_that_lets_no_other_thread_run_is_its_own_blocks() -> None:
    """The sampler reads once such work is over; what the count was where the work began is not lost by that."""
    told = run("""
blocks = []
for _ in range(3):
    time.sleep(0.6)
    with green.meter() as window:
        began = time.process_time()
        sum(range(2 * 10**7))
        spent = time.process_time() - began
    blocks.append([window.record.joules, spent])
model = next(s for s in current().meter.sensors if s.traits.method == "model")
print(json.dumps([blocks, model.watts_per_busy_core]))
""")
    blocks, watts = told
    for joules, spent in blocks:
        assert joules >= 0.9 * watts * spent


def test_two_cells_at_once_share_the_common_time_and_the_total_stays_the_devices(driver: SimulatedDriver) -> None:
    driver.follow()
    told = run(
        """
session = current()
def cell(before, length):
    time.sleep(before)
    with session.window("cell") as window: time.sleep(length)
    windows.append(window)
windows = []
threads = [threading.Thread(target=cell, args=a) for a in ((0.2, 1.0), (0.7, 1.0))]
for t in threads: t.start()
for t in threads: t.join()
records = [w.record for w in windows]
key = session.meter.traits[0].key
whole = session.meter.timelines[key].energy(min(w.opened.time for w in windows), max(w.closed.time for w in windows))
parts = [p.to_dict() for r in records for p in r.components if p.key == key]
print(json.dumps([whole.joules, parts, [r.notes for r in records]]))
""",
        driver,
    )
    whole, parts, notes = told
    assert sum(part["joules"] for part in parts) == pytest.approx(whole, rel=1e-6)
    assert all(part["shared"] for part in parts)
    assert all("same time" in note[0] for note in notes)


def test_a_forked_child_writes_nothing_and_the_parent_goes_on() -> None:
    told = run("""
with green.meter("parent") as window:
    pid = os.fork()
    if pid == 0:
        with green.meter("child"):
            pass
        sys.exit(3)
    _, status = os.waitpid(pid, 0)
print(json.dumps([os.waitstatus_to_exitcode(status), window.record.label, len(current().finished)]))
""")
    assert told[:2] == [3, "parent"]
    labels = [record.label for journal in written() for record in (*journal.settled, *journal.open)]
    assert labels.count("parent") == 1
    assert "child" not in labels


@pytest.mark.parametrize("end", ["os._exit(7)", "os.kill(os.getpid(), 9)"])
def test_a_killed_process_leaves_its_open_window_in_the_journal(end: str) -> None:
    process = start(f"""
with green.meter("done"): sum(range(100_000))
current().settle()
with green.meter("doomed"):
    t = time.process_time()
    while time.process_time() < t + 1.6: pass
    {end}
""")
    process.communicate(timeout=600)
    assert process.returncode in (7, -signal.SIGKILL)
    (journal,) = written()
    assert [record.label for record in journal.settled if record.span == "window"] == ["done"]
    (orphan,) = journal.close_interrupted()
    assert (orphan.label, orphan.status, orphan.final) == ("doomed", "killed", True)
    assert orphan.joules is not None
    assert orphan.joules > 0
    assert orphan.seconds > 0.5


def test_a_normal_end_settles_what_is_open_without_waiting() -> None:
    process = start("window = green.meter('left open').__enter__(); sum(range(100_000))")
    _, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    (journal,) = written()
    (left,) = [record for record in journal.settled if record.label == "left open"]
    assert STILL_OPEN in left.notes
    assert not journal.open


def test_a_full_disk_loses_no_record() -> None:
    told = run("""
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
session = current()
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
with green.meter("before"): pass
session.settle()
resource.setrlimit(resource.RLIMIT_FSIZE, (200, hard))
with green.meter("while full"): pass
record = window = None
session.settle()
problem, waiting = session.problem, session.store.waiting
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
session.store._next_try = 0.0
with green.meter("after"): pass
session.settle()
print(json.dumps([problem, waiting, session.problem, session.store.waiting]))
""")
    problem, waiting, later, left = told
    assert "kept in memory" in problem
    assert waiting >= 1
    assert later is None
    assert left == 0
    labels = [record.label for journal in written() for record in journal.settled if record.label]
    assert sorted(labels) == ["after", "before", "while full"]


def test_a_listener_that_fails_is_dropped_and_the_others_go_on() -> None:
    told = run("""
session, heard = current(), []
def broken(event, record): raise ValueError("listener")
session.listen(broken)
stop = session.listen(lambda event, record: heard.append(event))
with green.meter(): pass
session.settle()
stop()
with green.meter(): pass
session.settle()
print(json.dumps([heard.count("final"), session.problem]))
""")
    assert told[0] >= 1
    assert "listener" in told[1]


SENSOR = """
from jupyter_green.sensors import Discovery, Reading, SensorFault, SensorInfo
from jupyter_green.session import Session, Settings
class Third:
    def __init__(self, hang=0.0, fail=False):
        self.traits = SensorInfo(key="third:0", kind="other", device="Third", method="counter", quality="measured",
                             scope="all", source="third")
        self.reads, self.hang, self.fail, self.entered = 0, hang, fail, threading.Event()
    def read(self):
        self.reads += 1
        if self.reads > 1:
            self.entered.set()
            time.sleep(self.hang)
            if self.fail: raise SensorFault("The third sensor fell over.")
        now = time.perf_counter()
        return Reading(now, now // 0.05 * 0.05 * 100.0)
    def close(self): pass
"""


def test_nothing_is_read_while_nothing_runs() -> None:
    told = run(
        SENSOR
        + """
sensor = Third()
session = Session(discovery=Discovery((sensor,)))
with session.window("cell"): time.sleep(0.3)
session.settle()
time.sleep(0.3)
before, cpu = sensor.reads, session._sampler.cpu_seconds
time.sleep(1.5)
print(json.dumps([before > 3, sensor.reads - before, session._sampler.cpu_seconds - cpu]))
"""
    )
    assert told == [True, 0, 0.0]


@pytest.mark.parametrize(
    "name", ["session.sampler", "session.interrupts", "session.recorder", "background", "records.clock"]
)
def test_a_module_that_is_empty_while_it_is_reloaded_ends_no_metering(name: str) -> None:
    """`%autoreload` empties a module's names before it runs it again; the sampler may need one just then."""
    told = run(
        SENSOR
        + f"""
session = Session(discovery=Discovery((Third(),)))
with session.window("cell"): time.sleep(0.2)
session.settle()
module = sys.modules["jupyter_green.{name}"]
names = dict(vars(module))
for _ in range(5):
    vars(module).clear()
    session._sampler._signal.set()
    time.sleep(0.05)
    vars(module).update(names)
    with session.window("cell") as window: time.sleep(0.2)
record = window.wait(5)
print(json.dumps([record.final, session._sampler._thread.is_alive(), len(record.components)]))
"""
    )
    assert told == [True, True, 1]


def test_a_sensor_that_hangs_does_not_hold_the_block() -> None:
    told = run(
        SENSOR
        + """
sensor = Third(hang=3.0)
session = Session(discovery=Discovery((sensor,)))
with session.window("window") as window:
    sensor.entered.wait(10)
still_hanging = sensor.entered.is_set() and session._recorder.busy
first = window.wait(0.05).final
print(json.dumps([still_hanging, first]))
session._sampler.stop(0)
os._exit(0) if sys.stdout.flush() is None else None
"""
    )
    assert told == [True, False]


def test_a_sensor_that_fails_costs_a_note_not_the_record() -> None:
    told = run(
        SENSOR
        + """
session = Session(discovery=Discovery((Third(fail=True),)))
with session.window("window") as window: time.sleep(0.2)
record = window.record
print(json.dumps([record.joules, record.components[0].note, record.status]))
"""
    )
    assert told == [None, "The third sensor fell over.", "ok"]


def test_a_window_that_is_left_by_hand_lives_as_long_as_its_object() -> None:
    told = run("""
import gc
def opened(label): return green.meter(label).__enter__()
kept, dropped = opened("kept"), opened("dropped")
inner = dropped._window
sum(range(100_000))
del dropped
gc.collect()
ended = inner.wait(60)
still = kept.closed is None
kept.__exit__(None, None, None)
print(json.dumps([ended.status, list(ended.notes), ended.final, still, kept.record.status, list(kept.record.notes)]))
""")
    assert told == ["error", [ABANDONED], True, True, "ok", []]


def test_a_window_is_used_once() -> None:
    told = run("""
window = green.meter()
try: window.record
except RuntimeError as error: early = str(error)
with window: pass
try:
    with window: pass
except RuntimeError as error: print(json.dumps([early, str(error)]))
""")
    assert "still open" in told[0] or "not" in told[0]
    assert "used already" in told[1]


def test_wrong_settings_are_one_sentence() -> None:
    process = start("current()", JUPYTER_GREEN_REGION="Atlantis")
    _, err = process.communicate(timeout=600)
    assert process.returncode == 1
    assert "Atlantis" in err.strip().splitlines()[-1]


def test_two_processes_keep_two_journals() -> None:
    pair = [
        start('input()\nwith green.meter("mine"): pass\nprint(json.dumps(current().settings.run_id))') for _ in "ab"
    ]
    runs = {json.loads(process.communicate("\n", timeout=600)[0]) for process in pair}
    assert len(runs) == 2
    assert sum(record.label == "mine" for journal in written() for record in journal.settled) == 2


def test_the_session_is_light() -> None:
    process = start("with green.meter(): pass\nprint(json.dumps(sorted({m.split('.')[0] for m in sys.modules})))")
    loaded = set(json.loads(process.communicate(timeout=600)[0]))
    assert not loaded & {"sqlalchemy", "alembic", "torch", "pandas", "numpy", "tornado", "nbclient", "ipywidgets"}


def test_records_reach_the_ledger_while_a_window_is_open_and_the_journal_stays_short() -> None:
    """A loop that never rests inside a window that never ends, with parts of a few kilobytes."""
    told = run(
        """
import jupyter_green.session.record_writer as store
from jupyter_green.storage import Ledger, journal_folder, journals
store.LATEST_SECONDS = store.DRAIN_EVERY_SECONDS = store.ASK_SECONDS = 0.05
store.ROTATE_BYTES = 5000
made = 0
with green.meter("outer"):
    session = current()
    with Ledger(session.settings.ledger) as ledger:
        folder = journal_folder(session.settings.ledger)
        while made < 40 or not ledger._database.read(
            lambda c: c.exec_driver_sql("SELECT count(*) FROM green_records WHERE label = 'inner'").scalar_one()
        ) >= 30:
            with green.meter("inner"): sum(range(2000))
            made += 1
    session.settle()
    session.store.drain()
    while len(list(journals(folder))) > 1:  # the sampler may drain just now, or go on in another part
        session.store.drain()
    left = [path.stat().st_size for path in journals(folder)]
session.settle()
session.store.drain()
while session.store.drain_problem:
    session.store.drain()
with Ledger(session.settings.ledger) as ledger:
    labels = [record.label for record in ledger.records() if record.label]
    statuses = {record.status for record in ledger.records()}
print(json.dumps([made, len(left), max(left), labels.count("inner"), labels.count("outer"), sorted(statuses)]))
"""
    )
    made, files, longest, inner, outer, statuses = told
    assert (inner, outer, statuses) == (made, 1, ["ok"])
    assert files == 1
    assert longest < 5000 + 20_000


def test_windows_that_wait_for_their_figures_begin_no_journal_for_each_record() -> None:
    """A sampler that is kept from its work for a while finds hundreds of them, more than a file may hold."""
    told = run(
        """
import jupyter_green.session.record_writer as writer
writer.ROTATE_BYTES = 5000
session = current()
made, new_journal = [], session.store._new_journal
session.store._new_journal = lambda: made.append(1) or new_journal()
with session._sampler._stepping:
    for _ in range(300):
        session.close(session.open(session.window("window")))
session.settle(60)
print(json.dumps([len(session.finished), len(made)]))
"""
    )
    assert told[0] >= 300
    assert told[1] < 60


def test_the_status_counts_what_is_no_longer_kept() -> None:
    """As it would with all of it in memory: cells, joules and their ±, gaps, blocks inside others."""
    told = run(
        """
from jupyter_green.magics.energy.status import Sources, history
from jupyter_green.reporting import Totals
from collections import deque
session = current()
whole = []
session.listen(lambda event, record: whole.append(record) if event == "final" else None)
settlement = session._recorder
settlement.finished = deque(maxlen=7)
for number in range(30):
    window = session.open(session.window("cell"))
    if number % 3 == 0:
        with green.meter("inside"): sum(range(1000))
    session.close(window)
session.settle()
records, earlier = session.so_far()
totals, expected = Totals(records, earlier=earlier), Totals(whole)
a, b = totals.sum, expected.sum
page = history(session, everything=False, sources=Sources(()))
print(json.dumps([totals.cells, expected.cells, a.joules, b.joules, a.uncertainty, b.uncertainty,
                  a.seconds, b.seconds,
                  totals.gaps.joules, expected.gaps.joules, totals.text(), expected.text(),
                  len(page.records)]))
"""
    )
    assert told[0] == told[1] == 30
    for ours, right in ((2, 3), (4, 5), (6, 7), (8, 9)):
        assert told[ours] == (None if told[right] is None else pytest.approx(told[right], rel=1e-9))
    assert told[10] == told[11]
    assert told[12] == told[0] + 10  # one line for each cell and block
