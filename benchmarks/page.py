"""The published page: the method in ten lines, and the tables of one run."""

from __future__ import annotations

METHOD = """\
1. The boards are simulated (`tests/hardware/`): a library takes the place of NVIDIA's and shows what a sensor would
   show of a course of power that is known. The truth is the integral of that course.
2. Idle power, course and, on the warm board, jitter and latency are drawn by seed; where a window begins between two
   ticks is drawn too, spread evenly. No meter is told any of it.
3. Every meter is the released package, unmodified, at its defaults, in a process of its own, and may not reach the
   network. Only its joules of the GPU are compared; CarbonTracker's cooling factor is divided out.
4. Each has a board of its own that is like the others' in everything. They take turns, A B C …, in rotating order;
   each meter's window starts at the same place between two ticks and holds the same work: 37 ms square waves or
   random bursts of 8 ms in 20, from 90 to 650 W.
5. The truth is taken between the moment after the meter's start call returned and the one before its stop call.
6. The first two windows of every process are not counted. Medians and 95th percentiles are of relative errors.
7. jupyter_green meters a `green.meter()` block that nobody waits for; "so far" is what it says right after the block,
   before the figure is final. Its ± is without its 5 % for an NVIDIA sensor's gain, for these boards' gain is right.
8. The simulation is kind to everybody: the counter is an exact integral at its ticks, a call takes a microsecond.
   Real counters may be part-time, real calls are slower.
9. Costs are processor time of the whole process tree, less that of a process which only waits.
10. The last table is our estimator alone, thousands of windows in virtual time, on seeds that nothing was tuned on.
"""


KEPT = "## On real boards"
"""Heading of the part of the page that this benchmark does not generate."""


def page(heading: str, body: str) -> str:
    """Return the page.

    Parameters
    ----------
    heading : str
        Where, when and with which versions it was run.
    body : str
        The tables.
    """
    return (
        "# How right the joules are: simulated sensors and recorded boards, known truth\n\n"
        "![Error of energy meters by length of the window, on a simulated sensor](metering.svg)\n\n"
        f"{heading} Made by `bash benchmarks/run metering --publish`; it decides nothing.\n\n"
        f"## Results\n\n{body}\n\n## Method\n\n{METHOD}"
    )
