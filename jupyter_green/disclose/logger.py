"""Logging of energy figures to experiment trackers, through a small protocol that MLflow implements here.

A figure is logged together with its quality, because a bare number is taken for measured. Unknown values are left out
instead of being logged as 0.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping
from typing import Protocol

from jupyter_green.records import EnergyRecord

from .errors import DiscloseError
from .sci import boundary_of

PREFIX = "energy"


class Logger(Protocol):
    """An experiment tracker."""

    def numbers(self, values: Mapping[str, float], step: int | None = None) -> None:
        """Log numbers, at a step of the experiment if given."""

    def words(self, values: Mapping[str, str]) -> None:
        """Log the quality and boundary of the numbers, as text."""


def log(record: EnergyRecord, logger: Logger, *, step: int | None = None, prefix: str = PREFIX) -> None:
    """Log a record.

    Parameters
    ----------
    record : EnergyRecord
        What was metered.
    logger : Logger
        The tracker.
    step : int, optional
        Step of the experiment.
    prefix : str
        Prefix of each name.
    """
    numbers = numbers_of(record)
    if numbers:
        logger.numbers({f"{prefix}.{name}": value for name, value in numbers.items()}, step)
    logger.words({f"{prefix}.{name}": value for name, value in words_of(record).items()})


def numbers_of(record: EnergyRecord) -> dict[str, float]:
    """Return a record's known numbers: joules, seconds, grams of CO2e and others."""
    values = {
        "joules": record.joules,
        "joules_uncertainty": record.uncertainty,
        "seconds": record.seconds,
        "measured_share": record.measured_share,
        "joules_per_unit": record.joules_per_unit,
        "co2e_grams": record.co2e_grams,
        "cost": record.cost,
    }
    return {name: float(value) for name, value in values.items() if value is not None and math.isfinite(value)}


def words_of(record: EnergyRecord) -> dict[str, str]:
    """Return a record's quality, boundary and other text fields; empty ones are left out."""
    values = {
        "quality": record.quality if record.joules is not None else "no reading",
        "boundary": boundary_of(record),
        "status": record.status,
        "unit": record.unit or "",
        "currency": record.currency or "",
        "co2e_source": record.co2e_source or "",
    }
    return {name: value for name, value in values.items() if value}


class MlflowLogger:
    """Logs to a run of MLflow.

    Parameters
    ----------
    run_id : str, optional
        The run; by default the active one, which is started if there is none.

    Raises
    ------
    DiscloseError
        If MLflow is not installed.
    """

    def __init__(self, run_id: str | None = None) -> None:
        try:
            self._mlflow = importlib.import_module("mlflow")
        except ModuleNotFoundError as error:
            if error.name != "mlflow":
                raise
            raise DiscloseError("mlflow is not installed; run: pip install 'jupyter_green[mlflow]'.") from None
        self._run_id = run_id

    def numbers(self, values: Mapping[str, float], step: int | None = None) -> None:
        """Log numbers as metrics."""
        self._mlflow.log_metrics(dict(values), step=step, run_id=self._run_id)

    def words(self, values: Mapping[str, str]) -> None:
        """Log texts as tags."""
        if self._run_id is None:
            self._mlflow.set_tags(dict(values))
            return
        client = self._mlflow.MlflowClient()
        for name, value in values.items():
            client.set_tag(self._run_id, name, value)
