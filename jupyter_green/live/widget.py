"""``green.panel()``: the live figures as an ipywidgets view, for notebooks without the side panel.

One HTML widget holds the figures as static, escaped markup, and is sent anew only where they changed, twice a second at
most and only while something runs; the style never changes and is sent once. ipywidgets is imported when a panel is
made, never before. A front end without widgets shows the figures as text.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from jupyter_green.reporting.record.style import STYLE
from jupyter_green.reporting.sanitize import markup
from jupyter_green.session.interrupts import Signal

from .frame import MOST_CELLS
from .publisher import LivePublisher
from .text_view import TextView
from .view import SHOWN, View

FIRST_SECONDS = 2.0
"""How long making a panel may wait for its first figures."""
MOST_PANELS = 10
"""Panels that are drawn at the same time; of more, the oldest stand still."""

ENDED = "Metering has ended; these figures stand still."
CLOSED = "This panel is closed."

_drawn: list[Panel] = []


class Panel:
    """Live figures inside the notebook; made by `panel`, shown by being the value of a cell.

    Attributes
    ----------
    widget : ipywidgets.VBox
        The view, for a layout of one's own.
    """

    def __init__(self, link: LivePublisher, rows: int) -> None:
        from ipywidgets import HTML, VBox

        self._link, self._rows = link, rows
        self.cell, self.execution = link.cell
        self._body = HTML()
        self._parts = (HTML(STYLE), self._body)
        self.widget = VBox(self._parts)
        self._text, self._at, self._note = "", "", ""
        self._first = Signal()
        self._view = View(self._draw, self._ended, rows)
        link.show(self._view)
        self._first.wait(FIRST_SECONDS)  # the sampler's thread draws; a sensor that hangs may hold it up

    def close(self) -> None:
        """Take the panel off the page; nothing is sent for it from here on."""
        self._stop(CLOSED)
        for widget in (self.widget, *self._parts):
            for part in (widget, widget.layout, getattr(widget, "style", None)):
                if part is not None:
                    part.close()

    def pause(self, note: str) -> None:
        """Let the figures stand, and say why."""
        self._stop(note)
        self._body.value += f'<div class="jg muted">{markup(note)}</div>'

    def _stop(self, note: str) -> None:
        self._link.hide(self._view)
        self._note = note
        if self in _drawn:
            _drawn.remove(self)

    def _ended(self) -> None:
        self.pause(ENDED)

    def _draw(self, snapshot: dict[str, Any]) -> None:
        """Show a snapshot; called on the sampler's thread."""
        if self._body.comm is None:  # the widget was closed by other means
            self._stop(CLOSED)
            return
        glance = TextView(snapshot, self._rows)
        self._text, self._at = glance.text(), time.strftime("%H:%M:%S", time.localtime(snapshot["sent_at"]))
        self._body.value = glance.html()
        self._first.set()

    def __repr__(self) -> str:
        problem = self._view.problem
        notes = [note for note in (self._note, problem, f"As of {self._at}." if self._at else "") if note]
        return "\n".join([self._text or "The first figures are on their way.", *notes])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        shown: dict[str, Any] = {} if self.widget.comm is None else self.widget._repr_mimebundle_()
        return {**shown, "text/plain": repr(self)}


def panel(rows: int = SHOWN) -> Panel:
    """Show live energy figures inside the notebook, where there is no side panel.

    The total of the notebook with ± and what it may be called, power and joules of the cell that runs, the total of
    today, how the run stands beside its baseline, and the newest cells. The figures move while a cell runs and stand
    still otherwise. Run again, a cell's panel takes the place of the one that it made before.

    Parameters
    ----------
    rows : int
        How many cells to list, 1 to 50; the newest ones.

    Returns
    -------
    Panel
        Shows itself as the value of a cell; `Panel.close` takes it off the page.

    Raises
    ------
    UsageError, RuntimeError
        In a notebook or elsewhere, where there is nothing to show or no way to; one sentence that says what to do.
    """
    link = LivePublisher.current
    if link is None:
        raise _refusal(
            "green.panel() shows what is metered in this kernel; run %load_ext jupyter_green first."
            if _in_shell()
            else "green.panel() shows live figures in a notebook; in a script, use `with green.meter() as window:`."
        )
    if isinstance(rows, bool) or not isinstance(rows, int) or not 1 <= rows <= MOST_CELLS:
        raise _refusal(f"green.panel(rows) wants how many cells to list, 1 to {MOST_CELLS}, not {rows!r}.")
    try:
        made = Panel(link, rows)
    except ImportError as error:
        raise _refusal(f"green.panel() needs ipywidgets ({error}); %pip install ipywidgets brings it.") from None
    for other in [*_drawn]:
        if made.cell is not None and other.cell == made.cell and other.execution != made.execution:
            other.close()  # its output was replaced by this one
    _drawn.append(made)
    for other in _drawn[:-MOST_PANELS]:
        other.pause(f"This panel stands still: {MOST_PANELS} newer ones are drawn.")
    return made


def _in_shell() -> bool:
    core = sys.modules.get("IPython.core.getipython")
    return core is not None and core.get_ipython() is not None


def _refusal(sentence: str) -> Exception:
    if not _in_shell():
        return RuntimeError(sentence)
    from IPython.core.error import UsageError

    refusal: Exception = UsageError(sentence)
    return refusal
