"""Global settings of the process: recorded before a recipe runs, restored after it.

Libraries that quantize or compile may change global settings (torchao those of the compiler, for one), which would
affect this candidate and all later ones. So each candidate is made and measured between two snapshots. Changes are
undone and reported; one that can't be undone ends the candidate.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

SEED = 20240229
_COMPILER = ("torch._inductor.config", "torch._dynamo.config")


class RandomNumbers:
    """The states of the random generators of torch, NumPy and Python at one moment."""

    def __init__(self) -> None:
        self._held = [(write, read()) for read, write in _generators().values()]

    def put_back(self) -> None:
        """Restore these states."""
        for write, before in self._held:
            write(before)


@contextmanager
def same_random_numbers() -> Iterator[None]:
    """Use a fixed seed, the same in any process; restore the generators afterwards."""
    import numpy as np
    import torch

    before = RandomNumbers()
    random.seed(SEED)
    np.random.seed(SEED)
    torch.manual_seed(SEED)
    try:
        yield
    finally:
        before.put_back()


class ProcessState:
    """The settings of this process at one moment."""

    def __init__(self) -> None:
        self._held = {name: read() for name, (read, _) in _settings().items()}
        self._environment = dict(os.environ)
        self._compiler = {name: _configuration(name) for name in _COMPILER if name in sys.modules}

    def put_back(self) -> list[str]:
        """Restore what has changed; return the names of changed settings, without random generators.

        Raises RuntimeError if a setting can't be restored.
        """
        changed = []
        for name, (read, write) in _settings().items():
            if name not in self._held:
                continue  # a GPU that was not in use then
            now, before = read(), self._held[name]
            if _same(now, before):
                continue
            write(before)
            if not _same(read(), before):
                raise RuntimeError(f"It changed {name} for the whole process, which can't be restored.")
            if not name.startswith("random"):
                changed.append(name)
        for name in {*self._environment, *os.environ}:
            if os.environ.get(name) == self._environment.get(name):
                continue
            changed.append(name)
            if name in self._environment:
                os.environ[name] = self._environment[name]
            else:
                del os.environ[name]
        for name, before in self._compiler.items():
            now = _configuration(name)
            different = [key for key in before if not _same(now.get(key), before[key])]
            for key in different:
                setattr(sys.modules[name], key, before[key])
            changed += [f"{name.removeprefix('torch.')}.{key}" for key in different]
        return sorted(changed)


def _settings() -> dict[str, tuple[Callable[[], Any], Callable[[Any], object]]]:
    import torch

    def on(owner: Any, name: str) -> tuple[Callable[[], Any], Callable[[Any], object]]:
        return lambda: getattr(owner, name), lambda value: setattr(owner, name, value)

    return {
        "number of threads": (torch.get_num_threads, torch.set_num_threads),
        "float32 matmul precision": (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
        "default dtype": (torch.get_default_dtype, torch.set_default_dtype),
        "gradients": (torch.is_grad_enabled, torch.set_grad_enabled),
        "deterministic algorithms": (torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms),
        "quantized engine": on(torch.backends.quantized, "engine"),
        "cudnn.benchmark": on(torch.backends.cudnn, "benchmark"),
        **_generators(),
    }


def _generators() -> dict[str, tuple[Callable[[], Any], Callable[[Any], object]]]:
    import numpy as np
    import torch

    generators: dict[str, tuple[Callable[[], Any], Callable[[Any], object]]] = {
        "random numbers of torch": (torch.get_rng_state, torch.set_rng_state),
        "random numbers of numpy": (np.random.get_state, np.random.set_state),
        "random numbers of Python": (random.getstate, random.setstate),
    }
    if torch.cuda.is_initialized():
        generators["random numbers of CUDA"] = (torch.cuda.get_rng_state_all, torch.cuda.set_rng_state_all)
    return generators


def _configuration(name: str) -> dict[str, Any]:
    settings: dict[str, Any] = sys.modules[name].get_config_copy()
    return settings


def _same(first: Any, second: Any) -> bool:
    if hasattr(first, "numpy"):
        return bool(first.shape == second.shape and (first == second).all())
    if isinstance(first, (tuple, list)) and isinstance(second, (tuple, list)):
        return len(first) == len(second) and all(_same(*pair) for pair in zip(first, second, strict=True))
    if hasattr(first, "tobytes") and hasattr(second, "tobytes"):
        return bool(first.tobytes() == second.tobytes())
    return bool(first == second)
