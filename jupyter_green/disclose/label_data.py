"""The data of an energy label, without its rendering."""

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
    """The data of an energy label.

    Parameters
    ----------
    model, task : str
        The model, and what it was run for; the task is empty if not stated.
    wh_per_1000 : float or None
        Wh per 1,000 units; None if the label is not valid.
    low, high : float or None
        95 % interval of `wh_per_1000`: the runs' scatter and the sensors' own errors.
    quality : str
        "measured", "estimated" or "simulated".
    boundary : str
        Devices whose energy is included.
    hardware : str
        Devices that were read.
    units, runs, batch : int
        Units per run, number of runs, batch size.
    gate : CompletionCheck
        Evidence that the work was done.
    problems : tuple of str
        Why the label is not valid; empty if it is valid.
    stars : int or None
        1 to 5 among `peers`; None without peers.
    edition : str
        Name of the comparison that the stars refer to.
    peers : mapping of str to float
        Wh per 1,000 of the models compared with.
    size_class : str
        "A", "B", "C", or "" if the size is unknown.
    differences : tuple of str
        Departures from the official protocol; empty if there are none.
    date, link : str
        Shown on the label.
    whole_wh_per_1000 : float or None
        Wh per 1,000 units over all devices that were read.
    precision : str
        Number format of the weights, such as "float32"; empty if unknown.
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
        """Whether the work was completed as expected."""
        return not self.problems

    @property
    def comparable(self) -> bool:
        """Whether it was measured by the official protocol, on one H100."""
        return self.valid and not self.differences

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
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
