"""Asking every candidate for every example: what is told, what fails, and the energy of it.

Each is asked within a window of its own and between two looks at the settings of the process. Who can't be judged gets
a row that says why, and ends nobody else's turn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jupyter_green.report.quotation import one_line
from jupyter_green.session import Session, Window

from .comparison import Row
from .contestant import Contestant, Module
from .examples import Examples
from .fault import ShrinkError
from .metric import Metric
from .progress import Progress
from .surroundings import Surroundings
from .utility import Utility, ask


@dataclass(frozen=True)
class Asked:
    """A candidate that answered.

    Parameters
    ----------
    item : Contestant
        Who.
    told : Utility
        How well it does.
    window : Window
        Metered the asking.
    """

    item: Contestant
    told: Utility
    window: Window


def labelled(examples: Examples, found: Sequence[Contestant]) -> Examples:
    """Give language models' token ids as labels, where the data has none."""
    if examples.labels is not None or not all(isinstance(one, Module) and one.generates for one in found):
        return examples
    import torch

    ids: list[Any] = [batch.get("input_ids") if isinstance(batch, Mapping) else batch for batch in examples.batches]
    if any(not hasattr(one, "dim") or one.dim() != 2 for one in ids):
        return examples
    masks = [batch.get("attention_mask") if isinstance(batch, Mapping) else None for batch in examples.batches]
    labels = torch.cat(
        [one if mask is None else one.masked_fill(mask == 0, -100) for one, mask in zip(ids, masks, strict=True)]
    )
    return Examples(examples.form, examples.batches, examples.sizes, labels, examples.groups, examples.origin)


def ask_all(
    found: Sequence[Contestant],
    examples: Examples,
    metric: Metric,
    session: Session,
    bar: Progress,
    *,
    repeats: int,
    seed: int,
) -> tuple[dict[str, Asked], list[Row]]:
    """Ask everybody for every example; return what was told, and rows of those that can't be judged."""
    asked: dict[str, Asked] = {}
    dropped: list[Row] = []
    for item in found:
        bar(f"asking {item.name}", 0.0)
        before = Surroundings()
        try:
            with item.quiet():
                item.ready(examples)
                item.run(0, examples.sizes[0])  # what loads or compiles on first use is no cost of an answer
                item.faults.clear()
                units = float(len(examples) * repeats)
                window = session.window("trial", label=f"compare: {item.name}, asked", units=units, unit="inference")
                with window:
                    told = ask(item, examples, metric, repeats=repeats, seed=seed)
        except ShrinkError as error:
            dropped.append(_failed(item, str(error), len(examples)))
            continue
        except Exception as error:  # noqa: BLE001 - somebody else's model; its row says what it raised
            item.fault(error)
            dropped.append(_failed(item, next(iter(item.faults)), len(examples)))
            continue
        finally:
            before.put_back()
        why = told.strange
        if not why and told.failures >= len(examples):
            why = f"It gave no answer to any example: {first_fault(item)}."
        if not why and not math.isfinite(told.value):
            why = f"Its {metric.name} is no number{_because(told.failures, len(examples))}."
        if why:
            dropped.append(_failed(item, why, len(examples), told.failures))
        else:
            asked[item.name] = Asked(item, told, window)
    return asked, dropped


def _failed(item: Contestant, why: str, examples: int, failures: int = 0) -> Row:
    return Row(
        item.name,
        item.kind,
        "failed",
        one_line(why, 240),
        failures=failures,
        examples=examples,
        device=item.device,
        generates=item.generates,
        remote=item.remote,
        size_bytes=item.size_bytes,
        parameters=item.parameters,
    )


def first_fault(item: Contestant) -> str:
    """Return the first kind of failure of a candidate."""
    return one_line(next(iter(item.faults), "no reason was given"), 160).rstrip(".")


def _because(failures: int, examples: int) -> str:
    return f": {failures} of {examples} examples have no answer" if failures else ""
