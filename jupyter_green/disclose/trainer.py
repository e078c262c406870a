"""Callback for the transformers Trainer that meters a training from its first to its last step.

Energy logged during training is marked as so far. The final record is available when training has ended, and is passed
to a logger if there is one. A training that raises or is aborted counts up to its last completed step.
"""

from __future__ import annotations

from typing import Any

from jupyter_green.records import EnergyRecord
from jupyter_green.session import Session, Window, current
from jupyter_green.session.accelerator import synchronize
from jupyter_green.session.owner import Owner

from .errors import DiscloseError
from .logger import Logger, log

SO_FAR = "energy_joules_so_far"
"""Key in the trainer's log entries for the energy so far, in joules."""


def trainer_callback(label: str = "train", *, logger: Logger | None = None, session: Session | None = None) -> Any:
    """Return a callback for ``Trainer(callbacks=[...])`` that meters the training.

    Parameters
    ----------
    label : str
        Name in the ledger.
    logger : Logger, optional
        Receives the final record.
    session : Session, optional
        The session that meters; by default the current one.

    Returns
    -------
    transformers.TrainerCallback
        Its attribute ``record`` is the final record of the last training; None before.

    Raises
    ------
    DiscloseError
        If transformers is not installed.
    """
    try:
        from transformers import TrainerCallback
    except ModuleNotFoundError as error:
        if error.name != "transformers":
            raise
        raise DiscloseError("transformers is not installed; run: pip install 'jupyter_green[shrink]'.") from None

    class EnergyCallback(TrainerCallback):  # type: ignore[misc]  # transformers is untyped
        """Meters a training."""

        def __init__(self) -> None:
            self._window: Window | None = None

        @property
        def record(self) -> EnergyRecord | None:
            """The final record of the last training that ended."""
            if self._window is None or self._window.closed is None:
                return None
            return self._window.record

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            """Open the window; one left open by an aborted training is closed first."""
            self._close("error")
            metering_session = current() if session is None else session
            self._window = metering_session.window("window", label=label, unit="step")
            self._window.owner = Owner.here("transformers")
            self._window.__enter__()

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            """Record the number of steps and the time of the last one."""
            if self._window is not None and self._window.closed is None:
                self._window.facts["units"] = float(state.global_step) or None
                self._window.seen = self._window.session.edge()

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            """Add the energy so far to the trainer's log entry."""
            if self._window is None or self._window.closed is not None or logs is None:
                return
            joules = self._window.so_far().joules
            if joules is not None:
                logs[SO_FAR] = round(joules, 3)

        def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            """Close the window with the number of steps, and pass the record to the logger."""
            if self._window is None or self._window.closed is not None:
                return
            synchronize()
            self._window.facts["units"] = float(state.global_step) or None
            self._close("ok")
            if logger is not None and self.record is not None:
                log(self.record, logger, step=int(state.global_step))

        def _close(self, status: Any) -> None:
            if self._window is not None and self._window.closed is None:
                ended = None if status == "ok" else self._window.seen
                self._window.session.close(self._window, status, at=ended)

    return EnergyCallback()
