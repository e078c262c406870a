"""Fixtures: databases to keep records in (SQLite files and a PostgreSQL server of the tests' own), and records."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jupyter_green.records import Component, EnergyRecord
from jupyter_green.storage import data_folder
from jupyter_green.storage.privacy import KEY_NAME

PASSWORD = "ge h@im/Zwölf"
ENCODED = "ge%20h%40im%2FZw%C3%B6lf"


@pytest.fixture
def no_key() -> None:
    """Put something in the key's place, so that none can be read or kept."""
    (data_folder() / KEY_NAME).mkdir(parents=True)


@pytest.fixture
def component() -> Callable[..., Component]:
    def make(joules: float | None = 100.0, **changes: Any) -> Component:
        given: dict[str, Any] = {
            "kind": "gpu",
            "device": "GPU 0, NVIDIA A10",
            "key": "nvidia:GPU-1",
            "joules": joules,
            "uncertainty": None if joules is None else 5.0,
            "gain_uncertainty": None if joules is None else 3.0,
            "method": "counter",
            "quality": "measured",
            "scope": "whole board",
            "source": "nvidia",
        }
        return Component(**{**given, **changes})

    return make


@pytest.fixture
def record(component: Callable[..., Component]) -> Callable[..., EnergyRecord]:
    def make(joules: float | None = 100.0, **changes: Any) -> EnergyRecord:
        given: dict[str, Any] = {
            "components": (component(joules),),
            "seconds": 1.0,
            "started_at": 1_700_000_000.0,
            "run_id": "run-1",
            "notebook": "/home/alice/work/secret.ipynb",
            "project": "solar",
        }
        return EnergyRecord(**{**given, **changes})

    return make


@dataclass
class Server:
    """A PostgreSQL server on a loopback port."""

    port: int

    def url(self, name: str = "postgres") -> str:
        return f"postgresql://green:{ENCODED}@127.0.0.1:{self.port}/{name}"

    def database(self) -> str:
        """Make a database and return its URL."""
        import psycopg

        name = f"ledger_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url(name)


def _programs() -> Path | None:
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    return next((path.parent for path in sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)), None)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="green-pg-") as folder, postgresql(Path(folder)) as running:
        yield running


@contextmanager
def postgresql(folder: Path) -> Iterator[Server]:
    """Run a server on what a folder holds, or make it there."""
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL's server is not installed (Debian: apt-get install postgresql)")
    # The server refuses to run as root; another user needs a folder that it can reach.
    as_user: dict[str, Any] = {}
    folder.mkdir(exist_ok=True)
    if os.name == "posix" and os.geteuid() == 0:
        import pwd

        names = {entry.pw_name for entry in pwd.getpwall()}
        owner = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
        as_user = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    secret = folder / "secret"
    secret.write_text(PASSWORD, encoding="utf-8")
    secret.chmod(0o644)
    data = folder / "data"
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(folder)}
    options = ["-D", str(data), "-U", "green", "-A", "scram-sha-256", f"--pwfile={secret}", "-EUTF8"]
    if not data.exists():
        subprocess.run(
            [str(programs / "initdb"), *options],
            check=True,
            capture_output=True,
            env=environment,
            cwd=folder,
            **as_user,
        )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": folder, "fsync": "off"}
    log = (folder / "log").open("wb")
    process = subprocess.Popen(
        [str(programs / "postgres"), "-D", str(data), *(f"--{key}={value}" for key, value in settings.items())],
        stdout=log,
        stderr=log,
        env=environment,
        cwd=folder,
        **as_user,
    )
    try:
        _wait(Server(port), process, folder / "log")
        yield Server(port)
    finally:
        process.send_signal(signal.SIGINT)  # end now, without waiting for clients
        process.wait(timeout=600)
        log.close()


def _wait(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    import psycopg

    deadline = time.monotonic() + 180
    while True:
        try:
            psycopg.connect(server.url(), connect_timeout=5).close()
            return
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(log.read_text(encoding="utf-8", errors="replace")) from None
            time.sleep(0.1)


@pytest.fixture
def file_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'kept' / 'ledger.sqlite'}"


@pytest.fixture
def server_url(server: Server) -> str:
    return server.database()


@pytest.fixture(params=["sqlite", "postgresql"])
def any_url(request: pytest.FixtureRequest) -> str:
    """The URL of a fresh ledger, once in each kind of database."""
    return str(request.getfixturevalue("file_url" if request.param == "sqlite" else "server_url"))


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that another user can reach, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="green-"))
    folder.chmod(0o755)
    yield folder
    for part in [folder, *folder.rglob("*")]:
        if part.is_dir():
            part.chmod(0o755)
    shutil.rmtree(folder)
