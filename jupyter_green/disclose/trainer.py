"""Energy of a training with transformers' Trainer: a callback that meters it from its first step to its last.

What is logged while it trains is marked as so far; the settled record is there when it has ended, and is handed to a
logger where there is one. A training that raises, or is given up, counts up to where it was last seen at work.
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
"""Name in the trainer's own log of what was used up to then."""


def trainer_callback(label: str = "train", *, logger: Logger | None = None, session: Session | None = None) -> Any:
    """Return a callback for ``Trainer(callbacks=[...])`` that meters the training.

    Parameters
    ----------
    label : str
        Name in the ledger.
    logger : Logger, optional
        What the settled record is handed to.
    session : Session, optional
        Who meters; this process' otherwise.

    Returns
    -------
    transformers.TrainerCallback
        With ``record``, the settled record of the last training, None before.

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

    class EnergyCallback(TrainerCallback):  # type: ignore[misc]  # transformers is taken as untyped
        """Meters a training."""

        def __init__(self) -> None:
            self._window: Window | None = None

        @property
        def record(self) -> EnergyRecord | None:
            """The settled record of the last training that ended."""
            if self._window is None or self._window.closed is None:
                return None
            return self._window.record

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            """Open the window; one left open by a training that broke off is closed first."""
            self._close("error")
            held = current() if session is None else session
            self._window = held.window("window", label=label, unit="step")
            self._window.owner = Owner.here("transformers")
            self._window.__enter__()

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            """Note that the training is at work, and the steps that it has done."""
            if self._window is not None and self._window.closed is None:
                self._window.facts["units"] = float(state.global_step) or None
                self._window.seen = self._window.session.edge()

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            """Put what was used so far into what is logged."""
            if self._window is None or self._window.closed is not None or logs is None:
                return
            joules = self._window.so_far().joules
            if joules is not None:
                logs[SO_FAR] = round(joules, 3)

        def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            """Close the window with the steps that were done, and tell the logger."""
            if self._window is None or self._window.closed is not None:
                return
            synchronize()
            self._window.facts["units"] = float(state.global_step) or None
            self._close("ok")
            if logger is not None and self.record is not None:
                log(self.record, logger, step=int(state.global_step))

        def _close(self, status: Any) -> None:
            if self._window is not None and self._window.closed is None:
                last = None if status == "ok" else self._window.seen
                self._window.session.close(self._window, status, at=last)

    return EnergyCallback()
