"""A progress bar that also shows joules: so far, and predicted for the whole loop.

It is tqdm's own bar, with its look and its options; the figures are taken when the bar redraws, at most
once a second, so that a fast loop is not slowed.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from typing import Any

from tqdm.auto import tqdm

from jupyter_green.records import EnergyRecord, clock
from jupyter_green.reporting.numbers import energy, plain

from . import current
from .loop_prediction import Prediction, Stretch, predict
from .window import status_of

REFRESH_SECONDS = 1.0


class track(tqdm):  # type: ignore[type-arg]  # noqa: N801 - used like tqdm, named like it
    """Iterate with a bar that shows joules: ``for batch in green.track(loader): ...``.

    Parameters
    ----------
    iterable : iterable
        What to go through.
    total : int, optional
        Number of items, where the iterable can't tell; without it nothing is predicted.
    **options
        As for ``tqdm``.

    Attributes
    ----------
    record : EnergyRecord
        The loop's energy, once it has ended.
    prediction : Prediction or None
        Joules of the whole loop with their interval.
    """

    def __init__(self, iterable: Iterable[Any] | None = None, total: float | None = None, **options: Any) -> None:
        self.prediction: Prediction | None = None
        self._stretches: list[Stretch] = []
        self._window = current().window(label=options.get("desc"), unit=options.get("unit", "it"))
        self._seen = 0.0
        self._mark: tuple[float, float] | None = None
        self._looked = clock.monotonic()
        self._window.__enter__()
        super().__init__(iterable, total=total, **options)

    @property
    def record(self) -> EnergyRecord:
        """The settled record of the loop; raises RuntimeError while it runs."""
        return self._window.record

    def update(self, n: float | None = 1) -> bool | None:
        """Advance the bar, and refresh its joules once a second."""
        shown = super().update(n)
        if clock.monotonic() - self._looked >= REFRESH_SECONDS:
            self._look()
        return shown

    def close(self) -> None:
        """End the bar and its window."""
        if self._window.opened is not None and self._window.closed is None:
            self._window.facts["units"] = float(self.n) or None
            error = sys.exc_info()[1]
            # Leaving the loop early closes the generator: that is no error.
            self._window.session.close(self._window, status_of(None if isinstance(error, GeneratorExit) else error))
        super().close()

    def _look(self) -> None:
        self._looked = clock.monotonic()
        record = self._window.so_far()
        if record.joules is None or self.n <= self._seen:
            return
        self._book()
        self._mark = clock.perf_counter(), self.n
        text = f"{energy(record.joules)} so far"
        if self.prediction is not None:
            text += f", {energy(self.prediction.joules, self.prediction.uncertainty)} in all"
        self.set_postfix_str(plain(f"{text}, {record.quality}"), refresh=False)

    def _book(self) -> None:
        """Book what was used up to the look before this one: of the last moments not every sensor has told yet."""
        if self._mark is None:
            return
        end, count = self._mark
        start, _ = self._window.bounds()
        parts = [part for part in self._window.session.meter.components(start, end) if part.joules is not None]
        used = math.fsum(part.joules or 0.0 for part in parts)
        if used <= 0 or count <= self._seen:
            return
        self._stretches.append(Stretch(count - self._seen, used - math.fsum(item.joules for item in self._stretches)))
        self._seen = count
        gains = sum(part.gain_uncertainty or 0.0 for part in parts)
        self.prediction = predict(self._stretches, self.total, doubt=gains / used) if self.total else None
