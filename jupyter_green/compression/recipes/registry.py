"""The recipes that a search tries: the built-in ones, and third-party ones from the entry-point group.

Each list is in the order in which recipes are tried: those without training first, most promising first.
"""

from __future__ import annotations

from jupyter_green.compression.process.output_capture import captured_output

from .recipe import Recipe

GROUP = "jupyter_green.recipes"
"""Entry-point group in which third parties register a function without arguments that returns a recipe."""


def quantizing() -> list[Recipe]:
    """Return the recipes that train nothing: quantization, and other runtimes.

    A runtime alone is the reference that separates its gain from that of quantization.
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
    """Return all built-in recipes in the order in which they are tried."""
    from .depth import Depth
    from .heads import Heads
    from .pruning import Prune

    return [*quantizing(), Depth(), Prune(), Heads()]


def known_recipes() -> tuple[list[Recipe], list[str]]:
    """Return the built-in and third-party recipes, and the errors of those that could not be loaded."""
    from importlib.metadata import entry_points

    recipes, problems = ours(), list[str]()
    for entry in entry_points(group=GROUP):
        try:
            with captured_output():
                recipe = entry.load()()
        except Exception as error:  # noqa: BLE001 - a third-party error must not end the search
            problems.append(f"Recipe {entry.name} could not be loaded ({type(error).__name__}: {error}).")
            continue
        if isinstance(recipe, Recipe):
            recipes.append(recipe)
        else:
            problems.append(f"Recipe {entry.name} has no name, trains, applies and apply.")
    return recipes, problems
