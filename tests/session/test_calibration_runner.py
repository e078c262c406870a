"""Watchers: called when the sampler has looked, sooner where they ask for it, never while nothing runs."""

from __future__ import annotations

from tests.support.script import run

LOOKS = """
session = current()
seen, enough = [], threading.Event()

def watcher():
    seen.append(threading.current_thread().name)
    if len(seen) == 30: enough.set()
    return {wanted}

stop = session.watch(watcher)
with green.meter("block") as window:
    assert enough.wait(60), len(seen)
record = window.record
session.settle()
"""


def test_a_watcher_is_called_as_often_as_it_asks_for_and_no_more_once_it_is_taken_out() -> None:
    told = run(
        LOOKS.format(wanted=0.005)
        + """
stop(); stop()
time.sleep(0.1)
calls = len(seen)
with green.meter("another") as window: time.sleep(0.1)
window.record
print(json.dumps({"after": len(seen) - calls, "threads": sorted(set(seen)), "joules": record.joules}))
"""
    )
    assert told["after"] == 0
    assert told["threads"] == ["jupyter_green sampler"]
    assert told["joules"] is not None


def test_a_watcher_that_asks_for_nothing_is_not_called_while_nothing_runs() -> None:
    told = run(
        """
session = current()
seen = []
session.watch(lambda: seen.append(1))
with green.meter("block") as window: time.sleep(0.1)
window.record
session.settle()
while session._sampler._signal.is_set() or session.store._kept != session.store._tried or session.store._drainer:
    time.sleep(0.05)  # the ledger is written once nothing runs
time.sleep(1.5)
calls = len(seen)
time.sleep(1.0)
before = len(seen)
session.hurry()
while len(seen) == before: time.sleep(0.01)
print(json.dumps({"calls": calls, "idle": before - calls}))
"""
    )
    assert told["calls"] > 0
    assert told["idle"] == 0


def test_a_watcher_asks_for_a_look_while_nothing_runs() -> None:
    told = run(
        """
session = current()
with green.meter("block") as window: pass
window.record
seen, done = [], threading.Event()
def watcher():
    seen.append(1)
    if len(seen) < 20: return 0.01
    done.set()
session.watch(watcher)
session.hurry()
print(json.dumps({"done": done.wait(60)}))
"""
    )
    assert told["done"]


def test_a_watcher_that_fails_is_dropped_and_costs_no_figure() -> None:
    told = run(
        """
session = current()
calls = []
def broken():
    calls.append(1)
    raise RuntimeError("nobody is there")
session.watch(broken)
with green.meter("block") as window: time.sleep(0.2)
record = window.record
print(json.dumps({"calls": len(calls), "final": record.final, "joules": record.joules, "problem": session.problem}))
"""
    )
    assert told["calls"] == 1
    assert told["final"]
    assert told["joules"] is not None
    assert "nobody is there" in told["problem"]
