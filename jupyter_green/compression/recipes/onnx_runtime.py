"""ONNX Runtime on the processor, in float32 or int8, called like the original.

The gain of the runtime alone is reported separately from that of a smaller model. Weights are quantized ahead of time;
activations at run time (`dynamic`, for models of matrix products) or with ranges from calibration (`static`, for
convolutions).
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jupyter_green.compression.data.batch import leaves
from jupyter_green.compression.model.source_model import has_hooks
from jupyter_green.compression.process import deadline
from jupyter_green.compression.process.output_capture import captured_output

from .encoder import encoder_of, opened, put, within
from .export import Axis, alike, compare, export, feed, input_names, resized, several
from .integer import LEAST_SHARE, left_out, linear_share
from .onnx_model import wrapped
from .recipe import RecipeContext, RecipeResult
from .threads import fewest_threads

RUNTIME = "ONNX Runtime"
CALIBRATED_BATCHES = 16


class OnnxFloat:
    """float32 in ONNX Runtime."""

    name = "ONNX Runtime"
    trains = False
    exports = True
    """Whether it exports the model, which takes minutes for a large one."""
    how = "float"

    def applies(self, case: RecipeContext) -> str | None:
        """Only on the processor, with onnx and onnxruntime, and without hooks."""
        import importlib.util

        import torch

        missing = [name for name in ("onnx", "onnxruntime") if importlib.util.find_spec(name) is None]
        against = {
            f"{' and '.join(missing)} not installed; run: pip install 'jupyter_green[shrink]'.": bool(missing),
            "The model is to stay a PyTorch module (form='torch').": case.options.get("form") == "torch",
            "It runs on the processor, and the model is on a GPU.": case.subject.device.type != "cpu",
            "There is not one transformers model in it that could run there.": case.subject.kind
            == "sentence-transformers"
            and encoder_of(case.subject.model) is None,
            "The model has hooks, which ONNX Runtime would not run.": has_hooks(case.subject.model),
            "Exported it has no cache of what was read, so it can't generate.": bool(case.options.get("new_tokens")),
            "It gives several tensors, of which one alone would come out of ONNX Runtime.": several(case),
            "Only a float32 model is exported.": next(case.subject.model.parameters()).dtype != torch.float32,
        }
        return next((reason for reason, true in against.items() if true), None)

    def apply(self, case: RecipeContext) -> RecipeResult:
        """Export, compare with the original, and quantize; of a sentence-transformers model, its encoder."""
        model = case.subject.model
        encoder = encoder_of(model) if case.subject.kind == "sentence-transformers" else None
        case = case if encoder is None else opened(case, encoder)
        names = input_names(case.sample)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            with unlogged(), captured_output():
                outputs, made, sizes = _exported(case, names, path)
                compare(case, made)
                deadline.look()
                quantized = self.quantize(case, path, names)
            if quantized is not None:
                made = wrapped(quantized.read_bytes(), names, outputs)
        threads = fewest_threads(case, made)
        step = {"recipe": "onnx", "how": self.how, "names": names, "outputs": outputs, "threads": threads}
        steps = (step if encoder is None else {**step, "inside": encoder},)
        thread_note = f"It uses {threads} of {made.threads} threads; more barely help."
        notes = (*sizes, *(() if threads == made.threads else (thread_note,)))
        made = made.in_threads(threads)
        made = made if encoder is None else put(model, encoder, made)
        return RecipeResult(made, "onnx", steps, same_numbers=self.how == "float", notes=notes, runtime=RUNTIME)

    def quantize(self, case: RecipeContext, path: Path, names: Sequence[str]) -> Path | None:
        """Return the path of the quantized model; None for no quantization."""
        return None


class OnnxDynamic(OnnxFloat):
    """int8 weights, and activations quantized at run time; but for the spared layers."""

    how = "int8 dynamic"

    def __init__(self, spared: Sequence[str] = ()) -> None:
        self.spared = tuple(spared)
        self.name = f"ONNX Runtime int8{left_out(self.spared)}"

    def without(self, layers: Sequence[str]) -> OnnxDynamic:
        """Skip the most sensitive layers."""
        return OnnxDynamic(layers)

    def applies(self, case: RecipeContext) -> str | None:
        """Only for models of matrix products."""
        reason = super().applies(case)
        if reason is None and linear_share(case.subject) < LEAST_SHARE:
            return "It pays off for matrix products, and this model hardly has any."
        return reason

    def quantize(self, case: RecipeContext, path: Path, names: Sequence[str]) -> Path:
        """Quantize weights per channel."""
        from onnxruntime.quantization import QuantType, quantize_dynamic

        made, ready = path.with_name("int8.onnx"), prepared(path)
        spared = nodes_of(ready, [within(case.subject.model, layer) for layer in self.spared])
        quantize_dynamic(ready, made, weight_type=QuantType.QInt8, per_channel=True, nodes_to_exclude=spared)
        return made


class OnnxStatic(OnnxFloat):
    """int8 weights and activations, with ranges from calibration; but for the spared layers."""

    how = "int8 static"

    def __init__(self, spared: Sequence[str] = ()) -> None:
        self.spared = tuple(spared)
        self.name = f"ONNX Runtime int8, static{left_out(self.spared)}"

    def without(self, layers: Sequence[str]) -> OnnxStatic:
        """Skip the most sensitive layers."""
        return OnnxStatic(layers)

    def applies(self, case: RecipeContext) -> str | None:
        """Only for models with convolutions."""
        import torch

        reason = super().applies(case)
        if reason is None and not any(
            isinstance(module, (torch.nn.Conv1d, torch.nn.Conv2d)) for module in case.subject.model.modules()
        ):
            return "It pays off for convolutions, and this model has none."
        return reason

    def quantize(self, case: RecipeContext, path: Path, names: Sequence[str]) -> Path:
        """Calibrate, and quantize per channel."""
        from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

        batches = list(case.tune[:CALIBRATED_BATCHES])

        class Reader(CalibrationDataReader):  # type: ignore[misc, unused-ignore] # ONNX Runtime is untyped
            """Yields the inputs of the calibration batches."""

            def __init__(self) -> None:
                self.left = iter(batches)

            def get_next(self) -> dict[str, Any] | None:
                """Return the next batch's inputs; None at the end."""
                deadline.look()
                batch = next(self.left, None)
                return None if batch is None else feed(batch.inputs, names)

        made, ready = path.with_name("int8.onnx"), prepared(path)
        quantize_static(
            ready,
            made,
            Reader(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=nodes_of(ready, [within(case.subject.model, layer) for layer in self.spared]),
        )
        return made


def _exported(case: RecipeContext, names: Sequence[str], path: Path) -> tuple[list[str], Any, list[str]]:
    """Export with all axes dynamic that work at other sizes; return output names, model and notes on sizes."""
    sizes = resized(case.subject, case.tune[0])
    axes_found = list(dict.fromkeys(axis for axes, _ in sizes for axis in axes))
    try:
        outputs, decisions = export(case, names, path, axes_found)
        made = wrapped(path.read_bytes(), names, outputs)
        failing = {axis for axes, others in sizes if not all(alike(case, made, one) for one in others) for axis in axes}
        dynamic = [axis for axis in axes_found if axis not in failing]
    except Exception:  # the exporter and ONNX Runtime have an error class for each reason; try static sizes
        if not sizes:
            raise
        dynamic, made, outputs = [], None, []
    if len(dynamic) < len(axes_found) or made is None:
        outputs, decisions = export(case, names, path, dynamic)
        made = wrapped(path.read_bytes(), names, outputs)
    shapes = [leaf.shape for leaf in leaves(case.sample)]
    fixed = [
        f"Exported it takes {names[place]} with axis {axis} of size {shapes[place][axis]} alone."
        for place, axis in axes_found
        if (place, axis) not in dynamic
    ]
    return outputs, made, [*_asked(sizes, dynamic, names), *fixed, *_decided(decisions)]


def _asked(
    sizes: Sequence[tuple[tuple[Axis, ...], list[Any]]], good: Sequence[Axis], names: Sequence[str]
) -> list[str]:
    """Return a note on the dynamic axes and the other sizes that they were tested with."""
    parts = []
    for axes, others in sizes:
        place, axis = axes[0]
        if (place, axis) in good:
            tested_sizes = sorted({int(leaves(item)[place].shape[axis]) for item in others})
            parts.append(
                f"{' and '.join(names[item] for item, _ in axes)} axis {axis} at {', '.join(map(str, tested_sizes))}"
            )
    return [f"Exported, these sizes are variable, with equal outputs in tests: {'; '.join(parts)}."] if parts else []


def _decided(lines: Sequence[str]) -> list[str]:
    """Return a note on the user's code that branches on a size or value."""
    if not lines:
        return []
    return [
        f"Your code decides by a size or a value ({', '.join(lines)}); the export has it as it fell, so sizes beyond "
        "those that were tried may be answered otherwise."
    ]


@contextmanager
def unlogged() -> Iterator[None]:
    """Silence ONNX Runtime's quantizer, which logs each layer that it skips."""

    def others(record: logging.LogRecord) -> bool:
        # It logs to the root logger; records of others pass.
        return "onnxruntime" not in Path(record.pathname).parts

    root = logging.getLogger()
    root.addFilter(others)
    try:
        yield
    finally:
        root.removeFilter(others)


def nodes_of(path: Path, layers: Sequence[str]) -> list[str]:
    """Return the names of the nodes that an exported model's layers became.

    A node is named after the modules that it came from, such as `/model/encoder/layer.0/dense/MatMul`. Within a
    Sequential the parent's own name is repeated.
    """
    if not layers:
        return []
    import onnx

    layer_names = set(layers)
    nodes = [node.name for node in onnx.load(str(path)).graph.node if module_of(node.name) in layer_names]
    # The quantizer renames a Gemm to a MatMul before it applies the exclusions.
    return [*nodes, *(f"{name}_MatMul" for name in nodes if name.endswith("/Gemm"))]


def module_of(node: str) -> str:
    """Return the name of the module that a node came from."""
    names: list[str] = []
    before = ""
    for part in node.strip("/").split("/")[1:-1]:
        repeated = before and part.startswith(f"{before}.")
        names.append(part.removeprefix(f"{before}.") if repeated else part)
        before = part
    return ".".join(names)


def prepared(path: Path) -> Path:
    """Return the model with inferred shapes and folded constants, for the quantizer; unchanged if that fails."""
    from onnxruntime.quantization.shape_inference import quant_pre_process

    prepared_path = path.with_name("prepared.onnx")
    try:
        quant_pre_process(str(path), str(prepared_path), skip_symbolic_shape=True)
    except (RuntimeError, ValueError, AssertionError):
        return path
    return prepared_path
