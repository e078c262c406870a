"""One way to hand figures to whatever keeps experiments: a logger takes numbers and words, and MLflow is one of them.

A figure goes out with what it may be called, because a number alone is taken for measured. What is not known is left
out; a tracker that shows 0 for it would lie for us.
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
    """Keeps what an experiment used."""

    def numbers(self, values: Mapping[str, float], step: int | None = None) -> None:
        """Keep numbers, at a step of the experiment where there is one."""

    def words(self, values: Mapping[str, str]) -> None:
        """Keep what the numbers may be called and what they cover."""


def log(record: EnergyRecord, logger: Logger, *, step: int | None = None, prefix: str = PREFIX) -> None:
    """Hand a record to a logger.

    Parameters
    ----------
    record : EnergyRecord
        What was metered.
    logger : Logger
        Where to.
    step : int, optional
        Of the experiment.
    prefix : str
        Before each name.
    """
    numbers = numbers_of(record)
    if numbers:
        logger.numbers({f"{prefix}.{name}": value for name, value in numbers.items()}, step)
    logger.words({f"{prefix}.{name}": value for name, value in words_of(record).items()})


def numbers_of(record: EnergyRecord) -> dict[str, float]:
    """Return what is known of a record in numbers: joules, seconds, grams of CO2e; what is not known is left out."""
    found = {
        "joules": record.joules,
        "joules_uncertainty": record.uncertainty,
        "seconds": record.seconds,
        "measured_share": record.measured_share,
        "joules_per_unit": record.joules_per_unit,
        "co2e_grams": record.co2e_grams,
        "cost": record.cost,
    }
    return {name: float(value) for name, value in found.items() if value is not None and math.isfinite(value)}


def words_of(record: EnergyRecord) -> dict[str, str]:
    """Return what the numbers may be called and what they cover."""
    found = {
        "quality": record.quality if record.joules is not None else "no reading",
        "boundary": boundary_of(record),
        "status": record.status,
        "unit": record.unit or "",
        "currency": record.currency or "",
        "co2e_source": record.co2e_source or "",
    }
    return {name: value for name, value in found.items() if value}


class MlflowLogger:
    """Keeps figures in a run of MLflow: the one that is active, or a named one.

    Parameters
    ----------
    run_id : str, optional
        Which run; the active one otherwise, begun if there is none.

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
        """Keep numbers as metrics."""
        self._mlflow.log_metrics(dict(values), step=step, run_id=self._run_id)

    def words(self, values: Mapping[str, str]) -> None:
        """Keep words as tags."""
        if self._run_id is None:
            self._mlflow.set_tags(dict(values))
            return
        client = self._mlflow.MlflowClient()
        for name, value in values.items():
            client.set_tag(self._run_id, name, value)
