"""What of a record may leave the machine.

A ledger on this machine keeps everything. One elsewhere gets, unless the person says otherwise, no path, no label, no
cell identity, no host and no user. What tells which records belong together is replaced by a keyed hash: the
notebook, the code, and the owner. The key is made at random for each person and stays in the data folder; without it
nobody can try out names or sources. Source text is in no record in the first place.
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
_LONGEST, _KEPT = 1000, 900  # bytes
SHAREABLE = ("notebook", "label", "cell_id", "host", "owner", "project")


def plain(value: str | None) -> str | None:
    """Return text as every database takes it in a column: PostgreSQL's indexes hold no text of some thousand bytes.

    A longer one ends in a hash of what is left out, so that two of them stay two.
    """
    if value is None:
        return None
    encoded = value.encode("utf-8", "replace").replace(b"\0", "\ufffd".encode())
    if len(encoded) > _LONGEST:
        encoded = encoded[:_KEPT] + f"…{hashlib.sha256(encoded).hexdigest()[:16]}".encode()
    return encoded.decode("utf-8", "ignore")


def hashed(notebook: str) -> str:
    """Return what older versions stored for a notebook's path in a ledger elsewhere, without a key."""
    return hashlib.sha256(notebook.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def is_hashed(notebook: str) -> bool:
    """Whether a text is what `hashed` returns."""
    return re.fullmatch(r"[0-9a-f]{12}", notebook) is not None


def keyed(purpose: str, text: str, *, make: bool = True) -> str | None:
    """Return what stands for a text in a ledger elsewhere: a hash under this person's key.

    Parameters
    ----------
    purpose : str
        What the text is; the same text has another hash for each purpose.
    text : str
        What is to be hidden.
    make : bool
        Whether to make a key where there is none yet.

    Returns
    -------
    str or None
        ``~`` and 16 hexadecimal digits; None where there is no key.
    """
    key = _key(data_folder() / KEY_NAME, make)
    if key is None:
        return None
    message = f"{purpose}\0{text}".encode("utf-8", "surrogatepass")
    return f"~{hmac.new(key, message, hashlib.sha256).hexdigest()[:16]}"


def comparable(code_hash: str | None) -> str | None:
    """Return a cell's code hash in the form in which it can be compared, whether or not it was stored elsewhere."""
    if code_hash is None or is_keyed(code_hash):
        return code_hash
    return keyed("code", code_hash, make=False) or code_hash


def is_same_code(one: str | None, other: str | None) -> bool:
    """Whether two code hashes are of the same code, whichever of them was stored elsewhere; two absent ones are."""
    return one == other or comparable(one) == comparable(other)


def is_keyed(text: str) -> bool:
    """Whether a text is what `keyed` returns."""
    return re.fullmatch(r"~[0-9a-f]{16}", text) is not None


_keys: dict[Path, bytes] = {}


def _key(path: Path, make: bool) -> bytes | None:
    """Return the key in a file; None where there is none, or where none can be read or kept."""
    if path in _keys:
        return _keys[path]
    try:
        key = _read_key(path)
        if key is None and make:
            _make_key(path)
            key = _read_key(path)
    except OSError:
        return None  # what would be hashed is withheld instead
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
    """Make the file all at once, so that of two processes one is first and both read the same key."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(secrets.token_bytes(_KEY_BYTES))
            out.flush()
            os.fsync(out.fileno())
        if path.exists() and path.stat().st_size != _KEY_BYTES:
            draft.replace(path)  # what lies there is no key
        else:
            try:
                os.link(draft, path)
            except FileExistsError:
                return  # another process was first
            except OSError:  # a file system without links
                draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _last(project: str) -> str:
    """Return a project's name without the folders it may be named by; it says which one it is."""
    return re.split(r"[/\\]", project.rstrip("/\\"))[-1]


@dataclass(frozen=True)
class Privacy:
    """Decides what of a record is stored.

    Parameters
    ----------
    local : bool
        Whether the ledger is on this machine; then nothing is withheld.
    shared : frozenset of str
        What is stored elsewhere too.
    """

    local: bool
    shared: frozenset[str] = frozenset()

    @classmethod
    def choose(cls, local: bool, share: Iterable[str] | None = None) -> Privacy:
        """Return the rule from the argument or from the environment variable ``JUPYTER_GREEN_SHARE``.

        Raises
        ------
        ValueError
            If something is to be shared that has no such choice.
        """
        if isinstance(share, str):
            share = [share]
        given = os.environ.get(SHARE_VARIABLE, "").replace(",", " ").split() if share is None else list(share)
        unknown = sorted(set(given) - set(SHAREABLE))
        if unknown:
            raise ValueError(f"{unknown[0]!r} can't be shared; choose from {', '.join(SHAREABLE)}.")
        return cls(local, frozenset(given))

    def keeps(self, name: str) -> bool:
        """Whether a field is stored as it is."""
        return self.local or name in self.shared

    def token(self, name: str | None, *, make: bool = True) -> str | None:
        """Return what stands for a person's name as the owner of records; None where no key can be kept."""
        return keyed("owner", name or "", make=make)

    def apply(self, record: EnergyRecord) -> EnergyRecord:
        """Return the record as it may be stored."""
        changes: dict[str, Any] = {name: None for name in ("label", "cell_id") if not self.keeps(name)}
        if not self.keeps("label"):
            # A search's outcome names the model as its label does, and is withheld with it.
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
        """Return the forms under which a notebook's records may be stored, those of older versions included."""
        forms = (wanted, keyed("notebook", wanted, make=False), None if self.local else hashed(wanted))
        return tuple(form for form in forms if form is not None)

    def notebook(self, path: str) -> str | None:
        """Return what is stored for a notebook; None where it is withheld and no key can be kept."""
        if self.keeps("notebook") or is_keyed(path) or is_hashed(path):
            return path
        return keyed("notebook", path)

    def codes(self, wanted: str) -> tuple[str, ...]:
        """Return the forms under which a code hash may be stored."""
        return tuple({wanted, comparable(wanted) or wanted})

    def projects(self, wanted: str) -> tuple[str, ...]:
        """Return the forms under which a project's records may be stored."""
        return (wanted,) if self.local else (wanted, _last(wanted))

    def __str__(self) -> str:
        if self.local:
            return "everything stays on this machine"
        withheld = [name for name in SHAREABLE if not self.keeps(name)]
        return f"not stored there: {', '.join(withheld)}" if withheld else "everything is stored there"
