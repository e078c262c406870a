"""Energy labels: the energy per 1,000 units of a task, valid only with evidence that the work was done.

One published table gave five stars to a run that had produced 100 tokens for 10 prompts. So a label requires that all
units were completed, and that accuracy or output length are as expected. Without such a check no label is made; if
the check fails, the label says *not valid* and has neither stars nor a figure. If it was not measured by the official
protocol on one NVIDIA H100, it says that it can't be compared with official scores.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from jupyter_green.records import EnergyRecord, weakest
from jupyter_green.records.statistics import t_quantile
from jupyter_green.reporting import renderers

from . import label_image
from .completion_check import CompletionCheck
from .errors import DiscloseError
from .label_data import LabelData
from .protocol import BATCH, RUNS, SETS, UNITS, Runs
from .rating import size_class, stars
from .sci import boundary_of

OFFICIAL_DEVICE = "H100"


@dataclass(frozen=True, repr=False)
class Label(LabelData):
    """An energy label that can be shown and saved; its fields are those of `LabelData`."""

    def svg(self) -> str:
        """Return the label as SVG, 260 × 364."""
        return label_image.svg_of(self)

    def png(self) -> bytes:
        """Return the label as PNG, 260 × 364; needs Pillow.

        Raises
        ------
        DiscloseError
            If Pillow is not installed.
        """
        return label_image.png_of(self)

    def save(self, path: str | Path) -> Path:
        """Write the label to a file as .svg, .png or .json, by its suffix.

        Raises
        ------
        DiscloseError
            If the suffix is none of these, or Pillow is missing for .png.
        """
        target = Path(path)
        suffix = target.suffix.lower()
        if suffix == ".svg":
            target.write_text(self.svg(), encoding="utf-8")
        elif suffix == ".png":
            target.write_bytes(self.png())
        elif suffix == ".json":
            text = json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False, indent=1)
            target.write_text(text + "\n", encoding="utf-8")
        else:
            raise DiscloseError(f"{target.name} must end in .svg, .png or .json.")
        return target

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return renderers.bundle_of(self)

    def __repr__(self) -> str:
        return renderers.text_of(self)


def label(
    model: str,
    runs: Runs | Sequence[EnergyRecord],
    *,
    task: str,
    gate: CompletionCheck | None = None,
    asked: int | None = None,
    batch: int = BATCH,
    parameters: float | None = None,
    peers: Mapping[str, float | Label] | None = None,
    edition: str = "",
    date: str = "",
    link: str = "",
    precision: str = "",
    sets: int | None = None,
) -> Label:
    """Make a label from metered runs.

    Parameters
    ----------
    model, task : str
        The model, and what it was run for.
    runs : Runs or sequence of EnergyRecord
        One record per run, with the number of completed units; as `measure` returns them.
    gate : CompletionCheck
        Evidence that the work was done.
    asked : int, optional
        Units requested per run, if `runs` are plain records.
    batch : int
        Batch size.
    parameters : float, optional
        Number of parameters of the model, for its size class.
    peers : mapping, optional
        Labels of other models of the same task and class, or their Wh per 1,000 with the same boundary. The stars rank
        this model among them.
    edition : str
        Name of that comparison.
    date, link : str
        Shown on the label.
    precision : str
        Number format of the weights.
    sets : int, optional
        Number of data sets that the units come from.

    Raises
    ------
    DiscloseError
        If there is no evidence that the work was done, nothing was read, or peers are not comparable.
    """
    gate = gate or CompletionCheck()
    if not gate.given:
        raise DiscloseError(
            "A label needs proof that the work was done: give the accuracy with what is expected of it (or chance), "
            "or the output length with what is expected."
        )
    records, wanted, done = _read(runs, asked)
    failure = f" ({runs.faults[0]})" if isinstance(runs, Runs) and runs.faults else ""
    problems = [f"{min(done):,} of {wanted:,} units completed{failure}"] if min(done) < wanted else []
    problems += gate.problems()
    parts = [_official(record) for record in records]
    values = [_wh_per_1000(part, count) for part, count in zip(parts, done, strict=True) if count]
    if not values:
        problems = problems or ["no unit was completed"]
    all_devices = [_wh_per_1000(record, count) for record, count in zip(records, done, strict=True) if count]
    hardware = _hardware(parts)
    quality = weakest(part.quality for part in parts) or "estimated"
    valid = not problems
    value = fmean(values) if valid else None
    half_width = _half_width(values, parts, done) if valid else None
    peer_values = _peers(peers or {}, task, parts[0], batch) if valid else {}
    ratings = stars({**peer_values, model: value}) if peer_values and value is not None else {}
    return Label(
        model,
        task,
        value,
        None if value is None or half_width is None else max(0.0, value - half_width),
        None if value is None or half_width is None else value + half_width,
        quality,
        boundary_of(parts[0]),
        hardware,
        wanted,
        len(records),
        batch,
        gate,
        tuple(problems),
        ratings.get(model),
        edition if ratings else "",
        peer_values,
        "" if parameters is None else size_class(parameters),
        tuple(_differences(parts, wanted, len(records), batch, quality, sets)),
        date,
        link,
        fmean(all_devices) if valid and all_devices else None,
        precision,
    )


def _read(runs: Runs | Sequence[EnergyRecord], asked: int | None) -> tuple[list[EnergyRecord], int, list[int]]:
    if isinstance(runs, Runs):
        records, requested, completed = list(runs.records), runs.asked, list(runs.completed)
    else:
        records = list(runs)
        completed = [int(record.units or 0) for record in records]
        if asked is None:
            raise DiscloseError("Give the number of units requested per run: asked=.")
        requested = asked
    if not records:
        raise DiscloseError("There are no runs to make a label from.")
    if any(record.joules is None or not math.isfinite(record.joules) for record in records):
        raise DiscloseError("A run has no reading, so there is no energy for a label; %energy doctor says why.")
    return records, requested, completed


def _official(record: EnergyRecord) -> EnergyRecord:
    """Return the record limited to the GPUs, which is the official boundary; unchanged if none was read."""
    gpus = tuple(part for part in record.components if part.kind == "gpu" and part.joules is not None)
    return record.with_(components=gpus) if gpus else record


def _wh_per_1000(record: EnergyRecord, units: int) -> float:
    assert record.joules is not None
    return record.joules / units * 1000 / 3600


def _half_width(each: Sequence[float], parts: Sequence[EnergyRecord], done: Sequence[int]) -> float:
    """Return the half-width of the mean's 95 % interval: scatter of the runs, and the readings' common error."""
    errors = [(part.uncertainty or 0.0) / count / 3.6 for part, count in zip(parts, done, strict=True) if count]
    scatter = t_quantile(len(each) - 1) * stdev(each) / math.sqrt(len(each)) if len(each) > 1 else 0.0
    return math.hypot(scatter, fmean(errors))


def _hardware(parts: Sequence[EnergyRecord]) -> str:
    names = dict.fromkeys(item.device for part in parts for item in part.components if item.joules is not None)
    return "; ".join(names)


def _differences(  # noqa: PLR0917 - one place calls it
    parts: Sequence[EnergyRecord], units: int, runs: int, batch: int, quality: str, sets: int | None
) -> list[str]:
    gpus = {item.key: item for part in parts for item in part.components if item.kind == "gpu"}
    differences = []
    if len(gpus) != 1 or OFFICIAL_DEVICE not in next(iter(gpus.values())).device:
        differences.append("not on one NVIDIA H100")
    if quality != "measured":
        differences.append(f"energy {quality}")
    if any(part.shared for part in parts):
        differences.append("the device was shared")
    if units != UNITS:
        differences.append(f"{units:,} units, not {UNITS:,}")
    if runs < RUNS:
        differences.append(f"{runs} runs, not {RUNS}")
    if batch != BATCH:
        differences.append(f"batch {batch}, not {BATCH}")
    if sets is not None and sets != SETS:
        differences.append(f"{sets} data set{'s' if sets != 1 else ''}, not {SETS}")
    return differences


def _peers(given: Mapping[str, float | Label], task: str, part: EnergyRecord, batch: int) -> dict[str, float]:
    values = {}
    for name, peer in given.items():
        if not isinstance(peer, Label):
            values[name] = float(peer)
            continue
        if not peer.valid or peer.wh_per_1000 is None:
            raise DiscloseError(f"The label of {name!r} is not valid, so nothing can be compared with it.")
        if (peer.task, peer.boundary, peer.batch) != (task, boundary_of(part), batch):
            raise DiscloseError(
                f"The label of {name!r} is of another task, boundary or batch; stars compare like with like."
            )
        values[name] = peer.wh_per_1000
    return values
