"""A slider over the Pareto front with Use and Undo buttons, for choosing another trade-off.

Nothing changes until Use is pressed; Undo restores the previous model. Names are escaped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jupyter_green.compression.cost.ratio import Ratio
from jupyter_green.compression.result import ShrinkResult
from jupyter_green.compression.result_details import ParetoPoint
from jupyter_green.reporting.numbers import plain
from jupyter_green.reporting.sanitize import markup

from .shrink_report import interval, loss_in_words, span, times

FEWEST = 2
"""Candidates on the front from which the slider is shown."""


def slider(result: ShrinkResult, bind: Callable[[Any], None]) -> Any:
    """Return the widget; None if there is no choice. ``bind(model)`` assigns a model to its name in the notebook."""
    front = result.facts.front
    if len(front) < FEWEST:
        return None
    import ipywidgets as widgets

    names = [item.name for item in front]
    initial = names.index(result.recipe) if result.recipe in names else 0
    choice = widgets.SelectionSlider(
        options=[(plain(name), position) for position, name in enumerate(names)],
        value=initial,
        description="Front",
        continuous_update=True,
        layout=widgets.Layout(width="34em"),
    )
    description = widgets.HTML(markup(in_words(front[initial], result)))
    use = widgets.Button(description="Use", tooltip="Bind this candidate's model")
    undo = widgets.Button(description="Undo", tooltip="Bind what was bound before", disabled=True)
    earlier: list[Any] = []

    def show(_change: Any = None) -> None:
        description.value = markup(in_words(front[choice.value], result))

    def take(_button: Any = None) -> None:
        earlier.append(result.state())
        bind(result.use(names[choice.value]))
        undo.disabled = False
        description.value = markup(f"In use: {names[choice.value]}.")

    def back(_button: Any = None) -> None:
        bind(result.restore(earlier.pop()))
        undo.disabled = not earlier
        description.value = markup(f"In use: {result.recipe or 'the original'}.")

    choice.observe(show, names="value")
    use.on_click(take)
    undo.on_click(back)
    return widgets.VBox([choice, description, widgets.HBox([use, undo])])


def in_words(item: ParetoPoint, result: ShrinkResult) -> str:
    """Return a candidate in one line: cost, loss, and the number of examples."""
    upper = loss_in_words(item.loss.high, result.facts.unit)
    return f"{item.name}: {_cost(item.ratio, result)}, loss at most {upper} on {item.loss.examples:,} examples"


def _cost(ratio: Ratio | None, result: ShrinkResult) -> str:
    if ratio is None:
        return "cost not known"
    if result.basis == "joules":
        standing = "" if result.quality == "measured" else f" ({result.quality})"
        return f"{interval(ratio)} less energy per inference{standing}"
    return f"{times(ratio.value)} less processor time per inference (as energy {span(ratio)}, estimated)"
