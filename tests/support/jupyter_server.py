"""A real Jupyter Server in a process of its own, on a loopback port, with the extension as the package enables it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "a-token-of-the-tests"
PATIENCE = 180.0
"""Seconds after which a server counts as hung; far above anything a slow machine needs."""


@dataclass
class Answer:
    """What came back."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        """The body, which must be strict JSON."""

        def refuse(name: str) -> None:
            raise AssertionError(f"{name} is not JSON")

        return json.loads(self.body, parse_constant=refuse)

    @property
    def message(self) -> str:
        """The sentence of a refusal; it is all that a refusal says."""
        assert set(self.json) == {"message"}
        said = str(self.json["message"])
        assert said.endswith(".")
        assert "\n" not in said
        assert "Traceback" not in said
        return said


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: Any) -> None:
        return None


@dataclass
class JupyterServer:
    """A server; `with` starts and ends it."""

    folder: Path
    options: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    base_url: str = "/"
    lab: bool = False
    port: int = 0
    """A free one is found where none is given."""

    def __enter__(self) -> JupyterServer:
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.port:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self.port = free.getsockname()[1]
        self.home.mkdir(parents=True, exist_ok=True)
        self._configure()
        self.log = self.folder / "server.log"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command(), cwd=self.folder, stdout=log, stderr=log, env=self._variables()
            )
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(timeout=600)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
                raise

    def _wait(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                with urllib.request.urlopen(self.url("api"), timeout=5):
                    return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(self.said) from None
                time.sleep(0.1)

    # ---- how it is started --------------------------------------------------------------------

    @property
    def home(self) -> Path:
        """HOME of the server and of its kernels."""
        return self.folder / "home"

    @property
    def root(self) -> Path:
        """The folder whose files it shows."""
        return self.folder

    def _configure(self) -> None:
        """Write its configuration."""
        others = {"jupyterlab": False, "jupyter_lsp": False, "notebook_shim": False, "jupyter_server_terminals": False}
        self._write("jupyter_server_config", {"ServerApp": {"jpserver_extensions": {} if self.lab else others}})

    def _write(self, name: str, config: Any) -> None:
        target = self.home / "config" / f"{name}.json"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(config), encoding="utf-8")

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "jupyter_server", "--debug", *self._options()]

    def _options(self) -> list[str]:
        return [
            *("--no-browser", "--allow-root", "--ip=127.0.0.1"),
            *(f"--port={self.port}", "--ServerApp.port_retries=0"),
            *(f"--IdentityProvider.token={TOKEN}", f"--ServerApp.base_url={self.base_url}"),
            f"--ServerApp.root_dir={self.root}",
            *self.options,
        ]

    def _variables(self) -> dict[str, str]:
        """The environment: nothing of the person's Jupyter, the package from this checkout."""
        python = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH", ""), self.environment.get("PYTHONPATH", "")])]
        return {
            **self._own_folders(),
            "JUPYTER_CONFIG_PATH": str(ROOT / "jupyter-config"),
            **self.environment,
            "PYTHONPATH": os.pathsep.join(python),
        }

    def _own_folders(self) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")}
        folders = {
            "HOME": self.home,
            "XDG_DATA_HOME": self.home / "data",
            "JUPYTER_CONFIG_DIR": self.home / "config",
            "JUPYTER_DATA_DIR": self.home / "jupyter-data",
            "JUPYTER_RUNTIME_DIR": self.home / "runtime",
        }
        return {**clean, **{name: str(path) for name, path in folders.items()}}

    @property
    def said(self) -> str:
        """What the server has logged so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    @property
    def data(self) -> Path:
        """Where its person's data lies."""
        return self.home / "data" / "jupyter_green"

    # ---- asking -------------------------------------------------------------------------------

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{self.base_url}{path}"

    def ask(
        self,
        path: str,
        method: str = "GET",
        body: Any = None,
        token: str | None = TOKEN,
        headers: Mapping[str, str] | None = None,
        **arguments: Any,
    ) -> Answer:
        """Ask any route of the server; arguments become the query."""
        query = f"?{urlencode(arguments)}" if arguments else ""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url(path) + query, data=data, method=method, headers=dict(headers or {}))
        if token is not None:
            request.add_header("Authorization", f"token {token}")
        opener = urllib.request.build_opener(_NoRedirect)
        try:
            with opener.open(request, timeout=PATIENCE) as found:
                return Answer(found.status, found.read(), found.headers)
        except urllib.error.HTTPError as refused:
            with refused:
                return Answer(refused.code, refused.read(), refused.headers)

    def green(self, path: str, method: str = "GET", **options: Any) -> Answer:
        """Ask one of our routes."""
        return self.ask(f"jupyter-green/v1/{path}", method, **options)

    async def subscribe(self) -> Any:
        """Connect to the server's events."""
        url = self.url("api/events/subscribe").replace("http:", "ws:")
        return await websocket_connect(HTTPRequest(url, headers={"Authorization": f"token {TOKEN}"}))


async def next_event(connection: Any, schema: str) -> dict[str, Any]:
    """Return the next event of a schema; fails where none comes."""
    while True:
        said = await asyncio.wait_for(connection.read_message(), PATIENCE)
        assert said is not None, "the server has closed the connection"
        event: dict[str, Any] = json.loads(said)
        if event.get("schema_id") == schema:
            return event
