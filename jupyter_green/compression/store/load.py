"""Loading a shrunk model: made anew from its settings, filled with its weights, and asked its probe; nothing is run.

ONNX models and transformers' own classes load alone. For any other class the person hands over a fresh instance: a
file must not say which code to run. What was done to the structure is done to that instance again. What loads alone is
made and asked in a process of its own first, since no check tells how long a graph runs.
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
from jupyter_green.compression.model.source_model import SourceModel, kind_of
from jupyter_green.compression.model.transformers_models import unseen
from jupyter_green.compression.process.offline import offline
from jupyter_green.compression.process.state import same_random_numbers
from jupyter_green.reporting.sanitize import one_line

from .bounded_load import bounded_first_call
from .call_convention import arranged, judged_tensor
from .config_check import DTYPES, bounded, known_model, new, refuse
from .folder import CONFIG, ONNX, PROBE, WEIGHTS, Contents, opened, parsed
from .onnx_check import check_onnx
from .reapply_steps import finished, see_threads
from .safetensors_check import tensors
from .save import not_saved, versions

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
    if not isinstance(path, (str, os.PathLike)) or "\0" in str(path):
        raise ShrinkError(f"{one_line(repr(path), 80)} is no folder; name one that result.save(folder) wrote.")
    require("torch")
    folder = Path(path)
    contents = opened(folder)
    _see_instance(contents, model)
    if _alone(contents) and not _is_onnx(contents):
        refuse(*_settings(contents))
    if _alone(contents) or _is_onnx(contents):
        bounded_first_call(folder, contents)
    try:
        return made_of(contents, model)
    except ShrinkError:
        raise
    except Exception as error:  # a library or the person's own class may fail over it in any way
        raise ShrinkError(f"It can't be loaded: {one_line(why(error), 160)}") from error


def made_of(contents: Contents, model: Any = None) -> Any:
    """Return the model that a folder holds, made and asked in this process.

    Raises
    ------
    ShrinkError
        If the folder is not what was saved, or `model` another one.
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
    """Make and ask what a folder holds; of a part that only an instance completes, that part alone.

    Raises
    ------
    ShrinkError
        If that fails.
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


def _see_instance(contents: Contents, model: Any) -> None:
    """See that a person handed over what the folder lacks."""
    if _is_onnx(contents):
        inside: Any = _onnx_step(contents).get("inside")
        if inside is not None:
            _fresh(contents.note, model)
            if not (isinstance(inside, str) and inside and inside in dict(model.named_modules())):
                said = one_line(repr(inside), 80)
                raise ShrinkError(f"model is not built like the one that was shrunk: it has no part {said}.")
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
    see_threads(threads)
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
    """See that a person handed over an instance of the class that was shrunk."""
    import torch

    name = one_line(note.get("class"), 80)
    if not isinstance(model, torch.nn.Module):
        raise ShrinkError(f"This model needs a fresh instance of its class; call green.load(path, model={name}(...)).")
    if type(model).__name__ != note.get("class"):
        raise ShrinkError(f"This is a shrunk {name}, and model is {type(model).__name__}.")


def _words(value: Any) -> bool:
    """Whether something is a list of names that a model may be called with."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(word, str) and not word.startswith("_") for word in value)
    )


def _settings(contents: Contents) -> tuple[dict[str, Any], int]:
    """Return what the configuration says, and how many tensors the weights hold."""
    return parsed(contents.file(CONFIG), CONFIG, infinity=True), len(tensors(contents.file(WEIGHTS), WEIGHTS))


def _transformers(contents: Contents) -> Any:
    """Make one of transformers' own models by its configuration; nothing but two files is used."""
    import torch

    kind, config = known_model(*_settings(contents))
    weights = tensors(contents.file(WEIGHTS), WEIGHTS)
    bounded(kind, config, weights)
    with torch.random.fork_rng(devices=[]):
        made = new(kind, config, "cpu")
        _heads(made, weights, contents.steps)
        # transformers writes the weights of older checkpoints under other names than its modules have.
        own = set(weights) <= set(made.state_dict())
        made = _filled(made, weights) if own else _renamed(kind, config, weights)
    return _as_it_was(made, contents)


def _renamed(kind: Any, config: Any, weights: dict[str, Any]) -> Any:
    """Let transformers give the weights the names of its modules; it is handed both, and reads no file.

    It gives all of them one kind of number. Where they were saved in several, which is whose is seen by handing over
    each weight's number in its place.
    """
    import torch

    kinds = [value.dtype for value in weights.values() if value.is_floating_point()]
    if len(set(kinds)) < 2:
        return _named_anew(kind, config, weights, next(iter(kinds), torch.float32))
    made = _named_anew(kind, config, weights, torch.float64 if torch.float64 in kinds else torch.float32)
    floats = [value for value in weights.values() if value.is_floating_point()]
    numbers = {id(value): number for number, value in enumerate(floats)}
    places = {
        name: torch.full_like(value, numbers[id(value)], dtype=torch.float64) if id(value) in numbers else value
        for name, value in weights.items()
    }
    numbered = _named_anew(kind, config, places, torch.float64).state_dict()
    for name, own in made.state_dict(keep_vars=True).items():
        found = {kinds[int(number)] for number in numbered[name].unique()} if own.is_floating_point() else set()
        if len(found) == 1:  # what was put together from several kinds stays in the one that holds them
            own.data = own.data.to(found.pop())
    return made


def _named_anew(kind: Any, config: Any, weights: dict[str, Any], dtype: Any) -> Any:
    try:
        with unseen():
            made, told = kind.from_pretrained(
                None,
                config=config,
                state_dict=weights,
                dtype=dtype,
                output_loading_info=True,
                local_files_only=True,
                trust_remote_code=False,
            )
    except Exception as error:  # what doesn't fit is told in many ways
        raise _misfit(error) from error
    missing, unexpected = told["missing_keys"], told["unexpected_keys"]
    if missing or unexpected or told["mismatched_keys"]:
        raise _unfit(len(missing) + len(told["mismatched_keys"]), len(unexpected))
    return made


def _misfit(error: BaseException) -> ShrinkError:
    return ShrinkError(f"The weights don't fit the model: {one_line(why(error), 160)}")


def _unfit(missing: int, unexpected: int) -> ShrinkError:
    return ShrinkError(f"The weights don't fit the model: {missing} are missing and {unexpected} are left over.")


def _heads(made: Any, weights: Mapping[str, Any], steps: list[Mapping[str, Any]]) -> None:
    """Give attentions as many heads as were left, and layers the shapes of the weights, where that was done."""
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
            if not (isinstance(kept, list) and all(type(one) is int for one in kept) and kept == sorted(set(kept))):
                raise ShrinkError("shrink.json does not say which layers are kept; the folder is damaged.")
            beside: Any = step.get("beside", [])
            if not (isinstance(beside, list) and all(isinstance(one, str) for one in beside)):
                raise ShrinkError("shrink.json does not say which lists go with the layers; the folder is damaged.")
            try:
                keep_layers(made, str(step.get("list")), kept, beside)
            except (ValueError, AttributeError) as error:
                said = one_line(error, 160)
                raise ShrinkError(f"model is not built like the one that was shrunk: {said}") from None
    weights = tensors(contents.file(WEIGHTS), WEIGHTS)
    reshape(made, weights)
    _heads(made, weights, contents.steps)
    return _as_it_was(_filled(made, weights), contents)


def _filled(made: Any, weights: dict[str, Any]) -> Any:
    """Put weights into a model, each in its own kind of number; what is tied in it is given once."""
    own = made.state_dict(keep_vars=True)
    for name, weight in weights.items():
        if name not in own:
            continue
        if own[name].is_floating_point() != weight.is_floating_point():
            raise ShrinkError(f"The weights don't fit the model: {one_line(name, 80)} is of another kind of number.")
        own[name].data = own[name].data.to(weight.dtype)
    try:
        told = made.load_state_dict(weights, strict=False)
    except (RuntimeError, ValueError) as error:
        raise _misfit(error) from None
    given = {(own[name].data_ptr(), own[name].shape) for name in weights if name in own}
    missing = [
        name
        for name in told.missing_keys
        if (own[name].data_ptr(), own[name].shape) not in given and name not in not_saved(made)
    ]
    if missing or told.unexpected_keys:
        raise _unfit(len(missing), len(told.unexpected_keys))
    return made


def _as_it_was(made: Any, contents: Contents) -> Any:
    """Give each tensor that no weights' file holds the kind of number that it had."""
    import torch

    own = {**dict(made.named_parameters()), **dict(made.named_buffers())}
    kinds: Any = contents.note.get("unsaved")
    if "unsaved" not in contents.note:  # it was saved before that was written down: the weights' kind
        saved = made.state_dict()
        kind = next((str(one.dtype).removeprefix("torch.") for one in made.parameters()), "float32")
        kinds = {name: kind for name in own if name not in saved and kind in DTYPES}
    if not isinstance(kinds, dict) or not all(isinstance(kind, str) and kind in DTYPES for kind in kinds.values()):
        raise ShrinkError("shrink.json names a kind of number that is not known; the folder is damaged.")
    for name, kind in kinds.items():
        if name in own and own[name].is_floating_point():
            own[name].data = own[name].data.to(getattr(torch, kind))
    return made


def _probe(contents: Contents) -> tuple[dict[str, Any], Any]:
    """Return what a model is asked, by name, and what it answered when it was saved."""
    held = tensors(contents.file(PROBE), PROBE)
    wanted = held.pop("out", None)
    if wanted is None or not held:
        raise ShrinkError(f"{PROBE} is damaged: it holds no question and its answer.")
    return {name.removeprefix("in."): leaf for name, leaf in held.items()}, wanted.float()


def _ask(made: Any, contents: Contents) -> None:
    """Ask the probe and compare the answer."""
    import torch

    inputs, wanted = _probe(contents)
    try:
        with torch.inference_mode(), same_random_numbers(), SourceModel(made).kept():
            given = arranged(inputs, contents.note.get("call"))
            answer = judged_tensor(SourceModel(made, kind_of(made)).call(given), contents.note).float()
            same = alike(answer, wanted, CLOSE)
    except Exception as error:  # a model may fail in any way over what it is not made for
        raise _uncallable(error, contents) from error
    if not same:
        raise ShrinkError(f"The model answers differently from when it was saved. {_changed(contents.note)}")


def _uncallable(error: BaseException, contents: Contents) -> ShrinkError:
    said = one_line(why(error), 160).rstrip(".")
    return ShrinkError(f"The model can't be called as it was when it was saved: {said}. {_changed(contents.note)}")


def _changed(note: Mapping[str, Any]) -> str:
    """Return in one sentence which libraries are not those that it was saved with."""
    saved: Any = note.get("versions")
    here = versions()
    known = saved if isinstance(saved, dict) else {}
    other = [f"{name} {known[name]} (here {one})" for name, one in here.items() if known.get(name, one) != one]
    if not other:
        return "No library has changed since, so its file has, or this processor works otherwise."
    return f"It was saved with {one_line(', '.join(other), 300)}; install what it was saved with."
