"""In how many threads a model runs: no more than make it faster.

What a small model gains from a second thread is often less than what handing the work over costs. So numbers of them
are timed in turn, on what one inference is, and the fewest are taken with which it is about as fast as it can be.
"""

from __future__ import annotations

import time
from statistics import median
from typing import Any

from jupyter_green.shrink.recipe import Case

AS_FAST = 1.25
"""Fewer threads are taken where one inference takes at most so many times as long as with the fastest number."""
TIMED_ROUNDS, TIMED_SECONDS = 9, 0.05
"""Rounds in which numbers of threads are timed in turn, and the least length of each run."""
MOST_SECONDS = 5.0
"""About how long the rounds may take: a model that needs seconds for one inference is timed in fewer of them."""


def fewest_threads(case: Case, made: Any) -> int:
    """Return the fewest threads in which one inference takes hardly longer than in the best number of them.

    Numbers are timed in turn on what one inference is, so that all see the same machine; 1, 2, 4, ... and all.
    """
    import torch

    most: int = made.threads
    numbers = [number for number in (1 << power for power in range(16)) if number < most] + [most]
    if len(numbers) == 1:
        return most
    batch = (case.inference or case.tune[0].part(0, 1)).to(case.subject.device)
    models = {number: made.in_threads(number) for number in numbers}

    def run(number: int) -> None:
        case.subject.call(batch.inputs, models[number])

    with torch.inference_mode():
        once = []
        for number in numbers:
            run(number)
            began = time.perf_counter()
            run(number)
            once.append(max(1e-6, time.perf_counter() - began))
        times = max(1, int(TIMED_SECONDS / min(once)))
        took: dict[int, list[float]] = {number: [] for number in numbers}
        for _ in range(max(1, min(TIMED_ROUNDS, int(MOST_SECONDS / (times * sum(once)))))):
            for number in numbers:
                began = time.perf_counter()
                for _ in range(times):
                    run(number)
                took[number].append(time.perf_counter() - began)
            case.tick()
    fastest = min(median(laps) for laps in took.values())
    return next(number for number in numbers if median(took[number]) <= AS_FAST * fastest)
