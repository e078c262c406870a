"""The journal: one append-only file per kernel, written before anything can be lost.

Standard library only, because it is on the path of every cell. Each line is one JSON object, appended
by a single `os.write`; what the kernel wrote before a kill is in the file. The owner holds an advisory
lock for as long as it lives, so that a reader can tell a dead kernel's journal from a living one's
without guessing from process ids. `replay` turns a journal into records: settled ones as they are, and,
for a dead owner, the cells it left open closed at their last sign of life.

Lines: ``head`` (who writes), ``open`` (a window began), ``beat`` (a sign of life with the figures so far),
``close`` (it ended, figures may still settle), ``final`` (settled). All but ``head`` carry ``record``: the
whole record as a dict; a beat carries only what changed.

A long journal goes on in another file. The new file begins with what is known of the windows that are not settled; the
old one ends with ``end``, which names them. A file with that line is complete although its writer lives. A kill between
the two leaves such a window in both files, alike and under one identity.
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
except ImportError:  # Windows has no advisory locks of this kind; ownership is told by process id there.
    fcntl = None  # type: ignore[assignment]  # a name is a module or nothing, which mypy has no word for

SUFFIX = ".jsonl"
STALE_SECONDS = 86_400.0
_UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError)
"""What a line raises that was not written by a journal."""


class Journal:
    """Writer of one journal file.

    Parameters
    ----------
    folder : Path
        Where journals lie; made if absent.
    head : dict
        What describes the writer; stored in the first line.
    carried : iterable of (event, record_id, record)
        Lines of windows that another file has held so far; they are there before the file has its name.

    Raises
    ------
    OSError
        If the folder or the file can't be made (read-only home, full disk).
    """

    def __init__(
        self, folder: Path, head: dict[str, Any] | None = None, carried: Iterable[tuple[str, str, dict[str, Any]]] = ()
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{int(clock.wall() * 1e9):020d}-{uuid.uuid4().hex[:12]}{SUFFIX}"
        # Locked before it is visible under its name: a reader must never see a journal without its owner.
        hidden = self.path.with_suffix(".new")
        self._cut = False
        self._identity: tuple[int, int] | None = None  # device and inode, once the file has its name
        self._handle = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            if fcntl is not None:
                with contextlib.suppress(OSError):  # some network file systems have no locks: see `owner_lives`
                    fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._write({"event": "head", "pid": os.getpid(), "at": clock.wall(), **(head or {})})
            for event, record_id, record in carried:
                self.write(event, record_id, clock.wall(), record)
            hidden.rename(self.path)
            status = os.fstat(self._handle)
            self._identity = status.st_dev, status.st_ino
            self._counts_names = status.st_nlink > 0  # a few file systems never do
        except OSError:
            os.close(self._handle)
            self._handle = -1
            with contextlib.suppress(OSError):  # it was never seen; what is left is swept a day later
                hidden.unlink()
            raise

    @property
    def closed(self) -> bool:
        """Whether the journal was closed."""
        return self._handle < 0

    def write(self, event: str, record_id: str, at: float, record: dict[str, Any]) -> None:
        """Append one line; raises OSError where the disk refuses it."""
        self._write({"event": event, "id": record_id, "at": at, "record": record})

    def _write(self, line: dict[str, Any]) -> None:
        if self._status() is None:
            raise OSError("the journal is closed")
        start = "\n" if self._cut else ""  # a full disk cut the line before, and had no room for its end either
        data = (start + json.dumps(line, separators=(",", ":"), default=str) + "\n").encode()
        written = os.write(self._handle, data)
        self._cut = written != len(data)
        if self._cut:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))

    def end(self, moved: Sequence[str]) -> None:
        """Say that the file is complete and which windows go on in another one, and close it.

        A file that a cell has closed is opened once more for that: without the line its windows would count as killed.

        Raises
        ------
        OSError
            If the disk refuses the line; the file is not closed then.
        """
        if self._handle >= 0 and self._status() is None:
            self._handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_CLOEXEC", 0))
        self._write({"event": "end", "at": clock.wall(), "moved": list(moved)})
        self.close()

    @property
    def removed(self) -> bool:
        """Whether somebody has removed the file, or closed it under us: nobody would read what is written to it."""
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
        """Return what the system says of the file; None where it is closed.

        A cell can close any descriptor of the process, and its number may be a file of the person's by now.
        """
        if self._handle < 0:
            return None
        try:
            status = os.fstat(self._handle)
        except OSError:
            return None
        ours = self._identity is None or (status.st_dev, status.st_ino) == self._identity
        return status if ours else None

    def abandon(self) -> None:
        """Forget the file in a forked child, which must neither write to it nor keep its lock."""
        if self._status() is not None:
            os.close(self._handle)
        self._handle = -1

    def discard(self) -> None:
        """Remove the file, which holds nothing that no other one does."""
        with contextlib.suppress(OSError):  # it stays as a copy then; identities keep it from counting twice
            self.path.unlink()
        self.close()

    def close(self) -> None:
        """Close the file and give up its lock; from here on it counts as a dead owner's."""
        self.abandon()


@dataclass
class Replay:
    """What a journal holds.

    Parameters
    ----------
    head : dict
        The first line.
    settled : list of EnergyRecord
        Records with their final figures, in order.
    open : list of EnergyRecord
        Records without; as far as they were known.
    skipped : int
        Lines that could not be read (cut by a full disk or a crash).
    newer : int
        Lines with a record of a newer schema; such a journal waits for a version that can read it.
    complete : bool
        Whether its writer has said that nothing more comes; what it left open goes on in another file.
    resume, resume_settled : int
        Where in the file a later replay may begin (no record still open has a line before it), and how
        many records of the file had settled before that place.
    """

    head: dict[str, Any] = field(default_factory=dict)
    settled: list[EnergyRecord] = field(default_factory=list)
    open: list[EnergyRecord] = field(default_factory=list)
    skipped: int = 0
    newer: int = 0
    complete: bool = False
    resume: int = 0
    resume_settled: int = 0

    def orphans(self) -> list[EnergyRecord]:
        """Return the open records closed as a dead owner left them.

        A window that had ended keeps its status and its last figures; one that was running becomes
        ``killed``, counted up to its last sign of life.
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
    """Yield the journal files of a folder, oldest first; a link, a pipe or another person's file is none."""
    if folder.is_dir():
        # Where a network file system gives every file to one user, the folder is that user's too.
        owners = {os.geteuid(), folder.stat().st_uid} if os.name == "posix" else None
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            with contextlib.suppress(FileNotFoundError):  # another process has just closed it
                status = path.lstat()
                if stat.S_ISREG(status.st_mode) and (owners is None or status.st_uid in owners):
                    yield path


def owner_lives(path: Path) -> bool:
    """Whether the kernel that writes this journal is still alive.

    Where locks work, the lock tells. Elsewhere a process of the same host is looked up by its id, and
    a journal of another host counts as dead once it has been silent for a day.
    """
    if fcntl is not None:
        with contextlib.suppress(FileNotFoundError), path.open("rb") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            except OSError:
                pass  # this file system has no locks
            else:
                return False
    return _owner_lives_by_process(path)


def _owner_lives_by_process(path: Path) -> bool:
    import platform

    import psutil

    try:
        with path.open(encoding="utf-8") as lines:
            head = json.loads(lines.readline() or "{}")
        silent = clock.wall() - path.stat().st_mtime
    except (OSError, ValueError, RecursionError):
        return False
    if not isinstance(head, dict):
        return False
    if head.get("host") not in (None, platform.node()):
        return silent < STALE_SECONDS
    try:
        return bool(psutil.Process(int(head["pid"])).create_time() <= float(head["at"]) + 1.0)
    except (psutil.Error, KeyError, ValueError, TypeError, OverflowError):
        return False


def replay(path: Path, resume: int = 0, resume_settled: int = 0) -> Replay:
    """Read a journal; lines that can't be read are counted and skipped.

    Parameters
    ----------
    path : Path
        The journal.
    resume, resume_settled : int
        Of an earlier replay of the same file, to read only what came after it; `Replay.settled` then
        holds the records that settled from there on.

    Raises
    ------
    OSError
        If the file can't be opened.
    """
    result = Replay()
    latest: dict[str, dict[str, Any]] = {}
    began: dict[str, int] = {}
    ended: set[str] = set()
    settled: dict[str, int] = {}
    with path.open("rb") as lines:
        if resume:
            result.head = _head(lines.readline())
            lines.seek(resume)
        place = whole = resume
        for raw in lines:
            start, place = place, place + len(raw)
            if raw.endswith(b"\n"):
                whole = place
            if not raw.strip():
                continue
            line: Any = None
            try:
                line = json.loads(raw)
                event = line["event"]
                if event in ("head", "end"):
                    _of_the_file(line, result, latest)
                    continue
                if line["id"] in settled:
                    continue
                known = latest.setdefault(line["id"], {})
                known.update(line["record"])
                began.setdefault(line["id"], start)
                if event == "final":
                    result.settled.append(EnergyRecord.from_dict({**known, "final": True}))
                    settled[line["id"]] = start
                elif event == "close":
                    ended.add(line["id"])
            except _UNREADABLE:
                result.skipped += 1
                result.newer += _is_newer(line)
    result.resume = min((began[key] for key in latest if key in began and key not in settled), default=whole)
    result.resume_settled = resume_settled + sum(start < result.resume for start in settled.values())
    for record_id, known in latest.items():
        if record_id in settled:
            continue
        try:
            # While open, `final` tells orphans() whether the window itself had ended.
            result.open.append(EnergyRecord.from_dict({**known, "final": record_id in ended}))
        except _UNREADABLE:
            result.skipped += 1
            result.newer += _is_newer({"record": known})
    return result


def _of_the_file(line: dict[str, Any], result: Replay, latest: dict[str, Any]) -> None:
    """Take in a line that is about the file: who writes it, or that it is complete."""
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
