"""The state of a model beside its parameters: recorded before a run, restored after it.

Buffers, counters, caches and random generators change as a model is called. A later run must not depend on an earlier
one. Tensors and containers are compared and restored in place, so that other references to them stay valid; attributes
are bound to their previous objects.
"""

from __future__ import annotations

import random
import sys
from collections import deque
from collections.abc import Callable
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any

DEEPEST = 6
"""Maximum depth of nested objects; caches are within the first few levels."""
LONGEST = 100_000
"""Maximum length of a container whose elements are recorded too, beside its length and their identity."""
_PLAIN = (type(None), bool, int, float, complex, str, bytes, type, range, slice)


class ModelState:
    """The state of a model at one moment, with its own random generators; nothing of what is no ``torch.nn.Module``."""

    def __init__(self, model: Any, *, generators: bool = True) -> None:
        import torch

        self._generators = generators

        self._restore: list[Callable[[], bool]] = []
        self._seen: dict[int, Any] = {}  # keeps the objects alive, so that ids stay unique
        self._internal = frozenset(vars(torch.nn.Module())) | {"_compiled_call_impl"}
        if isinstance(model, torch.nn.Module):
            self._note(model, 0)

    def put_back(self) -> bool:
        """Restore what has changed; return whether anything had."""
        import torch

        with torch.inference_mode():  # inference tensors can only be modified in inference mode
            changed = [restore() for restore in self._restore]
        return any(changed)

    def _note(self, value: Any, depth: int) -> None:  # noqa: PLR0912 - one branch for each kind of value
        import numpy as np
        import torch

        if isinstance(value, _PLAIN) or id(value) in self._seen or depth > DEEPEST:
            return
        self._seen[id(value)] = value
        if isinstance(value, torch.nn.Module):
            self._module(value, depth)
        elif isinstance(value, torch.Tensor):
            if not isinstance(value, torch.nn.Parameter):
                self._tensor(value)
        elif isinstance(value, np.ndarray):
            self._array(value)
        elif isinstance(value, torch.Generator):
            self._generator(value.get_state, value.set_state)
        elif isinstance(value, random.Random):
            self._generator(value.getstate, value.setstate)
        elif isinstance(value, np.random.RandomState):
            self._generator(value.get_state, value.set_state)
        elif isinstance(value, np.random.Generator):
            bits = value.bit_generator
            self._generator(lambda: bits.state, lambda state: setattr(bits, "state", state))
        elif isinstance(value, dict):
            self._mapping(value, depth)
        elif isinstance(value, (list, deque)):
            self._list(value, depth)
        elif isinstance(value, (set, bytearray)):
            self._collection(value)
        elif isinstance(value, (tuple, frozenset)):
            for item in value:
                self._note(item, depth + 1)
        elif _holds_state(value):
            self._mapping(vars(value), depth)

    def _module(self, module: Any, depth: int) -> None:
        for inner in module._modules.values():
            self._note(inner, depth)
        self._mapping(module._buffers, depth)
        self._mapping(vars(module), depth, skip=self._internal)

    def _mapping(self, held: dict[Any, Any], depth: int, skip: frozenset[str] = frozenset()) -> None:
        before = {key: value for key, value in held.items() if key not in skip}

        def restore() -> bool:
            now = {key: value for key, value in held.items() if key not in skip}
            same = len(now) == len(before) and all(
                mine is other for mine, other in zip(now.values(), before.values(), strict=True)
            )
            if same and list(now) == list(before):
                return False
            for key in now:
                del held[key]
            for key, value in before.items():
                held[key] = value
            return True

        self._restore.append(restore)
        if len(before) <= LONGEST:
            for value in before.values():
                self._note(value, depth + 1)

    def _list(self, held: Any, depth: int) -> None:
        before = list(held)

        def restore() -> bool:
            if len(held) == len(before) and all(one is other for one, other in zip(held, before, strict=True)):
                return False
            held.clear()
            held.extend(before)
            return True

        self._restore.append(restore)
        if len(before) <= LONGEST:
            for value in before:
                self._note(value, depth + 1)

    def _collection(self, held: Any) -> None:
        before = held.copy()

        def restore() -> bool:
            if held == before:
                return False
            held.clear()
            (held.update if isinstance(held, set) else held.extend)(before)
            return True

        self._restore.append(restore)

    def _tensor(self, tensor: Any) -> None:
        import torch

        if tensor.is_meta or tensor.layout is not torch.strided:
            return
        kept = tensor.detach().clone()

        def restore() -> bool:
            if tensor.shape == kept.shape and _same_bits(tensor, kept):
                return False
            if tensor.shape != kept.shape:
                tensor.detach().resize_(kept.shape)
            tensor.detach().copy_(kept)
            return True

        self._restore.append(restore)

    def _array(self, array: Any) -> None:
        import numpy as np

        kept = array.copy()

        def restore() -> bool:
            if array.dtype == object or not array.flags.writeable:
                return False
            if array.shape == kept.shape and array.tobytes() == kept.tobytes():
                return False
            np.copyto(array, kept)
            return True

        self._restore.append(restore)

    def _generator(self, read: Callable[[], Any], write: Callable[[Any], object]) -> None:
        before = read()

        def restore() -> bool:
            write(before)
            return False  # drawing random numbers is no change of the model

        if self._generators:
            self._restore.append(restore)


def _same_bits(first: Any, second: Any) -> bool:
    import torch

    left, right = first.detach(), second
    if left.dtype.is_floating_point or left.dtype.is_complex:
        return bool(torch.equal(left.nan_to_num(0.25), right.nan_to_num(0.25)))
    return bool(torch.equal(left, right))


def _holds_state(value: Any) -> bool:
    """Whether an object is an instance with attributes from outside of the standard library."""
    if not hasattr(value, "__dict__") or isinstance(value, (FunctionType, ModuleType)):
        return False
    family = type(value).__module__.partition(".")[0]
    return isinstance(value, SimpleNamespace) or family == "__main__" or family not in sys.stdlib_module_names
