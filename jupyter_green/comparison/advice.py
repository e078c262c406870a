"""Suggests a classifier where a generative model is used to choose among a few labels.

The rule depends on the task alone: a closed list of answers needs no text generation. The saving is only stated if a
smaller model was measured in the same comparison.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jupyter_green.compression.quality.loss import share_lost
from jupyter_green.compression.report.shrink_report import interval, loss_in_words

if TYPE_CHECKING:
    from .result import Row

FEW = 20
"""Maximum labels for which a small classifier is suggested."""


def closed(labels: Any) -> int | None:
    """Return the number of labels if they are few; None if answers are open."""
    if not isinstance(labels, list) or any(isinstance(label, float) for label in labels):
        return None
    count = len(set(map(str, labels)))
    return count if 2 <= count <= FEW and len(labels) >= 2 * count else None


def advise(rows: Sequence[Row], labels: Any, basis: str) -> tuple[str, ...]:
    """Return a sentence for each generative or remote model that only chooses among few labels.

    `basis` is the unit in which costs were compared.
    """
    count = closed(labels)
    if count is None:
        return ()
    sentences = []
    for row in rows:
        if not (row.generates or row.remote):
            continue
        how = "writes text" if row.generates else "is asked elsewhere"
        less = _measured(row, rows, basis)
        sentences.append(f"{row.name} {how} to choose among {count} labels; a small classifier would do{less}.")
    return tuple(sentences)


def _measured(row: Row, rows: Sequence[Row], basis: str) -> str:
    """Return the saving by the cheapest local model that does not generate text, if both were measured."""
    others = [one for one in rows if not one.generates and not one.remote and one.ratio is not None]
    if row.ratio is None or not others:
        return ""
    small = min(others, key=lambda one: one.ratio.value if one.ratio is not None else 0.0)
    assert small.ratio is not None
    if small.ratio.value >= row.ratio.value:
        return ""
    quantity = "energy" if basis == "joules" else "processor time"
    lost = ""
    if row.utility is not None and small.utility is not None and row.loss is not None:
        unit = row.loss.unit
        change = row.utility - small.utility
        change = change if unit == "points" else float(share_lost(change, row.utility))
        lost = f", {loss_in_words(change, unit)} lost"
    return f": here {small.name} used {interval(small.ratio.over(row.ratio))} less {quantity}{lost}"
