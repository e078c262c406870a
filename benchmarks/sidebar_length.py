"""A very long notebook: time to open the panel, frames dropped while scrolling, and growth of memory.

Ten thousand cells are actually run. Ten thousand updates would take most of an hour at the usual rate, so for that part
the kernel's rate limit is raised; the messages are the same. A notebook of ten cells is measured in the same way, to
show the effect of the length.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tests.support.browser_page import Notebook

from .sidebar_sheet import Line, span
from .sidebar_stage import Stage

FRAME_MS = 1000 / 60
STEP_PIXELS = 120
DISTANCE = 0.02
HURRY = """
from jupyter_green.live.publisher import LivePublisher
from jupyter_green.live.rate_limit import RateLimit
from jupyter_green.session import current
LivePublisher.current._pace = RateLimit({distance}, {distance})
"""
OWN_SECONDS = "current()._sampler.cpu_seconds"
SHORT = 10
ENOUGH = 5_000
"""Number of updates below which uncollected garbage is larger than the growth."""


@dataclass(frozen=True)
class Plan:
    """Amount of work.

    Parameters
    ----------
    cells, updates : int
        Number of cells and updates of the long notebook.
    openings : int
        Number of times that the panel is opened.
    scrolling, turns : int
        Seconds of scrolling and of rest in one turn; number of turns.
    """

    cells: int = 10_000
    updates: int = 10_000
    openings: int = 10
    scrolling: int = 5
    turns: int = 6

    def of(self, cells: int | None) -> Plan:
        """Return the plan with a given number of cells."""
        return self if cells is None else replace(self, cells=cells)


QUICK = Plan(cells=2_000, updates=1_500, openings=4, scrolling=2, turns=2)


@dataclass
class Scroll:
    """Milliseconds between drawn frames, and CPU seconds of the page."""

    gaps: list[float] = field(default_factory=list)
    work: float = 0.0


@dataclass(frozen=True)
class Course:
    """Cost of updates: heap in bytes by number of updates, and CPU seconds of page and kernel per update."""

    counts: tuple[int, ...]
    heaps: tuple[float, ...]
    page: float
    kernel: float


def length(stage: Stage, plan: Plan) -> list[Line]:
    """Measure the long notebook and the short one."""
    brief = _course(stage, _run_through(stage, SHORT, "brief.ipynb"), max(200, plan.updates // 10))
    stage.desk.clear()
    notebook = _run_through(stage, plan.cells, "long.ipynb")
    opened = _open_again(stage, plan)
    ours, plain = _scroll(stage, plan)
    long = _course(stage, notebook, plan.updates)
    fresh = _open_fresh(stage, notebook, plan)
    title = f"{plan.cells:,} cells"
    return [
        Line(
            f"{title}: panel is opened → rows on the screen",
            "≤ 1 s",
            span(opened),
            values={"opened": opened},
        ),
        *fresh,
        Line(
            f"{title}: frames dropped while the list is scrolled",
            "0",
            _dropped(ours.gaps),
            f"the same rows as a plain list: {_dropped(plain.gaps)}",
            {"ours": ours.gaps, "plain": plain.gaps},
        ),
        Line(
            f"{title}: processor time of the page for a scrolled frame",
            f"< {FRAME_MS:.1f} ms",
            f"{1000 * ours.work / len(ours.gaps):.1f} ms",
            f"the same rows as a plain list: {1000 * plain.work / len(plain.gaps):.1f} ms",
        ),
        Line(
            f"{title}: heap over {plan.updates:,} updates",
            "flat",
            _grown(long),
            f"{SHORT} cells: {_grown(brief)}",
            {"long": long.__dict__, "brief": brief.__dict__},
        ),
        Line(
            f"{title}: work for each update, page; kernel",
            "",
            f"{1000 * long.page:.1f} ms; {1000 * long.kernel:.2f} ms",
            f"{SHORT} cells: {1000 * brief.page:.1f} ms; {1000 * brief.kernel:.2f} ms",
        ),
    ]


def _run_through(stage: Stage, cells: int, name: str) -> Notebook:
    """Open a notebook and run all its cells once."""
    notebook = stage.metered(cells, "pass", name)
    stage.probe("runThrough", notebook.path, "pass", 20)
    stage.wait(_counted(cells))
    _drawn(stage, notebook)
    return notebook


def _drawn(stage: Stage, notebook: Notebook) -> None:
    """Wait until JupyterLab has created the editors of all cells, which it does when idle."""
    while not stage.probe("drawn", notebook.path):
        stage.probe("pause", 1000)


def _open_again(stage: Stage, plan: Plan) -> list[float]:
    times = []
    for _ in range(plan.openings):
        stage.desk.hide_panel()
        stage.probe("pause", 500)
        times.append(float(stage.probe("open")["rows"]))
    return times


def _scroll(stage: Stage, plan: Plan) -> tuple[Scroll, Scroll]:
    """Scroll the list by more than three rows per frame, in turn with a plain list."""
    ours, plain = Scroll(), Scroll()
    for turn in range(plan.turns):
        pair = (("scroll", ours), ("scrollPlain", plain))
        for function, result in pair if turn % 2 else pair[::-1]:
            worked = stage.work()
            result.gaps += stage.probe(function, 1000 * plan.scrolling, STEP_PIXELS)
            result.work += stage.work() - worked
    return ours, plain


def _course(stage: Stage, notebook: Notebook, updates: int) -> Course:
    """Send updates while a cell runs."""
    seconds = updates * DISTANCE * 20
    stage.kernel(notebook, HURRY.format(distance=DISTANCE))
    stage.probe("count", notebook.path)
    own = stage.kernel(notebook, "", OWN_SECONDS)
    stage.desk.ask(  # ended by an interrupt
        """([path, code]) => {
            const panel = [...jupyterapp.shell.widgets('main')].find(each => each.context?.path === path);
            const cell = panel.content.model.cells.get(0);
            void panel.sessionContext.session.kernel.requestExecute({ code }, true, { cellId: cell.id });
        }""",
        [notebook.path, f"import time; time.sleep({seconds})"],
    )
    counts, heaps, work = [], [], stage.work()
    for step in range(11):
        stage.wait(f"() => window.greenProbe.heard >= {step * updates // 10}")
        counts.append(int(stage.desk.ask("() => window.greenProbe.heard")))
        heaps.append(stage.heap())
    page = (stage.work() - work) / counts[-1]
    notebook.interrupt()
    notebook.idle()
    kernel = (stage.kernel(notebook, "", OWN_SECONDS) - own) / counts[-1]
    stage.kernel(notebook, "Link.current._pace = RateLimit()")
    stage.desk.ask("() => window.greenProbe.stop()")
    return Course(tuple(counts), tuple(heaps), page, kernel)


def _open_fresh(stage: Stage, notebook: Notebook, plan: Plan) -> list[Line]:
    """Open the notebook and the panel in another page, which has to request all data."""
    notebook.save()
    stage.desk.page.close()
    other = stage.another()
    found_there = other.desk.open_file(notebook.path, None)
    found_there.idle()
    began = time.perf_counter()
    times = other.probe("open")
    other.wait(_counted(plan.cells))
    seconds = time.perf_counter() - began
    other.desk.clear()
    return [
        Line(
            f"{plan.cells:,} cells: the same in a page that was just loaded",
            "≤ 1 s",
            f"total {times['total']:,.0f} ms, first rows {times['rows']:,.0f} ms, all rows {seconds:.1f} s (n 1)",
            values={**times, "all": seconds},
        )
    ]


def _counted(cells: int) -> str:
    """Return whether the panel shows a given number of cells."""
    return f"() => document.querySelector('.jgp-cells h3')?.textContent.includes('{cells:,}')"


def _dropped(gaps: Sequence[float]) -> str:
    missed = sum(max(0, round(gap / FRAME_MS) - 1) for gap in gaps)
    share = 100 * missed / (missed + len(gaps))
    return f"{missed:,} of {missed + len(gaps):,} ({share:.1f} %), longest gap {max(gaps):.0f} ms"


def _grown(course: Course) -> str:
    """Return the heap after the first fifth of the updates and at the end, and its slope if there are enough."""
    points = [*zip(course.counts, course.heaps, strict=True)][2:]
    heaps = [heap / 1e6 for _, heap in points]
    text = f"{heaps[0]:.1f} → {heaps[-1]:.1f} MB, between {min(heaps):.1f} and {max(heaps):.1f}"
    if course.counts[-1] < ENOUGH:
        return text
    middle, level = (statistics.fmean(point[axis] for point in points) for axis in (0, 1))
    slope = sum((count - middle) * (heap - level) for count, heap in points)
    slope /= sum((count - middle) ** 2 for count, _ in points)
    return text + f"; {slope:+,.0f} kB per 1,000 updates".replace("-", "−")
