"""What the lines of a notebook tried: under which label, with which object, and what ran elsewhere.

Records carry names, and a name may stand for something else by now: a figure is told of a model only while the name
still stands for what was run. Objects are referred to weakly, so that nothing is kept alive for it.
"""

from __future__ import annotations

import statistics
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from jupyter_green.records import EnergyRecord, clock


@dataclass(frozen=True)
class ModelRun:
    """One model's part of a line.

    Parameters
    ----------
    label : str
        Of its records.
    model : weakref
        What was run.
    began, ended : float
        Seconds since 1970.
    """

    label: str
    model: weakref.ref[Any]
    began: float
    ended: float


class ModelRuns:
    """The newest trial of each name, and the names of what ran elsewhere."""

    def __init__(self) -> None:
        self._newest: dict[str, ModelRun] = {}
        self.remote: dict[str, None] = {}

    @contextmanager
    def running(self, models: Mapping[str, Any], label: str) -> Iterator[None]:
        """Note models by their names when what runs inside has ended well.

        Parameters
        ----------
        models : mapping of str to object
            What is run.
        label : str
            Of its records, with `{}` for the name.
        """
        began = clock.wall()
        yield
        for name, model in models.items():
            try:
                held = weakref.ref(model)
            except TypeError:  # a number, or an object without a place for it
                continue
            self._newest[name] = ModelRun(label.format(name), held, began, clock.wall())

    def record(self, name: str, model: Any, finished: Sequence[EnergyRecord]) -> EnergyRecord | None:
        """Return the run in the middle of a model's newest trial by joules per unit; None where it was not tried.

        Parameters
        ----------
        name : str
            What the model is called.
        model : object
            What the name stands for now.
        finished : sequence of EnergyRecord
            All of the session.
        """
        trial = self._newest.get(name)
        if trial is None or trial.model() is not model:
            return None
        runs = [
            one
            for one in finished
            if one.label == trial.label
            and trial.began <= one.started_at <= trial.ended
            and one.joules_per_unit is not None
            and not one.below_resolution
        ]
        if not runs:
            return None
        middle = statistics.median_low(one.joules_per_unit or 0.0 for one in runs)
        return next(one for one in runs if one.joules_per_unit == middle)
