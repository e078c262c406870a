"""Export of records to files, and import from JSON lines.

JSON lines contain complete records and can be imported. CSV and Parquet are tables for other programs: one row per
record, devices added up by kind; they can't be imported. Files are replaced atomically.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection, Executable

from jupyter_green.records import EnergyRecord

from .atomic_file import replacing
from .errors import LedgerError
from .event import LedgerEvent
from .record_list import COLUMNS, flat
from .record_rows import RecordRow, store

_CHUNK = 500
_SUFFIXES = {"csv": "csv", "jsonl": "jsonl", "ndjson": "jsonl", "parquet": "parquet"}
_NUMBERS = frozenset(
    name for name in COLUMNS if name.endswith(("joules", "_seconds", "_share", "_grams", "_per_unit"))
) | {"seconds", "uncertainty", "units", "cost"}
_FLAGS = frozenset({"below_resolution", "shared"})


@dataclass(frozen=True)
class Imported:
    """Result of an import.

    Parameters
    ----------
    records : int
        Number of records new in the ledger.
    duplicates : int
        Number of records skipped because they are in the ledger or occur twice in the file.
    postings : int
        Number of events (budgets, tariffs, overrides, baselines, credits) new in the ledger.
    """

    records: int
    duplicates: int
    postings: int = 0


def format_of(path: Path, given: str | None) -> str:
    """Return the file format for a name or a file's suffix. Raises ValueError if it is not supported."""
    name = (given or path.suffix).lower().lstrip(".")
    if name not in _SUFFIXES:
        raise ValueError(f"{given or path.name!r} names no known format; use .csv, .jsonl or .parquet.")
    return _SUFFIXES[name]


def rows(connection: Connection, query: Executable) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a query, fetched in chunks."""
    yield from map(tuple, connection.execution_options(yield_per=_CHUNK).execute(query))


def write(records: Iterable[EnergyRecord], path: Path, form: str, postings: Sequence[LedgerEvent] = ()) -> int:
    """Write records to a file; return how many. JSON lines also contain events, after the records.

    Raises LedgerError if the file can't be written, or pyarrow is missing for Parquet.
    """
    writers: dict[str, Callable[[IO[bytes], Iterable[EnergyRecord]], int]] = {
        "csv": _write_csv,
        "jsonl": _write_jsonl,
        "parquet": _write_parquet,
    }
    try:
        with replacing(path) as temporary, temporary.open("wb") as out:
            count = writers[form](out, records)
            if form == "jsonl":
                for posting in postings:
                    out.write(json.dumps(posting.to_dict(), separators=(",", ":")).encode() + b"\n")
            return count
    except OSError as error:
        raise LedgerError(f"The file {path} can't be written ({error.strerror or error}).") from None


def _write_jsonl(out: IO[bytes], records: Iterable[EnergyRecord]) -> int:
    count = 0
    for record in records:
        out.write(json.dumps(record.to_dict(), separators=(",", ":")).encode() + b"\n")
        count += 1
    return count


def _write_csv(out: IO[bytes], records: Iterable[EnergyRecord]) -> int:
    import io

    text = io.TextIOWrapper(out, encoding="utf-8", errors="replace", newline="", write_through=True)
    table = csv.DictWriter(text, fieldnames=list(COLUMNS))
    table.writeheader()
    count = 0
    for record in records:
        row = flat(record)
        table.writerow({**row, "started_at": row["started_at"].isoformat()})
        count += 1
    text.flush()
    text.detach()
    return count


def _write_parquet(out: IO[bytes], records: Iterable[EnergyRecord]) -> int:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise LedgerError("Parquet needs pyarrow: pip install pyarrow.") from None

    def kind(name: str) -> Any:
        if name == "started_at":
            return pa.timestamp("us", tz="UTC")
        if name == "execution_count":
            return pa.int64()
        return pa.float64() if name in _NUMBERS else pa.bool_() if name in _FLAGS else pa.string()

    arrow_schema = pa.schema([(name, kind(name)) for name in COLUMNS])
    count = 0
    with pq.ParquetWriter(out, arrow_schema) as writer:
        batch: list[dict[str, Any]] = []
        for record in records:
            row = flat(record)
            # Arrow rejects unpaired surrogates (from odd file names).
            valid_texts = {
                name: text.encode("utf-8", "replace").decode() for name, text in row.items() if isinstance(text, str)
            }
            batch.append({**row, **valid_texts})
            if len(batch) == _CHUNK:
                writer.write_table(pa.Table.from_pylist(batch, schema=arrow_schema))
                count, batch = count + len(batch), []
        writer.write_table(pa.Table.from_pylist(batch, schema=arrow_schema))
    return count + len(batch)


def read(
    connection: Connection,
    path: Path,
    entry: Callable[[EnergyRecord], RecordRow],
    take: Callable[[Connection, Sequence[LedgerEvent]], int],
) -> Imported:
    """Store the records and events of a JSON-lines file, all or none.

    Raises LedgerError if a line is not a record that this version can read, or the file can't be read.
    """
    stored = count = 0
    batch: list[RecordRow] = []
    postings: list[LedgerEvent] = []
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                item = _entry(path, number, line, entry)
                if isinstance(item, LedgerEvent):
                    postings.append(item)
                    continue
                batch.append(item)
                count += 1
                if len(batch) == _CHUNK:
                    stored += store(connection, batch)
                    batch = []
    except OSError as error:
        raise LedgerError(f"The file {path} can't be read ({error.strerror or error}).") from None
    stored += store(connection, batch)
    return Imported(stored, count - stored, take(connection, postings))


def _entry(path: Path, number: int, line: bytes, entry: Callable[[EnergyRecord], RecordRow]) -> RecordRow | LedgerEvent:
    try:
        data = json.loads(line)
        if isinstance(data, dict) and "posting" in data:
            return LedgerEvent.from_dict(data)
        if not isinstance(data, dict) or "schema" not in data:
            raise ValueError("it is not an energy record")
        if not isinstance(data.get("id"), str):
            raise ValueError("the record has no id")
        record = EnergyRecord.from_dict(data)
        if not record.final:
            raise ValueError("the record was not final")
        return entry(record)
    except RecursionError:
        raise LedgerError(
            f"Nothing was imported: line {number} of {path} can't be read (it is nested too deep)."
        ) from None
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        reason = "it is not JSON" if isinstance(error, (json.JSONDecodeError, UnicodeDecodeError)) else str(error)
        raise LedgerError(
            f"Nothing was imported: line {number} of {path} can't be read ({reason.rstrip('.')})."
        ) from None
