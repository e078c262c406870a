"""A shell process that runs a requested number of cells and reports the cost of cells and callbacks.

    python benchmarks/shell.py plain | metered | budget

It is run by path, so that PYTHONPATH selects the checkout that is measured. For each line of input, a number, it runs
that many cells and writes one JSON line: CPU seconds of the main thread for each cell.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

LOADS = {
    "plain": (),
    "metered": ("%load_ext jupyter_green",),
    "budget": ("%load_ext jupyter_green", "%budget 1e12J --per project --all"),
}
EVENTS = ("pre_run_cell", "post_run_cell")


def main(arm: str) -> None:
    """Set up the arm, then run cells as requested."""
    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell.instance(config=config)
    answers, sys.stdout = sys.stdout, sys.stderr
    for source in LOADS[arm]:
        shell.run_cell(source)
    spent = dict.fromkeys(EVENTS, 0.0)
    for event in EVENTS:
        _count(shell, event, spent)
    for line in sys.stdin:
        seconds: dict[str, list[float]] = {name: [] for name in (*EVENTS, "cell", "elapsed")}
        for _ in range(int(line)):
            spent.update(dict.fromkeys(EVENTS, 0.0))
            began, processor = time.perf_counter(), time.thread_time()
            shell.run_cell("x = 1", store_history=True)
            seconds["cell"].append(time.thread_time() - processor)
            seconds["elapsed"].append(time.perf_counter() - began)
            for event in EVENTS:
                seconds[event].append(spent[event])
        answers.write(json.dumps(seconds) + "\n")
        answers.flush()


def _count(shell: Any, event: str, spent: dict[str, float]) -> None:
    """Replace all callbacks of an event by one that measures their CPU time."""
    callbacks = shell.events.callbacks[event][:]

    def call(*arguments: Any) -> None:
        began = time.thread_time()
        for callback in callbacks:
            callback(*arguments)
        spent[event] += time.thread_time() - began

    shell.events.callbacks[event][:] = [call]


if __name__ == "__main__":
    main(sys.argv[1])
