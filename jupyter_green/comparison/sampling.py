"""Joins single examples from several data sets, for measuring a label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jupyter_green.compression.errors import ShrinkError

from .examples import Examples


def joined(sets: Mapping[str, Examples], chosen: Sequence[tuple[str, int]]) -> Examples:
    """Return chosen examples, each by data set and index, in batches of one and in the given order.

    The data sets are in batches of one too. Raises ShrinkError if they have different forms, or one has no labels.
    """
    forms = {examples.form for examples in sets.values()}
    if len(forms) != 1:
        raise ShrinkError(f"The data sets are of different forms ({', '.join(sorted(forms))}); give like with like.")
    without = [name for name, examples in sets.items() if not isinstance(examples.labels, list)]
    if without:
        raise ShrinkError(f"The data set {without[0]!r} has no labels, so nothing shows that the work was done.")
    return Examples(
        forms.pop(),
        [sets[name].batches[index] for name, index in chosen],
        [1] * len(chosen),
        [sets[name].labels[index] for name, index in chosen],
        None,
        ", ".join(examples.origin or name for name, examples in sets.items()),
    )
