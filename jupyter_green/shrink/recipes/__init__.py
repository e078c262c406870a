"""The recipes we bring, one module each, cheap and safe ones first."""

from __future__ import annotations

from jupyter_green.shrink.recipe import Recipe


def ours() -> list[Recipe]:
    """Return one of each in the order in which they are tried."""
    from .depth import Depth
    from .integer import TorchInteger
    from .onnx_runtime import OnnxDynamic, OnnxFloat, OnnxStatic
    from .precision import BFloat16
    from .pruning import Prune

    return [OnnxFloat(), OnnxDynamic(), OnnxStatic(), BFloat16(), TorchInteger(), Depth(), Prune()]
