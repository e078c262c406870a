"""The recipes we bring, one module each; of those that train nothing the likeliest to gain come first."""

from __future__ import annotations

from .recipe import Recipe


def quantizing() -> list[Recipe]:
    """Return those that train nothing: other runtimes and fewer bits.

    Runtimes alone are among them: without these nobody could tell what fewer bits give and what the runtime does.
    """
    from .autocast import Autocast
    from .channels_last import ChannelsLast
    from .compiled import Compiled
    from .integer import TorchInteger
    from .integer_weights import IntegerWeights
    from .onnx_runtime import OnnxDynamic, OnnxFloat, OnnxStatic
    from .precision import BFloat16, Float16
    from .torchao import TorchAO

    return [
        OnnxFloat(),
        OnnxDynamic(),
        OnnxStatic(),
        BFloat16(),
        IntegerWeights(8),
        IntegerWeights(4),
        Float16(),
        TorchInteger(),
        TorchAO("fp8"),
        TorchAO("int8"),
        TorchAO("int4"),
        Autocast("bf16"),
        Autocast("fp16"),
        ChannelsLast(),
        Compiled(),
        Compiled("bf16"),
        Compiled("int8"),
    ]


def ours() -> list[Recipe]:
    """Return one of each in the order in which they are tried."""
    from .depth import Depth
    from .heads import Heads
    from .pruning import Prune

    return [*quantizing(), Depth(), Prune(), Heads()]
