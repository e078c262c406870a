"""Processes that multiply: forks, workers, two kernels on one ledger; and cells that are run again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.resilience.bench import Bench, Told, ledger, right
from tests.support.driver import SimulatedDriver
from tests.support.script import run, start

BURN = """
def burn(seconds):
    began = time.process_time()
    while time.process_time() < began + seconds: pass
    return os.getpid()
"""


@pytest.fixture
def driver(tmp_path: Path) -> SimulatedDriver:
    made = SimulatedDriver(tmp_path / "driver")
    made.board(ripple=0.0)
    return made


def test_a_fork_inside_a_window_leaves_the_parent_whole(driver: SimulatedDriver) -> None:
    """Children that meter, that end at once and that outlive the window: one record, right, and no other."""
    began, ended = driver.busy(400.0, 1.5, lead=4.0)
    told = run(
        f"""
session = current()
until = {began!r}
while time.perf_counter() < until: time.sleep(0.002)
children = []
with green.meter("parent") as window:
    for how in ("meters", "exits", "lingers"):
        pid = os.fork()
        if pid == 0:
            if how == "meters":
                with green.meter("child") as inner: sum(range(100_000))
                try: inner.record
                except RuntimeError as error: os._exit(0 if "fork" in str(error) else 9)
                os._exit(8)
            if how == "exits": sys.exit(0)
            time.sleep(2.5)
            os._exit(0)
        children.append(pid)
    while time.perf_counter() < {ended!r}: time.sleep(0.005)
record = window.record
codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
with green.meter("after") as after: pass
print(json.dumps([window.opened.time, window.closed.time, record.to_dict(), codes, after.record.status]))
""",
        driver,
        PYTHONWARNINGS="ignore",
    )
    opened, closed, record, codes, after = told
    assert codes == [0, 0, 0]
    assert after == "ok"
    (board,) = [part for part in record["components"] if part["kind"] == "gpu"]
    assert abs(board["joules"] - driver.truth(0, opened, closed)) <= board["uncertainty"]
    assert sorted(label for label in ledger() if label) == ["after", "parent"]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_time_is_the_windows_and_they_write_nothing(method: str, tmp_path: Path) -> None:
    """As a data loader does it: workers that live from the first batch to the last."""
    program = tmp_path / "loader.py"
    program.write_text(
        "import json, multiprocessing, os, sys, time\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n" + BURN + "\n"
        "if __name__ == '__main__':\n"
        "    import jupyter_green as green\n"
        "    from jupyter_green.session import current\n"
        "    session = current()\n"
        f"    context = multiprocessing.get_context({method!r})\n"
        "    with green.meter('epoch') as window:\n"
        "        with context.Pool(2) as pool:\n"
        "            workers = set(pool.map(burn, [0.3] * 4, chunksize=1))\n"
        "            pool.close(); pool.join()\n"
        "    model = next(s for s in session.meter.sensors if s.traits.method == 'model')\n"
        "    print(json.dumps([window.record.joules, model.watts_per_busy_core, len(workers)]))\n"
    )
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    joules, watts, workers = json.loads(done.stdout)
    assert workers >= 1
    assert joules >= 0.9 * 4 * 0.3 * watts
    found = ledger()
    assert [label for label in found if label] == ["epoch"]
    assert found["epoch"][0].joules == joules


ATTEMPT = """
def attempt(label, start, end):
    until(start)
    window = windows[label] = green.meter(label)
    try:
        with window:
            until(end)
            1 / 0
    except ZeroDivisionError:
        return [window.opened.time, window.closed.time]
"""


def test_a_window_that_raises_is_kept_and_may_be_run_again(driver: SimulatedDriver) -> None:
    with Bench(driver.environment()) as bench:
        bench.run(ATTEMPT)
        for label in ("first", "second"):
            begin, end = driver.busy(400.0, 0.6, lead=0.3)
            told = Told(*bench.ask(f"attempt({label!r}, {begin!r}, {end!r})"), bench.ask(f"told({label!r})"))
            bench.told[label] = told
            assert told.record["status"] == "error"
            right(told, driver.truth(0, told.start, told.end))
        begin, end = driver.busy(300.0, 0.6, lead=0.3)
        told = bench.block("third", begin, end)
        assert told.record["status"] == "ok"
        right(told, driver.truth(0, told.start, told.end))


def test_two_kernels_on_one_ledger(driver: SimulatedDriver) -> None:
    """Both meter and drain at once, again and again: every window of both is there once."""
    code = """
from jupyter_green.storage import Ledger
for number in range(15):
    with green.meter(f"{sys.argv[1]} {number}"): sum(range(10_000))
    if number % 3 == 0:
        current().store.drain()
current().settle()
print(json.dumps(current().problem))
"""
    pair = [start(code.replace("sys.argv[1]", repr(name)), driver) for name in ("one", "two")]
    for process in pair:
        out, err = process.communicate(timeout=600)
        assert process.returncode == 0, err
        assert json.loads(out.strip().splitlines()[-1]) is None
    found = ledger()
    assert sorted(label for label in found if label) == sorted(f"{n} {k}" for n in ("one", "two") for k in range(15))
    assert all(len(records) == 1 for label, records in found.items() if label)
    assert len({record.run_id for records in found.values() for record in records}) == 2


def test_no_sensor_at_all_is_no_reading_with_its_reason() -> None:
    told = run("""
from jupyter_green.reporting.record.sentence import sentence
from jupyter_green.sensors import Discovery
from jupyter_green.session import Session
session = Session(discovery=Discovery())
with session.window(label="bare") as window: sum(range(100_000))
record = window.record
print(json.dumps([record.to_dict(), sentence(record)]))
session.end()
""")
    record, said = told
    assert record["joules"] is None
    assert record["uncertainty"] is None
    assert record["final"] is True
    assert "no reading" in said
    assert any("sensor" in note for note in record["notes"])
    (kept,) = ledger()["bare"]
    assert kept.joules is None
    assert list(kept.notes) == record["notes"]


def test_a_notebook_without_a_name() -> None:
    told = run("""
with green.meter("nameless") as window: pass
print(json.dumps([window.record.notebook, window.record.project]))
""")
    assert told[0] is None
    assert told[1]
    from jupyter_green.storage import Ledger

    with Ledger() as opened:
        assert [record.label for record in opened.records() if record.label] == ["nameless"]
        assert opened.totals(by="notebook").groups


def test_processes_that_end_in_every_way_leave_their_records() -> None:
    """Leaving by sys.exit, by an exception nobody catches, by a daemon thread's window left open."""
    ends = {"exit": "sys.exit(0)", "raise": "raise RuntimeError('mine')", "return": "pass"}
    for name, end in ends.items():
        process = start(
            f"with green.meter({name!r}): sum(range(1000))\nheld = green.meter({name + ' open'!r}).__enter__()\n{end}"
        )
        process.communicate(timeout=600)
    found = ledger()
    assert sorted(label for label in found if label) == sorted([*ends, *(f"{name} open" for name in ends)])


def test_a_process_killed_while_a_sensor_hangs_has_its_window_closed() -> None:
    process = start("""
from jupyter_green.sensors import Discovery, Reading, SensorInfo
from jupyter_green.session import Session
hanging = threading.Event()
class Sensor:
    traits = SensorInfo(
        key="s:0", kind="other", device="S", method="counter", quality="simulated", scope="all", source="s"
    )
    reads = 0
    def read(self):
        self.reads += 1
        if self.reads > 1:
            hanging.set()
            threading.Event().wait()
        return Reading(time.perf_counter(), 1.0)
    def close(self): pass
session = Session(discovery=Discovery((Sensor(),)))
with session.window(label="doomed"):
    hanging.wait()
    os.kill(os.getpid(), 9)
""")
    process.communicate(timeout=600)
    (record,) = ledger()["doomed"]
    assert record.status == "killed"
    assert record.joules is None
    assert any("killed" in note for note in record.notes)
