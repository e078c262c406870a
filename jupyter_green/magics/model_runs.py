"""Models that magics ran, with the label of their records, and names of models that ran elsewhere.

Records hold names only, and a name may be rebound. A record is attributed to a model only while its name still refers
to the object that was run. Objects are weakly referenced.
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
    """One run of a model by a magic."""

    label: str
    """Label of its records."""
    model: weakref.ref[Any]
    began: float
    ended: float
    """Start and end in seconds since 1970."""


class ModelRuns:
    """The newest run of each name, and names of models that ran elsewhere."""

    def __init__(self) -> None:
        self._newest: dict[str, ModelRun] = {}
        self.remote: dict[str, None] = {}

    @contextmanager
    def running(self, models: Mapping[str, Any], label: str) -> Iterator[None]:
        """Register models by name if the block ends without an error.

        `label` is that of their records, with {} for the name.
        """
        began = clock.wall()
        yield
        for name, model in models.items():
            try:
                reference = weakref.ref(model)
            except TypeError:  # not weakly referenceable
                continue
            self._newest[name] = ModelRun(label.format(name), reference, began, clock.wall())

    def record(self, name: str, model: Any, finished: Sequence[EnergyRecord]) -> EnergyRecord | None:
        """Return the record with the median joules per unit of a model's newest run; None if it was not run.

        `model` is what the name refers to now, `finished` are the session's final records.
        """
        model_run = self._newest.get(name)
        if model_run is None or model_run.model() is not model:
            return None
        records = [
            candidate
            for candidate in finished
            if candidate.label == model_run.label
            and model_run.began <= candidate.started_at <= model_run.ended
            and candidate.joules_per_unit is not None
            and not candidate.below_resolution
        ]
        if not records:
            return None
        median = statistics.median_low(candidate.joules_per_unit or 0.0 for candidate in records)
        return next(candidate for candidate in records if candidate.joules_per_unit == median)
