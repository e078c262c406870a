"""Single examples out of several data sets, as one: what a label is measured with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jupyter_green.compression.errors import ShrinkError

from .examples import Examples


def joined(sets: Mapping[str, Examples], chosen: Sequence[tuple[str, int]]) -> Examples:
    """Return chosen examples, one at a time, in the order in which they were drawn.

    Parameters
    ----------
    sets : mapping of str to Examples
        The data sets, each in batches of one.
    chosen : sequence of (str, int)
        Set and place of each.

    Raises
    ------
    ShrinkError
        If the sets are of different forms, or one has no labels.
    """
    forms = {one.form for one in sets.values()}
    if len(forms) != 1:
        raise ShrinkError(f"The data sets are of different forms ({', '.join(sorted(forms))}); give like with like.")
    without = [name for name, one in sets.items() if not isinstance(one.labels, list)]
    if without:
        raise ShrinkError(f"The data set {without[0]!r} has no labels, so nothing shows that the work was done.")
    return Examples(
        forms.pop(),
        [sets[name].batches[place] for name, place in chosen],
        [1] * len(chosen),
        [sets[name].labels[place] for name, place in chosen],
        None,
        ", ".join(one.origin or name for name, one in sets.items()),
    )
