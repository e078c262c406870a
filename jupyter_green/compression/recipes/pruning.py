"""Structured pruning: remove whole channels, with dependencies from torch-pruning's DependencyGraph.

The residual width is kept: distillation of a few minutes can't recover its loss. In a transformer every feed-forward
layer loses the same number of units, which is a setting, so the result loads with a plain `from_pretrained`. The
channels of least importance (`scores`) are removed, followed by distillation. Without it a pruned model answers at
random, so the recipe needs examples.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from jupyter_green.compression.data.batch import leaves
from jupyter_green.compression.errors import ShrinkError, why
from jupyter_green.compression.model.outputs import tensors_of
from jupyter_green.compression.model.source_model import weight_is_computed
from jupyter_green.compression.model.transformers_models import of_transformers
from jupyter_green.compression.process.output_capture import captured_output
from jupyter_green.compression.store.config_check import new

from .recipe import Recipe, RecipeContext, RecipeResult
from .scores import importance, no_pruning
from .training import distil, too_few

RATIO = 0.5
"""Default share of the channels to remove."""
RATIOS = (0.25, 0.375, 0.5, 0.625, 0.75)
"""Ratios for bisection, weakest first."""
ROUND_TO = 16


class Prune:
    """Remove a share of the channels or feed-forward units by importance ("taylor" or "fisher"), then distil."""

    trains = True

    def __init__(self, ratio: float | None = None, score: str = "taylor") -> None:
        self.ratio, self.score = ratio, score
        self.name = "pruned, distilled" if ratio is None else f"pruned {100 * ratio:.0f} %, distilled"

    def applies(self, case: RecipeContext) -> str | None:
        """Only with torch-pruning, layers that can be pruned, and enough examples for distillation."""
        if (reason := no_pruning()) is not None:
            return reason
        ratio = self._ratio(case)
        if not 0 < ratio < 1:
            return f"A ratio of {ratio} takes nothing or everything; give a number between 0 and 1."
        if (reason := too_few(case.tune)) is not None:
            return reason
        model = case.subject.model
        if feed_forward(case, model):
            return None
        if case.subject.kind != "module" or not _inner_widths(model):
            return "There is no convolution, no feed-forward part and no layer inside that could be narrowed."
        return _bound(model)

    def apply(self, case: RecipeContext) -> RecipeResult:
        """Compute importance, then prune and distil a copy."""
        model, ratio = case.subject.model, self._ratio(case)
        before = sum(parameter.numel() for parameter in model.parameters())
        scores = importance(case, model, self.score)
        wide = feed_forward(case, model)
        with captured_output(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch-pruning warns of each parameter outside of a layer
            step = _pruned(case, model, wide, ratio, scores)
        model.zero_grad(set_to_none=True)
        after = sum(parameter.numel() for parameter in model.parameters())
        if after >= before:
            raise ShrinkError(f"No width here can be narrowed by {100 * ratio:.3g} % in steps of {step}.")
        training = distil(
            replace(case.subject, model=model),
            case.original,
            case.tune,
            seconds=case.seconds,
            labels=case.labelled,
            tick=case.tick,
        )
        steps = ({"recipe": "pruned", "ratio": ratio, "shapes": shapes(model)},)
        note = f"{100 * (1 - after / before):.0f} % of the weights are gone"
        note += f"; widths are kept in steps of {step}, as hardware prefers." if step > 1 else "."
        return RecipeResult(model, steps=steps, training=training, notes=(note,))

    def _ratio(self, case: RecipeContext) -> float:
        return float(self.ratio or case.options.get("ratio") or RATIO)

    def dial(self, case: RecipeContext) -> tuple[Sequence[Recipe], int]:
        """Ratios from 0.25 to 0.75; none where the user fixed it."""
        if self.ratio is not None or case.options.get("ratio"):
            return [], 0
        return [Prune(ratio, self.score) for ratio in RATIOS], RATIOS.index(RATIO)


def feed_forward(case: RecipeContext, model: Any) -> list[tuple[str, Any]]:
    """Return the first Linear layers of a transformer's feed-forward blocks (gate and up projection).

    Their width is the configuration's `intermediate_size`. In the graph of one call, the inputs of each Linear layer
    with that many input features are followed back through element-wise operators to the layers that made them. This
    excludes output layers that happen to be as wide, and attention projections.
    """
    import torch

    width = getattr(getattr(model, "config", None), "intermediate_size", None)
    if not isinstance(width, int):
        return []

    def wide(module: Any) -> bool:
        fits = isinstance(module, torch.nn.Linear) and module.out_features == width != module.in_features
        return fits and not weight_is_computed(module)

    if not any(wide(module) for module in model.modules()):
        return []
    makers, input_nodes, _ = _traced(case, model)
    readers = [module for module in input_nodes if getattr(module, "in_features", None) == width]
    starts = [node for module in readers for node in input_nodes[module]]

    def passed(node: Any) -> bool:
        mixing = isinstance(makers.get(node), torch.nn.Linear) or any(word in node.name().lower() for word in _MIXING)
        return not mixing

    producers = {makers[node] for node in _back(starts, passed) if node in makers}
    return [(name, module) for name, module in model.named_modules() if wide(module) and module in producers]


_MIXING = ("mm", "attention", "softmax", "linear", "conv", "norm")
"""Words in the names of graph operators that are not element-wise."""


def _inner_widths(model: Any) -> list[int]:
    """Return the output widths of all convolutions and of all Linear layers but the last."""
    import torch

    convolutions, linear = [], []
    for module in model.modules():
        if isinstance(module, (torch.nn.Conv1d, torch.nn.Conv2d)):
            convolutions.append(module.out_channels)
        elif isinstance(module, torch.nn.Linear):
            linear.append(module.out_features)
    return convolutions + linear[:-1]


def _bound(model: Any) -> str | None:
    """Return why widths depend on each other in a way that the graph does not show; None if they don't."""
    import torch

    modules = list(model.modules())
    if any(isinstance(module, (torch.nn.RNNBase, torch.nn.MultiheadAttention)) for module in modules):
        return "Its recurrent or attention layers hold several widths in one, which are not narrowed here."
    if any(weight_is_computed(module) for module in modules):
        return "Its weights are computed at each call (by a norm or a hook), so none can be narrowed."
    weights = list(model.parameters())
    if len(weights) < len(list(model.named_parameters(remove_duplicate=False))):
        return "Layers share their weights, which pruning would untie."
    return None


def shapes(model: Any) -> dict[str, list[int]]:
    """Return the shape of every weight, from which a pruned model is rebuilt."""
    return {name: list(tensor.shape) for name, tensor in model.state_dict().items()}


def _pruned(case: RecipeContext, model: Any, wide: list[tuple[str, Any]], ratio: float, importance: Any) -> int:
    """Prune, and check that output shapes are unchanged; return the step that widths are rounded to."""
    import torch

    inputs = case.tune[0].part(0, 2).to(case.subject.device).inputs

    def outputs() -> list[Any]:
        with torch.inference_mode(), case.subject.kept(model):
            return [tensor.shape for _, tensor in tensors_of(case.subject.call(inputs, model))]

    before = outputs()
    follows_config = wide and shapes(model) == _said(model)
    try:
        step = (
            _prune_feed_forward(case, model, wide, ratio, importance)
            if wide
            else _prune_channels(case, model, ratio, importance)
        )
        after = outputs()
    except torch.OutOfMemoryError:
        raise  # reported elsewhere
    except ShrinkError:
        raise
    except (RuntimeError, IndexError, AttributeError, KeyError, TypeError, ValueError, AssertionError) as error:
        raise ShrinkError(
            "Which widths depend on each other is unknown for this model, or it has one written into its code "
            f"({why(error)})."
        ) from error
    if before != after:
        raise ShrinkError("Narrowing its layers gives the output another shape, so they stay as wide as they are.")
    if follows_config and shapes(model) != _said(model):
        raise ShrinkError("Other widths of this model hang on intermediate_size too, so that none of them is narrowed.")
    return step


def _said(model: Any) -> dict[str, list[int]] | None:
    """Return the shapes that a transformers model's configuration implies; None for any other model."""
    return shapes(new(type(model), copy.deepcopy(model.config), "meta")) if of_transformers(model) else None


def _prune_feed_forward(
    case: RecipeContext, model: Any, wide: list[tuple[str, Any]], ratio: float, importance: Any
) -> int:
    """Remove the same number of units from each feed-forward layer; return the step that widths are rounded to."""
    import torch_pruning as tp

    width = wide[0][1].out_features
    keep = max(ROUND_TO, ROUND_TO * round(width * (1 - ratio) / ROUND_TO))
    removed = width - keep
    if removed <= 0:
        raise ShrinkError(f"No width here can be narrowed by {100 * ratio:.3g} % in steps of {ROUND_TO}.")
    graph = tp.DependencyGraph().build_dependency(model, **example(case))
    for _, layer in wide:
        if layer.out_features != width:
            continue  # pruned together with another one (a gate)
        group = graph.get_pruning_group(layer, tp.prune_linear_out_channels, list(range(width)))
        scores = importance(group)
        graph.get_pruning_group(layer, tp.prune_linear_out_channels, scores.argsort()[:removed].tolist()).prune()
    model.config.intermediate_size = keep
    return ROUND_TO


def _prune_channels(case: RecipeContext, model: Any, ratio: float, importance: Any) -> int:
    """Remove channels layer by layer; return the step that widths are rounded to."""
    import torch_pruning as tp

    last = output_layers(case, model)
    narrowest = min(_inner_widths(model))
    step = ROUND_TO // 2 if narrowest >= 2 * ROUND_TO else 1
    tp.pruner.BasePruner(
        model, **example(case), importance=importance, pruning_ratio=ratio, ignored_layers=last, round_to=step
    ).step()
    return step


def output_layers(case: RecipeContext, model: Any) -> list[Any]:
    """Return the layers whose width is that of an output, found in the graph of one call.

    The autograd graph is followed back from each output tensor to the first layers with an output width of their own
    (linear, convolution, embedding). Norms, additions and the like keep the width and are passed through.
    """
    import torch

    wide = (torch.nn.Linear, torch.nn.Embedding, torch.nn.modules.conv._ConvNd)
    makers, _, output = _traced(case, model)

    def passed(node: Any) -> bool:
        module = makers.get(node)
        return not isinstance(module, wide) or getattr(module, "groups", 1) > 1

    modules = [makers[node] for node in _back([leaf.grad_fn for leaf in leaves(output)], passed) if node in makers]
    return [layer for layer in modules if isinstance(layer, wide) or list(layer.parameters(recurse=False))]


def _traced(case: RecipeContext, model: Any) -> tuple[dict[Any, Any], dict[Any, list[Any]], Any]:
    """Call a model once; return the layer of each graph node, the input nodes of each layer, and the output."""
    import torch

    makers: dict[Any, Any] = {}
    input_nodes: dict[Any, list[Any]] = {}

    def note(module: Any, inputs: Any, output: Any) -> None:
        input_nodes.setdefault(module, []).extend(leaf.grad_fn for leaf in leaves(inputs))
        for leaf in leaves(output):
            makers.setdefault(leaf.grad_fn, module)

    parts = [module for module in model.modules() if not list(module.children())]
    hooks = [module.register_forward_hook(note) for module in parts]
    try:
        with torch.enable_grad(), case.subject.kept(model):
            output = case.subject.call(case.tune[0].part(0, 2).to(case.subject.device).inputs, model)
    finally:
        for hook in hooks:
            hook.remove()
    return makers, input_nodes, output


def _back(begins: Sequence[Any], passed: Callable[[Any], bool]) -> list[Any]:
    """Return the nodes reached by following a graph backwards, continuing beyond those that `passed` accepts."""
    pending, seen = list(begins), dict[Any, None]()
    while pending:
        node = pending.pop()
        if node is None or node in seen:
            continue
        seen[node] = None
        if passed(node):
            pending += [after for after, _ in node.next_functions]
    return list(seen)


def example(case: RecipeContext) -> dict[str, Any]:
    """Return torch-pruning's arguments for calling the model: with two examples, outside of no_grad."""
    inputs = case.tune[0].part(0, 2).to(case.subject.device).inputs
    if isinstance(inputs, Mapping):
        inputs = dict(inputs)
    elif len(leaves(inputs)) == 1:
        inputs = leaves(inputs)[0]
    return {
        "example_inputs": inputs,
        "forward_fn": lambda model, given: case.subject.call(given, model),
        "output_transform": lambda output: case.subject.main(output).sum(),
    }
