"""Reload check: save the chosen model, load it in a fresh process, and compare outputs.

A model may depend on the state of this process. So a child process loads the folder and answers inputs of several sizes
(one example, several, other lengths); the outputs are compared with those of this process, and a language model has to
generate the same tokens. Memory and load time of the child are reported. A class that is defined in the notebook can't
be imported elsewhere: such a model is loaded here, into a copy of the original, and the report says so.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_green.compression.data.batch import Batch, leaves
from jupyter_green.compression.errors import ShrinkError, require, why
from jupyter_green.compression.model.outputs import alike
from jupyter_green.compression.model.source_model import SourceModel, kind_of
from jupyter_green.compression.process import deadline
from jupyter_green.compression.process.deadline import TimeIsUp
from jupyter_green.compression.process.state import same_random_numbers
from jupyter_green.compression.recipes.recipe import RecipeResult

from .call_convention import arranged, judged_tensor
from .folder import opened
from .load import made_of
from .save import write

TOKENS = 8
PATIENCE_SECONDS = 300
CLOSE = 0.02
"""Tolerated difference between the outputs, relative to the largest value."""


@dataclass(frozen=True)
class Inspection:
    """Result of a reload check."""

    passed: bool
    """Whether the outputs of the saved model are the same."""
    said: str
    """The result in one sentence."""
    fresh: bool = True
    """Whether a process of its own was used."""
    seconds: float | None = None
    """Time to load the model, without importing libraries."""
    memory_bytes: int | None = None
    """Growth of the process's memory from loading and running the model."""


def inspect(original: SourceModel, product: RecipeResult, batches: Sequence[Batch]) -> Inspection:
    """Save a result, load it in a fresh process where possible, and compare outputs for test examples."""
    with tempfile.TemporaryDirectory() as place:
        folder, fresh = Path(place) / "model", Path(place) / "fresh.safetensors"
        try:
            deadline.look()
            alone = write(folder, original, product, batches[0].part(0, 2).inputs)
            _write(fresh, original, product.model, [*_cases(batches), *_resized(original, product, batches[0])])
            outcome = (
                _elsewhere(folder, fresh, original.device.type)
                if alone
                else _asked(folder, fresh, original.device.type, _instance(original, product))
            )
        except (ShrinkError, OSError, RuntimeError, ValueError, TypeError) as error:
            return Inspection(False, f"It can't be saved and loaded again: {why(error)}", fresh=False)
    failed = outcome.get("failed")
    where = "a fresh process" if alone else f"this process, since {_class(product)} is no class of a library"
    if failed:
        return Inspection(False, f"Saved and loaded in {where}, it failed: {failed}", alone)
    memory = outcome.get("memory_bytes") if alone else None
    needs = f", which grew by {memory / 1e6:,.0f} MB" if memory else ""
    also = " and generated the same" if outcome.get("generated") else ""
    text = f"Saved and loaded in {where}{needs}, it answered {outcome['cases']} inputs of other sizes the same{also}."
    return Inspection(True, text, alone, outcome.get("seconds"), memory)


def _class(product: RecipeResult) -> str:
    return type(product.model if product.weights is None else product.weights).__name__


def _instance(original: SourceModel, product: RecipeResult) -> Any:
    """Return an instance of the class that was shrunk: a copy of the original's, or of a student."""
    import copy

    model = product.model if product.weights is None else product.weights
    if any(step.get("recipe") == "student" for step in product.steps):
        return copy.deepcopy(model)  # a student may be of the same class and of another size
    return original.copy() if type(original.model) is type(model) else copy.deepcopy(model)


def _cases(batches: Sequence[Batch]) -> list[Any]:
    """Return inputs of several sizes: one example, three, and another batch."""
    first, last = batches[0], batches[-1]
    return [first.part(0, 1).inputs, first.part(0, 3).inputs, last.inputs]


def _resized(original: SourceModel, product: RecipeResult, batch: Batch) -> list[Any]:
    """Return inputs with other sizes that both the original and the result support."""
    from jupyter_green.compression.recipes.export import resized
    from jupyter_green.compression.recipes.onnx_model import session_of

    part = session_of(product.model)
    shapes = [] if part is None else [item.shape for item in part.session.get_inputs()]

    def free(place: int, axis: int) -> bool:
        return part is None or (place < len(shapes) and not isinstance(shapes[place][axis], int))

    return [
        inputs for axes, others in resized(original, batch) if all(free(*axis) for axis in axes) for inputs in others
    ]


def _write(path: Path, original: SourceModel, model: Any, cases: Sequence[Any]) -> None:
    import torch

    arrays = {}
    with torch.inference_mode(), original.kept(model):
        for number, inputs in enumerate(cases):
            device_inputs = Batch(inputs).to(original.device).inputs
            with same_random_numbers():
                arrays[f"{number}.out"] = original.main(original.call(device_inputs, model)).float().cpu().contiguous()
            names = list(inputs) if isinstance(inputs, dict) else [str(n) for n in range(len(leaves(inputs)))]
            for name, leaf in zip(names, leaves(inputs), strict=True):
                arrays[f"{number}.in.{name}"] = leaf.detach().cpu().contiguous().clone()
        if hasattr(model, "generate") and callable(getattr(model, "can_generate", None)) and model.can_generate():
            from jupyter_green.compression.model.workload import generated

            arrays["generated"] = (
                generated(model, Batch(cases[0]).to(original.device).inputs, TOKENS).cpu().contiguous()
            )
    require("safetensors.torch").save_file(arrays, str(path))


def _elsewhere(folder: Path, fresh: Path, device: str) -> dict[str, Any]:
    import torch

    deadline.look()
    patience = min(PATIENCE_SECONDS, deadline.left())
    threads = str(torch.get_num_threads())
    root = str(Path(__file__).parents[2])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "HF_HUB_OFFLINE": "1"}
    try:
        child = subprocess.run(
            [
                sys.executable,
                "-m",
                "jupyter_green.compression.store.reload_check",
                str(folder),
                str(fresh),
                threads,
                device,
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=patience,
            env=environment,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        if patience < PATIENCE_SECONDS:
            raise TimeIsUp from None  # with more time it might have answered
        return {"failed": f"it did not answer within {PATIENCE_SECONDS:g} s."}
    lines = child.stdout.strip().splitlines()
    if child.returncode != 0 or not lines:
        last = (child.stderr.strip().splitlines() or ["no word"])[-1]
        return {"failed": last[:200]}
    outcome: dict[str, Any] = json.loads(lines[-1])
    return outcome


def _asked(folder: Path, fresh: Path, device: str, model: Any = None) -> dict[str, Any]:
    """Load a folder and compare its outputs; runs in either process."""
    import psutil
    import torch

    from jupyter_green.compression.model.workload import generated

    before, began = psutil.Process().memory_info().rss, time.perf_counter()
    try:
        contents = opened(folder)
        model_loaded = made_of(contents, model).to(device)  # written by this search, so no trial load is needed
        load_seconds = time.perf_counter() - began
        arrays = require("safetensors.torch").load_file(str(fresh), device=device)
        call = contents.note["call"]
        count = sum(name.endswith(".out") for name in arrays)
        for number in range(count):
            begin = f"{number}.in."
            inputs = {name.removeprefix(begin): leaf for name, leaf in arrays.items() if name.startswith(begin)}
            with torch.inference_mode(), same_random_numbers():
                answer = judged_tensor(
                    SourceModel(model_loaded, kind_of(model_loaded)).call(arranged(inputs, call)), contents.note
                )
                answer = answer.float().cpu()
            if not alike(answer, arrays[f"{number}.out"].cpu(), CLOSE):
                return {"failed": f"for inputs of shape {_shape(inputs)} it answers differently."}
        if "generated" in arrays:
            first = arranged({n.removeprefix("0.in."): x for n, x in arrays.items() if n.startswith("0.in.")}, call)
            with torch.inference_mode():
                tokens = generated(model_loaded, first, TOKENS).cpu()
            if tokens.shape != arrays["generated"].shape or not bool((tokens == arrays["generated"].cpu()).all()):
                return {"failed": "it generates other tokens."}
    except (ShrinkError, RuntimeError, ValueError, TypeError, KeyError, IndexError) as error:
        return {"failed": why(error)}
    growth = psutil.Process().memory_info().rss - before
    return {"cases": count, "seconds": load_seconds, "memory_bytes": max(0, growth), "generated": "generated" in arrays}


def _shape(inputs: dict[str, Any]) -> str:
    return " x ".join(map(str, next(iter(inputs.values())).shape))


def _main(folder: str, fresh: str, threads: str, device: str) -> None:
    import torch

    torch.set_num_threads(int(threads))
    print(json.dumps(_asked(Path(folder), Path(fresh), device)))


if __name__ == "__main__":
    _main(*sys.argv[1:])
