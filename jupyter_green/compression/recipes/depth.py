"""Fewer layers: keep some of the original's layers and distil.

Layers can be removed where each takes the output of the one before it, in one shape; this is found by one call with
hooks. For transformers models the setting that counts the layers has to change too. It is identified by building a
model from the changed configuration and comparing the names and shapes of its weights. The result loads with a plain
`from_pretrained`. Without examples for distillation, removing layers ruins a model, so the recipe does not apply.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from jupyter_green.compression.data.batch import leaves
from jupyter_green.compression.errors import ShrinkError, why
from jupyter_green.compression.model.outputs import tensors_of
from jupyter_green.compression.model.source_model import SourceModel, has_hooks
from jupyter_green.compression.model.transformers_models import of_transformers, unseen
from jupyter_green.compression.store.config_check import new

from .recipe import Recipe, RecipeContext, RecipeResult
from .training import distil, too_few

WORDS = ("layer", "depth", "block")
"""Every setting that counts layers has one of these words in its name."""
KEPT = 2 / 3
"""Share of the layers that is kept by default."""


class Depth:
    """Remove layers but this number, then distil."""

    trains = True

    def __init__(self, layers: int | None = None) -> None:
        self.layers = layers
        self.name = (
            "fewer layers, distilled" if layers is None else f"{layers} layer{'s' if layers > 1 else ''}, distilled"
        )

    def applies(self, case: RecipeContext) -> str | None:
        """Only where a list of layers is called in order and there are enough examples for distillation."""
        lists = layer_lists(case.subject.model)
        if not lists:
            return "No stack of identical layers to remove."
        if (reason := too_few(case.tune)) is not None:
            return reason
        return self._found(case)[2]

    def apply(self, case: RecipeContext) -> RecipeResult:
        """Remove layers from a copy and distil."""
        name, count, reason = self._found(case)
        if reason is not None:
            raise ShrinkError(reason)
        chosen = evenly(count, self._keep(case, count))
        beside, _ = in_turn(case, name)
        keep_layers(case.subject.model, name, chosen, beside)
        model = as_configured(case.subject.model)
        training = distil(
            replace(case.subject, model=model),
            case.original,
            case.tune,
            seconds=case.seconds,
            labels=case.labelled,
            tick=case.tick,
        )
        step: dict[str, Any] = {"recipe": "depth", "list": name, "kept": chosen, "of": count}
        if beside:
            step["beside"] = list(beside)
        note = f"Layers {', '.join(map(str, chosen))} of {count} are kept."
        return RecipeResult(model, steps=(step,), training=training, notes=(note,))

    def dial(self, case: RecipeContext) -> tuple[Sequence[Recipe], int]:
        """One layer less at each setting; none where the user fixed the number."""
        if self.layers is not None or case.options.get("layers"):
            return [], 0
        _, count, reason = self._found(case)
        if reason is not None:
            return [], 0
        return [Depth(keep) for keep in range(count - 1, 0, -1)], count - 1 - self._keep(case, count)

    def _keep(self, case: RecipeContext, count: int) -> int:
        return int(self.layers or case.options.get("layers") or max(1, round(KEPT * count)))

    def _found(self, case: RecipeContext) -> tuple[str, int, str | None]:
        """Return name, length and None for the longest list that layers can be removed from, else the reason."""
        first: tuple[str, int, str | None] = ("", 0, "No stack of identical layers to remove.")
        for place, (name, layers) in enumerate(layer_lists(case.subject.model)):
            count, keep = len(layers), self._keep(case, len(layers))
            if not 0 < keep < count:
                reason: str | None = f"{keep} of {count} layers can't be kept as fewer."
            else:
                reason = misfit(case, name, evenly(count, keep))
            if reason is None:
                return name, count, None
            if place == 0:
                first = name, count, reason
        return first


def layer_lists(model: Any) -> list[tuple[str, Any]]:
    """Return name and list of each `ModuleList` of two or more layers of one class, the longest first."""
    import torch

    lists = [
        (name, module)
        for name, module in model.named_modules()
        if name
        and isinstance(module, torch.nn.ModuleList)
        and len(module) > 1
        and len({type(layer) for layer in module}) == 1
    ]
    return sorted(lists, key=lambda item: -len(item[1]))


def evenly(count: int, keep: int) -> list[int]:
    """Return the indices of the layers to keep, evenly spaced: the first, the last, and others between."""
    if keep == 1:
        return [0]
    return [round(place * (count - 1) / (keep - 1)) for place in range(keep)]


def misfit(case: RecipeContext, name: str, chosen: list[int]) -> str | None:
    """Return why the chosen layers alone don't make a working model; None where they do. The model is unchanged."""
    import torch

    subject = case.subject
    beside, reason = in_turn(case, name)
    if reason is not None:
        return reason
    parent, count = subject.model.get_submodule(name.rpartition(".")[0]), len(subject.model.get_submodule(name))
    own = [*parent.parameters(recurse=False), *parent.buffers(recurse=False)]
    own += [part for part in parent.children() if isinstance(part, torch.nn.ParameterList)]
    if any(len(part) == count for part in own if not isinstance(part, torch.Tensor) or part.dim()):
        return f"Beside the layers of {name} stands a weight per layer, by its number."
    return _broken(subject, name, chosen, beside, case.tune[0].part(0, 2).to(subject.device).inputs)


def _broken(subject: SourceModel, name: str, chosen: list[int], beside: Sequence[str], inputs: Any) -> str | None:
    """Return what fails without the other layers, tried on two examples; None if nothing does."""
    import torch

    # Copy the structure around the same weights: they are not changed.
    bare = copy.deepcopy(subject.model, {id(weight): weight for weight in subject.model.parameters()})
    try:
        keep_layers(bare, name, chosen, beside)
        with torch.no_grad(), subject.kept():
            shapes = [
                [tuple(tensor.shape) for _, tensor in tensors_of(subject.call(inputs, model))][:1]
                for model in (subject.model, bare)
            ]
    except ShrinkError as error:
        return str(error)
    except (RuntimeError, IndexError, AttributeError, KeyError, TypeError, ValueError, AssertionError) as error:
        return f"The model can't be called without some of the layers of {name} ({why(error)})."
    if shapes[0] != shapes[1]:
        return f"Without some of the layers of {name} the output has another shape."
    if _writes(subject.model, inputs) and not _writes(bare, inputs):
        return f"transformers can't generate with this model without some of the layers of {name}."
    return None


def _writes(model: Any, inputs: Any) -> bool:
    """Whether transformers generates two tokens with a model, with the cache that it makes for its layers."""
    import torch

    if not of_transformers(model) or not model.can_generate() or not isinstance(inputs, Mapping):
        return False
    prompt = {key: leaf for key, leaf in inputs.items() if "labels" not in key and not key.startswith("decoder_")}
    try:
        with torch.no_grad(), unseen(), SourceModel(model).kept():
            model.generate(**prompt, max_new_tokens=2, do_sample=False)
    except (RuntimeError, IndexError, AttributeError, KeyError, TypeError, ValueError, AssertionError):
        return False
    return True


def in_turn(case: RecipeContext, name: str) -> tuple[tuple[str, ...], str | None]:
    """Return the lists called in step with a list, and why its layers are no simple sequence.

    An example is a separate list with a norm for each layer: its elements are removed with the layers. The reason is
    None where each layer takes the output of the one before it. Found by one call with hooks.
    """
    import torch

    subject = case.subject
    outer = name.rpartition(".")[0]
    lists = {
        one: layers
        for one, layers in layer_lists(subject.model)
        if one.rpartition(".")[0] == outer and len(layers) == len(subject.model.get_submodule(name))
    }
    calls: list[tuple[str, int, list[Any], list[Any]]] = []

    def note(one: str, place: int) -> Any:
        def hook(_module: Any, given: Any, named: Any, output: Any) -> None:
            input_versions = [(leaf, leaf._version) for leaf in leaves([given, named])]
            calls.append((one, place, input_versions, [leaf.shape for _, leaf in tensors_of(output)]))

        return hook

    hooks = [
        part.register_forward_hook(note(one, place), with_kwargs=True)
        for one, layers in lists.items()
        for place, layer in enumerate(layers)
        # A container itself is never called.
        for part in (layer.children() if isinstance(layer, (torch.nn.ModuleList, torch.nn.ModuleDict)) else (layer,))
    ]
    try:
        with torch.no_grad(), subject.kept():
            subject.call(case.tune[0].part(0, 2).to(subject.device).inputs)
    finally:
        for hook in hooks:
            hook.remove()
    groups: list[tuple[int, list[Any], list[Any]]] = []
    for one, place, input_versions, output_shapes in calls:
        if one != name:
            continue
        if groups and groups[-1][0] == place:
            groups[-1][2].extend(output_shapes)
        else:
            groups.append((place, input_versions, output_shapes))
    count, order = len(lists[name]), [place for place, _, _ in groups]
    if not order or order != list(range(count)) * (len(order) // count):
        return (), f"The layers of {name} are not called one after the other."
    flows = [
        next((one for one in input_versions if one[0].shape in output_shapes), None)
        for _, input_versions, output_shapes in groups
    ]
    if len({None if flow is None else flow[0].shape for flow in flows} | {None}) != 2 or None in flows:
        return (), f"The layers of {name} don't take and give one and the same shape, so none can be left out."
    same = [
        first is not None and second is not None and first[0] is second[0] and first[1] == second[1]
        for first, second in pairwise(flows)
    ]
    if any(same):
        return (), f"The layers of {name} stand side by side; none takes what another gives."
    begin, second = (next(at for at, call in enumerate(calls) if call[:2] == (name, place)) for place in (0, 1))
    # Lists are in step if one of their elements is called between the first layer and the second.
    return tuple(sorted({one for one, _, _, _ in calls[begin:second]} - {name})), None


def keep_layers(model: Any, name: str, chosen: list[int], beside: Sequence[str] = ()) -> None:
    """Keep the chosen layers of a list and of the lists in step; update the configuration and layer indices.

    Raises ShrinkError if the list does not exist or is too short, or no setting of a transformers configuration counts
    its layers.
    """
    import torch

    named = dict(model.named_modules())
    lists: list[Any] = [named.get(part) for part in (name, *beside)]
    before = len(lists[0]) if isinstance(lists[0], torch.nn.ModuleList) else 0
    if not chosen or max(chosen) >= before or min(chosen) < 0:
        raise ShrinkError(f"There is no list {name!r} of more than {max(chosen, default=0)} layers in this model.")
    if any(not isinstance(part, torch.nn.ModuleList) or len(part) != before for part in lists):
        raise ShrinkError(f"The lists beside {name!r} have not as many layers as it.")
    owner = next((part for part in _outer(name) if of_transformers(named[part])), None)
    inside = None if owner is None else name[len(owner) + 1 if owner else 0 :]
    old = None if owner is None else shapes_of(named[owner])
    for layers in lists:
        for place in sorted(set(range(before)) - set(chosen), reverse=True):
            del layers[place]
    for number, layer in enumerate(lists[0]):
        for module in layer.modules():
            if isinstance(getattr(module, "layer_idx", None), int):
                module.layer_idx = number
    if owner is not None and inside is not None and old is not None:
        changes = setting(named[owner], inside, old, chosen, before)
        if changes is None:
            raise ShrinkError(f"No setting of its configuration counts the layers of {name}, so they stay.")
        changed(named[owner].config, changes)


def _outer(name: str) -> Iterator[str]:
    """Yield the names of a module's ancestors, outermost first."""
    parts = name.split(".")
    yield from (".".join(parts[:end]) for end in range(len(parts)))


def shapes_of(model: Any) -> dict[str, Any]:
    """Return the shape of every weight."""
    return {key: tuple(tensor.shape) for key, tensor in model.state_dict().items()}


Change = tuple[tuple[str, ...], Any]
"""Path of a setting within a configuration, and its new value."""


def setting(model: Any, name: str, old: dict[str, Any], chosen: Sequence[int], before: int) -> list[Change] | None:
    """Return the settings that count the layers of a list, with their new values; None if there are none.

    Layers are already removed from the model; `chosen` were kept of `before`, `old` are the shapes of the weights then.
    A model built from the changed configuration (on the meta device) must have the names and shapes of the remaining
    weights.
    """
    config, remaining = model.config, shapes_of(model)

    def made(changes: Sequence[Change]) -> dict[str, Any] | None:
        again = copy.deepcopy(config)
        try:
            changed(again, changes)
            return shapes_of(new(type(model), again, "meta"))
        except (ShrinkError, ValueError, TypeError, AttributeError, KeyError):
            return None  # this value is not valid

    unchanged = made([])
    if unchanged is None:
        return None

    def fits(changes: Sequence[Change]) -> bool:
        shapes = made(changes)
        if shapes is None or any(
            shapes.get(key) != unchanged[key] for key in unchanged if not key.startswith(f"{name}.")
        ):
            return False
        keys = [{key for key in weights if key.startswith(f"{name}.")} for weights in (shapes, remaining)]
        # Shapes that differed from the configuration before, as after pruning heads, still differ.
        matched_before = all(unchanged.get(key) == old.get(key) for key in old if key.startswith(f"{name}."))
        return keys[0] == keys[1] and (not matched_before or all(shapes[key] == remaining[key] for key in keys[0]))

    for path, part in _parts(config):
        counts = [key for key, value in vars(part).items() if _counts(key) and value == before and type(value) is int]
        kinds = [
            ((*path, key), [value[place] for place in chosen])
            for key, value in vars(part).items()
            if _counts(key) and isinstance(value, (list, tuple)) and len(value) == before
        ]
        for key in counts:
            for lists in [kinds, []] if kinds else [[]]:
                changes = [((*path, key), len(chosen)), *lists]
                if fits(changes):
                    return changes
    return None


def _counts(key: str) -> bool:
    return not key.startswith("_") and any(word in key for word in WORDS)


def _parts(config: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield a configuration and its nested ones, each with its path."""
    yield path, config
    for key, value in vars(config).items():
        if hasattr(value, "to_dict") and hasattr(value, "model_type"):
            yield from _parts(value, (*path, key))


def changed(config: Any, changes: Sequence[Change]) -> None:
    """Apply changes to a configuration: lists before the counts that are validated against them."""
    for path, value in sorted(changes, key=lambda one: not isinstance(one[1], list)):
        part = config
        for step in path[:-1]:
            part = getattr(part, step)
        setattr(part, path[-1], value)


def as_configured(model: Any) -> Any:
    """Rebuild a transformers model from its configuration with its weights; return any other model unchanged.

    Layers may depend on their index by a mask, a window or a scale. Rebuilding makes sure that the trained model is the
    one that loading makes.
    """
    import torch

    if not of_transformers(model) or has_hooks(model):
        return model
    device = next(model.parameters()).device
    with torch.random.fork_rng(devices=[]):
        rebuilt = new(type(model), model.config, "cpu")
    if shapes_of(rebuilt) != shapes_of(model):
        return model
    for name, weight in model.named_parameters(remove_duplicate=False):
        outer, _, own = name.rpartition(".")
        rebuilt.get_submodule(outer).register_parameter(own, weight)
    rebuilt.to(device)
    kept = set(model.state_dict())
    for name, buffer in model.named_buffers(remove_duplicate=False):
        if name in kept:
            outer, _, own = name.rpartition(".")
            rebuilt.get_submodule(outer).register_buffer(own, buffer)
    if getattr(model, "generation_config", None) is not None:
        rebuilt.generation_config = model.generation_config
    return rebuilt.eval()
