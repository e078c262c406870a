"""How a saved model is called, and which tensor of its output is compared, as `shrink.json` records it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jupyter_green.compression.errors import ShrinkError
from jupyter_green.compression.model.task import Task


def arranged(inputs: dict[str, Any], call: Any) -> Any:
    """Return tensors by name as a model is called: by name, several in order, or one."""
    if call == "named":
        return inputs
    ordered = [inputs[str(place)] for place in range(len(inputs))]
    return tuple(ordered) if call == "many" else ordered[0]


def judged_tensor(output: Any, note: Mapping[str, Any]) -> Any:
    """Return the tensor of what a model returned that was judged, as `shrink.json` says.

    Raises
    ------
    ShrinkError
        If that does not say where it stands.
    """
    path: Any = note.get("output", [])  # what was saved before this was noted has none
    if not (isinstance(path, list) and all(type(one) in (str, int) and str(one)[:2] != "__" for one in path)):
        raise ShrinkError("shrink.json does not say which output was judged; the folder is damaged.")
    return Task(output=tuple(path)).of(output)
