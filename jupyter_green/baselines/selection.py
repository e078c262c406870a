"""Which baseline a notebook is compared with: the selection, the active baseline, and baseline files.

Plain values; only `read_file` does I/O.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from jupyter_green.errors import GreenError
from jupyter_green.records import EnergyRecord

from .baseline import Baseline

Rule = Literal["median", "last", "named", "file", "none"]
LONGEST_FILE = 200_000_000
"""Largest baseline file that is read, in bytes."""
WORDS = ("last", "median", "none")
"""Reserved words that are not names of kept baselines."""


class BaselineError(GreenError, ValueError):
    """A command about baselines can't be carried out; the message is one sentence that says what to do."""


@dataclass(frozen=True)
class BaselineSelection:
    """Which baseline a notebook is compared with.

    Parameters
    ----------
    rule : {"median", "last", "named", "file", "none"}
        How the baseline is chosen.
    name : str or None
        Name of a kept baseline, or path of a file.
    tolerance : float
        Share above the baseline that is not yet excess; 0.05 is 5 %.
    """

    rule: Rule = "median"
    name: str | None = None
    tolerance: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {"rule": self.rule, "name": self.name, "tolerance": self.tolerance}

    @classmethod
    def from_dict(cls, data: dict[str, Any] | None) -> BaselineSelection:
        """Rebuild a selection; the default where the data is missing or of an unknown rule."""
        if data is None or data.get("rule") not in ("median", "last", "named", "file", "none"):
            return cls()
        tolerance = data.get("tolerance")
        valid = isinstance(tolerance, (int, float)) and math.isfinite(tolerance) and tolerance >= 0
        name = data.get("name")
        return cls(data["rule"], None if name is None else str(name), float(tolerance) if valid and tolerance else 0.0)


@dataclass(frozen=True)
class ActiveBaseline:
    """The baseline that a run is compared with now.

    Parameters
    ----------
    choice : BaselineSelection
        The selection.
    baseline : Baseline or None
        The selected baseline; None if there is none to compare with.
    last : Baseline or None
        The previous run.
    sentence : str or None
        Why the selected baseline is not available.
    """

    choice: BaselineSelection = field(default_factory=BaselineSelection)
    baseline: Baseline | None = None
    last: Baseline | None = None
    sentence: str | None = None


def chosen_name(text: str) -> str:
    """Return a name under which a run can be kept, stripped.

    Raises
    ------
    BaselineError
        If it is not a valid name.
    """
    from jupyter_green.storage.baselines import LONGEST_NAME, is_name

    name = text.strip()
    if name in WORDS:
        raise BaselineError(f"{name!r} is a reserved name; choose another one.")
    if not is_name(name):
        raise BaselineError(f"A baseline's name has 1 to {LONGEST_NAME} characters and is not only dots.")
    return name


def read_file(path: Path) -> Baseline:
    """Read a baseline file: a report of ``jupyter green run --json``, or the data of ``%baseline show``.

    Raises
    ------
    BaselineError
        If the file can't be read or is not a baseline.
    """
    name = path.name
    try:
        if path.stat().st_size > LONGEST_FILE:
            raise BaselineError(f"{name} is larger than {LONGEST_FILE // 1_000_000} MB, too large for a baseline.")
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BaselineError(
            f"There is no baseline or file {str(path)!r}; %baseline list shows what was kept, and "
            "`jupyter green run NOTEBOOK --json FILE` makes a file."
        ) from None
    except OSError as error:
        raise BaselineError(f"{name} can't be read: {error.strerror or error}.") from None
    except (ValueError, RecursionError):
        raise BaselineError(f"{name} is not a JSON file; `jupyter green run NOTEBOOK --json FILE` makes one.") from None
    try:
        if isinstance(data, dict) and isinstance(data.get("records"), list):
            records = [EnergyRecord.from_dict(item) for item in data["records"]]
            baseline = Baseline.of_run(records, "file", name)
            if baseline is None:
                raise BaselineError(f"{name} contains no finished cell with a reading.")
            return baseline
        return Baseline.from_dict(data, "file", name)
    except BaselineError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BaselineError(f"{name} is not a baseline: {' '.join(str(error).split())}.") from None
