"""Interrupts wherever they fall: each cell has one record with the right status, and the cells behind it stop."""

from __future__ import annotations

import json
import math
import os
import queue
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from jupyter_green.magics.cells.source_hash import code_hash
from tests.support.kernel import ROOT, Cell, Kernel, settle

pytestmark = pytest.mark.shell

PYTHON = os.environ.get("JUPYTER_GREEN_TEST_KERNEL_PYTHON", sys.executable)


@pytest.mark.parametrize("budget", [False, True], ids=["plain", "budget"])
def test_an_interrupt_at_each_line_of_the_callbacks(budget: bool) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(
        [PYTHON, "-m", "tests.magics.interrupted", *(["budget"] if budget else [])],
        env=environment,
        cwd=Path.cwd(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["wrong"] == []
    assert told["tried"] > (20 if budget else 200)
    assert told["problem"] is None
    assert told["twice"] < 0.05  # no time is in two records


ORDERS = """
import asyncio, json
shell = get_ipython()
session = shell._jupyter_green.session
async def cell(source):
    return await shell.run_cell_async(source, transformed_cell=source, store_history=True)
def told(record):
    return [record.status, [note for note in record.notes if "time" in note]]
"""


def records(kernel: Kernel, *sources: str) -> list[list[object]]:
    """Status and notes about other cells of the newest records of these sources, None where there is none."""
    kernel.run("%energy status")
    hashes = json.dumps([code_hash(source) for source in sources])
    return kernel.json(f"[[told(r) for r in session.finished if r.code_hash == code] for code in {hashes}]")


@pytest.mark.parametrize(
    "begin",
    [
        "task = asyncio.create_task(cell('1 + 1'))",
        "task = asyncio.create_task(cell('await asyncio.sleep(3600)'))",
        "await cell('2 + 2')",
        "await asyncio.gather(cell('3'), cell('await asyncio.sleep(0.1)'))",
        "try: await asyncio.wait_for(cell('await asyncio.sleep(3600)'), 0.1)\nexcept asyncio.TimeoutError: pass",
        "shell.events.trigger('pre_run_cell', shell.last_execution_result.info)",
        "shell.events.trigger('post_run_cell', None)",
        "shell.events.trigger('post_run_cell', shell.last_execution_result)",
        "shell.run_cell('4 + 4'); shell.run_cell(''); shell.run_cell('1/0')",
        "import threading; t = threading.Thread(target=lambda: asyncio.run(cell('5 + 5'))); t.start(); t.join()",
    ],
)
def test_whatever_the_order_of_events_the_next_cells_are_metered(metered: Kernel, begin: str) -> None:
    assert metered.run(ORDERS).status == "ok"
    assert metered.run(begin).status == "ok"
    for source in ("later = 1", "await asyncio.sleep(0)", "later = 2"):
        assert metered.run(source).status == "ok"
    found = records(metered, "later = 1", "await asyncio.sleep(0)", "later = 2")
    assert found == [[["ok", []]]] * 3
    assert metered.json("[w.id for w in session.open_windows()]") == []


def test_the_interrupt_of_an_awaiting_cell_in_a_terminal() -> None:
    """There it leaves `run_cell_async`, and IPython tells of another cell's end."""
    program = """
import json, os, signal, threading
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
config = Config()
config.HistoryManager.enabled = False
shell = InteractiveShell.instance(config=config)
shell.run_cell("%load_ext jupyter_green")
session = shell._jupyter_green.session
waiting = shell.user_ns["waiting"] = threading.Event()
over = threading.Event()
def interrupt():
    waiting.wait()
    while not over.wait(1.0):  # one that comes just before the loop begins to wait is noticed only after the wait
        os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=interrupt, daemon=True).start()
wait = "asyncio.get_running_loop().call_soon(waiting.set); await asyncio.sleep(600)"  # set once the loop goes round
ends = []
for source in ("import asyncio", wait, "x = 1", "await asyncio.sleep(0)"):
    shell.run_cell(source, store_history=True)
    if source is wait:
        over.set()
    ends.append(len(session.open_windows()))
session.settle()
cells = [r for r in session.finished if r.span == "cell"]
print(json.dumps([ends, [r.status for r in cells], [r.execution_count for r in cells], [r.notes for r in cells]]))
"""
    done = subprocess.run([PYTHON, "-c", program], capture_output=True, text=True, check=True)
    ends, statuses, counts, notes = json.loads(done.stdout.splitlines()[-1])
    assert ends == [0, 0, 0, 0]
    assert statuses == ["ok", "interrupted", "ok", "ok"]
    assert counts[:2] == [1, None]  # IPython forgot its number, which another cell may have by now
    assert not any("time" in note for told in notes for note in told)


FREEZES = [
    "import time; time.time = time.perf_counter = time.monotonic = time.process_time = time.thread_time = lambda: 0",
    "import time; kept = time.perf_counter; time.perf_counter = lambda: 1.6e9 + kept()",
    # What libraries for tests do: wherever a module holds one of the functions, it holds another from now on.
    """
import sys, time
real = {id(getattr(time, name)) for name in ("time", "monotonic", "perf_counter", "process_time", "thread_time")}
for module in [*sys.modules.values()]:
    for name, value in [*vars(module).items()]:
        if id(value) in real and "jupyter_green" in module.__name__ + " time":
            setattr(module, name, lambda: 1325376000.0)
for name in ("time", "monotonic", "perf_counter", "process_time", "thread_time"):
    setattr(time, name, lambda: 1325376000.0)
""",
]


@pytest.mark.parametrize("freeze", FREEZES)
def test_time_that_a_cell_freezes_is_not_ours(metered: Kernel, freeze: str) -> None:
    metered.run("import os, time as t; before = t.time(); import json; session = get_ipython()._jupyter_green.session")
    assert metered.run(freeze).status == "ok"
    assert metered.run("a = sum(i for i in range(3_000_000))").status == "ok"
    metered.run("%energy status")
    code = code_hash("a = sum(i for i in range(3_000_000))")
    seconds, joules, away = metered.json(
        f"next([r.seconds, r.joules, r.started_at - before] for r in session.finished if r.code_hash == {code!r})"
    )
    assert 0 < seconds < 60
    assert joules > 0
    assert 0 <= away < 600


FAULTS = [
    "import os; os.closerange(session.store._journal._handle, session.store._journal._handle + 1)",
    "import hashlib; hashlib.sha256 = None",
    "import hashlib\ndef sha256(*a, **k): raise ValueError('disabled for FIPS')\nhashlib.sha256 = sha256",
    "import shutil; shutil.rmtree(session.store._journal.path.parents[2])",
    "import os; os.fstat = os.write = None",
    "import jupyter_green.magics.cells.active_cell as m; m._task = None",
    "session.edge = None",
]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_ours_is_one_sentence(metered: Kernel, fault: str) -> None:
    metered.run("session = get_ipython()._jupyter_green.session")
    first = metered.run(fault)
    assert first.status == "ok"
    said = first.text()
    for number in range(4):
        outcome = metered.run(f"x{number} = '\\ud800'\nx{number} == 'a'")
        assert outcome.status == "ok"
        assert "Traceback" not in outcome.text()
        assert "Error in callback" not in outcome.text()
        said += outcome.text().replace("False", "")
    assert said.count("jupyter_green could not meter") <= 1
    status = metered.run("%energy status")
    assert status.status == "ok"
    cells = status.text()
    assert any(said in cells for said in ("Problem:", "5 cells", "6 cells", "Records can't")), cells


def test_a_full_disk_costs_one_sentence_and_no_record(metered: Kernel) -> None:
    """Files may not grow any more, the history's neither: cells run, figures show, and records come in later."""
    metered.run(
        "import resource as r\nsession = get_ipython()._jupyter_green.session\nlimits = r.getrlimit(r.RLIMIT_FSIZE)"
    )
    assert metered.run("x = 0").status == "ok"
    full = "session.settle()\nr.setrlimit(r.RLIMIT_FSIZE, (session.store._journal.size + 10, limits[1]))"
    sources = [full, "x = 1", "x = 2", "%%energy\ny = 1", "x = 3"]
    outcomes = [metered.run(source) for source in sources]
    assert [outcome.status for outcome in outcomes] == ["ok"] * len(sources)
    assert not [outcome for outcome in outcomes if "jupyter_green" in outcome.text()]
    assert outcomes[3].records
    status = metered.run("session.settle()\nsession.store.drain()\n%energy status").text()
    assert status.count("Records can't be written to disk") == 1
    assert "Free some space" in status
    metered.run("r.setrlimit(r.RLIMIT_FSIZE, limits)\nsession.store._next_try = 0.0")
    metered.run("x = 4")
    status = metered.run("session.settle()\nsession.store.drain()\n%energy status").text()
    assert "Problem" not in status
    kept = Counter(row["code_hash"] for row in metered.rows())
    assert [kept[code_hash(source)] for source in ("x = 0", *sources, "x = 4")] == [1] * 7


def test_an_upgrade_in_place_while_modules_are_reloaded(start: Callable[..., Kernel], tmp_path: Path) -> None:
    """Every module of the package is newer on disk than in memory, and `%autoreload` takes it in before a cell."""
    package = tmp_path / "site" / "jupyter_green"
    shutil.copytree(ROOT / "jupyter_green", package, ignore=shutil.ignore_patterns("__pycache__", "labextension"))
    kernel = start(PYTHONPATH=os.pathsep.join([str(package.parent), str(ROOT)]))
    assert kernel.run("%load_ext jupyter_green").status == "ok"
    assert kernel.json("__import__('jupyter_green').__file__") == str(package / "__init__.py")
    said = kernel.run("%load_ext autoreload\n%autoreload 2").text()
    for module in package.rglob("*.py"):
        module.write_text(module.read_text() + "\n# newer\n")
        later = time.time() + 60
        os.utime(module, (later, later))
    for number in range(4):
        outcome = kernel.run(f"x{number} = 1")
        assert outcome.status == "ok"
        said += outcome.text()
    assert "Traceback" not in said
    assert "Error in callback" not in said
    assert said.count("jupyter_green could not meter") <= 1
    status = kernel.run("%energy status")
    assert status.status == "ok"
    assert "Problem:" in status.text() or "5 cells" in status.text(), status.text()
    reloaded = kernel.run("%reload_ext jupyter_green")
    assert reloaded.status == "ok", "\n".join(reloaded.reply["traceback"])
    assert kernel.run("y = 1").status == "ok"
    assert "1 cell" in kernel.run("%energy status").text()


def test_a_source_that_no_encoding_takes_has_an_identity() -> None:
    assert code_hash("text = '\ud800'") == code_hash("text = '\ud800'  ")
    assert code_hash("text = '\ud800'") != code_hash("text = '\ud801'")


CELLS = [
    "n = sum(range(200))",
    "import time; time.sleep(0.01)",
    "await asyncio.sleep(0.01)",
    "import subprocess, sys; subprocess.run(['sleep', '0.01'])",
    "get_ipython().run_cell('m = sum(range(1000))').raise_error()",
    "%%capture out\nprint(n)",
    "n = sum(i for i in range(20_000))",
]
ROUND = 20
"""Cells that are queued at once."""
PART = 50
"""Rounds after which the records are looked at; a session keeps the newest two thousand."""
STILL_SECONDS = 10.0
"""A kernel that says nothing for so long, while its main thread uses no time, hangs."""
STACKS = """
import asyncio, faulthandler, signal
n = 1
faulthandler.register(signal.SIGUSR1, file=open("stacks.txt", "w"))
"""
REPLIES = {"ok": "ok", "error KeyboardInterrupt": "interrupted", "error CancelledError": "interrupted"}
NOT_ENTERED = "Error in callback <bound method CellMeter."
"""What IPython prints in a cell whose interrupt fell on the call of our callback, where no line of it can help."""


class Hung(Exception):
    """A kernel doesn't answer any more; says where its main thread stands, or what it said at its end."""


@dataclass
class Played:
    """What became of one side's rounds."""

    stopped: int = 0
    hung: list[str] = field(default_factory=list)
    replies: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def main_thread_seconds(kernel: Kernel) -> float:
    """Processor time of the thread that runs the cells; 0 once the kernel has ended."""
    try:
        threads = psutil.Process(kernel.pid).threads()
    except psutil.NoSuchProcess:
        return 0.0
    return sum(thread.user_time + thread.system_time for thread in threads if thread.id == kernel.pid)


def main_thread_stack(kernel: Kernel) -> str:
    os.kill(kernel.pid, signal.SIGUSR1)
    told = settle((kernel.work / "stacks.txt").read_text, lambda text: "ipykernel_launcher" in text, "stacks")
    return next(stack for stack in told.split("\n\n") if "ipykernel_launcher" in stack)


def reply(kernel: Kernel) -> dict[str, Any]:
    """Return the next reply; a busy machine only makes it later."""
    while True:
        used = main_thread_seconds(kernel)
        try:
            return kernel.client.get_shell_msg(timeout=STILL_SECONDS)
        except queue.Empty:
            if not kernel.alive:
                raise Hung(Path(kernel.terminal.name).read_text()[-5000:]) from None
            if main_thread_seconds(kernel) <= used:
                raise Hung(main_thread_stack(kernel)) from None


def answer(kernel: Kernel, request: str) -> dict[str, Any]:
    """Return the reply to one request, past those to others."""
    while True:
        try:
            told = reply(kernel)
        except ValueError:  # an interrupt has cut a message of the kernel's, and its signature does not fit
            continue
        if told["parent_header"].get("msg_id") == request:
            return told


def interrupted_round(kernel: Kernel, chance: random.Random) -> dict[str, str]:
    """Queue cells as "run all" does, interrupt once somewhere, and return what was replied to each of them."""
    cells = {f"fuzz-{chance.random()}": f"{chance.choice(CELLS)}\n# {chance.random()}" for _ in range(ROUND)}
    asked = {kernel._send(Cell(source), cell, {}): cell for cell, source in cells.items()}
    time.sleep(chance.uniform(0.0, 0.2))
    os.kill(kernel.pid, signal.SIGINT)
    replies = dict.fromkeys(cells, "none")  # a cell whose reply an interrupt took from the kernel itself has none
    last = kernel.client.kernel_info()
    while True:
        try:
            told = reply(kernel)
        except ValueError:  # an interrupt has cut a message of the kernel's, and its signature does not fit
            last = kernel.client.kernel_info()
            continue
        parent = told["parent_header"].get("msg_id")
        if parent == last:
            break
        if parent in asked:
            replies[asked[parent]] = f"{told['content']['status']} {told['content'].get('ename', '')}".strip()
    while kernel._take(0.0) is not None:
        pass
    return replies


def wrong_records(kernel: Kernel, replies: dict[str, str]) -> list[str]:
    """Hold the records of a metered kernel against what it replied."""
    answer(kernel, kernel._send(Cell("metered = 1"), "after the rounds", {}))  # a hang may only show now
    kernel._fence()
    for message in kernel._log:
        if message.type == "stream" and NOT_ENTERED in message.content["text"] and message.parent in replies:
            replies[message.parent] = "not entered"
    kernel.run("session = get_ipython()._jupyter_green.session")
    kernel.run("session.settle()")
    found: dict[str, list[str]] = {}
    wrong = []
    for cell, status, notes in kernel.json(
        "[[r.cell_id, r.status, [n for n in r.notes if 'time' in n]] for r in session.finished if r.span == 'cell']"
    ):
        found.setdefault(cell, []).append(status)
        wrong += [f"{cell}: {note}" for note in notes]  # a ghost shares the energy
    for cell, told in replies.items():
        statuses = found.get(cell, [])
        right = [REPLIES[told]] if told in REPLIES else []
        # Without a reply it may have run or not, and the kernel may have been interrupted when the cell was over, which
        # it calls an error of no type; one that is said to be aborted never began.
        if statuses != right and not (told in ("none", "error NoneType", "not entered") and len(statuses) <= 1):
            wrong.append(f"{cell}: replied {told}, records of {statuses}")
    wrong += kernel.json("[f'{w.id} is open' for w in session.open_windows() if w.closed is None]")
    return wrong


def play(begin: Callable[[int], Kernel], rounds: int, metered: bool) -> Played:
    """Interrupt kernels; one that hangs gives way to another."""
    played, chance, kernel, told = Played(), random.Random(5), begin(0), dict[str, str]()
    for number in range(1, rounds + 1):
        try:
            replies = interrupted_round(kernel, chance)
            told |= replies
            if metered and (number % PART == 0 or number == rounds):
                played.wrong += wrong_records(kernel, told)
                told = {}
        except Hung as hung:
            played.hung.append(str(hung))
            kernel.close()
            kernel, told = begin(number), {}
            continue
        played.stopped += any(one != "ok" for one in replies.values())
        played.replies.update(replies.values())
    return played


@pytest.mark.parametrize(
    ("rounds", "budget"),
    [
        pytest.param(12, True, id="some"),
        # With the kernels of IPython 8, and with both of a pair: 2,000 interrupts.
        pytest.param(250, False, id="many without a budget", marks=pytest.mark.long),
        pytest.param(250, True, id="many with a budget", marks=pytest.mark.long),
    ],
)
def test_run_all_stops_as_often_as_without_us(
    start: Callable[..., Kernel], tmp_path: Path, rounds: int, budget: bool
) -> None:
    """Pairs of kernels, one with and one without the extension, are interrupted alike while cells are queued.

    Now and then an interrupt ends a kernel, or hangs it for good: it leaves a lock of `threading` taken, such as that
    of the thread of the history. None may hang in our code.
    """

    def begin(metered: bool, number: int) -> Kernel:
        kernel = start(tmp_path / f"work-{metered}-{number}")
        if metered:
            assert kernel.run("%load_ext jupyter_green").status == "ok"
            if budget:
                assert kernel.run("%budget 1e12J --per project --all").status == "ok"
        assert kernel.run(STACKS).status == "ok"
        # IPython loads this magic when it is first used, and never again where an interrupt comes between.
        assert kernel.run("%%capture\n1").status == "ok"
        return kernel

    with ThreadPoolExecutor(2) as pool:
        without, with_us = pool.map(lambda metered: play(partial(begin, metered), rounds, metered), [False, True])
    print(f"of {rounds} without {without}, with {with_us}")
    assert with_us.wrong == []
    assert not [stack for stack in with_us.hung if "jupyter_green" in stack]
    # Half-width of the difference of two counts at 4 standard deviations: one in 16,000 runs fails by chance.
    assert with_us.stopped >= without.stopped - 4 * math.sqrt(2 * max(1.0, rounds * 0.25))
    assert len(with_us.hung) <= len(without.hung) + 4 * math.sqrt(max(1.0, len(without.hung + with_us.hung)))
