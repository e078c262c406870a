"""Conversion between records and rows of the tables.

Values that a database can't add up (an infinite half-width) become NULL in the columns; the JSON document keeps them.
Text that a database rejects (NUL, an unpaired surrogate from an odd file name) is replaced in the columns only.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from types import NoneType
from typing import Any, cast, get_args

from sqlalchemy import Connection, bindparam, insert, select, update

from jupyter_green.records import (
    SCHEMA_VERSION,
    Component,
    EnergyRecord,
    Kind,
    Method,
    Quality,
    Span,
    Status,
    is_simulated,
)

from . import rollups, schema
from .errors import DamagedRecord, LedgerError
from .integrity import LAST, MOST_JOULES, MOST_SECONDS
from .privacy import plain
from .totals import part_of

_BATCH = 400
_PIECE = 2000
_LARGEST = 1e100  # sums and squares of such figures stay in range in every database
_LARGEST_COUNT = 2**31 - 1
_CHOICES: tuple[tuple[str, tuple[str, ...]], ...] = (("span", get_args(Span)), ("status", get_args(Status)))
_PART_CHOICES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("kind", get_args(Kind)),
    ("method", get_args(Method)),
    ("quality", get_args(Quality)),
)
_TEXTS = (
    "run_id",
    "parent",
    "cell_id",
    "code_hash",
    "notebook",
    "project",
    "label",
    "unit",
    "co2e_source",
    "currency",
    "purpose",
)
_NUMBERS = ("joules", "uncertainty", "measured_share", "units", "co2e_grams", "cost", "overhead_seconds")


def number(value: float | None) -> float | None:
    """Return a value that can be added up, else None."""
    return None if value is None or not abs(value) <= _LARGEST else float(value)


@dataclass(frozen=True)
class RecordRow:
    """The rows of one record: one of `records`, and one of `components` for each device."""

    record: dict[str, Any]
    components: list[dict[str, Any]]

    @property
    def id(self) -> str:
        """The record's id."""
        return str(self.record["id"])

    @classmethod
    def of(cls, record: EnergyRecord, owner: str | None = None, host: str | None = None) -> RecordRow:
        """Return the rows of a record. Raises ValueError if a field of the record has an invalid value."""
        try:
            return cls._of(record, owner, host)
        except (TypeError, AttributeError, OverflowError) as error:
            raise ValueError(f"record {_quoted(record.id)} holds a value that can't be kept ({error})") from None

    @classmethod
    def _of(cls, record: EnergyRecord, owner: str | None, host: str | None) -> RecordRow:
        if not isinstance(record.id, str) or not record.id or plain(record.id) != record.id:
            raise ValueError(f"record {_quoted(record.id)} has no id")
        _check(record.id, record, _CHOICES)
        if not (math.isfinite(record.started_at) and math.isfinite(record.seconds)):
            raise ValueError(f"record {record.id!r} has no start or no duration")
        if not _is_of_its_kinds(record):  # could be stored, but not read back
            raise ValueError(f"record {record.id!r} holds an impossible value")
        if not _is_in_range(record):  # would read as altered from outside
            raise ValueError(f"record {record.id!r} holds more joules or seconds, or a later time, than anything has")
        document = record.to_dict()
        trace = document.pop("trace")
        row: dict[str, Any] = {name: plain(getattr(record, name)) for name in _TEXTS}
        row.update({name: number(getattr(record, name)) for name in _NUMBERS})
        row.update(
            id=record.id,
            span=record.span,
            status=record.status,
            started_at=float(record.started_at),
            seconds=float(record.seconds),
            quality=record.quality,
            below_resolution=record.below_resolution,
            execution_count=record.execution_count,
            owner=plain(owner),
            host=plain(host),
            document=json.dumps(document, separators=(",", ":")),
            trace=None if trace is None else json.dumps(trace, separators=(",", ":")),
            simulated=is_simulated(record),
        )
        return cls(row, [_part(record.id, position, part) for position, part in enumerate(record.components)])


def _check(record_id: str, holder: Any, choices: Iterable[tuple[str, tuple[str, ...]]]) -> None:
    for name, allowed in choices:
        value = getattr(holder, name)
        if value not in allowed:
            message = f"record {record_id!r} has the {name} {_quoted(value)}"
            raise ValueError(f"{message}, which is not one of {', '.join(allowed)}")


def _quoted(value: object) -> str:
    """Return a value's repr, truncated for a message."""
    return repr(value)[:80]


def _part(record_id: str, place: int, component: Component) -> dict[str, Any]:
    _check(record_id, component, _PART_CHOICES)
    part = part_of(component)
    return {
        "record_id": record_id,
        "position": place,
        "key": plain(component.key),
        "kind": part.kind,
        "device": plain(part.device),
        "source": plain(part.source),
        "joules": number(part.joules),
        "uncertainty": number(part.uncertainty),
        "gain_uncertainty": number(part.gain_uncertainty),
        "method": component.method,
        "quality": part.quality,
        "scope": plain(component.scope),
        **_conditions(component),
    }


_CONDITIONS = ("cpu_seconds", "others_busy", "celsius", "clock_mhz", "clock_spread_mhz")
_conditions_of = attrgetter(*_CONDITIONS)


def _conditions(component: Component) -> dict[str, Any]:
    """Return the columns that comparisons of runs need for a device, besides its energy."""
    throttle = component.throttle
    return {
        **{name: number(getattr(component, name)) for name in _CONDITIONS},
        "shared": None if component.shared is None else bool(component.shared),
        "throttle": None if throttle is None else plain(",".join(throttle)),
    }


def fill_conditions(connection: Connection) -> None:
    """Fill the columns of `_conditions` from the documents. Unreadable documents leave them NULL."""
    record, part = schema.records.c, schema.components.c
    new_values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in (*_CONDITIONS, "shared", "throttle")}
    change = (
        update(schema.components)
        .where(part.record_id == bindparam("of"), part.position == bindparam("place"))
        .values(**new_values)
    )
    last = ""
    while True:  # page by page: rows of an open result can't be updated
        page = select(record.id, record.document).where(record.id > last).order_by(record.id).limit(_PIECE)
        rows = connection.execute(page).all()
        if not rows:
            return
        last = str(rows[-1][0])
        changes = []
        for record_id, document in rows:
            try:
                parts = record_of(document, None).components
            except LedgerError:
                continue  # corrupted, or written by a newer version
            for position, component in enumerate(parts):
                conditions = _conditions(component)
                if any(value is not None for value in conditions.values()):
                    changes.append(
                        {
                            "of": record_id,
                            "place": position,
                            **{f"new_{name}": value for name, value in conditions.items()},
                        }
                    )
        if changes:
            connection.execute(change, changes)


def store(connection: Connection, entries: Sequence[RecordRow]) -> int:
    """Insert new records and update the sums; return how many were new. The caller must be the only writer."""
    stored = 0
    touched: rollups.Touched = set()
    for start in range(0, len(entries), _BATCH):
        batch = {entry.id: entry for entry in entries[start : start + _BATCH]}
        existing = select(schema.records.c.id).where(schema.records.c.id.in_(list(batch)))
        for record_id in connection.execute(existing).scalars():
            del batch[record_id]
        if batch:
            connection.execute(insert(schema.records), [entry.record for entry in batch.values()])
            parts = [part for entry in batch.values() for part in entry.components]
            if parts:
                connection.execute(insert(schema.components), parts)
            touched |= rollups.touched_by(connection, [entry.record for entry in batch.values()])
        stored += len(batch)
    rollups.refresh(connection, touched)
    return stored


def object_of(text: object) -> dict[str, Any] | None:
    """Return a stored JSON object; None if the text is not JSON object (altered from outside)."""
    try:
        value = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def document_of(document: str, trace: str | None) -> dict[str, Any]:
    """Return a stored record as the dict that `EnergyRecord.to_dict` produced."""
    data = cast("dict[str, Any]", json.loads(document))
    data["trace"] = None if trace is None else json.loads(trace)
    return data


def record_of(document: str, trace: str | None) -> EnergyRecord:
    """Rebuild a stored record.

    Raises LedgerError if a newer version wrote it; DamagedRecord if it was altered from outside.
    """
    try:
        data = document_of(document, trace)
        newer = isinstance(version := data.get("schema"), int) and version > SCHEMA_VERSION
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise DamagedRecord(_DAMAGED) from None
    try:
        record = EnergyRecord.from_dict(data)
        if not _is_whole(record):
            raise DamagedRecord(_DAMAGED)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
        raise LedgerError(str(error), "newer") if newer else DamagedRecord(_DAMAGED) from None
    return record


_texts_of = attrgetter(*_TEXTS)
_SPANS, _STATUSES, _KINDS, _QUALITIES = (get_args(words) for words in (Span, Status, Kind, Quality))
_DAMAGED = "A record of the ledger was altered from outside and can't be read; the others can."


def _is_whole(record: EnergyRecord) -> bool:
    """Whether the values used in sums, order and display have valid types and ranges."""
    return _is_of_its_kinds(record) and _is_in_range(record)


def _is_in_range(record: EnergyRecord) -> bool:
    """Whether time, duration and energies are within the ranges of `integrity.is_whole`."""
    energies = (record.joules, *(part.joules for part in record.components))
    return (
        record.started_at <= LAST
        and record.seconds <= MOST_SECONDS
        and all(joules is None or joules <= MOST_JOULES for joules in energies)
    )


def _is_of_its_kinds(record: EnergyRecord) -> bool:
    """Whether the values used in sums, order and display have valid types."""
    if not (_is_number(record.started_at) and _is_number(record.seconds) and isinstance(record.id, str)):
        return False
    if record.span not in _SPANS or record.status not in _STATUSES:
        return False
    figures = (record.units, record.co2e_grams, record.cost)  # an electricity price may be negative
    return (
        all(value is None or _is_finite(value) for value in figures)
        and _is_number(record.overhead_seconds)
        and (record.execution_count is None or _is_count(record.execution_count))
        and {*map(type, _texts_of(record))} <= {str, NoneType}
        and isinstance(record.run_id, str)
        and all(isinstance(note, str) for note in record.notes)
        and all(_is_whole_part(part) for part in record.components)
    )


def _is_whole_part(part: Component) -> bool:
    return (
        (part.joules is None or _is_number(part.joules))
        and _is_width(part.uncertainty)
        and _is_width(part.gain_uncertainty)
        and part.kind in _KINDS
        and part.quality in _QUALITIES
        and all(isinstance(text, str) for text in (part.device, part.key, part.scope))
        and all(value is None or _is_finite(value) for value in _conditions_of(part))
        and all(isinstance(code, str) for code in part.throttle or ())
    )


def _is_width(value: object) -> bool:
    """Whether a value is a half-width (may be infinite) or None."""
    return value is None or (isinstance(value, (int, float)) and value >= 0)


def _is_count(value: object) -> bool:
    """Whether a value is an integer that fits into 32 bits."""
    return isinstance(value, int) and -_LARGEST_COUNT <= value <= _LARGEST_COUNT


def _is_finite(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def _is_number(value: object) -> bool:
    """Whether a value is a finite number >= 0."""
    return isinstance(value, (int, float)) and math.isfinite(value) and value >= 0
