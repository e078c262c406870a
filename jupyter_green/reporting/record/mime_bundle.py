"""A record as a MIME bundle: JSON for programs, static HTML for front ends, plain text for all others.

The JSON is `EnergyRecord.to_dict`, made safe for strict parsers (no NaN, no infinity, no lone surrogate) and small
(power samples are thinned out). Only the last part of the notebook's path is kept, since notebooks are shared. The
schema is ``cell.v1.schema.json`` in this folder.
"""

from __future__ import annotations

import json
import math
from importlib import resources
from typing import Any

from jupyter_green.records import EnergyRecord
from jupyter_green.reporting.sanitize import encodable

from .html import html
from .power_chart import thinned
from .text_line import line

MIME = "application/vnd.jupyter-green.cell.v1+json"
"""MIME type of a metered cell; its version follows `records.SCHEMA_VERSION`."""
MOST_POINTS = 120
"""Maximum number of power samples in a bundle, over all devices."""


def bundle(record: EnergyRecord) -> dict[str, Any]:
    """Return the record under its three MIME types."""
    return {MIME: data(record), "text/html": html(record), "text/plain": line(record)}


def data(record: EnergyRecord) -> dict[str, Any]:
    """Return the record as data that is valid in strict JSON."""
    small = record
    if record.trace is not None:
        small = small.with_(trace=thinned(record.trace, MOST_POINTS))
    if record.notebook:
        small = small.with_(notebook=record.notebook.replace("\\", "/").rstrip("/").rpartition("/")[2])
    safe: dict[str, Any] = _safe(small.to_dict())
    return safe


def _safe(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, dict):
        return {encodable(str(key)): _safe(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_safe(item) for item in value]
    return value


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of the data under `MIME`."""
    text = resources.files(__package__).joinpath("cell.v1.schema.json").read_text(encoding="utf-8")
    parsed: dict[str, Any] = json.loads(text)
    return parsed
