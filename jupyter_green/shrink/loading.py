"""Loading a shrunk model: made anew from its settings, filled with its weights, and asked its probe; nothing is run.

ONNX models and transformers' own classes load alone. For any other class the person hands over a fresh instance: a
file must not say which code to run. What was done to the structure is done to that instance again.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .fault import ShrinkError, require
from .folder import CONFIG, ONNX, PROBE, WEIGHTS, checked_onnx, opened, settings
from .replay import finished, see_threads
from .saving import unseen, versions
from .subject import Subject, kind_of, main_tensor
from .surroundings import drawn_alike

CLOSE = 0.05
"""By how much (relative to the largest answer) the probe may differ: int8 kernels round differently by processor."""


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
        If the folder is not what was saved, or `model` is missing or another one; one sentence.
    """
    folder = Path(path)
    require("torch")
    note = opened(folder)
    steps = [step for step in note["steps"] if isinstance(step, dict)]
    for name in note["files"]:
        if name.endswith(".safetensors"):
            _whole(folder / name)
    if note.get("form") == "onnx":
        made = _onnx(folder, note, steps, model)
    elif note.get("alone") is True:
        made = finished(_transformers(folder, note), steps)
    else:
        made = finished(_replayed(folder, note, steps, model), steps)
    made.eval()
    _ask(made, _file(folder, note, PROBE), note)
    return made


def _whole(path: Path) -> None:
    """See that a file is safetensors."""
    safetensors = require("safetensors")
    try:
        with safetensors.safe_open(str(path), framework="pt") as file:
            file.keys()
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise ShrinkError(f"{path.name} is damaged: {str(error).splitlines()[0][:120]}.") from None


def _file(folder: Path, note: Mapping[str, Any], name: str) -> Path:
    if name not in note["files"]:
        raise ShrinkError(f"shrink.json does not name {name}; the folder is damaged.")
    return folder / name


def _onnx(folder: Path, note: Mapping[str, Any], steps: list[Any], model: Any) -> Any:
    from .recipes.encoder import put
    from .recipes.onnx_model import wrapped

    step: dict[str, Any] = next((step for step in steps if step.get("recipe") == "onnx"), {})
    names: Any = step.get("names")
    outputs: Any = step.get("outputs")
    threads: Any = step.get("threads")
    see_threads(threads)
    if not _words(names) or not _words(outputs):
        raise ShrinkError("shrink.json does not say what the model is called with; the folder is damaged.")
    inside: Any = step.get("inside")
    if inside is not None:
        _fresh(note, model)
        if not (isinstance(inside, str) and inside and inside in dict(model.named_modules())):
            raise ShrinkError(f"model is not built like the one that was shrunk: it has no part {str(inside)[:80]!r}.")
    data = checked_onnx(_file(folder, note, ONNX).read_bytes())
    try:
        made = wrapped(data, names, outputs, threads)
    except ShrinkError:
        raise
    except Exception as error:  # ONNX Runtime has an error class for each reason
        raise ShrinkError(f"ONNX Runtime can't run {ONNX}: {str(error).splitlines()[0][:160]}") from error
    return made if inside is None else put(model, inside, made)


def _fresh(note: Mapping[str, Any], model: Any) -> None:
    """See that a person handed over an instance of the class that was shrunk."""
    import torch

    name = note.get("class")
    if not isinstance(model, torch.nn.Module):
        raise ShrinkError(f"This model needs a fresh instance of its class; call green.load(path, model={name}(...)).")
    if type(model).__name__ != name:
        raise ShrinkError(f"This is a shrunk {name}, and model is {type(model).__name__}.")


def _words(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(word, str) for word in value)


def _transformers(folder: Path, note: Mapping[str, Any]) -> Any:
    """Make one of transformers' own models by its configuration; nothing but two files is read."""
    import torch

    transformers = require("transformers")
    data = settings(_file(folder, note, CONFIG).parent)
    names: Any = data.get("architectures")
    name = names[0] if _words(names) else ""
    kind: Any = getattr(transformers, name, None) if name.isidentifier() else None
    if not (isinstance(kind, type) and issubclass(kind, transformers.PreTrainedModel)):
        raise ShrinkError(f"{name or 'The architecture'} is no model of transformers {transformers.__version__}.")
    config: Any = getattr(kind, "config_class", None)
    if not kind.__module__.startswith("transformers.") or config is None:
        raise ShrinkError(f"{name} is no model of transformers' own.")
    if config.model_type != data.get("model_type"):
        raise ShrinkError(f"{CONFIG} is of {data.get('model_type')!r}, which {name} is not.")
    set_up, path = config.from_dict(data), _file(folder, note, WEIGHTS)
    with torch.random.fork_rng(devices=[]):
        made = kind(set_up)
        _heads(made, path, note["steps"])
        return _renamed(kind, set_up, path) if _other_names(made, path) else _filled(made, path)


def _other_names(made: Any, path: Path) -> bool:
    """Whether transformers wrote weights under other names than its modules have, as it does for older checkpoints."""
    with require("safetensors").safe_open(str(path), framework="pt") as file:
        return not set(file.keys()) <= set(made.state_dict())


def _renamed(kind: Any, config: Any, path: Path) -> Any:
    """Let transformers give the weights the names of its modules; it is handed both, and reads no file."""
    import torch

    state = require("safetensors.torch").load_file(str(path))
    kinds = {value.dtype for value in state.values() if value.is_floating_point()}
    half = min(kinds, key=lambda one: one.itemsize, default=torch.float32)
    try:
        with unseen():
            made, told = kind.from_pretrained(
                None, config=config, state_dict=state, dtype=half, output_loading_info=True
            )
    except (RuntimeError, ValueError, KeyError) as error:
        raise ShrinkError(f"The weights don't fit the model: {str(error).splitlines()[0][:160]}") from None
    missing, unexpected = told["missing_keys"], told["unexpected_keys"]
    if missing or unexpected or told["mismatched_keys"]:
        raise _unfit(len(missing) + len(told["mismatched_keys"]), len(unexpected))
    return made


def _unfit(missing: int, unexpected: int) -> ShrinkError:
    return ShrinkError(f"The weights don't fit the model: {missing} are missing and {unexpected} are left over.")


def _heads(made: Any, path: Path, steps: list[Any]) -> None:
    """Give attentions as many heads as were left, and layers the shapes of the weights, where that was done."""
    from .recipes.heads import set_heads
    from .structure import reshape

    for step in steps:
        if not isinstance(step, dict) or step.get("recipe") != "heads":
            continue
        kept: Any = step.get("kept")
        if type(kept) is not int:
            raise ShrinkError("shrink.json does not say how many heads are kept; the folder is damaged.")
        reshape(made, path)
        try:
            set_heads(made, kept)
        except (ValueError, AttributeError) as error:
            raise ShrinkError(f"The model is not built like the one that was shrunk: {error}") from None


def _replayed(folder: Path, note: Mapping[str, Any], steps: list[Any], model: Any) -> Any:
    from .recipes.depth import keep_layers
    from .structure import reshape

    _fresh(note, model)
    made = copy.deepcopy(model)
    for step in steps:
        if step.get("recipe") == "depth":
            kept = step.get("kept")
            if not isinstance(kept, list) or not all(isinstance(place, int) for place in kept):
                raise ShrinkError("shrink.json does not say which layers are kept; the folder is damaged.")
            try:
                keep_layers(made, str(step.get("list")), kept)
            except (ValueError, AttributeError) as error:
                raise ShrinkError(f"model is not built like the one that was shrunk: {error}") from None
    path = _file(folder, note, WEIGHTS)
    reshape(made, path)
    _heads(made, path, steps)
    return _filled(made, path)


def _filled(made: Any, path: Path) -> Any:
    import torch

    safetensors = require("safetensors")
    with safetensors.safe_open(str(path), framework="pt") as file:
        names = list(file.keys())
        kinds = {file.get_tensor(name).dtype for name in names if file.get_slice(name).get_shape()}
    for half in (torch.bfloat16, torch.float16):
        if half in kinds:
            made = made.to(half)
    try:
        missing, unexpected = require("safetensors.torch").load_model(made, str(path), strict=False)
    except (RuntimeError, ValueError) as error:
        raise ShrinkError(f"The weights don't fit the model: {str(error).splitlines()[0][:160]}") from None
    if missing or unexpected:
        raise _unfit(len(missing), len(unexpected))
    return made


def _ask(made: Any, probe: Path, note: Mapping[str, Any]) -> None:
    """Ask the probe and compare the answer."""
    import torch

    from .inspection import arranged

    try:
        held = require("safetensors.torch").load_file(str(probe))
        wanted = held.pop("out")
        inputs = {name.removeprefix("in."): leaf for name, leaf in held.items()}
        with torch.inference_mode(), drawn_alike(), Subject(made).kept():
            answer = main_tensor(Subject(made, kind_of(made)).call(arranged(inputs, note.get("call")))).float()
    except (KeyError, IndexError, TypeError, RuntimeError, ValueError) as error:
        first = (str(error).splitlines() or [""])[0][:160]
        raise ShrinkError(
            f"The model can't be called as it was when it was saved: {first}. {_changed(note)}"
        ) from error
    close = CLOSE * max(1e-6, float(wanted.abs().max()))
    if answer.shape != wanted.shape or not float((answer - wanted).abs().max()) <= close:
        raise ShrinkError(f"The model answers differently from when it was saved. {_changed(note)}")


def _changed(note: Mapping[str, Any]) -> str:
    """Return in one sentence which libraries are not those that it was saved with."""
    saved: Any = note.get("versions")
    here = versions()
    known = saved if isinstance(saved, dict) else {}
    other = [f"{name} {known[name]} (here {one})" for name, one in here.items() if known.get(name, one) != one]
    if not other:
        return "No library has changed since, so its file has, or this processor works otherwise."
    return f"It was saved with {', '.join(other)[:300]}; install what it was saved with."
