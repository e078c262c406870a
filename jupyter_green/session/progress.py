"""A tqdm progress bar that also shows joules: so far, and predicted for the whole loop.

The energy is refreshed when the bar redraws, at most once a second, so that fast loops are not slowed.
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
from .loop_prediction import Iterations, Prediction, predict
from .window import status_of

REFRESH_SECONDS = 1.0


class track(tqdm):  # type: ignore[type-arg]  # noqa: N801 - used like tqdm, named like it
    """Iterate with a progress bar that shows joules: ``for batch in green.track(loader): ...``.

    Parameters
    ----------
    iterable : iterable
        What to iterate over.
    total : int, optional
        Number of items, if the iterable has no length; without it nothing is predicted.
    **options
        As for ``tqdm``.

    Attributes
    ----------
    record : EnergyRecord
        Energy of the loop, once it has ended.
    prediction : Prediction or None
        Predicted energy of the whole loop with its interval.
    """

    def __init__(self, iterable: Iterable[Any] | None = None, total: float | None = None, **options: Any) -> None:
        self.prediction: Prediction | None = None
        self._stretches: list[Iterations] = []
        self._window = current().window(label=options.get("desc"), unit=options.get("unit", "it"))
        self._seen = 0.0
        self._mark: tuple[float, float] | None = None
        self._looked = clock.monotonic()
        self._window.__enter__()
        super().__init__(iterable, total=total, **options)

    @property
    def record(self) -> EnergyRecord:
        """The final record of the loop.

        Raises
        ------
        RuntimeError
            While the loop runs.
        """
        return self._window.record

    def update(self, n: float | None = 1) -> bool | None:
        """Advance the bar; refresh its energy once a second."""
        shown = super().update(n)
        if clock.monotonic() - self._looked >= REFRESH_SECONDS:
            self._look()
        return shown

    def close(self) -> None:
        """Close the bar and its window."""
        if self._window.opened is not None and self._window.closed is None:
            self._window.facts["units"] = float(self.n) or None
            error = sys.exc_info()[1]
            # Leaving the loop early closes the generator; this is no error.
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
        """Add a stretch up to the previous refresh; sensors may not have reported the latest moments yet."""
        if self._mark is None:
            return
        end, count = self._mark
        start, _ = self._window.bounds()
        parts = [part for part in self._window.session.meter.components(start, end) if part.joules is not None]
        joules = math.fsum(part.joules or 0.0 for part in parts)
        if joules <= 0 or count <= self._seen:
            return
        self._stretches.append(
            Iterations(count - self._seen, joules - math.fsum(item.joules for item in self._stretches))
        )
        self._seen = count
        gain_joules = sum(part.gain_uncertainty or 0.0 for part in parts)
        self.prediction = predict(self._stretches, self.total, uncertainty=gain_joules / joules) if self.total else None
