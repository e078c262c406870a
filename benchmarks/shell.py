"""A shell in a process of its own that runs cells when it is told a number, and says what they and the callbacks cost.

    python benchmarks/shell.py plain | metered | budget

Run by its path, so that PYTHONPATH says which checkout of the package is measured. For each line with a number on its
input it runs so many cells and answers with one JSON line: processor seconds of the main thread, cell by cell.
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
    """Load what the arm has, then run cells as asked."""
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
        found: dict[str, list[float]] = {name: [] for name in (*EVENTS, "cell", "elapsed")}
        for _ in range(int(line)):
            spent.update(dict.fromkeys(EVENTS, 0.0))
            began, processor = time.perf_counter(), time.thread_time()
            shell.run_cell("x = 1", store_history=True)
            found["cell"].append(time.thread_time() - processor)
            found["elapsed"].append(time.perf_counter() - began)
            for event in EVENTS:
                found[event].append(spent[event])
        answers.write(json.dumps(found) + "\n")
        answers.flush()


def _count(shell: Any, event: str, spent: dict[str, float]) -> None:
    """Put one callback in the place of all of an event, which counts the processor time of those."""
    callbacks = shell.events.callbacks[event][:]

    def call(*arguments: Any) -> None:
        began = time.thread_time()
        for callback in callbacks:
            callback(*arguments)
        spent[event] += time.thread_time() - began

    shell.events.callbacks[event][:] = [call]


if __name__ == "__main__":
    main(sys.argv[1])
