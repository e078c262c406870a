"""A model as ONNX: exported with free batch size and length, and seen to give the same numbers beside the original."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jupyter_green.compression.data.batch import Batch, leaves, mapped
from jupyter_green.compression.errors import ShrinkError, why
from jupyter_green.compression.model import outputs
from jupyter_green.compression.model.source_model import SourceModel
from jupyter_green.compression.process.output_capture import captured_output

from .recipe import RecipeContext

OPSET = 17
COMPARED = 4
"""Examples that are held beside each other; more cost time and tell nothing more."""
SIZES = (1, 7, 31)
"""Further sizes of an axis that are tried, beside half, one more and twice what the data has."""
LIBRARIES = frozenset({"site-packages", "dist-packages", "jupyter_green"})
"""Folders whose code is not the person's."""
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


def export(
    case: RecipeContext, names: Sequence[str], path: Path, free: Sequence[tuple[int, int]] = ()
) -> tuple[list[str], list[str]]:
    """Write the model as ONNX with free batch size; return its outputs' names, and where its own code decides.

    Other axes that stay free are given as the place of an input and an axis of it. What a person's code decides by a
    size or a value is exported as it fell.
    """
    import torch

    subject, sample = case.subject, case.tune[0].part(0, 2).to(case.subject.device).inputs
    with torch.inference_mode():
        output = subject.call(sample)
    given = [_name_of(output, subject.main(output))]

    class Flat(torch.nn.Module):
        """Takes tensors in order and gives the main one."""

        def __init__(self) -> None:
            super().__init__()
            self.model = subject.model

        def forward(self, *tensors: Any) -> Any:
            """Call the model as it is called."""
            inputs = dict(zip(names, tensors, strict=True)) if isinstance(sample, Mapping) else tensors
            return subject.main(subject.call(inputs, self.model))

    tensors = tuple(leaves(sample))
    axes = {}
    for name in names:
        axes[name] = {0: "batch"}
    for place, axis in free:
        axes[names[place]][axis] = f"{names[place]}_{axis}"
    axes[given[0]] = {0: "batch"}
    try:
        with captured_output(), warnings.catch_warnings(record=True) as said, torch.no_grad():
            warnings.simplefilter("always")
            torch.onnx.export(
                Flat().eval(),
                tensors,
                str(path),
                input_names=list(names),
                output_names=given,
                dynamic_axes=axes,
                opset_version=OPSET,
                dynamo=False,
            )
    except (MemoryError, torch.OutOfMemoryError):
        raise  # that has a sentence of its own
    except Exception as error:  # the exporter has an error class for each reason
        raise ShrinkError(f"PyTorch's exporter can't write this model as ONNX ({why(error)}).") from error
    return given, _decisions(said)


def _decisions(said: Sequence[warnings.WarningMessage]) -> list[str]:
    """Return the lines of a person's own code that made a number of Python of a traced size or value."""
    from torch.jit._trace import TracerWarning  # torch.jit does not export it by name

    found = {
        (Path(one.filename), one.lineno)
        for one in said
        if issubclass(one.category, TracerWarning) and LIBRARIES.isdisjoint(Path(one.filename).parts)
    }
    cell = "your notebook"  # a cell has no name that tells anybody which
    return [
        f"line {line} of {cell if any('ipykernel' in part for part in path.parts) else path.name}"
        for path, line in sorted(found)
    ]


Axis = tuple[int, int]
"""The place of an input, and an axis of it."""


def resized(subject: SourceModel, batch: Batch) -> list[tuple[tuple[Axis, ...], list[Any]]]:
    """Return axes that the model takes in other sizes, with inputs of such sizes; the batch is none of them.

    Inputs of whole numbers that are of one length change together, others where none may change alone.
    """
    import torch

    inputs = batch.part(0, 2).to(subject.device).inputs
    tensors = leaves(inputs)
    shared: dict[tuple[int, int], list[Axis]] = {}
    for place, leaf in enumerate(tensors):
        for axis in range(1, leaf.dim()):
            shared.setdefault((axis, leaf.shape[axis]), []).append((place, axis))

    def taken(axes: Sequence[Axis]) -> list[Any]:
        size = tensors[axes[0][0]].shape[axes[0][1]]
        found = []
        for other in sorted({size // 2, size + 1, 2 * size, *SIZES} - {0, size}):
            changed = {
                id(tensors[place]): tensors[place].index_select(
                    axis, torch.arange(other, device=tensors[place].device) % size
                )
                for place, axis in axes
            }
            given = mapped(inputs, lambda leaf, changed=changed: changed.get(id(leaf), leaf))
            try:
                with torch.inference_mode():
                    output = subject.main(subject.call(given))
            except (RuntimeError, ValueError, IndexError, TypeError, AssertionError):
                continue  # the model itself takes no such size
            if bool(output.isfinite().all()):
                found.append(given)
        return found

    found: list[tuple[tuple[Axis, ...], list[Any]]] = []
    for axes in shared.values():
        alone: list[tuple[Axis, ...]] = [
            (one,) for one in axes if tensors[one[0]].is_floating_point() or len(axes) == 1
        ]
        good = [(one, others) for one in alone if (others := taken(one))]
        if len(good) < len(axes) and len(axes) > 1 and (others := taken(axes)):
            good = [*good, (tuple(axes), others)]
        found += good
    return found


def alike(case: RecipeContext, made: Any, inputs: Any) -> bool:
    """Whether an exported model gives the same numbers as the model, for inputs of another size."""
    import torch

    with torch.inference_mode():
        wanted = case.subject.main(case.subject.call(inputs))
        try:
            given = case.subject.main(case.subject.call(inputs, made))
        except Exception:  # noqa: BLE001 - ONNX Runtime has an error class for each reason; the size is then fixed
            return False
    return outputs.alike(given, wanted, CLOSE)


def compare(case: RecipeContext, made: Any) -> None:
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
            try:
                given = case.subject.main(case.subject.call(inputs, made))
            except ShrinkError as error:
                raise ShrinkError(_one_size(batch)) from error
            if given.shape != wanted.shape:
                raise ShrinkError(_one_size(batch))
            if not outputs.alike(given, wanted, CLOSE):
                raise ValueError("The exported model gives other numbers than the original.")


def _one_size(batch: Batch) -> str:
    count = f"{batch.size} example{'s' if batch.size > 1 else ''}"
    return f"The exported model does not take {count} as the original does: a size is written into the model's code."


def several(case: RecipeContext) -> bool:
    """Whether a person's own module answers with more than one tensor; what transformers adds is known to its users."""
    import torch

    if case.subject.kind != "module":
        return False
    with torch.inference_mode():
        return len(leaves(case.subject.call(case.tune[0].part(0, 1).to(case.subject.device).inputs))) > 1


def _name_of(output: Any, main: Any) -> str:
    """Return the name of the judged tensor in what the model returned; "tensor" or "tuple" where it has none."""
    if output is main:
        return "tensor"
    if getattr(output, "logits", None) is main:
        return "logits"
    if isinstance(output, Mapping):
        return next((str(name) for name, value in output.items() if value is main), "logits")
    return "tuple"
