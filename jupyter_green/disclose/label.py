"""An energy label: what 1,000 units of a task cost, drawn only where it is shown that the work was really done.

One published table gave five stars to a run that had answered 100 tokens for 10 prompts. So a label has a gate: all
units completed, and either an accuracy or a length of output as expected. Without that it is refused; where the gate
is not passed, the label says *not valid* and has neither stars nor figure. Off one NVIDIA H100, or measured in another
way, it says that it can't be compared with official scores.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from jupyter_green.records import EnergyRecord, weakest
from jupyter_green.reporting import drawing
from jupyter_green.session.loop_prediction import t_quantile

from . import label_image
from .completion_check import CompletionCheck
from .errors import DiscloseError
from .label_data import LabelData
from .protocol import BATCH, RUNS, SETS, UNITS, Runs
from .rating import size_class, stars
from .sci import boundary_of

OFFICIAL_DEVICE = "H100"


class Label(LabelData):
    """An energy label, which shows itself; its fields are those of `LabelData`."""

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
        """Write it; the suffix says how: .svg, .png or .json.

        Raises
        ------
        DiscloseError
            If the suffix is none of these.
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
            raise DiscloseError(f"{target.name} is no label's file; end it in .svg, .png or .json.")
        return target

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return drawing.bundle_of(self)

    def __repr__(self) -> str:
        return drawing.text_of(self)


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
        What was run, and for what.
    runs : Runs or sequence of EnergyRecord
        One record per run, with the units completed; as `measure` returns them.
    gate : CompletionCheck
        What shows that the work was done.
    asked : int, optional
        Units asked of each run, where `runs` are plain records.
    batch : int
        Units at a time.
    parameters : float, optional
        Of the model, for its class.
    peers : mapping, optional
        Labels of other models of the task and class, or their Wh per 1,000 with the same boundary; stars stand
        among these and this one.
    edition : str
        Name of that comparison.
    date, link : str
        For people.
    precision : str
        Of the weights.
    sets : int, optional
        How many data sets the units are from.

    Raises
    ------
    DiscloseError
        If nothing shows that the work was done, nothing was read, or peers are of another kind; one sentence.
    """
    gate = gate or CompletionCheck()
    if not gate.given:
        raise DiscloseError(
            "A label needs proof that the work was done: give the accuracy with what is expected of it (or chance), "
            "or the output length with what is expected."
        )
    records, wanted, done = _read(runs, asked)
    fault = f" ({runs.faults[0]})" if isinstance(runs, Runs) and runs.faults else ""
    problems = [f"{min(done):,} of {wanted:,} units completed{fault}"] if min(done) < wanted else []
    problems += gate.problems()
    parts = [_official(record) for record in records]
    each = [_wh_per_1000(part, count) for part, count in zip(parts, done, strict=True) if count]
    if not each:
        problems = problems or ["no unit was completed"]
    whole = [_wh_per_1000(record, count) for record, count in zip(records, done, strict=True) if count]
    hardware = _hardware(parts)
    quality = weakest(part.quality for part in parts) or "estimated"
    valid = not problems
    value = fmean(each) if valid else None
    half = _half_width(each, parts, done) if valid else None
    others = _peers(peers or {}, task, parts[0], batch) if valid else {}
    rated = stars({**others, model: value}) if others and value is not None else {}
    return Label(
        model,
        task,
        value,
        None if value is None or half is None else max(0.0, value - half),
        None if value is None or half is None else value + half,
        quality,
        boundary_of(parts[0]),
        hardware,
        wanted,
        len(records),
        batch,
        gate,
        tuple(problems),
        rated.get(model),
        edition if rated else "",
        others,
        "" if parameters is None else size_class(parameters),
        tuple(_differences(parts, wanted, len(records), batch, quality, sets)),
        date,
        link,
        fmean(whole) if valid and whole else None,
        precision,
    )


def _read(runs: Runs | Sequence[EnergyRecord], asked: int | None) -> tuple[list[EnergyRecord], int, list[int]]:
    if isinstance(runs, Runs):
        records, wanted, done = list(runs.records), runs.asked, list(runs.completed)
    else:
        records = list(runs)
        done = [int(record.units or 0) for record in records]
        if asked is None:
            raise DiscloseError("Say how many units each run was asked for: give asked=.")
        wanted = asked
    if not records:
        raise DiscloseError("There are no runs to make a label from.")
    if any(record.joules is None or not math.isfinite(record.joules) for record in records):
        raise DiscloseError("A run has no reading, so there is no energy for a label; %energy doctor says why.")
    return records, wanted, done


def _official(record: EnergyRecord) -> EnergyRecord:
    """Return the record of the boards alone, which is the official boundary, where boards were read; else all of it."""
    boards = tuple(part for part in record.components if part.kind == "gpu" and part.joules is not None)
    return record.with_(components=boards) if boards else record


def _wh_per_1000(record: EnergyRecord, units: int) -> float:
    assert record.joules is not None
    return record.joules / units * 1000 / 3600


def _half_width(each: Sequence[float], parts: Sequence[EnergyRecord], done: Sequence[int]) -> float:
    """Return half the 95 % interval of the mean: spread of runs, and the doubt of the readings that runs share."""
    doubts = [(part.uncertainty or 0.0) / count / 3.6 for part, count in zip(parts, done, strict=True) if count]
    among = t_quantile(len(each) - 1) * stdev(each) / math.sqrt(len(each)) if len(each) > 1 else 0.0
    return math.hypot(among, fmean(doubts))


def _hardware(parts: Sequence[EnergyRecord]) -> str:
    names = dict.fromkeys(item.device for part in parts for item in part.components if item.joules is not None)
    return "; ".join(names)


def _differences(  # noqa: PLR0917 - one place calls it
    parts: Sequence[EnergyRecord], units: int, runs: int, batch: int, quality: str, sets: int | None
) -> list[str]:
    boards = {item.key: item for part in parts for item in part.components if item.kind == "gpu"}
    found = []
    if len(boards) != 1 or OFFICIAL_DEVICE not in next(iter(boards.values())).device:
        found.append("not on one NVIDIA H100")
    if quality != "measured":
        found.append(f"energy {quality}")
    if any(part.shared for part in parts):
        found.append("the device was shared")
    if units != UNITS:
        found.append(f"{units:,} units, not {UNITS:,}")
    if runs < RUNS:
        found.append(f"{runs} runs, not {RUNS}")
    if batch != BATCH:
        found.append(f"batch {batch}, not {BATCH}")
    if sets is not None and sets != SETS:
        found.append(f"{sets} data set{'s' if sets != 1 else ''}, not {SETS}")
    return found


def _peers(given: Mapping[str, float | Label], task: str, part: EnergyRecord, batch: int) -> dict[str, float]:
    found = {}
    for name, peer in given.items():
        if not isinstance(peer, Label):
            found[name] = float(peer)
            continue
        if not peer.valid or peer.wh_per_1000 is None:
            raise DiscloseError(f"The label of {name!r} is not valid, so nothing can be compared with it.")
        if (peer.task, peer.boundary, peer.batch) != (task, boundary_of(part), batch):
            raise DiscloseError(
                f"The label of {name!r} is of another task, boundary or batch; stars compare like with like."
            )
        found[name] = peer.wh_per_1000
    return found
