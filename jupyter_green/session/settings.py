"""Settings of a session: environment variables, which traitlets config may override.

Read once when the session starts, without access to hardware.
"""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from jupyter_green.impact import Valuation
from jupyter_green.storage.location import hidden, ledger_url, no_home_note

_VARIABLES = (
    *("JUPYTER_GREEN_PROJECT", "JUPYTER_GREEN_NOTEBOOK", "JPY_SESSION_NAME", "JUPYTER_GREEN_RUN"),
    *("JUPYTER_GREEN_REGION", "JUPYTER_GREEN_PUE", "JUPYTER_GREEN_TARIFF"),
)


@dataclass(frozen=True)
class Settings:
    """Settings of one session."""

    ledger: str = field(repr=False)  # may contain a password
    """Database URL of the ledger."""
    project: str
    """Name that groups records: ``JUPYTER_GREEN_PROJECT``, else the name of the git root, else of the working folder.
    """
    notebook: str | None = None
    """Name of the notebook, if the front end reports it."""
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    """Id of this run, from kernel start to restart."""
    valuation: Valuation = field(default_factory=Valuation)
    """Converts joules to CO2e and money; inactive until a region or a tariff is set."""
    problem: str | None = None
    """Which settings are ignored because they are invalid, or what this user lacks, and how to fix it; None if nothing
    is wrong.
    """
    faulty: tuple[str, ...] = ()
    """Which of "region", "pue" and "tariff" are ignored."""

    @classmethod
    def from_environment(cls, *, sound: bool = False, **given: str | None) -> Settings:
        """Read the environment; keyword arguments (ledger, project, region, pue, tariff) override it.

        Parameters
        ----------
        sound : bool
            Ignore an invalid region, tariff or PUE, and report it in `problem`.

        Raises
        ------
        ValueError
            If the ledger URL is invalid, or the region, tariff or PUE and `sound` is false.
        """
        ledger = ledger_url(hidden(given.pop("ledger", None) or None))
        overrides = {f"JUPYTER_GREEN_{name.upper()}": value for name, value in given.items() if value}
        # Only what is read: tracebacks may list local variables.
        variables = {name: os.environ[name] for name in _VARIABLES if name in os.environ} | overrides
        valuation, faults = Valuation.sound(variables) if sound else (Valuation.from_environment(variables), {})
        notebook = variables.get("JUPYTER_GREEN_NOTEBOOK") or variables.get("JPY_SESSION_NAME")
        return cls(
            ledger=ledger,
            project=variables.get("JUPYTER_GREEN_PROJECT") or _working_project(),
            notebook=Path(notebook).name if notebook else None,
            run_id=variables.get("JUPYTER_GREEN_RUN") or uuid.uuid4().hex,
            valuation=valuation,
            problem=" ".join(text for text in (*faults.values(), no_home_note()) if text) or None,
            faulty=tuple(faults),
        )


def _working_project() -> str:
    try:
        return project_name(Path.cwd())
    except OSError:  # the working folder was deleted
        return "unnamed"


def project_name(folder: Path) -> str:
    """Name of the git root above a folder, else of the folder itself."""
    for ancestor in (folder, *folder.parents):
        if (ancestor / ".git").exists():
            return ancestor.name
    return folder.name or "unnamed"
