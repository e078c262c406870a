"""Delay of a figure from the kernel to the screen: of each snapshot, and of the final figure of a cell.

A snapshot has a timestamp. The time of a final figure is taken in the kernel, by a listener of the session like that
of `live`; the time that the meter needs until then is reported separately.
"""

from __future__ import annotations

from dataclasses import dataclass

from .sidebar_sheet import Line, span
from .sidebar_stage import Stage

LISTEN = """
import time
from jupyter_green.session import current
_finals = []
def _final(event, record):
    if event == "final" and record.span == "cell":
        _finals.append((record.execution_count, 1000 * (record.started_at + record.seconds), 1000 * time.time()))
_unlisten = current().listen(_final)
"""

SLEEPS = "import time; time.sleep({seconds})"
COMPUTES = "import time; end = time.time() + {seconds}\nwhile time.time() < end: sum(range(1000))"


@dataclass(frozen=True)
class Plan:
    """Amount of work: duration of the observed cells in seconds, repetitions, and number of final figures."""

    seconds: int = 20
    blocks: int = 3
    ends: int = 60


QUICK = Plan(seconds=6, blocks=1, ends=10)


def delays(stage: Stage, plan: Plan) -> list[Line]:
    """Measure both delays."""
    return [*_snapshots(stage, plan), *_ends(stage, plan)]


def _snapshots(stage: Stage, plan: Plan) -> list[Line]:
    sources = {"sleeps": SLEEPS, "computes": COMPUTES}
    notebook = stage.metering([text.format(seconds=plan.seconds) for text in sources.values()], "delay.ipynb")
    notebook.show()
    wire: dict[str, list[float]] = {kind: [] for kind in sources}
    pixels: dict[str, list[float]] = {kind: [] for kind in sources}
    undrawn = 0
    for _ in range(plan.blocks):
        for index, kind in enumerate(sources):
            stage.probe("listen", notebook.path)
            notebook.run(index)
            stage.probe("pause", 1000)
            snapshots = [each for each in stage.frames() if each["type"] == "snapshot"]
            wire[kind] += [each["heard"] - each["sent"] for each in snapshots]
            pixels[kind] += [each["drawn"] - each["sent"] for each in snapshots if each["drawn"] is not None]
            undrawn += sum(each["drawn"] is None for each in snapshots)
    stage.desk.ask("() => window.greenProbe.stop()")
    stage.desk.clear()
    note = f"; {undrawn} changed nothing on the screen" if undrawn else ""
    return [
        Line(
            f"kernel sends → pixels, while a cell {kind}",
            "median ≤ 100 ms",
            span(pixels[kind]) + note,
            f"of which until the page hears it: {span(wire[kind])}",
            {"pixels": pixels[kind], "heard": wire[kind]},
        )
        for kind in sources
    ]


def _ends(stage: Stage, plan: Plan) -> list[Line]:
    cells = 5
    # Durations that end at all phases of the sensor's update period.
    notebook = stage.metering([SLEEPS.format(seconds=0.2 + 0.137 * n) for n in range(cells)], "ends.ipynb")
    notebook.run(0)
    stage.desk.panel.settled(1)
    stage.kernel(notebook, LISTEN)
    stage.probe("listen", notebook.path)
    for turn in range(plan.ends):
        notebook.run(turn % cells)
        stage.probe("pause", 700)
    stage.probe("pause", 2000)
    finals = stage.kernel(notebook, "", "_finals")
    stage.kernel(notebook, "_unlisten()")
    shown = stage.desk.ask("() => window.greenProbe.finals")
    stage.desk.ask("() => window.greenProbe.stop()")
    stage.desk.clear()
    beyond, settling = [], []
    for count, ended, final in finals:
        settling.append(final - ended)
        if shown.get(str(count)) is not None:
            beyond.append(shown[str(count)] - final)
    missed = f"; {len(finals) - len(beyond)} never shown" if len(finals) != len(beyond) else ""
    return [
        Line(
            "a cell's final figure: meter has it → panel shows it",
            "≤ 150 ms",
            span(beyond) + missed,
            f"before it, the meter's own finalising: {span(settling)}",
            {"beyond": beyond, "settling": settling},
        )
    ]
