"""``%energyit`` and ``%%energyit``: repeat a statement until its joules are known well enough.

One window stays open over all repetitions, so that the sensor's timing error, which is the same for a
short and a long window, shrinks against the energy. Repetition stops when that error is a small part of
the total or the time is up; the sensor's own gain can't be repeated away and stays in the interval.
"""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand

from jupyter_green.magics.cells.cell_meter import CellMeter
from jupyter_green.magics.cells.record_display import show
from jupyter_green.magics.cells.source_hash import code_hash
from jupyter_green.records import EnergyRecord
from jupyter_green.session.accelerator import synchronize

if TYPE_CHECKING:
    from jupyter_green.session import Session

NARROW = 0.02
"""Timing error, as a part of the total, at which repeating stops."""

LEAST_SECONDS = 1.0
BATCH_SECONDS = 0.1


@magics_class
class EnergyItMagics(Magics):
    """The repeating magics of one shell."""

    def __init__(self, shell: Any, cells: CellMeter) -> None:
        super().__init__(shell)
        self.cells = cells

    @no_var_expand
    @line_cell_magic("energyit")
    def energyit(self, line: str = "", cell: str | None = None) -> EnergyRecord | None:
        """Joules of one run of a statement, by repeating it.

        ::

            %energyit [-t SECONDS] [-n RUNS] [-o NAME] [-q] statement
            %%energyit [-t SECONDS] [-n RUNS] [-o NAME] [-q] setup statement
            statements

        ``-t`` is the longest time to repeat for (default 20 s), ``-n`` a fixed number of runs. As with
        ``%%timeit``, the rest of the header line is set up once and not counted.
        """
        options, rest = self.parse_options(line, "t:n:o:q", posix=False, strict=False)
        try:
            longest = float(options.get("t", 20.0))
            fixed = int(options["n"]) if "n" in options else None
        except ValueError:
            raise UsageError("%energyit: -t wants seconds and -n a whole number; nothing was run.") from None
        if longest <= 0 or (fixed is not None and fixed < 1):
            raise UsageError("%energyit: -t and -n want numbers above 0; nothing was run.")
        setup, body = (rest, cell) if cell is not None else ("", rest)
        if not body.strip():
            raise UsageError("%energyit wants a statement to repeat, as in: %energyit model(batch).")
        run = self._compile(setup, body)
        session = self.cells.session()
        self.cells.work()
        record = repeat(session, run, longest=longest, fixed=fixed, code_hash=code_hash(body))
        if "o" in options:
            self.shell.push({options["o"]: record})
        if "q" not in options:
            show(record)
        return None

    def _compile(self, setup: str, body: str) -> Callable[[Iterable[None]], None]:
        transform = self.shell.transform_cell
        tree = ast.parse("def _repeat(_runs):\n    pass\n    for _run in _runs:\n        pass")
        function = tree.body[0]
        assert isinstance(function, ast.FunctionDef)
        loop = function.body[1]
        assert isinstance(loop, ast.For)
        parsed = self.shell.transform_ast(ast.parse(transform(body), filename="<energyit>"))
        loop.body = parsed.body or [ast.Pass()]
        before = ast.parse(transform(setup), filename="<energyit setup>").body if setup.strip() else []
        function.body = [*before, loop]
        ast.fix_missing_locations(tree)
        made: dict[str, Any] = {}
        code = compile(tree, "<energyit>", "exec")
        exec(code, self.shell.user_ns, made)  # noqa: S102 - the user's own statement, as %timeit does
        run: Callable[[Iterable[None]], None] = made["_repeat"]
        return run


def repeat(
    session: Session, run: Callable[[Iterable[None]], None], *, longest: float, fixed: int | None, code_hash: str
) -> EnergyRecord:
    """Run a repeatable statement inside one window until its figure is narrow.

    Parameters
    ----------
    session : Session
        Who meters.
    run : callable
        Runs the statement once for each item of an iterable.
    longest : float
        Seconds after which no further run is started.
    fixed : int or None
        Exactly so many runs instead.
    code_hash : str
        Identity of the statement, for the record.

    Returns
    -------
    EnergyRecord
        The settled record; `units` is the number of runs.
    """
    began = time.perf_counter()
    run([None])  # a first run loads what is lazy, and tells how long one takes
    synchronize()
    single = max(1e-7, time.perf_counter() - began)
    batch = fixed or max(1, int(BATCH_SECONDS / single))
    window = session.window("trial", code_hash=code_hash, unit="run")
    runs = 0
    with window:
        began = time.perf_counter()
        while True:
            run([None] * batch)
            synchronize()
            runs += batch
            spent = time.perf_counter() - began
            if fixed or spent >= longest:
                break
            if spent >= LEAST_SECONDS and session.meter.timing_doubt(window.bounds()[0]) <= NARROW:
                break
        window.facts["units"] = float(runs)
    return window.record
