"""NVIDIA boards: the energy counter where the driver has one, else the power reading.

What a board offers is found out by asking it, never by its generation: vGPUs and some consumer boards have
no counter though their generation does. A reading covers the whole board, whoever uses it: MIG slices have
no meter of their own, and on Grace modules only the module as a whole may have one; the scope says so.
Nothing here needs CUDA or a framework.

Untested on real boards so far: built against NVIDIA's headers and a simulated driver. Whatever a
driver that calls itself simulated says is "simulated", never "measured".
"""

from __future__ import annotations

from .discovery import discover

__all__ = ["discover"]
