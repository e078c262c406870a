"""One block of cost measurements: a plain kernel and a metered one run together, alternating.

Every figure is the difference between the two at the same time, so that other load on the machine affects both.
Each block uses new kernels, so that differences between kernel starts are not taken for costs.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass
from pathlib import Path

from .kernel import Kernel
from .subject import Subject

SMALL_CELLS = ("pass", "x = 1", "y = sum(range(100))", "print('a')")


@dataclass(frozen=True)
class Plan:
    """How much to measure in one block.

    Parameters
    ----------
    rounds : int
        Pairs of small cells.
    settle, sleeping, busy, rest, idle : float
        Durations in seconds: after the first cell, of a sleeping cell, of a busy cell, of the pause in which pending
        work of the cells is done, and of the idle time after that.
    """

    rounds: int = 100
    settle: float = 6.0
    sleeping: float = 10.0
    busy: float = 4.0
    rest: float = 36.0  # jupyter_green writes its records at most 33 s after the last cell
    idle: float = 10.0


QUICK = Plan(rounds=20, settle=5.0, sleeping=4.0, busy=2.0, rest=5.0, idle=4.0)


@dataclass(frozen=True)
class Outcome:
    """Result of one block: values by quantity, the energy of its last window in joules, and refused connections."""

    values: dict[str, list[float]]
    joules: float | None
    refused: tuple[str, ...]


def measure(subject: Subject, folder: Path, environment: dict[str, str], plan: Plan, number: int) -> Outcome:
    """Measure one subject once.

    Raises
    ------
    KernelFault
        If the meter can't run here; the message says why.
    """
    own = {**environment, "JUPYTER_GREEN_LEDGER": f"sqlite:///{folder / 'ledger.db'}"}
    with Kernel(folder / "plain", own) as plain, Kernel(folder / "metered", own) as metered:
        pair = (plain, metered) if number % 2 else (metered, plain)
        for kernel in pair:
            for body in (*SMALL_CELLS, "import time"):
                kernel.run(body)
        values = _load(subject, plain, metered, plan)
        values |= _small_cells(plain, metered, plan, number)
        values |= _long_cells(plain, metered, plan, pair)
        values |= _idle(plain, metered, plan)
        *before, last = subject.reading
        for cell in before:
            metered.run(cell)
        joules = float(metered.run(last).split()[-1])
        refused = tuple(json.loads(metered.run("import json; print(json.dumps(_refused))")))
    return Outcome(values, None if math.isnan(joules) else joules, refused)


def _load(subject: Subject, plain: Kernel, metered: Kernel, plan: Plan) -> dict[str, list[float]]:
    """Load the meter, run one cell and wait until all work that follows from it is done."""
    a, b = plain.use(), metered.use()
    wall = metered.timed(subject.load) - plain.timed("pass")
    a_loaded, b_loaded = plain.use(), metered.use()
    for kernel in (plain, metered):
        kernel.run("x = 1")
    time.sleep(plan.settle)
    a_settled, b_settled = plain.use(), metered.use()
    return {
        "load_cpu": [(b_loaded - b).cpu - (a_loaded - a).cpu],
        "load_wall": [wall],
        "load_rss": [(b_loaded - b).rss - (a_loaded - a).rss],
        "settle_cpu": [(b_settled - b_loaded).cpu - (a_settled - a_loaded).cpu],
        "settled_rss": [(b_settled - b).rss - (a_settled - a).rss],
    }


def _small_cells(plain: Kernel, metered: Kernel, plan: Plan, number: int) -> dict[str, list[float]]:
    """Run pairs of small cells in alternating order."""
    a, b = plain.use(), metered.use()
    added = []
    for turn in range(plan.rounds):
        body = SMALL_CELLS[(turn // 2) % len(SMALL_CELLS)]
        if (turn + number) % 2:
            before, after = plain.timed(body), metered.timed(body)
        else:
            after, before = metered.timed(body), plain.timed(body)
        added.append(after - before)
    cpu = (metered.use() - b).cpu - (plain.use() - a).cpu
    return {"cell_wall": added, "cell_cpu": [cpu / plan.rounds]}


def _long_cells(plain: Kernel, metered: Kernel, plan: Plan, pair: tuple[Kernel, ...]) -> dict[str, list[float]]:
    """Run a sleeping cell in both kernels at once, then a busy one in each in turn."""
    a, b = plain.use(), metered.use()
    sent = [(kernel, kernel.start(f"time.sleep({plan.sleeping})")) for kernel in pair]
    for kernel, message in sent:
        kernel.finish(message)
    sleeping = ((metered.use() - b).cpu - (plain.use() - a).cpu) / plan.sleeping
    share = {}
    for kernel in pair:
        first = kernel.use()
        kernel.run(f"_end = time.perf_counter() + {plan.busy}\nwhile time.perf_counter() < _end: pass")
        share[kernel] = (kernel.use() - first).background / plan.busy
    return {"sleeping_cpu": [sleeping], "busy_cpu": [share[metered] - share[plain]]}


def _idle(plain: Kernel, metered: Kernel, plan: Plan) -> dict[str, list[float]]:
    """Measure the work left after the cells, per small cell, and then idle kernels."""
    a, b = plain.use(), metered.use()
    time.sleep(plan.rest)
    a_rested, b_rested = plain.use(), metered.use()
    time.sleep(plan.idle)
    a_idle, b_idle = plain.use() - a_rested, metered.use() - b_rested
    return {
        "later_cpu": [((b_rested - b).cpu - (a_rested - a).cpu) / plan.rounds],
        "idle_cpu": [(b_idle.cpu - a_idle.cpu) / plan.idle],
        "idle_wakeups": [(b_idle.switches - a_idle.switches) / plan.idle],
    }
