"""Disclosure of energy: labels, model cards, exports and usage reports that contain every required fact."""

from __future__ import annotations

from .builder import disclose
from .codecarbon_csv import emissions_csv
from .completion_check import CompletionCheck
from .disclosure import Disclosure, Utilisation
from .errors import DiscloseError
from .folder_check import audit, schema
from .label import Label, label
from .logger import Logger, MlflowLogger, log
from .model_card import model_card
from .protocol import Runs, measure, thirds
from .rating import stars
from .sci import Sci, sci, training_share
from .trainer import trainer_callback

__all__ = [
    "CompletionCheck",
    "DiscloseError",
    "Disclosure",
    "Label",
    "Logger",
    "MlflowLogger",
    "Runs",
    "Sci",
    "Utilisation",
    "audit",
    "disclose",
    "emissions_csv",
    "label",
    "log",
    "measure",
    "model_card",
    "schema",
    "sci",
    "stars",
    "thirds",
    "trainer_callback",
    "training_share",
]
