"""Makes adapters from the models that the user passes to a comparison."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from jupyter_green.compression.errors import ShrinkError
from jupyter_green.compression.model.source_model import SourceModel, check_weights, kind_of, uncompiled

from .model_adapter import EstimatorAdapter, FunctionAdapter, ModelAdapter, ModuleAdapter, PipelineAdapter


def adapter_of(name: str, given: Any, *, tokenizer: Any = None, remote: bool = False) -> ModelAdapter:
    """Return the adapter of a model.

    Parameters
    ----------
    name : str
        Its name.
    given : object
        A module, a pipeline or Trainer, a `ShrinkResult`, an object with ``predict``, or a function of one example.
    tokenizer : object, optional
        For texts, if the model has none.
    remote : bool
        Whether it runs on another machine.

    Raises
    ------
    ShrinkError
        If it can't be called.
    """
    import torch

    from jupyter_green.compression.result import ShrinkResult

    given = given.model if isinstance(given, ShrinkResult) else given
    inner = given if isinstance(given, torch.nn.Module) else getattr(given, "model", None)
    family = {base.__module__.partition(".")[0] for base in type(given).__mro__}
    facts: dict[str, Any] = {"remote": remote}
    runs, inner = inner, uncompiled(inner)
    if isinstance(inner, torch.nn.Module):
        check_weights(inner, name)
        facts |= {"device": "gpu" if SourceModel(inner).device.type == "cuda" else "cpu", "size_bytes": _bytes(inner)}
        facts |= {"parameters": sum(item.numel() for item in inner.parameters()) or None, "generates": _writes(inner)}
    if "sentence_transformers" in family and not hasattr(given, "encode") and hasattr(given, "predict"):
        # A cross-encoder scores a pair of texts.
        return EstimatorAdapter(name, type(given).__name__, **facts, model=given)
    if "transformers" in family and callable(given) and hasattr(given, "task") and inner is not None:
        generates = given.task in ("text-generation", "text2text-generation")
        return PipelineAdapter(name, f"{given.task} pipeline", **(facts | {"generates": generates}), pipeline=given)
    if isinstance(inner, torch.nn.Module):
        model_kind = kind_of(inner)
        model_kind = "module" if model_kind == "transformers" else model_kind
        text_tokenizer = tokenizer or getattr(given, "tokenizer", None) or getattr(given, "processing_class", None)
        return ModuleAdapter(
            name, type(inner).__name__, **facts, subject=SourceModel(inner, model_kind, text_tokenizer), runs=runs
        )
    if hasattr(given, "predict"):
        return EstimatorAdapter(name, type(given).__name__, remote=remote, model=given)
    if callable(given):
        if inspect.iscoroutinefunction(given) or inspect.iscoroutinefunction(type(given).__call__):
            raise ShrinkError(
                f"{name} is an async function, which can't be used here; give one that returns the answer itself."
            )
        return FunctionAdapter(name, "function", remote=remote, function=given)
    raise ShrinkError(
        f"{name} has the type {type(given).__name__}, which can't be called; hand over a model, a pipeline, an "
        "object with predict(), or a function of one example."
    )


def adapters_of(
    models: Mapping[str, Any] | Sequence[Any], *, tokenizer: Any = None, remote: Sequence[str] = ()
) -> list[ModelAdapter]:
    """Return the adapters of all models; without a mapping they are named by type and number.

    Raises ShrinkError if there are fewer than two, or a name in `remote` is not one of theirs.
    """
    if not isinstance(models, Mapping):
        models = {f"{type(item).__name__} {number}": item for number, item in enumerate(models, 1)}
    if len(models) < 2:
        raise ShrinkError("There is nothing to compare with; give two candidates or more.")
    unknown = [name for name in remote if name not in models]
    if unknown:
        raise ShrinkError(f"{unknown[0]!r} in remote is not a candidate; there is {', '.join(map(str, models))}.")
    return [adapter_of(str(name), given, tokenizer=tokenizer, remote=name in remote) for name, given in models.items()]


def _bytes(model: Any) -> int | None:
    content = getattr(model, "onnx", None)
    if isinstance(content, bytes):
        return len(content)
    return SourceModel(model).size_bytes or None


def _writes(model: Any) -> bool:
    can = getattr(model, "can_generate", None)
    return callable(can) and bool(can())
