"""How a saved model is called, and which tensor of its output is compared, as `shrink.json` records it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jupyter_green.compression.errors import ShrinkError
from jupyter_green.compression.model.task import Task


def arranged(inputs: dict[str, Any], call: Any) -> Any:
    """Return named tensors in the form that the model is called with; positional ones are named by their index.

    `call` is "named" for keyword arguments, "many" for a tuple, otherwise a single tensor.
    """
    if call == "named":
        return inputs
    ordered = [inputs[str(place)] for place in range(len(inputs))]
    return tuple(ordered) if call == "many" else ordered[0]


def judged_tensor(output: Any, note: Mapping[str, Any]) -> Any:
    """Return the tensor of a model's output that the metric uses, as recorded in `shrink.json` (`note`).

    Raises ShrinkError if the recorded path is invalid.
    """
    path: Any = note.get("output", [])  # folders of older versions have none
    if not (isinstance(path, list) and all(type(step) in (str, int) and str(step)[:2] != "__" for step in path)):
        raise ShrinkError("shrink.json does not say which output was judged; the folder is damaged.")
    return Task(output=tuple(path)).of(output)
