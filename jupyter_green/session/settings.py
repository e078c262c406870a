"""What a session is told from outside: environment variables, which traitlets config may override.

Read once when the session starts; nothing here looks at hardware.
"""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from jupyter_green.impact import Valuation
from jupyter_green.storage.location import homeless, ledger_url


@dataclass(frozen=True)
class Settings:
    """Settings of one session.

    Parameters
    ----------
    ledger : str
        Database URL of the ledger.
    project : str
        Name under which records are grouped: ``JUPYTER_GREEN_PROJECT``, else the name of the git
        root, else of the working folder.
    notebook : str or None
        Name of the notebook, where the front end tells it.
    run_id : str
        Identity of this run, kernel start to restart.
    valuation : Valuation
        How joules become CO2e and money; does nothing until a region or a tariff is set.
    problem : str or None
        Which setting is left out because it makes no sense, or what this user lacks, and how to mend it; None where
        nothing is wrong.
    faulty : tuple of str
        Which of "region", "pue" and "tariff" are left out.
    """

    ledger: str = field(repr=False)  # it may hold a password
    project: str
    notebook: str | None = None
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    valuation: Valuation = field(default_factory=Valuation)
    problem: str | None = None
    faulty: tuple[str, ...] = ()

    @classmethod
    def from_environment(cls, *, sound: bool = False, **given: str | None) -> Settings:
        """Read the environment; values given by name (ledger, project, region, pue, tariff) win over it.

        Parameters
        ----------
        sound : bool
            Leave out a region, tariff or PUE that makes no sense, and say so in `problem`.

        Raises
        ------
        ValueError
            If a ledger URL makes no sense, or a region, tariff or PUE that is not left out; one sentence.
        """
        told = {f"JUPYTER_GREEN_{name.upper()}": value for name, value in given.items() if value}
        found = {**os.environ, **told}
        valuation, faults = Valuation.sound(found) if sound else (Valuation.from_environment(found), {})
        notebook = found.get("JUPYTER_GREEN_NOTEBOOK") or found.get("JPY_SESSION_NAME")
        return cls(
            ledger=ledger_url(found.get("JUPYTER_GREEN_LEDGER")),
            project=found.get("JUPYTER_GREEN_PROJECT") or _working_project(),
            notebook=Path(notebook).name if notebook else None,
            run_id=found.get("JUPYTER_GREEN_RUN") or uuid.uuid4().hex,
            valuation=valuation,
            problem=" ".join(said for said in (*faults.values(), homeless()) if said) or None,
            faulty=tuple(faults),
        )


def _working_project() -> str:
    try:
        return project_name(Path.cwd())
    except OSError:  # the working folder was removed
        return "unnamed"


def project_name(folder: Path) -> str:
    """Name of the git root above a folder, else of the folder itself."""
    for place in (folder, *folder.parents):
        if (place / ".git").exists():
            return place.name
    return folder.name or "unnamed"
