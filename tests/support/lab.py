"""A real JupyterLab in a process of its own, from the environment that the wheel was installed into.

Its PATH holds that environment and nothing else: there is no Node on it, whatever the machine has.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.installation import python
from tests.support.jupyter_server import JupyterServer


@dataclass
class Lab(JupyterServer):
    """A server with JupyterLab and the package; `with` starts and ends it.

    Parameters
    ----------
    installed : Path
        The environment.
    switched_off : sequence of str
        Front-end extensions that the server's administrator has disabled.
    extensions : mapping
        Server extensions to enable or disable, beside those that their packages enable.
    """

    installed: Path = Path()
    switched_off: Sequence[str] = ()
    extensions: Mapping[str, bool] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        """The folder whose notebooks it shows."""
        return self.folder / "work"

    @property
    def path(self) -> str:
        """The PATH of the server and of its kernels."""
        return str(python(self.installed).parent)

    @property
    def variables(self) -> dict[str, str]:
        """The environment of the server, in which its commands run too."""
        return self._variables()

    @property
    def settings(self) -> Path:
        """Where a person's settings lie."""
        return self.home / "config" / "lab" / "user-settings"

    def kernel(
        self,
        name: str,
        *,
        interpreter: Path | None = None,
        module: str | Path = "ipykernel_launcher",
        language: str = "python",
        environment: Mapping[str, str] | None = None,
    ) -> str:
        """Offer a kernel under a name, with variables of its own; return the name."""
        started = ["-m", str(module)] if isinstance(module, str) else [str(module)]
        folder = self.home / "jupyter-data" / "kernels" / name
        folder.mkdir(parents=True, exist_ok=True)
        spec = {
            "argv": [str(interpreter or python(self.installed)), *started, "-f", "{connection_file}"],
            "display_name": name.capitalize(),
            "language": language,
            "env": {**(environment or {})},
            "metadata": {"debugger": False},
        }
        (folder / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
        return name

    @contextmanager
    def preferring(self, **settings: Any) -> Iterator[Path]:
        """Let pages that are opened meanwhile find these settings of ours, as a person chose them, in this file."""
        chosen = self.settings / "jupyter-green" / "panel.jupyterlab-settings"
        chosen.parent.mkdir(parents=True, exist_ok=True)
        chosen.write_text(json.dumps(settings), encoding="utf-8")
        try:
            yield chosen
        finally:
            chosen.unlink()

    # ---- how it is started --------------------------------------------------------------------

    def _configure(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        self._write("jupyter_server_config", {"ServerApp": {"jpserver_extensions": dict(self.extensions)}})
        disabled = ["@jupyterlab/apputils-extension:announcements", *self.switched_off]
        self._write("labconfig/page_config", {"disabledExtensions": dict.fromkeys(disabled, True)})

    def _command(self) -> list[str]:
        flags = ["--LabApp.expose_app_in_browser=True", "--JupyterNotebookApp.expose_app_in_browser=True"]
        return [str(python(self.installed)), "-m", "jupyterlab", *self._options(), *flags]

    def _variables(self) -> dict[str, str]:
        folders = {"IPYTHONDIR": str(self.home / "ipython"), "PATH": self.path, "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
        kept = {name: text for name, text in self._own_folders().items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
        return {**kept, **folders, **self.environment}
