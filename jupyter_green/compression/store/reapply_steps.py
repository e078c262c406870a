"""Apply again the steps on finished weights: wrap, quantize, compile.

A folder never says which code to run. Only the steps in `_AGAIN` are applied, by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jupyter_green.compression.errors import ShrinkError, require
from jupyter_green.reporting.sanitize import one_line


def finished(made: Any, steps: list[Any]) -> Any:
    """Apply the steps on finished weights again: wrap, quantize, compile."""
    for step in steps:
        recipe = step.get("recipe")
        if recipe in _AGAIN:
            made = _AGAIN[recipe](made, step)
    return made


def _half(made: Any, step: Mapping[str, Any]) -> Any:
    from jupyter_green.compression.recipes.precision import wrapped

    return wrapped(made, step["recipe"]) if step.get("wrapped") else made


def _autocast(made: Any, step: Mapping[str, Any]) -> Any:
    from jupyter_green.compression.recipes.autocast import KINDS, wrapped

    kind, device = step.get("kind"), step.get("device")
    if kind not in KINDS or device not in ("cpu", "cuda"):
        raise ShrinkError("shrink.json names an arithmetic that is not known; the folder is damaged.")
    return wrapped(made, kind, device)


def _stored(made: Any, _step: Mapping[str, Any]) -> Any:
    from jupyter_green.compression.recipes.channels_last import wrapped

    return wrapped(made)


def _integers(made: Any, step: Mapping[str, Any]) -> Any:
    import torch

    from jupyter_green.compression.recipes.integer import ENGINES, quantized

    engine = step.get("engine")
    if engine not in ENGINES or engine not in torch.backends.quantized.supported_engines:
        raise ShrinkError(f"It was quantized for {one_line(repr(engine), 60)}, which this PyTorch does not have.")
    return quantized(made.eval(), engine, _spared(step))


def _integer_weights(made: Any, step: Mapping[str, Any]) -> Any:
    from jupyter_green.compression.recipes.integer_weights import FEW_ROWS, OPERATORS, rounded
    from jupyter_green.compression.recipes.threads import limit_threads

    bits, threads = step.get("bits"), step.get("threads")
    if type(bits) is not int or bits not in OPERATORS:
        raise ShrinkError("shrink.json names a number of bits that is not known; the folder is damaged.")
    check_threads(threads)
    made = rounded(made, bits, _spared(step))
    return made if threads is None else limit_threads(made, threads, FEW_ROWS)


def check_threads(threads: Any) -> None:
    """Check a number of threads. Raises ShrinkError if it is neither None nor a positive int."""
    if not (threads is None or (type(threads) is int and threads > 0)):
        raise ShrinkError("shrink.json does not say in how many threads it runs; the folder is damaged.")


def _torchao(made: Any, step: Mapping[str, Any]) -> Any:
    import torch

    from jupyter_green.compression.recipes.torchao import at_integers

    require("torchao", "torchao")
    if not torch.cuda.is_available():
        raise ShrinkError("This model was quantized for a GPU, and there is none here; load it where there is one.")
    at_integers(made.cuda().inner if hasattr(made, "inner") else made.cuda(), str(step.get("kind")), _spared(step))
    return made


def _compiled(made: Any, step: Mapping[str, Any]) -> Any:
    import torch

    from jupyter_green.compression.recipes.compiled import INSIDE, compiled
    from jupyter_green.compression.recipes.precision import wrapped
    from jupyter_green.compression.recipes.torchao import at_integers

    inside = step.get("inside")
    if inside not in INSIDE:
        raise ShrinkError("shrink.json names an arithmetic that is not known; the folder is damaged.")
    if inside == "bf16":
        made = wrapped(made.to(torch.bfloat16))
    if inside == "int8":
        require("torchao", "torchao")
        at_integers(made, "int8")
    return compiled(made.eval(), step.get("free") is True)


def _spared(step: Mapping[str, Any]) -> tuple[str, ...]:
    names: Any = step.get("spared", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ShrinkError("shrink.json does not say which layers were left out; the folder is damaged.")
    return tuple(names)


_AGAIN: dict[Any, Callable[[Any, Mapping[str, Any]], Any]] = {
    "bf16": _half,
    "fp16": _half,
    "autocast": _autocast,
    "channels_last": _stored,
    "torch-int8": _integers,
    "integer-weights": _integer_weights,
    "torchao": _torchao,
    "compiled": _compiled,
}
"""Steps on finished weights, by name; others are ignored here."""
