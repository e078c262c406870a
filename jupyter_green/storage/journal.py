"""The journal: one append-only file per kernel, so that no record is lost when a kernel is killed.

Only the standard library is used, because this code runs for every cell. Each line is one JSON object, appended by a
single `os.write`. The owner holds an advisory lock while it lives, so a reader can tell a dead kernel's journal from a
live one's without relying on process ids. `replay` turns a journal into records. For a dead owner, open windows are
closed at their last heartbeat.

Events: ``head`` (the writer), ``open`` (a window began), ``beat`` (heartbeat with provisional figures), ``close`` (the
window ended, figures may still change), ``final`` (figures are final). All but ``head`` carry ``record``: the whole
record as a dict, or for a beat the changed fields only.

A long journal is rotated. The new file starts with the windows that are not final yet; the old file ends with an
``end`` event that lists them. A file with that event is complete even while its writer lives. If the writer is killed
in between, such a window is in both files with the same id.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_green.records import SCHEMA_VERSION, EnergyRecord, clock

try:
    import fcntl
except ImportError:  # Windows has no such advisory locks; ownership is derived from the process id there.
    fcntl = None  # type: ignore[assignment]  # mypy can't type an optional module

SUFFIX = ".jsonl"
STALE_SECONDS = 86_400.0
_UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError)
"""Exceptions raised by a line that was not written by a journal."""


class Journal:
    """Writer of one journal file.

    Parameters
    ----------
    folder : Path
        Folder of the journals; created if it does not exist.
    head : dict
        Description of the writer, stored in the first line.
    carried : iterable of (event, record_id, record)
        Events of windows taken over from another file; written before the file becomes visible.

    Raises
    ------
    OSError
        If the folder or the file can't be created (read-only home, full disk).
    """

    def __init__(
        self, folder: Path, head: dict[str, Any] | None = None, carried: Iterable[tuple[str, str, dict[str, Any]]] = ()
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{int(clock.wall() * 1e9):020d}-{uuid.uuid4().hex[:12]}{SUFFIX}"
        # Lock before the rename: a reader must never see a journal of a live kernel without its lock.
        hidden = self.path.with_suffix(".new")
        self._cut = False
        self._identity: tuple[int, int] | None = None  # device and inode, set after the rename
        self._handle = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            if fcntl is not None:
                with contextlib.suppress(OSError):  # no locks on some network file systems: see `owner_lives`
                    fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._write({"event": "head", "pid": os.getpid(), "at": clock.wall(), **(head or {})})
            for event, record_id, record in carried:
                self.write(event, record_id, clock.wall(), record)
            hidden.rename(self.path)
            status = os.fstat(self._handle)
            self._identity = status.st_dev, status.st_ino
            self._counts_names = status.st_nlink > 0  # some file systems always report 0 links
        except OSError:
            os.close(self._handle)
            self._handle = -1
            with contextlib.suppress(OSError):  # never visible; leftovers are removed a day later
                hidden.unlink()
            raise

    @property
    def closed(self) -> bool:
        """Whether the journal was closed."""
        return self._handle < 0

    def write(self, event: str, record_id: str, at: float, record: dict[str, Any]) -> None:
        """Append one event. Raises OSError if it can't be written."""
        self._write({"event": event, "id": record_id, "at": at, "record": record})

    def _write(self, line: dict[str, Any]) -> None:
        if self._status() is None:
            raise OSError("the journal is closed")
        start = "\n" if self._cut else ""  # the disk was full: the previous line is incomplete
        data = (start + json.dumps(line, separators=(",", ":"), default=str) + "\n").encode()
        written = os.write(self._handle, data)
        self._cut = written != len(data)
        if self._cut:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))

    def end(self, moved: Sequence[str]) -> None:
        """Write the ``end`` event, which lists the windows that continue in another file, and close the file.

        If the user's code has closed the descriptor, the file is opened again for this: without the event, its
        windows would count as killed.

        Raises
        ------
        OSError
            If the event can't be written; the file is not closed then.
        """
        if self._handle >= 0 and self._status() is None:
            self._handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_CLOEXEC", 0))
        self._write({"event": "end", "at": clock.wall(), "moved": list(moved)})
        self.close()

    @property
    def removed(self) -> bool:
        """Whether the file was deleted, or its descriptor closed by other code, so that writes would be lost."""
        if self._handle < 0:
            return False
        status = self._status()
        return status is None or (self._counts_names and status.st_nlink == 0)

    @property
    def size(self) -> int:
        """Bytes in the file."""
        status = self._status()
        return 0 if status is None else status.st_size

    def _status(self) -> os.stat_result | None:
        """Return the file's `fstat`; None if it is closed.

        User code can close any descriptor of the process, and the number may have been reused for another file.
        """
        if self._handle < 0:
            return None
        try:
            status = os.fstat(self._handle)
        except OSError:
            return None
        is_same_file = self._identity is None or (status.st_dev, status.st_ino) == self._identity
        return status if is_same_file else None

    def abandon(self) -> None:
        """Close the descriptor in a forked child, which must neither write to the file nor keep its lock."""
        if self._status() is not None:
            os.close(self._handle)
        self._handle = -1

    def discard(self) -> None:
        """Delete the file; everything in it is also in another file."""
        with contextlib.suppress(OSError):  # a leftover copy is harmless: records are deduplicated by id
            self.path.unlink()
        self.close()

    def close(self) -> None:
        """Close the file and release its lock; from then on it counts as a dead owner's."""
        self.abandon()


@dataclass
class Replay:
    """The content of a journal."""

    head: dict[str, Any] = field(default_factory=dict)
    """The first line."""
    settled: list[EnergyRecord] = field(default_factory=list)
    """Final records, in order."""
    open: list[EnergyRecord] = field(default_factory=list)
    """Records that are not final, with the latest known figures."""
    skipped: int = 0
    """Number of unreadable lines (truncated by a full disk or a crash)."""
    newer: int = 0
    """Number of lines with a record of a newer schema. Such a journal is kept for a version that can read it."""
    complete: bool = False
    """Whether the file has an ``end`` event; its open windows continue in another file."""
    resume: int = 0
    resume_settled: int = 0
    """Byte offset at which a later replay may start (no open record has a line before it), and the number of final
    records before that offset.
    """

    def close_interrupted(self) -> list[EnergyRecord]:
        """Return the open records of a dead owner, closed.

        A window that had ended keeps its status and last figures. One that was running becomes ``killed`` and is
        counted up to its last heartbeat.
        """
        closed = []
        for record in self.open:
            if record.final:
                note = "The kernel ended before the figure settled; this is its last value."
                closed.append(record.with_(notes=(*record.notes, note)))
            else:
                note = "The kernel was killed; counted up to the last heartbeat, as a rule within 1 s of the end."
                closed.append(record.with_(status="killed", final=True, notes=(*record.notes, note)))
        return closed


def journals(folder: Path) -> Iterator[Path]:
    """Yield the journal files of a folder, oldest first.

    Symbolic links, pipes and files of other users are skipped.
    """
    if folder.is_dir():
        # Some network file systems assign all files to one user, who then owns the folder too.
        owners = {os.geteuid(), folder.stat().st_uid} if os.name == "posix" else None
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            with contextlib.suppress(FileNotFoundError):  # removed by another process
                status = path.lstat()
                if stat.S_ISREG(status.st_mode) and (owners is None or status.st_uid in owners):
                    yield path


def owner_lives(path: Path) -> bool:
    """Whether the kernel that writes this journal is still alive.

    The lock decides where locks work. Otherwise a process of the same host is looked up by its id, and a journal of
    another host counts as dead after a day without writes.
    """
    if fcntl is not None:
        with contextlib.suppress(FileNotFoundError), path.open("rb") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            except OSError:
                pass  # no locks on this file system
            else:
                return False
    return _owner_lives_by_process(path)


def _owner_lives_by_process(path: Path) -> bool:
    import platform

    import psutil

    try:
        with path.open(encoding="utf-8") as lines:
            head = json.loads(lines.readline() or "{}")
        idle_seconds = clock.wall() - path.stat().st_mtime
    except (OSError, ValueError, RecursionError):
        return False
    if not isinstance(head, dict):
        return False
    if head.get("host") not in (None, platform.node()):
        return idle_seconds < STALE_SECONDS
    try:
        return bool(psutil.Process(int(head["pid"])).create_time() <= float(head["at"]) + 1.0)
    except (psutil.Error, KeyError, ValueError, TypeError, OverflowError):
        return False


def replay(path: Path, resume: int = 0, resume_settled: int = 0) -> Replay:
    """Read a journal. Unreadable lines are counted and skipped.

    Parameters
    ----------
    path : Path
        The journal.
    resume, resume_settled : int
        Values of an earlier replay of the same file, to read only what was added since. `Replay.settled` then
        contains only records that became final after that offset.

    Raises
    ------
    OSError
        If the file can't be opened.
    """
    result = Replay()
    latest: dict[str, dict[str, Any]] = {}
    first_offset: dict[str, int] = {}
    closed_ids: set[str] = set()
    settled_offset: dict[str, int] = {}
    with path.open("rb") as lines:
        if resume:
            result.head = _head(lines.readline())
            lines.seek(resume)
        offset = complete_until = resume
        for raw in lines:
            start, offset = offset, offset + len(raw)
            if raw.endswith(b"\n"):
                complete_until = offset
            if not raw.strip():
                continue
            line: Any = None
            try:
                line = json.loads(raw)
                event = line["event"]
                if event in ("head", "end"):
                    _of_the_file(line, result, latest)
                    continue
                if line["id"] in settled_offset:
                    continue
                record_data = latest.setdefault(line["id"], {})
                record_data.update(line["record"])
                first_offset.setdefault(line["id"], start)
                if event == "final":
                    result.settled.append(EnergyRecord.from_dict({**record_data, "final": True}))
                    settled_offset[line["id"]] = start
                elif event == "close":
                    closed_ids.add(line["id"])
            except _UNREADABLE:
                result.skipped += 1
                result.newer += _is_newer(line)
    result.resume = min(
        (first_offset[key] for key in latest if key in first_offset and key not in settled_offset),
        default=complete_until,
    )
    result.resume_settled = resume_settled + sum(start < result.resume for start in settled_offset.values())
    for record_id, record_data in latest.items():
        if record_id in settled_offset:
            continue
        try:
            # For open records, `final` says whether the window had ended; see Replay.close_interrupted().
            result.open.append(EnergyRecord.from_dict({**record_data, "final": record_id in closed_ids}))
        except _UNREADABLE:
            result.skipped += 1
            result.newer += _is_newer({"record": record_data})
    return result


def _of_the_file(line: dict[str, Any], result: Replay, latest: dict[str, Any]) -> None:
    """Process a ``head`` or ``end`` event."""
    if line["event"] == "head":
        result.head = line
        return
    result.complete = True
    for moved in line["moved"]:
        latest.pop(moved, None)


def _head(raw: bytes) -> dict[str, Any]:
    try:
        line = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return line if isinstance(line, dict) and line.get("event") == "head" else {}


def _is_newer(line: Any) -> bool:
    record = line.get("record") if isinstance(line, dict) else None
    schema = record.get("schema") if isinstance(record, dict) else None
    return isinstance(schema, int) and schema > SCHEMA_VERSION
