"""Published energies of AI tasks, each with its source and measurement boundary.

The energy of one model differs by a factor of 8 to 14 between a server with eight GPUs and a single GPU. So each
reference has a boundary, and comparing it with a figure of another boundary is an error.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from jupyter_green.errors import GreenError

SERVER = "server of 8 A100, batch 1; processor and memory by constants (42.5 W, 430.8 W); PUE 1"
BOARD = "one H100, GPU only, batch 1"
SERVING = "GPU only, many requests at once"

POWER_HUNGRY = (
    "Luccioni, Jernite and Strubell, Power Hungry Processing, FAccT 2024; recomputed from the published measurements"
)
AI_ENERGY_SCORE = "AI Energy Score, September 2024 (Hugging Face space AIEnergyScore/Leaderboard)"
ML_ENERGY = "ML.ENERGY leaderboard (GPU only; energy per token depends on how many requests are served at once)"


class OtherBoundary(GreenError, ValueError):
    """Two figures have different boundaries; the message names both."""


@dataclass(frozen=True)
class Reference:
    """A published energy of a task."""

    task: str
    wh_per_1000: float
    """Energy in Wh per 1,000 of `unit`."""
    spread: float | None
    """Standard deviation over models and data sets, in the same unit."""
    count: int
    """Number of measurements."""
    boundary: str
    """What the measurement covers."""
    source: str
    """Publication."""
    model: str = ""
    """Name of the model; empty for a mean over models."""
    unit: str = "query"
    """Unit of work."""

    def times(self, wh_per_1000: float, boundary: str) -> float:
        """Return the ratio of a figure to this reference.

        Parameters
        ----------
        wh_per_1000 : float
            The figure, in Wh per 1,000 of `unit`.
        boundary : str
            The figure's boundary.

        Raises
        ------
        OtherBoundary
            If it differs from the reference's.
        """
        if boundary != self.boundary:
            raise OtherBoundary(
                f"The reference covers {self.boundary!r} and the figure {boundary!r}: no ratio is given."
            )
        return wh_per_1000 / self.wh_per_1000


def _server(task: str, wh: float, spread: float | None, count: int, model: str = "") -> Reference:
    return Reference(task, wh, spread, count, SERVER, POWER_HUNGRY, model)


def _board(task: str, kwh: float, model: str) -> Reference:
    return Reference(task, 1000 * kwh, None, 1, BOARD, AI_ENERGY_SCORE, model)


REFERENCES: tuple[Reference, ...] = (
    _server("text classification", 2.3, 0.8, 460),
    _server("extractive QA", 3.3, 1.5, 240),
    _server("masked language modelling", 3.4, 1.1, 240),
    _server("token classification", 3.6, 1.8, 240),
    _server("image classification", 6.2, 1.5, 480),
    _server("object detection", 38.2, 27.2, 480),
    _server("summarization", 43.9, 18.3, 636),
    _server("text generation", 56.8, 35.4, 240),
    _server("image captioning", 65.2, 27.6, 817),
    _server("image generation", 2665, 3113, 344),
    _server("image generation", 11_304, None, 10, "stable-diffusion-xl"),
    _server("image generation", 1349, None, 10, "stable-diffusion-v1-5"),
    _server("image generation", 755, None, 10, "tiny-sd"),
    _server("image classification", 5.04, None, 10, "resnet-18"),
    _server("image classification", 4.98, None, 10, "mobilenet"),
    _server("text classification", 1.35, None, 10, "sbcBI sentiment"),
    _server("text generation", 95.3, None, 10, "gpt2-xl"),
    _server("text generation", 82.4, None, 10, "opt-6.7b"),
    _board("text classification", 0.000217736, "distilbert-sst2"),
    _board("text classification", 0.000216022, "distilbert-imdb"),
    _board("text classification", 0.000356581, "nlptown-bert"),
    _board("text classification", 0.000252137, "electra-base-emotion"),
    _board("text classification", 0.000801512, "gpt2-medium-sst2"),
    _board("text classification", 0.000918014, "bert-large-sst2"),
    _board("text classification", 0.00791976, "t5-large"),
    _board("text classification", 0.0277871, "t5-11b"),
    _board("object detection", 0.001004166, "yolos-tiny"),
    _board("object detection", 0.002144589, "conditional-detr-resnet-50"),
    _board("object detection", 0.002531398, "detr-resnet-101"),
    _board("object detection", 0.003281148, "yolos-small"),
    _board("object detection", 0.003291817, "detr-resnet-50-dc5"),
    _board("object detection", 0.007980927, "yolos-base"),
    _board("text generation", 0.001313333, "distilgpt2"),
    _board("text generation", 0.008921289, "gpt2-xl"),
    _board("text generation", 0.017376263, "Llama-3.1-8B"),
    _board("text generation", 0.028741175, "phi-4"),
    Reference(
        "text generation",
        0.0702 * 1000 / 3600,
        None,
        1,
        f"{SERVING}: H100, 511 at a time",
        ML_ENERGY,
        "Llama-3.1-8B",
        "token",
    ),
)
"""All references, except the least certain ones."""


def references(task: str | None = None, *, boundary: str | None = None) -> tuple[Reference, ...]:
    """Return the references for a task, a boundary, both, or all."""
    return tuple(
        reference
        for reference in REFERENCES
        if (task is None or reference.task == task) and (boundary is None or reference.boundary == boundary)
    )


def tasks(found: Iterable[Reference] = REFERENCES) -> tuple[str, ...]:
    """Return the tasks that have references, each once."""
    return tuple(dict.fromkeys(reference.task for reference in found))
