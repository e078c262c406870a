"""In how many threads a model runs: no more than make it faster.

What a small model gains from a second thread is often less than what handing the work over costs. So numbers of them
are timed in turn, on what one inference is, and the fewest are taken with which it is about as fast as it can be.
"""

from __future__ import annotations

from statistics import median
from typing import Any

from jupyter_green.compression.process import deadline

from .recipe import RecipeContext

AS_FAST = 1.25
"""Fewer threads are taken where one inference takes at most so many times as long as with the fastest number."""
TIMED_ROUNDS, TIMED_SECONDS = 9, 0.05
"""Rounds in which numbers of threads are timed in turn, and the least length of each run."""
LIMIT = "_jupyter_green_threads"
"""Attribute of a PyTorch model: in how many threads it takes what is small, and up to how many rows that is."""
MOST_SECONDS, PART = 5.0, 0.1
"""About how long the rounds may take, and which part of the time that is left: a model that needs seconds for one
inference is timed in fewer of them. Where even one round would take longer, all threads are taken."""


def fewest_threads(case: RecipeContext, made: Any, original: Any = None) -> int:
    """Return the fewest threads in which one inference takes hardly longer than in the best number of them.

    Numbers are timed in turn on what one inference is, so that all see the same machine; 1, 2, 4, ... and all.

    Parameters
    ----------
    case : RecipeContext
        With what one inference is.
    made : object
        Has ``threads``, and ``in_threads(number)``, which is called like the original.
    original : callable, optional
        What it stands in for, as it runs now: then no slower than that is fast enough too.
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

    if original is not None:
        models[0] = original
        numbers = [*numbers, 0]

    with torch.inference_mode():
        once = []
        for number in sorted(numbers, reverse=True):
            run(number)
            began = deadline.now()
            run(number)
            once.append(max(1e-6, deadline.now() - began))
            # The others are run twice before any round.
            if (3 * len(numbers) - 2) * once[0] > PART * deadline.left():
                return most
        times = max(1, int(TIMED_SECONDS / min(once)))
        took: dict[int, list[float]] = {number: [] for number in numbers}
        seconds = min(MOST_SECONDS, PART * deadline.left())
        for _ in range(max(1, min(TIMED_ROUNDS, int(seconds / (times * sum(once)))))):
            for number in numbers:
                began = deadline.now()
                for _ in range(times):
                    run(number)
                took[number].append(deadline.now() - began)
            case.tick()
    found = {number: median(laps) for number, laps in took.items()}
    before = found.pop(0, 0.0)
    enough = max(AS_FAST * min(found.values()), before)
    return next(number for number, seconds in found.items() if seconds <= enough)


class ThreadLimited:
    """A language model whose numbers of threads can be timed while it writes.

    Parameters
    ----------
    model : torch.nn.Module
        What generates.
    tokens : int
        How many are written each time.
    """

    def __init__(self, model: Any, tokens: int) -> None:
        import torch

        self.model, self.tokens, self.threads = model, tokens, torch.get_num_threads()

    def in_threads(self, number: int) -> Any:
        """Return how some tokens are written in so many of PyTorch's threads."""
        from jupyter_green.compression.model.workload import generated, in_threads

        def call(*arguments: Any, **named: Any) -> Any:
            with in_threads(number):
                return generated(self.model, named or arguments, self.tokens)

        return call


def limit_threads(model: Any, threads: int, rows: int) -> Any:
    """Let a model take what has few rows in fewer of PyTorch's threads, whose number is put back after each call.

    Parameters
    ----------
    model : torch.nn.Module
        Of tokens; changed in place, and returned.
    threads : int
        In how many.
    rows : int
        Up to how many tokens at once; a longer text is read in as many threads as ever.
    """
    import torch

    waiting: list[int] = []

    def begin(_module: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        before = torch.get_num_threads()
        waiting.append(before)
        given = next((one for one in (*arguments, *named.values()) if isinstance(one, torch.Tensor)), None)
        if given is not None and given.shape[:2].numel() <= rows and threads < before:
            torch.set_num_threads(threads)

    def end(*_: Any) -> None:
        before = waiting.pop()
        if torch.get_num_threads() != before:
            torch.set_num_threads(before)

    model.register_forward_pre_hook(begin, with_kwargs=True)
    model.register_forward_hook(end, always_call=True)
    setattr(model, LIMIT, (threads, rows))
    return model
