"""The published page: the method in ten lines, and the tables of one run."""

from __future__ import annotations

METHOD = """\
1. The GPUs are simulated (`tests/support/driver.py`): a library replaces NVIDIA's and returns what a sensor would
   show for a known power curve. The true energy is the integral of that curve.
2. Idle power, power curve and, on the warm GPU, jitter and latency are random with a seed; so is the position of a
   window's start between two updates, uniformly distributed. No meter knows any of it.
3. Every meter is the released package, unmodified, at its defaults, in a process of its own, without network
   access. Only its joules of the GPU are compared; CarbonTracker's cooling factor is divided out.
4. Each has a GPU of its own, identical to the others'. They alternate, A B C …, in rotating order;
   each meter's window starts at the same position between two updates and contains the same work: 37 ms square waves or
   random bursts of 8 ms in 20, from 90 to 650 W.
5. The true energy is taken between the return of the meter's start call and the begin of its stop call.
6. The first two windows of every process are not counted. Medians and 95th percentiles are of relative errors.
7. jupyter_green meters a `green.meter()` block without waiting for the result; "so far" is its figure right after the
   block, before it is final. Its ± excludes its 5 % for an NVIDIA sensor's gain, since these GPUs' gain is exact.
8. The simulation favours every meter: the counter is an exact integral at its updates, a call takes a microsecond.
   Real counters may sample part of the time, real calls are slower.
9. Costs are processor time of the whole process tree, less that of a process which only waits.
10. The last table is our estimator alone, thousands of windows in virtual time, on seeds that were not used for tuning.
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
        "# Accuracy of the joules: simulated sensors and recorded GPUs with known energy\n\n"
        "![Error of energy meters by length of the window, on a simulated sensor](metering.svg)\n\n"
        f"{heading} Made by `bash benchmarks/run metering --publish`; no test depends on it.\n\n"
        f"## Results\n\n{body}\n\n## Method\n\n{METHOD}"
    )
