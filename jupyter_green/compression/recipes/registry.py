"""The recipes that a search tries: the built-in ones, and third-party ones from the entry-point group.

Each list is in the order in which recipes are tried: those without training first, most promising first.
"""

from __future__ import annotations

from jupyter_green.compression.process.output_capture import captured_output

from .recipe import Recipe

GROUP = "jupyter_green.recipes"
"""Entry-point group in which third parties register a function without arguments that returns a recipe."""


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


def known_recipes() -> tuple[list[Recipe], list[str]]:
    """Return our recipes, cheap ones first, and those of third parties; and what went wrong with the latter."""
    from importlib.metadata import entry_points

    found, problems = ours(), list[str]()
    for entry in entry_points(group=GROUP):
        try:
            with captured_output():
                recipe = entry.load()()
        except Exception as error:  # noqa: BLE001 - somebody else's code must not end the search
            problems.append(f"Recipe {entry.name} could not be loaded ({type(error).__name__}: {error}).")
            continue
        if isinstance(recipe, Recipe):
            found.append(recipe)
        else:
            problems.append(f"Recipe {entry.name} has no name, trains, applies and apply.")
    return found, problems
