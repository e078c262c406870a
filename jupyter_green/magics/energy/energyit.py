"""``%energyit`` and ``%%energyit``: repeat a statement until its energy is known precisely enough.

One window covers all repetitions. The sensor's timing error does not depend on the window's length, so
its share of the energy falls with each repetition. Repetition stops when that share is small or the time
is up. The gain error of the sensor does not fall and stays in the interval.
"""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import line_cell_magic, magics_class, no_var_expand

from jupyter_green.magics.base import CellMagics
from jupyter_green.magics.cells.record_display import show
from jupyter_green.magics.cells.source_hash import code_hash
from jupyter_green.records import EnergyRecord
from jupyter_green.session.accelerator import synchronize

if TYPE_CHECKING:
    from jupyter_green.session import Session

NARROW = 0.02
"""Timing error, as a fraction of the total, at which repetition stops."""

LEAST_SECONDS = 1.0
BATCH_SECONDS = 0.1


@magics_class
class EnergyItMagics(CellMagics):
    """The ``energyit`` magics of one shell."""

    @no_var_expand
    @line_cell_magic("energyit")
    def energyit(self, line: str = "", cell: str | None = None) -> EnergyRecord | None:
        """Measure the energy of one run of a statement by repeating it.

        ::

            %energyit [-t SECONDS] [-n RUNS] [-o NAME] [-q] statement
            %%energyit [-t SECONDS] [-n RUNS] [-o NAME] [-q] setup statement
            statements

        ``-t`` is the longest time to repeat (default 20 s), ``-n`` a fixed number of runs. As with
        ``%%timeit``, the rest of the header line is setup code: run once and not counted.
        """
        options, statement = self.parse_options(line, "t:n:o:q", posix=False, strict=False)
        try:
            longest = float(options.get("t", 20.0))
            fixed = int(options["n"]) if "n" in options else None
        except ValueError:
            raise UsageError("%energyit: -t takes seconds and -n a whole number; nothing was run.") from None
        if longest <= 0 or (fixed is not None and fixed < 1):
            raise UsageError("%energyit: -t and -n take numbers above 0; nothing was run.")
        setup, body = (statement, cell) if cell is not None else ("", statement)
        if not body.strip():
            raise UsageError("%energyit needs a statement to repeat, as in: %energyit model(batch).")
        run = self._compile(setup, body)
        session = self.session
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
        namespace: dict[str, Any] = {}
        code = compile(tree, "<energyit>", "exec")
        exec(code, self.shell.user_ns, namespace)  # noqa: S102 - the user's own statement, as %timeit does
        run: Callable[[Iterable[None]], None] = namespace["_repeat"]
        return run


def repeat(
    session: Session, run: Callable[[Iterable[None]], None], *, longest: float, fixed: int | None, code_hash: str
) -> EnergyRecord:
    """Run a statement inside one window until its energy is known precisely enough.

    `run` runs the statement once for each item of an iterable. No further run is started after `longest` seconds; if
    `fixed` is given, exactly that many are. The record's `units` is the number of runs.
    """
    began = time.perf_counter()
    run([None])  # warm-up, and time of a single run
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
            if spent >= LEAST_SECONDS and session.meter.timing_uncertainty(window.bounds()[0]) <= NARROW:
                break
        window.facts["units"] = float(runs)
    return window.record
