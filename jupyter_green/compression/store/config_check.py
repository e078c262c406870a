"""Check a transformers configuration from a folder: known classes and known settings only, at every level.

Settings that the configuration class does not have are removed before transformers sees them. A setting that would make
transformers load something else (code, a backbone, another repository's weights, kernels) is refused wherever it
occurs. A nested configuration has to be of one of transformers' own classes.
"""

from __future__ import annotations

import copy
import dataclasses
import inspect
import re
from collections.abc import Mapping
from typing import Any

from jupyter_green.compression.errors import ShrinkError, require, why
from jupyter_green.reporting.sanitize import one_line

from .folder import CONFIG

REFUSED = frozenset(
    {
        *("auto_map", "custom_pipelines", "custom_generate", "quantization_config", "kernel_config", "use_kernels"),
        *("adapter_config", "base_model_name_or_path", "backbone_kwargs", "use_pretrained_backbone", "peft_config"),
        *("use_timm_backbone", "pretrained_backbone", "trust_remote_code", "gguf_file", "compression_config"),
    }
)
"""Settings that make transformers run or fetch something outside of the folder; refused if set."""
BUILT_IN = frozenset({"eager", "sdpa"})
"""Allowed attention implementations; other names may be kernels from a repository."""
DTYPES = frozenset({"float64", "float32", "float16", "bfloat16"})
LABELS = frozenset({"id2label", "label2id", "task_specific_params"})
"""Settings with free text of the user."""
ORIGIN = frozenset({"_name_or_path", "name_or_path"})
"""Settings with the model's origin; they are removed."""
COMMON = frozenset(
    {
        *("pad_token_id", "eos_token_id", "bos_token_id", "sep_token_id", "decoder_start_token_id", "use_cache"),
        *("is_decoder", "add_cross_attention", "tie_word_embeddings", "initializer_range"),
    }
)
"""Settings that are valid for every class; each is a number."""
LAYERS = frozenset({"num_hidden_layers", "n_layers", "n_layer", "num_layers", "encoder_layers", "decoder_layers"})
SHARED_LAYERS = 1000
"""By how much the number of layers may exceed that of tensors; some models, as ALBERT, reuse layers."""
ELSEWHERE = re.compile(r"\w[/\\]|[/\\]\w")
"""A path, a URL or the name of a repository."""
TIMES, ROOM = 4, 1 << 24
"""Limit on a model's size: a multiple of its weights (heads may have been removed) plus a constant."""


def known_model(data: Mapping[str, Any], tensors: int) -> tuple[Any, Any]:
    """Return the model class and configuration that a folder's settings, of `config.json`, describe.

    The number of tensors in the weights limits the number of layers. Raises ShrinkError if a class is not transformers'
    own, or the settings are invalid.
    """
    transformers = require("transformers")
    refuse(data, tensors)
    kind = _own_class(data, transformers)
    config: Any = getattr(kind, "config_class", None)
    if config is None or config.model_type != data.get("model_type"):
        raise ShrinkError(f"{CONFIG} is of {one_line(repr(data.get('model_type')), 60)}, which {kind.__name__} is not.")
    kept = _known(data, config)
    try:
        made = config.from_dict(copy.deepcopy(kept))
    except Exception as error:  # each class validates its settings in its own way
        raise ShrinkError(f"{CONFIG} makes no {config.__name__}: {one_line(why(error), 160)}") from error
    _own_parts(made)
    return kind, made


def refuse(settings: Mapping[str, Any], tensors: int) -> None:
    """Check that no setting, at any level, refers to anything outside the folder; needs no library.

    Raises ShrinkError if one does, or there are many more layers than tensors in the weights.
    """
    for key, value in settings.items():
        if value is None or value is False or key in LABELS:
            continue
        name = one_line(repr(key), 60)
        if key in REFUSED and value not in ({}, [], ""):
            raise ShrinkError(f"{CONFIG} has {name}, which could run code or fetch it; a saved model has none.")
        if key == "backbone" and isinstance(value, str):
            raise ShrinkError(f"{CONFIG} names a backbone that is not in the folder; a saved model holds all of it.")
        if "implementation" in key and value is not True and not (isinstance(value, str) and value in BUILT_IN):
            raise ShrinkError(f"{CONFIG} has {name}, which could run code; a saved model has none.")
        if key in ("dtype", "torch_dtype") and str(value).removeprefix("torch.") not in DTYPES:
            raise ShrinkError(f"{CONFIG} has numbers of the kind {one_line(repr(value), 60)}, which is not known.")
        if key in LAYERS and isinstance(value, (int, float)) and value > tensors + SHARED_LAYERS:
            raise ShrinkError(
                f"The weights don't fit the model: it has {value:,} layers, and they hold {tensors:,} tensors."
            )
        if not (key in ORIGIN and isinstance(value, str)):
            _refuse_inside(name, value, tensors)


def _refuse_inside(name: str, value: Any, tensors: int) -> None:
    if isinstance(value, Mapping):
        refuse(value, tensors)
    elif isinstance(value, list):
        for inner in value:
            _refuse_inside(name, inner, tensors)
    elif isinstance(value, str) and ELSEWHERE.search(value):
        raise ShrinkError(
            f"{CONFIG} has a path or an address under {name}; a saved model needs nothing from elsewhere."
        )


def _own_class(data: Mapping[str, Any], transformers: Any) -> Any:
    names: Any = data.get("architectures")
    name = names[0] if isinstance(names, list) and names and isinstance(names[0], str) else ""
    kind: Any = getattr(transformers, name, None) if name.isidentifier() else None
    if not (isinstance(kind, type) and issubclass(kind, transformers.PreTrainedModel)):
        description = one_line(name, 80) or "The architecture"
        raise ShrinkError(f"{description} is not a model of transformers {transformers.__version__}.")
    if not kind.__module__.startswith("transformers.models."):
        raise ShrinkError(f"{name} is not a model of transformers' own.")
    return kind


def _known(settings: Mapping[str, Any], kind: Any) -> dict[str, Any]:
    """Return the settings that a configuration class has, nested ones too."""
    names = _names(kind)
    parts: Mapping[str, Any] = getattr(kind, "sub_configs", None) or {}
    known = {}
    for key, value in settings.items():
        if key not in names or key.endswith("name_or_path"):
            continue
        if isinstance(value, Mapping) and (key in parts or "model_type" in value):
            known[key] = _known(value, _part(key, value, parts.get(key)))
        else:
            known[key] = value
    return known


def _part(key: str, settings: Mapping[str, Any], wanted: Any) -> Any:
    """Return the class of a nested configuration: as its parent declares, or one of transformers' by name."""
    transformers = require("transformers")
    if isinstance(wanted, type) and issubclass(wanted, transformers.PretrainedConfig):
        return wanted
    name = settings.get("model_type")
    classes = transformers.CONFIG_MAPPING
    kind = classes[name] if isinstance(name, str) and name in classes else None
    if kind is None or not kind.__module__.startswith("transformers.models.") or "timm" in kind.__module__:
        description = one_line(repr(name), 60)
        raise ShrinkError(
            f"{CONFIG} has {one_line(repr(key), 60)} of the kind {description}, which transformers does not bring."
        )
    return kind


def _names(kind: Any) -> set[str]:
    """Return the names of a configuration class's settings."""
    names = {
        "model_type",
        "architectures",
        "dtype",
        "torch_dtype",
        "num_labels",
        *COMMON,
        *(getattr(kind, "sub_configs", ()) or ()),
    }
    for pair in getattr(kind, "attribute_map", {}).items():
        names.update(pair)
    for base in kind.__mro__:
        if dataclasses.is_dataclass(base):
            names.update(field.name for field in dataclasses.fields(base))
        if "__init__" in vars(base):
            names.update(inspect.signature(base.__init__).parameters)
        names.update(name for name, own in vars(base).items() if isinstance(own, property) and own.fset is not None)
    # Older versions of transformers store common settings as attributes.
    names.update(vars(require("transformers").PretrainedConfig()))
    return {name for name in names if not name.startswith("_") and name not in ("self", "args", "kwargs")}


def _own_parts(config: Any) -> None:
    """Check that a configuration and its nested ones are of transformers' own classes and name no code."""
    base = require("transformers").PretrainedConfig
    if not type(config).__module__.startswith("transformers.models.") or getattr(config, "auto_map", None):
        raise ShrinkError(f"{CONFIG} has a part {type(config).__name__}, which transformers does not bring.")
    names = require("transformers.models.auto.modeling_auto").MODEL_MAPPING_NAMES
    if "timm" in type(config).__module__ or "Timm" in str(names.get(config.model_type)):
        raise ShrinkError(f"{CONFIG} needs the library timm, which green.load does not use.")
    for part in vars(config).values():
        for value in part if isinstance(part, (list, tuple)) else (part,):
            if isinstance(value, base):
                _own_parts(value)


def bounded(kind: Any, config: Any, weights: Mapping[str, Any]) -> None:
    """Check a model's size against its weights on the meta device, before any memory is allocated.

    Raises ShrinkError if the model is too large, or can't be built.
    """
    model = new(kind, copy.deepcopy(config), "meta")
    seen = {id(tensor): tensor.numel() for tensor in (*model.parameters(), *model.buffers())}
    needed, available = sum(seen.values()), sum(tensor.numel() for tensor in weights.values())
    if needed > TIMES * available + ROOM:
        raise ShrinkError(
            f"{CONFIG} asks for {needed:,} numbers, and the weights hold {available:,}; the folder is damaged."
        )


def new(kind: Any, config: Any, device: str) -> Any:
    """Return a model built from a configuration. Raises ShrinkError if the settings are inconsistent."""
    import torch

    try:
        with torch.device(device):
            return kind(config)
    except Exception as error:  # each class fails over wrong settings in its own way
        raise ShrinkError(f"{CONFIG} makes no {kind.__name__}: {one_line(why(error), 160)}") from error
