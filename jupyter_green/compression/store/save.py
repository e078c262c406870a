"""Save a shrunk model: weights as safetensors or ONNX, settings and figures as JSON, and a model card; no pickle.

Where the form allows, the folder is a plain transformers model that `from_pretrained` reads without this package. The
folder contains a probe: random inputs of the right shapes, never the user's examples, and the model's output.
"""

from __future__ import annotations

import json
import math
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_green.compression.data.batch import leaves
from jupyter_green.compression.errors import ShrinkError, require
from jupyter_green.compression.model.transformers_models import of_transformers, unseen
from jupyter_green.compression.process.state import SEED, same_random_numbers
from jupyter_green.compression.reasons import plain_data
from jupyter_green.compression.recipes.onnx_model import session_of

from .folder import CARD, CONFIG, NOTE, ONNX, PROBE, SCHEMA, WEIGHTS, checksum, digest

if TYPE_CHECKING:
    from jupyter_green.compression.model.source_model import SourceModel
    from jupyter_green.compression.recipes.recipe import RecipeResult
    from jupyter_green.compression.result import ShrinkResult


def save(result: ShrinkResult, path: Path) -> Path:
    """Write a result's model into a new or empty folder, atomically.

    Raises ShrinkError if there is no model to save, the path is in use, or it can't be written.
    """
    details, product = result.facts, result.facts.product
    if product is None:
        raise ShrinkError("Nothing was kept, so there is nothing to save; your model is as it was.")
    if result.model is details.original.model:
        raise ShrinkError("This was undone: the model is the original, so there is nothing to save; use() takes a row.")
    if "\0" in str(path):
        raise ShrinkError(f"{str(path)[:80]!r} can't be written; name a folder without a zero byte.")
    try:
        empty = path.is_dir() and not path.is_symlink() and not any(path.iterdir())
        used = (path.exists() or path.is_symlink()) and not empty
    except OSError as error:
        raise ShrinkError(f"{str(path)[:80]!r} can't be written ({error.strerror}).") from error
    if used:
        raise ShrinkError(f"{path} exists already and is not an empty folder; name a new or an empty one.")
    try:
        _write_beside(result, product, path, empty=empty)
    except (OSError, require("safetensors").SafetensorError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).rstrip(".")
        raise ShrinkError(f"{path} can't be written ({reason}); nothing was saved there.") from error
    return path


def _write_beside(result: ShrinkResult, product: RecipeResult, path: Path, *, empty: bool) -> None:
    """Write everything into a folder beside `path`, and rename it when it is complete."""
    details = result.facts
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        alone = write(temporary, details.original, product, details.sample, _figures(result))
        (temporary / CARD).write_text(_card(result, alone), encoding="utf-8")
        temporary.chmod(0o755)
        if empty:
            path.rmdir()  # fails if files were added meanwhile
        temporary.rename(path)
    except BaseException:  # also on an interrupt; raised again
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def write(
    made: Path, original: SourceModel, product: RecipeResult, sample: Any, figures: Mapping[str, Any] | None = None
) -> bool:
    """Write weights, probe and `shrink.json` into a folder; return whether they suffice to build the model.

    `sample` are inputs that give the probe's shapes, `figures` further contents of `shrink.json`, not needed for
    loading.
    """
    made.mkdir(exist_ok=True)
    alone = _weights(made, product)
    _probe(made, original, product.model, sample)
    note = {**_note(original, product, sample, alone), **(figures or {})}
    note["files"] = {file.name: digest(file) for file in sorted(made.iterdir())}
    note["checksum"] = checksum(json.loads(json.dumps(note, allow_nan=False)))
    (made / NOTE).write_text(json.dumps(note, indent=1, allow_nan=False), encoding="utf-8")
    return alone


def _weights(made: Path, product: RecipeResult) -> bool:
    """Write the weights; return whether the folder alone suffices to build the model."""
    if product.form == "onnx":
        part = session_of(product.model)
        (made / ONNX).write_bytes(part.onnx)
        # The modules around it come from their own library: loading needs a fresh instance.
        return part is product.model
    model = product.model if product.weights is None else product.weights
    if not model.state_dict():
        raise ShrinkError(f"{type(model).__name__} holds no weights of its own, so there is nothing to save.")
    if of_transformers(model):
        with unseen():
            model.save_pretrained(made)
        for extra in made.iterdir():
            if extra.name not in (CONFIG, WEIGHTS):
                extra.unlink()
        if not (made / WEIGHTS).is_file():
            raise ShrinkError("The weights don't fit into one file, which saving can't do yet.")
        if any(step.get("recipe") == "heads" for step in product.steps):
            # Loading sets layer shapes by weight name, and transformers may save other names than its modules have.
            (made / WEIGHTS).unlink()
            require("safetensors.torch").save_model(model, str(made / WEIGHTS))
        return True
    require("safetensors.torch").save_model(model, str(made / WEIGHTS))
    return False


def _probe(made: Path, original: Any, model: Any, sample: Any) -> None:
    import torch

    inputs = made_up(sample)
    with torch.inference_mode(), same_random_numbers(), original.kept(model):
        answer = original.main(original.call(_on(inputs, model, original), model)).float().cpu()
    named = {f"in.{name}": leaf for name, leaf in _named(inputs)}
    require("safetensors.torch").save_file({**named, "out": answer.contiguous()}, str(made / PROBE))


def made_up(sample: Any) -> Any:
    """Return random inputs of a sample's shapes; only the range of integers is taken from the sample."""
    import torch

    generator = torch.Generator().manual_seed(SEED)

    def fill(leaf: Any, name: str = "") -> Any:
        if leaf.is_floating_point():
            return torch.randn(leaf.shape, generator=generator).to(leaf.dtype)
        if leaf.dtype == torch.bool or "mask" in name:
            return torch.ones_like(leaf, device="cpu")
        bound = max(1, int(leaf.max()) + 1)
        return torch.randint(0, bound, leaf.shape, generator=generator).to(leaf.dtype)

    if isinstance(sample, Mapping):
        return {name: fill(leaf, name) for name, leaf in sample.items()}
    if isinstance(sample, (tuple, list)):
        return tuple(fill(leaf) for leaf in sample)
    return fill(sample)


def _named(inputs: Any) -> list[tuple[str, Any]]:
    names = list(inputs) if isinstance(inputs, Mapping) else [str(place) for place in range(len(leaves(inputs)))]
    return [(name, leaf.contiguous()) for name, leaf in zip(names, leaves(inputs), strict=True)]


def _on(inputs: Any, model: Any, original: Any) -> Any:
    from jupyter_green.compression.data.batch import Batch

    return Batch(inputs).to(original.device).inputs


def _note(original: SourceModel, product: RecipeResult, sample: Any, alone: bool) -> dict[str, Any]:
    """Return the fields that loading needs."""
    model = product.model if product.weights is None else product.weights
    return {
        "schema": SCHEMA,
        "form": product.form,
        "alone": alone,
        "class": type(model).__name__,
        "unsaved": _kinds_not_saved(model),
        "steps": [dict(step) for step in product.steps],
        "call": "named" if isinstance(sample, Mapping) else ("many" if isinstance(sample, (tuple, list)) else "one"),
        "output": [] if original.task is None else list(original.task.output),
        "versions": versions(),
    }


def not_saved(model: Any) -> set[str]:
    """Return the names of a model's tensors that are not in its weights file, because its class creates them."""
    named = {name for name, _ in (*model.named_parameters(), *model.named_buffers())}
    return (named - set(model.state_dict())) | set(getattr(model, "_keys_to_ignore_on_save", None) or ())


def _kinds_not_saved(model: Any) -> dict[str, str]:
    own, names = {**dict(model.named_parameters()), **dict(model.named_buffers())}, not_saved(model)
    return {
        name: str(tensor.dtype).removeprefix("torch.")
        for name, tensor in own.items()
        if name in names and tensor.is_floating_point()
    }


def _figures(result: ShrinkResult) -> dict[str, Any]:
    """Return the measured figures and the data that they were measured with."""
    details = result.facts
    return {
        "recipe": result.recipe,
        "original": details.original.name,
        "data": details.data,
        "figures": {
            "basis": result.basis,
            "quality": result.quality,
            "energy_ratio": result.energy_ratio,
            "energy_ratio_interval": result.energy_ratio_interval,
            "runtime_ratio": result.runtime_ratio,
            "model_ratio": result.model_ratio,
            "bf16_ratio": result.bf16_ratio,
            "phases": {name: (ratio.value, ratio.low, ratio.high) for name, ratio in details.phases.items()},
            "metric": details.metric,
            "loss": result.loss,
            "loss_interval": _finite(result.loss_interval),
            "examples": details.examples,
            "proven": result.proven,
            "reason": result.reason,
            "why": plain_data(result.why),
            "key": details.key,
            "cost_joules": result.cost_joules,
            "cost_seconds": result.cost_seconds,
            "break_even": result.break_even,
        },
    }


def _finite(interval: tuple[float, float] | None) -> tuple[float | None, ...] | None:
    """Return an interval with None for infinite ends, which JSON does not have."""
    return None if interval is None else tuple(end if math.isfinite(end) else None for end in interval)


def versions() -> dict[str, str]:
    """Return the versions of the installed libraries that a saved model depends on."""
    from importlib.metadata import PackageNotFoundError, version

    result = {}
    for name in (
        "jupyter_green",
        "torch",
        "transformers",
        "onnx",
        "onnxruntime",
        "torch-pruning",
        "torchao",
        "safetensors",
    ):
        try:
            result[name] = version(name)
        except PackageNotFoundError:
            continue
    return result


def _card(result: ShrinkResult, alone: bool) -> str:
    from jupyter_green.compression.report.shrink_report import text

    argument = "" if alone else ", model=YourModel()"
    code = f'import jupyter_green as green\n\nmodel = green.load("this folder"{argument})'
    report = text(result).replace("```", "'''")
    product = result.facts.product
    is_replayed = alone and product is not None and product.weights is not None and product.weights is not product.model
    warning = (
        "\n`from_pretrained` reads the weights of this folder as they were before the last step, without its gain.\n"
        if is_replayed
        else ""
    )
    head = f"# {result.facts.original.name}, {result.recipe}"
    return f"{head}\n\n```text\n{report}\n```\n\n```python\n{code}\n```\n{warning}"
