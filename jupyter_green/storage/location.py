"""Location of the ledger: its URL, the folder of its journals, and the URL with its passwords masked.

Only the standard library and platformdirs are used, because a kernel needs the journal folder immediately and the
database much later. URLs are normalized first, so that two spellings of one ledger share a journal folder. Passwords
are not part of the folder's name, so that changing one orphans no journal. Only SQLite and PostgreSQL are supported;
other databases are rejected here rather than during a write.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
import sys
import tempfile
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlsplit

LEDGER_VARIABLE = "JUPYTER_GREEN_LEDGER"
HIDDEN = "***"
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_HIDDEN_KEYS = r"\w*?(?:pass|pas{1,2}w\w*|passphrase|pw|pwd|token|secret|api_?key|auth|cred\w*)"
_IS_SECRET = re.compile(_HIDDEN_KEYS, re.IGNORECASE)
_HAS_SECRET = re.compile(rf"\b({_HIDDEN_KEYS}\s*=\s*)('(?:[^'\\]|\\.)*'|\"[^\"]*\"|[^&\s;]*)", re.IGNORECASE)
_SEPARATOR = re.compile(r"[:;]|%3[ab]", re.IGNORECASE)
"""Separator, possibly mistyped, between a user name and its password."""
_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+._-]*)://")
_DRIVE = re.compile(r"^[A-Za-z]:[\\/](?!/)")
_LIKE_A_URL = re.compile(
    r"[\"'`<(\[]"  # copied with surrounding quotes or brackets
    r"|[^/\\]{2,}:"  # HOST:PORT or SCHEME:, but not a drive letter
    r"|(?:postgres|psql|pg|sqlite|mysql|maria|mssql|oracle|jdbc|http)[^/\\]*//"  # the colon is missing
    r"|[^@]*:[^@]*@|[^@]*//[^@]*@",  # a login
    re.IGNORECASE,
)
_NO_PORT = re.compile(r"([^/:?]+):(?!\d*(?:[/?]|$)|[\\/])")
_PSYCOPG = "postgresql+psycopg"
_NETWORK_FILESYSTEMS = re.compile(
    r"nfs4?|cifs|smb[23]|smbfs|ncpfs|lustre|gpfs|beegfs|fhgfs|ceph|afs|coda|gfs2|ocfs2|orangefs|pvfs2|glusterfs|"
    r"panfs|9p|v9fs|virtiofs|drvfs|vboxsf|prl_fs|davfs"
)
_NETWORK_FUSE = re.compile(
    r"fuse\.(sshfs|ceph|ceph-fuse|glusterfs|s3fs|goofys|gcsfuse|rclone|juicefs|mfs|moosefs|lizardfs|davfs2?|curlftpfs|"
    r"blobfuse2?|smbnetfs|seaweedfs|weed|cvmfs2|beegfs|orangefs|lustre|osxfs|grpcfuse|vmhgfs-fuse)"
)


class LedgerUrl(str):
    """A ledger's URL whose repr has its passwords masked: tracebacks may list local variables."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(mask(self))


def hidden(url: str | os.PathLike[str] | None) -> LedgerUrl | None:
    """Return a URL, valid or not, with its passwords masked in its repr; None for None."""
    return None if url is None else LedgerUrl(os.fspath(url))


def data_folder() -> Path:
    """Return the folder for this user's data. It is not created here.

    For a user without a home folder (a numeric user in a container) it lies in the temporary folder. That one is
    created at once and closed to others, so that nobody else can create it first.
    """
    return _home_data() or _temporary_data()


def no_home_note() -> str | None:
    """Return a sentence that says that this user has no home folder; None if there is one."""
    if _home_data() is not None:
        return None
    folder = _temporary_data()
    consequence = (
        ""
        if os.environ.get(LEDGER_VARIABLE, "").strip()
        else f"; records are kept in {folder}, for as long as that lasts"
    )
    return f"This user has no home folder{consequence}. Set HOME to a folder that lasts and can be written."


def _home_data() -> Path | None:
    import platformdirs

    try:
        folder = Path(platformdirs.user_data_path("jupyter_green", appauthor=False))
    except (RuntimeError, KeyError, OSError):
        return None
    return folder if folder.is_absolute() else None  # older versions return "~/..." without a home


def _temporary_data() -> Path:
    """Return this user's folder in the temporary folder. A link or another user's folder is never used."""
    try:
        base = Path(tempfile.gettempdir())
    except OSError:  # nothing is writable: records stay in memory
        base = Path(os.sep)
    user = os.geteuid() if hasattr(os, "geteuid") else "user"
    folder = base / f"jupyter_green-{user}"
    try:
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        status = folder.lstat()
    except OSError:
        return folder
    is_own = stat.S_ISDIR(status.st_mode) and (os.name != "posix" or status.st_uid == os.geteuid())
    return folder if is_own else base / f"jupyter_green-{user}-{os.getpid()}"


def ledger_url(url: str | os.PathLike[str] | None = None) -> LedgerUrl:
    """Return the normalized URL of the ledger.

    Parameters
    ----------
    url : str, path or None
        A database URL, or the path of an SQLite file (``~`` is expanded). By default the environment variable
        ``JUPYTER_GREEN_LEDGER``, else ``ledger.sqlite`` in `data_folder`.

    Raises
    ------
    ValueError
        If it is neither a path nor a URL of SQLite or PostgreSQL.
    """
    url = hidden(url)
    try:
        return LedgerUrl(_normalized(url))
    except ValueError as error:
        fault = str(error)
    raise ValueError(fault)  # without the frames that hold parts of the URL


def _normalized(url: LedgerUrl | None) -> str:
    raw_url = (url if url is not None else os.environ.get(LEDGER_VARIABLE, "")).strip()
    if not raw_url:
        if url is not None:
            raise ValueError("The ledger's URL is empty; give a file's path or a URL such as postgresql://host/name.")
        return _sqlite_url(str(data_folder() / "ledger.sqlite"))
    scheme = _SCHEME.match(raw_url)
    if scheme is None:
        if raw_url.startswith(":memory:"):
            raise ValueError("A ledger in memory would end with the kernel; name a file instead.")
        return _sqlite_url(raw_url)
    name = scheme.group(1).lower()
    if name in ("sqlite", "sqlite+pysqlite"):
        return _from_sqlite(raw_url[scheme.end() :])
    if name in ("postgresql", "postgres", _PSYCOPG):
        return _from_postgresql(raw_url, raw_url[scheme.end() :])
    raise ValueError(
        f"The ledger can't be kept at {mask(raw_url)}: use an SQLite file (sqlite:///PATH or just a path) "
        f"or PostgreSQL ({_PSYCOPG}://HOST/NAME)."
    )


def _from_sqlite(rest: str) -> str:
    if not rest.startswith("/"):
        if rest:
            raise ValueError(f"sqlite://{mask(rest)} lacks a slash; write sqlite:///PATH.")
        raise ValueError("A ledger in memory would end with the kernel; name a file: sqlite:///PATH.")
    path = rest[1:]
    if path in ("", ":memory:"):
        raise ValueError("A ledger in memory would end with the kernel; name a file: sqlite:///PATH.")
    return _sqlite_url(path)


def _sqlite_url(text: str) -> str:
    shown = mask(text)
    if "?" in text or "\0" in text or text.startswith("file:"):
        raise ValueError(f"The ledger's file can't be {shown!r}: name a plain path, without options or '?'.")
    if is_like_a_url(text):
        raise ValueError(f"{shown} is not a database URL; write postgresql://HOST/NAME or a file's path.")
    path = Path(text)
    try:
        path = path.expanduser()
    except RuntimeError:
        raise ValueError(f"The home folder in {shown!r} is not known; write the ledger's path in full.") from None
    # Resolve links, so that one file has one journal folder.
    return f"sqlite:///{Path(os.path.realpath(path))}"


def _from_postgresql(given: str, rest: str) -> str:
    encode = "characters such as @ : / ? # in a name or password are written percent-encoded (@ is %40)"
    try:
        parts = urlsplit(f"//{rest}")
        _ = parts.port  # raises ValueError if it is not a number
        malformed = parts.netloc.count("@") > 1 or "@" in parts.path or "@" in parts.query or bool(parts.fragment)
        malformed = (
            malformed or "/" in parts.path[1:] or any("=" not in item for item in parts.query.split("&") if item)
        )
    except ValueError:
        malformed = True
    if malformed:
        raise ValueError(f"{mask(given)} can't be read as a database URL; {encode}.")
    if not parts.path.strip("/") and "dbname" not in dict(parse_qsl(parts.query)):
        raise ValueError(f"{mask(given)} names no database; write {_PSYCOPG}://HOST/NAME.")
    return f"{_PSYCOPG}://{rest}"


def sqlite_path(url: str) -> Path | None:
    """Return the file of a normalized SQLite URL; None for any other URL."""
    return Path(url[len("sqlite:///") :]) if url.startswith("sqlite:///") else None


def folder_fault(path: Path) -> str | None:
    """Return a sentence if the path of a ledger is a folder, or a pipe or a device; else None."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return None  # does not exist yet, or can't be reached
    if stat.S_ISREG(mode):
        return None
    if not stat.S_ISDIR(mode):
        return f"The ledger {path} is a pipe, a socket or a device; name a file."
    return f"The ledger {path} is a folder; name a file in it, such as {path / 'ledger.sqlite'}."


def write_fault(path: Path) -> str | None:
    """Return why a ledger's file can't be written, judged from the file system without writing; None if it can.

    A missing folder can be created if its nearest existing parent is writable.
    """
    try:
        if path.exists():
            target = path if not os.access(path, os.W_OK) else path.parent
        else:
            target = next(above for above in path.parents if above.exists())
        if not target.is_dir() and target != path:
            return f"{target} is not a folder"
        if os.access(target, os.W_OK):
            return None
        if hasattr(os, "statvfs") and os.statvfs(target).f_flag & os.ST_RDONLY:
            return "its file system can only be read"
    except OSError as error:
        return error.strerror or str(error)
    return f"no permission to write {'it' if target == path else f'in {target}'}"


def first_fault(url: str) -> str | None:
    """Return a sentence that says why an SQLite ledger can't be written; None if it seems writable."""
    path = sqlite_path(url)
    if path is None:
        return None
    if (fault := folder_fault(path)) is not None:
        return fault
    reason = write_fault(path)
    return None if reason is None else f"The ledger {path} can't be written ({reason}); records wait in the journal."


def is_local(url: str) -> bool:
    """Whether the ledger is an SQLite file, so that its data stay on this machine."""
    return url.startswith("sqlite:")


def is_private(url: str) -> bool:
    """Whether the ledger is a file that no other user can write, so that all its rows belong to one user."""
    path = sqlite_path(url)
    if path is None:
        return False
    try:
        status = path.stat()
    except OSError:
        return True  # does not exist yet
    return os.name != "posix" or (status.st_uid == os.geteuid() and not status.st_mode & _OTHERS_WRITE)


def is_file_owner(url: str) -> bool:
    """Whether the ledger is a file that belongs to the current user."""
    path = sqlite_path(url)
    if path is None or os.name != "posix":
        return path is not None
    try:
        return path.stat().st_uid == os.geteuid()
    except OSError:
        return True  # does not exist yet


def journal_folder(url: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder of the journals that are imported into this ledger. It is not created here.

    Raises
    ------
    ValueError
        If `url` is not a valid ledger URL.
    """
    url = hidden(url)
    identity = mask(ledger_url(url))
    return data_folder() / "journal" / hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def board(url: str | os.PathLike[str] | None = None) -> Path:
    """Return the file in which this machine caches the budgets of a ledger. It is not created here.

    Raises ValueError if `url` is not a valid ledger URL.
    """
    url = hidden(url)
    return journal_folder(url) / "budgets.json"


def secrets(url: str) -> tuple[str, ...]:
    """Return every spelling of the passwords in a URL, longest first, for removal from messages."""
    passwords = set()
    scheme = _SCHEME.match(url)
    rest = url[scheme.end() :] if scheme else url
    login, at, _ = rest.rpartition("@")
    if at and not is_local(url) and (separator := _SEPARATOR.search(login)):
        passwords.add(login[separator.end() :])
    for item in rest.partition("?")[2].split("&"):
        key, _, value = item.partition("=")
        if is_secret(key, value):
            passwords.add(value)
            passwords.update(match[2] for match in _HAS_SECRET.finditer(unquote(value)))
    spellings = {form for word in passwords for form in (word, unquote(word), quote(unquote(word), safe="")) if form}
    return tuple(sorted(spellings, key=len, reverse=True))


def is_like_a_url(text: str) -> bool:
    """Whether a text that is no valid URL was meant as one. No file may be created under such a name."""
    if _HAS_SECRET.search(text):
        return True
    return bool(_LIKE_A_URL.match(_DRIVE.sub("", text) if os.name == "nt" else text))


def is_secret(key: str, value: str) -> bool:
    """Whether an option of a URL is a password or contains one."""
    key, value = unquote(key), unquote(value)
    holds = _HAS_SECRET.search(value) or (key.lower() in ("user", "options") and _SEPARATOR.search(value))
    return bool(_IS_SECRET.fullmatch(key) or holds)


def mask(url: str) -> str:
    """Return the URL with its passwords masked. If it can't be parsed, too much is masked rather than too little."""
    if url.startswith("sqlite:///") and not is_like_a_url(url[len("sqlite:///") :]):
        return url
    scheme = _SCHEME.match(url)
    start = scheme.end() if scheme else 0
    head, rest = url[:start], url[start:]
    login, at, tail = rest.rpartition("@")
    if at and (separator := _SEPARATOR.search(login)):
        rest = f"{login[: separator.start()]}:{HIDDEN}@{tail}"
    elif not at and (no_port := _NO_PORT.match(rest)):
        rest = f"{no_port[1]}:{HIDDEN}"  # a password that no host follows
    before, question_mark, query = rest.partition("?")
    if question_mark:
        items = [item.partition("=") for item in query.split("&")]
        shown = [f"{key}={HIDDEN}" if is_secret(key, value) else key + eq + value for key, eq, value in items]
        query = "&".join(shown)
    return _HAS_SECRET.sub(rf"\1{HIDDEN}", f"{head}{before}{question_mark}{query}")


def on_network_filesystem(path: Path, mounts: Path = Path("/proc/self/mountinfo")) -> bool:
    """Whether a path, or its nearest existing parent, lies on a network file system; always False but on Linux."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return False
    real = os.path.realpath(path)
    longest, filesystem = -1, ""
    for line in lines:
        left, dash, right = line.partition(" - ")
        fields = left.split(" ")
        if not dash or len(fields) < 5:
            continue
        point = re.sub(r"\\([0-7]{3})", lambda found: chr(int(found.group(1), 8)), fields[4])
        # Of several mounts on one point the last one listed is visible.
        if (real == point or real.startswith(point.rstrip("/") + "/")) and len(point) >= longest:
            longest, filesystem = len(point), right.split(" ")[0]
    return bool(_NETWORK_FILESYSTEMS.fullmatch(filesystem) or _NETWORK_FUSE.fullmatch(filesystem))
