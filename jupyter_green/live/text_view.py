"""Renders a snapshot as text and as static HTML, for a view inside the notebook.

Figures are formatted as in records, so that the view, the page and the record under a cell agree. Source lines, names
and sentences are untrusted: they are cleaned and escaped, never used as markup.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jupyter_green.baselines.comparison import ONE_RUN
from jupyter_green.baselines.messages import UNFAIR
from jupyter_green.reporting import numbers
from jupyter_green.reporting.formatted_energy import FormattedEnergy
from jupyter_green.reporting.record.html import cells as figures
from jupyter_green.reporting.record.html import definitions, summary_markup
from jupyter_green.reporting.record.sentence import DOT, Clause, Piece
from jupyter_green.reporting.run.cell_table import Row, Rows
from jupyter_green.reporting.sanitize import markup, one_line, verbatim
from jupyter_green.reporting.share_text import baseline_name, beside

from .run_state import LONGEST_LINE

Shape = Mapping[str, Any]
WAITING = "Metering is on. Run a cell and its energy shows here."
OFF = "Metering is switched off: cells run without being counted. %energy on meters them again."


class TextView:
    """A rendered snapshot (a frame of type ``snapshot``) with this number of its newest cells."""

    def __init__(self, snapshot: Shape, rows: int) -> None:
        self._snapshot = snapshot
        self._totals: Shape = snapshot["totals"]
        running = [] if snapshot["running"] is None else [snapshot["running"]]
        self._cells: list[Shape] = [*snapshot["cells"], *running][-rows:]

    def text(self) -> str:
        """Return the snapshot as plain text."""
        lines = [DOT.join("".join(piece.text for piece in clause) for clause in self._head())]
        lines += [f"{term}: {DOT.join(clauses)}" for term, clauses in self._facts()]
        lines += [self._rows().text()] if self._cells else []
        lines += self._below()
        return numbers.plain("\n".join(line for line in lines if line))

    def html(self) -> str:
        """Return the snapshot as HTML; the caller adds the style, `reporting.record.style.STYLE`."""
        dot = ' <span class="dot">·</span> '
        facts = definitions((term, dot.join(map(markup, clauses))) for term, clauses in self._facts())
        table = self._rows().table() if self._cells else ""
        below = "".join(f'<div class="muted">{markup(line)}</div>' for line in self._earlier())
        command = self._command()
        fix = f'<pre class="jg-fix">{markup(command)}</pre>' if command else ""
        problems = definitions((term, markup(line)) for term, line in self._problems())
        body = f"<div>{summary_markup(self._head())}</div>{facts}{table}{below}{problems}{fix}"
        return f'<div class="jg" role="group" aria-label="Energy of this notebook">{body}</div>'

    # ---- summary and facts --------------------------------------------------------------------

    def _head(self) -> list[Clause]:
        """Return the total of the notebook, or why there is none."""
        if not self._totals["cells"]:
            return [(Piece(OFF if self._snapshot["phase"] == "off" else WAITING),)]
        figure, count = FormattedEnergy.told(self._totals["figure"]), self._totals["cells"]
        counted = f"{numbers.fixed(count, 0)} {'cell' if count == 1 else 'cells'}"
        duration = (Piece(f"{counted}, {numbers.seconds(self._totals['seconds'])}"),)
        if figure.joules is None:
            return [(Piece("no reading yet", "strong"),), duration]
        spread = figure.spread()
        clauses: list[Clause] = [(Piece(figure.head(), "strong"), Piece(f" {spread}" if spread else ""))]
        clauses += [(Piece(figure.standing),), duration]
        return clauses + [(Piece(impact),) for impact in _impact(self._totals["figure"])]

    def _facts(self) -> list[tuple[str, list[str]]]:
        """Return pairs of a term and its clauses, without unknown ones."""
        frame = self._snapshot
        facts = [
            ("Against the baseline", self._beside()),
            ("Power now", self._power()),
            ("This cell", self._running()),
            ("Idle between cells", self._apart("idle")),
            ("Earlier runs of cells", self._apart("reruns")),
            ("All notebooks today", _told(frame["today"])),
            *((f"Budget of {one_line(budget['name'], LONGEST_LINE)}", _budget(budget)) for budget in frame["budgets"]),
        ]
        return [(term, clauses) for term, clauses in facts if clauses]

    def _beside(self) -> list[str]:
        compared, baseline = self._totals["against"], self._snapshot["baseline"]
        if compared is None or baseline is None:
            return []
        name = baseline_name(baseline["kind"], baseline["name"], baseline["runs"])
        amounts = compared["excess"], compared["saved"], compared["difference_uncertainty"]
        details = {"basis": compared["basis"], "reason": compared["reason"]}
        return [beside(compared["verdict"], compared["ratio"], self._totals["compared"], name, amounts, **details)]

    def _power(self) -> list[str]:
        watts, quality = self._snapshot["watts"], self._snapshot["watts_quality"]
        if watts is None:
            return []
        return [f"{'~' if quality == 'estimated' else ''}{numbers.watts(watts)}", quality]

    def _running(self) -> list[str]:
        cell = self._snapshot["running"]
        if cell is None:
            return []
        figure = _figure(cell)
        clauses = ["no reading yet" if figure.joules is None else str(figure), numbers.seconds(cell["seconds"])]
        if figure.joules is not None and figure.quality != "measured":
            clauses.insert(1, figure.standing)
        previous = cell["last_run"]
        if previous is not None and previous["joules"] is not None:
            clauses.append(f"last run {FormattedEnergy.told(previous)}")
        return clauses

    def _apart(self, name: str) -> list[str]:
        clauses = _told(self._totals[name])
        return [*clauses, "in the total"] if clauses else []

    def _earlier(self) -> list[str]:
        earlier = self._totals["cells"] - len(self._cells)
        cells = "cell" if earlier == 1 else "cells"
        return [f"{numbers.fixed(earlier, 0)} earlier {cells} not shown; %energy history lists all."] if earlier else []

    def _problems(self) -> list[tuple[str, str]]:
        problem, notice = self._snapshot["problem"], self._snapshot["notice"]
        problems = [] if notice is None else [("Problem", one_line(notice, 1000))]
        if problem is not None:
            figure = FormattedEnergy.told(self._totals["figure"])
            text = f"No energy sensor can be read. {off(figure)} {one_line(problem['sentence'], 1000)}"
            problems.append(("Sensors", text))
        return problems

    def _command(self) -> str:
        problem = self._snapshot["problem"]
        return "" if problem is None or problem["command"] is None else verbatim(problem["command"])

    def _below(self) -> list[str]:
        command = self._command()
        fix = "\n".join(f"    {line}" for line in command.split("\n")) if command else ""
        return [*self._earlier(), *(f"{term}: {sentence}" for term, sentence in self._problems()), fix]

    # ---- cells --------------------------------------------------------------------------------

    def _rows(self) -> Rows:
        pairs = [(cell["figure"]["joules"], cell["figure"]["uncertainty"]) for cell in self._cells]
        unit = numbers.unit_of_column(pairs)
        compared = self._snapshot["baseline"] is not None
        rows = [_row(cell, unit) for cell in self._cells]
        return Rows(rows, (), unit, status="beside the baseline" if compared else "status")


def off(figure: FormattedEnergy) -> str:
    """Return a sentence on the relative uncertainty of a total without any sensor."""
    joules, uncertainty = figure.joules, figure.uncertainty
    if not joules or uncertainty is None or figure.quality != "estimated" or joules < 0:
        return "Every figure is estimated."
    return f"Every figure is estimated, this total to about ±{numbers.HAIR}{numbers.percent(uncertainty / joules)}."


def difference(against: Shape) -> str:
    """Return a cell's difference from its baseline in a few words."""
    edited = ", code changed" if against["edited"] else ""
    basis = "CPU time " if against["basis"] == "cpu_time" else ""
    if against["verdict"] in ("more", "less") and against["ratio"] is not None:
        return f"{basis}{numbers.change(against['ratio'])}{edited}"
    if against["reason"] == ONE_RUN and against["ratio"] is not None:
        return f"≈ {basis}{numbers.change(against['ratio'])} in one run, not proven{edited}"
    if against["verdict"] == "none":
        return one_line(against["reason"] or "", 40)
    return f"≈ not proven: {against['reason']}{edited}" if against["reason"] in UNFAIR else f"≈ not proven{edited}"


def _figure(cell: Shape) -> FormattedEnergy:
    final = cell["final"] and cell["status"] != "running"
    return FormattedEnergy.told(cell["figure"], final=final, cut=cell["status"] == "killed")


def _told(shape: Shape | None) -> list[str]:
    if shape is None or shape["joules"] is None:
        return []
    figure = FormattedEnergy.told(shape)
    return [str(figure), figure.standing]


def _budget(shape: Shape) -> list[str]:
    state = {"open": "", "warned": "nearly used up", "held": "blocked", "lifted": "overridden"}[shape["state"]]
    return [one_line(part, 1000) for part in (shape["used"], state, shape["note"]) if part]


def _impact(shape: Shape) -> Sequence[str]:
    if FormattedEnergy.told(shape).below_resolution:
        return ()
    clauses = [numbers.carbon(shape["co2e_grams"])] if shape["co2e_grams"] is not None else []
    cost = shape["cost"]
    return [*clauses, numbers.money(cost, one_line(shape["currency"] or "", 8))] if cost is not None else clauses


def _row(cell: Shape, unit: numbers.Unit) -> Row:
    figure = _figure(cell)
    value, spread = figures(figure.joules, figure.uncertainty, unit, None)
    if not figure.final and spread != numbers.ABSENT:
        spread = "so far"
    if figure.cut and figure.final:
        value, spread = figure.value(unit), numbers.ABSENT
    line = one_line(cell["line"], LONGEST_LINE)
    runs = f"×{cell['reruns'] + 1}" if cell["reruns"] else ""
    return Row(
        prompt="[*]" if cell["execution_count"] is None else f"[{cell['execution_count']}]",
        text=" ".join(part for part in (line or "source not known", runs) if part),
        value=value,
        spread=spread,
        quality=figure.standing,
        lasted=numbers.seconds(cell["seconds"]),
        status=", ".join(_status(cell, figure)),
    )


def _status(cell: Shape, figure: FormattedEnergy) -> list[str]:
    notes = [] if cell["status"] == "ok" else [one_line(cell["status"], 16)]
    if not figure.final and cell["status"] != "running":
        notes.append("so far")
    if cell["shared"] and cell["own_joules"] is not None:
        notes.append(f"shared, {numbers.plain(numbers.energy(cell['own_joules']).head)} its own")
    elif cell["shared"]:
        notes.append("shared")
    notes += [cell["incomplete"]] if cell["incomplete"] else []
    comparison = cell["against"]
    if comparison is not None and cell["status"] != "running":
        compared = difference(comparison)
        notes += [compared] if compared and compared != cell["status"] else []
    return notes
