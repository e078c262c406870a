"""Which fields of a record may leave the machine.

A ledger on this machine stores everything. A remote one gets, unless the user shares more, no path, label, cell id,
host or user name. Fields needed to tell which records belong together (notebook, code, owner) are replaced by a keyed
hash (HMAC-SHA256). The key is random, per user, and stays in the data folder; without it nobody can test guesses of
names or code. Records never contain source code.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_green.records import EnergyRecord

from .location import data_folder

SHARE_VARIABLE = "JUPYTER_GREEN_SHARE"
KEY_NAME = "hash.key"
NO_KEY = (
    "A notebook's name is to stay on this machine, but no key to hide it can be kept in your data folder; make that "
    f"folder writable, or set {SHARE_VARIABLE}=notebook."
)
_KEY_BYTES = 32
_LONGEST, _KEPT = 1000, 450  # bytes; of longer text so many at its start and its end
SHAREABLE = ("notebook", "label", "cell_id", "host", "owner", "project")


def plain(value: str | None) -> str | None:
    """Return text that every database can store in an indexed column; PostgreSQL's indexes are limited to a few kB.

    Of longer text the middle is replaced by a hash of the whole, so that different texts stay different.
    """
    if value is None:
        return None
    encoded = value.encode("utf-8", "replace").replace(b"\0", "\ufffd".encode())
    if len(encoded) > _LONGEST:
        middle = f"…{hashlib.sha256(encoded).hexdigest()[:16]}…".encode()
        encoded = encoded[:_KEPT] + middle + encoded[-_KEPT:]
    return encoded.decode("utf-8", "ignore")


def hashed(notebook: str) -> str:
    """Return the unkeyed hash by which older versions stored a notebook's path in a remote ledger."""
    return hashlib.sha256(notebook.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def is_hashed(notebook: str) -> bool:
    """Whether a text has the form of `hashed`."""
    return re.fullmatch(r"[0-9a-f]{12}", notebook) is not None


def keyed(purpose: str, text: str, *, make: bool = True) -> str | None:
    """Return the pseudonym of a text in a remote ledger: an HMAC under this user's key.

    It is ``~`` and 16 hexadecimal digits; None without a key, which `make` creates. The same text has another one for
    each purpose.
    """
    key = _key(data_folder() / KEY_NAME, make)
    if key is None:
        return None
    message = f"{purpose}\0{text}".encode("utf-8", "surrogatepass")
    return f"~{hmac.new(key, message, hashlib.sha256).hexdigest()[:16]}"


def comparable(code_hash: str | None) -> str | None:
    """Return a cell's code hash in a form that can be compared, whether it was stored locally or remotely."""
    if code_hash is None or is_keyed(code_hash):
        return code_hash
    return keyed("code", code_hash, make=False) or code_hash


def is_same_code(one: str | None, other: str | None) -> bool:
    """Whether two code hashes are of the same code, each stored locally or remotely. Two None are equal."""
    return one == other or comparable(one) == comparable(other)


def is_keyed(text: str) -> bool:
    """Whether a text has the form of `keyed`."""
    return re.fullmatch(r"~[0-9a-f]{16}", text) is not None


_keys: dict[Path, bytes] = {}


def _key(path: Path, make: bool) -> bytes | None:
    """Return the key stored in a file; None if there is none or it can't be read or created."""
    if path in _keys:
        return _keys[path]
    try:
        key = _read_key(path)
        if key is None and make:
            _make_key(path)
            key = _read_key(path)
    except OSError:
        return None  # fields that would be hashed are withheld instead
    if key is not None:
        _keys[path] = key
    return key


def _read_key(path: Path) -> bytes | None:
    try:
        if os.name == "posix" and path.stat().st_mode & 0o077:
            path.chmod(0o600)
        key = path.read_bytes()
    except FileNotFoundError:
        return None
    return key if len(key) == _KEY_BYTES else None


def _make_key(path: Path) -> None:
    """Create the file atomically, so that concurrent processes read the same key."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(secrets.token_bytes(_KEY_BYTES))
            out.flush()
            os.fsync(out.fileno())
        if path.exists() and path.stat().st_size != _KEY_BYTES:
            draft.replace(path)  # the existing file is no key
        else:
            try:
                os.link(draft, path)
            except FileExistsError:
                return  # created by another process
            except OSError:  # no links on this file system
                draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _last(project: str) -> str:
    """Return the last segment of a project's path."""
    return re.split(r"[/\\]", project.rstrip("/\\"))[-1]


@dataclass(frozen=True)
class Privacy:
    """Decides which fields of a record are stored."""

    local: bool
    """Whether the ledger is on this machine; then everything is stored."""
    shared: frozenset[str] = frozenset()
    """Fields stored in a remote ledger too."""

    @classmethod
    def choose(cls, local: bool, share: Iterable[str] | None = None) -> Privacy:
        """Return the settings from `share` or from the environment variable ``JUPYTER_GREEN_SHARE``.

        Raises
        ------
        ValueError
            If a field is not in `SHAREABLE`.
        """
        if isinstance(share, str):
            share = [share]
        requested = os.environ.get(SHARE_VARIABLE, "").replace(",", " ").split() if share is None else list(share)
        unknown = sorted(set(requested) - set(SHAREABLE))
        if unknown:
            raise ValueError(f"{unknown[0]!r} can't be shared; choose from {', '.join(SHAREABLE)}.")
        return cls(local, frozenset(requested))

    def keeps(self, name: str) -> bool:
        """Whether a field is stored unchanged."""
        return self.local or name in self.shared

    def token(self, name: str | None, *, make: bool = True) -> str | None:
        """Return the pseudonym of an owner's name; None if no key can be created."""
        return keyed("owner", name or "", make=make)

    def apply(self, record: EnergyRecord) -> EnergyRecord:
        """Return the record in the form in which it may be stored."""
        changes: dict[str, Any] = {name: None for name in ("label", "cell_id") if not self.keeps(name)}
        if not self.keeps("label"):
            # A search outcome names the model, as the label does.
            named = {outcome.line for outcome in record.shrinks}
            changes.update(notes=tuple(note for note in record.notes if note not in named), shrinks=())
        if record.notebook is not None:
            changes["notebook"] = self.notebook(record.notebook)
        if record.code_hash is not None and not self.local and not is_keyed(record.code_hash):
            changes["code_hash"] = keyed("code", record.code_hash)
        if record.project is not None and not self.keeps("project"):
            changes["project"] = _last(record.project)
        return record.with_(**changes) if changes else record

    def notebooks(self, wanted: str) -> tuple[str, ...]:
        """Return all forms in which a notebook may be stored, those of older versions included."""
        forms = (wanted, keyed("notebook", wanted, make=False), None if self.local else hashed(wanted))
        return tuple(form for form in forms if form is not None)

    def notebook(self, path: str) -> str | None:
        """Return the stored form of a notebook's path; None if it is withheld and no key can be created."""
        if self.keeps("notebook") or is_keyed(path) or is_hashed(path):
            return path
        return keyed("notebook", path)

    def codes(self, wanted: str) -> tuple[str, ...]:
        """Return all forms in which a code hash may be stored."""
        return tuple({wanted, comparable(wanted) or wanted})

    def projects(self, wanted: str) -> tuple[str, ...]:
        """Return all forms in which a project may be stored."""
        return (wanted,) if self.local else (wanted, _last(wanted))

    def __str__(self) -> str:
        if self.local:
            return "everything stays on this machine"
        withheld = [name for name in SHAREABLE if not self.keeps(name)]
        return f"not stored there: {', '.join(withheld)}" if withheld else "everything is stored there"
