"""Read weights in the safetensors format from bytes.

The whole header is checked against the size of the data before any tensor is made, so that no file can allocate more
memory than its size.
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
    """Return the tensors of a file; they share its memory. Its name is for error messages.

    Raises ShrinkError if the file is incomplete, or the header does not match the data.
    """
    torch = require("torch")
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or not 2 <= length <= min(len(data) - 8, MOST_JSON):
        raise ShrinkError(f"{name} is damaged: it is not a safetensors file.")
    head = parsed(data[8 : 8 + length], name)
    head.pop("__metadata__", None)
    result, position = {}, 0
    for key, kind, shape, begin, end in sorted(
        (_entry(key, description, name) for key, description in head.items()), key=_place
    ):
        dtype = getattr(torch, KINDS[kind])
        count = math.prod(shape)
        if begin != position or end - begin != count * dtype.itemsize or (8 + length + begin) % dtype.itemsize:
            raise ShrinkError(f"{name} is damaged: the size of {one_line(key, 80)} is not that of its data.")
        position = end
        if position > len(data) - 8 - length:
            raise ShrinkError(f"{name} is damaged: it ends before its data does.")
        flat = torch.frombuffer(data, dtype=dtype, count=count, offset=8 + length + begin) if count else None
        result[key] = torch.empty(shape, dtype=dtype) if flat is None else flat.reshape(shape)
    if position != len(data) - 8 - length:
        raise ShrinkError(f"{name} is damaged: it holds more than its tensors.")
    return result


def _place(entry: tuple[str, str, list[int], int, int]) -> tuple[int, int]:
    return entry[3], entry[4]


def _entry(key: str, told: Any, name: str) -> tuple[str, str, list[int], int, int]:
    """Return name, type, shape, begin and end of one tensor from its header entry."""
    kind, shape, place = (
        (told.get("dtype"), told.get("shape"), told.get("data_offsets")) if isinstance(told, dict) else (None,) * 3
    )
    if (
        not (isinstance(kind, str) and kind in KINDS)
        or not (isinstance(shape, list) and len(shape) <= MOST_DIMENSIONS and all(map(_count, shape)))
        or not _count(math.prod(filter(None, shape)))  # for an empty tensor too: strides are products of the sizes
        or not (isinstance(place, list) and len(place) == 2 and all(map(_count, place)))
    ):
        raise ShrinkError(f"{name} is damaged: it doesn't say what {one_line(key, 80)} is.")
    return key, kind, shape, place[0], place[1]


def _count(number: Any) -> bool:
    return type(number) is int and 0 <= number < 1 << 48
