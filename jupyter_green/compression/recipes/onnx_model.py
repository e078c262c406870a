"""An ONNX model in ONNX Runtime, called like the original.

Spinning of idle threads is disabled: it costs energy without a gain.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from jupyter_green.compression.errors import ShrinkError, require, why


def wrapped(model: bytes, names: Sequence[str], outputs: Sequence[str], threads: int | None = None) -> Any:
    """Return a module that runs a whole ONNX model, by at most PyTorch's threads, and is called like the original.

    `names` are its inputs, in the original's order. `outputs` names its only output; "tensor" if the original returns
    the tensor itself, "tuple" for a tuple.
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
            # Fix the format: bytes that are valid in two formats could be checked as one and run as the other.
            settings.add_session_config_entry("session.load_model_format", "ONNX")
            self.onnx = model
            self.config: Any = None
            self.names = list(names)
            self.session = runtime.InferenceSession(model, settings, providers=["CPUExecutionProvider"])
            self.taken = {item.name for item in self.session.get_inputs()}

        def forward(self, *arguments: Any, **named: Any) -> Any:
            """Run the model; positional inputs are in the original's order."""
            inputs = {**dict(zip(self.names, arguments, strict=False)), **named}
            missing = [name for name in self.names if name in self.taken and inputs.get(name) is None]
            if missing:
                raise TypeError(f"This model was made for {', '.join(self.names)}; {', '.join(missing)} is missing.")
            arrays = {
                name: inputs[name].detach().cpu().contiguous().numpy() for name in self.names if name in self.taken
            }
            try:
                result = torch.from_numpy(self.session.run(None, arrays)[0])
            except Exception as error:  # ONNX Runtime has an error class for each reason
                sizes = ", ".join(f"{name} {' x '.join(map(str, array.shape))}" for name, array in arrays.items())
                raise ShrinkError(
                    f"This exported model can't be called with {sizes} ({why(error).rstrip('.')})."
                ) from error
            if outputs[0] == "tensor":
                return result
            if outputs[0] == "tuple":
                return (result,)
            return _output(outputs[0], result)

        def in_threads(self, threads: int) -> Any:
            """Return the same model with another number of threads."""
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
    output = ModelOutput()
    output[name] = tensor
    return output


def session_of(model: Any) -> Any:
    """Return the module that runs in ONNX Runtime: the model or a submodule; None if there is none."""
    parts = getattr(model, "modules", tuple)
    return next((part for part in parts() if isinstance(getattr(part, "onnx", None), bytes)), None)


def in_threads(model: Any, threads: int) -> Any:
    """Return a model whose module in ONNX Runtime uses another number of threads."""
    part = session_of(model)
    return part.in_threads(threads) if part is model else copy.deepcopy(model, {id(part): part.in_threads(threads)})
