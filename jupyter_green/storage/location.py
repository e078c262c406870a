"""Where the ledger lies: its URL, its journals' folder, and what of the URL may be shown.

Light on purpose (standard library and platformdirs), because a kernel needs the journal's folder at
once and the database only much later. Every URL is brought into one form first, so that two ways of
writing one ledger lead to one journal folder; the password is no part of that folder's name, so that
changing it strands no journal. Two databases are known, SQLite and PostgreSQL: one that was never
tried is refused in a sentence instead of failing half-way through a write.
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
"""What stands, or was meant to stand, between a name and its password."""
_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+._-]*)://")
_DRIVE = re.compile(r"^[A-Za-z]:[\\/](?!/)")
_LIKE_A_URL = re.compile(
    r"[\"'`<(\[]"  # copied with what stood around it
    r"|[^/\\]{2,}:"  # HOST:PORT or SCHEME:, but for a drive's letter
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


def data_folder() -> Path:
    """Return the folder for this person's data; it is not made here.

    A user without a home folder (a container's numbered user) has one among temporary files. That is made at once,
    closed to others, so that nobody else makes it first.
    """
    return _home_data() or _temporary_data()


def homeless() -> str | None:
    """Say in one sentence that this user has no home folder, and what that means; None for all others."""
    if _home_data() is not None:
        return None
    place = _temporary_data()
    kept = (
        ""
        if os.environ.get(LEDGER_VARIABLE, "").strip()
        else f"; records are kept in {place}, for as long as that lasts"
    )
    return f"This user has no home folder{kept}. Set HOME to a folder that lasts and can be written."


def _home_data() -> Path | None:
    import platformdirs

    try:
        folder = Path(platformdirs.user_data_path("jupyter_green", appauthor=False))
    except (RuntimeError, KeyError, OSError):
        return None
    return folder if folder.is_absolute() else None  # older versions hand back "~/..." where there is no home


def _temporary_data() -> Path:
    """Return this user's folder among temporary files; one that is a link, or another's, is never used."""
    try:
        base = Path(tempfile.gettempdir())
    except OSError:  # nothing can be written anywhere: records wait in memory
        base = Path(os.sep)
    user = os.geteuid() if hasattr(os, "geteuid") else "user"
    folder = base / f"jupyter_green-{user}"
    try:
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        state = folder.lstat()
    except OSError:
        return folder
    own = stat.S_ISDIR(state.st_mode) and (os.name != "posix" or state.st_uid == os.geteuid())
    return folder if own else base / f"jupyter_green-{user}-{os.getpid()}"


def ledger_url(url: str | os.PathLike[str] | None = None) -> str:
    """Return the ledger's URL in its one form.

    Parameters
    ----------
    url : str, path or None
        A database URL, or the path of an SQLite file (``~`` is expanded). Without it the environment
        variable ``JUPYTER_GREEN_LEDGER`` counts, and without that ``ledger.sqlite`` in `data_folder`.

    Raises
    ------
    ValueError
        If it is neither a path nor a URL of SQLite or PostgreSQL.
    """
    given = os.fspath(url) if url is not None else os.environ.get(LEDGER_VARIABLE, "")
    given = given.strip()
    if not given:
        if url is not None:
            raise ValueError("The ledger's URL is empty; give a file's path or a URL such as postgresql://host/name.")
        return _sqlite_url(str(data_folder() / "ledger.sqlite"))
    scheme = _SCHEME.match(given)
    if scheme is None:
        if given.startswith(":memory:"):
            raise ValueError("A ledger in memory would end with the kernel; name a file instead.")
        return _sqlite_url(given)
    name = scheme.group(1).lower()
    if name in ("sqlite", "sqlite+pysqlite"):
        return _from_sqlite(given[scheme.end() :])
    if name in ("postgresql", "postgres", _PSYCOPG):
        return _from_postgresql(given, given[scheme.end() :])
    raise ValueError(
        f"The ledger can't be kept at {mask(given)}: use an SQLite file (sqlite:///PATH or just a path) "
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
        raise ValueError(f"{shown} is no database URL; write postgresql://HOST/NAME or a file's path.")
    path = Path(text)
    try:
        path = path.expanduser()
    except RuntimeError:
        raise ValueError(f"The home folder in {shown!r} is not known; write the ledger's path in full.") from None
    # Links are followed, so that a file reached in two ways has one journal folder.
    return f"sqlite:///{Path(os.path.realpath(path))}"


def _from_postgresql(given: str, rest: str) -> str:
    encode = "characters such as @ : / ? # in a name or password are written percent-encoded (@ is %40)"
    try:
        parts = urlsplit(f"//{rest}")
        _ = parts.port  # raises ValueError where it is no number
        wrong = parts.netloc.count("@") > 1 or "@" in parts.path or "@" in parts.query or bool(parts.fragment)
        wrong = wrong or "/" in parts.path[1:] or any("=" not in item for item in parts.query.split("&") if item)
    except ValueError:
        wrong = True
    if wrong:
        raise ValueError(f"{mask(given)} can't be read as a database URL; {encode}.")
    if not parts.path.strip("/") and "dbname" not in dict(parse_qsl(parts.query)):
        raise ValueError(f"{mask(given)} names no database; write {_PSYCOPG}://HOST/NAME.")
    return f"{_PSYCOPG}://{rest}"


def sqlite_path(url: str) -> Path | None:
    """Return the file behind an SQLite URL in `ledger_url`'s form; None for any other."""
    return Path(url[len("sqlite:///") :]) if url.startswith("sqlite:///") else None


def folder_fault(path: Path) -> str | None:
    """Say in one sentence that a ledger's file is a folder; None where it is none."""
    if not path.is_dir():
        return None
    return f"The ledger {path} is a folder; name a file in it, such as {path / 'ledger.sqlite'}."


def write_fault(path: Path) -> str | None:
    """Return why a ledger's file can't be written, as far as the file system tells without trying; None where it can.

    A folder that is not there yet can be made where the nearest one above can be written.
    """
    try:
        if path.exists():
            place = path if not os.access(path, os.W_OK) else path.parent
        else:
            place = next(above for above in path.parents if above.exists())
        if not place.is_dir() and place != path:
            return f"{place} is no folder"
        if os.access(place, os.W_OK):
            return None
        if hasattr(os, "statvfs") and os.statvfs(place).f_flag & os.ST_RDONLY:
            return "its file system can only be read"
    except OSError as error:
        return error.strerror or str(error)
    return f"no permission to write {'it' if place == path else f'in {place}'}"


def first_fault(url: str) -> str | None:
    """Say in one sentence why a ledger that is a file can't be written; None where it seems that it can."""
    path = sqlite_path(url)
    if path is None:
        return None
    if (fault := folder_fault(path)) is not None:
        return fault
    reason = write_fault(path)
    return None if reason is None else f"The ledger {path} can't be written ({reason}); records wait in the journal."


def is_local(url: str) -> bool:
    """Whether the ledger is an SQLite file, so that what is written stays on this person's machine."""
    return url.startswith("sqlite:")


def is_private(url: str) -> bool:
    """Whether the ledger is a file that nobody else can write, so that all in it is one person's."""
    path = sqlite_path(url)
    if path is None:
        return False
    try:
        found = path.stat()
    except OSError:
        return True  # there is none yet
    return os.name != "posix" or (found.st_uid == os.geteuid() and not found.st_mode & _OTHERS_WRITE)


def is_file_owner(url: str) -> bool:
    """Whether the ledger is a file that belongs to this process's user."""
    path = sqlite_path(url)
    if path is None or os.name != "posix":
        return path is not None
    try:
        return path.stat().st_uid == os.geteuid()
    except OSError:
        return True  # there is none yet


def journal_folder(url: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder of the journals that drain into this ledger; it is not made here.

    Raises
    ------
    ValueError
        If the URL is not one of a ledger.
    """
    identity = mask(ledger_url(url))
    return data_folder() / "journal" / hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def board(url: str | os.PathLike[str] | None = None) -> Path:
    """Return the file in which this machine knows the budgets of a ledger; it is not made here.

    Raises
    ------
    ValueError
        If the URL is not one of a ledger.
    """
    return journal_folder(url) / "budgets.json"


def secrets(url: str) -> tuple[str, ...]:
    """Return every spelling of the passwords in a URL, longest first, for striking them out of messages."""
    found = set()
    scheme = _SCHEME.match(url)
    rest = url[scheme.end() :] if scheme else url
    login, at, _ = rest.rpartition("@")
    if at and not is_local(url) and (parted := _SEPARATOR.search(login)):
        found.add(login[parted.end() :])
    for item in rest.partition("?")[2].split("&"):
        key, _, value = item.partition("=")
        if _is_secret(key, value):
            found.add(value)
            found.update(match[2] for match in _HAS_SECRET.finditer(unquote(value)))
    spelled = {form for word in found for form in (word, unquote(word), quote(unquote(word), safe="")) if form}
    return tuple(sorted(spelled, key=len, reverse=True))


def is_like_a_url(text: str) -> bool:
    """Whether a text that is no URL was meant as one, so that no file may be made under that name."""
    if _HAS_SECRET.search(text):
        return True
    return bool(_LIKE_A_URL.match(_DRIVE.sub("", text) if os.name == "nt" else text))


def _is_secret(key: str, value: str) -> bool:
    """Whether an option of a URL is a password, or holds one."""
    key, value = unquote(key), unquote(value)
    holds = _HAS_SECRET.search(value) or (key.lower() in ("user", "options") and _SEPARATOR.search(value))
    return bool(_IS_SECRET.fullmatch(key) or holds)


def mask(url: str) -> str:
    """Return the URL without its passwords; a URL that can't be read is hidden rather too much than too little."""
    if url.startswith("sqlite:///") and not is_like_a_url(url[len("sqlite:///") :]):
        return url
    scheme = _SCHEME.match(url)
    start = scheme.end() if scheme else 0
    head, rest = url[:start], url[start:]
    login, at, tail = rest.rpartition("@")
    if at and (parted := _SEPARATOR.search(login)):
        rest = f"{login[: parted.start()]}:{HIDDEN}@{tail}"
    elif not at and (wrong := _NO_PORT.match(rest)):
        rest = f"{wrong[1]}:{HIDDEN}"  # a password without a host after it
    before, asked, query = rest.partition("?")
    if asked:
        items = [item.partition("=") for item in query.split("&")]
        shown = [f"{key}={HIDDEN}" if _is_secret(key, value) else key + eq + value for key, eq, value in items]
        query = "&".join(shown)
    return _HAS_SECRET.sub(rf"\1{HIDDEN}", f"{head}{before}{asked}{query}")


def on_network_filesystem(path: Path, mounts: Path = Path("/proc/self/mountinfo")) -> bool:
    """Whether a path lies on a file system that other machines share; told on Linux only, elsewhere False.

    Parameters
    ----------
    path : Path
        A file or folder; where it doesn't exist yet, the nearest folder above counts.
    mounts : Path
        The kernel's table of mounts.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return False
    real = os.path.realpath(path)
    longest, kind = -1, ""
    for line in lines:
        left, dash, right = line.partition(" - ")
        fields = left.split(" ")
        if not dash or len(fields) < 5:
            continue
        point = re.sub(r"\\([0-7]{3})", lambda found: chr(int(found.group(1), 8)), fields[4])
        # Of several mounts on one point the last one listed is the one that shows.
        if (real == point or real.startswith(point.rstrip("/") + "/")) and len(point) >= longest:
            longest, kind = len(point), right.split(" ")[0]
    return bool(_NETWORK_FILESYSTEMS.fullmatch(kind) or _NETWORK_FUSE.fullmatch(kind))
