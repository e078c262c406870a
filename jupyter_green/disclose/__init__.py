"""Floor 6: what others are told: labels, model cards, tables and reports that leave out nothing that belongs there."""

from __future__ import annotations

from .audit import audit, schema
from .card import model_card
from .disclosure import Disclosure, Utilisation
from .emissions import emissions_csv
from .fault import DiscloseError
from .gate import Gate
from .label import Label, label
from .logger import Logger, MlflowLogger, log
from .making import disclose
from .protocol import Runs, measure, thirds
from .sci import Sci, sci, training_share
from .stars import stars
from .trainer import trainer_callback

__all__ = [
    "DiscloseError",
    "Disclosure",
    "Gate",
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
