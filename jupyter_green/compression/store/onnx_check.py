"""An ONNX model before it is run: every message in it is looked at, and only what is known may stand in it.

The walk follows the format's own description, not a list of places where tensors and nodes were seen: a subgraph in an
attribute, a local function, sparse tensors and training graphs are all just messages. How long it runs and how much
memory it takes can't be read off; for that it is first run in a process of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jupyter_green.compression.errors import ShrinkError, require
from jupyter_green.reporting.sanitize import one_line

from .folder import ONNX

DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})
"""Whose operators are ONNX's own."""
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
"""Operators of ONNX Runtime's own that only compute; others of its domain read files or call Python."""

RANDOM = frozenset(
    {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}
)
"""Operators that draw numbers: without a seed a graph may do anything else than when it was first tried."""
_TRAINING = 2
"""Place of the input by which Dropout draws numbers too."""


def check_onnx(data: bytes) -> None:
    """See that an ONNX model holds all its data and only built-in operators.

    Raises
    ------
    ShrinkError
        If it reaches outside itself, brings operators of its own, or holds what this version of ONNX does not know.
    """
    onnx = require("onnx")
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:
        raise ShrinkError(f"{ONNX} is damaged: it is no ONNX model.") from error
    # What is imported but not used runs nothing; ONNX Runtime's own tools import a dozen.
    for message in _messages(model):
        _check(message, onnx)
    size = model.ByteSize()
    model.DiscardUnknownFields()
    if model.ByteSize() != size:
        raise ShrinkError(f"{ONNX} holds parts that ONNX {onnx.__version__} does not know; a saved model has none.")


def _messages(model: Any) -> Iterator[Any]:
    """Give every message in a message, at whatever depth."""
    kind = require("google.protobuf.message").Message
    left = [model]
    while left:
        message = left.pop()
        yield message
        for field, value in message.ListFields():
            if field.message_type is not None:
                left.extend([value] if isinstance(value, kind) else value)


def _check(message: Any, onnx: Any) -> None:
    kind = message.DESCRIPTOR.name
    if kind == "NodeProto":
        name, domain = one_line(message.op_type, 60), one_line(message.domain, 60)
        if message.domain not in DOMAINS and not (message.domain == "com.microsoft" and message.op_type in MICROSOFT):
            raise ShrinkError(f"{ONNX} needs the operator {domain}.{name}, which is somebody's own code.")
        drawn = message.op_type in RANDOM or (message.op_type == "Dropout" and len(message.input) > _TRAINING)
        if drawn and not any(attribute.name == "seed" for attribute in message.attribute):
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
