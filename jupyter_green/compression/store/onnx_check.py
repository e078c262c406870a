"""Check every message of an ONNX model before it is run; only known operators are allowed.

All messages are visited generically, so that subgraphs in attributes, local functions, sparse tensors and training
graphs are covered. Time and memory can't be determined from the model; a child process with limits runs it first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jupyter_green.compression.errors import ShrinkError, require
from jupyter_green.reporting.sanitize import one_line

from .folder import ONNX

DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})
"""Domains of ONNX's own operators."""
MICROSOFT = frozenset(
    {
        *("Attention", "BiasGelu", "DequantizeLinear", "DynamicQuantizeLSTM", "DynamicQuantizeMatMul", "FastGelu"),
        *("EmbedLayerNormalization", "FusedConv", "FusedGemm", "FusedMatMul", "Gelu", "GroupQueryAttention"),
        *("MatMulIntegerToFloat", "MatMulNBits", "MultiHeadAttention", "QAttention", "QEmbedLayerNormalization"),
        *("QGemm", "QLinearAdd", "QLinearAveragePool", "QLinearConcat", "QLinearConv", "QLinearGlobalAveragePool"),
        *("QLinearLeakyRelu", "QLinearMul", "QLinearReduceMean", "QLinearSigmoid", "QLinearSoftmax", "QLinearWhere"),
        *("QuantizeLinear", "QuickGelu", "RotaryEmbedding", "SkipLayerNormalization"),
        *("SimplifiedLayerNormalization", "SkipSimplifiedLayerNormalization"),
    }
)
"""Operators of ONNX Runtime that only compute; others in its domain read files or call Python."""

RANDOM = frozenset(
    {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}
)
"""Random operators. Without a seed a graph could behave differently from the trial run."""
_TRAINING = 2
"""Index of the input that makes Dropout random."""


def check_onnx(data: bytes) -> None:
    """Check that an ONNX model contains all its data and only built-in operators.

    Raises ShrinkError if it refers to other files, defines operators, or has fields unknown to the installed version of
    ONNX.
    """
    onnx = require("onnx")
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:
        raise ShrinkError(f"{ONNX} is damaged: it is not an ONNX model.") from error
    # Unused operator domains run nothing; ONNX Runtime's tools import a dozen.
    for message in _messages(model):
        _check(message, onnx)
    size = model.ByteSize()
    model.DiscardUnknownFields()
    if model.ByteSize() != size:
        raise ShrinkError(f"{ONNX} holds parts that ONNX {onnx.__version__} does not know; a saved model has none.")


def _messages(model: Any) -> Iterator[Any]:
    """Yield a message and all messages nested in it."""
    kind = require("google.protobuf.message").Message
    pending = [model]
    while pending:
        message = pending.pop()
        yield message
        for field, value in message.ListFields():
            if field.message_type is not None:
                pending.extend([value] if isinstance(value, kind) else value)


def _check(message: Any, onnx: Any) -> None:
    kind = message.DESCRIPTOR.name
    if kind == "NodeProto":
        name, domain = one_line(message.op_type, 60), one_line(message.domain, 60)
        if message.domain not in DOMAINS and not (message.domain == "com.microsoft" and message.op_type in MICROSOFT):
            raise ShrinkError(f"{ONNX} needs the operator {domain}.{name}, which is somebody's own code.")
        is_random = message.op_type in RANDOM or (message.op_type == "Dropout" and len(message.input) > _TRAINING)
        if is_random and not any(attribute.name == "seed" for attribute in message.attribute):
            raise ShrinkError(f"{ONNX} draws at random by {name} without a seed; a saved model has none.")
    elif kind == "TensorProto":
        if message.data_location == onnx.TensorProto.EXTERNAL or len(message.external_data):
            raise ShrinkError(f"{ONNX} keeps data in other files; a saved model holds all of it.")
    elif kind == "FunctionProto":
        raise ShrinkError(f"{ONNX} brings functions of its own; a saved model has none.")
    elif kind == "TrainingInfoProto":
        raise ShrinkError(f"{ONNX} brings a graph for training; a saved model has none.")
    elif kind == "StringStringEntryProto" and message.key == "ort_config":
        raise ShrinkError(f"{ONNX} brings settings for ONNX Runtime; a saved model has none.")
