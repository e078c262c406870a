"""The facts of an energy label, without how it looks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jupyter_green.records import Quality

from .completion_check import CompletionCheck

SCHEMA = 1
PHASES = "preparing, prefill and decode together, from the example to the answer"


@dataclass(frozen=True, repr=False)
class LabelData:
    """An energy label, which shows itself.

    Parameters
    ----------
    model, task : str
        What was labelled, and for what; the task is empty where nobody said.
    wh_per_1000 : float or None
        Wh for 1,000 units; None where the label is not valid.
    low, high : float or None
        Its 95 % interval: runs' spread and the sensors' own doubt.
    quality : str
        "measured", "estimated" or "simulated".
    boundary : str
        Devices whose joules are in it.
    hardware : str
        What it ran on.
    units, runs, batch : int
        Units of each run, how many runs, units at a time.
    gate : CompletionCheck
        What shows that the work was done.
    problems : tuple of str
        Why it is not valid; empty where it is.
    stars : int or None
        1 to 5 among `peers`; None without peers.
    edition : str
        Whose stars these are.
    peers : mapping of str to float
        Wh per 1,000 of the models compared with.
    size_class : str
        "A", "B", "C", or "" where the size is not known.
    differences : tuple of str
        In what it departs from the official way; empty where it doesn't.
    date, link : str
        For people.
    whole_wh_per_1000 : float or None
        The same over all devices that were read.
    precision : str
        Of the weights, such as "float32"; empty where it is not told.
    """

    model: str
    task: str
    wh_per_1000: float | None
    low: float | None
    high: float | None
    quality: Quality
    boundary: str
    hardware: str
    units: int
    runs: int
    batch: int
    gate: CompletionCheck
    problems: tuple[str, ...] = ()
    stars: int | None = None
    edition: str = ""
    peers: Mapping[str, float] = field(default_factory=dict)
    size_class: str = ""
    differences: tuple[str, ...] = ()
    date: str = ""
    link: str = ""
    whole_wh_per_1000: float | None = None
    precision: str = ""

    @property
    def valid(self) -> bool:
        """Whether the gate was passed."""
        return not self.problems

    @property
    def comparable(self) -> bool:
        """Whether it was measured the official way, on one H100."""
        return self.valid and not self.differences

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON-ready data."""
        gate = {name: value for name, value in vars(self.gate).items() if value is not None}
        return {
            "schema": SCHEMA,
            "model": self.model,
            "task": self.task,
            "valid": self.valid,
            "problems": list(self.problems),
            "wh_per_1000": self.wh_per_1000,
            "interval_95": None if self.low is None else [self.low, self.high],
            "quality": self.quality,
            "boundary": self.boundary,
            "all_devices_wh_per_1000": self.whole_wh_per_1000,
            "hardware": self.hardware,
            "units": self.units,
            "runs": self.runs,
            "batch": self.batch,
            "gate": gate,
            "stars": self.stars,
            "edition": self.edition,
            "peers_wh_per_1000": dict(self.peers),
            "class": self.size_class,
            "precision": self.precision or None,
            "phases": PHASES,
            "comparable_with_official_scores": self.comparable,
            "differences": list(self.differences),
            "date": self.date,
            "link": self.link,
        }
