"""Load a shrunk model: build it from its configuration, fill in the weights, and compare its output for a stored probe.

ONNX models and transformers' own classes load from the folder alone. For any other class the user passes a fresh
instance, because a file must not say which code to run; the structural changes are applied to it again. What loads from
the folder alone is first built and called in a child process with limits, since no check can tell how long a graph
runs.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from jupyter_green.compression.errors import ShrinkError, require, why
from jupyter_green.compression.model.outputs import alike
from jupyter_green.compression.model.source_model import SourceModel, kind_of, uncompiled
from jupyter_green.compression.model.transformers_models import unseen
from jupyter_green.compression.process.offline import offline
from jupyter_green.compression.process.state import same_random_numbers
from jupyter_green.reporting.sanitize import one_line

from .bounded_load import bounded_first_call
from .call_convention import arranged, judged_tensor
from .config_check import DTYPES, bounded, known_model, new, refuse
from .folder import CONFIG, ONNX, PROBE, WEIGHTS, Contents, opened, parsed
from .onnx_check import check_onnx
from .reapply_steps import check_threads, finished
from .safetensors_check import tensors
from .save import not_saved, versions

CLOSE = 0.05
"""Tolerated difference of the probe's output, relative to the largest value.

int8 kernels round differently on different processors.
"""


def load(path: str | Path, model: Any = None) -> Any:
    """Load a model that `ShrinkResult.save` wrote.

    Parameters
    ----------
    path : str or Path
        The folder.
    model : torch.nn.Module, optional
        A fresh instance of the class that was shrunk, where the folder alone does not suffice; it is copied.

    Returns
    -------
    torch.nn.Module
        Called like the original.

    Raises
    ------
    ShrinkError
        If the folder is not as it was saved, or `model` is missing or of another class.
    """
    if not isinstance(path, (str, os.PathLike)) or "\0" in str(path):
        raise ShrinkError(f"{one_line(repr(path), 80)} is not a folder; name one that result.save(folder) wrote.")
    require("torch")
    folder = Path(path)
    contents, model = opened(folder), uncompiled(model)
    _check_instance(contents, model)
    if _alone(contents) and not _is_onnx(contents):
        refuse(*_settings(contents))
    if _alone(contents) or _is_onnx(contents):
        bounded_first_call(folder, contents)
    try:
        return made_of(contents, model)
    except ShrinkError:
        raise
    except Exception as error:  # a library or the user's class may raise anything
        raise ShrinkError(f"It can't be loaded: {one_line(why(error), 160)}") from error


def made_of(contents: Contents, model: Any = None) -> Any:
    """Build a folder's model in this process, and compare its output for the probe.

    Raises ShrinkError if the folder is not as it was saved, or `model` does not match it.
    """
    with offline() if _alone(contents) and not _is_onnx(contents) else nullcontext():
        if _is_onnx(contents):
            made = _onnx(contents)
            inside = _onnx_step(contents).get("inside")
            if inside is not None:
                from jupyter_green.compression.recipes.encoder import put

                made = put(model, inside, made)
        elif _alone(contents):
            made = finished(_transformers(contents), contents.steps)
        else:
            made = finished(_replayed(contents, model), contents.steps)
        made.eval()
        _ask(made, contents)
    return made


def tried(contents: Contents) -> None:
    """Build and call a folder's model; if it needs an instance, only the part in the folder.

    Raises ShrinkError if that fails.
    """
    if not _is_onnx(contents) or _onnx_step(contents).get("inside") is None:
        made_of(contents)
        return
    part = _onnx(contents)
    try:
        part(**_probe(contents)[0])
    except Exception as error:  # ONNX Runtime has an error class for each reason
        raise _uncallable(error, contents) from error


def _is_onnx(contents: Contents) -> bool:
    return contents.note.get("form") == "onnx"


def _alone(contents: Contents) -> bool:
    return contents.note.get("alone") is True


def _check_instance(contents: Contents, model: Any) -> None:
    """Check that `model` was given and fits, where the folder alone does not suffice."""
    if _is_onnx(contents):
        inside: Any = _onnx_step(contents).get("inside")
        if inside is not None:
            _fresh(contents.note, model)
            if not (isinstance(inside, str) and inside and inside in dict(model.named_modules())):
                name = one_line(repr(inside), 80)
                raise ShrinkError(f"model is not built like the one that was shrunk: it has no part {name}.")
    elif not _alone(contents):
        _fresh(contents.note, model)


def _onnx_step(contents: Contents) -> Mapping[str, Any]:
    return next((step for step in contents.steps if step["recipe"] == "onnx"), {})


def _onnx(contents: Contents) -> Any:
    from jupyter_green.compression.recipes.onnx_model import wrapped

    step = _onnx_step(contents)
    names: Any = step.get("names")
    outputs: Any = step.get("outputs")
    threads: Any = step.get("threads")
    check_threads(threads)
    if not _words(names) or not _words(outputs):
        raise ShrinkError("shrink.json does not say what the model is called with; the folder is damaged.")
    data = bytes(contents.file(ONNX))
    check_onnx(data)
    try:
        return wrapped(data, names, outputs, threads)
    except ShrinkError:
        raise
    except Exception as error:  # ONNX Runtime has an error class for each reason
        raise ShrinkError(f"ONNX Runtime can't run {ONNX}: {one_line(why(error), 160)}") from error


def _fresh(note: Mapping[str, Any], model: Any) -> None:
    """Check that `model` is an instance of the class that was shrunk."""
    import torch

    name = one_line(note.get("class"), 80)
    if not isinstance(model, torch.nn.Module):
        raise ShrinkError(f"This model needs a fresh instance of its class; call green.load(path, model={name}(...)).")
    if type(model).__name__ != note.get("class"):
        raise ShrinkError(f"This is a shrunk {name}, and model is {type(model).__name__}.")


def _words(value: Any) -> bool:
    """Whether a value is a list of names of inputs or outputs."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(word, str) and not word.startswith("_") for word in value)
    )


def _settings(contents: Contents) -> tuple[dict[str, Any], int]:
    """Return the configuration, and the number of tensors in the weights."""
    return parsed(contents.file(CONFIG), CONFIG, infinity=True), len(tensors(contents.file(WEIGHTS), WEIGHTS))


def _transformers(contents: Contents) -> Any:
    """Build a model of transformers' own from its configuration and weights; no other file is used."""
    import torch

    kind, config = known_model(*_settings(contents))
    weights = tensors(contents.file(WEIGHTS), WEIGHTS)
    bounded(kind, config, weights)
    with torch.random.fork_rng(devices=[]):
        made = new(kind, config, "cpu")
        _heads(made, weights, contents.steps)
        # For older checkpoints transformers saves weights under other names than its modules have.
        own = set(weights) <= set(made.state_dict())
        made = _filled(made, weights) if own else _renamed(kind, config, weights)
    return _as_it_was(made, contents)


def _renamed(kind: Any, config: Any, weights: dict[str, Any]) -> Any:
    """Let transformers rename weights to its modules' names; it reads no file.

    transformers loads all weights in one dtype. If they were saved in several, the mapping is found by loading again
    with each weight replaced by its index.
    """
    import torch

    dtypes = [value.dtype for value in weights.values() if value.is_floating_point()]
    if len(set(dtypes)) < 2:
        return _load_by_name(kind, config, weights, next(iter(dtypes), torch.float32))
    made = _load_by_name(kind, config, weights, torch.float64 if torch.float64 in dtypes else torch.float32)
    indexed = [value for value in weights.values() if value.is_floating_point()]
    indices = {id(value): number for number, value in enumerate(indexed)}
    index_weights = {
        name: torch.full_like(value, indices[id(value)], dtype=torch.float64) if id(value) in indices else value
        for name, value in weights.items()
    }
    numbered = _load_by_name(kind, config, index_weights, torch.float64).state_dict()
    for name, own in made.state_dict(keep_vars=True).items():
        sources = {dtypes[int(number)] for number in numbered[name].unique()} if own.is_floating_point() else set()
        if len(sources) == 1:  # merged weights of several dtypes keep the common one
            own.data = own.data.to(sources.pop())
    return made


def _load_by_name(kind: Any, config: Any, weights: dict[str, Any], dtype: Any) -> Any:
    try:
        with unseen():
            made, report = kind.from_pretrained(
                None,
                config=config,
                state_dict=weights,
                dtype=dtype,
                output_loading_info=True,
                local_files_only=True,
                trust_remote_code=False,
            )
    except Exception as error:  # transformers raises various exceptions for a mismatch
        raise _misfit(error) from error
    missing, unexpected = report["missing_keys"], report["unexpected_keys"]
    if missing or unexpected or report["mismatched_keys"]:
        raise _unfit(len(missing) + len(report["mismatched_keys"]), len(unexpected))
    return made


def _misfit(error: BaseException) -> ShrinkError:
    return ShrinkError(f"The weights don't fit the model: {one_line(why(error), 160)}")


def _unfit(missing: int, unexpected: int) -> ShrinkError:
    return ShrinkError(f"The weights don't fit the model: {missing} are missing and {unexpected} are left over.")


def _heads(made: Any, weights: Mapping[str, Any], steps: list[Mapping[str, Any]]) -> None:
    """Apply steps that removed attention heads: set the head counts and the layers' shapes."""
    from jupyter_green.compression.recipes.heads import set_heads

    from .reshape_layers import reshape

    for step in steps:
        if step["recipe"] != "heads":
            continue
        kept: Any = step.get("kept")
        if type(kept) is not int:
            raise ShrinkError("shrink.json does not say how many heads are kept; the folder is damaged.")
        reshape(made, weights)
        try:
            set_heads(made, kept)
        except (ValueError, AttributeError) as error:
            raise ShrinkError(f"The model is not built like the one that was shrunk: {error}") from None


def _replayed(contents: Contents, model: Any) -> Any:
    from jupyter_green.compression.recipes.depth import keep_layers

    from .reshape_layers import reshape

    made = copy.deepcopy(model)
    for step in contents.steps:
        if step["recipe"] == "depth":
            kept = step.get("kept")
            if not (isinstance(kept, list) and all(type(item) is int for item in kept) and kept == sorted(set(kept))):
                raise ShrinkError("shrink.json does not say which layers are kept; the folder is damaged.")
            beside: Any = step.get("beside", [])
            if not (isinstance(beside, list) and all(isinstance(item, str) for item in beside)):
                raise ShrinkError("shrink.json does not say which lists go with the layers; the folder is damaged.")
            try:
                keep_layers(made, str(step.get("list")), kept, beside)
            except (ValueError, AttributeError) as error:
                reason = one_line(error, 160)
                raise ShrinkError(f"model is not built like the one that was shrunk: {reason}") from None
    weights = tensors(contents.file(WEIGHTS), WEIGHTS)
    reshape(made, weights)
    _heads(made, weights, contents.steps)
    return _as_it_was(_filled(made, weights), contents)


def _filled(made: Any, weights: dict[str, Any]) -> Any:
    """Fill in weights with their own dtypes; tied weights need only one entry."""
    own = made.state_dict(keep_vars=True)
    for name, weight in weights.items():
        if name not in own:
            continue
        if own[name].is_floating_point() != weight.is_floating_point():
            raise ShrinkError(f"The weights don't fit the model: {one_line(name, 80)} is of another kind of number.")
        own[name].data = own[name].data.to(weight.dtype)
    try:
        report = made.load_state_dict(weights, strict=False)
    except (RuntimeError, ValueError) as error:
        raise _misfit(error) from None
    filled = {(own[name].data_ptr(), own[name].shape) for name in weights if name in own}
    missing = [
        name
        for name in report.missing_keys
        if (own[name].data_ptr(), own[name].shape) not in filled and name not in not_saved(made)
    ]
    if missing or report.unexpected_keys:
        raise _unfit(len(missing), len(report.unexpected_keys))
    return made


def _as_it_was(made: Any, contents: Contents) -> Any:
    """Restore the dtype of each tensor that is not in the weights file."""
    import torch

    own = {**dict(made.named_parameters()), **dict(made.named_buffers())}
    dtypes: Any = contents.note.get("unsaved")
    if "unsaved" not in contents.note:  # written by an older version: use the dtype of the weights
        saved = made.state_dict()
        dtype = next((str(parameter.dtype).removeprefix("torch.") for parameter in made.parameters()), "float32")
        dtypes = {name: dtype for name in own if name not in saved and dtype in DTYPES}
    if not isinstance(dtypes, dict) or not all(isinstance(dtype, str) and dtype in DTYPES for dtype in dtypes.values()):
        raise ShrinkError("shrink.json names a kind of number that is not known; the folder is damaged.")
    for name, dtype in dtypes.items():
        if name in own and own[name].is_floating_point():
            own[name].data = own[name].data.to(getattr(torch, dtype))
    return made


def _probe(contents: Contents) -> tuple[dict[str, Any], Any]:
    """Return the probe's inputs by name, and the output of the model when it was saved."""
    probe = tensors(contents.file(PROBE), PROBE)
    output = probe.pop("out", None)
    if output is None or not probe:
        raise ShrinkError(f"{PROBE} is damaged: it holds no question and its answer.")
    return {name.removeprefix("in."): leaf for name, leaf in probe.items()}, output.float()


def _ask(made: Any, contents: Contents) -> None:
    """Compare the model's output for the probe with the stored one."""
    import torch

    inputs, expected = _probe(contents)
    try:
        with torch.inference_mode(), same_random_numbers(), SourceModel(made).kept():
            call_inputs = arranged(inputs, contents.note.get("call"))
            answer = judged_tensor(SourceModel(made, kind_of(made)).call(call_inputs), contents.note).float()
            same = alike(answer, expected, CLOSE)
    except Exception as error:  # the model may raise anything
        raise _uncallable(error, contents) from error
    if not same:
        raise ShrinkError(f"The model answers differently from when it was saved. {_changed(contents.note)}")


def _uncallable(error: BaseException, contents: Contents) -> ShrinkError:
    reason = one_line(why(error), 160).rstrip(".")
    return ShrinkError(f"The model can't be called as it was when it was saved: {reason}. {_changed(contents.note)}")


def _changed(note: Mapping[str, Any]) -> str:
    """Return a sentence on the libraries whose versions differ from those at saving."""
    saved: Any = note.get("versions")
    installed = versions()
    saved_versions = saved if isinstance(saved, dict) else {}
    different = [
        f"{name} {saved_versions[name]} (here {version})"
        for name, version in installed.items()
        if saved_versions.get(name, version) != version
    ]
    if not different:
        return "No library has changed since, so its file has, or this processor works otherwise."
    return f"It was saved with {one_line(', '.join(different), 300)}; install what it was saved with."
