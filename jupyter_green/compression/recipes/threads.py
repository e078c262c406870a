"""Number of threads of a model: no more than make it faster.

For a small model the overhead of a second thread often exceeds its gain. Numbers of threads are timed interleaved on
one inference, and the smallest that is nearly as fast as the best is used.
"""

from __future__ import annotations

from statistics import median
from typing import Any

from jupyter_green.compression.process import deadline

from .recipe import RecipeContext

EQUALLY_FAST = 1.25
"""The smallest number is used with which an inference takes at most this many times as long as with the fastest one."""
TIMED_ROUNDS, TIMED_SECONDS = 9, 0.05
"""Maximum number of interleaved rounds, and the minimum length of each run."""
LIMIT = "_jupyter_green_threads"
"""Attribute of a PyTorch model: the number of threads for small inputs, and the largest number of rows of these."""
MOST_SECONDS, PART = 5.0, 0.1
"""Time limit of all rounds, in seconds and as a share of the remaining time.

Slow models are timed in fewer rounds. Where even one round would take longer, all threads are used.
"""


def fewest_threads(case: RecipeContext, made: Any, original: Any = None) -> int:
    """Return the smallest number of threads with which an inference is nearly as fast as with the best number.

    1, 2, 4, ... and all threads are timed interleaved, so that changes of the machine's load affect all of them. `made`
    has ``threads``, and ``in_threads(number)``, which returns a callable like the original. A number of threads that is
    no slower than `original`, as it runs now, is fast enough too.
    """
    import torch

    all_threads: int = made.threads
    numbers = [number for number in (1 << power for power in range(16)) if number < all_threads] + [all_threads]
    if len(numbers) == 1:
        return all_threads
    batch = (case.inference or case.tune[0].part(0, 1)).to(case.subject.device)
    models = {number: made.in_threads(number) for number in numbers}

    def run(number: int) -> None:
        case.subject.call(batch.inputs, models[number])

    if original is not None:
        models[0] = original
        numbers = [*numbers, 0]

    with torch.inference_mode():
        single_seconds = []
        for number in sorted(numbers, reverse=True):
            run(number)
            began = deadline.now()
            run(number)
            single_seconds.append(max(1e-6, deadline.now() - began))
            # The others are run twice before any round.
            if (3 * len(numbers) - 2) * single_seconds[0] > PART * deadline.left():
                return all_threads
        repeats = max(1, int(TIMED_SECONDS / min(single_seconds)))
        durations: dict[int, list[float]] = {number: [] for number in numbers}
        seconds = min(MOST_SECONDS, PART * deadline.left())
        for _ in range(max(1, min(TIMED_ROUNDS, int(seconds / (repeats * sum(single_seconds)))))):
            for number in numbers:
                began = deadline.now()
                for _ in range(repeats):
                    run(number)
                durations[number].append(deadline.now() - began)
            case.tick()
    medians = {number: median(laps) for number, laps in durations.items()}
    before = medians.pop(0, 0.0)
    limit = max(EQUALLY_FAST * min(medians.values()), before)
    return next(number for number, seconds in medians.items() if seconds <= limit)


class ThreadLimited:
    """A language model whose number of threads can be timed while it generates this number of tokens."""

    def __init__(self, model: Any, tokens: int) -> None:
        import torch

        self.model, self.tokens, self.threads = model, tokens, torch.get_num_threads()

    def in_threads(self, number: int) -> Any:
        """Return a callable that generates with that number of PyTorch's threads."""
        from jupyter_green.compression.model.workload import generated, in_threads

        def call(*arguments: Any, **named: Any) -> Any:
            with in_threads(number):
                return generated(self.model, named or arguments, self.tokens)

        return call


def limit_threads(model: Any, threads: int, rows: int) -> Any:
    """Let a model process inputs of at most `rows` tokens in fewer of PyTorch's threads.

    The model is changed in place, and returned. The number of threads is restored after each call.
    """
    import torch

    saved: list[int] = []

    def begin(_module: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        before = torch.get_num_threads()
        saved.append(before)
        tokens = next((value for value in (*arguments, *named.values()) if isinstance(value, torch.Tensor)), None)
        if tokens is not None and tokens.shape[:2].numel() <= rows and threads < before:
            torch.set_num_threads(threads)

    def end(*_: Any) -> None:
        before = saved.pop()
        if torch.get_num_threads() != before:
            torch.set_num_threads(before)

    model.register_forward_pre_hook(begin, with_kwargs=True)
    model.register_forward_hook(end, always_call=True)
    setattr(model, LIMIT, (threads, rows))
    return model
