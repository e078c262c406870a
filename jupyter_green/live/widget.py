"""``green.panel()``: the live figures as an ipywidgets view, for notebooks without the side panel.

One HTML widget holds the figures as static, escaped markup. It is sent only when they changed, at most twice a second;
the style is sent once. ipywidgets is imported when a panel is made. A front end without widgets shows the text.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from jupyter_green.reporting.record.style import STYLE
from jupyter_green.reporting.sanitize import markup
from jupyter_green.session.interrupts import Signal

from .frame import MOST_CELLS
from .notebook_view import SHOWN, View
from .publisher import LivePublisher
from .text_view import TextView

FIRST_SECONDS = 2.0
"""Longest wait for the first figures when a panel is made."""
MOST_PANELS = 10
"""Most panels drawn at the same time; older ones are paused."""

ENDED = "Metering has ended; these figures are no longer updated."
CLOSED = "This panel is closed."

_drawn: list[Panel] = []


class Panel:
    """Live figures inside the notebook; made by `panel`, shown as the value of a cell.

    Attributes
    ----------
    widget : ipywidgets.VBox
        The view, for use in other layouts.
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
        self._first.wait(FIRST_SECONDS)  # the sampler thread draws, and a sensor may block it

    def close(self) -> None:
        """Remove the panel from the page and stop drawing it."""
        self._stop(CLOSED)
        for widget in (self.widget, *self._parts):
            for part in (widget, widget.layout, getattr(widget, "style", None)):
                if part is not None:
                    part.close()

    def pause(self, note: str) -> None:
        """Stop drawing, keep the last figures, and show why."""
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
        """Show a snapshot; called on the sampler thread."""
        if self._body.comm is None:  # the widget was closed by other means
            self._stop(CLOSED)
            return
        view = TextView(snapshot, self._rows)
        self._text, self._at = view.text(), time.strftime("%H:%M:%S", time.localtime(snapshot["sent_at"]))
        self._body.value = view.html()
        self._first.set()

    def __repr__(self) -> str:
        problem = self._view.problem
        notes = [note for note in (self._note, problem, f"As of {self._at}." if self._at else "") if note]
        return "\n".join([self._text or "Waiting for the first figures.", *notes])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        bundle: dict[str, Any] = {} if self.widget.comm is None else self.widget._repr_mimebundle_()
        return {**bundle, "text/plain": repr(self)}


def panel(rows: int = SHOWN) -> Panel:
    """Show live energy figures inside the notebook, where there is no side panel.

    It shows the notebook's total with uncertainty and quality, power and energy of the running cell, today's total, the
    difference from the baseline, and the newest cells. Figures are updated while a cell runs. If a cell that made a
    panel runs again, its new panel replaces the old one.

    Parameters
    ----------
    rows : int
        Number of newest cells to list, 1 to 50.

    Returns
    -------
    Panel
        The value of the cell, which displays it; `Panel.close` removes it.

    Raises
    ------
    UsageError, RuntimeError
        If the extension is not loaded, `rows` is invalid or ipywidgets is missing; one sentence that says what to do.
        UsageError inside IPython, RuntimeError elsewhere.
    """
    publisher = LivePublisher.current
    if publisher is None:
        raise _refusal(
            "green.panel() shows what is metered in this kernel; run %load_ext jupyter_green first."
            if _in_shell()
            else "green.panel() shows live figures in a notebook; in a script, use `with green.meter() as window:`."
        )
    if isinstance(rows, bool) or not isinstance(rows, int) or not 1 <= rows <= MOST_CELLS:
        raise _refusal(f"green.panel(rows) takes the number of cells to list, 1 to {MOST_CELLS}, not {rows!r}.")
    try:
        new_panel = Panel(publisher, rows)
    except ImportError as error:
        raise _refusal(f"green.panel() needs ipywidgets ({error}); %pip install ipywidgets brings it.") from None
    for earlier in [*_drawn]:
        if new_panel.cell is not None and earlier.cell == new_panel.cell and earlier.execution != new_panel.execution:
            earlier.close()  # its output was replaced
    _drawn.append(new_panel)
    for earlier in _drawn[:-MOST_PANELS]:
        earlier.pause(f"This panel is no longer updated: {MOST_PANELS} newer ones are.")
    return new_panel


def _in_shell() -> bool:
    core = sys.modules.get("IPython.core.getipython")
    return core is not None and core.get_ipython() is not None


def _refusal(sentence: str) -> Exception:
    if not _in_shell():
        return RuntimeError(sentence)
    from IPython.core.error import UsageError

    error: Exception = UsageError(sentence)
    return error
