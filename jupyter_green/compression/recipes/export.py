"""ONNX export with dynamic batch size and lengths, and numerical comparison with the original."""

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
"""Maximum number of examples in a comparison."""
SIZES = (1, 7, 31)
"""Further sizes of an axis to try, beside half, one more and twice the size in the data."""
LIBRARIES = frozenset({"site-packages", "dist-packages", "jupyter_green"})
"""Path components of code that is not the user's."""
CLOSE = 2e-3
"""Tolerated difference between exported and original outputs, relative to the largest output."""


def input_names(inputs: Any) -> list[str]:
    """Return names for a batch's tensors, in order."""
    if isinstance(inputs, Mapping):
        return list(inputs)
    return [f"input_{place}" for place in range(len(leaves(inputs)))]


def feed(inputs: Any, names: Sequence[str]) -> dict[str, Any]:
    """Return a batch's tensors by name as NumPy arrays, for ONNX Runtime."""
    return {name: leaf.detach().cpu().contiguous().numpy() for name, leaf in zip(names, leaves(inputs), strict=True)}


def export(
    case: RecipeContext, names: Sequence[str], path: Path, free: Sequence[tuple[int, int]] = ()
) -> tuple[list[str], list[str]]:
    """Write a model as ONNX, with these names of its inputs and dynamic batch size.

    `free` are other dynamic axes: index of an input, and one of its axes. Returns the names of the output, and the
    lines of the user's code that branch on a size or value; the export has only the branch that was taken.
    """
    import torch

    subject, sample = case.subject, case.tune[0].part(0, 2).to(case.subject.device).inputs
    with torch.inference_mode():
        output = subject.call(sample)
    output_names = [_name_of(output, subject.main(output))]

    class Flat(torch.nn.Module):
        """Takes tensors in order and returns the main output."""

        def __init__(self) -> None:
            super().__init__()
            self.model = subject.model

        def forward(self, *tensors: Any) -> Any:
            """Call the model."""
            inputs = dict(zip(names, tensors, strict=True)) if isinstance(sample, Mapping) else tensors
            return subject.main(subject.call(inputs, self.model))

    tensors = tuple(leaves(sample))
    axes = {}
    for name in names:
        axes[name] = {0: "batch"}
    for place, axis in free:
        axes[names[place]][axis] = f"{names[place]}_{axis}"
    axes[output_names[0]] = {0: "batch"}
    try:
        with captured_output(), warnings.catch_warnings(record=True) as caught, torch.no_grad():
            warnings.simplefilter("always")
            torch.onnx.export(
                Flat().eval(),
                tensors,
                str(path),
                input_names=list(names),
                output_names=output_names,
                dynamic_axes=axes,
                opset_version=OPSET,
                dynamo=False,
            )
    except (MemoryError, torch.OutOfMemoryError):
        raise  # reported elsewhere
    except Exception as error:  # the exporter has an error class for each reason
        raise ShrinkError(f"PyTorch's exporter can't write this model as ONNX ({why(error)}).") from error
    return output_names, _decisions(caught)


def _decisions(said: Sequence[warnings.WarningMessage]) -> list[str]:
    """Return the lines of the user's own code that converted a traced size or value to a Python number."""
    from torch.jit._trace import TracerWarning  # not exported by torch.jit

    locations = {
        (Path(warning.filename), warning.lineno)
        for warning in said
        if issubclass(warning.category, TracerWarning) and LIBRARIES.isdisjoint(Path(warning.filename).parts)
    }
    cell = "your notebook"  # the file name of a cell is meaningless to users
    return [
        f"line {line} of {cell if any('ipykernel' in part for part in path.parts) else path.name}"
        for path, line in sorted(locations)
    ]


Axis = tuple[int, int]
"""Index of an input, and one of its axes."""


def resized(subject: SourceModel, batch: Batch) -> list[tuple[tuple[Axis, ...], list[Any]]]:
    """Return the axes that may have other sizes, each with inputs of such sizes.

    Integer inputs of equal size are resized together; floating-point inputs alone, or together if that fails.
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
        results = []
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
                continue  # the model itself does not support this size
            if bool(output.isfinite().all()):
                results.append(given)
        return results

    results: list[tuple[tuple[Axis, ...], list[Any]]] = []
    for axes in shared.values():
        alone: list[tuple[Axis, ...]] = [
            (one,) for one in axes if tensors[one[0]].is_floating_point() or len(axes) == 1
        ]
        working = [(one, others) for one in alone if (others := taken(one))]
        if len(working) < len(axes) and len(axes) > 1 and (others := taken(axes)):
            working = [*working, (tuple(axes), others)]
        results += working
    return results


def alike(case: RecipeContext, made: Any, inputs: Any) -> bool:
    """Whether an exported model's output equals the model's, for inputs of another size."""
    import torch

    with torch.inference_mode():
        expected = case.subject.main(case.subject.call(inputs))
        try:
            output = case.subject.main(case.subject.call(inputs, made))
        except Exception:  # noqa: BLE001 - ONNX Runtime has an error class for each reason; the axis then stays static
            return False
    return outputs.alike(output, expected, CLOSE)


def compare(case: RecipeContext, made: Any) -> None:
    """Check that an exported model's outputs equal the original's, for one example and for another batch.

    Raises
    ------
    ValueError
        If the numbers differ.
    ShrinkError
        If it does not accept the number of examples.
    """
    import torch

    batches: list[Batch] = [case.tune[0].part(0, 1), case.tune[-1].part(0, COMPARED)]
    with torch.inference_mode():
        for batch in batches:
            inputs = batch.to(case.subject.device).inputs
            expected = case.subject.main(case.subject.call(inputs))
            try:
                output = case.subject.main(case.subject.call(inputs, made))
            except ShrinkError as error:
                raise ShrinkError(_one_size(batch)) from error
            if output.shape != expected.shape:
                raise ShrinkError(_one_size(batch))
            if not outputs.alike(output, expected, CLOSE):
                raise ValueError("The exported model gives other numbers than the original.")


def _one_size(batch: Batch) -> str:
    count = f"{batch.size} example{'s' if batch.size > 1 else ''}"
    return f"The exported model does not take {count} as the original does: a size is written into the model's code."


def several(case: RecipeContext) -> bool:
    """Whether a user's own module returns more than one tensor.

    Additional outputs of transformers models don't count.
    """
    import torch

    if case.subject.kind != "module":
        return False
    with torch.inference_mode():
        return len(leaves(case.subject.call(case.tune[0].part(0, 1).to(case.subject.device).inputs))) > 1


def _name_of(output: Any, main: Any) -> str:
    """Return the name of the main tensor in the model's output; "tensor" or "tuple" if it has none."""
    if output is main:
        return "tensor"
    if getattr(output, "logits", None) is main:
        return "logits"
    if isinstance(output, Mapping):
        return next((str(name) for name, value in output.items() if value is main), "logits")
    return "tuple"
