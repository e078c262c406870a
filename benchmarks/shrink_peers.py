"""Other tools that `green.shrink` is compared with, each called as in its documentation.

Each returns a callable like the original, made from a copy of it. Calibration uses the same examples as ours, never
those of the evaluation. A tool that is not installed or raises an error is a row with the reason.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jupyter_green.compression.data.batch import Batch, leaves
from jupyter_green.compression.recipes.export import feed, input_names
from jupyter_green.compression.recipes.integer import TorchInteger
from jupyter_green.compression.recipes.onnx_runtime import OnnxDynamic, OnnxFloat, OnnxStatic
from jupyter_green.compression.recipes.precision import wrapped as cast
from jupyter_green.compression.recipes.recipe import RecipeContext
from jupyter_green.compression.recipes.threads import limit_threads

CALIBRATED = 10
"""Number of batches for calibration: a few hundred examples, as each tool's documentation advises."""


@dataclass(frozen=True)
class Peer:
    """Another way to make a model cheaper.

    Parameters
    ----------
    name : str
        Name in the tables.
    make : callable
        Returns a callable like the original, from a case with its own copy.
    works : tuple of str
        The workloads that it supports.
    needs : str
        The package that it needs; empty for PyTorch only.
    """

    name: str
    make: Callable[[RecipeContext], Any]
    works: tuple[str, ...]
    needs: str = ""

    def missing(self) -> str | None:
        """Return why it can't be run here; None if it can."""
        there = not self.needs or importlib.util.find_spec(self.needs) is not None
        return None if there else f"{self.needs} is not installed"


def _compiled(model: Any) -> Any:
    """Compile with frozen weights, which is needed for a gain on CPUs, for any batch size and length."""
    import torch
    import torch._inductor.config as settings

    settings.freezing = True
    torch.compiler.reset()
    return torch.compile(model.eval().requires_grad_(False), dynamic=None)


def _bf16(case: RecipeContext) -> Any:
    plain = not any(leaf.is_floating_point() for leaf in leaves(case.sample))
    return case.subject.model.bfloat16() if plain else cast(case.subject.model.bfloat16())


def _torchao(case: RecipeContext) -> Any:
    from torchao.quantization import Int8DynamicActivationInt8WeightConfig, quantize_

    quantize_(case.subject.model, Int8DynamicActivationInt8WeightConfig(set_inductor_config=False))
    return _compiled(case.subject.model)


def _pt2e(case: RecipeContext) -> Any:
    """Static int8 of convolutions through torchao's PT2E, compiled."""
    import torch
    import torchao.quantization.pt2e.quantizer.x86_inductor_quantizer as x86
    from torchao.quantization.pt2e import move_exported_model_to_eval
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

    inputs = tuple(leaves(case.tune[0].inputs))
    shapes = ({0: torch.export.Dim("batch", min=1, max=1024)},)
    exported = torch.export.export(case.subject.model.eval(), inputs, dynamic_shapes=shapes).module()
    quantizer = x86.X86InductorQuantizer().set_global(x86.get_default_x86_inductor_quantization_config())
    prepared = prepare_pt2e(exported, quantizer)
    for batch in case.tune[:CALIBRATED]:
        prepared(*leaves(batch.inputs))
    quantized = convert_pt2e(prepared)
    move_exported_model_to_eval(quantized)
    import torch._inductor.config as settings

    settings.freezing = True
    torch.compiler.reset()
    compiled = torch.compile(quantized)
    return _called(lambda inputs: compiled(*leaves(inputs)))


def _openvino(precision: str, nncf: bool = False) -> Callable[[RecipeContext], Any]:
    def make(case: RecipeContext) -> Any:
        import openvino
        import torch

        names = input_names(case.sample)
        exported = OnnxFloat().apply(case).model
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            path.write_bytes(exported.onnx)
            model = openvino.convert_model(str(path))
        if nncf:
            model = _nncf(model, case, [name for name in names if name in exported.taken])
        settings = {
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "NUM_STREAMS": 1,
            "INFERENCE_PRECISION_HINT": precision,
        }
        compiled = openvino.Core().compile_model(model, "CPU", settings)
        taken = {name for port in compiled.inputs for name in port.get_names()}

        def call(inputs: Any) -> Any:
            fed = {name: value for name, value in feed(inputs, names).items() if name in taken}
            return torch.from_numpy(compiled(fed)[0])

        return _called(call)

    return make


def _nncf(model: Any, case: RecipeContext, names: Sequence[str]) -> Any:
    import nncf

    every = input_names(case.sample)

    def fed(batch: Batch) -> dict[str, Any]:
        return {name: value for name, value in feed(batch.inputs, every).items() if name in names}

    examples = nncf.Dataset(list(case.tune[:CALIBRATED]), fed)
    kind = nncf.ModelType.TRANSFORMER if case.subject.kind == "transformers" else None
    return nncf.quantize(model, examples, subset_size=CALIBRATED, model_type=kind)


def _called(call: Callable[[Any], Any]) -> Any:
    """Return a callable that takes a batch's inputs as the original does."""

    def forward(*arguments: Any, **named: Any) -> Any:
        return call(named or arguments)

    return forward


def _onnx(recipe: Any, threads: int | None = None) -> Callable[[RecipeContext], Any]:
    """Return a function that makes a model with as many threads as PyTorch, or a given number."""
    import torch

    return lambda case: recipe.apply(case).model.in_threads(threads or torch.get_num_threads())


def _in_one_thread(case: RecipeContext) -> Any:
    """Return the original in one PyTorch thread, which needs only a setting."""
    return limit_threads(case.subject.model, 1, rows=sys.maxsize)


ALL = ("text", "image", "vit", "lm")
PEERS = (
    Peer("PyTorch, 1 thread", _in_one_thread, ALL),
    Peer("ONNX Runtime, float32", _onnx(OnnxFloat()), ALL, "onnxruntime"),
    Peer("ONNX Runtime, float32, 1 thread", _onnx(OnnxFloat(), 1), ALL, "onnxruntime"),
    Peer("ONNX Runtime int8, dynamic", _onnx(OnnxDynamic()), ("text", "vit", "lm"), "onnxruntime"),
    Peer("ONNX Runtime int8, dynamic, 1 thread", _onnx(OnnxDynamic(), 1), ("text", "vit", "lm"), "onnxruntime"),
    Peer("ONNX Runtime int8, static", _onnx(OnnxStatic()), ("image",), "onnxruntime"),
    Peer("ONNX Runtime int8, static, 1 thread", _onnx(OnnxStatic(), 1), ("image",), "onnxruntime"),
    Peer("PyTorch, bf16", _bf16, ALL),
    Peer("PyTorch, quantize_dynamic", lambda case: TorchInteger().apply(case).model, ("text", "vit", "lm")),
    Peer("torch.compile, frozen", lambda case: _compiled(case.subject.model), ("text", "image", "vit")),
    Peer("torch.compile, frozen, bf16", lambda case: _compiled(_bf16(case)), ALL),
    Peer("torchao int8, compiled", _torchao, ("text", "vit"), "torchao"),
    Peer("torchao PT2E int8, compiled", _pt2e, ("image",), "torchao"),
    Peer("OpenVINO, bf16", _openvino("bf16"), ALL, "openvino"),
    Peer("OpenVINO, NNCF int8", _openvino("f32", nncf=True), ("text", "image", "vit"), "nncf"),
)


def case_of(case: RecipeContext) -> RecipeContext:
    """Return a case with its own copy of the model."""
    return replace(case, subject=replace(case.subject, model=case.subject.copy()))
