"""Weights in the safetensors format, read from bytes: each tensor is as large as what the file holds of it.

The file's own head says where each tensor lies. Nothing is made before all of it was compared with the bytes that are
there, so that no file asks for more memory than it brings.
"""

from __future__ import annotations

import math
from typing import Any

from jupyter_green.compression.errors import ShrinkError, require
from jupyter_green.reporting.sanitize import one_line

from .folder import MOST_JSON, parsed

KINDS = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E5M2FNUZ": "float8_e5m2fnuz",
    "C64": "complex64",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U64": "uint64",
    "U32": "uint32",
    "U16": "uint16",
    "U8": "uint8",
    "BOOL": "bool",
}
MOST_DIMENSIONS = 16


def tensors(data: bytearray, name: str) -> dict[str, Any]:
    """Return the tensors of a file; they share its memory.

    Parameters
    ----------
    data : bytearray
        The file.
    name : str
        Its name, for the sentence.

    Raises
    ------
    ShrinkError
        If the file is not whole, or its head does not go with the rest.
    """
    torch = require("torch")
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or not 2 <= length <= min(len(data) - 8, MOST_JSON):
        raise ShrinkError(f"{name} is damaged: it is no safetensors file.")
    head = parsed(data[8 : 8 + length], name)
    head.pop("__metadata__", None)
    found, at = {}, 0
    for key, kind, shape, begin, end in sorted((_entry(key, told, name) for key, told in head.items()), key=_place):
        dtype = getattr(torch, KINDS[kind])
        count = math.prod(shape)
        if begin != at or end - begin != count * dtype.itemsize or (8 + length + begin) % dtype.itemsize:
            raise ShrinkError(f"{name} is damaged: the size of {one_line(key, 80)} is not that of its data.")
        at = end
        if at > len(data) - 8 - length:
            raise ShrinkError(f"{name} is damaged: it ends before its data does.")
        flat = torch.frombuffer(data, dtype=dtype, count=count, offset=8 + length + begin) if count else None
        found[key] = torch.empty(shape, dtype=dtype) if flat is None else flat.reshape(shape)
    if at != len(data) - 8 - length:
        raise ShrinkError(f"{name} is damaged: it holds more than its tensors.")
    return found


def _place(entry: tuple[str, str, list[int], int, int]) -> tuple[int, int]:
    return entry[3], entry[4]


def _entry(key: str, told: Any, name: str) -> tuple[str, str, list[int], int, int]:
    """Return name, kind, shape, begin and end of one tensor as the head tells them."""
    kind, shape, place = (
        (told.get("dtype"), told.get("shape"), told.get("data_offsets")) if isinstance(told, dict) else (None,) * 3
    )
    if (
        not (isinstance(kind, str) and kind in KINDS)
        or not (isinstance(shape, list) and len(shape) <= MOST_DIMENSIONS and all(map(_count, shape)))
        or not _count(math.prod(filter(None, shape)))  # also of an empty tensor, whose strides are made of them
        or not (isinstance(place, list) and len(place) == 2 and all(map(_count, place)))
    ):
        raise ShrinkError(f"{name} is damaged: it doesn't say what {one_line(key, 80)} is.")
    return key, kind, shape, place[0], place[1]


def _count(number: Any) -> bool:
    return type(number) is int and 0 <= number < 1 << 48
