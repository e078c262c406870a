"""A model as ONNX: exported with free batch size and length, and seen to give the same numbers beside the original."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from jupyter_green.shrink.batch import Batch, leaves, mapped
from jupyter_green.shrink.fault import ShrinkError, why
from jupyter_green.shrink.recipe import Case
from jupyter_green.shrink.subject import Subject, main_tensor

OPSET = 17
COMPARED = 4
"""Examples that are held beside each other; more cost time and tell nothing more."""
CLOSE = 2e-3
"""By how much (relative to the largest output) an exported model may differ from the original it was made from."""


def input_names(inputs: Any) -> list[str]:
    """Return names for a batch's tensors, in order."""
    if isinstance(inputs, Mapping):
        return list(inputs)
    return [f"input_{place}" for place in range(len(leaves(inputs)))]


def feed(inputs: Any, names: Sequence[str]) -> dict[str, Any]:
    """Return a batch's tensors by name, as ONNX Runtime takes them."""
    return {name: leaf.detach().cpu().contiguous().numpy() for name, leaf in zip(names, leaves(inputs), strict=True)}


def export(case: Case, names: Sequence[str], path: Path, free: Sequence[tuple[int, int]] = ()) -> list[str]:
    """Write the model as ONNX with free batch size and length of whole-number inputs; return its outputs' names.

    Other axes that stay free are given as the place of an input and an axis of it.
    """
    import torch

    subject, sample = case.subject, case.tune[0].part(0, 2).to(case.subject.device).inputs
    with torch.inference_mode():
        output = subject.call(sample)
    outputs = ["logits" if hasattr(output, "logits") else _name_of(output)]

    class Flat(torch.nn.Module):
        """Takes tensors in order and gives the main one."""

        def __init__(self) -> None:
            super().__init__()
            self.model = subject.model

        def forward(self, *tensors: Any) -> Any:
            """Call the model as it is called."""
            given = dict(zip(names, tensors, strict=True)) if isinstance(sample, Mapping) else tensors
            return subject.main(subject.call(given, self.model))

    tensors = tuple(leaves(sample))
    axes = {}
    for name, tensor in zip(names, tensors, strict=True):
        whole = tensor.dim() == 2 and not tensor.is_floating_point()
        axes[name] = {0: "batch", 1: "length"} if whole else {0: "batch"}
    for place, axis in free:
        axes[names[place]][axis] = f"{names[place]}_{axis}"
    axes[outputs[0]] = {0: "batch"}
    try:
        with silenced(), warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                Flat().eval(),
                tensors,
                str(path),
                input_names=list(names),
                output_names=outputs,
                dynamic_axes=axes,
                opset_version=OPSET,
                dynamo=False,
            )
    except (MemoryError, torch.OutOfMemoryError):
        raise  # that has a sentence of its own
    except Exception as error:  # the exporter has an error class for each reason
        raise ShrinkError(f"PyTorch's exporter can't write this model as ONNX ({why(error)}).") from error
    return outputs


@contextmanager
def silenced() -> Iterator[None]:
    """Let nothing of a library through to the cell: neither what Python writes nor what is written below it.

    Both are put back in any case, after an interrupt too, which is raised on.
    """
    with ExitStack() as stack:
        sink = stack.enter_context(Path(os.devnull).open("w", encoding="utf-8"))
        for number, stream in ((1, sys.stdout), (2, sys.stderr)):
            stream.flush()
            held = os.dup(number)
            stack.callback(os.close, held)
            stack.callback(os.dup2, held, number)
            os.dup2(sink.fileno(), number)
        stack.enter_context(redirect_stdout(sink))
        stack.enter_context(redirect_stderr(sink))
        yield


def resized(subject: Subject, batch: Batch) -> list[tuple[tuple[int, int], list[Any]]]:
    """Return axes of float inputs (place and axis) that the model takes in other sizes, with inputs of such sizes."""
    import torch

    inputs = batch.part(0, 2).to(subject.device).inputs
    found = []
    for place, leaf in enumerate(leaves(inputs)):
        for axis in range(1, leaf.dim()) if leaf.is_floating_point() else ():
            size, taken = leaf.shape[axis], []
            for other in sorted({size // 2, size + 1, 2 * size} - {0, size}):
                changed = leaf.index_select(axis, torch.arange(other, device=leaf.device) % size)
                given = mapped(inputs, lambda one, leaf=leaf, changed=changed: changed if one is leaf else one)
                try:
                    with torch.inference_mode():
                        subject.call(given)
                except (RuntimeError, ValueError, IndexError, TypeError, AssertionError):
                    continue  # the model itself takes no such size
                taken.append(given)
            if taken:
                found.append(((place, axis), taken))
    return found


def alike(case: Case, made: Any, inputs: Any) -> bool:
    """Whether an exported model gives the same numbers as the model, for inputs of another size."""
    import torch

    with torch.inference_mode():
        wanted = main_tensor(case.subject.call(inputs))
        try:
            given = main_tensor(case.subject.call(inputs, made))
        except Exception:  # noqa: BLE001 - ONNX Runtime has an error class for each reason; the size is then fixed
            return False
    if given.shape != wanted.shape:
        return False
    return float((given - wanted).abs().max()) <= CLOSE * max(1.0, float(wanted.abs().max()))


def compare(case: Case, made: Any) -> None:
    """See that an exported model gives the same numbers, for one example and for others' lengths too.

    Raises
    ------
    ValueError
        If it does not.
    """
    import torch

    batches: list[Batch] = [case.tune[0].part(0, 1), case.tune[-1].part(0, COMPARED)]
    with torch.inference_mode():
        for batch in batches:
            inputs = batch.to(case.subject.device).inputs
            wanted = case.subject.main(case.subject.call(inputs))
            given = case.subject.main(case.subject.call(inputs, made))
            if given.shape != wanted.shape:
                raise ValueError("The exported model works for inputs of one shape only.")
            if float((given - wanted).abs().max()) > CLOSE * max(1.0, float(wanted.abs().max())):
                raise ValueError("The exported model gives other numbers than the original.")


def several(case: Case) -> bool:
    """Whether a person's own module answers with more than one tensor; what transformers adds is known to its users."""
    import torch

    if case.subject.kind != "module":
        return False
    with torch.inference_mode():
        return len(leaves(case.subject.call(case.tune[0].part(0, 1).to(case.subject.device).inputs))) > 1


def _name_of(output: Any) -> str:
    import torch

    if isinstance(output, torch.Tensor):
        return "tensor"
    if isinstance(output, Mapping):
        main = main_tensor(output)
        return next((str(name) for name, value in output.items() if value is main), "logits")
    return "tuple"
