"""A model in ONNX Runtime that is called like the original.

Threads don't spin while they wait: that would cost energy and give nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from jupyter_green.compression.errors import ShrinkError, require, why


def wrapped(model: bytes, names: Sequence[str], outputs: Sequence[str], threads: int | None = None) -> Any:
    """Return a module that runs an ONNX model and is called like the original.

    Parameters
    ----------
    model : bytes
        The ONNX model, whole; nothing outside it is read.
    names : sequence of str
        Its inputs in the order of the original's.
    outputs : sequence of str
        Its one output; "tensor" means that the original returns the tensor itself.
    threads : int, optional
        In how many it runs; never more than PyTorch may take, which it takes without this.
    """
    import torch

    runtime = require("onnxruntime")

    class OnnxModel(torch.nn.Module):
        """An ONNX model in ONNX Runtime."""

        def __init__(self) -> None:
            super().__init__()
            settings = runtime.SessionOptions()
            self.threads = min(threads or torch.get_num_threads(), torch.get_num_threads())
            settings.intra_op_num_threads = self.threads
            settings.inter_op_num_threads = 1
            settings.log_severity_level = 3
            settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
            # Bytes that are two formats at once would be checked as one and run as the other.
            settings.add_session_config_entry("session.load_model_format", "ONNX")
            self.onnx = model
            self.config: Any = None
            self.names = list(names)
            self.session = runtime.InferenceSession(model, settings, providers=["CPUExecutionProvider"])
            self.taken = {item.name for item in self.session.get_inputs()}

        def forward(self, *arguments: Any, **named: Any) -> Any:
            """Run it; positional inputs are taken in the original's order."""
            given = {**dict(zip(self.names, arguments, strict=False)), **named}
            missing = [name for name in self.names if name in self.taken and given.get(name) is None]
            if missing:
                raise TypeError(f"This model was made for {', '.join(self.names)}; {', '.join(missing)} is missing.")
            fed = {name: given[name].detach().cpu().contiguous().numpy() for name in self.names if name in self.taken}
            try:
                result = torch.from_numpy(self.session.run(None, fed)[0])
            except Exception as error:  # ONNX Runtime has an error class for each reason
                sizes = ", ".join(f"{name} {' x '.join(map(str, one.shape))}" for name, one in fed.items())
                raise ShrinkError(
                    f"This exported model can't be called with {sizes} ({why(error).rstrip('.')})."
                ) from error
            if outputs[0] == "tensor":
                return result
            if outputs[0] == "tuple":
                return (result,)
            return _output(outputs[0], result)

        def in_threads(self, threads: int) -> Any:
            """Return the same model that runs in another number of threads."""
            return self if threads == self.threads else self._again(threads)

        def _again(self, threads: int) -> Any:
            made = wrapped(model, names, outputs, threads)
            made.config = self.config
            return made

        def __deepcopy__(self, memo: dict[int, Any]) -> Any:
            return self._again(self.threads)

        def __reduce__(self) -> Any:
            raise TypeError("A shrunk model is saved with result.save(folder), not pickled.")

    return OnnxModel().eval()


def _output(name: str, tensor: Any) -> Any:
    try:
        from transformers.utils import ModelOutput
    except ImportError:
        return {name: tensor}
    made = ModelOutput()
    made[name] = tensor
    return made


def session_of(model: Any) -> Any:
    """Return what runs in ONNX Runtime: the model, or a part of it; None where nothing does."""
    parts = getattr(model, "modules", tuple)
    return next((part for part in parts() if isinstance(getattr(part, "onnx", None), bytes)), None)


def in_threads(model: Any, threads: int) -> Any:
    """Return a model whose part in ONNX Runtime works in another number of threads."""
    part = session_of(model)
    return part.in_threads(threads) if part is model else copy.deepcopy(model, {id(part): part.in_threads(threads)})
